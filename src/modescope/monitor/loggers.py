"""Anyone's logger as a function of numbers and a step; none of their libraries is imported here."""

__all__ = ["Write", "writer_of"]

from collections.abc import Callable
from typing import Any

from ..core.errors import ModescopeError

Write = Callable[[dict[str, float], int], object]

PREFIX = "modescope/"


def writer_of(target: Any) -> Write:
    """How to write numbers to a logger, recognised by what it can do.

    ============================================  ======================================================================
    logger                                        what is called
    ============================================  ======================================================================
    TensorBoard's or tensorboardX's writer        ``add_scalar(name, value, step)`` for each number
    W&B: a run, or the module ``wandb``           ``log({...})``, with the step as ``modescope/step``, which is made the
                                                  horizontal axis: W&B's own step may only grow, and belongs to the loop
    MLflow: the module ``mlflow``;                ``log_metrics({...}, step=step)``
    a logger of Lightning
    a function                                    ``function({...}, step)``
    ============================================  ======================================================================

    Raises:
        ModescopeError: If it is none of these.
    """
    if hasattr(target, "add_scalar"):
        return lambda values, step: [target.add_scalar(name, value, step) for name, value in values.items()]
    if hasattr(target, "define_metric") and hasattr(target, "log"):
        return wandb_writer(target)
    if hasattr(target, "log_metrics"):
        return lambda values, step: target.log_metrics(values, step=step)
    if callable(target):
        return target
    raise ModescopeError(
        f"the logger is a {type(target).__name__}, expected a SummaryWriter, a W&B run, the module mlflow, a logger of "
        "Lightning, or a function of a dictionary and a step"
    )


def wandb_writer(run: Any) -> Write:
    """Writes to a run of Weights & Biases."""
    run.define_metric(f"{PREFIX}*", step_metric=f"{PREFIX}step")
    return lambda values, step: run.log({**values, f"{PREFIX}step": step})
