"""The networks of the papers, with the shapes that the papers and their codes state."""

from typing import Any

import pytest
import torch
from torch import nn

from modescope.core import ModescopeError
from modescope.nets import ARCHITECTURES, Architecture, BatchNorm, Maxout, Scale, architecture

# For each: the latents, then what follows each linear map of generator, critic and encoder. Widths are of hidden
# layers; inputs and outputs come from the data. Maxout units take five linear maps.
PUBLISHED: dict[str, dict[str, Any]] = {
    # Martina-Perez: 8-4 ReLU, 64-8 tanh, two latents in the text and four in the published notebook.
    "review": {"latent": 2, "generator": ((8, 4), nn.ReLU), "critic": ((64, 8), nn.Tanh)},
    "review-notebook": {"latent": 4, "generator": ((8, 4), nn.ReLU), "critic": ((64, 8), nn.Tanh)},
    # Metz et al.: the notebook, and the figure of the paper.
    "unrolled": {"latent": 256, "generator": ((128, 128), nn.Tanh), "critic": ((128, 128), nn.Tanh)},
    "unrolled-paper": {"latent": 256, "generator": ((128, 128), nn.ReLU), "critic": ((128,), nn.ReLU)},
    # Srivastava et al.: the notebook; its critic has one layer whatever its argument says.
    "veegan": {
        "latent": 255,
        "generator": ((128, 128), nn.ReLU),
        "critic": ((128,), nn.ReLU),
        "encoder": ((128, 128), nn.ReLU),
    },
    # Dumoulin et al.: the mixture of Gaussians; PacGAN has the same without the encoder.
    "ali": {
        "latent": 2,
        "generator": ((400,) * 4, nn.ReLU),
        "critic": ((200,) * 3, Maxout),
        "encoder": ((400, 400), nn.ReLU),
    },
    "pacgan": {"latent": 2, "generator": ((400,) * 4, nn.ReLU), "critic": ((200,) * 3, Maxout)},
    "wgan-gp": {"latent": 2, "generator": ((512,) * 3, nn.ReLU), "critic": ((512,) * 3, nn.ReLU)},
    "d2gan": {"latent": 256, "generator": ((128, 128), nn.ReLU), "critic": ((128,), nn.ReLU)},
    "bourgan": {"generator": ((128, 128), nn.LeakyReLU), "critic": ((128, 128), nn.LeakyReLU)},
    "madgan": {"latent": 64, "generator": ((128, 128), nn.ReLU), "critic": ((128, 128), nn.ReLU)},
}


def shapes(widths: tuple[int, ...], activation: type, inputs: int, outputs: int) -> list[tuple[int, int]]:
    """The weight of each linear map, as `(outputs, inputs)`."""
    pieces = 5 if activation is Maxout else 1
    sizes = (inputs, *widths)
    hidden = [(b * pieces, a) for a, b in zip(sizes, widths, strict=False)]
    return [*hidden, (outputs, sizes[-1])]


OF_IMAGES = ("dcgan", "dcgan-small", "resnet-small", "stacked-quarter", "stacked-half")
OF_POINTS = [name for name in ARCHITECTURES if name not in OF_IMAGES]


def weights(network: nn.Module) -> list[tuple[int, int]]:
    linears = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert all(linear.bias is not None for linear in linears)
    return [(linear.out_features, linear.in_features) for linear in linears]


def test_every_paper_is_here() -> None:
    assert {*PUBLISHED, "small", *OF_IMAGES} == set(ARCHITECTURES)  # those of images stand in test_conv


@pytest.mark.parametrize("dim", [2, 1200])
@pytest.mark.parametrize("name", OF_POINTS)
def test_all_build_and_run(name: str, dim: int) -> None:
    found = ARCHITECTURES[name]
    space, latent = found.space(dim), found.latent_dim
    networks = {
        (latent, dim): space.generator(),
        (dim, 1): space.critic(),
        (dim, latent): space.encoder(),
        (dim + latent, 1): space.joint_critic(),
        (3 * dim, 1): space.packed(3).critic(),
    }
    for (inputs, outputs), network in networks.items():
        out = network(torch.randn(16, inputs, generator=torch.Generator().manual_seed(0)))
        assert out.shape == (16, outputs)
        assert out.isfinite().all()
        assert out.std() > 0


@pytest.mark.parametrize("dim", [2, 1200])
@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_of_the_paper(name: str, dim: int) -> None:
    found, published = ARCHITECTURES[name], PUBLISHED[name]
    latent = published.get("latent", found.latent_dim)
    assert found.latent_dim == latent
    space = found.space(dim)
    ends = {
        "generator": (space.generator(), latent, dim),
        "critic": (space.critic(), dim, 1),
        "encoder": (space.encoder(), dim, latent),
    }
    for role in ("generator", "critic", "encoder"):
        if role not in published:
            continue
        network, inputs, outputs = ends[role]
        widths, activation = published[role]
        assert weights(network) == shapes(widths, activation, inputs, outputs)
        assert sum(type(module) is activation for module in network.modules()) == len(widths)


def modules(network: nn.Module, kind: type) -> int:
    return sum(isinstance(module, kind) for module in network.modules())


def test_batch_norm_stands_where_the_papers_put_it() -> None:
    for name in ("ali", "pacgan"):
        space = ARCHITECTURES[name].space(2)
        assert modules(space.generator(), BatchNorm) == 4
        assert modules(space.critic(), BatchNorm) == 0
    assert modules(ARCHITECTURES["ali"].space(2).encoder(), BatchNorm) == 2
    for name in set(OF_POINTS) - {"ali", "pacgan"}:
        space = ARCHITECTURES[name].space(2)
        assert modules(space.generator(), BatchNorm) + modules(space.critic(), BatchNorm) == 0


def spread(network: nn.Module, layer: int) -> float:
    linears = [module for module in network.modules() if isinstance(module, nn.Linear)]
    return float(linears[layer].weight.detach().double().square().mean().sqrt())


def test_scales_of_initial_weights() -> None:
    """Square matrices where there are some: an orthogonal one of size n and gain g has mean square g^2 / n."""
    unrolled, paper = ARCHITECTURES["unrolled"].space(2), ARCHITECTURES["unrolled-paper"].space(2)
    assert spread(unrolled.generator(), 1) == pytest.approx(1.4 / 128**0.5, rel=1e-5)
    assert spread(unrolled.critic(), 1) == pytest.approx(1.4 / 128**0.5, rel=1e-5)
    assert spread(paper.generator(), 1) == pytest.approx(0.8 / 128**0.5, rel=1e-5)
    (scale,) = [module for module in paper.critic().modules() if isinstance(module, Scale)]
    assert scale.factor == 0.25
    assert spread(ARCHITECTURES["wgan-gp"].space(2).critic(), 1) == pytest.approx((2 / 512) ** 0.5, rel=0.01)
    for name in ("ali", "pacgan"):
        assert spread(ARCHITECTURES[name].space(2).critic(), 1) == pytest.approx(0.02, rel=0.01)
        assert spread(ARCHITECTURES[name].space(2).generator(), 1) == pytest.approx(0.02, rel=0.01)
    assert spread(ARCHITECTURES["d2gan"].space(2).generator(), 1) == pytest.approx(0.01, rel=0.05)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert spread(ARCHITECTURES["review"].space(2).critic(), 1) == pytest.approx(1.0, rel=0.1)


def test_priors() -> None:
    assert {name for name, found in ARCHITECTURES.items() if found.prior == "uniform"} == {
        "madgan",
        "dcgan",
        "dcgan-small",
    }


def test_names() -> None:
    assert architecture("unrolled") is ARCHITECTURES["unrolled"]
    with pytest.raises(ModescopeError, match=r"unknown architecture 'unroled': did you mean 'unrolled'\?"):
        architecture("unroled")


def test_bad_settings() -> None:
    bad: Any = "gaussian"
    with pytest.raises(ModescopeError, match="latent_dim is 0, expected at least 1"):
        Architecture(latent_dim=0)
    with pytest.raises(ModescopeError, match="prior is 'gaussian', expected normal or uniform"):
        Architecture(prior=bad)
