"""A network or function of the user's as features."""

__all__ = ["FromFunction", "FromOnnx", "FromTorchScript"]

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..core.errors import ModescopeError, need
from ..core.untouched import evaluated
from ..sources.generators import is_torchscript, onnx_session
from ..sources.settle import refuse
from .base import Features
from .resize import resize, unit


class FromFunction(Features):
    """The output of a module or function: images come as floats in [0, 1] at their own size, points as they are.

    A module computes in evaluation mode, where its weights are and in their precision. Its features are not kept in a
    cache: nobody can tell whether its code changed.

    Arguments:
        function: Takes a batch with shape `(B, C, H, W)` or `(B, D)`, and gives `(B, F)`.
        device: Where a function gets its batches.
    """

    images = False

    def __init__(self, function: Callable[[Tensor], Any], device: str = "cpu") -> None:
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.protocol = f"output of {self.name} for points as they are, or images in [0, 1] at their own size"
        first = next(function.parameters(), None) if isinstance(function, nn.Module) else None
        self.device = str(first.device) if first is not None else device
        self.dtype = first.dtype if first is not None and first.is_floating_point() else None

    def __call__(self, batch: Tensor) -> Tensor:
        given = unit(batch).to(self.device, self.dtype)
        with evaluated(self.function):
            return as_rows(self.function(given), len(batch), self.name)


class FromTorchScript(Features):
    """The output of a TorchScript file: images come as floats in [0, 1] at their own size, points as they are.

    A TorchScript file is a program: load only files that you trust.

    Arguments:
        path: The file.
        device: Where it computes.

    Raises:
        ModescopeError: If it is no TorchScript file.
    """

    images = False

    def __init__(self, path: Path, device: str = "cpu") -> None:
        self.network = load_torchscript(path, device)
        self.digest = file_hash(path)
        self.name = path.name
        self.protocol = f"output of {path.name} for points as they are, or images in [0, 1] at their own size"
        self.device = device

    def __call__(self, batch: Tensor) -> Tensor:
        given = unit(batch).to(self.device, torch.float32)
        return as_rows(run(self.network, given, self.name), len(batch), self.name)

    def fingerprint(self) -> str:
        return f"torchscript 1 {self.digest}"


class FromOnnx(Features):
    """The first output of an ONNX file: images come as floats in [0, 1], at the size that it declares or their own.

    Arguments:
        path: The file.

    Raises:
        ModescopeError: If it cannot be loaded, or does not take one input of floats.
    """

    images = False

    def __init__(self, path: Path) -> None:
        self.session = onnx_session(path, f"the network {str(path)!r}")
        self.digest = file_hash(path)
        self.name = path.name
        shape = self.session.get_inputs()[0].shape
        declared = len(shape) == 4 and all(isinstance(side, int) and side > 0 for side in shape[2:])
        self.size: tuple[int, int] | None = (shape[2], shape[3]) if declared else None
        at = f"at {shape[2]} x {shape[3]} (antialiased bicubic)" if declared else "at their own size"
        self.protocol = f"output of {path.name} for points as they are, or images in [0, 1] {at}"

    def __call__(self, batch: Tensor) -> Tensor:
        if batch.ndim == 4 and self.size is not None:
            given = resize(batch.cpu(), self.size) / 255
        else:
            given = unit(batch).cpu().float()
        return as_rows(run(self.call, given, self.name), len(batch), self.name)

    def call(self, given: Tensor) -> Tensor:
        """The first output."""
        return torch.from_numpy(self.session.run(None, {self.session.get_inputs()[0].name: given.numpy()})[0])

    def fingerprint(self) -> str:
        return f"onnx 1 {self.digest}"


def load_torchscript(path: Path, device: str) -> Any:
    """The network in a TorchScript file, in evaluation mode."""
    need(path.is_file(), f"there is no file {str(path)!r}")
    need(
        is_torchscript(path),
        f"{str(path)!r} is no TorchScript file: a pickled network is not loaded, as that would run any code in it; "
        "write it with torch.jit.script(network).save(path)",
    )
    try:
        return torch.jit.load(path, map_location=device).eval()
    except Exception as error:  # whatever a damaged program raises
        raise refuse(repr(str(path)), error) from error


def run(network: Callable[[Tensor], Any], given: Tensor, name: str) -> Any:
    """The output of a network in a file, whose own errors become one sentence."""
    try:
        with torch.inference_mode():
            return network(given)
    except Exception as error:  # whatever a network raises
        lines = [line for line in str(error).strip().splitlines() if line.strip()] or [type(error).__name__]
        raise ModescopeError(f"{name} does not take samples of shape {tuple(given.shape)}: {lines[-1]}") from error


def as_rows(made: Any, count: int, name: str) -> Tensor:
    """The output of a network, if it is one vector for each of `count` samples."""
    need(isinstance(made, Tensor), f"{name} gave a {type(made).__name__}, expected a tensor of shape (B, F)")
    need(
        made.ndim == 2 and len(made) == count and made.is_floating_point(),
        f"{name} gave {str(made.dtype).removeprefix('torch.')} of shape {tuple(made.shape)} for {count} samples, "
        "expected floats of shape (B, F): pool or flatten what is left of the image",
    )
    return made.detach()


def file_hash(path: Path) -> str:
    """The SHA-256 of a file."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(2**20):
            total.update(part)
    return total.hexdigest()
