"""Networks, and the layers that they are made of."""

from .architecture import ARCHITECTURES, Architecture, UserModule, architecture
from .layers import BatchNorm, Maxout, Scale
from .mlp import MLP

__all__ = ["ARCHITECTURES", "MLP", "Architecture", "BatchNorm", "Maxout", "Scale", "UserModule", "architecture"]
