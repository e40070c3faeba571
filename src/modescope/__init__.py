"""See, measure and cure mode collapse in GANs.

>>> import modescope as ms
>>> run = ms.train("ring", ms.methods.PacGAN(degree=2), seeds=range(8), steps=5000)  # doctest: +SKIP
>>> run.metrics()  # doctest: +SKIP
>>> run.report("out.html")  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "METHODS",
    "METRICS",
    "CollapseMonitor",
    "Diagnosis",
    "Evaluation",
    "Experiment",
    "ModescopeError",
    "Run",
    "benchmark",
    "core",
    "datasets",
    "diagnose",
    "diagnosis",
    "evaluate",
    "features",
    "judges",
    "methods",
    "metrics",
    "monitor",
    "nets",
    "papers",
    "phase",
    "plan",
    "print_comparison",
    "report",
    "reproduce",
    "runs",
    "sources",
    "testing",
    "theory",
    "torchmetrics",
    "train",
    "train_many",
    "write_pictures",
    "write_report",
]

# Imported when first used: `import modescope` must not cost what a command does not need.
HOMES = {
    "METHODS": "methods",
    "METRICS": "metrics",
    "CollapseMonitor": "monitor",
    "Diagnosis": "diagnosis",
    "Evaluation": "runs",
    "Experiment": "runs",
    "ModescopeError": "core",
    "Run": "runs",
    "diagnose": "diagnosis",
    "evaluate": "metrics",
    "plan": "api",
    "print_comparison": "cli.output",
    "reproduce": "papers",
    "train": "api",
    "train_many": "runs",
    "write_pictures": "report",
    "write_report": "report",
}

if TYPE_CHECKING:
    from . import benchmark, core, datasets, diagnosis, features, methods, metrics, monitor, nets, papers, phase
    from . import report as report
    from . import runs as runs
    from . import sources as sources
    from . import testing as testing
    from . import theory as theory
    from .api import plan, train
    from .cli.output import print_comparison
    from .core import ModescopeError
    from .diagnosis import Diagnosis, diagnose
    from .methods import METHODS
    from .metrics import METRICS, evaluate
    from .monitor import CollapseMonitor
    from .papers import reproduce
    from .report import write_pictures, write_report
    from .runs import Evaluation, Experiment, Run, train_many


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(import_module(f".{HOMES[name]}", __name__), name)
    if name in __all__:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
