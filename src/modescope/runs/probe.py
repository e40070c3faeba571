r"""What a run's critics have learnt of classes that nobody told them."""

__all__ = ["Probed", "Row", "critic_features", "probe_run"]

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d

from ..core.engine import Population
from ..core.errors import is_whole, need
from ..core.method import layers
from ..core.noise import seed_of
from ..datasets.images.base import ImageData
from ..datasets.images.stacked import Stacked
from ..methods import SpectralNorm
from ..metrics.intervals import mean_interval
from ..metrics.linear_probe import linear_probe
from .run import Run

GRID = 4  # features of a layer are pooled to so many places in each direction
AT_ONCE = 500  # images that pass through a critic together


@dataclass(frozen=True)
class Row:
    """How well one kind of features tells the classes.

    Arguments:
        features: Which features.
        accuracy: The share of held-out images whose class is told rightly; the mean over members.
        low: The lower end of its 95 % interval: over members, or over images where there is one value alone.
        high: The upper end.
        per_member: The accuracy of each member's critic; one value for pixels.
        dims: The number of features.
    """

    features: str
    accuracy: float
    low: float
    high: float
    per_member: tuple[float, ...]
    dims: int


@dataclass(frozen=True)
class Probed:
    """What :func:`probe_run` finds.

    Arguments:
        rows: The critics' features, those of the same critics before training, and the pixels.
        train: The number of labelled images that classifiers are fitted on.
        test: The number of held-out images.
        classes: What the classes are, in words.
    """

    rows: tuple[Row, ...]
    train: int
    test: int
    classes: str

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def probe_run(run: Run, train: int = 2000, test: int = 10_000, seed: int = 0) -> Probed:
    """Fits linear classifiers of the data's classes on what the critics of a run make of images.

    The layers of a critic see images alone, never a class. If a classifier does better on them than on those of the
    same critic before its training, and on the pixels, the game has taught it what images are of.

    References:
        | Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks
        | (Radford et al., 2015), section 5.1
        | https://arxiv.org/abs/1511.06434

    Note:
        As there, the features of all convolutional layers are max-pooled to 4 x 4 places and put side by side, but the
        classifier is logistic regression, whose penalty is chosen on training images. The paper's critic was trained on
        other images than those that are classified; here they are of the same kind. Layers that normalise over a batch
        see 500 images at once.

    Arguments:
        run: The run, on images whose classes are known; of stacked pictures, the class of the red one is told.
        train: The number of labelled images that classifiers are fitted on, of the training images.
        test: The number of held-out images, of the test images.
        seed: Of the choice of images.

    Raises:
        ModescopeError: If classes are not known, or the critic has no convolutions or sees more than single images.
    """
    for name, value in (("train", train), ("test", test)):
        need(is_whole(value, AT_ONCE), f"{name} is {value!r}, expected a whole number of at least {AT_ONCE}")
    fitted, held = (labelled(run, split, n, seed) for split, n in (("train", train), ("test", test)))

    def score(features: Callable[[Tensor], Tensor]) -> tuple[float, int]:
        (x, known), (unseen, truth) = ((in_turn(features, images), labels) for images, labels in (fitted, held))
        return linear_probe(x, known, int(known.max()) + 1).accuracy(unseen, truth), x.shape[1]

    trained: list[tuple[float, int]] = []
    untrained: list[tuple[float, int]] = []
    for block in range(len(run.stores)):
        for found, population in ((trained, run.population(block)), (untrained, run.experiment.population(block))):
            found += [score(critic_features(population, index)) for index in range(len(population.members))]
    kinds = {"critic": trained, "critic before training": untrained, "pixels": [score(lambda x: x.flatten(1))]}
    classes = "class of the red picture" if isinstance(run.experiment.dataset, Stacked) else "class"
    return Probed(tuple(row_of(name, found, test) for name, found in kinds.items()), train, test, classes)


def row_of(features: str, found: list[tuple[float, int]], test: int) -> Row:
    """What one kind of features scored."""
    from scipy.stats import binomtest  # slow to import

    values = tuple(value for value, _ in found)
    if len(values) > 1:
        mean, low, high = mean_interval(values, (0.0, 1.0))
    else:
        interval = binomtest(round(values[0] * test), test).proportion_ci(0.95, "exact")
        mean, low, high = values[0], float(interval.low), float(interval.high)
    return Row(features, mean, low, high, values, found[0][1])


def labelled(run: Run, split: str, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images `(n, D)` of a split of the run's data, and their classes `(n,)`."""
    data = run.experiment.dataset
    known = isinstance(data, ImageData) and hasattr(data, "split") and data.arrays.labels is not None
    need(known, f"run {run.name!r} is on data without known classes, expected images such as mnist or cifar10")
    assert isinstance(data, ImageData)
    changes: dict[str, Any] = {"split": split, "digest": "", **({"fixed": 0} if isinstance(data, Stacked) else {})}
    drawn = replace(data, **changes)
    generator = torch.Generator().manual_seed(seed_of(seed, "probe", split))
    count = len(drawn.arrays)
    need(n <= count, f"{split} is {n:,}, but {run.name!r} is on data with {count:,} {split} images, expected no more")
    uniform = torch.rand(n, drawn.uniforms, generator=generator)
    uniform[:, 0] = (torch.randperm(count, generator=generator)[:n] + 0.5) / count  # none twice: intervals count each
    labels = drawn.labels(drawn.index(uniform))
    assert labels is not None
    return drawn.push(uniform, torch.empty(n, 0)), labels // 100 if isinstance(data, Stacked) else labels


def in_turn(features: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """The features of images, not of all at once."""
    return torch.cat([features(part) for part in images.split(AT_ONCE)])


def critic_features(population: Population, index: int) -> Callable[[Tensor], Tensor]:
    """What the convolutional layers of a member's critic make of images, from `(N, D)` to `(N, F)`.

    It is what each convolution after the first is given, and the layer that flattens the last, max-pooled to 4 x 4.

    Arguments:
        population: The members.
        index: Which one.

    Raises:
        ModescopeError: If its method has no critic of single samples, or that has no convolutions.
    """
    method, memory = population.method, {name: value[index] for name, value in population.state["memory"].items()}
    need(bool(method.critics) and method.at_once == 1, f"{type(method).__name__} has no critic of single images")
    role = method.critics[0]
    values = {name: value[index] for name, value in population.values.items()}
    flats = {name: flat[index] for name, flat in population.state["flats"].items()}
    method, nets = population.one(values, flats, {}, torch.zeros(3, device=population.device, dtype=population.dtype))
    for layer in layers(method):
        if isinstance(layer, SpectralNorm):
            nets = layer.normalised(nets, memory)
    seen: list[Tensor] = []
    given = [part for part in nets.layout.modules[role].modules() if isinstance(part, nn.Conv2d | nn.Flatten)]
    need(any(isinstance(part, nn.Conv2d) for part in given), f"the {role} has no convolutions, expected some")

    @torch.no_grad()
    def features(x: Tensor) -> Tensor:
        seen.clear()
        hooks = [part.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])) for part in given]
        try:
            nets[role](x.to(population.device, population.dtype))
        finally:
            for hook in hooks:
                hook.remove()
        maps = [part for part in seen[1:] if part.ndim == 4]  # the first is the image itself
        return torch.cat([pooled(part).flatten(1).float().cpu() for part in maps], 1)

    return features


def pooled(maps: Tensor) -> Tensor:
    """Maps `(N, C, H, W)`, max-pooled to 4 x 4 places; to fewer where they have fewer."""
    return adaptive_max_pool2d(maps, (min(GRID, maps.shape[2]), min(GRID, maps.shape[3])))
