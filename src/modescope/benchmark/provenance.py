"""Which code the numbers of a cell come from, as hashes."""

__all__ = ["code_of"]

import inspect
from pathlib import Path

from .. import __version__
from ..core.code import code_digest, digest
from ..core.method import layers
from ..runs import Experiment

ROOMS = ("core", "datasets", "judges", "methods", "metrics", "nets", "runs", "theory")  # what numbers come from


def code_of(experiment: Experiment) -> list[str]:
    """The version of this package, a hash of its files that numbers come from, and of the user's own methods' files."""
    kinds = [type(layer) for layer in layers(experiment.method)]
    files = {inspect.getsourcefile(kind) for kind in kinds if not kind.__module__.startswith("modescope.")}
    return [__version__, code_digest(ROOMS), *sorted(digest((Path(file),)) for file in files if file)]
