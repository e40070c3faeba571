"""The library itself, or the error that names the extra which brings it."""

__all__ = ["Metric", "MetricCollection", "gather_all_tensors"]

from typing import TYPE_CHECKING

from ..core.errors import extra

if TYPE_CHECKING:
    from torchmetrics import Metric, MetricCollection
    from torchmetrics.utilities.distributed import gather_all_tensors
else:
    found = extra("torchmetrics", "torchmetrics", "modescope.torchmetrics")
    Metric, MetricCollection = found.Metric, found.MetricCollection
    gather_all_tensors = found.utilities.distributed.gather_all_tensors
