"""How the papers trained on their data: the networks and the optimisers that go with a data set's preset."""

__all__ = ["DCGAN_TRAINING", "PAPERS", "SETTINGS", "Setting", "setting_for"]

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Setting:
    """What a paper trained with; every method on the preset is trained with the same.

    Arguments:
        architecture: A name in :data:`modescope.nets.ARCHITECTURES`.
        training: Fields of :class:`modescope.core.config.Training`.
        evaluation: Fields of :class:`modescope.runs.Evaluation`, such as the samples that the paper's numbers are of.
        note: Where the source differs from what can be set here, or is not certain.
    """

    architecture: str
    training: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


NOTEBOOK = Setting(
    "unrolled",
    {"steps": 25_000, "batch_size": 512, "lr": 1e-3, "critic_lr": 1e-4, "beta1": 0.5, "order": "simultaneous"},
    note="the official notebook; that the generator learns ten times as fast as the critic makes the baseline collapse",
)
LSGAN_RING = Setting("unrolled", {"steps": 35_000, "batch_size": 512, "lr": 1e-3, "critic_lr": 1e-4, "beta1": 0.5})
VEEGAN = Setting(
    "veegan",
    {"steps": 100_000, "batch_size": 500, "lr": 1e-3, "beta1": 0.5, "order": "simultaneous"},
    note="read through public copies of the notebook",
)
ALI = Setting(
    "ali", {"steps": 200_000, "batch_size": 100, "lr": 1e-4, "beta1": 0.8}, note="200 epochs of 100,000 samples"
)
PACGAN = Setting(
    "pacgan",
    {"steps": 400_000, "batch_size": 100, "lr": 1e-4, "beta1": 0.8},
    note="the paper draws 100 packs a step, so multiply batch_size by the degree to follow it with PacGAN",
)
WGAN_GP = Setting("wgan-gp", {"steps": 100_000, "batch_size": 256, "lr": 1e-4, "beta1": 0.5, "beta2": 0.9})
D2GAN = Setting("d2gan", {"steps": 25_000, "batch_size": 512, "lr": 2e-4, "beta1": 0.5})
LBT = Setting("unrolled", {"steps": 1_000_000, "batch_size": 512, "lr": 1e-3, "critic_lr": 1e-4, "beta1": 0.5})
LBT_GRID = Setting("unrolled", {**LBT.training, "steps": 2_000_000, "batch_size": 2048})
BOURGAN = Setting("bourgan", {"steps": 5_000, "batch_size": 128, "lr": 1e-3, "beta1": 0.5})
MADGAN = Setting(
    "madgan", {"steps": 198_000, "batch_size": 128, "lr": 1e-4, "beta1": 0.5}, note="read in a third party's code"
)
REVIEW = {"batch_size": 32, "optimizer": "sgd", "lr": 5e-4}

# DCGAN's optimiser, and the order of its code, which has both players step on one batch.
DCGAN_TRAINING: Mapping[str, Any] = {
    "batch_size": 64,
    "lr": 2e-4,
    "critic_lr": None,
    "beta1": 0.5,
    "beta2": 0.999,
    "order": "shared-batch",
}

POINTS = Setting("small")
# A look at images takes seconds, since networks draw them and judge them, so there are fewer, of fewer samples.
LOOKS = {"every": 250, "look": 500, "snapshot": 64, "walks": 2}
IMAGES = Setting("dcgan-small", {"batch_size": 64, "lr": 2e-4}, {**LOOKS, "samples": 5000})

SETTINGS: dict[str, Setting] = {
    "stacked-mnist:veegan": Setting(
        "dcgan",
        {"steps": 100_000, "batch_size": 64, "lr": 2e-4, "beta1": 0.5},
        {**LOOKS, "samples": 26_000},
        note="50 epochs of 128,000; the port that the paper used lets the generator step twice for each critic step",
    ),
    "stacked-mnist:unrolled": Setting(
        "stacked-quarter",
        {"steps": 500_000, "batch_size": 128, "lr": 1e-4, "critic_lr": 2e-4, "beta1": 0.5, "beta2": 0.99},
        {**LOOKS, "samples": 25_600},
        note="as PacGAN's appendix has it; stacked-half is the other network",
    ),
    "ring:unrolled": NOTEBOOK,
    "ring:unrolled-legacy": NOTEBOOK,
    "ring:unrolled-paper": Setting(
        "unrolled-paper",
        {"steps": 25_000, "batch_size": 512, "lr": 1e-4, "beta1": 0.5},
        note="recalled, not read again; the batch and the steps are the notebook's",
    ),
    "ring:lsgan": LSGAN_RING,
    "ring:d2gan": D2GAN,
    "ring:pacgan": PACGAN,
    "ring:veegan": VEEGAN,
    "ring:wgan-gp": WGAN_GP,
    "ring:lbt": LBT,
    "ring:gdpp": NOTEBOOK,
    "grid25:ali": ALI,
    "grid25:veegan": VEEGAN,
    "grid25:pacgan": PACGAN,
    "grid25:gdpp": NOTEBOOK,
    "grid25:wgan-gp": WGAN_GP,
    "grid25:bourgan": BOURGAN,
    "grid100:lbt": LBT_GRID,
    "highdim:veegan": VEEGAN,
    "swissroll:wgan-gp": WGAN_GP,
    "five:madgan": MADGAN,
    "moons:review": Setting("review", {**REVIEW, "steps": 150_000}),
    "moons32": Setting(
        "review-notebook",
        {**REVIEW, "steps": 300_000, "critic_lr": 2.5e-4, "order": "simultaneous"},
        note="the notebook halves the critic's loss, which for SGD is half its learning rate, and draws the fakes of "
        "both players before either steps; it shows all 32 points at every step, not 32 draws of them",
    ),
}

# Where a method's own paper tried it on a kind of data: the preset, by the data set's name and the method's.
PAPERS: dict[str, dict[str, str]] = {
    "ring": {
        "gan": "ring:unrolled",
        "lsgan": "ring:lsgan",
        "unrolled": "ring:unrolled",
        "veegan": "ring:veegan",
        "pacgan": "ring:pacgan",
        "wgan-gp": "ring:wgan-gp",
        "d2gan": "ring:d2gan",
        "lbt": "ring:lbt",
        "lbt-gan": "ring:lbt",
        "gdpp": "ring:gdpp",
    },
    "grid25": {
        "gan": "grid25:pacgan",
        "ali": "grid25:ali",
        "veegan": "grid25:veegan",
        "pacgan": "grid25:pacgan",
        "wgan-gp": "grid25:wgan-gp",
        "gdpp": "grid25:gdpp",
        "bourgan": "grid25:bourgan",
    },
    "moons": {"gan": "moons:review"},
    "stacked-mnist": {
        "unrolled": "stacked-mnist:unrolled",
        "veegan": "stacked-mnist:veegan",
        "pacgan": "stacked-mnist:veegan",
    },
}


def setting_for(name: str, images: bool) -> Setting:
    """The setting that goes with a data set's name, or the common small one for points or for images."""
    return SETTINGS.get(name, IMAGES if images else POINTS)
