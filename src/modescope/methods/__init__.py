"""Remedies for mode collapse, one a file, and the plain GAN that they are compared with."""

from ..core.method import layers
from .ali import ALI
from .began import BEGAN
from .bibliography import bibtex_of
from .bourgan import BourGAN
from .d2gan import D2GAN
from .dragan import DRAGAN
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
from .r3gan import R3GAN
from .ratio import RatioGAN
from .rpgan import RpGAN
from .sig import SIG
from .spec import build, decode, encode, spec_of
from .spectral_norm import SpectralNorm
from .table import METHODS, available, class_of, name_of
from .top_k import TopK
from .ttur import TTUR
from .unrolled import UnrolledGAN
from .veegan import VEEGAN
from .weighted_js import WeightedJS
from .wgan import WGAN
from .wgan_gp import WGANGP

__all__ = [
    "ALI",
    "BEGAN",
    "BourGAN",
    "D2GAN",
    "DRAGAN",
    "EMA",
    "FGAN",
    "ForwardKL",
    "GAN",
    "GDPP",
    "Hinge",
    "HistoricalAveraging",
    "IMLE",
    "InstanceNoise",
    "LBT",
    "LBTGAN",
    "LSGAN",
    "LabelSmoothing",
    "MADGAN",
    "MDGAN",
    "METHODS",
    "MMDGAN",
    "MMDNet",
    "MSGAN",
    "MinibatchDiscrimination",
    "MinibatchStddev",
    "ModeRegularized",
    "MultiModalLatents",
    "PacGAN",
    "R3GAN",
    "RatioGAN",
    "RpGAN",
    "SIG",
    "SpectralNorm",
    "TTUR",
    "TopK",
    "UnrolledGAN",
    "VEEGAN",
    "WGAN",
    "WGANGP",
    "WeightedJS",
    "available",
    "bibtex_of",
    "build",
    "class_of",
    "decode",
    "encode",
    "layers",
    "name_of",
    "spec_of",
]
