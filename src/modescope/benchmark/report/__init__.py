"""A benchmark as one page that works offline."""

from .write import write_html

__all__ = ["write_html"]
