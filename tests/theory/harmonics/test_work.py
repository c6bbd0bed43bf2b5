"""Every evaluation ends: with digits, or with a sentence that says what was tried and what would help."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress

import mpmath
import pytest
import sympy as sp
from flint import arb, ctx

from theory import (
    Activation,
    Undecided,
    WorkLimit,
    coefficient,
    coefficient_rodrigues,
    learnable_degrees,
    legendre,
    multiplication,
    ntk_eigenvalue,
    ntk_expansion,
    ntk_expansion_expr,
    ntk_limit,
    ntk_limit_expr,
    ntk_spectrum,
    ntk_trace,
    profile_energy_expr,
    quadntk_spectrum,
    rodrigues_form,
    sparse_profile_expr,
    taylor_terms,
    third_derivative_bound,
    work_limit,
)
from theory.activations import Z
from theory.balls.ball import refine
from theory.harmonics.work import check_work, evaluation, watched
from theory.spectra.decisions import _decide

SINES = "*".join(f"sin({i}*z + 1)" for i in range(1, 20))


@pytest.mark.parametrize(
    "evaluate",
    [
        lambda: coefficient("cos(z + z**32)", 1, 10),
        lambda: ntk_limit("cos(z + z**32)", 2),
        lambda: ntk_spectrum("exp(z**2/8 + z)", 10**5, 2),
        lambda: ntk_spectrum("tanh(z + 1)", 10, 100_000),
        lambda: ntk_spectrum(SINES, 10**6, 40, 1000),
        lambda: coefficient("sin(500*z)", 1, 10**6),
        lambda: third_derivative_bound(Activation.parse("sin(1e6*z)*exp(sin(1e5*z))"), 1000.0),
    ],
    ids=["wild", "wild limit", "series", "degrees", "sines", "cancelled", "supremum"],
)
def test_what_takes_too_long_ends_in_a_sentence(evaluate: Callable[[], object]) -> None:
    start = time.thread_time()
    with work_limit(1), pytest.raises(Undecided) as refused:
        evaluate()
    assert time.thread_time() - start < 4  # the limit, and what stands between two looks at it
    text = str(refused.value)
    assert "not done within 1 s" in text or "not certified at" in text
    assert "; " in text  # and the remedy or the reason


def test_nodes_of_a_rule_are_not_begun_without_the_time_for_them() -> None:
    """Those at 12,000 bits took 12 s in one call; the try before, whose nodes were known already, did not foretell it.

    Every value here is near exp(-5e23), too small for any precision that is tried.
    """
    start = time.thread_time()
    for evaluate in (
        lambda: coefficient("gelu(z + 1e12)", 2, 3, 1, 4),
        lambda: ntk_spectrum("gelu(z + 1e12)", 3, 2, 4),
    ):
        with work_limit(2), pytest.raises(Undecided, match="not done within 2 s"):
            evaluate()
    assert time.thread_time() - start < 8


@pytest.mark.parametrize("d", [120_000, 250_000])
def test_a_gaussian_that_grows_is_summed_at_large_d(d: int) -> None:
    """d E[(z/2)^2 e^{z^2/2}], once without end in sight at d = 250000, against mpmath in s = t^2."""
    value = ntk_trace("exp(z**2/4)", d)
    with mpmath.workdps(30):
        integral = mpmath.quad(
            lambda s: mpmath.sqrt(s) * mpmath.exp(mpmath.mpf(d) / 2 * s + mpmath.mpf(d - 3) / 2 * mpmath.log1p(-s)),
            [0, mpmath.mpf(d) ** -0.75, 8 * mpmath.mpf(d) ** -0.5, mpmath.mpf(30) * mpmath.mpf(d) ** -0.5],
        )
        weight = mpmath.exp(mpmath.loggamma(mpmath.mpf(d) / 2) - mpmath.loggamma(mpmath.mpf(d - 1) / 2))
        expected = mpmath.mpf(d) ** 2 / 4 * integral * weight / mpmath.sqrt(mpmath.pi)
    assert abs(float(value) / float(expected) - 1) < 1e-9


@pytest.mark.parametrize("spectrum", [ntk_spectrum, quadntk_spectrum])
def test_a_coefficient_that_cannot_matter_is_not_asked_for_its_own_digits(spectrum: Callable[..., object]) -> None:
    """At d = 3 lambda_0(sigma') is the difference of sigma at the poles, e^-5358; the others are of order 1e-3."""
    with work_limit(10):
        found = spectrum("exp(-1e4*(z - 1)**2)", 3, 6)
    assert all(value.rel_accuracy_bits() > 49 for value in found.eigenvalues)


@pytest.mark.parametrize("text", ["tanh(z + 1)", "erf(z + 1/2)", "gelu(z)", "sin(z + pi/4)", "z**3"])
@pytest.mark.parametrize(("d", "degree", "digits"), [(3, 0, 400), (3, 60, 15), (10**6, 2, 300), (10**6, 70, 1)])
def test_the_ends_of_the_range(text: str, d: int, degree: int, digits: int) -> None:
    for spectrum in (ntk_spectrum, quadntk_spectrum):
        found = spectrum(text, d, degree, digits)
        assert all(v.is_zero() or v.rel_accuracy_bits() >= 3.32 * digits for v in found.eigenvalues)


def test_single_values_to_a_thousand_digits_contain_those_to_fewer() -> None:
    for text in ("sin(z + pi/4)", "erf(z + 1/2)", "softplus(z/4)"):
        few, many = (ntk_eigenvalue(text, 2, 10, digits) for digits in (30, 1000))
        assert few.contains(many)
        assert many.rel_accuracy_bits() >= 3321


def test_a_limit_within_a_limit_counts_when_it_ends_first() -> None:
    with work_limit(100), work_limit(1e-9), pytest.raises(WorkLimit, match="within 1e-09 s"):
        coefficient("tanh(z + 1)", 1, 10, digits=33)
    with work_limit(1e-9), work_limit(100), pytest.raises(WorkLimit, match="within 1e-09 s"):
        coefficient("tanh(z + 1)", 1, 10, digits=33)
    assert coefficient("tanh(z + 1)", 1, 10, digits=33).rel_accuracy_bits() > 100


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_limit_needs_a_positive_time(seconds: float) -> None:
    with pytest.raises(ValueError, match="needs a positive number of seconds"), work_limit(seconds):
        pass


def _endless() -> None:
    with evaluation("the inner one"):
        while True:
            check_work()


def test_the_inner_evaluation_gives_the_sentence_its_name() -> None:
    with evaluation("the outer one"), work_limit(1e-9), pytest.raises(WorkLimit, match=r"^the inner one: "):
        _endless()


def test_a_limit_that_ends_because_others_set_the_precision_says_so() -> None:
    """Two bits never give three digits; the next evaluation knows nothing of it."""

    def two_bits(bits: int) -> arb:
        ctx.prec = 2
        return arb(1) / 3

    with work_limit(0.05), pytest.raises(WorkLimit, match=r"^a third: .* 0\.05 s; other code set flint\.ctx\.prec"):
        refine(two_bits, 3, subject="a third")
    with work_limit(1e-9), pytest.raises(WorkLimit, match=r"1e-09 s; ask for fewer digits"):
        coefficient("tanh(z + 1)", 1, 10, digits=34)


def test_a_decision_that_takes_too_long_is_named_undecided() -> None:
    with work_limit(0.5):
        assert learnable_degrees("cos(z + z**32)", 1, 10).undecided == (0, 1)


@pytest.mark.parametrize("bits", [2, 5, 4000])
def test_values_do_not_depend_on_the_precision_of_the_process(bits: int) -> None:
    expected = [str(x) for x in _everything()]
    before = ctx.prec
    ctx.prec = bits
    try:
        found = _everything()
    finally:
        ctx.prec = before
    assert [str(x) for x in found] == expected


def _everything() -> list[arb]:
    return [
        coefficient("tanh(z + 1)", 2, 10, 1),
        ntk_spectrum("gelu(z)", 10, 3).tail,
        third_derivative_bound(Activation.parse("sin(z)*tanh(z)"), 5.0),
        ntk_limit("erf(z + 1/2)", 3),
    ]


def _deaf() -> None:
    """Goes on after every Exception, looks at no limit and calls functions in generators only."""
    while True:
        with suppress(Exception):  # as SymPy has it in places
            sum(len(str(i)) for i in range(100))
            _nothing()


def _nothing() -> None:
    pass


def test_code_that_knows_nothing_of_the_limit_is_ended_by_it() -> None:
    before = sys.getprofile()
    with pytest.raises(WorkLimit, match=r"^the evaluation: not done within 0\.1 s; "), work_limit(0.1):
        watched(_deaf)
    with pytest.raises(WorkLimit, match=r"^the subject: not done within 0\.1 s; "), evaluation("the subject", 0.1):
        watched(_deaf)
    assert sys.getprofile() is before


def test_what_is_watched_returns_and_raises_what_it_would() -> None:
    before = sys.getprofile()
    for seconds in (100, float("inf")):
        with work_limit(seconds):
            assert watched(divmod, 7, 3) == (2, 1)
            assert watched(sorted, [1, 3, 2], reverse=True) == [3, 2, 1]
            assert watched(watched, divmod, 7, 3) == (2, 1)
            with pytest.raises(ZeroDivisionError):
                watched(divmod, 1, 0)
    assert watched(divmod, 7, 3) == (2, 1)  # without a limit
    assert sys.getprofile() is before


def test_a_profiler_at_work_is_left_alone() -> None:
    seen = []
    before = sys.getprofile()
    sys.setprofile(lambda *event: seen.append(event[1]))
    try:
        with work_limit(100):
            watched(_nothing)
        assert sys.getprofile() is not before
    finally:
        sys.setprofile(before)
    assert "call" in seen


@pytest.mark.parametrize(
    "evaluate",
    [
        lambda: ntk_eigenvalue("((z - pi*1e9)**37)**24", 3, 10),
        lambda: ntk_limit_expr("(((z + 1 - 1e-9)**13)**17)*erf(z) + (z + 1e-9)**7", 3),
        lambda: ntk_expansion_expr("((((z - pi*1e9)**37)**6)**4)", 3),
        lambda: profile_energy_expr("exp(-30*(pi*1e5*z - exp(1)*1e3)**2)*erf(1e7*z + 1e6)**2*(z + pi)**400", 1, 100),
    ],
    ids=["eigenvalue", "limit", "expansion", "energy"],
)
def test_long_algebra_ends_in_a_sentence_or_a_value(evaluate: Callable[[], object]) -> None:
    """Once SymPy went on for 15 seconds and more, or a limit without a word came out."""
    with work_limit(1):
        try:
            assert evaluate() is not None
        except (Undecided, ValueError) as refused:
            sentence = str(refused)
        else:
            return
    assert "; " in sentence


def test_a_decision_begins_no_try_that_it_has_no_time_for() -> None:
    """A try takes at least twice as long as the last one, and nothing ends the nodes of its rule."""
    tries = []

    def evaluate(bits: int) -> arb:
        tries.append(bits)
        start = time.thread_time()
        while time.thread_time() - start < (0.6 if bits > 128 else 0):
            _nothing()
        return arb(0, 1)

    with work_limit(1):
        assert _decide(evaluate, sp.tanh(Z)) == "undecided"
    assert tries == [64, 128, 256]


D, X = sp.Symbol("d", positive=True), sp.Symbol("t")


@pytest.mark.parametrize(
    ("evaluate", "subject"),
    [
        (lambda: multiplication(1000, 10**5, 10), r"t\^1000 P_100000 as a sum"),
        (lambda: multiplication(60, 60, D), r"t\^60 P_60 as a sum"),
        (lambda: multiplication(60, 60, D + 1), r"t\^60 P_60 as a sum"),
        (lambda: legendre(300, 10, X + sp.sqrt(2)), "P_300 written out"),
        (lambda: legendre(60, D + 1, X), "P_60 written out"),
        (lambda: taylor_terms("tanh(z+1)", 30, 30), "the Taylor terms of"),
        (lambda: rodrigues_form("tanh(z+1)", 1000, 10), "derivative 1000 of"),
        (lambda: coefficient_rodrigues("tanh(z+1)", 4000, 10, 1), "lambda_4000 of"),
        (lambda: ntk_expansion("tanh(z+1)", 10**6), "the expansion in 1/d of eigenvalue 1000000"),
        (lambda: ntk_expansion_expr("sin(z+1)", 10**6), "the closed expansion in 1/d of eigenvalue 1000000"),
        (lambda: sparse_profile_expr("sin(z+1)", 200, 10, X), "g of .* at k=200"),
    ],
)
def test_what_is_written_out_ends_with_the_work_allowed(evaluate: Callable[[], object], subject: str) -> None:
    start = time.thread_time()
    with work_limit(0.5), pytest.raises(WorkLimit, match=rf"^{subject}.*: not done within 0\.5 s; "):
        evaluate()
    assert time.thread_time() - start < 4


@pytest.mark.parametrize(
    ("evaluate", "sentence"),
    [
        (lambda: coefficient_rodrigues("tanh(z + 1)", 10**6, 10, 1), "degree=1000000: needs degree <= 10000"),
        (lambda: rodrigues_form("sin(z+1)", 10**6, 10), "degree=1000000: needs degree <= 1000"),
        (lambda: taylor_terms("sin(z)", 10**40, 2), r"d=1\.000000e\+40, m=2: needs d m <= 10000 to be written out"),
        (lambda: taylor_terms("sin(z)", 2, 10**6), "d=2, m=1000000: needs d m <= 10000 to be written out"),
    ],
)
def test_what_no_limit_could_end_is_refused_at_once(evaluate: Callable[[], object], sentence: str) -> None:
    start = time.thread_time()
    with pytest.raises(ValueError, match=sentence):
        evaluate()
    assert time.thread_time() - start < 1


def test_the_largest_that_is_written_out() -> None:
    """sin^(1000) = sin; t^4 P_3 at d + 1 is that at d with d + 1 put in, and at d = 7 by numbers alone."""
    front, rest = rodrigues_form("sin(z + 1)", 1000, 10)
    assert rest == sp.sin(Z + 1)
    assert 1 / front == sp.prod(10 + 2 * i for i in range(1000)) / sp.Integer(10) ** 500
    shifted = multiplication(4, 3, D + 1)
    assert {j: w.subs(D, 6) for j, w in shifted.items()} == multiplication(4, 3, 7)
    assert all(sp.cancel(w - shifted[j].subs(D, D - 1)) == 0 for j, w in multiplication(4, 3, D).items())
