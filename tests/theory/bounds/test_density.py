"""The density of a coordinate of the sphere over the Gaussian one, its expansion and remainder; Stein's identity."""

import math
import random

import pytest
from flint import arb, arb_poly, ctx, fmpq, fmpq_poly

import theory.bounds.density
from theory.bounds.density import density_ratio, gaussian_moment


def rho(x: fmpq, u: arb, derivatives: int) -> arb:
    """e^{u/2} (1 - x u)^{1/(2x) + j - 3/2}, zero beyond x u = 1."""
    base = 1 - x * u
    return arb(0) if not base > 0 else (u / 2).exp() * base ** (1 / (2 * arb(x)) + derivatives - arb("1.5"))


def excess(derivatives: int, order: int, switch: int, dimensions: tuple[int, ...]) -> float:
    """The largest share of its bound that the remainder takes, over a grid of u on both sides of x u = 1/2 and 1."""
    ratio, worst = density_ratio(derivatives, order, switch), 0.0
    with ctx.workprec(200):
        for d in dimensions:
            x = fmpq(1, d)
            for i in range(1, 120):
                u = arb(2 * d) * i * i / 120**2
                kept = sum((arb_poly(p)(u) * arb(x) ** r for r, p in enumerate(ratio.terms)), arb(0))
                bound = sum((w * u**n for n, w in enumerate(ratio.rest)), arb(0)) * arb(x) ** order
                worst = max(worst, float(abs(rho(x, u, derivatives) - kept).upper() / bound.lower()))
    return worst


@pytest.mark.parametrize("derivatives", [0, 1, 2, 5, 9])
@pytest.mark.parametrize("switch", [16, 64, 1000])
def test_the_remainder_is_bounded_everywhere(derivatives: int, switch: int) -> None:
    # Checks :eq:`density-ratio` and :eq:`density-remainder`.
    for order in (1, 2, 4):
        worst = excess(derivatives, order, switch, (switch, switch + 1, 7 * switch, 10**6))
        assert worst < 1
        assert worst > 0.01 or switch == 16  # the bound is of the right size; at the least d0 its far part is loose


def test_a_planted_error_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = theory.bounds.density._exponent
    monkeypatch.setattr(
        theory.bounds.density, "_exponent", lambda n, a: right(n, a) + fmpq_poly([0] * n + [0, fmpq(1, 9)])
    )
    density_ratio.cache_clear()
    try:
        assert excess(3, 4, 64, (64, 448, 10**6)) > 1
    finally:
        monkeypatch.undo()
        density_ratio.cache_clear()


def test_the_mass_is_a_quotient_of_gammas() -> None:
    """E[rho(x, G^2)] = sqrt(d/2) Gamma((D-1)/2)/Gamma(D/2), because the density of z integrates to one."""
    for derivatives in (0, 1, 4):
        ratio = density_ratio(derivatives, 4, 64)
        for d in (64, 200, 5000):
            big = arb(d + 2 * derivatives)
            exact = (arb(d) / 2).sqrt() / ((big - 1) / 2).rising(arb("0.5"))
            means = [sum((p[n] * gaussian_moment(n) for n in range(p.length())), fmpq(0)) for p in ratio.terms]
            kept = sum((arb(m) / arb(d) ** r for r, m in enumerate(means)), arb(0))
            bound = sum((w * gaussian_moment(n) for n, w in enumerate(ratio.rest)), arb(0)) / arb(d) ** 4
            assert abs(exact - kept) < bound


def test_gaussian_moments() -> None:
    assert [gaussian_moment(n) for n in range(6)] == [math.prod(range(1, 2 * n, 2)) for n in range(6)]
    assert gaussian_moment(4) == 105


def test_steins_identity_for_powers() -> None:
    """E[F'(X) - X F(X)] = E[F'(X)(X^2 - 1)]/(D - 1) for X = sqrt(D) t, F = X^{2n-1}; exact."""
    # Checks :eq:`stein-identity`.
    rng = random.Random(2)
    for _ in range(40):
        big, n = rng.randint(3, 200), rng.randint(1, 8)

        def moment(power: int, big: int = big) -> fmpq:
            """E[X^{2q}] = (2q-1)!! D^q/(D (D+2) ... (D+2q-2))."""
            value = fmpq(gaussian_moment(power))
            for i in range(power):
                value = value * big / (big + 2 * i)
            return value

        left = (2 * n - 1) * moment(n - 1) - moment(n)
        assert left == (2 * n - 1) * (moment(n) - moment(n - 1)) / (big - 1)
