"""The score at which a critic finds a sample as likely real as fake."""

__all__ = ["threshold_of"]

import math
from collections.abc import Callable
from typing import Any

import torch

from ..core import Method
from ..core.errors import ModescopeError
from ..core.method import holds, layers
from .ali import ALI
from .dragan import DRAGAN
from .fgan import FGAN
from .hinge import Hinge
from .label_smoothing import LabelSmoothing
from .lsgan import LSGAN
from .mad_gan import MADGAN
from .veegan import VEEGAN
from .weighted_js import WeightedJS

BISECTIONS = 60  # of an interval of 200, down to the rounding of double precision


def threshold_of(method: Method) -> float:
    r"""The score at which the best critic of a method has :math:`p = q`: above it, a sample is called real.

    It is 0 for a GAN, whose score is :math:`\log (p / q)`, and for the hinge loss; :math:`(a + b) / 2` for the
    least-squares GAN with labels :math:`a` and :math:`b`; :math:`-\log k` for MAD-GAN, whose critic sees :math:`k`
    fakes to a real sample; :math:`\log \frac{1 - \alpha}{1 + \alpha}` with a label of :math:`1 - \alpha` for reals; and
    the score of :math:`f'(1)` for an f-GAN, as its paper has it.

    Wrappers keep the threshold of what they wrap.

    References:
        | f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization (Nowozin et al., 2016),
        | section 2.4, on the threshold :math:`f'(1)`
        | https://arxiv.org/abs/1606.00709

    Arguments:
        method: The method, whose critic's scores are those that it records as ``critic_real``.

    Raises:
        ModescopeError: If the critic has no such score: there is none, it sees more than samples, or its scores are
            differences (a Wasserstein critic, a relativistic one) or energies.
    """
    chain = layers(method)
    smoothed = [layer for layer in chain if isinstance(layer, LabelSmoothing)]
    if smoothed:  # their labels add up, as their losses do
        alpha = sum(float(layer.alpha) for layer in smoothed)
        return math.log((1 - alpha) / (1 + alpha)) if alpha < 1 else -math.inf
    base = chain[-1]
    if type(base) in THRESHOLDS:
        return THRESHOLDS[type(base)](base)
    if holds(base, "logistic"):
        return 0.0
    raise ModescopeError(f"{type(base).__name__} calls no sample real or fake: {lack_of(base)}")


def lack_of(method: Method) -> str:
    """Why a method's critic says neither real nor fake."""
    if not method.critics:
        return "it has no critic of samples"
    if isinstance(method, ALI | VEEGAN):
        return "its critic judges pairs of a sample and a latent"
    return "the scores of its critic have no known value at which real and fake are equally likely"


def of_fgan(method: FGAN) -> float:
    """The free score that is held at the best one for equal densities, by bisection: holding increases."""
    row = method.row
    wanted = row.best(torch.zeros((), dtype=torch.float64))
    low, high = torch.tensor([-100.0, 100.0], dtype=torch.float64)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        below = row.held(middle, float(method.clip)) < wanted
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return float((low + high) / 2)


THRESHOLDS: dict[type[Method], Callable[[Any], float]] = {
    DRAGAN: lambda method: 0.0,
    Hinge: lambda method: 0.0,
    WeightedJS: lambda method: 0.0,  # its score is log (p / q), whatever the weight of reals
    LSGAN: lambda method: float((method.fake + method.real) / 2),
    MADGAN: lambda method: -math.log(method.generators),
    FGAN: of_fgan,
}
