"""PacGAN: nothing but the critic's input changes, and packs are what the paper says."""

from typing import Any

import pytest
import torch

from modescope.core import Method, ModescopeError
from modescope.methods import ALI, GAN, LSGAN, R3GAN, VEEGAN, WGANGP, ForwardKL, PacGAN, UnrolledGAN, WeightedJS
from modescope.testing import Case, distance, glimpse, rows, same_bits

BASES = [GAN(), LSGAN(), WeightedJS(), WGANGP(critic_steps=2), R3GAN()]


@pytest.mark.parametrize("base", BASES, ids=repr)
def test_packs_of_one_are_the_base(base: Method) -> None:
    case = Case(method=base)
    alone, packed = case.population(4), case.population(4, method=PacGAN(base=base, degree=1))
    assert distance(rows(alone, 0), rows(packed, 0)) < 1e-12


def test_a_pack_joins_neighbours_along_their_features() -> None:
    x = torch.tensor([[1, 2], [3, 4], [5, 6], [7, 8]])
    assert PacGAN(degree=2).pack(x).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert PacGAN(degree=4).pack(x).tolist() == [[1, 2, 3, 4, 5, 6, 7, 8]]


@pytest.mark.parametrize("degree", [2, 4])
def test_only_the_critics_input_widens(degree: int) -> None:
    plain, packed = (Case(method=m).population() for m in (GAN(), PacGAN(degree=degree)))
    shapes = [
        {(role, name): tuple(shape) for parts in p.layout.parts.values() for role, name, shape in parts}
        for p in (plain, packed)
    ]
    wider = {key for key in shapes[0] if shapes[0][key] != shapes[1][key]}
    assert wider == {("discriminator", "0.weight")}
    assert shapes[1]["discriminator", "0.weight"] == (8, 2 * degree)


def test_the_critic_scores_packs_all_real_or_all_fake() -> None:
    method = PacGAN(degree=4)
    nets, batch = glimpse(Case(method=method))
    seen = method.observe(nets, batch)
    D, G = nets["discriminator"], nets["generator"]
    assert D(batch.real.reshape(2, 8)).shape == (2, 1)
    assert torch.equal(seen["critic_real"], D(batch.real.reshape(2, 8)).mean())
    assert torch.allclose(seen["critic_fake"], D(G(batch.z).reshape(2, 8)).mean())


def test_samples_are_made_one_at_a_time() -> None:
    plain, packed = (Case(method=m).population().sample(5) for m in (GAN(), PacGAN(degree=4)))
    assert torch.equal(plain, packed)


def test_packs_of_packs_are_larger_packs() -> None:
    nested, flat = (Case(method=method).population(3) for method in (PacGAN(base=PacGAN(degree=2)), PacGAN(degree=4)))
    assert same_bits(nested, flat)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"degree": 0}, "degree is 0, expected a whole number of at least 1"),
        ({"degree": 2.5}, "degree is 2.5"),
        ({"base": ALI()}, "PacGAN over ALI is not defined"),
        ({"base": UnrolledGAN(base=VEEGAN())}, "PacGAN over UnrolledGAN over VEEGAN is not defined"),
        ({"base": ForwardKL()}, "losses compare more than packs of samples; ForwardKL over PacGAN over GAN is$"),
        ({"base": "gan"}, "base is 'gan', expected a method"),
    ],
)
def test_refuses_bad_fields(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ModescopeError, match=message):
        PacGAN(**fields)


@pytest.mark.parametrize(
    "method", [PacGAN(degree=3), PacGAN(base=PacGAN(degree=8)), UnrolledGAN(base=PacGAN(degree=5))]
)
def test_refuses_a_batch_that_is_no_multiple(method: Method) -> None:
    with pytest.raises(ModescopeError, match=r"batch_size is \d, expected a multiple of PacGAN's degree"):
        Case(method=method).population()
