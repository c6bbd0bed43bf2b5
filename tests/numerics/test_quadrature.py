"""Gauss rules for the law of one coordinate of a uniform point."""

import pytest

from numerics.quadrature import gauss_rule, pair_rule


@pytest.mark.parametrize("d", [2, 3, 4, 50, 10**6])
def test_gauss_rule_is_exact_on_moments(d: int) -> None:
    t, weight = gauss_rule(d, 12)
    second, fourth = 1 / d, 3 / (d * (d + 2))
    assert float(weight.sum()) == pytest.approx(1, rel=1e-13)
    assert float(weight @ t**2) == pytest.approx(second, rel=1e-11)
    assert float(weight @ t**4) == pytest.approx(fourth, rel=1e-10)
    if d >= 3:
        t, u, pair = pair_rule(d, 8)
        assert float(pair @ (t**2 * u**2)) == pytest.approx(fourth / 3, rel=1e-10)
