"""Reports of runs: one HTML file that works offline, and pictures for slides."""

from .html import write_report
from .pictures import write_pictures

__all__ = ["write_pictures", "write_report"]
