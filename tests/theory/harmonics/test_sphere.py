from math import comb

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory import cumulative_multiplicity, moment, multiplicity


@given(st.integers(3, 60), st.integers(1, 12))
def test_multiplicity_counts_homogeneous_minus_lower(d: int, degree: int) -> None:
    """Harmonics of degree l are the homogeneous polynomials modulo |x|^2 times those of degree l-2."""
    # Checks :eq:`multiplicity`.
    homogeneous = comb(d + degree - 1, degree)
    lower = comb(d + degree - 3, degree - 2) if degree >= 2 else 0
    assert multiplicity(d, degree) == homogeneous - lower


@pytest.mark.parametrize("degree", range(6))
def test_symbolic_multiplicity_agrees(degree: int) -> None:
    d = sp.Symbol("d")
    for value in (3, 4, 17, 10**6):
        assert multiplicity(d, degree).subs(d, value) == multiplicity(value, degree)


def test_cumulative_multiplicity_is_polynomials_of_degree_at_most_k() -> None:
    """On the sphere, degree <= k restricts to the homogeneous polynomials of degree k and of degree k-1."""
    # Checks :eq:`multiplicity`.
    assert cumulative_multiplicity(7, 3) == comb(7 + 2, 3) + comb(7 + 1, 2)


@pytest.mark.parametrize("power", range(11))
def test_moments_against_the_beta_integral(power: int) -> None:
    import mpmath as mp

    for d in (3, 4, 9):
        weight = lambda t, d=d: (1 - t**2) ** (mp.mpf(d - 3) / 2)  # noqa: E731
        expected = mp.quad(lambda t: t**power * weight(t), [-1, 0, 1]) / mp.quad(weight, [-1, 0, 1])  # noqa: B023
        assert abs(mp.mpf(moment(d, power).p) / moment(d, power).q - expected) < 1e-12


@pytest.mark.parametrize(
    ("d", "needle"), [(2, "d=2: needs d >= 3"), (0, "d=0"), (True, "d=True"), (3.0, "d=3.0"), (10**6 + 1, "<= 1000000")]
)
def test_bad_dimension(d: object, needle: str) -> None:
    with pytest.raises(ValueError, match=needle.replace("(", r"\(")):
        multiplicity(d, 2)


@pytest.mark.parametrize("degree", [-1, 1.5, True, "2"])
def test_bad_degree(degree: object) -> None:
    with pytest.raises(ValueError, match="degree"):
        multiplicity(5, degree)
