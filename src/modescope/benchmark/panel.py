"""What a benchmark measures on a kind of data: which metrics, which of them are tested, and by which one chooses."""

__all__ = ["JUDGED", "KNOWN", "MEASURED", "PANELS", "POINTS", "Panel", "panel_of"]

from dataclasses import dataclass, replace

from ..core.errors import ModescopeError
from ..datasets.base import Dataset
from ..metrics import METRICS


@dataclass(frozen=True)
class Panel:
    """The metrics of a kind of data.

    Arguments:
        metrics: All columns of its tables, in order.
        compared: Those by which entrants are tested against the plain GAN, ranked and drawn; a data set must have them.
        brief: Those that a terminal has room for.
        chosen_by: A distance, which no trick of single modes lowers: tables are sorted by it, and learning rates are
            chosen.
        fate: What tells how a seed ended, the first of most weight, each with its words around the value.
        worst: Which seed is the worst, to complete "the seed".
        modes: The metric that counts modes, if any are known.
        quality: The metric that is the share of samples on a mode, if there is one.
    """

    metrics: tuple[str, ...]
    compared: tuple[str, ...]
    brief: tuple[str, ...]
    chosen_by: str
    fate: tuple[tuple[str, str], ...]
    worst: str
    modes: str | None = None
    quality: str | None = None


KNOWN = Panel(
    metrics=(
        "modes_l2_3sigma",
        "modes_tenth_l2_3sigma",
        "hq_l2_3sigma",
        "reverse_kl_modes_all",
        "forward_kl_knn5",
        "w2_exact_n1000",
    ),
    compared=("modes_l2_3sigma", "hq_l2_3sigma", "w2_exact_n1000"),
    brief=("modes_l2_3sigma", "hq_l2_3sigma", "reverse_kl_modes_all", "w2_exact_n1000"),
    chosen_by="w2_exact_n1000",
    fate=(("modes_l2_3sigma", "{} modes"), ("hq_l2_3sigma", "{} HQ")),
    worst="with the fewest modes, then the lowest quality",
    modes="modes_l2_3sigma",
    quality="hq_l2_3sigma",
)
JUDGED = Panel(
    metrics=("modes_judged", "modes_tenth_judged", "reverse_kl_judged"),
    compared=("modes_judged", "reverse_kl_judged"),
    brief=("modes_judged", "reverse_kl_judged"),
    chosen_by="reverse_kl_judged",
    fate=(("modes_judged", "{} modes"), ("reverse_kl_judged", "KL {}")),
    worst="with the fewest modes, then the greatest KL",
    modes="modes_judged",
)
POINTS = Panel(
    metrics=("w2_exact_n1000", "sliced_w2_p128", "forward_kl_knn5", "mmd2_rbf_median_n1000"),
    compared=("w2_exact_n1000", "sliced_w2_p128"),
    brief=("w2_exact_n1000", "sliced_w2_p128", "mmd2_rbf_median_n1000"),
    chosen_by="w2_exact_n1000",
    fate=(("w2_exact_n1000", "W2 {}"),),
    worst="farthest from the data by W2",
)
PANELS = (KNOWN, JUDGED, POINTS)
MEASURED = tuple(dict.fromkeys(name for panel in PANELS for name in panel.metrics))


def panel_of(dataset: Dataset) -> Panel:
    """The first panel whose compared metrics a data set has, without other metrics that it has not.

    Raises:
        ModescopeError: If there is none.
    """
    for panel in PANELS:
        if all(METRICS[name].applies(dataset) for name in panel.compared):
            had = [name for name in panel.metrics if METRICS[name].applies(dataset)]
            return replace(panel, metrics=tuple(had), brief=tuple(name for name in panel.brief if name in had))
    raise ModescopeError(
        f"{type(dataset).__name__} cannot be benchmarked: it has neither known modes, nor a judge that tells the class "
        "of an image, nor samples that are points; diagnose samples of trained runs instead"
    )
