"""What bounds for every dimension prove of limits, exponents and degrees, for the claims on spectra."""

from __future__ import annotations

import math
from collections.abc import Mapping

from theory.balls.precision import exclusive
from verify.cells.spectral import EveryDimension, ball_text, read_ball
from verify.judging.claim import Evidence
from verify.judging.outcome import Interval
from verify.judging.rules import Measurement
from verify.predictions import certified
from verify.running.experiment import Numbers
from verify.sizes.profile import Profile


def cells(p: Profile, max_degree: int) -> tuple[EveryDimension, ...]:
    """The bounds of the activation, none where the proof does not apply: it needs a smooth sigma'."""
    if not certified.smooth(p.activation, 1):
        return ()
    return (EveryDimension(activation=p.activation, max_degree=max_degree),)


def limit(p: Profile, evidence: Evidence, max_degree: int, degree: int, d: int, ball: str) -> Measurement:
    """The limit of d^e Lambda_l from one certified eigenvalue: what is left to it is known with its remainder.

    Args:
        p: of the case.
        evidence: the numbers.
        max_degree: of the cell.
        degree: l.
        d: where the eigenvalue was taken.
        ball: the eigenvalue, as stored.
    """
    from flint import arb, ctx

    (cell,) = cells(p, max_degree)
    found = evidence[cell]["bounds"][degree]
    if found is None or d < found["switch"]:
        return Measurement(Interval.unknown(math.nan), budget={"remainder": math.inf})
    with exclusive, ctx.workprec(128):
        value = arb(ball) * arb(d) ** round(-found["exponent"])
        _, *later = map(arb, found["coefficients"])
        gap = sum((c / arb(d) ** r for r, c in enumerate(later, 1)), arb(0))
        rest = (arb(found["remainder"]) / arb(d) ** (len(later) + 1)).upper()
        middle, low, high = read_ball(ball_text(value - gap + arb(0, rest)))
    interval = Interval.unknown(middle) if math.isnan(middle) else Interval(middle, low, high)
    return Measurement(interval, budget={"remainder": float(rest)})


def exponent(p: Profile, evidence: Evidence, max_degree: int, degree: int, balls: Mapping[int, str]) -> Measurement:
    """The exponent of Lambda_l, exact where bounds above and below it are positive for every d >= 3.

    Unknown where they are not, and where a certified eigenvalue lies outside them: then one of the two is wrong.

    Args:
        p: of the case.
        evidence: the numbers.
        max_degree: of the cell.
        degree: l.
        balls: the eigenvalue by d, as stored; found by another route than the bounds.
    """
    from flint import arb

    (cell,) = cells(p, max_degree)
    found = evidence[cell]["bounds"][degree]
    if found is None or not arb(found["lower"]) > 0 or not all(_inside(found, d, ball) for d, ball in balls.items()):
        return Measurement(Interval.unknown(math.nan), budget={"bounds": math.inf})
    return Measurement(Interval.around(found["exponent"], 0.0), budget={"bounds": 0.0})


def _inside(found: Numbers, d: int, ball: str) -> bool:
    """Whether d^e Lambda_l, or some of its ball, lies between the bounds."""
    from flint import arb, ctx

    with exclusive, ctx.workprec(128):
        value = arb(ball) * arb(d) ** round(-found["exponent"])
        return not (value < arb(found["lower"]) or value > arb(found["upper"]) or math.isnan(float(value.mid())))


def statement(p: Profile, evidence: Evidence, max_degree: int) -> str:
    """The theorem with its constants, in a sentence; a bound that is not finite states nothing."""
    from flint import arb

    from theory.bounds.proof import rounded

    if not cells(p, max_degree):
        return ""
    parts = []
    for degree, found in enumerate(evidence[cells(p, max_degree)[0]]["bounds"]):
        if found is not None and arb(found["lower"]).is_finite() and arb(found["upper"]).is_finite():
            low, high = rounded(arb(found["lower"]), False), rounded(arb(found["upper"]), True)
            power = f"d^{-found['exponent']:g} " if found["exponent"] else ""
            parts.append(f"{low} <= {power}Lambda_{degree} <= {high}")
    return f" Proved for every d >= 3: {'; '.join(parts)}." if parts else ""
