"""Random activation texts and SymPy expressions, each through a coefficient, a limit and a spectrum.

Every case must end in a certified value or in one sentence, within the limit of work: anything else that is raised, any
evaluation that takes more than three times its limit, and any value that mpmath does not confirm is printed. A zero is
confirmed at 160 digits. A case is repeated from its number alone.

    python benchmarks/fuzz.py --kind text --count 200000
    python benchmarks/fuzz.py --kind expression --count 20000 --first 5000
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import mpmath as mp  # type: ignore[import-untyped]
import sympy as sp
from flint import arb

from theory import (
    Activation,
    Undecided,
    coefficient,
    ntk_limit,
    ntk_spectrum,
    quadntk_spectrum,
    work_limit,
)
from theory.activations import Z

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
from expressions_fuzz import random_expression, random_text

DIGITS = (3, 4, 4, 5, 15)
DEGREES = (0, 1, 2, 3, 5)
DIMENSIONS = (3, 4, 5, 10, 11, 31, 100, 1000, 10**6)
LARGEST_CHECKED = 100
"""Dimension up to which mpmath's plain quadrature resolves the integrand."""
CHECKED = {True: 0.05, False: 0.003}
"""Share of the values that mpmath is asked about, for zeros and for others; it takes seconds for each."""


def quadrature(expr: sp.Expr, degree: int, d: int, digits: int) -> tuple[mp.mpf, mp.mpf]:
    """lambda_l and its error as mpmath sees it: its quadrature between the kinks, the recurrence of P_l, log-Gamma."""
    own = {"softplus": lambda u: mp.log1p(mp.exp(u)), "sign": mp.sign, "Abs": abs}
    function = sp.lambdify(Z, expr, [own, "mpmath"])
    with mp.workdps(digits):
        root, inside = mp.sqrt(d), [mp.mpf(-1), mp.mpf(0), mp.mpf(1)]
        for kink in expr.atoms(sp.Abs, sp.sign):
            (zero,) = sp.solve(kink.args[0], Z)
            inside.append(mp.mpf(str(sp.N(zero, digits))) / root)

        def integrand(t: mp.mpf) -> mp.mpf:
            before, here = mp.mpf(0), mp.mpf(1)
            for j in range(degree):
                before, here = here, ((2 * j + d - 2) * t * here - j * before) / (j + d - 2)
            return function(root * t) * here * (1 - t * t) ** (mp.mpf(d - 3) / 2)

        front = mp.exp(mp.loggamma(mp.mpf(d) / 2) - mp.loggamma(mp.mpf(d - 1) / 2)) / mp.sqrt(mp.pi)
        value, error = mp.quad(integrand, sorted(x for x in set(inside) if -1 <= x <= 1), maxdegree=9, error=True)
        return front * value, abs(front * error)


class Case:
    """One activation with the arguments of its three evaluations."""

    def __init__(self, kind: str, number: int) -> None:
        self.draw = random.Random(f"{kind} {number}")  # noqa: S311 - repeatable, not secret
        self.given = random_text(self.draw) if kind == "text" else random_expression(self.draw)
        self.degree, self.d = self.draw.choice(DEGREES), self.draw.choice(DIMENSIONS)
        self.order, self.digits = self.draw.choice((0, 1, 2)), self.draw.choice(DIGITS)

    def evaluations(self, sigma: Activation) -> dict[str, Callable[[], object]]:
        """Coefficient, limit and spectrum, to be evaluated."""
        spectrum = ntk_spectrum if self.order < 2 else quadntk_spectrum
        return {
            "coefficient": lambda: coefficient(sigma, self.degree, self.d, self.order, self.digits),
            "limit": lambda: ntk_limit(sigma, self.degree, self.digits),
            "spectrum": lambda: spectrum(sigma, self.d, 2, self.digits),
        }

    def confirmed(self, sigma: Activation, value: arb) -> bool | None:
        """Whether mpmath agrees with lambda_l; None when it is not asked, or cannot tell."""
        zero = bool(value.is_zero())
        if self.d > LARGEST_CHECKED or self.draw.random() >= CHECKED[zero]:
            return None
        digits = 160 if zero else 60
        try:
            found, error = quadrature(sigma.derivative(self.order), self.degree, self.d, digits)
        except (ArithmeticError, ValueError, TypeError):
            return None
        allowed = abs(found) * 1e-30 + mp.mpf(10) ** -40
        if error > allowed:  # as for cos(z + z**53), which turns more often than any rule has nodes
            return None
        return bool(value.overlaps(arb(mp.nstr(found, 40)) + arb(0, mp.nstr(allowed, 5))))


def run(kind: str, number: int, seconds: float, counts: Counter[str]) -> list[str]:
    """What is wrong with one case, in lines."""
    case, wrong = Case(kind, number), []
    try:
        sigma = Activation.of(case.given)
    except ValueError:
        counts["refused"] += 1
        return []
    counts["admitted"] += 1
    for name, evaluate in case.evaluations(sigma).items():
        start = time.thread_time()
        try:
            with work_limit(seconds):
                value = evaluate()
            counts[f"{name}: value"] += 1
        except (ValueError, Undecided) as refusal:
            counts[f"{name}: {type(refusal).__name__}"] += 1
            value = None
        except Exception as error:  # what the user must never see
            wrong.append(f"{name}: {type(error).__name__}: {error}")
            value = None
        if time.thread_time() - start > 3 * seconds:
            wrong.append(f"{name}: {time.thread_time() - start:.1f} s of work")
        if name == "coefficient" and isinstance(value, arb):
            confirmed = case.confirmed(sigma, value)
            counts["confirmed by mpmath"] += confirmed is True
            if confirmed is False:
                wrong.append(f"{name}: {value} is not confirmed")
    where = f"{kind} {number}, {sigma}, l={case.degree}, d={case.d}, j={case.order}"
    return [f"{where}: {line}" for line in wrong]


def main() -> int:
    """Run the cases; status 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=("text", "expression"), default="text")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    failed = 0
    for index, number in enumerate(range(given.first, given.first + given.count), start=1):
        for line in run(given.kind, number, given.seconds, counts):
            failed += 1
            print(line, flush=True)
        if index % 1000 == 0 or index == given.count:
            print(f"{index} cases, {failed} wrong: {dict(sorted(counts.items()))}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
