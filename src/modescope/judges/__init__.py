"""Judges: classifiers that say which class a generated image is of, so that modes can be counted."""

from .judge import Judge, judge, read_judge

__all__ = ["Judge", "judge", "read_judge"]
