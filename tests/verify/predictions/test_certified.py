"""Certified values as predictions: numbers and closed forms are the same limits."""

import pytest
import sympy as sp

from theory import Activation, ntk_spectrum
from verify.predictions.certified import closed_limits, eigenvalue, limit, trace


@pytest.mark.parametrize("activation", ["sin(z + pi/4)", "cos(2*z)", "relu(z)", "erf(z)"])
def test_there_is_a_closed_form_for_every_degree_and_it_is_the_limit(activation: str) -> None:
    found = closed_limits(activation, 4)
    assert found is not None
    assert len(found) == 5
    for degree, text in enumerate(found):
        assert float(sp.N(sp.sympify(text))) == pytest.approx(limit(activation, degree).value, rel=1e-12, abs=1e-30)


def test_none_where_the_integral_has_no_closed_form() -> None:
    assert closed_limits("tanh(z + 1)", 2) is None


def test_eigenvalues_with_their_multiplicities_sum_to_the_trace() -> None:
    """The NTK of z^2 is a multiple of <x,x'>^2, so degrees 0 and 2 are the whole of it."""
    sizes = ntk_spectrum(Activation.parse("z**2"), 6, 4).multiplicities
    terms = [N * eigenvalue("z**2", degree, 6).value for degree, N in enumerate(sizes)]
    assert sum(terms) == pytest.approx(trace("z**2", 6).value, rel=1e-13)
