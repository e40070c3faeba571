r"""Divergences from log-densities, without overflow, and to rounding at any weight.

Each function takes log-densities on the nodes of a quadrature rule, with shape `(*, n)`, and the rule's weights, with
shape `(n,)`. Without weights the measure counts: the log-densities are then log-probabilities of `n` outcomes. All
results are in nats, with shape :math:`(*)`. As in the papers, :math:`p` is the data and :math:`q` the generator.
"""

__all__ = ["game_value", "js", "kl", "log_ratio", "mixture_kl", "reverse_kl", "weighted_js"]

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ..core.errors import need


def kl(log_p: Tensor, log_q: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""The Kullback-Leibler divergence :math:`\mathrm{KL}(p \| q) = \int p \log (p / q)`.

    Arguments:
        log_p: Log-densities of the data, with shape `(*, n)`.
        log_q: Log-densities of the generator, with shape `(*, n)`.
        weights: The quadrature weights, with shape `(n,)`.
    """
    return _integrate(_mass_times(log_p, log_ratio(log_p, log_q)), weights)


def reverse_kl(log_p: Tensor, log_q: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""The reverse divergence :math:`\mathrm{KL}(q \| p)`; arguments as :func:`kl`."""
    return kl(log_q, log_p, weights)


def weighted_js(log_p: Tensor, log_q: Tensor, pi: float | Tensor, weights: Tensor | None = None) -> Tensor:
    r"""The weighted Jensen-Shannon divergence.

    .. math:: \mathrm{JS}_\pi(p \| q) = \pi\,\mathrm{KL}(p \| m) + (1 - \pi)\,\mathrm{KL}(q \| m),
        \qquad m = \pi p + (1 - \pi) q

    It vanishes at both ends, :math:`\mathrm{JS}_\pi / \pi \to \mathrm{KL}(p \| q)` as :math:`\pi \to 0` and
    :math:`\mathrm{JS}_\pi / (1 - \pi) \to \mathrm{KL}(q \| p)` as :math:`\pi \to 1`. The log-ratios to :math:`m` are
    formed directly, so the result keeps its digits there.

    References:
        | How (not) to Train your Generative Model: Scheduled Sampling, Likelihood, Adversary? (Huszár, 2015)
        | https://arxiv.org/abs/1511.05101

    Arguments:
        log_p: Log-densities of the data, with shape `(*, n)`.
        log_q: Log-densities of the generator, with shape `(*, n)`.
        pi: The weight of the data, in (0, 1), a number or with shape :math:`(*)`.
        weights: The quadrature weights, with shape `(n,)`.

    Raises:
        ModescopeError: If `pi` is not in (0, 1).
    """
    pi = _weight(pi, log_p)
    ratio = log_ratio(log_p, log_q)
    on_real = -pi * _mass_times(log_p, _log_mixture_ratio(-ratio, torch.log1p(-pi), pi.log()))
    on_fake = -(1 - pi) * _mass_times(log_q, _log_mixture_ratio(ratio, pi.log(), torch.log1p(-pi)))
    return _integrate(on_real + on_fake, weights)


def js(log_p: Tensor, log_q: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""The Jensen-Shannon divergence, :math:`\mathrm{JS}_{1/2}`, at most :math:`\log 2`; arguments as :func:`kl`."""
    return weighted_js(log_p, log_q, 0.5, weights)


def mixture_kl(log_p: Tensor, log_q: Tensor, pi: float | Tensor, weights: Tensor | None = None) -> Tensor:
    r"""The divergence :math:`\mathrm{KL}(m \| p)` of the mixture :math:`m = \pi p + (1 - \pi) q` from the data.

    Divided by :math:`1 - \pi`, this is what a generator with the non-saturating loss :math:`-\mathbb{E}_q \log D`
    descends against the optimal critic of weight :math:`\pi`. Arguments and errors as :func:`weighted_js`.
    """
    pi = _weight(pi, log_p)
    ratio = log_ratio(log_p, log_q)
    log_rest = torch.log1p(-pi)
    log_m = torch.logaddexp(pi.log() + log_p, log_rest + log_q)
    return _integrate(_mass_times(log_m, _log_mixture_ratio(-ratio, log_rest, pi.log())), weights)


def game_value(
    log_p: Tensor, log_q: Tensor, logit: Tensor, pi: float | Tensor, weights: Tensor | None = None
) -> Tensor:
    r"""The value of the weighted game at the critic :math:`D = \sigma(s)`.

    .. math:: V = \pi\,\mathbb{E}_p \log \frac{D}{\pi} + (1 - \pi)\,\mathbb{E}_q \log \frac{1 - D}{1 - \pi}

    Arguments and errors as :func:`weighted_js`; `logit` holds :math:`s` at the nodes, with shape `(*, n)`.
    """
    pi = _weight(pi, log_p)
    on_real = pi * _mass_times(log_p, logsigmoid(logit) - pi.log())
    on_fake = (1 - pi) * _mass_times(log_q, logsigmoid(-logit) - torch.log1p(-pi))
    return _integrate(on_real + on_fake, weights)


def log_ratio(log_p: Tensor, log_q: Tensor) -> Tensor:
    r"""The log-ratio :math:`\log (p / q)`, of the shape of the arguments, 0 where neither has mass."""
    return (log_p - log_q).masked_fill(log_p.isneginf() & log_q.isneginf(), 0)


def _log_mixture_ratio(t: Tensor, log_a: Tensor, log_b: Tensor) -> Tensor:
    r""":math:`\log (a e^t + b)` for weights with :math:`a + b = 1`, to rounding also where it is nearly 0."""
    small = torch.log1p(log_a.exp() * torch.expm1(t.clamp(-1, 1)))
    return torch.where(t.abs() < 1, small, torch.logaddexp(log_a + t, log_b))


def _mass_times(log_p: Tensor, value: Tensor) -> Tensor:
    """The product of a density and a value that may be infinite where the density is 0, and then does not count."""
    p = log_p.exp()
    return p * value.masked_fill(p == 0, 0)


def _weight(pi: float | Tensor, like: Tensor) -> Tensor:
    """The weight as a tensor that broadcasts over the nodes."""
    pi = torch.as_tensor(pi, dtype=like.dtype, device=like.device)
    outside = pi[~((pi > 0) & (pi < 1))]
    need(outside.numel() == 0, f"pi is {outside.flatten()[:1].tolist()}, expected numbers strictly between 0 and 1")
    return pi.unsqueeze(-1)


def _integrate(values: Tensor, weights: Tensor | None) -> Tensor:
    return values.sum(-1) if weights is None else (values * weights).sum(-1)
