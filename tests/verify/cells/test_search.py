"""The search for n*: what it evaluates, that it ends, what it says of censored curves."""

import math
import random
from collections.abc import Callable

import pytest

from verify.cells.search import bracket, censoring, coarse_grid, crossing


def power(n: int, scale: float = 1.0, exponent: float = 1.5) -> float:
    """A curve that falls to 1/10 at n = scale * 10^(1 / exponent)."""
    return float((n / scale) ** -exponent)


def noisy(seed: int) -> Callable[[int], list[float]]:
    """Four draws of a curve with errors of 50 %."""
    gauss = random.Random(seed).gauss
    return lambda n: [power(n, 20.0) * math.exp(gauss(0, 0.5)) for _ in range(4)]


def watched(risk_at: Callable[[int], list[float]]) -> tuple[Callable[[int], list[float]], list[int]]:
    asked: list[int] = []

    def watching(n: int) -> list[float]:
        asked.append(n)
        return risk_at(n)

    return watching, asked


def test_coarse_grid() -> None:
    assert coarse_grid(10, 100, 2.0) == (10, 20, 40, 80, 100)
    assert coarse_grid(1, 5, 1.1) == (1, 2, 3, 4, 5)
    assert coarse_grid(7, 7, 2.0) == (7,)
    for wrong in ((0, 5, 2.0), (6, 5, 2.0), (1, 5, 1.0), (1, 5, math.nan)):
        with pytest.raises(ValueError, match="needs"):
            coarse_grid(*wrong)


def test_monotone_curves_are_bracketed_draw_by_draw() -> None:
    scales = (10.0, 37.0, 40.0)
    risk_at, asked = watched(lambda n: [power(n, scale) for scale in scales])
    points = bracket(risk_at, coarse_grid(5, 5000, 2.0), 0.1, 1.1)
    samples = [n for n, _ in points]
    assert samples == sorted(asked)
    assert len(asked) == len(set(asked))
    assert asked[:5] == [5, 10, 20, 40, 80]
    assert max(asked) == 320  # the first of the coarse grid at which the slowest draw, at 186, has fallen
    for draw, scale in enumerate(scales):
        risks = [row[draw] for _, row in points]
        assert censoring(risks, 0.1) is None
        assert crossing(samples, risks, 0.1) == pytest.approx(scale * 10 ** (1 / 1.5), rel=1e-12)
        end = next(i for i, risk in enumerate(risks) if risk <= 0.1)
        assert samples[end] / samples[end - 1] <= 1.1


def test_small_numbers_end_at_neighbouring_integers() -> None:
    points = bracket(lambda n: [power(n)], (1, 100), 0.1, 1.0)
    assert [n for n, _ in points if n in (4, 5)] == [4, 5]  # 10^(1 / 1.5) = 4.64
    assert crossing([4, 5], [power(4), power(5)], 0.1) == pytest.approx(10 ** (1 / 1.5))


def test_noisy_curves_end_and_hold_what_is_promised() -> None:
    for seed in range(200):
        risk_at, asked = watched(noisy(seed))
        points = bracket(risk_at, coarse_grid(4, 4000, 1.6), 0.1, 1.05)
        samples = [n for n, _ in points]
        assert len(asked) == len(set(asked))
        for risks in zip(*(row for _, row in points), strict=True):
            end = next(i for i, risk in enumerate(risks) if risk <= 0.1)
            low, high = samples[max(end - 1, 0)], samples[end]
            assert end == 0 or high / low <= 1.05 or high - low == 1
            assert samples[end - 1] < crossing(samples, risks, 0.1) <= samples[end] if end else True


def test_a_draw_that_falls_earlier_at_a_point_of_another_draw_is_bracketed_there() -> None:
    curves = [lambda n: 1.0 if n < 150 else 0.0, lambda n: 0.0 if n in (141, 400) else 1.0]
    points = bracket(lambda n: [curve(n) for curve in curves], (100, 200, 400), 0.5, 1.02)
    second = {n: row[1] for n, row in points}
    assert 141 in second
    samples = sorted(second)
    before = samples[samples.index(141) - 1]
    assert 141 / before <= 1.02 or 141 - before == 1


def test_censored_draws_say_on_which_side() -> None:
    risk_at, asked = watched(lambda n: [0.05, power(n), 1.0])
    points = bracket(risk_at, (2, 4, 8, 16), 0.1, 1.5)
    assert {2, 4, 8, 16} <= set(asked)
    left, inside, right = ([row[draw] for _, row in points] for draw in range(3))
    samples = [n for n, _ in points]
    assert (censoring(left, 0.1), censoring(inside, 0.1), censoring(right, 0.1)) == ("left", None, "right")
    assert math.isnan(crossing(samples, left, 0.1))
    assert math.isnan(crossing(samples, right, 0.1))
    assert [n for n, _ in bracket(lambda n: [0.0], (2, 4, 8), 0.1, 1.5)] == [2]
    assert [n for n, _ in bracket(lambda n: [1.0], (2, 4, 8), 0.1, 1.5)] == [2, 4, 8]


def test_a_fall_behind_an_unusable_point_is_no_crossing() -> None:
    """Also not when the curve rises and falls again: its first fall is what is asked for."""
    risks = [1.0, math.nan, 0.05, 1.0, 0.05]
    assert censoring(risks, 0.1) == "unusable"
    assert math.isnan(crossing((1, 2, 3, 4, 5), risks, 0.1))
    points = bracket(lambda n: [math.nan if n in (8, 9) else power(n, 2.0)], (2, 4, 8, 16), 0.1, 1.0)
    column = [row[0] for _, row in points]
    assert [n for n, _ in points] == [2, 4, 8, 9, 10, 11, 16]
    assert censoring(column, 0.1) == "unusable"


def test_a_curve_that_starts_below_and_falls_again_is_censored() -> None:
    assert math.isnan(crossing((1, 2, 4), [0.05, 1.0, 0.05], 0.1))


def test_bad_input() -> None:
    for coarse in ((), (4, 4), (8, 4), (0, 3)):
        with pytest.raises(ValueError, match="coarse"):
            bracket(lambda n: [1.0], coarse, 0.1, 1.5)
    with pytest.raises(ValueError, match="finest"):
        bracket(lambda n: [1.0], (1, 2), 0.1, 0.9)
    with pytest.raises(ValueError, match="2 risks, but 1"):
        bracket(lambda n: [1.0] * n, (1, 2), 0.1, 1.5)


def test_crossing() -> None:
    samples = (10, 20, 40)
    power = [n**-1.5 for n in samples]  # straight in logarithms: the interpolation is exact
    assert crossing(samples, power, 15**-1.5) == pytest.approx(15, rel=1e-12)
    assert crossing(samples, power[:2], 15**-1.5) == pytest.approx(15, rel=1e-12)
    assert math.isnan(crossing(samples, power, 1.0))
    assert math.isnan(crossing(samples, power, 1e-6))


def test_a_crossing_beside_a_run_that_has_not_settled_is_censored() -> None:
    ratios = (1.0, 2.0, 4.0)
    risks = [0.6 * r**-0.7 for r in ratios]
    good = [True] * 3
    assert crossing(ratios, risks, 0.3, good) == pytest.approx(2 ** (1 / 0.7))
    assert math.isnan(crossing(ratios, risks, 0.7, good))
    assert math.isnan(crossing(ratios, risks, 0.01, good))
    assert math.isnan(crossing(ratios, risks, 0.3, [True, True, False]))
    assert crossing(ratios, risks, 0.5, [True, True, False]) < 2
