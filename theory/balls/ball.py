"""Exact constants as certified real balls (``flint.arb``: a midpoint and a radius that contains the true value)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import sympy as sp
from flint import acb, arb, ctx, fmpq

from theory.balls.functions import GENUINE, softplus, written
from theory.balls.hypergeometric import evaluate, humbert_phi3
from theory.balls.precision import exclusive
from theory.harmonics.sphere import as_integer, shown
from theory.harmonics.work import Undecided, check_work, evaluation, note_disturbed, unconverged, watched

MAX_BITS = 20_000
"""Working precision at which the evaluation of a constant gives up."""
DIGITS_RANGE = (1, 1000)


def check_digits(digits: int) -> int:
    """``digits`` as an integer 1..1000; ValueError for anything else."""
    (low, high), whole = DIGITS_RANGE, as_integer(digits)
    if whole is None or not low <= whole <= high:
        raise ValueError(f"digits={shown(digits)}: needs an integer {low} <= digits <= {high}")
    return whole


def digits_to_bits(digits: int, spare: int = 0) -> int:
    """Bits that carry ``digits`` decimal digits and ``spare`` more, rounded up; ValueError unless digits is 1..1000."""
    return int((check_digits(digits) + spare) * 3.3219280948873626) + 2  # log2(10) bits for each digit


def refine(
    evaluate: Callable[[int], arb],
    digits: int,
    start_bits: int = 0,
    subject: str = "the value",
    max_bits: int = MAX_BITS,
    spare: int = 0,
) -> arb:
    """Evaluate at rising working precision until ``digits`` relative digits are certified.

    Args:
        evaluate: maps working precision in bits to a ball; called inside that precision.
        digits: relative decimal digits to certify, 1 to 1000; an exact zero is accepted.
        start_bits: first working precision where the size of the value is known to need more.
        subject: what is computed, for the error message.
        max_bits: working precision at which to give up.
        spare: further digits, for a value that enters others with ``digits``.

    Returns:
        A ball that contains the value, with relative radius below 10**-digits.

    Raises:
        Undecided: the digits are not certified at ``max_bits``, or integrals do not converge at two precisions in
            turn; a true value of exactly zero ends here.
        WorkLimit: not certified within the work allowed.
    """
    goal = digits_to_bits(digits, spare)
    # 32 more bits cover the rounding of most evaluations, so that the first try usually certifies the digits.
    bits = max(goal + 32, start_bits)
    stalled, tries, spent = 0, 0, 0.0
    with evaluation(subject):
        while True:
            # A try takes at least twice as long as the last one, but for the first, which prepares what all need. Much
            # of it, the nodes of a quadrature, lies in calls that nothing can end: without time for it it is not begun.
            check_work(2 * spent if tries > 1 else 0.0)
            count, began = unconverged(), time.thread_time()
            with exclusive, ctx.workprec(bits):
                value = evaluate(bits)
                disturbed = ctx.prec != bits
            tries, spent = tries + 1, time.thread_time() - began
            if value.is_zero() or (value.is_finite() and value.rel_accuracy_bits() >= goal):
                return value
            if disturbed:  # by code elsewhere, at the end of a long evaluation: the ball is true, but too wide
                note_disturbed()
                continue
            # One integral may end at its limit of evaluations by chance; two in turn show that it does not converge.
            stalled = stalled + 1 if unconverged() > count else 0
            if bits >= max_bits or stalled == 2:
                reason = (
                    "its integral does not converge, the function varies too much for it; use smaller constants"
                    if stalled
                    else "the value may be exactly zero, or smaller than that"
                    if value.contains(0)
                    else "it is not zero, but its digits cancel; ask for fewer"
                )
                raise Undecided(
                    f"{subject}: {digits} digits not certified at {bits} bits, the ball is {value.str(5)}; {reason}"
                )
            # How many bits cancel is not known. Doubling finds out, and all tries cost about twice the last one.
            bits = min(2 * bits, max_bits)


def square(value: arb) -> arb:
    """value^2 as a product: in python-flint 0.9, ``arb(0, 1) ** 2`` (a ball around exactly zero) is nan."""
    return value * value


REAL_FUNCTIONS: dict[str, Callable[[arb], arb]] = {
    "sin": arb.sin,
    "cos": arb.cos,
    "exp": arb.exp,
    "erf": arb.erf,
    "tan": arb.tan,
    "sinh": arb.sinh,
    "cosh": arb.cosh,
    "tanh": arb.tanh,
    "log": arb.log,
    "sqrt": arb.sqrt,
    "acos": arb.acos,
    "asin": arb.asin,
    "atan": arb.atan,
    "gamma": arb.gamma,
    "factorial": lambda u: (u + 1).gamma(),
    "softplus": lambda u: (1 + u.exp()).log(),
    "Abs": abs,
    "sign": arb.sgn,
}
"""Functions of a real ball, by the name SymPy gives them."""


def ball(expr: sp.Expr) -> arb:
    """The constant ``expr`` as a ball at the current precision.

    Admits integers, rationals, pi, e, sums, products, real powers and the functions of the catalogue, Gamma,
    log, factorial, the Bessel functions J and I and the hypergeometric functions 0F1, 1F1, 2F1 and Phi_3.

    Raises:
        TypeError: a floating-point number (not exact), a free symbol, a text or an unknown function.
        ValueError: a value that is proved not to be a real number, such as sqrt(-2).
    """
    expr = sp.sympify(expr, strict=True)  # a text is refused: SymPy would evaluate it as code
    if expr.is_Integer:
        return arb(int(expr))
    if expr.is_Rational:
        return arb(fmpq(int(expr.p), int(expr.q)))
    if expr is sp.pi:
        return arb.pi()
    if expr is sp.E:
        return arb(1).exp()
    if expr.is_Float or expr.free_symbols:
        raise TypeError(f"{written(expr)}: needs an exact constant without free symbols")
    if isinstance(expr, sp.hyper):
        return evaluate(expr, [ball(x) for x in (*expr.args[0], *expr.args[1], expr.args[2])])
    values = [ball(argument) for argument in expr.args]
    if isinstance(expr, humbert_phi3):
        return evaluate(expr, values)
    if expr.is_Add:
        return sum(values[1:], values[0])
    if expr.is_Mul:
        product = values[0]
        for value in values[1:]:
            product = product * value
        return product
    if expr.is_Pow:
        exponent = expr.args[1]
        if exponent.is_Integer:
            return values[0] ** int(exponent)
        if values[0] < 0:  # the exponent is not an integer, so the power is not real
            raise not_real(expr)
        return values[0].sqrt() if exponent == sp.Rational(1, 2) else values[0] ** values[1]
    if isinstance(expr, sp.besselj | sp.besseli):  # what SymPy rewrites 0F1 as
        order, z = map(acb, values)
        value = z.bessel_j(order) if isinstance(expr, sp.besselj) else z.bessel_i(order)
        if not value.imag.contains(0):
            raise not_real(expr)
        return value.real
    if isinstance(expr, sp.UnevaluatedExpr):
        return values[0]
    name = type(expr).__name__
    if type(expr) not in GENUINE or name not in REAL_FUNCTIONS:
        raise TypeError(f"{written(expr)}: no certified evaluation of {name}")
    if (name == "log" and values[0] <= 0) or (name in ("acos", "asin") and abs(values[0]) > 1):
        raise not_real(expr)
    return REAL_FUNCTIONS[name](values[0])


def not_real(expr: sp.Expr) -> ValueError:
    """The refusal of an expression whose value is proved not to be a real number."""
    return ValueError(f"{written(expr)}: is not a real number; needs a constant that is real and finite")


def certified_float(expr: sp.Expr) -> float:
    """The double nearest to a constant expression, to within one unit in its last place.

    Raises:
        Undecided: the constant may be exactly zero, without SymPy seeing it.
        ValueError: it is too large for a double.
    """
    value = float(refine(lambda bits: ball(expr), 17, subject=written(expr), max_bits=4000).mid())
    if not math.isfinite(value):
        raise ValueError(f"{written(expr)}: too large for a double")
    return value


def proved_zero(expr: sp.Expr) -> bool:
    """Whether algebra proves that a constant is zero; a ball that excludes zero spares the algebra."""
    if expr.is_Rational:
        return bool(expr == 0)
    with exclusive, ctx.workprec(192):
        if not ball(expr).contains(0):
            return False
    return is_zero(expr)


FAR = 4000
"""Largest exponent of a constant whose sign SymPy is asked for: what cancels beside it has some thousand bits."""
_RUNNING_OFF = (sp.exp, sp.erf, sp.tanh, softplus, sp.hyper, humbert_phi3, sp.besseli, sp.besselj)


def _is_far(function: sp.Expr) -> bool:
    """Whether a function of a constant is e^-FAR or e^FAR, or that near to 1 or -1, or may be: by its argument."""
    if function.free_symbols or not isinstance(function, _RUNNING_OFF):
        return False
    with exclusive, ctx.workprec(64):
        size = abs(ball(function.args[-1])).upper()
    return bool((size * size if isinstance(function, sp.erf) else size) > FAR)


def without_far(expr: sp.Expr) -> tuple[sp.Expr, dict[sp.Expr, sp.Expr]]:
    """``expr`` with a symbol for each function of a constant so far out that SymPy must not evaluate it; the symbols.

    SymPy decides signs by floating point, with as many digits as cancel: 1 - erf(10^6) would be asked for 10^12 bits,
    which ends in an OverflowError, or does not end. Symbols that stand for unknown numbers are not evaluated, and what
    is zero whatever they are is zero.
    """
    found = {f: sp.Dummy(type(f).__name__, real=True) for f in expr.atoms(sp.Function) if _is_far(f)}
    return expr.xreplace(found), {symbol: f for f, symbol in found.items()}


LARGE = 200
"""Operations from which on SymPy is watched while it looks for a zero: it may take seconds."""


def simplified(expr: sp.Expr) -> sp.Expr:
    """SymPy's simplify, by which no function of a constant far out is evaluated (see :func:`without_far`).

    Raises:
        WorkLimit: the work allowed is used up.
    """
    rest, far = without_far(expr)
    result = watched(sp.simplify, rest)
    return result.xreplace(far) if far else result


def is_zero(expr: sp.Expr) -> bool:
    """Whether algebra proves that an expression is zero; WorkLimit where a long one uses up the work allowed."""
    rest, _ = without_far(expr)

    def decided() -> bool:
        return bool(rest.is_zero or sp.simplify(rest).is_zero)

    return decided() if sp.count_ops(rest) <= LARGE else watched(decided)


def compare(left: sp.Expr, right: sp.Expr) -> int:
    """-1, 0 or 1 as ``left`` is proved to be less than, equal to or greater than ``right``.

    Raises:
        Undecided: the balls do not separate at 4000 bits and algebra does not prove equality.
    """
    difference = sp.sympify(left) - sp.sympify(right)
    if difference.is_Rational:
        return int(sp.sign(difference))
    # In the order of their cost: few bits, which decide nearly always, then algebra, then many bits.
    with exclusive, ctx.workprec(64):
        quick = ball(difference)
    if quick != 0:  # proved: the ball excludes zero
        return 1 if quick > 0 else -1
    if proved_zero(difference):
        return 0
    value = refine(lambda bits: ball(difference), 1, subject=f"{written(left)} - ({written(right)})", max_bits=4000)
    return 1 if value > 0 else -1
