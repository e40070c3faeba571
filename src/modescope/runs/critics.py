"""The critics of a run, as classifiers of real and fake."""

__all__ = ["critic_of"]

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import vmap

from ..core.engine import Population
from ..core.errors import need
from ..core.method import Method
from ..core.networks import Batch, Networks
from ..methods.threshold import threshold_of

PROBES = 8  # packs that show whether a critic judges each by itself


def critic_of(population: Population, index: int) -> Callable[[Tensor], Tensor]:
    r"""One member's critic as a function from samples `(N, D)` to the probabilities `(N / m,)` that they are real.

    The probability is :math:`\sigma(s - b)` with the critic's score :math:`s` and the score :math:`b` at which real and
    fake are equally likely (:func:`modescope.methods.threshold.threshold_of`). A critic of packs (PacGAN) gives one
    answer for each :math:`m` samples in a row; samples that fill no pack are left out. Noise that a method adds to what
    its critic sees is left out too.

    Arguments:
        population: The members; see :meth:`modescope.runs.Run.population`.
        index: Which one.

    Raises:
        ModescopeError: If its critic calls no single sample, or pack, real or fake.
    """
    values = {name: value[index] for name, value in population.values.items()}
    flats = {name: flat[index] for name, flat in population.state["flats"].items()}
    memory = {name: value[index] for name, value in population.state["memory"].items()}
    method, nets = population.one(values, flats, {}, torch.zeros(3, device=population.device, dtype=population.dtype))
    threshold, pack = threshold_of(method), method.at_once

    @torch.no_grad()
    def scores(packs: Tensor) -> Tensor:
        """The mean score of the samples `(N, D)`, as training records it."""
        zeros = torch.zeros(len(packs), population.drawn.latent_dim, device=packs.device, dtype=packs.dtype)
        shapes = method.noise(population.space, len(packs)).items()
        noise = {name: torch.zeros(shape, device=packs.device, dtype=packs.dtype) for name, shape in shapes}
        return method.observe(nets, Batch(packs, zeros, zeros[:, 0], noise, memory))["critic_real"]

    check_alone(method, nets, scores, population, pack)

    def probabilities(x: Tensor) -> Tensor:
        whole = x[: len(x) // pack * pack].to(population.device, population.dtype)
        found = vmap(scores, chunk_size=4096)(whole.unflatten(0, (-1, pack)))
        return (found.double().cpu() - threshold).sigmoid()

    return probabilities


def check_alone(
    method: Method, nets: Networks, scores: Callable[[Tensor], Tensor], population: Population, pack: int
) -> None:
    """Raises if a critic's answer to a sample depends on the others of its batch, as with batch normalisation."""
    real = population.dataset.sample(PROBES * pack, torch.Generator().manual_seed(0))
    real = real.to(population.device, population.dtype)
    alone = vmap(scores)(real.unflatten(0, (-1, pack))).mean()
    good = torch.allclose(scores(real), alone, rtol=1e-3, atol=1e-4)
    need(good, f"the critic of {type(method).__name__} judges whole batches: what it says of a sample is not defined")
