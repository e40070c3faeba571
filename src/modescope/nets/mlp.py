"""Multilayer perceptrons, as the papers on toy data describe theirs."""

__all__ = ["ACTIVATIONS", "INITS", "MLP"]

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

from torch import nn

from ..core.errors import need
from .layers import WIDEST, BatchNorm, Maxout, Scale

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": partial(nn.LeakyReLU, 0.2),
    "leaky-relu-0.1": partial(nn.LeakyReLU, 0.1),
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
    "elu": nn.ELU,
}
INITS = ("torch", "he", "xavier", "normal", "orthogonal")

Activation = Literal["relu", "leaky-relu", "leaky-relu-0.1", "tanh", "softplus", "elu", "maxout"]
Init = Literal["torch", "he", "xavier", "normal", "orthogonal"]


@dataclass(frozen=True, kw_only=True)
class MLP:
    """A multilayer perceptron with a linear head.

    Arguments:
        hidden: The widths of the hidden layers.
        activation: What follows each hidden layer (``leaky-relu`` has the slope 0.2); ``maxout`` takes the largest of
            `pieces` linear maps instead.
        pieces: The number of linear maps of a maxout unit.
        batch_norm: Whether each hidden layer is normalised over its batch, before its activation (after a maxout).
        init: How weights are drawn: ``torch`` (PyTorch's default), ``he`` (normal), ``xavier`` (normal), ``normal``
            (standard deviation `gain`), or ``orthogonal`` (gain `gain`).
        gain: The scale of ``normal`` and ``orthogonal`` weights.
        bias: The standard deviation of the biases, or None for zeros (for PyTorch's default under ``torch``).
        bias_mean: The mean of the biases, if `bias` is given.
        input_scale: What the input is multiplied by; the unrolled GAN's critic uses 1/4.
    """

    hidden: tuple[int, ...] = (64, 64)
    activation: Activation = "relu"
    pieces: int = 5
    batch_norm: bool = False
    init: Init = "torch"
    gain: float = 1.0
    bias: float | None = None
    bias_mean: float = 0.0
    input_scale: float = 1.0

    def __post_init__(self) -> None:
        need(all(width >= 1 for width in self.hidden), f"hidden is {self.hidden}, expected widths of at least 1")
        need(all(width <= WIDEST for width in self.hidden), f"hidden is {self.hidden}, expected at most {WIDEST:,}")
        valid = (*ACTIVATIONS, "maxout")
        need(self.activation in valid, f"activation is {self.activation!r}, expected one of {', '.join(valid)}")
        need(self.init in INITS, f"init is {self.init!r}, expected one of {', '.join(INITS)}")
        need(self.pieces >= 1, f"pieces is {self.pieces}, expected at least 1")
        need(self.gain >= 0, f"gain is {self.gain}, expected at least 0")
        need(self.bias is None or self.bias >= 0, f"bias is {self.bias}, expected at least 0")

    def build(self, inputs: int, outputs: int, shape: tuple[int, ...] = (), extra: int = 0) -> nn.Module:
        """A fresh network from `(N, inputs)` to `(N, outputs)`, drawn from PyTorch's global generator."""
        layers: list[nn.Module] = [] if self.input_scale == 1.0 else [Scale(self.input_scale)]
        for fan_in, fan_out in pairwise((inputs, *self.hidden)):
            layers += self.layer(fan_in, fan_out)
        layers.append(nn.Linear((inputs, *self.hidden)[-1], outputs))
        network = nn.Sequential(*layers)
        network.apply(self.draw)
        return network

    def layer(self, fan_in: int, fan_out: int) -> list[nn.Module]:
        """One hidden layer."""
        norm = [BatchNorm(fan_out)] if self.batch_norm else []
        if self.activation == "maxout":
            return [Maxout(fan_in, fan_out, self.pieces), *norm]
        return [nn.Linear(fan_in, fan_out), *norm, ACTIVATIONS[self.activation]()]

    def draw(self, module: nn.Module) -> None:
        """Draws the weights of one linear map."""
        if not isinstance(module, nn.Linear):
            return
        if self.init != "torch":
            match self.init:
                case "he":
                    nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                case "xavier":
                    nn.init.xavier_normal_(module.weight)
                case "normal":
                    nn.init.normal_(module.weight, std=self.gain)
                case "orthogonal":
                    nn.init.orthogonal_(module.weight, gain=self.gain)
            nn.init.zeros_(module.bias)
        if self.bias is not None:
            nn.init.normal_(module.bias, self.bias_mean, self.bias)
