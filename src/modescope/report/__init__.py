"""Reports of runs: one HTML file that works offline, and pictures for slides."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .board import Board
    from .html import write_report
    from .pictures import write_pictures

__all__ = ["Board", "write_pictures", "write_report"]


def __getattr__(name: str) -> Any:
    # When first used: what prints numbers must not cost what draws.
    if name == "Board":
        from .board import Board

        return Board
    if name == "write_report":
        from .html import write_report

        return write_report
    if name == "write_pictures":
        from .pictures import write_pictures

        return write_pictures
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
