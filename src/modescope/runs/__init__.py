"""Runs: folders that are trained into, resumed, and read."""

from .experiment import Evaluation, Experiment
from .many import train_many
from .run import History, Run, train_runs

__all__ = ["Evaluation", "Experiment", "History", "Run", "train_many", "train_runs"]
