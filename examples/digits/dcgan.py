"""A small DCGAN on 28 x 28 images in a plain PyTorch loop, as anyone would write it."""

__all__ = ["LATENT", "Settings", "discriminator", "generator", "train"]

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

LATENT = 64


@dataclass(frozen=True)
class Settings:
    """What a training run is told.

    Arguments:
        steps: Discriminator steps.
        lr: The learning rate of the generator.
        critic_lr: The learning rate of the discriminator.
        greed: Generator steps after each discriminator step.
        beta1: Adam's momentum.
        batch_size: Images of each kind in a step.
        seed: All randomness.
    """

    steps: int = 600
    lr: float = 2e-4
    critic_lr: float = 2e-4
    greed: int = 1
    beta1: float = 0.5
    batch_size: int = 64
    seed: int = 0


def generator() -> nn.Module:
    """Latents `(N, 64)` to images `(N, 1, 28, 28)` in [-1, 1]."""
    return nn.Sequential(
        nn.Linear(LATENT, 32 * 7 * 7, bias=False),
        nn.Unflatten(1, (32, 7, 7)),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 4, 2, 1),
        nn.Tanh(),
    )


def discriminator() -> nn.Module:
    """Images `(N, 1, 28, 28)` to logits `(N, 1)`."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(16, 32, 4, 2, 1, bias=False),
        nn.BatchNorm2d(32),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 1),
    )


def train(digits: Tensor, settings: Settings) -> nn.Module:
    """Trains a generator on images `(N, 1, 28, 28)` of bytes."""
    torch.manual_seed(settings.seed)
    G, D = generator(), discriminator()
    for layer in [*G.modules(), *D.modules()]:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.02)
    betas = (settings.beta1, 0.999)
    for_G = torch.optim.Adam(G.parameters(), settings.lr, betas)
    for_D = torch.optim.Adam(D.parameters(), settings.critic_lr, betas)

    def latents() -> Tensor:
        return torch.randn(settings.batch_size, LATENT)

    for _ in range(settings.steps):
        real = digits[torch.randint(len(digits), (settings.batch_size,))].float() / 127.5 - 1
        loss = softplus(-D(real)).mean() + softplus(D(G(latents()).detach())).mean()
        for_D.zero_grad()
        loss.backward()
        for_D.step()
        for _ in range(settings.greed):
            loss = softplus(-D(G(latents()))).mean()
            for_G.zero_grad()
            loss.backward()
            for_G.step()
    return G.eval()
