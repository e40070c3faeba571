"""Which networks play: presets of the papers, and a user's own modules by import path."""

__all__ = ["ARCHITECTURES", "NETWORKS", "ROLES", "Architecture", "NetworkSpec", "UserModule", "architecture"]

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import nn
from torch.func import functional_call, grad, replace_all_batch_norm_modules_, vmap

from ..core.errors import ModescopeError, nearest_name, need
from ..core.imports import imported
from ..core.space import Prior, Space
from .conv import ConvCritic, ConvGenerator
from .layers import WIDEST
from .mlp import MLP
from .resnet import ResNetCritic, ResNetGenerator


@dataclass(frozen=True)
class UserModule:
    """A user's own network, named by where it is imported from.

    It is called with the number of inputs and of outputs, ``MyGenerator(16, 2)``, and returns an ``nn.Module``.

    Note:
        Batch normalisation of PyTorch is switched to batch statistics, as in :class:`modescope.nets.BatchNorm`.

    Arguments:
        path: ``package.module:Name``; the current folder is searched first.
    """

    path: str

    def build(self, inputs: int, outputs: int, shape: tuple[int, ...] = (), extra: int = 0) -> nn.Module:
        """A fresh network from `(N, inputs)` to `(N, outputs)`, checked by a trial run."""
        module = call(self.load(), self.path, inputs, outputs)
        replace_all_batch_norm_modules_(module)
        shape = trial_shape(module, self.path, inputs)
        need(
            shape == (4, outputs),
            f"network {self.path!r} maps a batch of shape (4, {inputs}) to {shape}, expected (4, {outputs})",
        )
        return module

    def load(self) -> Callable[..., nn.Module]:
        """What the path names."""
        found: Callable[..., nn.Module] = imported("network", self.path)
        good = not inspect.isclass(found) or issubclass(found, nn.Module)
        need(good, f"network {self.path!r} is a class that is no nn.Module, expected one, or a function that makes one")
        return found


def call(factory: Callable[..., nn.Module], path: str, inputs: int, outputs: int) -> nn.Module:
    """Builds a user's module, or says in one sentence why that failed."""
    try:
        module = factory(inputs, outputs)
    except Exception as error:
        raise ModescopeError(
            f"network {path!r} cannot be built from ({inputs}, {outputs}), its numbers of inputs and outputs: "
            f"{type(error).__name__}: {error}"
        ) from error
    need(isinstance(module, nn.Module), f"network {path!r} returned a {type(module).__name__}, expected an nn.Module")
    dropout = [name for name, part in module.named_modules() if isinstance(part, nn.modules.dropout._DropoutNd)]
    need(
        not dropout,
        f"network {path!r} has dropout ({', '.join(dropout)}), whose noise is in no member's stream; remove it",
    )
    fixed = [name for name, parameter in module.named_parameters() if not parameter.requires_grad]
    need(
        not fixed,
        f"network {path!r} has parameters that require no gradient ({', '.join(fixed)}), but a player trains all of "
        "them; make them buffers",
    )
    seen: dict[nn.Module, str] = {}
    for name, part in module.named_modules(remove_duplicate=False):
        first = seen.setdefault(part, name)
        need(
            first == name or not any(True for _ in part.parameters()),
            f"network {path!r} holds the same layer twice, as {first} and {name}; call one attribute twice instead",
        )
    need(any(True for _ in module.parameters()), f"network {path!r} has no parameters, so there is nothing to train")
    return module


def trial_shape(module: nn.Module, path: str, inputs: int) -> tuple[int, ...]:
    """The shape that a batch of four comes out with, alone and differentiated over members as the engine does."""
    x = torch.zeros(4, inputs)
    try:
        with torch.no_grad():
            module(x)  # first alone, since lazy layers take their shapes from it
            stack = {name: parameter[None] for name, parameter in module.named_parameters()}
            found = tuple(vmap(partial(functional_call, module))(stack, x[None]).shape[1:])
            vmap(grad(lambda values, x: functional_call(module, values, (x,)).sum()))(stack, x[None])
            return found
    except Exception as error:
        raise ModescopeError(
            f"network {path!r} fails on a batch of shape (4, {inputs}): {type(error).__name__}: {error}"
        ) from error


Network = MLP | ConvGenerator | ConvCritic | ResNetGenerator | ResNetCritic
NetworkSpec = Network | UserModule
NETWORKS: dict[str, type[Network]] = {
    kind.__name__: kind for kind in (MLP, ConvGenerator, ConvCritic, ResNetGenerator, ResNetCritic)
}
ROLES = ("generator", "critic", "encoder")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The networks of a run.

    Arguments:
        latent_dim: The number of coordinates of a latent.
        prior: What latents are drawn from: ``normal``, N(0, I), or ``uniform``, U(-1, 1).
        generator: From latents to samples.
        critic: From samples to scores.
        encoder: From samples to latents, for methods that have one.
    """

    latent_dim: int = 16
    prior: Prior = "normal"
    generator: NetworkSpec = field(default_factory=MLP)
    critic: NetworkSpec = field(default_factory=MLP)
    encoder: NetworkSpec = field(default_factory=MLP)

    def __post_init__(self) -> None:
        need(self.latent_dim >= 1, f"latent_dim is {self.latent_dim}, expected at least 1")
        need(self.latent_dim <= WIDEST, f"latent_dim is {self.latent_dim}, expected at most {WIDEST:,}")
        need(self.prior in ("normal", "uniform"), f"prior is {self.prior!r}, expected normal or uniform")

    def space(self, *shape: int) -> Space:
        """The shapes and networks of a problem with samples of `shape`, e.g. ``space(2)`` or ``space(3, 28, 28)``."""
        return Space(shape, self.latent_dim, self.generator, self.critic, self.encoder, self.prior)


unrolled = MLP(hidden=(128, 128), activation="tanh", init="orthogonal", gain=1.4)
relu128 = MLP(hidden=(128, 128))
ali_wide = MLP(hidden=(400,) * 4, batch_norm=True, init="normal", gain=0.02)
ali_critic = MLP(hidden=(200,) * 3, activation="maxout", init="normal", gain=0.02)

stacked = ConvGenerator(channels=(64, 32, 16, 8), kernel=3, last="same")


def stacked_critic(less: int) -> ConvCritic:
    """The critic of the unrolled GAN on Stacked MNIST, with that many times fewer channels than the generator's."""
    return ConvCritic(channels=(8 // less, 16 // less, 32 // less), kernel=3, batch_norm="all", slope=0.3)


ARCHITECTURES: dict[str, Architecture] = {
    # Our common setting: small enough for eight seeds in half a minute, large enough for every remedy.
    "small": Architecture(),
    "review": Architecture(
        latent_dim=2,
        generator=MLP(hidden=(8, 4), init="normal", gain=1.0, bias=1.0),
        critic=MLP(hidden=(64, 8), activation="tanh", init="normal", gain=1.0, bias=1.0),
    ),
    "review-notebook": Architecture(
        latent_dim=4,
        generator=MLP(hidden=(8, 4), init="normal", gain=1.0, bias=0.0, bias_mean=0.01),
        critic=MLP(hidden=(64, 8), activation="tanh", init="normal", gain=1.0, bias=0.0, bias_mean=0.01),
    ),
    "unrolled": Architecture(latent_dim=256, generator=unrolled, critic=unrolled, encoder=unrolled),
    "unrolled-paper": Architecture(
        latent_dim=256,
        generator=MLP(hidden=(128, 128), init="orthogonal", gain=0.8),
        critic=MLP(hidden=(128,), init="orthogonal", gain=0.8, input_scale=0.25),
        encoder=MLP(hidden=(128, 128), init="orthogonal", gain=0.8),
    ),
    # 254 coordinates and one of noise, as the notebook has them.
    "veegan": Architecture(latent_dim=255, generator=relu128, critic=MLP(hidden=(128,)), encoder=relu128),
    "ali": Architecture(
        latent_dim=2,
        generator=ali_wide,
        critic=ali_critic,
        encoder=MLP(hidden=(400, 400), batch_norm=True, init="normal", gain=0.02),
    ),
    "pacgan": Architecture(latent_dim=2, generator=ali_wide, critic=ali_critic, encoder=ali_wide),
    "wgan-gp": Architecture(
        latent_dim=2,
        generator=MLP(hidden=(512,) * 3, init="he"),
        critic=MLP(hidden=(512,) * 3, init="he"),
        encoder=MLP(hidden=(512,) * 3, init="he"),
    ),
    "d2gan": Architecture(
        latent_dim=256,
        generator=MLP(hidden=(128, 128), init="normal", gain=0.01),
        critic=MLP(hidden=(128,), init="normal", gain=0.01),
        encoder=MLP(hidden=(128, 128), init="normal", gain=0.01),
    ),
    "bourgan": Architecture(
        latent_dim=2,
        generator=MLP(hidden=(128, 128), activation="leaky-relu-0.1"),
        critic=MLP(hidden=(128, 128), activation="leaky-relu-0.1"),
    ),
    # Images: DCGAN in the port that PacGAN used on Stacked MNIST, the same with a quarter of its channels, and the
    # small networks of the unrolled GAN there, whose critic has a quarter or a half of the generator's channels.
    "dcgan": Architecture(
        latent_dim=100, prior="uniform", generator=ConvGenerator(), critic=ConvCritic(), encoder=ConvCritic()
    ),
    "dcgan-small": Architecture(
        latent_dim=100,
        prior="uniform",
        generator=ConvGenerator(channels=(128, 64, 32, 16)),
        critic=ConvCritic(channels=(16, 32, 64, 128), joined=128),
        encoder=ConvCritic(channels=(16, 32, 64, 128), joined=128),
    ),
    "resnet-small": Architecture(
        latent_dim=64,
        generator=ResNetGenerator(),
        critic=ResNetCritic(),
        encoder=ConvCritic(channels=(16, 32, 64, 128), joined=128),
    ),
    "stacked-quarter": Architecture(
        latent_dim=256, generator=stacked, critic=stacked_critic(4), encoder=stacked_critic(4)
    ),
    "stacked-half": Architecture(
        latent_dim=256, generator=stacked, critic=stacked_critic(2), encoder=stacked_critic(2)
    ),
    "madgan": Architecture(latent_dim=64, prior="uniform", generator=relu128, critic=relu128, encoder=relu128),
}


def architecture(name: str) -> Architecture:
    """The architecture of that name.

    Raises:
        ModescopeError: If there is none.
    """
    if name not in ARCHITECTURES:
        raise nearest_name("architecture", name, ARCHITECTURES)
    return ARCHITECTURES[name]
