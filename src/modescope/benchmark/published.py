"""What papers printed on the ring and on the grid of 25 Gaussians, each with its source.

The protocols differ (networks, steps, data, samples), so these numbers cannot be compared with each other, nor with
ours: the plain GAN alone covers 1 mode of the ring in one paper and 6.3 in another.
"""

__all__ = ["PUBLISHED", "Published", "published_of"]

from dataclasses import dataclass

VEEGAN = "Srivastava et al. (2017)"
PACGAN = "Lin et al. (2018)"
GDPP = "Elfeki et al. (2019), recalled"
BOURGAN = "Xiao et al. (2018), recalled"


@dataclass(frozen=True)
class Published:
    """A paper's numbers.

    Arguments:
        source: The paper that printed them, which need not be the method's own.
        modes: Modes covered.
        quality: Share of samples of high quality, in per cent; None where it gives none.
        reverse_kl: Reverse KL divergence over modes, in nats; None where it gives none.
    """

    source: str
    modes: float
    quality: float | None = None
    reverse_kl: float | None = None


PUBLISHED: dict[str, dict[str, tuple[Published, ...]]] = {
    "ring": {
        "gan": (Published(VEEGAN, 1, 99.3), Published(PACGAN, 6.3, 98.2, 0.45), Published(BOURGAN, 1, 99.94)),
        "ali": (Published(VEEGAN, 2.8, 0.13), Published(PACGAN, 6.6, 97.6, 0.36)),
        "unrolled": (Published(VEEGAN, 7.6, 35.6), Published(BOURGAN, 7.6, 88.0)),
        "veegan": (Published(VEEGAN, 8, 52.9), Published(BOURGAN, 8, 86.8)),
        "pacgan": (Published(PACGAN, 7.9, 95.6, 0.07), Published(BOURGAN, 7.8, 98.2)),
        "pacgan@degree=4": (Published(PACGAN, 7.8, 95.9, 0.07),),
        "gdpp": (Published(GDPP, 8, 71.7),),
        "wgan-gp": (Published(GDPP, 6.8, 59.6),),
        "bourgan": (Published(BOURGAN, 8, 99.88),),
    },
    "grid25": {
        "gan": (Published(VEEGAN, 3.3, 0.5), Published(PACGAN, 17.3, 94.8, 0.70), Published(BOURGAN, 17.7, 82.3)),
        "ali": (Published(VEEGAN, 15.8, 1.6), Published(PACGAN, 24.1, 95.7, 0.14)),
        "unrolled": (Published(VEEGAN, 23.6, 16.0), Published(BOURGAN, 14.9, 4.9)),
        "veegan": (Published(VEEGAN, 24.6, 40.0), Published(BOURGAN, 24.4, 77.2)),
        "pacgan": (Published(PACGAN, 23.8, 91.3, 0.13), Published(BOURGAN, 24.3, 79.5)),
        "pacgan@degree=4": (Published(PACGAN, 24.8, 93.6, 0.04),),
        "gdpp": (Published(GDPP, 24.8, 68.5),),
        "wgan-gp": (Published(GDPP, 24.2, 28.7),),
        "bourgan": (Published(BOURGAN, 25, 95.9),),
    },
}


def published_of(dataset: str, entrant: str) -> str:
    """What papers printed of an entrant on a kind of data, as text; empty if nothing."""
    rows = PUBLISHED.get(dataset.partition(":")[0], {}).get(entrant, ())
    return "; ".join(told(row) for row in rows)


def told(row: Published) -> str:
    """One paper's numbers in words."""
    quality = "" if row.quality is None else f", {row.quality:g} %"
    divergence = "" if row.reverse_kl is None else f", KL {row.reverse_kl:g}"
    return f"{row.modes:g} modes{quality}{divergence} ({row.source})"
