r"""MAD-GAN: several generators, which the critic tells apart."""

__all__ = ["MADGAN", "Generators"]

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..core import Batch, Builder, Networks, Space, TwoPlayer
from ..core.errors import need
from ..core.method import Changes
from ..core.space import Prior


@dataclass(frozen=True, kw_only=True)
class MADGAN(TwoPlayer):
    r"""Has :math:`k` generators and a critic that must name which of them made a sample, to drive them apart.

    The critic is a classifier of :math:`k + 1` classes, one a generator and the last for reals, and descends the
    cross-entropy :math:`-\mathbb{E}_p \log D_{k+1}(x) - \sum_i \mathbb{E}_z \log D_i(G_i(z))`. The generators descend
    :math:`\mathbb{E}_p \log D_{k+1}(x) + \sum_i \mathbb{E}_z \log (1 - D_{k+1}(G_i(z)))` (`saturating`), or
    :math:`-\sum_i \mathbb{E}_z \log D_{k+1}(G_i(z))`.

    The best critic has :math:`D_{k+1} = p / (p + \sum_j q_j)`. The saturating value there is least where the mixture
    :math:`\frac1k \sum_i q_i` is :math:`p`, at :math:`-(k + 1) \log (k + 1) + k \log k`. It knows the mixture alone, so
    against the best critic all generators follow the same slopes, and may all move to the same mode: that makers are
    named matters only as far as it shapes a critic that is not the best. One generator is a plain GAN.

    References:
        | Multi-Agent Diverse Generative Adversarial Networks (Ghosh et al., 2017), section 3
        | https://arxiv.org/abs/1704.02906

    Note:
        The paper's generators are `saturating`, as it is remembered; its authors' code for synthetic data takes the
        other form, as most do of the plain GAN, and so does the default. In that code every generator makes a whole
        batch, all from the same latents, and they share most of their layers. Here each makes an equal share of a
        batch, so that a step costs what it costs a plain GAN, but a generator learns from :math:`k` times fewer samples
        unless the batch is :math:`k` times as large; and the networks share no layers, so parameters are :math:`k`
        times those of other methods.

        A sample is made by the generator that a further, last coordinate of its latent picks, each with probability
        :math:`1 / k`. A pack of samples has no one maker, so PacGAN is not defined.

    Arguments:
        critic_steps: Critic steps before each step of the generators.
        generators: The number of generators, :math:`k`.
        saturating: Whether the generators descend the value above. Its real term is a constant to them, except to ones
            that are unrolled.
    """

    changes: ClassVar[Changes] = "extra networks"
    summary: ClassVar[str] = "Several generators, kept apart by a critic that must name the maker of a sample"
    reference: ClassVar[str] = (
        "Multi-Agent Diverse Generative Adversarial Networks (Ghosh et al., 2017), https://arxiv.org/abs/1704.02906"
    )
    year: ClassVar[int | None] = 2017

    generators: int = 4
    saturating: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        good = isinstance(self.generators, int) and self.generators >= 1
        need(good, f"generators is {self.generators!r}, expected a whole number of at least 1")

    @property
    def packable(self) -> bool:
        return False

    def latents(self, space: Space) -> Space:
        return replace(space, latent_dim=space.latent_dim + 1)

    def check(self, space: Space, batch_size: int) -> None:
        need(
            batch_size % self.generators == 0,
            f"batch_size is {batch_size}, expected a multiple of MAD-GAN's {self.generators} generators",
        )

    def networks(self, space: Space) -> dict[str, Builder]:
        return {
            "generator": lambda: Generators([space.generator() for _ in range(self.generators)], space.prior),
            "discriminator": partial(space.critic, self.generators + 1),
        }

    def discriminator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        D = nets["discriminator"]
        k, n = self.generators, len(batch.z)
        maker = torch.arange(n, device=batch.z.device) // (n // k)
        on_fake = D(self.shares(nets, batch)).log_softmax(-1).gather(-1, maker.unsqueeze(-1))
        return -log_real(D(batch.real)).mean() - k * on_fake.mean()

    def generator_loss(self, nets: Networks, batch: Batch) -> Tensor:
        D, k = nets["discriminator"], self.generators
        logits = D(self.shares(nets, batch))
        if self.saturating:
            return log_real(D(batch.real)).mean() + k * log_fake(logits).mean()
        return -k * log_real(logits).mean()

    def shares(self, nets: Networks, batch: Batch) -> Tensor:
        """A batch of fakes, with shape `(N, D)`: an equal share from each generator in turn."""
        return nets["generator"](batch.z, True)

    def observe(self, nets: Networks, batch: Batch) -> dict[str, Tensor]:
        on_real, on_fake = (nets["discriminator"](x) for x in (batch.real, self.sample(nets, batch.z)))
        score = lambda logits: (log_real(logits) - log_fake(logits)).mean()  # noqa: E731 - the logit of D_{k+1}
        return {"critic_real": score(on_real), "critic_fake": score(on_fake)}


class Generators(nn.Module):
    r"""Several generators in one network; the last coordinate of a latent picks one.

    Arguments:
        networks: The generators, each from latents `(N, L)` to samples `(N, D)`.
        prior: What the last coordinate is drawn from.
    """

    def __init__(self, networks: Sequence[nn.Module], prior: Prior) -> None:
        super().__init__()
        self.networks, self.prior = nn.ModuleList(networks), prior

    def forward(self, z: Tensor, shares: bool = False) -> Tensor:
        """Maps latents `(N, L + 1)` to samples `(N, D)`; with `shares` each generator makes an equal part, in turn."""
        latents = z[:, :-1]
        if shares:
            parts = latents.chunk(len(self.networks))
            return torch.cat([network(part) for network, part in zip(self.networks, parts, strict=True)])
        each = torch.stack([network(latents) for network in self.networks], 1)
        return each.gather(1, self.picked(z[:, -1])[:, None, None].expand(-1, 1, each.shape[-1])).squeeze(1)

    def picked(self, coordinate: Tensor) -> Tensor:
        """Which generator a coordinate, with shape `(N,)`, picks; each for an equal part of the prior's mass."""
        below = torch.special.ndtr(coordinate) if self.prior == "normal" else (coordinate + 1) / 2
        return (len(self.networks) * below).long().clamp(0, len(self.networks) - 1)


def log_real(logits: Tensor) -> Tensor:
    r"""The log-probability of the class of reals, :math:`\log D_{k+1}`, with shape `(N,)`."""
    return logits.log_softmax(-1)[:, -1]


def log_fake(logits: Tensor) -> Tensor:
    r"""The log-probability of all other classes, :math:`\log (1 - D_{k+1})`, with shape `(N,)`."""
    return logits[:, :-1].logsumexp(-1) - logits.logsumexp(-1)
