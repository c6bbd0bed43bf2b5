"""The search for n*: what it evaluates, that it ends, what it says of censored curves."""

import math
import random
from collections.abc import Callable, Sequence

import pytest

from verify.cells.search import Points, bracket, censoring, coarse_grid, crossing, reach, shortfall

RiskAt = Callable[[int, tuple[int, ...]], list[float]]


def power(n: int, scale: float = 1.0, exponent: float = 1.5) -> float:
    """A curve that falls to 1/10 at n = scale * 10^(1 / exponent)."""
    return float((n / scale) ** -exponent)


def noisy(seed: int) -> Callable[[int], float]:
    """A curve with errors of 50 %."""
    gauss = random.Random(seed).gauss
    return lambda n: power(n, 20.0) * math.exp(gauss(0, 0.5))


def watched(curves: Sequence[Callable[[int], float]]) -> tuple[RiskAt, list[tuple[int, tuple[int, ...]]]]:
    """The curves of a batch, and a list of what is asked of them."""
    asked: list[tuple[int, tuple[int, ...]]] = []

    def watching(n: int, draws: tuple[int, ...]) -> list[float]:
        asked.append((n, draws))
        return [curves[draw](n) for draw in draws]

    return watching, asked


def alone(curve: Callable[[int], float], coarse: Sequence[int], level: float, finest: float) -> Points:
    """The points of a single draw."""
    (points,) = bracket(lambda n, _: [curve(n)], 1, coarse, level, finest)
    return points


def test_coarse_grid() -> None:
    assert coarse_grid(10, 100, 2.0) == (10, 20, 40, 80, 100)
    assert coarse_grid(1, 5, 1.1) == (1, 2, 3, 4, 5)
    assert coarse_grid(7, 7, 2.0) == (7,)
    for wrong in ((0, 5, 2.0), (6, 5, 2.0), (1, 5, 1.0), (1, 5, math.nan)):
        with pytest.raises(ValueError, match="needs"):
            coarse_grid(*wrong)


def test_monotone_curves_are_bracketed_draw_by_draw() -> None:
    scales = (10.0, 37.0, 40.0)
    risk_at, asked = watched([lambda n, scale=scale: power(n, scale) for scale in scales])
    found = bracket(risk_at, 3, coarse_grid(5, 5000, 2.0), 0.1, 1.1)
    assert asked[:4] == [(n, (0, 1, 2)) for n in (5, 10, 20, 40)]
    # The first draw has fallen at 80 and bisects; the others, side by side, at 320, the first of the grid behind 186.
    assert (160, (1, 2)) in asked
    assert max(n for n, _ in asked) == 320
    assert len(asked) < sum(len(points) for points in found)
    for points, scale in zip(found, scales, strict=True):
        samples, risks = zip(*points, strict=True)
        assert list(samples) == sorted(set(samples))
        assert censoring(risks, 0.1) is None
        assert crossing(samples, risks, 0.1) == pytest.approx(scale * 10 ** (1 / 1.5), rel=1e-12)
        end = next(i for i, risk in enumerate(risks) if risk <= 0.1)
        assert samples[end] / samples[end - 1] <= 1.1


def test_small_numbers_end_at_neighbouring_integers() -> None:
    points = alone(power, (1, 100), 0.1, 1.0)
    assert [n for n, _ in points if n in (4, 5)] == [4, 5]  # 10^(1 / 1.5) = 4.64
    assert crossing([4, 5], [power(4), power(5)], 0.1) == pytest.approx(10 ** (1 / 1.5))


def test_noisy_curves_end_and_hold_what_is_promised() -> None:
    for seed in range(400):
        points = alone(noisy(seed), coarse_grid(4, 4000, 1.6), 0.1, 1.05)
        samples, risks = zip(*points, strict=True)
        end = next(i for i, risk in enumerate(risks) if risk <= 0.1)
        low, high = samples[max(end - 1, 0)], samples[end]
        assert end == 0 or high / low <= 1.05 or high - low == 1
        assert samples[end - 1] < crossing(samples, risks, 0.1) <= samples[end] if end else True


def test_a_draw_that_falls_earlier_than_its_grid_said_is_bracketed_there() -> None:
    points = alone(lambda n: 0.0 if n in (141, 400) else 1.0, (100, 200, 400), 0.5, 1.02)
    assert 141 not in dict(points)
    points = alone(lambda n: 0.0 if n in (283, 400) else 1.0, (100, 200, 400), 0.5, 1.02)
    samples = [n for n, _ in points]
    before = samples[samples.index(283) - 1]
    assert 283 / before <= 1.02 or 283 - before == 1


def test_censored_draws_say_on_which_side() -> None:
    risk_at, asked = watched([lambda n: 0.05, power, lambda n: 1.0])
    left, inside, right = bracket(risk_at, 3, (2, 4, 8, 16), 0.1, 1.5)
    assert [n for n, _ in left] == [2]
    assert [n for n, _ in right] == [2, 4, 8, 16]
    assert asked[1] == (4, (1, 2))
    ends = [censoring([risk for _, risk in points], 0.1) for points in (left, inside, right)]
    assert ends == ["left", None, "right"]
    for points in (left, right):
        assert math.isnan(crossing(*zip(*points, strict=True), 0.1))


def test_a_fall_behind_an_unusable_point_is_no_crossing() -> None:
    """Also not when the curve rises and falls again: its first fall is what is asked for."""
    risks = [1.0, math.nan, 0.05, 1.0, 0.05]
    assert censoring(risks, 0.1) == "unusable"
    assert math.isnan(crossing((1, 2, 3, 4, 5), risks, 0.1))
    points = alone(lambda n: math.nan if n in (8, 9) else power(n, 2.0), (2, 4, 8, 16), 0.1, 1.0)
    assert [n for n, _ in points] == [2, 4, 8, 9, 10, 11, 16]
    assert censoring([risk for _, risk in points], 0.1) == "unusable"


def test_a_curve_that_starts_below_and_falls_again_is_censored() -> None:
    assert math.isnan(crossing((1, 2, 4), [0.05, 1.0, 0.05], 0.1))


def test_what_a_spent_budget_says() -> None:
    samples = (10, 20, 40)
    curve = [power(n, 10.0) for n in samples]
    assert reach(samples, curve, 1e-3) == pytest.approx(1000)
    assert reach(samples, [1.0, 0.5, math.nan], 0.25) == pytest.approx(40)
    assert math.isinf(reach(samples, [1.0, 0.5, 0.6], 0.1))
    assert math.isinf(reach(samples, [1.0, math.nan, math.nan], 0.1))
    assert math.isfinite(reach((10, 11), [1.0, 1.0 - 1e-12], 1e-3))
    assert shortfall([(samples, curve)], 0.5, "sizes.most") == ""
    sentence = shortfall([(samples, curve), (samples, [1.0, 0.5, 1e-4])], 1e-3, "sizes.most")
    assert sentence.startswith("1 of 2 draws keep a risk above 0.001 up to n = 40")
    assert "about 960 more samples settle it: raise sizes.most" in sentence
    assert "no number of samples" in shortfall([(samples, [1.0, 0.5, 0.6])], 0.1, "sizes.most")


def test_bad_input() -> None:
    for coarse in ((), (4, 4), (8, 4), (0, 3)):
        with pytest.raises(ValueError, match="coarse"):
            alone(power, coarse, 0.1, 1.5)
    with pytest.raises(ValueError, match="finest"):
        alone(power, (1, 2), 0.1, 0.9)
    with pytest.raises(ValueError, match="2 risks for 1 draws"):
        bracket(lambda n, draws: [1.0, 1.0], 1, (1, 2), 0.1, 1.5)


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
