import pytest
import sympy as sp

from theory import Activation, neuron_term, taylor_terms, third_derivative_bound
from theory.activations import Z


def test_terms_are_the_sum_of_neuron_terms() -> None:
    activation = Activation.parse("tanh(z + 1)")
    terms = taylor_terms(activation, 2, 2)
    h = sp.Symbol("h", real=True)
    for order, derived in ((1, terms.linear), (2, terms.quadratic)):
        total = 0
        for r, sign in enumerate(terms.signs):
            z = (terms.initial.row(r) * terms.x)[0]
            step = (terms.displacement.row(r) * terms.x)[0]
            total += sign * neuron_term(activation, order).subs({Z: z, h: step}, simultaneous=True)
        assert sp.simplify(derived - total / sp.sqrt(2)) == 0


def test_cross_term_polarises() -> None:
    terms = taylor_terms(Activation.parse("sin(z)"), 2, 2)
    both = terms.quadratic.subs(
        dict(zip(terms.displacement, terms.displacement + terms.second, strict=True)), simultaneous=True
    )
    second = terms.quadratic.subs(dict(zip(terms.displacement, terms.second, strict=True)), simultaneous=True)
    assert sp.simplify(both - terms.quadratic - second - terms.cross) == 0


@pytest.mark.parametrize("m", [0, 3, -2, True, 2.0])
def test_odd_width_is_refused(m: object) -> None:
    with pytest.raises(ValueError, match="even integer m >= 2"):
        taylor_terms(Activation.parse("sin(z)"), 3, m)


def test_kinks_are_refused() -> None:
    with pytest.raises(ValueError, match="distribution"):
        taylor_terms(Activation.parse("relu(z)"), 2, 2)


def test_third_derivative_bound() -> None:
    assert 1.0 <= float(third_derivative_bound(Activation.parse("sin(z)"), 5.0)) <= 1.001
    assert 2.0 <= float(third_derivative_bound(Activation.parse("tanh(z)"), 5.0)) <= 2.002
