"""What a phase diagram trains: every point of two axes, packed into as few populations as shapes allow."""

__all__ = ["Diagram", "Slab", "make_diagram"]

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..api import plan
from ..benchmark.entrants import Entrant
from ..core.config import MOST_MEMBERS, SWEPT_TRAINING, Training, short
from ..core.errors import is_whole, nearest_name, need
from ..core.method import float_fields, layers
from ..datasets.base import Dataset
from ..metrics import METRICS
from ..nets import MLP, Architecture
from ..runs import Evaluation, Experiment
from .axis import Axis

OF_NETWORKS = ("latent_dim", "width", "critic_width")
RATIO = "lr_ratio"
MOVED = {RATIO: "critic_lr"}  # what an axis of another name moves
SAMPLES, LOOK = 1000, 200  # of each member: what the metric is taken of, and what the last look sees
TRAINING = {field.name for field in dataclasses.fields(Training)}


@dataclass(frozen=True)
class Slab:
    """A population of a diagram: all points that differ in what can be swept, or in nothing but their seeds.

    Arguments:
        experiment: What is trained.
        fixed: The value that each axis has in all of it, where it is not swept.
        swept: The axis behind each swept hyper-parameter.
    """

    experiment: Experiment
    fixed: Mapping[str, float]
    swept: Mapping[str, str]

    @property
    def name(self) -> str:
        """A name for its folder."""
        return "-".join(f"{name}={short(value)}" for name, value in self.fixed.items()) or "all"

    def points(self) -> Iterator[Mapping[str, float]]:
        """The value of each axis for each member, in the members' order."""
        for member in self.experiment.members:
            yield {**self.fixed, **{axis: self.value(name, member.values[name]) for name, axis in self.swept.items()}}

    def value(self, name: str, swept: float) -> float:
        """The value of the axis behind a swept one: a critic's rate stands for a ratio to the generator's."""
        return self.experiment.training.lr / swept if self.swept[name] == RATIO else swept


@dataclass(frozen=True)
class Diagram:
    """The plan of a phase diagram.

    Arguments:
        dataset: The data set's text.
        method: The method's text.
        x: The horizontal axis.
        y: The vertical axis.
        metric: The metric that is drawn.
        seeds: How many seeds each point has.
        slabs: The populations.
    """

    dataset: str
    method: str
    x: Axis
    y: Axis
    metric: str
    seeds: int
    slabs: tuple[Slab, ...]

    @property
    def members(self) -> int:
        """How many networks are trained."""
        return sum(len(slab.experiment.members) for slab in self.slabs)


def make_diagram(
    dataset: str,
    method: str = "gan",
    *,
    x: str | Axis,
    y: str | Axis,
    seeds: int = 8,
    metric: str | None = None,
    architecture: str | None = None,
    **settings: Any,
) -> Diagram:
    r"""The plan of a map of a metric over two hyper-parameters.

    An axis is a hyper-parameter of the method (``pi``, ``unroll``) or of the training (``lr``, ``batch_size``);
    ``lr_ratio``, the generator's learning rate over the critic's; ``latent_dim``; ``width``, of the generator's hidden
    layers, or ``critic_width``. Values of real-valued hyper-parameters share one population; whole numbers change
    shapes, so each has one of its own.

    Arguments:
        dataset: A data set's text, e.g. ``ring``.
        method: A method's text, with values of fields after an @, e.g. ``weighted-js@saturating=true``.
        x: The horizontal axis, or its text: see :meth:`Axis.parse`.
        y: The vertical one.
        seeds: Members at each point.
        metric: What is drawn, of :data:`modescope.metrics.METRICS`; the number of modes if not given.
        architecture: The networks of a paper, by name; the data set preset's if not given.
        settings: Training settings for all points.

    Raises:
        ModescopeError: If a name is unknown, a value is not valid, both axes move the same, or there are too many
            networks.
    """
    axes = [Axis.parse(axis) if isinstance(axis, str) else axis for axis in (x, y)]
    need_two(axes, settings)
    need(is_whole(seeds, 1), f"seeds is {seeds!r}, expected at least 1")
    networks = seeds * len(axes[0].values) * len(axes[1].values)
    need(networks <= MOST_MEMBERS, f"the points and seeds are {networks:,} networks, expected at most {MOST_MEMBERS:,}")
    entrant = Entrant.parse(method)
    plain = plan(dataset, entrant.method(), seeds=seeds, architecture=architecture, **settings)
    across, up = (suited(axis, plain) for axis in axes)
    slabs = tuple(Slicer(dataset, entrant, plain, (across, up), settings).slabs())
    return Diagram(dataset, entrant.label, across, up, metric_of(metric, plain.dataset), seeds, slabs)


def need_two(axes: Sequence[Axis], settings: Mapping[str, Any]) -> None:
    """Refuses axes that move the same hyper-parameter, and settings that say again what an axis says."""
    need(axes[0].name != axes[1].name, f"x and y are both {axes[0].name}, expected two hyper-parameters")
    moved = [MOVED.get(axis.name, axis.name) for axis in axes]
    need(moved[0] != moved[1], f"{axes[0].name} and {axes[1].name} both move {moved[0]}, expected two hyper-parameters")
    for axis, name in zip(axes, moved, strict=True):
        need(name not in settings, f"{name} is a setting for all points, but the axis {axis.name} moves it")
    for name in ("sweep", "evaluation"):
        need(name not in settings, f"{name} is no setting of a phase diagram, which has its own")


@dataclass(frozen=True)
class Slicer:
    """Cuts a diagram into populations.

    Arguments:
        dataset: The data set's text.
        entrant: The method.
        plain: The experiment of a point where no axis says otherwise.
        axes: Both.
        settings: Training settings for all points.
    """

    dataset: str
    entrant: Entrant
    plain: Experiment
    axes: tuple[Axis, Axis]
    settings: Mapping[str, Any]

    def slabs(self) -> Iterator[Slab]:
        """One for each combination of values that cannot share a population."""
        fixed = [axis for axis in self.axes if axis.name not in self.swept]
        for values in itertools.product(*(axis.values for axis in fixed)):
            yield self.slab(dict(zip((axis.name for axis in fixed), values, strict=True)))

    @property
    def swept(self) -> set[str]:
        """The axes whose values share a population."""
        names = {axis.name for axis in self.axes}
        # A ratio is one to a learning rate that all members share.
        return (names & real_valued(self.plain)) - ({"lr"} if RATIO in names else set())

    def slab(self, fixed: Mapping[str, float]) -> Slab:
        """The population of all points that have these values."""
        whole = whole_fields(Training)
        training = {name: int(v) if name in whole else v for name, v in fixed.items() if name in TRAINING}
        of_method = {name: int(v) for name, v in fixed.items() if name not in {*TRAINING, *OF_NETWORKS}}
        experiment = plan(
            self.dataset,
            Entrant(self.entrant.spec, {**self.entrant.fields, **of_method}).method(),
            seeds=self.plain.seeds,
            architecture=shaped_as(self.plain.architecture, fixed),
            **{**self.settings, **training},
        )
        sweep, behind = {}, {}
        for axis in self.axes:
            if axis.name == RATIO:
                sweep["critic_lr"] = tuple(experiment.training.lr / value for value in axis.values)
                behind["critic_lr"] = RATIO
            elif axis.name in self.swept:
                sweep[axis.name], behind[axis.name] = axis.values, axis.name
        once = Evaluation(every=max(1, experiment.training.steps), samples=SAMPLES, look=LOOK, snapshot=0)
        return Slab(replace(experiment, sweep=sweep, evaluation=once), dict(fixed), behind)


def suited(axis: Axis, plain: Experiment) -> Axis:
    """The axis, with whole numbers where its hyper-parameter takes no others.

    Raises:
        ModescopeError: If there is no such hyper-parameter, or a ratio is not positive.
    """
    low = axis.values[0]
    need(axis.name != RATIO or low > 0, f"{RATIO} begins at {low:g}, expected more than 0")
    if axis.name in ("width", "critic_width"):
        which = "generator" if axis.name == "width" else "critic"
        mlp = isinstance(getattr(plain.architecture, which), MLP)
        need(mlp, f"{axis.name} is of layers of an MLP, which the {which} is not")
    kinds: tuple[type, ...] = (Training, *(type(layer) for layer in layers(plain.method)))
    counts = {*OF_NETWORKS, *(name for kind in kinds for name in whole_fields(kind))}
    if axis.name in real_valued(plain):
        return axis
    if axis.name in counts:
        return axis.whole()
    raise nearest_name("hyper-parameter", axis.name, {*counts, *real_valued(plain)})


def real_valued(plain: Experiment) -> set[str]:
    """The hyper-parameters whose values can share a population."""
    return {*float_fields(plain.method), "lr", "critic_lr", *SWEPT_TRAINING[plain.training.optimizer], RATIO}


def whole_fields(kind: type) -> set[str]:
    """The fields that hold a whole number."""
    return {field.name for field in dataclasses.fields(kind) if field.type in (int, "int")}


def shaped_as(networks: Architecture, fixed: Mapping[str, float]) -> Architecture:
    """The networks with the latents and the widths that a point has."""
    changes: dict[str, Any] = {}
    if "latent_dim" in fixed:
        changes["latent_dim"] = int(fixed["latent_dim"])
    for name, role in (("width", "generator"), ("critic_width", "critic")):
        if name in fixed:
            network = getattr(networks, role)
            changes[role] = replace(network, hidden=(int(fixed[name]),) * len(network.hidden))
    return replace(networks, **changes)


def metric_of(name: str | None, data: Dataset) -> str:
    """The metric of that name, or the number of modes.

    Raises:
        ModescopeError: If there is none of that name, or it cannot be taken of the data set.
    """
    if name is None:
        fitting = [each for each in ("modes_l2_3sigma", "modes_judged") if METRICS[each].applies(data)]
        need(bool(fitting), "the data set has no known modes to count, expected the name of a metric")
        return fitting[0]
    if name not in METRICS:
        raise nearest_name("metric", name, METRICS)
    found = METRICS[name]
    need(found.applies(data), f"metric {name} is not defined on this data set: it needs {found.requires}")
    return name
