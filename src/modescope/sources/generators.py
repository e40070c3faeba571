"""Samples that a network makes: a TorchScript or ONNX file, or a module."""

__all__ = ["from_module", "from_onnx", "from_torchscript", "is_torchscript", "onnx_session"]

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..core.errors import ModescopeError, extra, need
from ..core.noise import seed_of
from ..core.untouched import evaluated
from .base import Source
from .layout import to_rows
from .settle import Options, Raw, refuse, settle
from .spool import Spool

AT_ONCE = 64  # latents handed to a network, always the same, so that batches do not show in rounding


def is_torchscript(path: Path) -> bool:
    """Whether a file is an archive that ``torch.jit.save`` wrote."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.split("/")[1:2] == ["code"] for name in archive.namelist())
    except Exception:  # zipfile raises anything on what is no archive, or a damaged one
        return False


def from_torchscript(path: Path, options: Options) -> Source:
    """The samples of a TorchScript generator, made anew in each pass from standard normal latents of the seed.

    A TorchScript file is a program: load only files that you trust.

    Raises:
        ModescopeError: If it cannot be loaded, or `latent` or `n` is not given, or the network does not take it.
    """
    what = f"the generator {str(path)!r}"
    latent, options = latent_of(options, what), options.counted(what)
    try:
        network = torch.jit.load(path, map_location=options.device).eval()
    except Exception as error:  # whatever a damaged program raises
        raise refuse(what, error) from error
    call = partial(call_module, network, options.device)
    return from_file(path, lambda: call, latent, what, options)


def from_onnx(path: Path, options: Options) -> Source:
    """The samples of an ONNX generator, made anew in each pass from standard normal latents of the seed.

    Where `latent` is not given, it is what the network declares as its input.

    Raises:
        ModescopeError: If it cannot be loaded, has several inputs, or `n` is not given.

    Note:
        Nodes of a network that draw noise, e.g. ``RandomNormalLike``, are seeded when it is loaded, with a seed that
        onnxruntime holds for the whole process: each pass sets it, and loads the network anew.
    """
    what = f"the generator {str(path)!r}"
    session = onnx_session(path, what)
    declared = tuple(session.get_inputs()[0].shape[1:])
    if options.latent is None:
        whole = bool(declared) and all(isinstance(size, int) and size > 0 for size in declared)
        need(whole, f"{what} declares inputs of shape {declared}: say the shape of one latent with latent")
    latent = options.latent or declared
    options = options.counted(what)
    fixed = session.get_inputs()[0].shape[0]
    at_once = fixed if isinstance(fixed, int) and fixed > 0 else AT_ONCE

    def start() -> Callable[[Tensor], Tensor]:
        extra("onnxruntime", "images", "running .onnx networks").set_seed(seed_of("generator", options.seed))
        return partial(call_onnx, onnx_session(path, what))

    return from_file(path, start, latent, what, options, at_once)


def from_module(network: nn.Module, options: Options) -> Source:
    """The samples of a module, in evaluation mode, kept in a temporary file: its weights may change later."""
    what = f"the generator {type(network).__name__}"
    latent, options = latent_of(options, what), options.counted(what)
    with evaluated(network):
        call = partial(call_module, network, device_of(network, options.device))
        blocks = generated(call, latent, what, options, AT_ONCE)
        raw = Spool(what, options.n).fill((rows, None) for rows in blocks).raw()
    return settle(raw, options)


def device_of(network: nn.Module, device: str) -> str:
    """Where a module's weights are."""
    first = next(network.parameters(), None)
    return str(first.device) if first is not None else device


def latent_of(options: Options, what: str) -> tuple[int, ...]:
    """The shape of one latent."""
    need(options.latent is not None, f"{what} takes latents: say the shape of one with latent, e.g. latent=128")
    return options.latent or ()


def from_file(
    path: Path,
    start: Callable[[], Callable[[Tensor], Tensor]],
    latent: tuple[int, ...],
    what: str,
    options: Options,
    at_once: int = AT_ONCE,
) -> Source:
    """The samples of a generator in a file; `start` gives the network as it is at the start of a pass."""

    def digest() -> str:
        content = hashlib.sha256()
        with path.open("rb") as file:
            while part := file.read(2**20):
                content.update(part)
        about = f"{latent} {options.seed} {options.n} {options.drop} {options.pixels}"
        return hashlib.sha256(f"{content.hexdigest()} {about}".encode()).hexdigest()

    def blocks() -> Iterator[Tensor]:
        return generated(start(), latent, what, options, at_once)

    notes = (f"made from standard normal latents of shape {latent} (seed {options.seed})",)
    return settle(Raw(what, blocks, options.n or 0, stored=False, digest=digest), options, notes)


def generated(
    call: Callable[[Tensor], Tensor], latent: tuple[int, ...], what: str, options: Options, at_once: int
) -> Iterator[Tensor]:
    """`n` raw samples, from the same latents, and the same noise where a network draws its own, in every pass."""
    generator = torch.Generator().manual_seed(options.seed)
    count = options.n or 0
    for start in range(0, count, at_once):
        try:
            z = torch.randn(at_once, *latent, generator=generator)
            with torch.random.fork_rng():
                torch.manual_seed(seed_of("generator", options.seed, start))
                made = call(z)
        except ModescopeError:
            raise
        except Exception as error:  # whatever a network raises
            lines = [line for line in str(error).strip().splitlines() if line.strip()] or [type(error).__name__]
            raise ModescopeError(f"{what} does not take latents of shape {(at_once, *latent)}: {lines[-1]}") from error
        rows = to_rows(made, what)
        good = rows.ndim > 1 and len(rows) == at_once
        need(good, f"{what} made {tuple(rows.shape)} of {at_once} latents, expected as many samples")
        yield rows[: count - start]


def call_module(network: nn.Module, device: str, z: Tensor) -> Tensor:
    """The output of a PyTorch network."""
    with torch.inference_mode():
        made = network(z.to(device))
    return first_of(made)


def first_of(made: Any) -> Tensor:
    """The output of a network, or the first of several."""
    found = made[0] if isinstance(made, tuple | list) and made else made
    need(isinstance(found, Tensor), f"the network gave a {type(found).__name__}, expected a tensor")
    return found.clone() if found.is_inference() else found


def onnx_session(path: Path, what: str) -> Any:
    """An ONNX network with one input of floats."""
    runtime = extra("onnxruntime", "images", "running .onnx networks")
    try:
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has an exception for each kind of damage, without a common base
        raise refuse(what, error) from error
    inputs = session.get_inputs()
    need(
        len(inputs) == 1 and inputs[0].type == "tensor(float)",
        f"{what} takes {len(inputs)} inputs ({', '.join(f'{i.name}: {i.type}' for i in inputs)}), expected one "
        "tensor(float)",
    )
    return session


def call_onnx(session: Any, z: Tensor) -> Tensor:
    """The first output of an ONNX network."""
    return torch.from_numpy(session.run(None, {session.get_inputs()[0].name: z.numpy()})[0])
