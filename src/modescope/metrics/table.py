r"""The explicit table of metrics. A metric is one entry: a pure function, and how its number is taken."""

__all__ = ["METRICS"]

import math
from functools import partial

import torch
from torch import Tensor

from .adapters import (
    against_truth,
    counts_range,
    covered_modes,
    forward_knn,
    has_density,
    has_heavy_modes,
    has_modes,
    high_quality,
    js_density,
    kl_density,
    mode_count,
    mode_kl_range,
    modes_of,
    on_histogram,
    rbf_mmd2,
    reverse_knn,
)
from .base import Metric
from .mode_kl import mode_js, mode_kl
from .transport import random_directions, sliced_wasserstein, wasserstein

PAIRS = 1000  # samples of a measure whose time grows with their square, or faster
SLOW = 8  # repeats of exact transport
DIRECTIONS = 128

VEEGAN = "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning (Srivastava et al., 2017)"
PACGAN = "PacGAN: The power of two samples in generative adversarial networks (Lin et al., 2017)"
SHANNON = "Divergence measures based on the Shannon entropy (Lin, 1991)"
NEIGHBOURS = "Divergence Estimation for Multidimensional Densities Via k-Nearest-Neighbor Distances (Wang et al., 2009)"
PARZEN = "A note on the evaluation of generative models (Theis et al., 2016)"
TRANSPORT = "Computational Optimal Transport (Peyré & Cuturi, 2019)"
SLICED = "Sliced and Radon Wasserstein Barycenters of Measures (Bonneel et al., 2015)"
KERNEL = "A Kernel Two-Sample Test (Gretton et al., 2012)"

AGAINST = "against {n} fresh true samples"
BANDWIDTH = "bandwidth by leave-one-out likelihood of as many true samples"


def sliced(x: Tensor, y: Tensor, p: int) -> Tensor:
    """Along directions that never change."""
    return sliced_wasserstein(x, y, random_directions(DIRECTIONS, x.shape[-1]), p)


ENTRIES = (
    Metric(
        name="modes_l2_3sigma",
        label="Modes",
        direction="higher",
        protocol="modes that hold at least 1 of {n} samples within {radius} standard deviations, Euclidean",
        summary="How many modes the generator reaches at all.",
        reference=VEEGAN,
        year=2017,
        compute=covered_modes(),
        applies=has_modes,
        requires="known modes",
        core=True,
        bounds=counts_range,
        ceiling=mode_count,
    ),
    Metric(
        name="modes_tenth_l2_3sigma",
        label="Modes (≥ 1/10 of their mass)",
        direction="higher",
        protocol="modes that hold at least a tenth of their true share of {n} samples, and at least 1, within {radius} "
        "standard deviations, Euclidean",
        summary="How many modes the generator reaches by more than stray samples.",
        reference=PACGAN,
        year=2017,
        compute=covered_modes(share=lambda modes: modes.weights / 10),
        applies=has_modes,
        requires="known modes",
        bounds=counts_range,
        ceiling=mode_count,
    ),
    Metric(
        name="modes_1pct_l2_3sigma",
        label="Modes (≥ 1 %)",
        direction="higher",
        protocol="modes that hold at least 1 % of {n} samples within {radius} standard deviations, Euclidean",
        summary="How many modes hold a visible share of the samples.",
        reference=PACGAN,
        year=2017,
        compute=covered_modes(share=lambda modes: torch.tensor(0.01)),
        applies=has_heavy_modes,
        requires="known modes of at least 2 % of the mass each",
        bounds=counts_range,
        ceiling=mode_count,
    ),
    Metric(
        name="modes_linf_3sigma",
        label="Modes (L∞)",
        direction="higher",
        protocol="modes that hold at least 1 of {n} samples within 3 standard deviations in every coordinate",
        summary="How many modes the generator reaches, by the largest coordinate.",
        reference=VEEGAN,
        year=2017,
        compute=covered_modes("linf", 3.0),
        applies=has_modes,
        requires="known modes",
        bounds=counts_range,
        ceiling=mode_count,
    ),
    Metric(
        name="hq_l2_3sigma",
        label="High quality",
        direction="higher",
        protocol="share of {n} samples within {radius} standard deviations of their nearest mode, Euclidean",
        summary="How many samples lie on a mode, not between.",
        reference=VEEGAN,
        year=2017,
        compute=high_quality(),
        applies=has_modes,
        requires="known modes",
        core=True,
        bounds=lambda dataset: (0.0, 1.0),
        ceiling=lambda dataset: modes_of(dataset).ceiling(modes_of(dataset).radius),
    ),
    Metric(
        name="hq_linf_3sigma",
        label="High quality (L∞)",
        direction="higher",
        protocol="share of {n} samples within 3 standard deviations of their nearest mode in every coordinate",
        summary="How many samples lie on a mode, by the largest coordinate.",
        reference=VEEGAN,
        year=2017,
        compute=high_quality("linf", 3.0),
        applies=has_modes,
        requires="known modes",
        bounds=lambda dataset: (0.0, 1.0),
        ceiling=lambda dataset: modes_of(dataset).ceiling(3.0, "linf"),
    ),
    Metric(
        name="reverse_kl_modes_all",
        label="Reverse KL on modes",
        direction="lower",
        protocol="KL(q‖w) in nats from the true mode masses w, all {n} samples counted at their nearest mode",
        summary="How unevenly the samples spread over the modes; log(K/c) for c of K modes evenly.",
        reference=PACGAN,
        year=2017,
        compute=on_histogram(mode_kl, radius=math.inf),
        applies=has_modes,
        requires="known modes",
        core=True,
        bounds=mode_kl_range,
    ),
    Metric(
        name="reverse_kl_modes_hq",
        label="Reverse KL on modes (high quality)",
        direction="lower",
        protocol="KL(q‖w) in nats from the true mode masses w, of those of {n} samples within {radius} standard "
        "deviations of a mode, Euclidean; infinite if there is none",
        summary="The same, over samples of high quality alone, as PacGAN's code counts.",
        reference=PACGAN,
        year=2017,
        compute=on_histogram(mode_kl),
        applies=has_modes,
        requires="known modes",
        bounds=mode_kl_range,
    ),
    Metric(
        name="js_modes_all",
        label="Jensen-Shannon on modes",
        direction="lower",
        protocol="JS(q, w) in nats (at most log 2) from the true mode masses w, all {n} samples counted at their "
        "nearest mode",
        summary="How unevenly the samples spread over the modes, symmetric and bounded.",
        reference=SHANNON,
        year=1991,
        compute=on_histogram(mode_js, radius=math.inf),
        applies=has_modes,
        requires="known modes",
        bounds=lambda dataset: (0.0, math.log(2)),
    ),
    Metric(
        name="forward_kl_knn5",
        label="Forward KL",
        direction="lower",
        protocol=f"KL(p‖q) in nats by the 5th nearest neighbour, {{n}} samples {AGAINST}; may be negative",
        summary="What the true distribution has and the generator misses.",
        reference=NEIGHBOURS,
        year=2009,
        compute=forward_knn(5),
        applies=has_density(10),
        requires="a density in at most 10 dimensions",
        core=True,
        limit=10_000,
    ),
    Metric(
        name="reverse_kl_knn5",
        label="Reverse KL",
        direction="lower",
        protocol=f"KL(q‖p) in nats by the 5th nearest neighbour, {{n}} samples {AGAINST}; may be negative",
        summary="What the generator makes that the true distribution does not.",
        reference=NEIGHBOURS,
        year=2009,
        compute=reverse_knn(5),
        applies=has_density(10),
        requires="a density in at most 10 dimensions",
        limit=10_000,
    ),
    Metric(
        name="forward_kl_kde_n1000",
        label="Forward KL (kernel density)",
        direction="lower",
        protocol=f"E_p[log p - log q] in nats at {{n}} fresh true samples, exact p, Gaussian kernel density q on {{n}} "
        f"samples, {BANDWIDTH}",
        summary="What the generator misses, in proportion to the squared distance.",
        reference=PARZEN,
        year=2016,
        compute=kl_density(),
        applies=has_density(3),
        requires="a density in at most 3 dimensions",
        limit=PAIRS,
    ),
    Metric(
        name="js_kde_n1000",
        label="Jensen-Shannon (kernel density)",
        direction="lower",
        protocol=f"JS(p, q) in nats (at most log 2), exact p, Gaussian kernel density q on {{n}} samples, {BANDWIDTH}",
        summary="How far the generator is from the truth, symmetric and bounded.",
        reference=SHANNON,
        year=1991,
        compute=js_density(),
        applies=has_density(3),
        requires="a density in at most 3 dimensions",
        bounds=lambda dataset: (0.0, math.log(2)),
        limit=PAIRS,
    ),
    Metric(
        name="w1_exact_n1000",
        label="Wasserstein-1",
        direction="lower",
        protocol=f"exact W1 in data units, {{n}} samples {AGAINST}",
        summary="How far mass must move on average.",
        reference=TRANSPORT,
        year=2019,
        compute=against_truth(partial(wasserstein, p=1)),
        core=True,
        limit=PAIRS,
        repeats=SLOW,
        bounds=lambda dataset: (0.0, math.inf),
    ),
    Metric(
        name="w2_exact_n1000",
        label="Wasserstein-2",
        direction="lower",
        protocol=f"exact W2 in data units, {{n}} samples {AGAINST}",
        summary="How far mass must move, in the root mean square.",
        reference=TRANSPORT,
        year=2019,
        compute=against_truth(partial(wasserstein, p=2)),
        limit=PAIRS,
        repeats=SLOW,
        bounds=lambda dataset: (0.0, math.inf),
    ),
    Metric(
        name="sliced_w1_p128",
        label="Sliced W1",
        direction="lower",
        protocol=f"W1 in data units, mean over 128 fixed directions, {{n}} samples {AGAINST}",
        summary="How far mass must move along lines.",
        reference=SLICED,
        year=2015,
        compute=against_truth(partial(sliced, p=1)),
        limit=10_000,
        bounds=lambda dataset: (0.0, math.inf),
    ),
    Metric(
        name="sliced_w2_p128",
        label="Sliced W2",
        direction="lower",
        protocol=f"W2 in data units, root mean square over 128 fixed directions, {{n}} samples {AGAINST}",
        summary="How far mass must move along lines, in the root mean square.",
        reference=SLICED,
        year=2015,
        compute=against_truth(partial(sliced, p=2)),
        core=True,
        limit=10_000,
        bounds=lambda dataset: (0.0, math.inf),
    ),
    Metric(
        name="mmd2_rbf_median_n1000",
        label="MMD²",
        direction="lower",
        protocol="unbiased MMD² with a Gaussian kernel, bandwidth the median distance of the true samples, "
        f"{{n}} samples {AGAINST}; may be negative",
        summary="How far the samples are in the coarse shape of the distribution.",
        reference=KERNEL,
        year=2012,
        compute=rbf_mmd2((1.0,)),
        core=True,
        limit=PAIRS,
    ),
    Metric(
        name="mmd2_rbf_mix5_n1000",
        label="MMD² (five widths)",
        direction="lower",
        protocol="unbiased MMD² with the mean of five Gaussian kernels, bandwidths 1/4, 1/2, 1, 2 and 4 times the "
        f"median distance of the true samples, {{n}} samples {AGAINST}; may be negative",
        summary="How far the samples are in coarse and in fine shape.",
        reference=KERNEL,
        year=2012,
        compute=rbf_mmd2((0.25, 0.5, 1.0, 2.0, 4.0)),
        limit=PAIRS,
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in ENTRIES}
