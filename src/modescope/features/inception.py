"""Inception-v3 as the Frechet Inception distance has it."""

__all__ = ["Inception"]

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..core.errors import ModescopeError, extra, need
from .base import Features, in_pieces
from .network import as_rows, file_hash, load_torchscript
from .resize import colour, resize

SIZE = 299
URL = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt"
NAME = URL.rpartition("/")[2]
SHA256 = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"


class Inception(Features):
    r"""The 2048 pooled features of the Inception-v3 of 2015, in the TorchScript form that StyleGAN's metrics load.

    References:
        | GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium (Heusel et al., 2017)
        | https://arxiv.org/abs/1706.08500
        | On Aliased Resizing and Surprising Subtleties in GAN Evaluation (Parmar, Zhang, Zhu, 2022)
        | https://arxiv.org/abs/2104.11222

    Note:
        The file resizes inside by TensorFlow 1's bilinear filter, which aliases. Here images come to it at 299 x 299
        already, resized by an antialiased bicubic filter, so that inner resize does nothing: distances are those of
        clean-fid, not those that StyleGAN's papers print. Logits are taken without the bias of the last layer, as the
        Inception score of 2016 does.

    Arguments:
        path: The file; downloaded once (91 MiB, checked against its SHA-256) if not given.
        device: Where it computes.
        cache: The folder for the download; that of the system's caches if not given.

    Raises:
        ModescopeError: If the file is missing, damaged, or cannot be downloaded.
    """

    dim = 2048
    classes = 1008
    name = "inception"

    def __init__(self, path: Path | None = None, device: str = "cpu", cache: Path | None = None) -> None:
        path = path or download(cache)
        self.network = load_torchscript(path, device)
        self.digest = file_hash(path)
        self.device = device
        self.protocol = f"images in colour at {SIZE} x {SIZE} (antialiased bicubic), pooled features of " + (
            "inception-2015-12-05.pt" if self.digest == SHA256 else f"{path.name}, which is NOT the published file"
        )

    def __call__(self, batch: Tensor) -> Tensor:
        try:
            with torch.inference_mode():
                return in_pieces(batch.to(self.device), self.device, self.pooled)
        except RuntimeError as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise ModescopeError(f"the file given as inception does not compute its features: {lines[-1]}") from error

    def pooled(self, images: Tensor) -> Tensor:
        """The pooled features of images of any size."""
        made = self.network(resize(colour(images), SIZE), return_features=True)
        return as_rows(made, len(images), self.name)

    def logits(self, features: Tensor) -> Tensor:
        weight = self.network.state_dict().get("output.weight")
        need(weight is not None, "the file given as inception has no layer named output, which tells classes")
        return linear(features.to(self.device, torch.float32), weight)

    def fingerprint(self) -> str:
        return f"inception 1 {self.digest}"


def cached() -> Path | None:
    """The file that was downloaded before, or None."""
    path = Path(extra("pooch", "images", "downloading inception").os_cache("modescope")) / NAME
    return path if path.is_file() else None


def download(cache: Path | None) -> Path:
    """The file, from the cache if it was downloaded before."""
    pooch = extra("pooch", "images", "downloading inception")
    folder = cache or Path(pooch.os_cache("modescope"))
    try:
        return Path(pooch.retrieve(URL, f"sha256:{SHA256}", fname=NAME, path=folder))
    except (OSError, ValueError) as error:  # no network, or another file than expected
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModescopeError(
            f"inception cannot be downloaded: {reason[0]}; get {URL} yourself and give its path as inception:PATH"
        ) from error


def from_text(path: str, device: str) -> Inception:
    """The features that ``inception`` or ``inception:PATH`` stands for."""
    need(not path or Path(path).is_file(), f"there is no file {path!r}")
    return Inception(Path(path) if path else None, device)
