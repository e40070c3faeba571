"""The networks of a population before the first step."""

__all__ = ["initial", "seeded"]

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from .errors import need
from .networks import Layout, Player
from .noise import seed_of
from .space import Builder


def initial(
    builders: Mapping[str, Builder], seeds: Sequence[int], players: tuple[Player, ...], fixed: tuple[str, ...]
) -> tuple[Layout, dict[str, Tensor]]:
    """How parameters lie in memory, and those of every member, drawn from its seed and the role alone.

    Arguments:
        builders: What builds the network of each role.
        seeds: The seed of each member; they may repeat.
        players: Who trains which roles.
        fixed: Roles that nobody trains.

    Returns:
        The layout, and the parameters of each owner with shape `(S, P)`, on the CPU.

    Raises:
        ModescopeError: If what a builder makes is no network, or members cannot share its buffers.
    """
    flats: dict[str, list[Tensor]] = {player.name: [] for player in players}
    layout = None
    drawn: dict[int, dict[str, Tensor]] = {}
    for seed in seeds:
        if seed not in drawn:
            modules = {role: seeded(build, seed, role) for role, build in builders.items()}
            layout = layout or Layout.of(modules, players, fixed)
            check_buffers(modules, layout.modules)
            drawn[seed] = layout.flatten(modules)
        for name, flat in drawn[seed].items():
            flats.setdefault(name, []).append(flat)
    assert layout is not None
    return layout, {name: torch.stack(rows) for name, rows in flats.items()}


def seeded(build: Builder, seed: int, role: str) -> nn.Module:
    """A fresh network, drawn from a seed and its role, leaving PyTorch's own generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed_of(seed, role))  # torch.manual_seed would seed accelerators too
        built = build()
    need(
        isinstance(built, nn.Module),
        f"what builds the {role} made a {type(built).__name__}, expected a torch.nn.Module",
    )
    return built


def check_buffers(modules: Mapping[str, nn.Module], first: Mapping[str, nn.Module]) -> None:
    """Refuses networks whose buffers depend on the seed, since all members share the first one's."""
    for role, module in modules.items():
        shared = dict(first[role].named_buffers())
        odd = [name for name, buffer in module.named_buffers() if not torch.equal(buffer, shared[name].to(buffer))]
        need(
            not odd,
            f"the {role} has buffers that are drawn anew for each member ({', '.join(odd)}): make them parameters",
        )
