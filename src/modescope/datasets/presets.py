r"""The data of published experiments, each with where its parameters were found."""

__all__ = ["PRESETS", "TAGS", "Preset"]

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .base import Dataset
from .grid import Grid
from .highdim import HighDim
from .images.stacked import StackedMNIST
from .line import Line
from .moons import TwoMoons
from .ring import Ring
from .swissroll import SwissRoll

TAGS = {
    "code": "read in the official code",
    "text": "read in the paper",
    "third-party": "read in public copies or re-implementations of the official code",
    "recalled": "as the paper is remembered, not read again",
    "inferred": "the source gives no numbers; these are from a later paper that repeats its experiment",
    "house": "this package's own choice",
}


@dataclass(frozen=True)
class Preset:
    """The parameters of one published experiment.

    Arguments:
        dataset: The class of the data set.
        fields: The values of its fields; the others keep their defaults.
        summary: What is particular about it.
        reference: The paper, with its address.
        year: When the paper appeared, if known.
        tag: Where the parameters were found, a key of :data:`TAGS`.
    """

    dataset: type[Dataset]
    fields: Mapping[str, Any]
    summary: str
    reference: str
    year: int | None
    tag: str


UNROLLED = "Unrolled Generative Adversarial Networks (Metz et al., 2017), https://arxiv.org/abs/1611.02163", 2017
LSGAN = "Least Squares Generative Adversarial Networks (Mao et al., 2017), https://arxiv.org/abs/1611.04076", 2017
D2GAN = "Dual Discriminator Generative Adversarial Nets (Nguyen et al., 2017), https://arxiv.org/abs/1709.03831", 2017
PACGAN = (
    "PacGAN: The power of two samples in generative adversarial networks (Lin et al., 2018), "
    "https://arxiv.org/abs/1712.04086",
    2018,
)
VEEGAN = (
    "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning (Srivastava et al., 2017), "
    "https://arxiv.org/abs/1705.07761",
    2017,
)
WGAN_GP = "Improved Training of Wasserstein GANs (Gulrajani et al., 2017), https://arxiv.org/abs/1704.00028", 2017
LBT = (
    "Learning Implicit Generative Models by Teaching Explicit Ones (Du et al., 2018), https://arxiv.org/abs/1807.03870",
    2018,
)
GDPP = (
    "GDPP: Learning Diverse Generations Using Determinantal Point Processes (Elfeki et al., 2019), "
    "https://arxiv.org/abs/1812.00068",
    2019,
)
ALI = "Adversarially Learned Inference (Dumoulin et al., 2017), https://arxiv.org/abs/1606.00704", 2017
BOURGAN = (
    "BourGAN: Generative Networks with Metric Embeddings (Xiao et al., 2018), https://arxiv.org/abs/1805.07674",
    2018,
)
MADGAN = (
    "Multi-Agent Diverse Generative Adversarial Networks (Ghosh et al., 2018), https://arxiv.org/abs/1704.02906",
    2018,
)
KL = "GANs Optimizing KL Divergence Gain Resistance To Mode Collapse", None
REVIEW = "Addressing mode collapse in GANs (Martina-Perez)", None

RING8 = {"count": 8, "radius": 1.0, "sigma": 0.01}
RING7 = {**RING8, "duplicate_endpoint": True}
RING9 = {**RING7, "count": 9}
GRID25 = {"rows": 5, "columns": 5, "spacing": 2.0, "sigma": 0.05}
GRID100 = {"rows": 10, "columns": 10, "spacing": 0.2, "sigma": 0.01}
PAIR = {"means": (-3.0, 3.0), "std": (1.0, 1.0)}
FIVE = {"means": (10.0, 20.0, 60.0, 80.0, 110.0), "std": (3.0, 3.0, 2.0, 2.0, 1.0)}

PRESETS: dict[str, Preset] = {
    "ring:unrolled": Preset(
        Ring, RING8, "the ring of the unrolled GAN's notebook, its eighth mode restored", *UNROLLED, "code"
    ),
    "ring:unrolled-legacy": Preset(
        Ring,
        RING7,
        "the ring of the unrolled GAN's notebook as it is: two angles coincide, so seven modes, one of weight 2/8",
        *UNROLLED,
        "code",
    ),
    "ring:unrolled-paper": Preset(
        Ring,
        {"count": 8, "radius": 2.0, "sigma": 0.02},
        "the ring of the unrolled GAN's figures, radius 2",
        *UNROLLED,
        "recalled",
    ),
    "ring:lsgan": Preset(
        Ring,
        RING9,
        "LSGAN's ring: nine angles of which two coincide, so eight modes, one of weight 2/9",
        *LSGAN,
        "code",
    ),
    "ring:d2gan": Preset(
        Ring,
        {"count": 8, "radius": 2.0, "sigma": 0.02**0.5},
        "D2GAN's ring, radius 2; 0.02 is the variance, though its code calls it std",
        *D2GAN,
        "code",
    ),
    "ring:pacgan": Preset(Ring, RING8, "PacGAN's ring of eight narrow modes", *PACGAN, "code"),
    "ring:veegan": Preset(
        Ring,
        RING8,
        "VEEGAN's ring; it states no radius and no deviation, these are PacGAN's for the same experiment",
        *VEEGAN,
        "inferred",
    ),
    "ring:wgan-gp": Preset(
        Ring,
        {"count": 8, "radius": 2 / 1.414, "sigma": 0.02 / 1.414},
        "WGAN-GP's ring: radius 2 and deviation 0.02, both divided by 1.414",
        *WGAN_GP,
        "code",
    ),
    "ring:lbt": Preset(
        Ring,
        {"count": 8, "radius": 1.0, "sigma": 0.1},
        "the ring of Learning by Teaching, with broad modes",
        *LBT,
        "code",
    ),
    "ring:gdpp": Preset(
        Ring,
        RING7,
        "GDPP's ring, copied from the unrolled GAN's notebook with its doubled mode, so seven modes",
        *GDPP,
        "code",
    ),
    "grid25": Preset(Grid, GRID25, "the usual grid of 25", *ALI, "code"),
    "grid25:ali": Preset(Grid, GRID25, "ALI's grid of 25, the first of its kind", *ALI, "code"),
    "grid25:veegan": Preset(Grid, GRID25, "the grid of 25 in VEEGAN's experiments", *VEEGAN, "third-party"),
    "grid25:pacgan": Preset(Grid, GRID25, "the grid of 25 in PacGAN's experiments", *PACGAN, "code"),
    "grid25:gdpp": Preset(Grid, GRID25, "the grid of 25 in GDPP's experiments", *GDPP, "code"),
    "grid25:wgan-gp": Preset(
        Grid,
        {"rows": 5, "columns": 5, "spacing": 2 / 2.828, "sigma": 0.05 / 2.828},
        "WGAN-GP's grid of 25, divided by 2.828; its code repeats 100,000 points, this stream is endless",
        *WGAN_GP,
        "code",
    ),
    "grid25:bourgan": Preset(
        Grid,
        {**GRID25, "sigma": 0.1},
        "BourGAN's grid of 25, variance 0.01; its code repeats 50 points a mode, this stream is endless",
        *BOURGAN,
        "code",
    ),
    "grid100": Preset(Grid, GRID100, "the usual grid of 100", *LBT, "code"),
    "grid100:lbt": Preset(Grid, GRID100, "the grid of 100 close modes of Learning by Teaching", *LBT, "code"),
    "highdim:veegan": Preset(
        HighDim,
        {"size": 1200, "noisy": 700},
        "ten modes in 1,200 dimensions, at the centres in PacGAN's code",
        *VEEGAN,
        "third-party",
    ),
    "swissroll:wgan-gp": Preset(SwissRoll, {"noise": 0.25, "scale": 7.5}, "WGAN-GP's spiral", *WGAN_GP, "code"),
    "pair": Preset(Line, PAIR, "two Gaussians on a line, at -3 and 3", *KL, "text"),
    "pair:kl": Preset(Line, PAIR, "the two modes of the paper's figure 1", *KL, "text"),
    "five:madgan": Preset(Line, FIVE, "MAD-GAN's five Gaussians on a line, of three widths", *MADGAN, "third-party"),
    "moons:review": Preset(
        TwoMoons, {"noise": 0.0}, "the moons of the review's text; its notebook trained on moons32", *REVIEW, "text"
    ),
    "stacked-mnist:veegan": Preset(
        StackedMNIST,
        {"split": "all", "fixed": 128_000, "pixels": "0 to 1"},
        "VEEGAN's triples as PacGAN's code has them: 128,000 fixed ones of all 70,000 digits, black at 0 though "
        "generators end in tanh",
        *PACGAN,
        "code",
    ),
    "stacked-mnist:unrolled": Preset(
        StackedMNIST,
        {"split": "train", "fixed": 0, "pixels": "-1 to 1"},
        "the unrolled GAN's triples as PacGAN's code has them: new ones at each step, of the training digits",
        *PACGAN,
        "code",
    ),
}
