"""Distances between the laws of real and fake samples, and tests of whether they are one."""

__all__ = [
    "C2ST",
    "CMMD",
    "CriticDivergence",
    "KernelDistance",
    "KernelDistanceOfSubsets",
    "LeaveOneOut",
    "MMDTest",
    "NearestC2ST",
    "ParzenLogLikelihood",
    "SlicedWasserstein",
    "Wasserstein",
]

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..core.errors import need
from ..metrics.c2st import c2st_knn, c2st_neural, nearest_neighbour_test
from ..metrics.critics import Criterion, critic_divergence
from ..metrics.kernel_distance import cmmd, kid, kid_subsets
from ..metrics.mmd_test import mmd_test
from ..metrics.parzen import PUBLISHED_BANDWIDTHS, parzen_log_likelihood
from ..metrics.sets import balanced
from ..metrics.transport import random_directions, sliced_wasserstein, wasserstein
from .base import Outputs, Values
from .gathered import Gathered


class KernelDistance(Gathered):
    r"""The KID of all samples: the unbiased squared MMD with a cubic kernel, 0 on average for equal laws.

    See :func:`~modescope.metrics.kernel_distance.kid`. Lower is better.

    References:
        | Demystifying MMD GANs (Bińkowski et al., 2018), section 4
        | https://arxiv.org/abs/1801.01401

    Arguments:
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"kid": False}
    randomised = False

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        return {"kid": kid(real, fake)}


class KernelDistanceOfSubsets(Gathered):
    r"""The KID as papers report it: the mean and the standard deviation over random subsets.

    See :func:`~modescope.metrics.kernel_distance.kid_subsets`. Lower is better.

    References:
        | Demystifying MMD GANs (Bińkowski et al., 2018), section 4
        | https://arxiv.org/abs/1801.01401

    Arguments:
        subsets: How many subsets.
        subset_size: How many samples of each set in a subset.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"kid_mean": False, "kid_std": None}
    family = "kid"
    higher_is_better = False

    def __init__(self, subsets: int = 50, subset_size: int = 1000, **settings: Any) -> None:
        super().__init__(**settings)
        self.subsets, self.subset_size = subsets, subset_size

    @property
    def protocol(self) -> str:
        return f"{self.subsets}x{self.subset_size}"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        found = kid_subsets(real, fake, generator, self.subsets, self.subset_size)
        return {"kid_mean": found.mean, "kid_std": found.std}


class CMMD(Gathered):
    r"""The biased squared MMD with one Gaussian kernel, times 1,000; rows are CLIP embeddings.

    See :func:`~modescope.metrics.kernel_distance.cmmd`. Lower is better.

    References:
        | Rethinking FID: Towards a Better Evaluation Metric for Image Generation (Jayasumana et al., 2024)
        | https://arxiv.org/abs/2401.09603

    Arguments:
        sigma: The kernel's standard deviation, in data units.
        scale: The factor, for readable numbers.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"cmmd": False}
    randomised = False
    plot_lower_bound = 0.0

    def __init__(self, sigma: float = 10.0, scale: float = 1000.0, **settings: Any) -> None:
        super().__init__(**settings)
        self.sigma, self.scale = sigma, scale

    @property
    def protocol(self) -> str:
        return f"sigma{self.sigma:g}_x{self.scale:g}"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        return {"cmmd": cmmd(real, fake, self.sigma, self.scale)}


class SlicedWasserstein(Gathered):
    r"""The sliced Wasserstein distance, along fixed directions, in data units.

    See :func:`~modescope.metrics.transport.sliced_wasserstein`. Lower is better. The larger set is cut at random to the
    size of the smaller.

    References:
        | Sliced and Radon Wasserstein Barycenters of Measures (Bonneel et al., 2015)
        | https://doi.org/10.1007/s10851-014-0506-3

    Arguments:
        directions: How many directions; the same ones for every seed.
        p: The order, 1 or 2.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"sliced_wasserstein": False}
    plot_lower_bound = 0.0

    def __init__(self, directions: int = 128, p: int = 2, **settings: Any) -> None:
        super().__init__(**settings)
        need(directions >= 1, f"directions is {directions}, expected at least 1")
        need(p in (1, 2), f"p is {p}, expected 1 or 2")
        self.directions, self.p = directions, p

    @property
    def protocol(self) -> str:
        return f"w{self.p}_{self.directions}"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        real, fake = balanced(real, fake, generator)
        theta = random_directions(self.directions, real.shape[1])
        return {"sliced_wasserstein": sliced_wasserstein(fake.double(), real.double(), theta, self.p)}


class Wasserstein(Gathered):
    r"""The exact Wasserstein distance of equally many samples, in data units.

    See :func:`~modescope.metrics.transport.wasserstein`. Lower is better. The larger set is cut at random to the size
    of the smaller. The time grows as about :math:`N^{2.5}`: set a `limit`.

    References:
        | Computational Optimal Transport (Peyré & Cuturi, 2019), section 2.2
        | https://arxiv.org/abs/1803.00567

    Arguments:
        p: The order, 1 or 2.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"wasserstein": False}
    plot_lower_bound = 0.0

    def __init__(self, p: int = 1, **settings: Any) -> None:
        super().__init__(**settings)
        need(p in (1, 2), f"p is {p}, expected 1 or 2")
        self.p = p

    @property
    def protocol(self) -> str:
        return f"w{self.p}"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        real, fake = balanced(real, fake, generator)
        return {"wasserstein": wasserstein(fake.double(), real.double(), self.p)}


class MMDTest(Gathered):
    r"""Tests whether both sets come from one law, by the maximum mean discrepancy under relabelling.

    See :func:`~modescope.metrics.mmd_test.mmd_test`. A lower statistic and a higher p-value are better.

    References:
        | A Kernel Two-Sample Test (Gretton et al., 2012), equation 3, and section 8 on the bandwidth
        | https://jmlr.org/papers/v13/gretton12a.html

    Arguments:
        permutations: The number of relabellings.
        bandwidths: The kernels' standard deviations, in data units; multiples of the pool's median distance if not
            given.
        points: How many samples of each set are looked at, drawn at random.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"mmd2": False, "mmd_p_value": True}
    family = "mmd_test"

    def __init__(
        self,
        permutations: int = 1000,
        bandwidths: Sequence[float] | None = None,
        points: int = 2000,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.permutations, self.bandwidths, self.points = permutations, bandwidths, points

    @property
    def protocol(self) -> str:
        kernel = "median" if self.bandwidths is None else "h" + "_".join(f"{h:g}" for h in self.bandwidths)
        return f"{kernel}_n{self.points}"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        found = mmd_test(real, fake, generator, self.permutations, self.bandwidths, self.points)
        return {"mmd2": found.statistic, "mmd_p_value": found.p_value}


class ParzenLogLikelihood(Gathered):
    r"""The mean log-likelihood of real samples under Gaussian windows around the fakes, in nats.

    See :func:`~modescope.metrics.parzen.parzen_log_likelihood`, also on why not to trust it in many dimensions. Higher
    is better. Part of the real samples choose the bandwidth, the others are tested.

    References:
        | Generative Adversarial Nets (Goodfellow et al., 2014), section 5 and table 1
        | https://arxiv.org/abs/1406.2661

    Arguments:
        bandwidths: The standard deviations to choose from, in data units; as published, for pixels from 0 to 1, if not
            given.
        validation: How many real samples choose among them, at most half of all.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"parzen_log_likelihood": True, "parzen_error": None, "parzen_bandwidth": None}
    family = "parzen_log_likelihood"
    higher_is_better = True

    def __init__(
        self, bandwidths: Sequence[float] = PUBLISHED_BANDWIDTHS, validation: int = 1000, **settings: Any
    ) -> None:
        super().__init__(**settings)
        need(validation >= 1, f"validation is {validation}, expected at least 1")
        self.bandwidths, self.validation = bandwidths, validation

    @property
    def protocol(self) -> str:
        return f"h{min(self.bandwidths):g}_to_{max(self.bandwidths):g}"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        need(len(real) >= 2, f"{self.name} holds 1 real sample, expected 2: to choose a bandwidth, and to test it")
        judges = min(self.validation, len(real) // 2)
        found = parzen_log_likelihood(real[judges:], fake, real[:judges], self.bandwidths, judges)
        return {
            "parzen_log_likelihood": found.mean,
            "parzen_error": found.standard_error,
            "parzen_bandwidth": found.bandwidth,
        }


class C2ST(Gathered):
    r"""How often a small network, trained on half of both sets, tells the other half right: ½ if nobody can.

    See :func:`~modescope.metrics.c2st.c2st_neural`. A lower accuracy and a higher p-value are better.

    References:
        | Revisiting Classifier Two-Sample Tests (Lopez-Paz & Oquab, 2017), section 3
        | https://arxiv.org/abs/1610.06545

    Arguments:
        hidden: The width of the hidden layer.
        steps: The steps of training.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"c2st_accuracy": False, "c2st_p_value": True}
    family = "c2st"
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    def __init__(self, hidden: int = 20, steps: int = 1000, **settings: Any) -> None:
        super().__init__(**settings)
        self.hidden, self.steps = hidden, steps

    @property
    def protocol(self) -> str:
        return f"neural{self.hidden}_{self.steps}steps"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        found = c2st_neural(real, fake, generator, self.hidden, self.steps)
        return {"c2st_accuracy": found.accuracy, "c2st_p_value": found.p_value}


class NearestC2ST(Gathered):
    r"""How often the nearest samples of one half of both sets tell the other half right: ½ if nobody can.

    See :func:`~modescope.metrics.c2st.c2st_knn`. A lower accuracy and a higher p-value are better.

    References:
        | Revisiting Classifier Two-Sample Tests (Lopez-Paz & Oquab, 2017), sections 3 and 4
        | https://arxiv.org/abs/1610.06545

    Arguments:
        k: The number of neighbours; the root of the number of samples if not given, as published.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"c2st_accuracy": False, "c2st_p_value": True}
    family = "c2st"
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    def __init__(self, k: int | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.k = k

    @property
    def protocol(self) -> str:
        return "knn" if self.k is None else f"knn{self.k}"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        found = c2st_knn(real, fake, generator, self.k)
        return {"c2st_accuracy": found.accuracy, "c2st_p_value": found.p_value}


class LeaveOneOut(Gathered):
    r"""How often the nearest neighbour of a sample, among all others, is of its own kind.

    See :func:`~modescope.metrics.c2st.nearest_neighbour_test`. It should be ½: above, the sets are told apart; below,
    fakes copy real samples. The p-values are small in the first case and the second.

    References:
        | Revisiting Classifier Two-Sample Tests (Lopez-Paz & Oquab, 2017)
        | https://arxiv.org/abs/1610.06545

        | An empirical study on evaluation metrics of generative adversarial networks (Xu et al., 2018), section 3
        | https://arxiv.org/abs/1806.07755

    Arguments:
        relabelings: How many; the least p-value is one over one more.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {
        "nn_loo": None,
        "nn_loo_real": None,
        "nn_loo_fake": None,
        "nn_loo_p_value": True,
        "nn_loo_p_below": True,
    }
    family = "nn_loo"
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    def __init__(self, relabelings: int = 999, **settings: Any) -> None:
        super().__init__(**settings)
        self.relabelings = relabelings

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        found = nearest_neighbour_test(real, fake, generator, self.relabelings)
        return {
            "nn_loo": found.accuracy,
            "nn_loo_real": found.real_accuracy,
            "nn_loo_fake": found.fake_accuracy,
            "nn_loo_p_value": found.p_value,
            "nn_loo_p_below": found.p_below,
        }


class CriticDivergence(Gathered):
    r"""How well fresh critics tell fakes from real samples that none of them has seen: 0 if not at all.

    See :func:`~modescope.metrics.critics.critic_divergence`. Lower is better. The mean and the spread over critics.

    References:
        | Quantitatively Evaluating GANs With Divergences Proposed for Training (Im et al., 2018), section 2
        | https://arxiv.org/abs/1803.01045

    Arguments:
        criterion: ``js``, ``ls``, ``wasserstein-gp`` or ``mmd``.
        hidden: The hidden widths of each critic.
        repeats: The number of splits and first weights.
        steps: The steps of training at most.
        settings: See :class:`~modescope.torchmetrics.gathered.Gathered`.
    """

    outputs: ClassVar[Outputs] = {"critic": False, "critic_spread": None}
    family = "critic"
    higher_is_better = False

    def __init__(
        self,
        criterion: Criterion = "js",
        hidden: Sequence[Sequence[int]] = ((64,), (64, 64)),
        repeats: int = 3,
        steps: int = 1000,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.criterion, self.hidden, self.repeats, self.steps = criterion, hidden, repeats, steps

    @property
    def protocol(self) -> str:
        return f"{self.criterion}_{self.steps}steps"

    def measure(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Values:
        found = critic_divergence(real, fake, generator, self.criterion, self.hidden, self.repeats, self.steps)
        return {"critic": found.mean, "critic_spread": found.spread}
