"""n* of single draws: the same however the batch is made up, with nested inputs, for every arm."""

import math

import pytest

from numerics.kernels import ntk_gram
from numerics.ridge import KernelRidge
from verify.cells.sample_counts import RIDGES, SamplesToLearn
from verify.cells.search import crossing
from verify.cells.training import Arm
from verify.cells.training_run import kernel_risks


def cell(arm: Arm, **changes: object) -> SamplesToLearn:
    sizes: dict[str, object] = {
        "activation": "sin(z + pi/4)",
        "device": "cpu",
        "d": 8,
        "m": 32,
        "k": 1,
        "steps": 60,
        "start": 0.05,
        "arm": arm,
        "draws": 3,
        "weights": (1.0, 1e-3),
        "level": 0.7,
        "first": 10,
        "last": 320,
        "limit": 10_000,
    }
    return SamplesToLearn(**sizes | changes)


def test_draws_are_the_same_alone_and_in_a_batch() -> None:
    together, one = cell("joint").run(), cell("joint", draws=1).run()
    assert together["samples"][0] == one["samples"][0]
    assert together["risks"][0] == pytest.approx(one["risks"][0], rel=2e-3)
    for samples, risks in zip(together["samples"], together["risks"], strict=True):
        assert samples == sorted(set(samples))
        assert risks[0] > 0.7 >= risks[-1]


def test_a_limit_ends_the_search() -> None:
    numbers = cell("quadntk", limit=25).run()
    assert {n for samples in numbers["samples"] for n in samples} <= {10, 20}
    assert math.isnan(crossing(numbers["samples"][0], numbers["risks"][0], 0.01))


def test_the_largest_number_of_samples_is_drawn() -> None:
    """Where the level is never reached, the search ends at it, with the risk of so many inputs and not of fewer."""
    numbers = cell("ntk", draws=1, level=1e-9, last=40).run()
    assert numbers["samples"][0][-1] == 40
    whole = cell("ntk").prepare(["0"], 40)
    assert numbers["risks"][0][-1] == pytest.approx(min(kernel_risks(whole, RIDGES)[0]), rel=1e-5)
    assert len(whole.first(40).x[0]) == 40
    with pytest.raises(ValueError, match="n=41: only 40 inputs were drawn"):
        whole.first(41)


def test_the_kernel_by_cholesky_and_by_eigenvectors() -> None:
    draws = cell("ntk").prepare(["0"], 30)
    network = draws.network.member(0)
    fit = KernelRidge(ntk_gram(network, draws.x[0]).double(), draws.y[0].double())
    cross = ntk_gram(network, draws.test[0], draws.x[0]).double()
    errors = [float((fit.predict(cross, r) - draws.answers[0]).square().mean()) for r in RIDGES]
    assert kernel_risks(draws, RIDGES) == [pytest.approx(errors, rel=1e-5)]


def test_the_kernel_meets_the_same_data_at_another_width() -> None:
    narrow, wide = cell("joint").prepare(["0", "1"], 20), cell("ntk", m=64).prepare(["0", "1"], 20)
    assert (narrow.x == wide.x).all()
    assert (narrow.y == wide.y).all()
    some = wide.some([1]).first(5)
    assert (some.x[0] == wide.x[1, :5]).all()
    assert (some.network.w[0] == wide.network.w[1]).all()
    assert some.labels == ("1",)
