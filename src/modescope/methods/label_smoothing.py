r"""One-sided label smoothing: a discriminator that is never quite sure of reals."""

__all__ = ["LabelSmoothing"]

from dataclasses import dataclass, field, replace
from typing import ClassVar

from ..core import Method, Player, Wrapper
from ..core.errors import need
from ..core.method import holds
from ..core.networks import Loss
from .composition import need_fit
from .gan import GAN


@dataclass(frozen=True, kw_only=True)
class LabelSmoothing(Wrapper):
    r"""Gives real samples the label :math:`1 - \alpha` in place of 1; fakes keep 0.

    The discriminator is best at :math:`D^* = (1 - \alpha)\,p / (p + q)`, which bounds its score from above. On a real
    sample the cross-entropy to the label is :math:`-(1 - \alpha) \log D(x) - \alpha \log (1 - D(x)) =
    \mathrm{softplus}(-s(x)) + \alpha\,s(x)`, so :math:`\alpha\,\mathbb{E}_p s(x)` is added to its loss.

    References:
        | Improved Techniques for Training GANs (Salimans et al., 2016), section 3.4
        | https://arxiv.org/abs/1606.03498

    Note:
        Fakes are not smoothed, since :math:`D^*` would then rise where :math:`p` is small and :math:`q` is not, and
        hold wrong fakes in place. The generator's loss stays that of `base`, also where it is the negated loss of the
        discriminator.

    Arguments:
        base: The method whose discriminator is smoothed; its loss must be the GAN's.
        alpha: What is taken off the label of reals, :math:`\alpha`, in [0, 1).

    Raises:
        ModescopeError: If `alpha` is out of its range, or `base` has another loss than the logistic one.
    """

    separable: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    summary: ClassVar[str] = "The discriminator's label of reals is a little less than 1, so it is never quite sure"
    reference: ClassVar[str] = (
        "Improved Techniques for Training GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498"
    )
    year: ClassVar[int | None] = 2016

    base: Method = field(default_factory=GAN)
    alpha: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        need(0 <= self.alpha < 1, f"alpha is {self.alpha}, expected a number of at least 0 and less than 1")
        need_fit(
            self,
            lambda method: holds(method, "logistic"),
            "its labels are those of the plain logistic loss on single samples",
        )

    def players(self) -> tuple[Player, ...]:
        return tuple(
            replace(player, loss=self.smoothed(player.loss)) if "discriminator" in player.trains else player
            for player in self.base.players()
        )

    def smoothed(self, loss: Loss) -> Loss:
        """The same loss with the smoothed label."""
        return lambda nets, batch: loss(nets, batch) + self.alpha * nets["discriminator"](batch.real).mean()
