"""Runs: folders that are trained into, resumed, and read."""

from .battles import Battles, battle_runs
from .experiment import Evaluation, Experiment, block_for
from .many import train_many
from .run import History, Run, train_runs
from .verify import FileCheck, verify_run, verify_sealed

__all__ = [
    "Battles",
    "Evaluation",
    "Experiment",
    "FileCheck",
    "History",
    "Run",
    "battle_runs",
    "block_for",
    "train_many",
    "train_runs",
    "verify_run",
    "verify_sealed",
]
