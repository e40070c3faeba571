"""The files that pages are put together from."""

__all__ = ["asset"]

from functools import cache
from importlib.resources import files


@cache
def asset(name: str, package: str = __package__) -> str:
    """The text of a file in a package's ``templates``, e.g. the style that all pages share, ``page.css``."""
    return files(package).joinpath("templates", name).read_text(encoding="utf-8")
