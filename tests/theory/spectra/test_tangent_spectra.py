"""The NTK of both layers against kernels written out by hand."""

import pytest
import sympy as sp
from flint import arb

from theory import coefficient, ntk_spectrum, zonal_spectrum


def test_relu_is_the_sum_of_two_arc_cosine_kernels() -> None:
    """E[sigma' sigma'] = (pi - theta)/(2 pi); E[sigma sigma] is half of the kernel of order 1, as |w| = 1."""
    d = 10
    kernel = f"{d}*t*(pi - acos(t))/(2*pi) + (sqrt(1-t**2) + (pi - acos(t))*t)/(2*pi)"
    both = ntk_spectrum("relu(z)", d, 6, layers="both")
    for found, expected in zip(both.eigenvalues, zonal_spectrum(kernel, d, 6).eigenvalues, strict=True):
        assert found.overlaps(expected)
    assert both.trace.overlaps(arb(d) / 2 + arb(1) / 2)
    first = ntk_spectrum("relu(z)", d, 6)
    assert not any(a.overlaps(b) for a, b in zip(both.eigenvalues[:3], first.eigenvalues, strict=False))


def test_a_square_by_moments_of_the_sphere() -> None:
    """For z^2: 4 <x,x'> E[<w,x><w,x'>] + E[<w,x>^2 <w,x'>^2], a polynomial in t."""
    d, t = 7, sp.Symbol("t")
    kernel = 4 * d * t**2 + sp.Rational(d, d + 2) * (1 + 2 * t**2)
    both = ntk_spectrum("z**2", d, 5, layers="both")
    for found, expected in zip(both.eigenvalues, zonal_spectrum(kernel, d, 5).eigenvalues, strict=True):
        assert found.overlaps(expected)
    assert both.tail.is_zero()


def test_the_second_layer_adds_the_square_of_a_coefficient() -> None:
    first, both = (ntk_spectrum("tanh(z + 1)", 20, 4, 30, layers) for layers in ("first", "both"))
    for degree in range(5):
        gained = both.eigenvalues[degree] - first.eigenvalues[degree]
        assert gained.overlaps(coefficient("tanh(z + 1)", degree, 20, digits=40) ** 2)
        assert both.eigenvalues[degree].rel_accuracy_bits() > 29 * 3.3
    assert str(both).startswith("both-layer NTK of tanh(z + 1) on the sphere")


@pytest.mark.parametrize("layers", ["second", None, 2])
def test_other_layers_are_refused(layers: object) -> None:
    with pytest.raises(ValueError, match="needs 'first' or 'both'"):
        ntk_spectrum("tanh(z)", 5, 1, layers=layers)
