"""What can be reproduced."""

__all__ = ["ITEMS", "Item", "reproduce"]

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ..core.errors import ModescopeError, nearest_name
from .record import Reproduction

REVIEW = "Addressing mode collapse in GANs (Martina-Perez, mini project)"
KL = "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse"


@dataclass(frozen=True)
class Item:
    """A figure, a table or a statement of a paper.

    Arguments:
        summary: What it shows, in a line.
        reference: The paper.
        function: What makes it, ``module:function`` in this package.
        trains: Whether it trains networks.
        shares: Whether it shares runs with other items of its paper.
        year: Of the paper, if known.
        long: Whether it takes hours, so that it is made only by its own name.
    """

    summary: str
    reference: str
    function: str
    trains: bool = True
    shares: bool = False
    year: int | None = None
    long: bool = False

    def load(self) -> Callable[..., Reproduction]:
        """The function, imported only now, since it may bring plotting libraries."""
        module, _, name = self.function.partition(":")
        return getattr(import_module(f"{__package__}.{module}"), name)


ITEMS: dict[str, Item] = {
    "moons": Item("two moons, latent dimensions 1 to 8, with the review's networks", REVIEW, "moons:moons"),
    "moons/notebook": Item("the same as its notebook did it: 32 points, its initial weights", REVIEW, "moons:notebook"),
    "dcgan": Item("three claims about DCGAN, measured on digits", REVIEW, "dcgan:dcgan"),
    "kl/figure1": Item("six divergences of two Gaussians as contour maps", KL, "kl_theory:figure1", trains=False),
    "kl/propositions": Item("Proposition 1, Theorem 2 and Proposition 3", KL, "kl_theory:propositions", trains=False),
    "kl/figure2": Item("the plain GAN on the ring", KL, "kl_runs:figure2", shares=True),
    "kl/figure3": Item("Method 1 at pi = 0.33 on the ring, and along pi", KL, "kl_runs:figure3", shares=True),
    "kl/figure4": Item("Method 2 on the ring", KL, "kl_runs:figure4", shares=True),
    "kl/figure5": Item(
        "GAN, LSGAN, unrolled GAN and Method 2 on the ring, reverse KL along training",
        KL,
        "kl_runs:figure5",
        shares=True,
    ),
    "kl/figure6": Item("the plain GAN and Method 2 on the 10x10 grid", KL, "kl_runs:figure6", shares=True),
    "kl/table1": Item(
        "twelve methods on Stacked MNIST under one protocol", KL, "kl_images:table1", shares=True, long=True
    ),
    "kl/figure7": Item(
        "DCGAN and Method 2 on Stacked MNIST as pictures", KL, "kl_images:figure7", shares=True, long=True
    ),
    "kl/cifar10": Item(
        "Inception score and diversity of DCGAN and Method 2 on CIFAR-10",
        KL,
        "kl_photographs:cifar10",
        shares=True,
        long=True,
    ),
    "kl/celeba": Item(
        "DCGAN and Method 2 on faces, or on photographs of hands, as pictures",
        KL,
        "kl_photographs:celeba",
        shares=True,
        long=True,
    ),
    "kl/figure8": Item(
        "DCGAN and Method 2 on CIFAR-10 as pictures", KL, "kl_photographs:figure8", shares=True, long=True
    ),
    "kl/figure9": Item(
        "LSGAN, DCGAN and Method 2 on faces or hands as pictures", KL, "kl_photographs:figure9", shares=True, long=True
    ),
}


def reproduce(
    name: str, out: Path | None = None, *, quick: bool = False, workers: int | None = None, quiet: bool = False
) -> list[Path]:
    """Redoes an item, or every item of a paper.

    Arguments:
        name: An item such as ``kl/figure1``, or a paper such as ``kl``, which is all of its items but the long ones.
        out: The folder to write to; ``reproductions/ITEM``, or ``reproductions/quick/ITEM``, if not given.
        quick: A small version, to see that all works.
        workers: Processes that train side by side; the number of cores if not given.
        quiet: Whether to show nothing.

    Returns:
        The pages.

    Raises:
        ModescopeError: If there is no such item, or the folder cannot be written.
    """
    name = name.strip("/")
    of_paper = [item for item in ITEMS if item.split("/")[0] == name and not ITEMS[item].long]
    chosen = [name] if name in ITEMS and name != "moons" else of_paper
    if not chosen:
        raise nearest_name("item to reproduce", name, {*ITEMS, *(item.split("/")[0] for item in ITEMS)})
    home = Path("reproductions", "quick") if quick else Path("reproductions")
    pages = []
    for each in chosen:
        folder = (out if len(chosen) == 1 else out / each.replace("/", "-")) if out else home / each
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModescopeError(f"the folder {str(folder)!r} cannot be written: {error.strerror or error}") from error
        item = ITEMS[each]
        options: dict[str, Any] = {"workers": workers, "quiet": quiet} if item.trains else {}
        if item.shares:
            options["runs"] = (out or home / each.split("/")[0]) / ("runs-quick" if quick else "runs")
        pages.append(item.load()(folder, quick=quick, **options).page)
    return pages
