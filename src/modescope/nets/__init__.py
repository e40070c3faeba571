"""Networks, and the layers that they are made of."""

from .architecture import ARCHITECTURES, NETWORKS, ROLES, Architecture, NetworkSpec, UserModule, architecture
from .conv import ConvCritic, ConvGenerator
from .layers import BatchNorm, Maxout, Scale
from .mlp import MLP
from .resnet import ResNetCritic, ResNetGenerator

__all__ = [
    "ARCHITECTURES",
    "MLP",
    "NETWORKS",
    "ROLES",
    "Architecture",
    "BatchNorm",
    "ConvCritic",
    "ConvGenerator",
    "Maxout",
    "NetworkSpec",
    "ResNetCritic",
    "ResNetGenerator",
    "Scale",
    "UserModule",
    "architecture",
]
