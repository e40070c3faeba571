"""Remedies for mode collapse, one a file, and the plain GAN that they are compared with."""

from ..core.method import layers
from .ali import ALI
from .forward_kl import ForwardKL
from .gan import GAN
from .lsgan import LSGAN
from .pacgan import PacGAN
from .r3gan import R3GAN
from .spec import build, decode, encode, spec_of
from .table import METHODS, class_of, name_of
from .unrolled import UnrolledGAN
from .veegan import VEEGAN
from .weighted_js import WeightedJS
from .wgan_gp import WGANGP

__all__ = [
    "ALI",
    "GAN",
    "LSGAN",
    "METHODS",
    "R3GAN",
    "VEEGAN",
    "WGANGP",
    "ForwardKL",
    "PacGAN",
    "UnrolledGAN",
    "WeightedJS",
    "build",
    "class_of",
    "decode",
    "encode",
    "layers",
    "name_of",
    "spec_of",
]
