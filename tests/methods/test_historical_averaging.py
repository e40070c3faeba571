"""The term and its memory against a literal loop, and what it does to a game that circles."""

import pytest
import torch
from helpers import check_trains, close, gradient, loss
from wrapped import check_slopes, furnished, moved, slope_of

from modescope.core import ModescopeError
from modescope.methods import GAN, LSGAN, PacGAN, UnrolledGAN, build
from modescope.methods.historical_averaging import HistoricalAveraging
from modescope.testing import Case, glimpse


def test_the_memory_is_the_mean_of_all_parameters_so_far():
    method = HistoricalAveraging(base=PacGAN(base=LSGAN()), weight=0.3)
    population = Case(method=method).population()
    past = {name: [flat.clone()] for name, flat in population.state["flats"].items()}
    for _ in range(6):
        population.advance(1)
        for name, flat in population.state["flats"].items():
            past[name].append(flat.clone())
        memory = population.state["memory"]
        for name, flats in past.items():
            close(memory[f"HistoricalAveraging1.{name}"], sum(flats) / len(flats))
        assert float(memory["HistoricalAveraging1.count"][0]) == len(flats)


@pytest.mark.parametrize("name", ["discriminator", "generator"])
def test_losses_by_hand(name):
    method = HistoricalAveraging(weight=0.7)
    nets, batch = furnished(method)
    past = [nets.flats[name]] + [torch.full_like(nets.flats[name], value) for value in (0.3, -1.0)]
    for flat in past[1:]:
        memory = method.remember(moved(nets, name, flat), batch)
        batch = type(batch)(batch.real, batch.z, batch.u, batch.noise, memory, batch.progress)
    mean = sum(past) / 3
    expected = loss(GAN(), name, nets, batch) + 0.7 * float(((nets.flats[name] - mean) ** 2).sum())
    close(loss(method, name, nets, batch), expected)
    close(
        gradient(method, name, nets, batch) - gradient(GAN(), name, nets, batch), 1.4 * (nets.flats[name] - mean), 1e-10
    )


def test_it_starts_as_the_base_and_a_weight_of_zero_stays_so():
    case = Case(method=GAN())
    plain, mine = case.population(1), case.population(1, method=HistoricalAveraging(weight=100.0))
    assert all(torch.equal(plain.state["flats"][name], mine.state["flats"][name]) for name in plain.state["flats"])
    plain, idle = case.population(5), case.population(5, method=HistoricalAveraging(weight=0.0))
    for name, flat in plain.state["flats"].items():
        close(idle.state["flats"][name], flat)


def test_players_stay_nearer_to_where_they_started():
    def path(method):
        population = Case(method=method).population()
        start = {name: flat.clone() for name, flat in population.state["flats"].items()}
        population.advance(30)
        return sum(float((flat - start[name]).norm()) for name, flat in population.state["flats"].items())

    assert path(HistoricalAveraging(weight=10.0)) < 0.8 * path(GAN())


def test_unrolled_steps_are_pulled_back_too():
    method = UnrolledGAN(base=HistoricalAveraging(weight=2.0), unroll=2)
    case = Case(method=method)
    nets, batch = glimpse(case)
    plain = slope_of(UnrolledGAN(base=GAN(), unroll=2), "generator", nets, batch)
    assert (slope_of(method, "generator", nets, batch) - plain).abs().max() > 1e-9


def test_nested_ones_do_not_clash():
    population = Case(method=build("historical-averaging+historical-averaging")).population(3)
    memory = population.state["memory"]
    assert len(memory) == 6
    assert torch.equal(memory["HistoricalAveraging1.generator"], memory["HistoricalAveraging2.generator"])


def test_gradients_and_training():
    method = HistoricalAveraging(weight=0.5)
    nets, batch = furnished(method)
    away = {name: flat + 0.1 for name, flat in nets.flats.items()}
    check_slopes(method, type(nets)(nets.layout, away), batch)
    check_trains(HistoricalAveraging())


@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_a_bad_weight_is_refused(weight):
    with pytest.raises(ModescopeError, match=rf"^weight is {weight}, expected at least 0$"):
        HistoricalAveraging(weight=weight)
