"""The streams of noise: one a member, the same alone, in a stack, and after any stop."""

import hashlib
import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from modescope.core.noise import Need, Noise, seed_of

CPU = torch.device("cpu")
NEEDS = {
    "normal": Need(4, 1, 2, 3, False, {}),
    "uniform": Need(4, 2, 0, 3, True, {}),
    "extras": Need(3, 0, 1, 2, False, {"code": (3, 5), "coin": ()}),
    "large": Need(2048, 1, 2, 16, False, {"eps": (2048, 2)}),  # a chunk of few steps
}


def new(seeds: list[int], need: Need, batches: int = 2, dtype: torch.dtype = torch.float64) -> Noise:
    return Noise(seeds, need, batches, dtype, CPU)


def take(noise: Noise, steps: int) -> list[Tensor]:
    """The next steps of the streams, each with shape `(batches, S, numbers)`, as the engine consumes them."""
    taken = []
    for _ in range(steps):
        if noise.position == noise.steps:
            noise.draw()
        taken.append(torch.cat([part[noise.position] for part in (*noise.uniform, *noise.normal)], -1))
        noise.position += 1
    return taken


@pytest.mark.parametrize("name", NEEDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_member_draws_the_same_alone_and_in_a_stack(name: str, dtype: torch.dtype) -> None:
    need = NEEDS[name]
    stack, other = new([3, 8, 5], need, dtype=dtype), new([5, 3], need, dtype=dtype)
    alone = {seed: new([seed], need, dtype=dtype) for seed in (3, 8, 5)}
    steps = 2 * stack.steps + 1  # into a third chunk
    together, reordered = take(stack, steps), take(other, steps)
    for index, seed in enumerate((3, 8, 5)):
        for one, all_ in zip(take(alone[seed], steps), together, strict=True):
            assert torch.equal(one[:, 0], all_[:, index])
    for few, all_ in zip(reordered, together, strict=True):
        assert torch.equal(few[:, 0], all_[:, 2])
        assert torch.equal(few[:, 1], all_[:, 0])


@pytest.mark.parametrize("name", NEEDS)
def test_parts_have_the_sizes_that_were_asked_for(name: str) -> None:
    need = NEEDS[name]
    noise = new([0, 1], need, batches=3)
    noise.draw()
    n, latents = need.batch_size, need.batch_size * need.latent_dim
    lead = (noise.steps, 3, 2)
    uniforms = [n * need.uniforms, n, latents if need.uniform_prior else 0]
    normals = [n * need.normals, 0 if need.uniform_prior else latents]
    normals += [int(np.prod(shape)) for shape in need.extra.values()]
    assert [tuple(part.shape) for part in noise.uniform] == [(*lead, size) for size in uniforms]
    assert [tuple(part.shape) for part in noise.normal] == [(*lead, size) for size in normals]


@pytest.mark.parametrize("name", ["normal", "uniform", "extras", "large"])
def test_a_run_may_stop_at_every_position(name: str) -> None:
    need = NEEDS[name]
    whole, chunk = new([1, 2], need), new([1, 2], need).steps
    reference = take(whole, 2 * chunk + 3)
    for stop in range(chunk + 2):  # before the first chunk, within it, at its very end, and in the second
        first = new([1, 2], need)
        take(first, stop)
        saved = {key: value.clone() for key, value in first.state().items()}
        resumed = new([1, 2], need)
        take(resumed, 5)  # whatever it did before is forgotten
        resumed.restore(saved)
        again = resumed.state()
        assert int(again["position"]) == int(saved["position"])
        assert torch.equal(again["streams"], saved["streams"])
        following = take(resumed, len(reference) - stop)
        for ours, theirs in zip(following, reference[stop:], strict=True):
            assert torch.equal(ours, theirs), stop


def test_many_stops_are_no_stop() -> None:
    need = NEEDS["extras"]
    reference = take(new([4], need), 200)
    noise, found = new([4], need), []
    for length in (1, 0, 62, 1, 1, 63, 64, 8):
        found += take(noise, length)
        state = noise.state()
        noise = new([4], need)
        noise.restore(state)
    assert len(found) == 200
    assert all(torch.equal(a, b) for a, b in zip(found, reference, strict=True))


def test_restoring_leaves_the_saved_state_alone() -> None:
    noise = new([0], NEEDS["normal"])
    take(noise, 5)
    state = noise.state()
    kept = {key: value.clone() for key, value in state.items()}
    take(noise, 100)
    other = new([0], NEEDS["normal"])
    other.restore(state)
    take(other, 100)
    assert all(torch.equal(state[key], kept[key]) for key in kept)


def test_chunks_are_bounded_and_never_empty() -> None:
    assert Need(1, 0, 0, 1, False, {}).chunk(1) == 64
    assert Need(2048, 1, 2, 4, False, {}).chunk(1) == 16  # 2^18 numbers of 2048 * (1 + 1 + 2 + 4) each
    assert Need(2048, 1, 2, 4, False, {}).chunk(2) == 8
    assert Need(2**20, 1, 2, 4, False, {}).chunk(1) == 1


def test_no_number_comes_twice() -> None:
    """Over members, steps, batches and parts, all in double precision, there are no repeats."""
    noise = new(list(range(20)), NEEDS["extras"])
    numbers = torch.cat([step.flatten() for step in take(noise, 3 * noise.steps)])
    assert len(numbers.unique()) == len(numbers)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_numbers_follow_their_laws(dtype: torch.dtype) -> None:
    for need in (Need(16, 1, 2, 3, False, {"eps": (16,)}), Need(16, 1, 2, 3, True, {})):
        noise = new([0, 1, 2, 3], need, dtype=dtype)
        noise.draw()
        for part in noise.uniform:
            x = part.flatten().double().numpy()
            if x.size:
                assert x.min() >= 0
                assert x.max() < 1
                assert stats.kstest(x, "uniform").pvalue > 1e-3
        for part in noise.normal:
            x = part.flatten().double().numpy()
            if x.size:
                assert stats.kstest(x, "norm").pvalue > 1e-3


def uncorrelated(rows: np.ndarray) -> bool:
    """Whether the largest of the pairwise correlations is one that independent rows would show."""
    correlation = np.corrcoef(rows)[np.triu_indices(len(rows), 1)]
    limit = stats.norm.isf(1e-3 / (2 * len(correlation))) / np.sqrt(rows.shape[1])
    return bool(np.abs(correlation).max() < limit)


def test_members_are_uncorrelated() -> None:
    noise = new(list(range(12)), NEEDS["normal"])
    noise.draw()
    for part in (noise.uniform[1], noise.normal[0], noise.normal[1]):
        assert uncorrelated(part.movedim(2, 0).flatten(1).numpy())
    same = new([7, 7], NEEDS["normal"])
    same.draw()
    assert not uncorrelated(same.normal[0].movedim(2, 0).flatten(1).numpy())  # the check can fail


def test_batches_and_steps_are_uncorrelated() -> None:
    noise = new([0], Need(512, 1, 2, 3, False, {}), batches=3)
    noise.draw()
    rows = noise.normal[1][:4, :, 0].flatten(0, 1)  # 4 steps of 3 batches
    assert uncorrelated(rows.numpy())


def test_purposes_are_uncorrelated() -> None:
    purposes = ("stream", "evaluation", "observation", "generator", "discriminator", "encoder")
    draw = lambda seed, purpose: torch.randn(4096, generator=torch.Generator().manual_seed(seed_of(seed, purpose)))  # noqa: E731
    rows = torch.stack([draw(seed, purpose) for seed, purpose in itertools.product((0, 1, 2), purposes)])
    assert uncorrelated(rows.double().numpy())
    assert all(stats.kstest(row, "norm").pvalue > 1e-4 for row in rows.double().numpy())


def test_seeds_are_pinned() -> None:
    """A published number can be redone only while these stay."""
    assert seed_of(7, "generator") == 1167566668
    assert seed_of(0, "stream") == 2779219938
    assert seed_of() == 1120186595
    assert seed_of(3, "a", 2.5) == 3497401455


def test_seeds_are_the_first_bytes_of_a_digest() -> None:
    for parts in ((7, "generator"), ("ring", 0, 0.5), (-1,), ("ü",)):
        text = "/".join(str(part) for part in parts)
        word = hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]
        assert seed_of(*parts) == int.from_bytes(bytes.fromhex(word), "little")


def test_seeds_differ() -> None:
    seeds = {seed_of(seed, purpose) for seed in range(2000) for purpose in ("stream", "generator", "discriminator")}
    assert len(seeds) == 6000
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert seed_of(1, 2) != seed_of(2, 1)
    assert seed_of(12, 3) != seed_of(1, 23)
