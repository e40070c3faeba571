"""An independent judge of what a set of digits shows: a small classifier, which the diagnosis never sees."""

__all__ = ["Judge", "truth_of"]

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

LOST = 0.2  # of the images that a digit is due


class Judge:
    """A classifier of digits.

    Arguments:
        images: Images to learn from, with shape `(N, 1, 28, 28)`, as bytes.
        labels: The digits that they show, with shape `(N,)`.
        epochs: How often each is seen.
    """

    def __init__(self, images: Tensor, labels: Tensor, epochs: int = 2) -> None:
        torch.manual_seed(0)
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )
        rule = torch.optim.Adam(self.net.parameters(), 2e-3)
        for _ in range(epochs):
            for chosen in torch.randperm(len(images)).split(128):
                loss = cross_entropy(self.net(images[chosen].float() / 255), labels[chosen])
                rule.zero_grad()
                loss.backward()
                rule.step()

    @torch.no_grad()
    def classes(self, images: Tensor) -> Tensor:
        """The digit that each image of `(N, 1, 28, 28)` looks like most."""
        return torch.cat([self.net(part.float() / 255).argmax(1) for part in images.split(1000)])

    def shares(self, images: Tensor) -> Tensor:
        """The share of images that look like each digit, with shape `(10,)`."""
        return torch.bincount(self.classes(images), minlength=10) / len(images)


def truth_of(shares: Tensor) -> str:
    """The verdict that class shares, with shape `(10,)`, ask for.

    A digit with less than a fifth of its due, a tenth, is lost; three digits' worth and less is partial.
    """
    lost = int((shares < LOST * 0.1).sum())
    return "none" if lost == 0 else "partial" if lost < 4 else "severe"
