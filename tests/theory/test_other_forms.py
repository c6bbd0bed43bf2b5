"""The same quantity in another form - another symbol, a text, a wide ball, extreme sizes - is right, or refused."""

import re
from collections.abc import Callable

import pytest
import sympy as sp
from flint import arb

from theory import (
    Spectrum,
    coefficient_sign,
    effective_regularization,
    hermite_sign,
    kernel_ridge_risk,
    limit_in_dimension,
    random_sign_energy,
    separation_theorem,
    vanishes,
    zonal_eigenvalue,
    zonal_spectrum,
    zonal_trace,
)
from theory.network.taylor import range_radius

X = sp.Symbol("x")
D = sp.Symbol("d", positive=True)


@pytest.mark.parametrize("symbol", [X, sp.Symbol("z"), sp.Symbol("z", positive=True)], ids=["x", "z", "positive z"])
@pytest.mark.parametrize("text", ["tanh(z)", "sin(z)", "z**3"])
def test_signs_do_not_depend_on_the_name_of_the_symbol(symbol: sp.Symbol, text: str) -> None:
    """Odd functions have an odd part in degree 1 and nothing in degree 2."""
    expr = sp.sympify(text, locals={"z": symbol})
    assert coefficient_sign(expr, 1, 5) == hermite_sign(expr, 1) == "nonzero"
    assert coefficient_sign(expr, 2, 5) == hermite_sign(expr, 2) == "zero"
    assert not vanishes(expr, 1)
    assert vanishes(expr, 2)


@pytest.mark.parametrize("expr", [1 / X, sp.tan(X), sp.log(X), sp.I * X, sp.besselj(0, X), 1.5 * X], ids=str)
@pytest.mark.parametrize("degree", [1, 2])
def test_no_sign_is_said_of_what_is_not_admitted(expr: sp.Expr, degree: int) -> None:
    """E[G^{-1} G] = 1 is no zero, and E[G^{-1} He_2(G)] exists in no sense that is meant here."""
    for sign in (lambda: coefficient_sign(expr, degree, 5), lambda: hermite_sign(expr, degree)):
        with pytest.raises(ValueError, match="activation "):
            sign()


@pytest.mark.parametrize("kernel", ["1/t", "tan(2*t)", "1/(t - 1/2)"])
def test_an_unbounded_kernel_has_no_eigenvalue_of_either_parity(kernel: str) -> None:
    for degree in (0, 1, 2):
        with pytest.raises(ValueError, match="needs a bounded function"):
            zonal_eigenvalue(kernel, degree, 3)
    with pytest.raises(ValueError, match="needs a bounded function"):
        zonal_trace(kernel)


def refused() -> dict[str, tuple[Callable[[], object], str]]:
    spectrum = Spectrum.from_eigenvalues([1.0, 0.5], tail=-5)
    indefinite = zonal_spectrum("t - t**3/10", 10, 2)
    vast = Spectrum.from_eigenvalues([1e10], multiplicities=[10**299])
    return {
        "energies by degree": (lambda: separation_theorem("sin(z + pi/4)", energies={1: 5, 2: 7}), "needs a pair"),
        "energies as a text": (lambda: separation_theorem("sin(z + pi/4)", energies="11"), "needs a pair"),
        "a product beyond the norm": (lambda: random_sign_energy("tanh(z)", 10, [5.0], [1.0]), "as |w| = 1"),
        "a negative norm": (lambda: random_sign_energy("tanh(z)", 10, [0.0], [-1.0]), "as |w| = 1"),
        "a negative tail": (lambda: kernel_ridge_risk(spectrum, 5, 0.1, {0: 1.0}), "is negative"),
        "negative beyond what is listed": (lambda: kernel_ridge_risk(indefinite, 5, 0.1, {1: 1.0}), "is negative"),
        "an eigenvalue that is hardly known": (
            lambda: kernel_ridge_risk(Spectrum.from_eigenvalues([arb(1, 0.5), 0.5]), 1, 0.1, {0: 1.0}),
            "give more digits",
        ),
        "a trace beyond every double": (lambda: effective_regularization(vast, 10, 1.0), "too large"),
        "a text is not run": (lambda: limit_in_dimension("1/d", D), "needs a SymPy expression"),
        "a d of another kind": (lambda: limit_in_dimension(1 / sp.Symbol("d"), D), "is another symbol"),
        "a d that may be negative": (lambda: limit_in_dimension(1 / X, X), "needs a positive symbol"),
    }


@pytest.mark.parametrize("name", refused())
def test_what_would_be_nonsense_is_refused(name: str) -> None:
    call, sentence = refused()[name]
    with pytest.raises(ValueError, match=re.escape(sentence)):
        call()


def test_a_range_of_a_wide_ball_is_found_at_once() -> None:
    """From the ball's end: from its midpoint it would be 10^14 steps."""
    assert 2 * 1.51 <= range_radius(4, arb(0.5, 0.01)) < 2 * 1.52
