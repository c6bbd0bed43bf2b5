"""Balls and what holds them: copied, pickled and compared to the last bit."""

import copy
import pickle
import random
import subprocess
import sys

import pytest
import sympy as sp
from flint import arb, ctx

from theory import (
    RATES,
    Activation,
    Spectrum,
    bounds_for_all_dimensions,
    learnable_degrees,
    ntk_expansion,
    ntk_expansion_expr,
    ntk_spectrum,
    quadntk_spectrum,
    taylor_sums,
    taylor_terms,
)
from theory.balls.exact import as_ball, from_parts, parts

SIGMA = Activation.parse("softplus(z) + tanh(z + 1)")
COPIES = [
    lambda value: pickle.loads(pickle.dumps(value)),  # noqa: S301 - made here
    copy.copy,
    copy.deepcopy,
]
OBJECTS = {
    "Activation": lambda: SIGMA,
    "Spectrum": lambda: ntk_spectrum(SIGMA, 7, 3),
    "QuadNTK": lambda: quadntk_spectrum(Activation.parse("tanh(z)"), 10**6, 2, 40),
    "Expansion": lambda: ntk_expansion(SIGMA, 1),
    "Expansion_expr": lambda: ntk_expansion_expr(Activation.parse("sin(z + pi/4)"), 1),
    "TaylorSums": lambda: taylor_sums(SIGMA),
    "TaylorTerms": lambda: taylor_terms(SIGMA, 3, 2),
    "AllDimensionBounds": lambda: bounds_for_all_dimensions("sin(z + pi/4)", 2),
    "no bounds": lambda: bounds_for_all_dimensions("gelu(z)", 3),
    "LearnableDegrees": lambda: learnable_degrees(SIGMA, 2, d=5),
    "Derivation": lambda: RATES["joint_samples"],
    "Step": lambda: RATES["joint_samples"].steps[0],
}


@pytest.mark.parametrize("make", COPIES)
def test_balls_survive_to_the_last_bit(make) -> None:
    rng = random.Random(0)
    for _ in range(2000):
        with ctx.workprec(rng.choice([2, 30, 53, 333, 4000])):
            ball = (arb(rng.random()).sqrt() + rng.randint(-1, 1)) * arb(10) ** rng.randint(-400, 400)
        with ctx.workprec(rng.choice([10, 53, 100])):  # whatever precision the reader works at
            assert parts(make(ball)) == parts(ball)
    for text in ("nan", "inf", "-inf", "0", "1", "[1 +/- inf]"):
        assert parts(make(arb(text))) == parts(arb(text))


def test_any_radius_is_restored() -> None:
    rng = random.Random(1)
    for _ in range(2000):
        radius = (rng.getrandbits(rng.randint(1, 30)) | 1, rng.randint(-3000, 3000))
        assert parts(from_parts((3, -1), radius)) == ((3, -1), radius)


@pytest.mark.parametrize("name", OBJECTS)
def test_public_objects_copy_pickle_compare_and_hash(name: str) -> None:
    made = OBJECTS[name]()
    for make in COPIES:
        other = make(made)
        assert other == made
        assert hash(other) == hash(made)
        assert type(other) is type(made)
    assert made != 1
    assert len({made, *(make(made) for make in COPIES)}) == 1


@pytest.mark.parametrize("digits", [1, 15, 60, 300])
def test_a_spectrum_survives_at_every_precision(digits: int) -> None:
    made = ntk_spectrum(Activation.parse("sin(z + pi/4)"), 9, 3, digits)
    for make in COPIES:
        other = make(made)
        assert other == made
        assert [parts(v) for v in other.eigenvalues] == [parts(v) for v in made.eigenvalues]
        assert parts(other.tail) == parts(made.tail)
        assert other.to_numpy().tobytes() == made.to_numpy().tobytes()


def test_equal_spectra_are_equal_and_others_are_not() -> None:
    one, two = ntk_spectrum(SIGMA, 7, 3), ntk_spectrum(SIGMA, 7, 3)
    assert one == two
    assert {one: 1}[two] == 1
    assert one not in (ntk_spectrum(SIGMA, 7, 4), ntk_spectrum(SIGMA, 7, 3, 20), ntk_spectrum(SIGMA, 8, 3))
    wider = Spectrum(
        *(getattr(one, f) for f in ("activation", "d", "degrees", "multiplicities", "eigenvalues")), arb(1)
    )
    assert one != wider


def test_another_process_reads_what_this_one_wrote() -> None:
    made = [make() for make in OBJECTS.values()]
    program = "import pickle, sys; sys.stdout.buffer.write(pickle.dumps(pickle.loads(sys.stdin.buffer.read())))"
    done = subprocess.run([sys.executable, "-c", program], input=pickle.dumps(made), capture_output=True, check=True)
    assert pickle.loads(done.stdout) == made  # noqa: S301 - made here


def test_numbers_become_balls_exactly() -> None:
    from decimal import Decimal
    from fractions import Fraction

    import numpy as np

    third = as_ball("x", Fraction(1, 3))
    assert third.overlaps(arb(1) / 3)
    assert (
        as_ball("x", Decimal("0.5")) == as_ball("x", np.float32(0.5)) == as_ball("x", sp.Rational(1, 2)) == arb("0.5")
    )
    assert as_ball("x", np.int8(-3)) == -3
    assert as_ball("x", sp.sqrt(2)).overlaps(arb(2).sqrt())
    for bad in (True, np.True_, "2", b"2", None, float("nan"), float("inf"), 1j, np.complex128(1), [1], np.ones(1)):
        with pytest.raises(ValueError, match=r"x=.*: needs a finite real number"):
            as_ball("x", bad)
