"""Which code the numbers of a cell come from, as hashes."""

__all__ = ["code_of"]

import hashlib
import inspect
from functools import cache
from pathlib import Path

from .. import __version__
from ..core.method import layers
from ..runs import Experiment

ROOMS = ("core", "datasets", "judges", "methods", "metrics", "nets", "runs", "theory")  # what numbers come from
PACKAGE = Path(__file__).parents[1]


def code_of(experiment: Experiment) -> list[str]:
    """The version of this package, a hash of its files that numbers come from, and of the user's own methods' files."""
    kinds = [type(layer) for layer in layers(experiment.method)]
    files = {inspect.getsourcefile(kind) for kind in kinds if not kind.__module__.startswith("modescope.")}
    return [__version__, package_digest(), *sorted(digest((Path(file),)) for file in files if file)]


@cache
def package_digest() -> str:
    """A hash of all files in :data:`ROOMS`, code and data alike."""
    files = [path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*")) if path.is_file()]
    return digest(tuple(path for path in files if path.suffix != ".pyc"))


@cache
def digest(files: tuple[Path, ...]) -> str:
    """A hash of files' contents, in their order."""
    total = hashlib.sha256()
    for path in files:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
