"""Metrics that need sums of the samples only: their memory does not grow."""

__all__ = ["FrechetDistance", "InceptionScore", "ModeReport", "Summed", "UnseenMass", "VendiScore"]

import abc
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from ..core.errors import need
from ..metrics.frechet import Moments, frechet_from_moments
from ..metrics.labelled import mode_report
from ..metrics.pairwise import check_samples
from ..metrics.unseen import unseen
from ..metrics.vendi import vendi_score
from .base import Kind, Outputs, TwoSets, Values
from .gathered import joined

PARTS = {"real": ("real_even", "real_odd"), "fake": ("fake_sums",)}


class Summed(TwoSets):
    """Keeps sums of the fakes, and of two halves of the real samples, every other one, whose distance is the floor.

    A state is a list of one tensor of sums; where batches or processes meet there are more, until they are merged.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for part in (*PARTS["real"], *PARTS["fake"]):
            self.add_state(part, [], dist_reduce_fx="cat")

    @abc.abstractmethod
    def sums(self, rows: Tensor, places: Tensor) -> Tensor:
        """The sums of rows, which have these places among all of their kind in this process, from 0."""

    @abc.abstractmethod
    def measure(self, real: Tensor | None, fake: Tensor) -> Values:
        """The outputs, from the sums of both sets."""

    def merge(self, several: Tensor) -> Tensor:
        """Sums of several sets together, of shape `(W, ...)`."""
        return several.sum(dim=0)

    def compute(self) -> Tensor | dict[str, Tensor]:
        self._need_samples()
        halves = [sums for part in PARTS["real"] if (sums := self._held(part)) is not None]
        fake = self._held("fake_sums")
        assert fake is not None
        return self._told(self.measure(self.merge(torch.stack(halves)) if halves else None, fake))

    def _floor(self) -> Values:
        even, odd = (self._held(part) for part in PARTS["real"])
        assert even is not None
        assert odd is not None
        return self.measure(even, odd)

    def _held(self, part: str) -> Tensor | None:
        several = joined(getattr(self, part))
        return self.merge(several) if several.numel() else None

    def _add(self, kind: Kind, rows: Tensor, first: int) -> None:
        places = torch.arange(first, first + len(rows), device=rows.device)
        parts = PARTS[kind]
        for which, part in enumerate(parts):
            mine = places % len(parts) == which
            if mine.any():
                new = self.sums(rows[mine], places[mine] // len(parts))
                old = getattr(self, part)
                before = [sums for each in parts for sums in getattr(self, each)]
                fits = all(sums.shape[1:] == new.shape for sums in before)
                need(fits, f"batch has rows of shape {tuple(rows.shape[1:])}, other than those before")
                setattr(self, part, [*old, new[None]])
        self._compact(kind)

    def _compact(self, kind: Kind) -> None:
        for part in PARTS[kind]:
            if len(getattr(self, part)) > 1:
                setattr(self, part, [self.merge(joined(getattr(self, part)))[None]])


class FrechetDistance(Summed):
    r"""How far the fakes' mean and covariance are from the real ones': the FID, of Inception features.

    It keeps means and covariances, :math:`(D + 1)^2` numbers for a set. See
    :func:`~modescope.metrics.frechet.frechet_distance`. Lower is better.

    Note:
        torchmetrics' own keeps sums of squares about the origin, which lose digits where data are far from it.

    References:
        | GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium (Heusel et al., 2017), (6)
        | https://arxiv.org/abs/1706.08500

    Arguments:
        settings: See :class:`~modescope.torchmetrics.base.TwoSets`.
    """

    outputs: ClassVar[Outputs] = {"frechet": False}
    plot_lower_bound = 0.0

    def sums(self, rows: Tensor, places: Tensor) -> Tensor:
        return _packed(Moments.empty(rows.shape[1], rows.device).update(rows))

    def merge(self, several: Tensor) -> Tensor:
        total = _moments(several[0])
        for other in several[1:]:
            total = total.merge(_moments(other))
        return _packed(total)

    def measure(self, real: Tensor | None, fake: Tensor) -> Values:
        assert real is not None
        first, second = _moments(real), _moments(fake)
        dims = len(first.mean), len(second.mean)
        need(dims[0] == dims[1], f"real samples have {dims[0]} coordinates but fakes {dims[1]}, expected the same")
        if min(first.count, second.count) < 2:
            return {"frechet": torch.nan}
        return {"frechet": frechet_from_moments(first.mean, first.covariance, second.mean, second.covariance)}


class InceptionScore(Summed):
    r"""How sure a classifier is of each fake, and how many classes it sees over all; rows are its logits.

    See :func:`~modescope.metrics.inception_score.inception_score`. Higher is better, at most the number of classes.
    The mean and the standard deviation of the splits.

    Note:
        Sample :math:`i` of a process counts in split :math:`i \bmod S`, so that only sums are kept; the published code
        cuts consecutive parts. With one split the order does not matter.

    References:
        | Improved Techniques for Training GANs (Salimans et al., 2016), section 4
        | https://arxiv.org/abs/1606.03498

    Arguments:
        splits: Into how many parts the samples are cut, :math:`S`.
        settings: See :class:`~modescope.torchmetrics.base.TwoSets`.
    """

    outputs: ClassVar[Outputs] = {"inception_score": True, "inception_score_std": None}
    family = "inception_score"
    higher_is_better = True
    needs_real = False
    plot_lower_bound = 1.0

    def __init__(self, splits: int = 10, **settings: Any) -> None:
        super().__init__(**settings)
        need(splits >= 1, f"splits is {splits}, expected at least 1")
        self.splits = splits

    @property
    def protocol(self) -> str:
        return f"splits{self.splits}"

    def sums(self, rows: Tensor, places: Tensor) -> Tensor:
        p = rows.double().softmax(dim=1)
        each = torch.cat([p, torch.special.entr(p).sum(dim=1, keepdim=True), torch.ones_like(p[:, :1])], dim=1)
        return each.new_zeros(self.splits, each.shape[1]).index_add(0, places % self.splits, each)

    def measure(self, real: Tensor | None, fake: Tensor) -> Values:
        count = fake[:, -1]
        least = int(count.min())
        need(least > 0, f"splits is {self.splits} of {int(count.sum())} samples, expected a sample in each")
        mean = fake[:, :-1] / count[:, None]
        scores = (torch.special.entr(mean[:, :-1]).sum(dim=1) - mean[:, -1]).clamp(min=0).exp()
        return {"inception_score": scores.mean(), "inception_score_std": scores.std(correction=0)}

    def _check(self, rows: Tensor) -> None:
        check_samples("batch", rows)
        need(rows.ndim == 2, f"batch has shape {tuple(rows.shape)}, expected logits (N, K)")
        need(bool(rows.amax(dim=1).isfinite().all()), "batch holds a NaN or an infinity, expected finite logits")


class VendiScore(Summed):
    r"""The effective number of different fakes, by the kernel of inner products: :math:`D \times D` sums suffice.

    See :func:`~modescope.metrics.vendi.vendi_score`; with the Gaussian kernel it is
    :class:`~modescope.torchmetrics.GaussianVendiScore`. It should be as of real samples: higher is more diverse.

    References:
        | The Vendi Score: A Diversity Evaluation Metric for Machine Learning (Friedman & Dieng, 2022), definition 3.1
        | https://arxiv.org/abs/2210.02410

    Arguments:
        kernel: ``cosine`` or ``linear``.
        order: The order :math:`q \geq 0`.
        settings: See :class:`~modescope.torchmetrics.base.TwoSets`.
    """

    outputs: ClassVar[Outputs] = {"vendi": None}
    needs_real = False
    plot_lower_bound = 1.0

    def __init__(self, kernel: Literal["cosine", "linear"] = "cosine", order: float = 1.0, **settings: Any) -> None:
        super().__init__(**settings)
        need(kernel in ("cosine", "linear"), f"kernel is {kernel!r}, expected cosine or linear (or GaussianVendiScore)")
        need(order >= 0, f"order is {order}, expected at least 0")
        self.kernel, self.order = kernel, order

    @property
    def protocol(self) -> str:
        return f"{self.kernel}_q{self.order:g}"

    def sums(self, rows: Tensor, places: Tensor) -> Tensor:
        exact = rows.double()
        if self.kernel == "cosine":
            zero = ~exact.any(dim=1, keepdim=True)
            exact = exact / exact.abs().amax(dim=1, keepdim=True).where(~zero, 1)
            exact = exact / exact.norm(dim=1, keepdim=True).where(~zero, 1)
            exact = torch.cat([exact, zero.double()], dim=1)  # zeros are alike to each other, and to nothing else
        return exact.mT @ exact

    def measure(self, real: Tensor | None, fake: Tensor) -> Values:
        # As many samples as coordinates, orthogonal, with these inner products' eigenvalues: the same score.
        lengths = torch.linalg.eigvalsh(fake).clamp(min=0).sqrt()
        return {"vendi": vendi_score(lengths.diag(), "linear", order=self.order)}


class Counted(Summed):
    """Sums of labels: rows are whole numbers `(N)`, or logits or probabilities `(N, K)`, of which the largest counts.

    Arguments:
        classes: The number of classes, :math:`K`.
        settings: See :class:`~modescope.torchmetrics.base.TwoSets`.
    """

    needs_real = False

    def __init__(self, classes: int, **settings: Any) -> None:
        super().__init__(**settings)
        need(classes >= 1, f"classes is {classes}, expected at least 1")
        self.classes = classes

    @property
    def protocol(self) -> str:
        return f"of_{self.classes}"

    def sums(self, rows: Tensor, places: Tensor) -> Tensor:
        return mode_report(rows, self.classes).counts

    def _check(self, rows: Tensor) -> None:
        mode_report(rows, self.classes)


class ModeReport(Counted):
    r"""How many classes the fakes reach, and how unevenly, by what a classifier calls them.

    See :func:`~modescope.metrics.labelled.mode_report`. More modes and a lower divergence are better. The divergence is
    from the classes of the real samples, if any were given.

    References:
        | Unrolled Generative Adversarial Networks (Metz et al., 2017), section 3.3.1
        | https://arxiv.org/abs/1611.02163

    Arguments:
        classes: The number of classes, :math:`K`.
        confusion: How often the classifier gives each class (row) each label (column), with shape :math:`(K, K)`; no
            correction if not given.
        min_share: The share of all samples that a mode holds at least.
        settings: See :class:`~modescope.torchmetrics.base.TwoSets`; `features` is the classifier.
    """

    outputs: ClassVar[Outputs] = {"modes": True, "mode_kl": False}
    family = "mode_report"
    plot_lower_bound = 0.0

    def __init__(
        self, classes: int, *, confusion: Tensor | None = None, min_share: float = 0.0, **settings: Any
    ) -> None:
        super().__init__(classes, **settings)
        self.confusion, self.min_share = confusion, min_share

    def measure(self, real: Tensor | None, fake: Tensor) -> Values:
        labels = torch.arange(self.classes, device=fake.device).repeat_interleave(fake)
        found = mode_report(labels, self.classes, real, self.confusion, self.min_share)
        return {"modes": float(found.modes), "mode_kl": found.kl}


class UnseenMass(Counted):
    r"""The share of the generator's law in classes that these fakes do not show, and how many classes it has.

    See :func:`~modescope.metrics.unseen.unseen`. Both should be as of real samples: a collapsed generator has shown all
    that it has.

    References:
        | The Population Frequencies of Species and the Estimation of Population Parameters (Good, 1953), equation 9
        | https://doi.org/10.1093/biomet/40.3-4.237

        | Estimating the Population Size for Capture-Recapture Data with Unequal Catchability (Chao, 1987)
        | https://doi.org/10.2307/2531532

    Arguments:
        classes: The number of labels that there may be.
        settings: See :class:`~modescope.torchmetrics.base.TwoSets`; `features` is the classifier.
    """

    outputs: ClassVar[Outputs] = {"unseen_mass": None, "support": None}
    family = "unseen"
    plot_lower_bound = 0.0

    def measure(self, real: Tensor | None, fake: Tensor) -> Values:
        found = unseen(fake)
        return {"unseen_mass": found.mass, "support": found.support}


def _packed(moments: Moments) -> Tensor:
    """The count, the mean and the scatter in one matrix, `(D + 1, D + 1)`."""
    side = len(moments.mean) + 1
    packed = moments.scatter.new_zeros(side, side)
    packed[0, 0], packed[0, 1:], packed[1:, 1:] = moments.count, moments.mean, moments.scatter
    return packed


def _moments(packed: Tensor) -> Moments:
    return Moments(int(packed[0, 0]), packed[0, 1:], packed[1:, 1:])
