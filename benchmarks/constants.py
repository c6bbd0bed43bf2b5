"""How fast certified constants are, against quadratures of the same integrals by mpmath and SciPy.

    python benchmarks/constants.py [--small] [--json]

Ratios are our time over the other's (see measure.py). SciPy's Gauss rule is a sum in double precision without an error
bound, so it is faster; the ratio says what certainty costs. mpmath gets ``mp.quad`` as it comes, split at kinks, with
the polynomial by its recurrence, at the same number of digits, which it does not certify. No coefficient, node or
weight is remembered between rounds. "Further" means that the activation has been analysed before, by an eigenvalue in
another dimension; "first" includes that analysis by SymPy. Imports are not counted.
"""

from __future__ import annotations

import argparse
import functools
import gc
from collections.abc import Callable

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np
import scipy.special
from measure import Bench, parser

from theory import Activation, coefficient, coefficients, ntk_eigenvalue

NODES = 64


def clear_caches() -> None:
    """Empty every lru_cache of the package, so that nothing is remembered from the round before."""
    for thing in gc.get_objects():
        if type(thing) is functools._lru_cache_wrapper and str(thing.__module__).startswith("theory"):
            thing.cache_clear()


def fresh(bench: Bench, call: Callable[[], object], before: Callable[[], object] | None = None) -> float:
    """Seconds of one call, with empty caches but for what ``before`` leaves in them."""
    clear_caches()
    if before is not None:
        before()
    return bench.seconds(call)


def mpmath_coefficient(g: Callable[[mp.mpf], mp.mpf], degree: int, d: int, kink: float = 0.0) -> mp.mpf:
    """E_{tau_d}[g(sqrt(d) t) P_l(t)] as a user of mpmath writes it."""
    root = mp.sqrt(d)

    def integrand(t: mp.mpf) -> mp.mpf:
        previous, current = mp.mpf(0), mp.mpf(1)
        for j in range(degree):
            previous, current = current, ((2 * j + d - 2) * t * current - j * previous) / (j + d - 2)
        return g(root * t) * current * (1 - t * t) ** (mp.mpf(d - 3) / 2)

    scale = mp.gamma(mp.mpf(d) / 2) / (mp.sqrt(mp.pi) * mp.gamma(mp.mpf(d - 1) / 2))
    return scale * mp.quad(integrand, [-1, kink / root, 1])


def mpmath_eigenvalue(slope: Callable[[mp.mpf], mp.mpf], degree: int, d: int, kink: float) -> mp.mpf:
    """Lambda_l from two coefficients, l >= 1."""
    upper = mpmath_coefficient(slope, degree + 1, d, kink) ** 2 * (degree + d - 2)
    lower = mpmath_coefficient(slope, degree - 1, d, kink) ** 2 * degree
    return mp.mpf(d) / (2 * degree + d - 2) * (lower + upper)


def paired(
    bench: Bench,
    name: str,
    against: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    before: Callable[[], object] | None = None,
) -> None:
    """Record our time over theirs, measured by turns."""
    rounds = [(fresh(bench, ours, before), fresh(bench, theirs)) for _ in range(bench.repetitions)]
    bench.record(name, [a / b for a, b in rounds], against)


def table_of_coefficients(bench: Bench) -> None:
    """lambda_l(tanh'(z + 1)), l = 0..20, d = 10, 30 digits against mpmath, 15 digits against a Gauss rule."""
    sigma = Activation.parse("tanh(z + 1)")

    def by_mpmath() -> list[mp.mpf]:
        with mp.workdps(30):
            return [mpmath_coefficient(lambda z: mp.sech(z + 1) ** 2, degree, 10) for degree in range(21)]

    def by_scipy() -> list[float]:
        t, w = scipy.special.roots_gegenbauer(NODES, (10 - 2) / 2)
        values = w / w.sum() / np.cosh(10**0.5 * t + 1) ** 2
        at_one = scipy.special.eval_gegenbauer(np.arange(21), 4.0, 1.0)
        return [float(values @ scipy.special.eval_gegenbauer(j, 4.0, t)) / at_one[j] for j in range(21)]

    exact = [float(value.mid()) for value in coefficients(sigma, 20, 10, 1, 15)]
    worst = max(abs(a - b) for a, b in zip(by_scipy(), exact, strict=True))
    bench.say(f"the Gauss rule with {NODES} nodes is wrong by up to {worst:.1e}")
    what = "of 21 coefficients of tanh'(z+1), d = 10"
    paired(bench, "constants-table", f"mpmath.quad {what}", lambda: coefficients(sigma, 20, 10, 1, 30), by_mpmath)
    rule = f"scipy.special.roots_gegenbauer({NODES}), not certified, {what}"
    paired(bench, "constants-scipy", rule, lambda: coefficients(sigma, 20, 10, 1, 15), by_scipy)


def closed_forms(bench: Bench, small: bool) -> None:
    """One 15-digit eigenvalue for activations with a closed form, and its growth with degree and dimension."""
    slopes: dict[str, Callable[[mp.mpf], mp.mpf]] = {
        "sin(z + pi/4)": lambda z: mp.cos(z + mp.pi / 4),
        "exp(z/2)": lambda z: mp.exp(z / 2) / 2,
        "erf(z + 1/2)": lambda z: 2 / mp.sqrt(mp.pi) * mp.exp(-((z + mp.mpf(1) / 2) ** 2)),
        "gelu(z)": lambda z: mp.ncdf(z) + z * mp.npdf(z),
        "relu(z)": lambda z: mp.mpf(z > 0),
        "relu(z + 1/3)": lambda z: mp.mpf(z > -mp.mpf(1) / 3),
        "z**3 - z": lambda z: 3 * z**2 - 1,
    }
    kinks = {"relu(z + 1/3)": -1 / 3}
    for text, slope in list(slopes.items())[3:4] if small else slopes.items():
        sigma = Activation.parse(text)
        analyse = functools.partial(ntk_eigenvalue, sigma, 6, 12)
        name = text.replace(" ", "")
        for d in (10, 101):

            def theirs(d: int = d, slope: Callable[[mp.mpf], mp.mpf] = slope, text: str = text) -> mp.mpf:
                with mp.workdps(15):
                    return mpmath_eigenvalue(slope, 6, d, kinks.get(text, 0.0))

            ours, against = functools.partial(ntk_eigenvalue, sigma, 6, d), f"mpmath.quad of Lambda_6, d = {d}"
            paired(bench, f"eigenvalue-further-{name}-{d}", against, ours, theirs, analyse)
        paired(bench, f"eigenvalue-first-{name}", against, ours, theirs)
        rounds = []
        for _ in range(bench.repetitions):
            low = fresh(bench, functools.partial(ntk_eigenvalue, sigma, 6, 10), analyse)
            rounds.append(fresh(bench, functools.partial(ntk_eigenvalue, sigma, 60, 10**6), analyse) / low)
        bench.record(f"eigenvalue-growth-{name}", rounds, "degree 6 at d = 10, of degree 60 at d = 10^6")


def slowest_without_closed_form(bench: Bench) -> None:
    """The slowest 15-digit coefficient over the whole range, for activations without a closed form."""
    worst = (0.0, "")
    for text in ("tanh(z + 1)", "softplus(z + 1)", "sigmoid(2*z - 1)", "relu(z)*tanh(z)", "sin(z)*exp(z/4)"):
        sigma = Activation.parse(text)
        for d in (3, 10, 101, 10**4, 10**6):
            for degree in (0, 1, 6, 20, 41, 60):
                for derivative in (0, 1):
                    call = functools.partial(coefficient, sigma, degree, d, derivative)
                    worst = max(
                        worst, (fresh(bench, call), f"{text}, d = {d}, degree {degree}, derivative {derivative}")
                    )
    bench.say(f"slowest single coefficient without a closed form: {worst[0]:.3f} s ({worst[1]}); needs <= 5 s")


def main() -> None:
    """Print the ratios."""
    options: argparse.ArgumentParser = parser(__doc__)
    chosen = options.parse_args()
    bench = Bench(chosen)
    table_of_coefficients(bench)
    closed_forms(bench, chosen.small)
    if not chosen.small:
        slowest_without_closed_form(bench)


if __name__ == "__main__":
    main()
