"""Generators by name, and scatter of mean 1."""

import numpy as np
import pytest

from verify.judging.chance import Chance, lognormal


def test_a_name_tells_what_is_drawn() -> None:
    one, other = Chance((0, 1)), Chance((0, 2))
    assert one.normal("inputs", 8, 0) == one.normal("inputs", 8, 0) == Chance((0, 1)).of("inputs", 8, 0).normal()
    drawn = [
        one.normal("inputs", 8, 0),
        one.normal("inputs", 8, 1),
        one.normal("inputs", 80),
        other.normal("inputs", 8, 0),
    ]
    assert len(set(drawn)) == len(drawn)


def test_names_are_independent_standard_normal() -> None:
    table = np.array([[Chance((0,)).normal(name, i) for i in range(2000)] for name in ("a", "b")])
    assert np.abs(table.mean(1)).max() < 0.1
    assert table.std(1) == pytest.approx([1.0, 1.0], abs=0.06)
    assert abs(np.corrcoef(table)[0, 1]) < 0.08


def test_lognormal_factors_have_mean_one() -> None:
    rng = np.random.default_rng(0)
    factors = [lognormal((0.3, 0.4), rng.standard_normal(2).tolist()) for _ in range(20_000)]
    assert np.mean(factors) == pytest.approx(1.0, abs=0.015)
    assert np.std(np.log(factors)) == pytest.approx(0.5, abs=0.01)
