"""The explicit table of methods, and a method's class by name or import path."""

__all__ = ["METHODS", "available", "class_of", "name_of"]

import inspect

from ..core.errors import nearest_name, need
from ..core.imports import imported
from ..core.method import Method
from .ali import ALI
from .began import BEGAN
from .bourgan import BourGAN
from .d2gan import D2GAN
from .dragan import DRAGAN
from .ebgan import ADM, EBGAN
from .ema import EMA
from .fgan import FGAN
from .forward_kl import ForwardKL
from .gan import GAN
from .gdpp import GDPP
from .hinge import Hinge
from .historical_averaging import HistoricalAveraging
from .imle import IMLE
from .instance_noise import InstanceNoise
from .label_smoothing import LabelSmoothing
from .lbt import LBT
from .lbt_gan import LBTGAN
from .lsgan import LSGAN
from .mad_gan import MADGAN
from .mdgan import MDGAN
from .minibatch_discrimination import MinibatchDiscrimination
from .minibatch_stddev import MinibatchStddev
from .mmd_gan import MMDGAN
from .mmd_net import MMDNet
from .mode_regularized import ModeRegularized
from .msgan import MSGAN
from .multimodal import MultiModalLatents
from .pacgan import PacGAN
from .plugins import plugins
from .r3gan import R3GAN
from .ratio import RatioGAN
from .rpgan import RpGAN
from .sig import SIG
from .spectral_norm import SpectralNorm
from .top_k import TopK
from .ttur import TTUR
from .unrolled import UnrolledGAN
from .veegan import VEEGAN
from .weighted_js import WeightedJS
from .wgan import WGAN
from .wgan_gp import WGANGP

METHODS: dict[str, type[Method]] = {
    "gan": GAN,
    "lsgan": LSGAN,
    "weighted-js": WeightedJS,
    "forward-kl": ForwardKL,
    "unrolled": UnrolledGAN,
    "pacgan": PacGAN,
    "veegan": VEEGAN,
    "ali": ALI,
    "wgan-gp": WGANGP,
    "r3gan": R3GAN,
    "wgan": WGAN,
    "hinge": Hinge,
    "dragan": DRAGAN,
    "rpgan": RpGAN,
    "fgan": FGAN,
    "ratio": RatioGAN,
    "mode-regularized": ModeRegularized,
    "mdgan": MDGAN,
    "lbt": LBT,
    "lbt-gan": LBTGAN,
    "sig": SIG,
    "imle": IMLE,
    "gdpp": GDPP,
    "msgan": MSGAN,
    "spectral-norm": SpectralNorm,
    "minibatch-stddev": MinibatchStddev,
    "minibatch-discrimination": MinibatchDiscrimination,
    "label-smoothing": LabelSmoothing,
    "instance-noise": InstanceNoise,
    "ttur": TTUR,
    "ema": EMA,
    "historical-averaging": HistoricalAveraging,
    "top-k": TopK,
    "multimodal": MultiModalLatents,
    "ebgan": EBGAN,
    "adm": ADM,
    "began": BEGAN,
    "mmd-gan": MMDGAN,
    "mmd-net": MMDNet,
    "d2gan": D2GAN,
    "mad-gan": MADGAN,
    "bourgan": BourGAN,
}


def available() -> dict[str, type[Method]]:
    """Every method by name: those of this package, then those of installed ones that have no name of ours."""
    return {**METHODS, **{name: kind for name, kind in plugins().items() if name not in METHODS}}


def name_of(method: Method | type[Method]) -> str:
    """The name of a method's class in the table, or its import path ``package.module:Class``."""
    wanted = method if isinstance(method, type) else type(method)
    names = [name for name, kind in available().items() if kind is wanted]
    return names[0] if names else f"{wanted.__module__}:{wanted.__qualname__}"


def class_of(name: str) -> type[Method]:
    """The class that a name in the table or an import path stands for.

    Arguments:
        name: ``lsgan``, or ``package.module:Class`` for a method of your own; the current folder is searched first.

    Raises:
        ModescopeError: If there is no such method.
    """
    known = available()
    if name in known:
        return known[name]
    if ":" not in name:
        raise nearest_name("method", name, known)
    found = imported("method", name)
    good = inspect.isclass(found) and issubclass(found, Method) and not inspect.isabstract(found)
    need(good, f"method {name!r} is no method, expected a subclass of modescope.core.Method with all that it asks for")
    return found
