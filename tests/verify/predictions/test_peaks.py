"""Where theory has the peak, and how high, against the law's own maximum as the implicit ridge vanishes."""

import math

import pytest

from theory import cumulative_multiplicity, ntk_spectrum
from verify.predictions.learning_curves import spectrum
from verify.predictions.peaks import excess, leading_peak, narrowed, noisy_risk

SIGMA = "sin(z + pi/4)"


def test_narrowed() -> None:
    assert narrowed(SIGMA, 0.125) == "sin(z/8 + pi/4)"
    assert ntk_spectrum(narrowed("tanh(z + 1)", 0.25), 9, 3) == ntk_spectrum("tanh(z/4 + 1)", 9, 3)


@pytest.mark.parametrize("degree", [1, 2])
def test_excess_is_of_order_c_squared(degree: int) -> None:
    """All derivatives of this activation have one mean square, so b tends to c^2 / l."""
    for c in (1 / 8, 1 / 16):
        assert excess(spectrum(narrowed(SIGMA, c), 400), degree) == pytest.approx(c**2 / degree, rel=0.02)


@pytest.mark.parametrize(("d", "degree"), [(300, 1), (24, 2)])
def test_the_law_has_its_peak_there(d: int, degree: int) -> None:
    """n to relative order b, the height to order b^{1/2}; the bare noise is left of it without a target's part."""
    # Checks :eq:`peak`.
    place = cumulative_multiplicity(d, degree)
    for c in (1 / 8, 1 / 16, 1 / 32):
        name = narrowed(SIGMA, c)
        b = excess(spectrum(name, d), degree)
        near = range(round(0.9 * place), round(1.1 * place))
        noise = 1e6
        risks = {n: noisy_risk(name, d, degree, n, noise) / noise for n in near}
        found = max(risks, key=risks.__getitem__)
        leading = leading_peak(spectrum(name, d), degree)
        assert abs(found - leading[0]) <= 3 * b * place + 2
        assert abs(risks[found] / leading[1] - 1) <= 2 * math.sqrt(b)


def test_no_peak_with_slopes_of_order_one() -> None:
    risks = [noisy_risk(SIGMA, 100, 1, n, 1.0) for n in (60, 80, 101, 130, 160)]
    assert max(risks) < 1.5 * min(risks)
    sharp = [noisy_risk(narrowed(SIGMA, 0.125), 100, 1, n, 1.0) for n in (60, 80, 101, 130, 160)]
    assert sharp.index(max(sharp)) == 2
    assert max(sharp) > 1.5 * sharp[-1]


def test_a_ridge_removes_it() -> None:
    risks = [noisy_risk(narrowed(SIGMA, 0.125), 100, 1, n, 1.0, ridge=1.0) for n in (60, 80, 101, 130, 160)]
    assert risks == sorted(risks, reverse=True)


def test_a_degree_that_is_absent_or_the_last_has_no_peak() -> None:
    with pytest.raises(ValueError, match="Lambda_2 = 0"):
        leading_peak(ntk_spectrum("sin(z)", 8, 5), 2)
    with pytest.raises(ValueError, match="no trace is left"):
        leading_peak(ntk_spectrum("z", 8, 5), 1)
