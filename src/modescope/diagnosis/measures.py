"""The explicit table of measures of anyone's samples. A measure is one entry."""

__all__ = ["MEASURES", "chosen", "fitting"]

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..core.errors import nearest_name, need
from ..features import Features
from ..metrics.c2st import c2st_neural, nearest_neighbour_test
from ..metrics.critics import Criterion, critic_divergence
from ..metrics.frechet import frechet_distance
from ..metrics.inception_score import inception_score
from ..metrics.kernel_distance import kid
from ..metrics.memorisation import authenticity, copied_share
from ..metrics.mmd import median_bandwidth
from ..metrics.ndb import Bins, compare_bins, make_bins
from ..metrics.pairwise_diversity import pairwise_diversity
from ..metrics.prd import prd
from ..metrics.prdc import PRDC, prdc_each
from ..metrics.transport import random_directions, sliced_wasserstein, wasserstein
from ..metrics.vendi import vendi_score
from .measure import Compute, Measure

SHARE = (0.0, 1.0)
POSITIVE = (0.0, math.inf)
BOTH = "{n} real samples and {n} fakes"
BALLS = (3, 5)  # neighbours that set the radii


def balls(real: Tensor, fake: Tensor, generator: torch.Generator) -> dict[int, PRDC]:
    """Precision, recall, density and coverage by balls to the 3rd and to the 5th neighbour."""
    return dict(zip(BALLS, prdc_each(real, fake, BALLS), strict=True))


def vendi(real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """With the bandwidth of the real samples, so that the score of both means the same."""
    return vendi_score(fake, "gaussian", median_bandwidth(real))


def sliced(real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """Over directions that are the same each time."""
    return sliced_wasserstein(fake, real, random_directions(128, real.shape[1]).to(real), 2)


def bins(real: Tensor, generator: torch.Generator) -> Bins:
    """With ten real samples to a bin at least, up to 100 bins."""
    return make_bins(real, generator, bins=max(2, min(100, len(real) // 10)))


def by_critic(criterion: Criterion) -> Compute:
    """A divergence by an independent critic."""
    return lambda real, fake, generator: critic_divergence(real, fake, generator, criterion, repeats=1)


ENTRIES = (
    Measure(
        name="recall_k3",
        label="Recall",
        direction="higher",
        protocol=f"share of real samples within the 3rd-neighbour ball of a fake, {BOTH}",
        bad="the fakes leave out part of the data, or of its fine structure",
        reference="Improved Precision and Recall Metric for Assessing Generative Models (Kynkäänniemi et al., 2019)",
        year=2019,
        compute=balls,
        read=lambda found: found[3].recall,
        bounds=SHARE,
    ),
    Measure(
        name="precision_k3",
        label="Precision",
        direction="higher",
        protocol=f"share of fakes within the 3rd-neighbour ball of a real sample, {BOTH}",
        bad="fakes lie beside the data, a fault of quality",
        reference="Improved Precision and Recall Metric for Assessing Generative Models (Kynkäänniemi et al., 2019)",
        year=2019,
        compute=balls,
        read=lambda found: found[3].precision,
        bounds=SHARE,
    ),
    Measure(
        name="coverage_k5",
        label="Coverage",
        direction="higher",
        protocol=f"share of real samples with a fake within their own 5th-neighbour ball, {BOTH}",
        bad="the fakes leave out part of the data, or of its fine structure, or lie beside it",
        reference="Reliable Fidelity and Diversity Metrics for Generative Models (Naeem et al., 2020)",
        year=2020,
        compute=balls,
        read=lambda found: found[5].coverage,
        bounds=SHARE,
    ),
    Measure(
        name="density_k5",
        label="Density",
        direction="closer",
        protocol=f"mean number of 5th-neighbour balls of real samples that hold a fake, over 5, {BOTH}",
        bad="fakes crowd where the data are dense",
        below="fakes lie beside the data, or where these are sparse",
        reference="Reliable Fidelity and Diversity Metrics for Generative Models (Naeem et al., 2020)",
        year=2020,
        compute=balls,
        read=lambda found: found[5].density,
        bounds=POSITIVE,
    ),
    Measure(
        name="prd_f8_k20",
        label="F8 (recall)",
        direction="higher",
        protocol=f"greatest F8 along the precision-recall curve of 20 clusters of the union, mean of 10, {BOTH}",
        bad="whole clusters of the data are left out or rare",
        reference="Assessing Generative Models via Precision and Recall (Sajjadi et al., 2018)",
        year=2018,
        compute=prd,
        read=lambda found: found.f_recall,
        least=40,
        cheap=False,
        bounds=SHARE,
    ),
    Measure(
        name="ndb_k100",
        label="Different bins",
        direction="lower",
        protocol=f"share of 100 clusters of the real samples (fewer below 1,000) whose share differs at 5 %, {BOTH}",
        bad="some regions get too many fakes and others too few",
        reference="On GANs and GMMs (Richardson & Weiss, 2018)",
        year=2018,
        prepare=bins,
        compute=lambda bins, fake, generator: compare_bins(bins.counts, bins.fill(fake)),
        read=lambda found: found.share,
        least=40,
        bounds=SHARE,
    ),
    Measure(
        name="vendi_rbf",
        label="Vendi score",
        direction="closer",
        protocol="effective number of different fakes, Gaussian kernel, bandwidth the median distance of the real "
        "samples, {n} fakes",
        bad="the fakes are more diverse than the data",
        below="the fakes are less diverse than the data",
        reference="The Vendi Score (Friedman & Dieng, 2022)",
        year=2022,
        compute=vendi,
        limit=1000,
        bounds=(1.0, math.inf),
    ),
    Measure(
        name="pairwise_l2",
        label="Pairwise distance",
        direction="closer",
        protocol="mean distance of two fakes, {n} fakes",
        bad="the fakes are further apart than the data are",
        below="the fakes are closer together than the data are",
        reference="The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (Zhang et al., 2018)",
        year=2018,
        compute=lambda real, fake, generator: pairwise_diversity(fake, generator),
        read=lambda found: found.mean,
        bounds=POSITIVE,
    ),
    Measure(
        name="frechet",
        label="Fréchet distance",
        direction="lower",
        protocol=f"between Gaussians of the same moments, {BOTH}; grows as samples get fewer",
        bad="mean or covariance are off",
        reference="GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017)",
        year=2017,
        compute=lambda real, fake, generator: frechet_distance(real, fake),
        bounds=POSITIVE,
    ),
    Measure(
        name="kid",
        label="Kernel distance",
        direction="lower",
        protocol=f"unbiased MMD² with the kernel (x·y/D + 1)³, {BOTH}; may be negative",
        bad="the distributions differ",
        reference="Demystifying MMD GANs (Bińkowski et al., 2018)",
        year=2018,
        compute=lambda real, fake, generator: kid(real, fake),
    ),
    Measure(
        name="inception_score",
        label="Inception score",
        direction="higher",
        protocol="exp of the mean KL of a fake's classes from all fakes', by the features' own classifier, {n} fakes",
        bad="the classifier is less sure of fakes, or sees fewer classes",
        reference="Improved Techniques for Training GANs (Salimans et al., 2016)",
        year=2016,
        compute=lambda real, fake, generator: inception_score(fake, splits=1),
        read=lambda found: found.mean,
        bounds=(1.0, math.inf),
        classes=True,
    ),
    Measure(
        name="sliced_w2_p128",
        label="Sliced W2",
        direction="lower",
        protocol=f"W2, root mean square over 128 fixed directions, {BOTH}",
        bad="mass must move",
        reference="Sliced and Radon Wasserstein Barycenters of Measures (Bonneel et al., 2015)",
        year=2015,
        compute=sliced,
        bounds=POSITIVE,
    ),
    Measure(
        name="w2_exact_n1000",
        label="Wasserstein-2",
        direction="lower",
        protocol=f"exact W2, {BOTH}",
        bad="mass must move",
        reference="Computational Optimal Transport (Peyré & Cuturi, 2019)",
        year=2019,
        compute=lambda real, fake, generator: wasserstein(fake, real, p=2),
        limit=1000,
        cheap=False,
        bounds=POSITIVE,
    ),
    Measure(
        name="nn_loo",
        label="Leave-one-out 1-NN",
        direction="closer",
        protocol=f"share of samples whose nearest neighbour is of their own kind, {BOTH}",
        bad="fakes and data can be told apart",
        below="fakes lie closer to real samples than these lie to each other, as copies do",
        reference="Revisiting Classifier Two-Sample Tests (Lopez-Paz & Oquab, 2017)",
        year=2017,
        compute=lambda real, fake, generator: nearest_neighbour_test(real, fake, generator, relabelings=1),
        read=lambda found: found.accuracy,
        bounds=SHARE,
    ),
    Measure(
        name="c2st_neural",
        label="Classifier test",
        direction="lower",
        protocol=f"held-out accuracy of a small network that tells fakes from data, {BOTH}",
        bad="a classifier tells fakes from data",
        reference="Revisiting Classifier Two-Sample Tests (Lopez-Paz & Oquab, 2017)",
        year=2017,
        compute=c2st_neural,
        read=lambda found: found.accuracy,
        least=50,
        limit=2000,
        cheap=False,
        bounds=SHARE,
    ),
    Measure(
        name="critic_js",
        label="JS by a critic",
        direction="lower",
        protocol=f"held-out value of an independent critic trained on the GAN criterion, {BOTH}",
        bad="a fresh critic tells fakes from data",
        reference="Quantitatively Evaluating GANs With Divergences Proposed for Training (Im et al., 2018)",
        year=2018,
        compute=by_critic("js"),
        read=lambda found: found.mean,
        least=100,
        limit=2000,
        cheap=False,
    ),
    Measure(
        name="authenticity",
        label="Authenticity",
        direction="higher",
        protocol=f"share of fakes farther from their nearest real sample than that is from its own nearest, {BOTH}",
        bad="fakes copy real samples",
        reference="How Faithful is your Synthetic Data? (Alaa et al., 2022)",
        year=2022,
        compute=lambda real, fake, generator: authenticity(real, fake),
        bounds=SHARE,
    ),
    Measure(
        name="copied",
        label="Copied",
        direction="lower",
        protocol=f"share of fakes that are bit for bit a real sample, {BOTH}",
        bad="fakes copy real samples",
        reference="How Faithful is your Synthetic Data? (Alaa et al., 2022)",
        year=2022,
        compute=lambda real, fake, generator: copied_share(real, fake),
        bounds=SHARE,
    ),
)

MEASURES: dict[str, Measure] = {measure.name: measure for measure in ENTRIES}


def chosen(names: Sequence[str | Measure] | None) -> list[Measure]:
    """The measures of some names, beside those given as they are; the cheap ones for None, all for the name ``"all"``.

    Raises:
        ModescopeError: If a name is not known, or stands for two measures.
    """
    if names is None:
        return [measure for measure in ENTRIES if measure.cheap]
    found: dict[str, Measure] = {}
    for name in [one for given in names for one in (ENTRIES if given == "all" else (given,))]:
        measure = name if isinstance(name, Measure) else MEASURES.get(name)
        if measure is None:
            raise nearest_name("measure", str(name), MEASURES)
        need(found.setdefault(measure.name, measure) is measure, f"metrics has two measures named {measure.name!r}")
    return list(found.values())


def fitting(measures: Sequence[Measure], features: Features, asked: bool) -> list[Measure]:
    """Measures of these features: those of classes see the logits of the features' classifier, if there is one.

    Arguments:
        measures: What to measure.
        features: The features.
        asked: Whether measures were asked for by name, so that none may be left out.

    Raises:
        ModescopeError: If a measure of classes was asked for, and the features are no classifier's.
    """
    found = []
    for measure in measures:
        if not measure.classes:
            found.append(measure)
        elif features.classes:
            found.append(of_classes(measure, features))
        else:
            need(not asked, f"{measure.name} needs a classifier's features, e.g. efficientnet-lite0 or inception")
    return found


def of_classes(measure: Measure, features: Features) -> Measure:
    """A measure that sees the logits of the fakes in place of their features."""
    return replace(measure, compute=lambda real, fake, draw: measure.compute(real, features.logits(fake), draw))
