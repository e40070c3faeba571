"""Runs: folders that are trained into, resumed, and read."""

from .battles import Battles, battle_runs
from .experiment import Evaluation, Experiment, block_for
from .many import train_many
from .run import History, Run, train_runs

__all__ = [
    "Battles",
    "Evaluation",
    "Experiment",
    "History",
    "Run",
    "battle_runs",
    "block_for",
    "train_many",
    "train_runs",
]
