"""Features by name."""

__all__ = ["FEATURES", "make_features"]

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import ModescopeError, nearest_name, need
from .base import Features
from .efficientnet import EfficientNetLite0
from .inception import from_text as inception
from .judged import JudgeFeatures
from .network import FromFunction, FromOnnx, FromTorchScript
from .pca import PCA
from .random_conv import RandomConv
from .raw import Raw
from .transformer import CLIP, DINOv2

DIGITS = 19  # that any seed has less of


def number(text: str, what: str) -> int:
    """The whole number after a colon."""
    need(
        text.isdecimal() and len(text) < DIGITS, f"{what}:{text} is not known, expected a whole number after the colon"
    )
    return int(text)


def no_argument(name: str, argument: str) -> None:
    """Raises if something stands after the colon of features that take nothing."""
    need(not argument, f"{name}:{argument} is not known, as {name} takes nothing after a colon")


def raw(argument: str, device: str) -> Features:
    """The samples themselves."""
    no_argument("raw", argument)
    return Raw()


def pca(argument: str, device: str) -> Features:
    """The main directions of the real samples: ``pca:K``."""
    need(bool(argument), "pca needs the number of directions, as in pca:50")
    return PCA(number(argument, "pca"), device)


def random_conv(argument: str, device: str) -> Features:
    """An untrained network: ``random-conv`` or ``random-conv:SEED``."""
    return RandomConv(number(argument, "random-conv") if argument else 0, device)


def efficientnet(argument: str, device: str) -> Features:
    """A small network trained on ImageNet."""
    no_argument("efficientnet-lite0", argument)
    return EfficientNetLite0(device)


FEATURES: dict[str, Callable[[str, str], Features]] = {
    "raw": raw,
    "pca": pca,
    "random-conv": random_conv,
    "efficientnet-lite0": efficientnet,
    "inception": inception,
    "dinov2": DINOv2,
    "clip": CLIP,
    "judge": JudgeFeatures,
}


def make_features(value: str | Path | Callable[..., Any] | Features, *, device: str = "cpu") -> Features:
    """The features that a name, a file or a function stands for.

    Arguments:
        value: A name: ``raw``, ``pca:K``, ``random-conv``, ``efficientnet-lite0``, ``inception``, ``inception:PATH``,
            ``dinov2``, ``dinov2:MODEL``, ``clip``, ``clip:MODEL``, ``judge:mnist`` or ``judge:fashion-mnist``; a
            TorchScript (``.pt``, ``.pth``, ``.ts``) or ``.onnx`` file; a module or function from a batch to `(B, F)`;
            or features.
        device: Where it computes, e.g. ``cuda``.

    Raises:
        ModescopeError: If there are no such features, or what they need is not installed.

    Example:
        >>> make_features("random-conv").dim
        480
    """
    if isinstance(value, Features):
        return value
    if not isinstance(value, str | Path):
        need(callable(value), f"the features are a {type(value).__name__}, expected a name, a file or a function")
        return FromFunction(value, device)
    text = str(value)
    path = Path(text)
    suffix = path.suffix.lower()
    name, _, argument = text.partition(":")
    if name in FEATURES:
        return FEATURES[name](argument, device)
    if suffix in (".pt", ".pth", ".ts", ".torchscript"):
        return FromTorchScript(path, device)
    if suffix == ".onnx":
        need(path.is_file(), f"there is no file {text!r}")
        return FromOnnx(path)
    if path.is_file():
        raise ModescopeError(f"{text!r} is of an unknown kind, expected a TorchScript (.pt) or .onnx file")
    raise nearest_name("feature", name, FEATURES)
