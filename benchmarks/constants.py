"""How fast certified constants are, against mpmath's quadrature of the same integrals.

    python benchmarks/constants.py

Prints medians of ratios over repeated rounds within one run. mpmath gets ``mp.quad`` as it comes, split at kinks, with
the polynomial by its recurrence, at the same number of digits, which it does not certify. No coefficient, node or
weight is remembered between rounds. "Further" means that the activation has been analysed before, by an eigenvalue in
another dimension; "first" includes that analysis by SymPy. Imports are not counted.
"""

from __future__ import annotations

import functools
import gc
import statistics
import time
from collections.abc import Callable

import mpmath as mp

from theory import Activation, coefficient, coefficients, ntk_eigenvalue

ROUNDS = 5


def clear_caches() -> None:
    """Empty every lru_cache of the package, so that nothing is remembered from the round before."""
    for thing in gc.get_objects():
        if isinstance(thing, functools._lru_cache_wrapper) and str(thing.__module__).startswith("theory"):
            thing.cache_clear()


def seconds(call: Callable[[], object], before: Callable[[], object] | None = None) -> float:
    """Wall-clock time of one call, with empty caches but for what ``before`` leaves in them."""
    clear_caches()
    if before is not None:
        before()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


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
    ours: Callable[[], object], theirs: Callable[[], object], before: Callable[[], object] | None = None
) -> tuple[float, float, float]:
    """Medians of our time, their time and their ratio, measured alternately."""
    rounds = [(seconds(ours, before), seconds(theirs)) for _ in range(ROUNDS)]
    return (
        statistics.median(a for a, _ in rounds),
        statistics.median(b for _, b in rounds),
        statistics.median(b / a for a, b in rounds),
    )


def report(title: str, ours: float, theirs: float, ratio: float, goal: str) -> None:
    """One line of the table."""
    print(f"{title:<68} {1e3 * ours:9.2f} ms {1e3 * theirs:9.2f} ms   x {ratio:7.1f}   {goal}")


def table_of_coefficients() -> None:
    """lambda_l(tanh'(z + 1)), l = 0..20, d = 10, 30 digits."""
    sigma = Activation.parse("tanh(z + 1)")

    def theirs() -> list[mp.mpf]:
        with mp.workdps(30):
            return [mpmath_coefficient(lambda z: mp.sech(z + 1) ** 2, degree, 10) for degree in range(21)]

    figures = paired(lambda: coefficients(sigma, 20, 10, 1, 30), theirs)
    report("table of lambda_l(tanh'(z+1)), l = 0..20, d = 10, 30 digits", *figures, "needs >= 10")


def closed_forms() -> None:
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
    for text, slope in slopes.items():
        sigma = Activation.parse(text)
        analyse = functools.partial(ntk_eigenvalue, sigma, 6, 12)
        for d in (10, 101):

            def theirs(d: int = d, slope: Callable[[mp.mpf], mp.mpf] = slope, text: str = text) -> mp.mpf:
                with mp.workdps(15):
                    return mpmath_eigenvalue(slope, 6, d, kinks.get(text, 0.0))

            ours = functools.partial(ntk_eigenvalue, sigma, 6, d)
            report(f"Lambda_6 of {text}, d = {d}, 15 digits, further", *paired(ours, theirs, analyse), "needs >= 50")
        report(f"Lambda_6 of {text}, d = {d}, 15 digits, first", *paired(ours, theirs), "")
        rounds = []
        for _ in range(ROUNDS):
            small = seconds(functools.partial(ntk_eigenvalue, sigma, 6, 10), analyse)
            rounds.append((small, seconds(functools.partial(ntk_eigenvalue, sigma, 60, 10**6), analyse)))
        growth = statistics.median(b / a for a, b in rounds)
        large = statistics.median(b for _, b in rounds)
        small = statistics.median(a for a, _ in rounds)
        print(
            f"  degree 60 at d = 10^6: {1e3 * large:.2f} ms, degree 6 at d = 10: {1e3 * small:.2f} ms, "
            f"x {growth:.1f}, needs <= 5"
        )


def slowest_without_closed_form() -> None:
    """The slowest 15-digit coefficient over the whole range, for activations without a closed form."""
    worst = (0.0, "")
    for text in ("tanh(z + 1)", "softplus(z + 1)", "sigmoid(2*z - 1)", "relu(z)*tanh(z)", "sin(z)*exp(z/4)"):
        sigma = Activation.parse(text)
        for d in (3, 10, 101, 10**4, 10**6):
            for degree in (0, 1, 6, 20, 41, 60):
                for derivative in (0, 1):
                    call = functools.partial(coefficient, sigma, degree, d, derivative)
                    worst = max(worst, (seconds(call), f"{text}, d = {d}, degree {degree}, derivative {derivative}"))
    print(f"slowest single coefficient without a closed form: {worst[0]:.3f} s ({worst[1]}); needs <= 5 s")


if __name__ == "__main__":
    print(f"{'':<68} {'certified':>12} {'mpmath':>12}")
    table_of_coefficients()
    closed_forms()
    slowest_without_closed_form()
