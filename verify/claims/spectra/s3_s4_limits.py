"""S3 and S4: the eigenvalues as the dimension grows."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from verify.cells.spectral import CertifiedEigenvalues, CertifiedLimits, read_ball
from verify.claims.controls import NEAR, WRONG, scaled, shifted
from verify.claims.hypotheses import differentiable, settled
from verify.claims.plotting import SERIES, finish, grid_ticks, power_guide
from verify.claims.spectra import every_dimension
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Interval
from verify.judging.rules import ExactRule, Measurement, Prediction
from verify.judging.statistics import extrapolate
from verify.predictions import certified
from verify.sizes.profile import Profile

LIMIT_MARGIN = 1e-6
"""Relative. Extrapolation at d ~ 10^5 leaves O(d^-2) ~ 10^-10 times a constant of order degree^4."""
LIMIT_DEGREES = 4


def _eigenvalues(p: Profile, d: int) -> CertifiedEigenvalues:
    return CertifiedEigenvalues(activation=p.activation, d=d, max_degree=LIMIT_DEGREES)


def _measured(p: Profile, evidence: Evidence, dimensions: tuple[int, ...], degree: int) -> list[float]:
    """Lambda_l at each dimension."""
    return [read_ball(evidence[_eigenvalues(p, d)]["balls"][degree])[0] for d in dimensions]


def _extrapolated(dimensions: tuple[int, ...], values: list[float]) -> Measurement:
    limit = extrapolate(dimensions, values)
    return Measurement(limit, budget={"extrapolation": limit.upper - limit.value})


def _closed_forms(p: Profile) -> CertifiedLimits:
    return CertifiedLimits(activation=p.activation, max_degree=LIMIT_DEGREES)


def _routes(p: Profile, degree: int) -> dict[str, str]:
    """Names of a degree's comparisons by route.

    The eigenvalue less its expansion, whose remainder is proved, or else the extrapolated eigenvalue; and the closed
    form, where there is one.
    """
    name = f"lim d^{degree - 1} Lambda_{degree}" if degree else "lim Lambda_0"
    closed = {"symbolic": f"{name}, symbolic"} if certified.closed_limits(p.activation, LIMIT_DEGREES) else {}
    proved = {"proved": f"{name}, proved"} if every_dimension.cells(p, LIMIT_DEGREES) else {"extrapolated": name}
    return proved | closed


def _s3_predict(p: Profile) -> dict[str, Prediction]:
    """The Gaussian integral, for both routes."""
    degrees = range(LIMIT_DEGREES + 1)
    return {name: certified.limit(p.activation, degree) for degree in degrees for name in _routes(p, degree).values()}


def _scaled(p: Profile, evidence: Evidence, degree: int) -> list[float]:
    """d^{l-1} Lambda_l (Lambda_0 for l = 0) at each dimension."""
    dimensions = p.spectral.limit_dimensions
    values = _measured(p, evidence, dimensions, degree)
    return [value * float(d) ** max(degree - 1, 0) for d, value in zip(dimensions, values, strict=True)]


def _s3_observe(p: Profile, evidence: Evidence) -> dict[str, Measurement | Interval]:
    found: dict[str, Measurement | Interval] = {}
    for degree in range(LIMIT_DEGREES + 1):
        routes, d = _routes(p, degree), p.spectral.limit_dimensions[-1]
        if "extrapolated" in routes:
            found[routes["extrapolated"]] = _extrapolated(p.spectral.limit_dimensions, _scaled(p, evidence, degree))
        if "symbolic" in routes:
            ball = evidence[_closed_forms(p)]["symbolic_balls"][degree]
            found[routes["symbolic"]] = Interval.enclosing(*read_ball(ball))
        if "proved" in routes:
            ball = evidence[_eigenvalues(p, d)]["balls"][degree]
            found[routes["proved"]] = every_dimension.limit(p, evidence, LIMIT_DEGREES, degree, d, ball)
    return found


def _s3_rules(p: Profile) -> tuple[ExactRule, ...]:
    """One margin for all routes; a closed form and an eigenvalue with its remainder say where the limit itself is."""
    extrapolated = {_routes(p, degree).get("extrapolated") for degree in range(LIMIT_DEGREES + 1)}
    return tuple(
        ExactRule(name, "within", LIMIT_MARGIN, relative=True, proved=name not in extrapolated)
        for name in _s3_predict(p)
    )


def _s3_describe(p: Profile, evidence: Evidence) -> str:
    closed = certified.closed_limits(p.activation, LIMIT_DEGREES) or ["none for this activation"]
    seen = (extrapolate(p.spectral.limit_dimensions, _scaled(p, evidence, j)) for j in range(LIMIT_DEGREES + 1))
    return (
        f"Certified eigenvalues at d = {', '.join(f'{d:,}' for d in p.spectral.limit_dimensions)} against Gaussian "
        f"integrals with certified tails. Closed forms of the limits: {', '.join(closed)}. Proved where sigma' is "
        f"smooth: the last eigenvalue less its expansion in 1/d, whose remainder is bounded for every d from some on. "
        f"Extrapolated in 1/d: {', '.join(f'{one.value:.10g}' for one in seen)}."
    )


def _s3_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    for degree in range(LIMIT_DEGREES + 1):
        gap = np.abs(np.array(_scaled(p, evidence, degree)) / certified.limit(p.activation, degree).value - 1)
        ax.loglog(p.spectral.limit_dimensions, gap, "o-", color=SERIES[degree], ms=4, lw=1, label=f"$\\ell={degree}$")
    power_guide(ax, p.spectral.limit_dimensions, 1.5 * gap[0], -1.0, "slope $-1$")
    grid_ticks(ax, p.spectral.limit_dimensions)
    finish(ax, "d", "relative distance to the limit")


S3 = Claim(
    id="S3",
    title="Limiting constants",
    statement=r"\lim_{d\to\infty} d^{\ell-1}\Lambda_\ell = \ell!\,\mu_{\ell-1}(\sigma')^2 \;(\ell \ge 1), "
    r"\qquad \lim_{d\to\infty}\Lambda_0 = \mu_1(\sigma')^2",
    source="derived: docs/mathematics, section 3; structure as in arXiv:2007.12826",
    why="For large d the products <w,x> are nearly Gaussian, so Gegenbauer coefficients turn into Hermite ones: "
    "N(d,l)^{1/2} lambda_l tends to mu_l with an error of order 1/d. Of the two coefficients in Lambda_l the one of "
    "degree l-1 dominates.",
    refuted_by="A proved interval of the limit further than 10^-6 of the constant from the Gaussian integral; where "
    "nothing is proved, a certified eigenvalue, scaled and extrapolated from d near 10^5, that far from it.",
    equations=("ntk-limit", "coefficient-for-all-d"),
    hypotheses=(
        differentiable(1),
        settled(lambda p: range(LIMIT_DEGREES + 1), lambda p: p.spectral.limit_dimensions[-1]),
    ),
    depends_on=("S1",),
    design=lambda p: (
        _closed_forms(p),
        *every_dimension.cells(p, LIMIT_DEGREES),
        *(_eigenvalues(p, d) for d in p.spectral.limit_dimensions),
    ),
    rules=_s3_rules,
    predict=_s3_predict,
    observe=_s3_observe,
    controls=(
        Control(f"every constant multiplied by {WRONG}", predict=scaled(_s3_predict, WRONG)),
        Control(
            f"every constant multiplied by {1 + NEAR * LIMIT_MARGIN:.6f}",
            predict=scaled(_s3_predict, 1 + NEAR * LIMIT_MARGIN),
        ),
    ),
    describe=_s3_describe,
    figure=_s3_figure,
)


EXPONENT_MARGIN = 1e-3
"""Absolute. Slopes between d and 2d carry c/d + O(d^-2); after extrapolation O(degree^4 d^-2) is left."""
EXPONENTS = {f"exponent of Lambda_{degree}": degree for degree in (1, 2, 3, 4)}
"""Name of a comparison -> degree."""


def _proved(p: Profile) -> dict[str, int]:
    """The exponents that bounds for every d prove; slopes are judged where there are none."""
    if not every_dimension.cells(p, LIMIT_DEGREES):
        return {}
    return {f"{name}, proved for every d >= 3": degree for name, degree in EXPONENTS.items()}


def _s4_predict(p: Profile) -> dict[str, float]:
    return {name: float(1 - degree) for name, degree in (_proved(p) or EXPONENTS).items()}


def _s4_rules(p: Profile) -> tuple[ExactRule, ...]:
    proved = tuple(ExactRule(name, "within", proved=True) for name in _proved(p))
    return proved or tuple(ExactRule(name, "within", EXPONENT_MARGIN) for name in EXPONENTS)


def _slopes(p: Profile, evidence: Evidence, degree: int) -> tuple[tuple[int, ...], list[float]]:
    """Slopes of log2 Lambda_l between d and 2d, by d."""
    dimensions = p.spectral.exponent_dimensions
    values = _measured(p, evidence, dimensions, degree)
    return dimensions[:-1], [math.log2(b / a) for a, b in pairwise(values)]


def _s4_observe(p: Profile, evidence: Evidence) -> dict[str, Measurement]:
    """The proved exponents, or else the slopes."""
    found = {}
    for name, degree in _proved(p).items():
        balls = {d: evidence[_eigenvalues(p, d)]["balls"][degree] for d in p.spectral.exponent_dimensions}
        found[name] = every_dimension.exponent(p, evidence, LIMIT_DEGREES, degree, balls)
    return found or {name: _extrapolated(*_slopes(p, evidence, degree)) for name, degree in EXPONENTS.items()}


def _s4_describe(p: Profile, evidence: Evidence) -> str:
    slopes = (f"{extrapolate(*_slopes(p, evidence, degree)).value:.7f}" for degree in EXPONENTS.values())
    return (
        f"Slopes of log2 Lambda_l between d and 2d from certified eigenvalues, extrapolated in 1/d, l = 1 to 4: "
        f"{', '.join(slopes)}.{every_dimension.statement(p, evidence, LIMIT_DEGREES)}"
    )


def _s4_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    dimensions = p.spectral.exponent_dimensions
    for i, degree in enumerate(EXPONENTS.values()):
        values = _measured(p, evidence, dimensions, degree)
        ax.loglog(dimensions, values, "o", color=SERIES[i], ms=4, label=f"$\\Lambda_{degree}$")
        power_guide(ax, dimensions, values[0], 1 - degree, "slope $-(\\ell-1)$" if i == 0 else None)
    grid_ticks(ax, dimensions)
    finish(ax, "d", "eigenvalue")


S4 = Claim(
    id="S4",
    title="Decay exponents",
    statement=r"\Lambda_\ell = \Theta\!\left(d^{-(\ell-1)}\right) \text{ when } \mu_{\ell-1}(\sigma') \ne 0",
    source="derived: docs/mathematics, section 3; arXiv:2007.12826",
    why="N(d,l-1) grows as d^{l-1} while the energy of sigma' in degree l-1 stays constant, so lambda_{l-1}^2 falls as "
    "d^{-(l-1)}; the factor <x,x'> gives the degree-l eigenvalue the coefficient of degree l-1.",
    refuted_by="Another exponent for which positive constants below and above are proved for every d; where nothing is "
    "proved, a local exponent, extrapolated in 1/d, further than 0.001 from -(l-1).",
    equations=("ntk-expansion", "coefficient-for-all-d"),
    hypotheses=(
        differentiable(1),
        settled(lambda p: tuple(EXPONENTS.values()), lambda p: p.spectral.exponent_dimensions[-1]),
    ),
    depends_on=("S1", "S3"),
    design=lambda p: (
        *every_dimension.cells(p, LIMIT_DEGREES),
        *(_eigenvalues(p, d) for d in p.spectral.exponent_dimensions),
    ),
    rules=_s4_rules,
    predict=_s4_predict,
    observe=_s4_observe,
    controls=(
        Control("exponent -l in place of -(l-1)", predict=shifted(_s4_predict, -1.0)),
        Control(
            f"every exponent off by {NEAR * EXPONENT_MARGIN:g}", predict=shifted(_s4_predict, -NEAR * EXPONENT_MARGIN)
        ),
    ),
    describe=_s4_describe,
    figure=_s4_figure,
)


CLAIMS = (S3, S4)
