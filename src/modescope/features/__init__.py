"""Features of samples: vectors in which distances mean something, each with the sentence on how they were taken."""

from .base import Features
from .efficientnet import EfficientNetLite0
from .extract import extract
from .inception import Inception
from .judged import JudgeFeatures
from .make import FEATURES, make_features
from .network import FromFunction, FromOnnx, FromTorchScript
from .pca import PCA
from .random_conv import RandomConv
from .raw import Raw
from .resize import colour, resize
from .transformer import CLIP, DINOv2

__all__ = [
    "CLIP",
    "FEATURES",
    "PCA",
    "DINOv2",
    "EfficientNetLite0",
    "Features",
    "FromFunction",
    "FromOnnx",
    "FromTorchScript",
    "Inception",
    "JudgeFeatures",
    "RandomConv",
    "Raw",
    "colour",
    "extract",
    "make_features",
    "resize",
]
