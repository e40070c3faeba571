"""Measures of a generator: pure functions over samples, and the table that gives each number its protocol."""

from .base import Metric, MetricResult
from .kde import forward_kl_kde, js_kde, kde_log_prob, likelihood_bandwidth
from .knn import kl_knn, resolution_of
from .mmd import median_bandwidth, mmd2
from .mode_kl import kl_floor, mode_js, mode_kl
from .modes import ModeCounts, count_modes
from .summary import evaluate, floor, metric_names
from .table import METRICS
from .transport import random_directions, sliced_wasserstein, wasserstein

__all__ = [
    "METRICS",
    "Metric",
    "MetricResult",
    "ModeCounts",
    "count_modes",
    "evaluate",
    "floor",
    "forward_kl_kde",
    "js_kde",
    "kde_log_prob",
    "kl_floor",
    "kl_knn",
    "likelihood_bandwidth",
    "median_bandwidth",
    "metric_names",
    "mmd2",
    "mode_js",
    "mode_kl",
    "random_directions",
    "resolution_of",
    "sliced_wasserstein",
    "wasserstein",
]
