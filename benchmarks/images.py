"""What training on images costs, beside the loop that a user would write."""

__all__ = ["numerics", "training"]

from collections.abc import Iterator

import torch
from torch import nn
from torch.utils.data import DataLoader

from modescope.nets import ARCHITECTURES, BatchNorm

from .plain import bce
from .populations import CORES, Team, population
from .reading import BATCH, Triples, spent
from .timing import Ratio, paired, seconds

STEPS = 8
NETWORKS = ("dcgan-small", "stacked-quarter")


class DCGANLoop:
    """DCGAN as its code steps: the critic on real and on fake images, then the generator on the same latents.

    Arguments:
        networks: The name of an architecture, whose networks it trains, with PyTorch's own batch normalisation.
    """

    def __init__(self, networks: str) -> None:
        spec, shape = ARCHITECTURES[networks], (3, 28, 28)
        self.latent_dim = spec.latent_dim
        self.G = with_own_norms(spec.generator.build(spec.latent_dim, 2352, shape))
        self.D = with_own_norms(spec.critic.build(2352, 1, shape))
        self.g, self.d = (torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (self.G, self.D))
        self.loader = iter(DataLoader(Triples(), BATCH, shuffle=True, drop_last=True))

    def step(self) -> None:
        """One step: the critic, then the generator."""
        ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
        self.d.zero_grad()
        bce(self.D(next(self.loader).flatten(1)), ones).backward()
        fake = self.G(torch.randn(BATCH, self.latent_dim))
        bce(self.D(fake.detach()), zeros).backward()
        self.d.step()
        self.g.zero_grad()
        bce(self.D(fake), ones).backward()
        self.g.step()


def with_own_norms(network: nn.Module) -> nn.Module:
    """A network with PyTorch's batch normalisation, which keeps running averages, in place of this package's."""
    for name, part in network.named_children():
        if isinstance(part, BatchNorm):
            setattr(network, name, nn.BatchNorm2d(len(part.weight)))
        else:
            with_own_norms(part)
    return network


def training() -> Iterator[Ratio]:
    """One member against a plain loop with a DataLoader, on shared batches and on fresh ones, and compiled."""
    for networks in NETWORKS:
        loop = DCGANLoop(networks)
        loop.step()
        for order, compiled in (("critic-first", False), ("shared-batch", False), ("shared-batch", True)):
            member = population(
                "stacked-mnist", "gan", 1, compiled=compiled, architecture=networks, batch_size=BATCH, order=order
            )
            member.advance(2)
            yield paired(
                f"{networks} at 28 x 28 x 3, order {order}{', compiled' if compiled else ''}, against a plain loop",
                lambda member=member: BATCH / spent(lambda: member.advance(1), STEPS),
                lambda loop=loop: BATCH / spent(loop.step, STEPS),
                "images a second of processor time",
                "at least 1.3",
            )
    yield from on_all_cores()
    yield from together()
    yield from numerics()


def on_all_cores() -> Iterator[Ratio]:
    """A member in a process for each core, as runs are trained, against a plain loop that has all cores itself.

    By the clock, since both use the whole machine.
    """
    for networks in NETWORKS:
        loop = DCGANLoop(networks)
        settings = {"dataset": "stacked-mnist", "method": "gan", "architecture": networks, "batch_size": BATCH}
        team = Team(CORES, members=1, order="shared-batch", **settings)

        def plain(loop: DCGANLoop = loop) -> float:
            torch.set_num_threads(CORES)
            try:
                return BATCH * STEPS / seconds(lambda: [loop.step() for _ in range(STEPS)])
            finally:
                torch.set_num_threads(1)

        plain()
        yield paired(
            f"{networks} at 28 x 28 x 3: {CORES} members in as many processes against a plain loop on {CORES} threads",
            lambda team=team: BATCH * team.rate(STEPS),
            plain,
            "images a second",
            "at least 1.3",
        )
        team.close()


def together() -> Iterator[Ratio]:
    """Four members in one block against one alone, a member-step."""
    alone, four = (
        population("stacked-mnist", "gan", n, compiled=False, architecture="stacked-quarter", batch_size=BATCH)
        for n in (1, 4)
    )
    for each in (alone, four):
        each.advance(2)
    yield paired(
        "seconds of a member-step of stacked-quarter with 4 members in a block against 1",
        lambda: spent(lambda: four.advance(1), STEPS) / 4,
        lambda: spent(lambda: alone.advance(1), STEPS),
        "s of processor time",
        "why blocks of images have one member",
        pairs=3,
    )


def numerics() -> Iterator[Ratio]:
    """Half precision and the other order in memory, against neither."""
    for setting in ({"precision": "bfloat16"}, {"channels_last": True}):
        plain, changed = (
            population("stacked-mnist", "gan", 1, compiled=False, architecture=NETWORKS[0], batch_size=BATCH, **given)
            for given in ({}, setting)
        )
        for each in (plain, changed):
            each.advance(2)
        name, value = next(iter(setting.items()))
        yield paired(
            f"{NETWORKS[0]} at 28 x 28 x 3 with {name} {value} against without",
            lambda changed=changed: BATCH / spent(lambda: changed.advance(1), STEPS),
            lambda plain=plain: BATCH / spent(lambda: plain.advance(1), STEPS),
            "images a second of processor time",
            "whether it pays on this machine",
        )
