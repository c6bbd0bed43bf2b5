import pytest
from flint import arb

from theory import (
    Activation,
    LearnableDegrees,
    coefficient_sign,
    learnable,
    learnable_degrees,
    ntk_eigenvalue,
    quadntk_eigenvalue,
)

parse = Activation.parse
ALL = (0, 1, 2, 3, 4, 5, 6)
ODD, EVEN = (1, 3, 5), (0, 2, 4, 6)

# sigma, degrees of the NTK, degrees of the QuadNTK (None: sigma'' is a distribution).
CATALOGUE = [
    ("sin(z)", ODD, ODD),
    ("cos(z)", EVEN, EVEN),
    ("exp(z)", ALL, ALL),
    ("erf(z)", ODD, ODD),
    ("tanh(z)", ODD, ODD),
    ("sigmoid(z)", ODD, ODD),
    ("softplus(z)", (0, 1, 2, 4, 6), EVEN),
    ("gelu(z)", (0, 1, 2, 4, 6), EVEN),
    ("relu(z)", (0, 1, 2, 4, 6), None),
    ("relu(z)**2", (0, 1, 2, 3, 5), (0, 1, 2, 3, 5)),
    ("sin(z + pi/4)", ALL, ALL),
    ("tanh(z + 1)", ALL, ALL),
    ("erf(z + 1/2)", ALL, ALL),
    ("softplus(z + 1)", ALL, ALL),
    ("gelu(z + 1)", ALL, ALL),
    ("relu(z - 1)", ALL, None),
    ("z", (1,), ()),
    ("z**2", (0, 2), (0, 2)),
    ("z**3", (1, 3), (1, 3)),
    ("z**3/3 - z", (1, 3), (1, 3)),
    ("z**4 + z", (0, 1, 2, 4), (0, 2, 4)),
    ("z*(sin(z)**2 + cos(z)**2)", (1,), ()),
]


@pytest.mark.parametrize(("text", "ntk", "quadntk"), CATALOGUE)
@pytest.mark.parametrize("d", [None, 10])
def test_catalogue(text: str, ntk: tuple[int, ...], quadntk: tuple[int, ...] | None, d: int | None) -> None:
    activation = parse(text)
    for kernel, expected in (("NTK", ntk), ("QuadNTK", quadntk)):
        if expected is None:
            with pytest.raises(ValueError, match="distribution"):
                learnable_degrees(activation, 6, d, kernel)
            continue
        found = learnable_degrees(activation, 6, d, kernel)
        assert found == LearnableDegrees(expected, tuple(j for j in ALL if j not in expected), ())
    assert learnable_degrees(activation, 6, d).learnable == ntk


@pytest.mark.parametrize("text", ["tanh(z)", "softplus(z)", "z**3/3 - z", "relu(z)", "exp(z)"])
def test_decisions_agree_with_the_eigenvalues(text: str) -> None:
    activation = parse(text)
    decided = learnable_degrees(activation, 5, 8)
    for degree in range(6):
        value = ntk_eigenvalue(activation, degree, 8)
        assert value.is_zero() == (degree in decided.unlearnable)
        assert (value > 0) == (degree in decided.learnable)
    # Parity alone sees less: it is never wrong about a zero.
    assert all(learnable(activation, degree) for degree in decided.learnable)


def test_a_zero_at_one_dimension_only() -> None:
    """sigma' = z^3 - 5/2 z has lambda_1 = sqrt(d) (3/(d+2) - 5/(2 d)): zero at d = 10, where 3 d = 5/2 (d + 2)."""
    activation = parse("z**4/4 - 5*z**2/4")
    assert learnable_degrees(activation, 4, 10) == LearnableDegrees((2, 4), (0, 1, 3), ())
    assert learnable_degrees(activation, 4, 11) == LearnableDegrees((0, 2, 4), (1, 3), ())
    assert learnable_degrees(activation, 4) == LearnableDegrees((0, 2, 4), (1, 3), ())
    assert coefficient_sign(activation.derivative(1), 1, 10) == "zero"
    assert coefficient_sign(activation.derivative(1), 1, 11) == "nonzero"


def test_every_dimension_at_once() -> None:
    """Where every d is decided the answer is that of each d; a zero at one d leaves the question of all d open."""
    for text in ("sin(z + pi/4)", "gelu(z)", "z**3/3 - z"):
        every = learnable_degrees(text, 3, d_min=3)
        assert every.undecided == ()
        for d in (3, 17, 5000):
            assert learnable_degrees(text, 3, d) == every
    activation = parse("z**4/4 - 5*z**2/4")
    assert learnable_degrees(activation, 4, d_min=3) == LearnableDegrees((2, 4), (1, 3), (0,))
    assert learnable_degrees(activation, 4, d_min=11) == LearnableDegrees((0, 2, 4), (1, 3), ())
    assert learnable_degrees("tanh(z)", 2, kernel="QuadNTK", d_min=3) == LearnableDegrees((1,), (0, 2), ())
    # Derivatives at a kink are no functions, so the proof for every d does not apply; parity does.
    assert learnable_degrees("relu(z)", 3, d_min=3) == LearnableDegrees((), (3,), (0, 1, 2))


def test_a_kink_beyond_the_sphere() -> None:
    """relu(z - 2) vanishes on |z| <= sqrt(d) for d <= 4."""
    for d in (3, 4):
        assert learnable_degrees(parse("relu(z - 2)"), 3, d).unlearnable == (0, 1, 2, 3)
    assert learnable_degrees(parse("relu(z - 2)"), 3, 5).learnable == (0, 1, 2, 3)
    assert learnable_degrees(parse("relu(z - 2)"), 3).learnable == (0, 1, 2, 3)


def test_an_unproved_zero_is_named() -> None:
    """The function is identically zero by the double-argument formula, and odd."""
    zero = parse("tanh(2*z)*(1 + tanh(z)**2) - 2*tanh(z)")
    assert learnable_degrees(zero, 2, 10) == LearnableDegrees((), (0, 2), (1,))
    assert learnable_degrees(zero, 1) == LearnableDegrees((), (0,), (1,))
    assert coefficient_sign(zero.expr, 1, 10) == "undecided"
    assert coefficient_sign(zero.expr, 2, 10) == "zero"
    # Another coefficient proves the sum positive all the same.
    assert learnable_degrees(parse(f"{zero.expr} + z**3/3"), 1, 10) == LearnableDegrees((1,), (0,), ())


def test_an_undecided_coefficient_beside_a_nonzero_one() -> None:
    """E[(10 - 9 z - z^2) e^z] = 0 at d = 10, by parts; Lambda_1 holds lambda_2 as well."""
    activation, d = parse("(17 - 7*z - z**2)*exp(z)"), 10
    assert coefficient_sign(activation.derivative(1), 0, d) == "undecided"
    assert coefficient_sign(activation.derivative(1), 0, d + 1) == "nonzero"
    assert learnable_degrees(activation, 3, d).learnable == (0, 1, 2, 3)


def test_quadntk_degrees_agree_with_its_eigenvalues() -> None:
    activation = parse("z**4 + z**3")
    decided = learnable_degrees(activation, 6, 5, "QuadNTK")
    assert decided == LearnableDegrees((0, 1, 2, 3, 4), (5, 6), ())
    assert all(quadntk_eigenvalue(activation, degree, 5) > arb(0) for degree in decided.learnable)


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match=r"kernel='ntk': needs one of NTK, QuadNTK"):
        learnable_degrees(parse("z"), 2, 10, "ntk")
    for top, d, needle in ((-1, 10, "max_degree=-1"), (2, 2, "d=2"), (2, 4.0, "d=4.0")):
        with pytest.raises(ValueError, match=needle):
            learnable_degrees(parse("exp(z)"), top, d)
    for d, smallest, needle in ((None, 2, "d_min=2"), (None, 4.0, "d_min=4.0"), (5, 3, "d=5, d_min=3")):
        with pytest.raises(ValueError, match=needle):
            learnable_degrees(parse("exp(z)"), 1, d, d_min=smallest)
