"""Measures of a generator: pure functions over samples, and the table that gives each number its protocol."""

from .base import Metric, MetricResult
from .battle import Battle, battle
from .birthday import Birthday, ClosestPairs, birthday, calibrated_radius, closest_pairs, effective_support
from .c2st import LeaveOneOut, TwoSampleTest, c2st_knn, c2st_neural, c2st_power, nearest_neighbour_test
from .critics import CriticReport, critic_divergence
from .extrapolation import Extrapolation
from .frechet import Moments, frechet_distance, frechet_from_moments, frechet_infinity
from .inception_score import InceptionScore, inception_score, inception_score_infinity
from .kde import forward_kl_kde, js_kde, kde_log_prob, likelihood_bandwidth
from .kernel_distance import KernelDistance, cmmd, kid, kid_subsets
from .kmeans import KMeans, kmeans
from .knn import kl_knn, resolution_of
from .labelled import ModeReport, mode_report
from .linear_probe import LinearProbe, linear_probe
from .memorisation import authenticity, copied_share, rarity
from .mmd import median_bandwidth, mmd2
from .mmd_test import MMDTest, mmd_test
from .mode_kl import kl_floor, mode_js, mode_kl
from .modes import ModeCounts, count_modes, mode_spread
from .ms_ssim import PairSimilarity, ms_ssim, ms_ssim_diversity, ms_ssim_fewer_scales
from .ndb import Bins, DifferentBins, compare_bins, different_bins, make_bins
from .neighbours import Neighbours, neighbours
from .pairwise_diversity import PairwiseDiversity, pairwise_diversity
from .parzen import ParzenLikelihood, parzen_log_likelihood
from .prd import PRD, prd, prd_curve
from .prdc import PRDC, density_coverage, prdc, prdc_each, precision_recall
from .sliced import PatchDistances, patch_swd
from .summary import evaluate, floor, metric_names
from .table import METRICS
from .transport import random_directions, sliced_wasserstein, wasserstein
from .unseen import Unseen, label_counts, unseen
from .vendi import vendi_score

__all__ = [
    "METRICS",
    "PRD",
    "PRDC",
    "Battle",
    "Bins",
    "Birthday",
    "ClosestPairs",
    "CriticReport",
    "DifferentBins",
    "Extrapolation",
    "InceptionScore",
    "KMeans",
    "KernelDistance",
    "LeaveOneOut",
    "LinearProbe",
    "MMDTest",
    "Metric",
    "MetricResult",
    "ModeCounts",
    "ModeReport",
    "Moments",
    "Neighbours",
    "PairSimilarity",
    "PairwiseDiversity",
    "ParzenLikelihood",
    "PatchDistances",
    "TwoSampleTest",
    "Unseen",
    "authenticity",
    "battle",
    "birthday",
    "c2st_knn",
    "c2st_neural",
    "c2st_power",
    "calibrated_radius",
    "closest_pairs",
    "cmmd",
    "compare_bins",
    "copied_share",
    "count_modes",
    "critic_divergence",
    "density_coverage",
    "different_bins",
    "effective_support",
    "evaluate",
    "floor",
    "forward_kl_kde",
    "frechet_distance",
    "frechet_from_moments",
    "frechet_infinity",
    "inception_score",
    "inception_score_infinity",
    "js_kde",
    "kde_log_prob",
    "kid",
    "kid_subsets",
    "kl_floor",
    "kl_knn",
    "kmeans",
    "linear_probe",
    "make_bins",
    "label_counts",
    "likelihood_bandwidth",
    "median_bandwidth",
    "metric_names",
    "mmd2",
    "mmd_test",
    "mode_js",
    "mode_kl",
    "mode_spread",
    "mode_report",
    "ms_ssim",
    "ms_ssim_diversity",
    "ms_ssim_fewer_scales",
    "nearest_neighbour_test",
    "neighbours",
    "pairwise_diversity",
    "parzen_log_likelihood",
    "patch_swd",
    "prd",
    "prd_curve",
    "prdc",
    "prdc_each",
    "precision_recall",
    "random_directions",
    "rarity",
    "resolution_of",
    "sliced_wasserstein",
    "unseen",
    "vendi_score",
    "wasserstein",
]
