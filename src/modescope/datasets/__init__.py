"""Distributions to learn: exact samplers, exact densities where there are any, and known modes."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import ModescopeError, nearest_name, need
from .array import ArrayData, FixedSet
from .base import Dataset, Modes
from .checks import nested
from .gaussians import GaussianMixture, GaussianModes
from .grid import Grid
from .highdim import HighDim
from .images import (
    CIFAR10,
    MNIST,
    CelebA,
    FashionMNIST,
    ImageData,
    ImageFolder,
    SignDigits,
    StackedFashionMNIST,
    StackedMNIST,
)
from .line import Line
from .mixture import Mixture
from .moons import ArcModes, MoonsThirtyTwo, TwoMoons
from .presets import PRESETS, TAGS, Preset
from .ring import Ring
from .swissroll import SwissRoll

__all__ = [
    "CIFAR10",
    "DATASETS",
    "MNIST",
    "PRESETS",
    "TAGS",
    "ArcModes",
    "ArrayData",
    "CelebA",
    "Dataset",
    "FashionMNIST",
    "FixedSet",
    "GaussianMixture",
    "GaussianModes",
    "Grid",
    "HighDim",
    "ImageData",
    "ImageFolder",
    "Line",
    "Mixture",
    "Modes",
    "MoonsThirtyTwo",
    "Preset",
    "Ring",
    "SignDigits",
    "StackedFashionMNIST",
    "StackedMNIST",
    "SwissRoll",
    "TwoMoons",
    "decode",
    "encode",
    "make",
    "recipe",
    "spec_names",
]

DATASETS: dict[str, type[Dataset]] = {
    "ring": Ring,
    "grid": Grid,
    "line": Line,
    "moons": TwoMoons,
    "moons32": MoonsThirtyTwo,
    "highdim": HighDim,
    "swissroll": SwissRoll,
    "mixture": Mixture,
    "array": ArrayData,
    "mnist": MNIST,
    "fashion-mnist": FashionMNIST,
    "cifar10": CIFAR10,
    "celeba": CelebA,
    "sign-digits": SignDigits,
    "stacked-mnist": StackedMNIST,
    "stacked-fashion-mnist": StackedFashionMNIST,
    "image-folder": ImageFolder,
}


def spec_names() -> tuple[str, ...]:
    """The names that :func:`make` knows: the data sets and the presets."""
    return (*DATASETS, *PRESETS)


def make(spec: str, **fields: Any) -> Dataset:
    """The data set that a name, a preset or a file stands for.

    Arguments:
        spec: A name like ``ring``, a preset like ``ring:pacgan``, a ``.npy``, ``.npz`` or ``.csv`` file of samples, a
            folder of images, or a ``.json`` file with the means, std or covariances, and weights of a mixture.
        fields: Values that replace those of the data set.

    Raises:
        ModescopeError: If there is no such data set, field or file.

    Example:
        >>> make("ring:pacgan", count=16)
        Ring(count=16, radius=1.0, sigma=0.01, duplicate_endpoint=False)
    """
    kind, chosen = recipe(spec)
    return _build(kind, {**chosen, **fields})


def recipe(spec: str) -> tuple[type[Dataset], dict[str, Any]]:
    """The class that a text for :func:`make` stands for, and the fields that it sets; only mixtures are read for it.

    Raises:
        ModescopeError: If there is no such data set, or a mixture's file cannot be read.
    """
    if spec in DATASETS:
        return DATASETS[spec], {}
    if spec in PRESETS:
        return PRESETS[spec].dataset, dict(PRESETS[spec].fields)
    path = Path(spec)
    if path.suffix.lower() == ".json":
        return Mixture, _fields(Mixture.from_json(path))
    if spec and path.is_dir():
        return ImageFolder, {"path": spec}
    if path.suffix or path.name != spec:
        return ArrayData, {"path": spec}
    raise nearest_name("dataset", spec, spec_names())


def encode(dataset: Dataset) -> dict[str, Any]:
    """A data set as a name and numbers that JSON can hold, which :func:`decode` reads.

    Raises:
        ModescopeError: If the class of the data set is not in :data:`DATASETS`.
    """
    for name, kind in DATASETS.items():
        if type(dataset) is kind:
            return {"name": name, **_fields(dataset)}
    raise ModescopeError(f"{type(dataset).__name__} cannot be written down: it is not one of {', '.join(DATASETS)}")


def decode(written: Mapping[str, Any]) -> Dataset:
    """The data set that :func:`encode` wrote; an array is read from its file again, which must not have changed.

    Raises:
        ModescopeError: If the name or a field is unknown, a value is bad, or the array was held in memory only.
    """
    need(
        isinstance(written, Mapping) and isinstance(written.get("name"), str),
        f"{written!r} describes no data set, expected a mapping with a name",
    )
    fields = {key: nested(value) for key, value in written.items() if key != "name"}
    if written["name"] not in DATASETS:
        raise nearest_name("dataset", written["name"], DATASETS)
    kind = DATASETS[written["name"]]
    need(
        kind is not ArrayData or bool(fields.get("path")),
        "the data set was an array in memory, which no file holds: build it again with ArrayData.from_array",
    )
    return _build(kind, fields)


def _fields(dataset: Dataset) -> dict[str, Any]:
    """The parameters of a data set by name."""
    return {field.name: getattr(dataset, field.name) for field in dataclasses.fields(dataset) if field.init}


def _build(kind: type[Dataset], fields: Mapping[str, Any]) -> Dataset:
    """The data set of class `kind`, once its field names are known to be right."""
    known = {field.name: field for field in dataclasses.fields(kind) if field.init}
    for name in fields:
        if name not in known:
            raise nearest_name(f"{kind.__name__} field", name, known)
    for name, field in known.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        need(name in fields or not required, f"{kind.__name__} needs the field {name!r}")
    return kind(**fields)
