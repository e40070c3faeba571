"""Training loops as a user would write them: modules, optimisers, one run at a time."""

import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce


class ReviewLoop:
    """The loop of the review's notebook: its networks, batch, optimiser, order, and its data path."""

    def __init__(self, latent_dim: int = 4) -> None:
        self.latent_dim = latent_dim
        self.G = nn.Sequential(nn.Linear(latent_dim, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
        self.D = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
        self.g = torch.optim.SGD(self.G.parameters(), lr=5e-4)
        self.d = torch.optim.SGD(self.D.parameters(), lr=5e-4)
        self.loss = nn.BCELoss()

    def step(self) -> None:
        """One step: new moons from scikit-learn, the generator, then the critic on half of each loss."""
        ones, zeros = torch.ones(32, 1), torch.zeros(32, 1)
        points, _ = make_moons(32, noise=0.0)
        real = torch.tensor(points, dtype=torch.float32)
        fake = self.G(torch.randn(32, self.latent_dim))
        self.g.zero_grad()
        self.loss(self.D(fake), ones).backward()
        self.g.step()
        self.d.zero_grad()
        loss = (self.loss(self.D(real), ones) + self.loss(self.D(fake.detach()), zeros)) / 2
        loss.backward()
        self.d.step()


class AdamLoop:
    """Alternating Adam on a ring, with a generator and a critic of given layers."""

    def __init__(
        self, generator: nn.Module, critic: nn.Module, latent_dim: int, batch: int, device: str = "cpu"
    ) -> None:
        self.latent_dim, self.batch, self.device = latent_dim, batch, device
        self.G, self.D = generator.to(device), critic.to(device)
        self.g = torch.optim.Adam(self.G.parameters(), lr=1e-3, betas=(0.5, 0.999))
        self.d = torch.optim.Adam(self.D.parameters(), lr=1e-4, betas=(0.5, 0.999))
        angles = torch.arange(8, device=device) * torch.pi / 4
        self.centers = torch.stack([angles.cos(), angles.sin()], -1)

    def step(self) -> None:
        """One step: the critic, then the generator."""
        ones, zeros = (make(self.batch, 1, device=self.device) for make in (torch.ones, torch.zeros))
        which = torch.randint(8, (self.batch,), device=self.device)
        real = self.centers[which] + 0.01 * torch.randn(self.batch, 2, device=self.device)
        with torch.no_grad():
            fake = self.G(torch.randn(self.batch, self.latent_dim, device=self.device))
        self.d.zero_grad()
        (bce(self.D(real), ones) + bce(self.D(fake), zeros)).backward()
        self.d.step()
        self.g.zero_grad()
        bce(self.D(self.G(torch.randn(self.batch, self.latent_dim, device=self.device))), ones).backward()
        self.g.step()
