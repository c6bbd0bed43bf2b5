"""G1 and G2: large directions, and random signs."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from verify.cells.directions import LargeDirections, SignEnergies
from verify.claims.hypotheses import differentiable, learns, nonzero, smooth
from verify.claims.plotting import PREDICTED, SERIES, finish, grid_ticks, power_guide
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Comparison, Interval, Outcome
from verify.judging.rules import DecisionRule
from verify.predictions.width_limits import Form, WidthLimits, width_limits
from verify.sizes.profile import Profile

WRONG = 1.1
"""The wrong factor that controls plant."""
ROUNDING = 1e-12
"""Relative: sums of m terms in double precision."""


def dimension(p: Profile) -> int:
    """d of the case."""
    return p.directions.dimension[p.k]


def orders(p: Profile) -> tuple[int, ...]:
    """The k that the profile has sizes for."""
    return tuple(p.directions.dimension)


def limits(p: Profile) -> WidthLimits:
    """Theory's predictions for the case."""
    return width_limits(p.sigma, p.k, dimension(p))


def low_degrees(p: Profile) -> range:
    """0..k."""
    return range(p.k + 1)


def profile_degrees(p: Profile) -> range:
    """Degrees of g, whose coefficients of sigma'' the construction divides by."""
    return range(p.k - 1, -1, -2)


def mean_comparison(rule: DecisionRule, predicted: float, values: np.ndarray, scale: float = 1.0) -> Comparison:
    """The rule's comparison; without chance where the values agree to rounding, as theory has it in special cases."""
    middle, spread = float(values.mean()), float(np.ptp(values))
    if spread > ROUNDING * abs(middle):
        return rule.compare(rule.name, predicted, values.tolist(), scale)
    budget = (("rounding", spread),)
    return Comparison(
        rule.name, predicted, Interval.around(middle, spread), rule.rule, rule.margin * abs(scale), budget
    )


ADVERSARIAL_MARGIN = 0.01
"""Relative. The expansion in harmonics is exact but for the part of degree above k, at most 6 % of the energy, whose
mean square is sampled to some per cent; interpolation of Sigma is exact to 10^-6."""
ENERGY_MARGIN = 0.08
"""Relative. The prediction is exact at every m, so the margin only leaves room for the spread over networks, at most
4 %, a third of the correction in 1/m; half of what a factor 1.1 in Lambda_l would shift."""


def _g1_cells(p: Profile) -> tuple[LargeDirections, ...]:
    sizes = p.directions
    return tuple(
        LargeDirections(
            activation=p.activation,
            d=dimension(p),
            m=sizes.energy_width[p.k],
            k=p.k,
            inputs=sizes.energy_inputs,
            replicate=r,
            base_seed=p.base_seed,
        )
        for r in range(sizes.energy_replicates)
    )


def _g1_rules(p: Profile) -> tuple[DecisionRule, ...]:
    count = p.directions.energy_replicates
    return (
        DecisionRule("Gaussian W, log of quotient / bound", "mean", "above", 0.0, -1.0, 0.4, count),
        DecisionRule("smallest quotient / lambda_{n_k}", "mean", "within", ADVERSARIAL_MARGIN, -0.05, 0.003, count),
        DecisionRule("span, log of smallest quotient / bound", "mean", "above", 0.0, -0.05, 0.015, count),
        *(
            DecisionRule(f"energy of f_L(T Y), degree {degree}", "mean", "within", ENERGY_MARGIN, -0.17, 0.04, count)
            for degree in low_degrees(p)
        ),
    )


def _g1(
    p: Profile, evidence: Evidence, factor: float = 1.0, subspace: Literal["good", "complement", "shuffled"] = "good"
) -> Outcome:
    """``factor``: of every eigenvalue. ``subspace``: the one in place of the good directions."""
    records = [evidence[cell] for cell in _g1_cells(p)]
    gaussian, smallest = {
        "good": ("gaussian", "smallest"),
        "complement": ("complement", "complement"),
        "shuffled": ("shuffled_gaussian", "shuffled"),
    }[subspace]
    theory = limits(p)
    first, second, third, *rest = _g1_rules(p)
    comparisons = [
        first.compare(first.name, 0.0, [math.log(r[gaussian] / r["threshold"] / factor) for r in records]),
        second.compare(second.name, 1.0, [r[smallest] / r["threshold"] / factor for r in records]),
        third.compare(third.name, 0.0, [math.log(r["span_smallest"] / r["span_threshold"] / factor) for r in records]),
    ]
    for degree, rule in enumerate(rest):
        predicted = theory.energy(degree, p.directions.energy_width[p.k]) * factor**2
        comparisons.append(
            rule.compare(rule.name, predicted, [r["energies"][degree] for r in records], scale=predicted)
        )
    return Outcome(
        tuple(comparisons),
        f"{len(records)} networks, d = {dimension(p)}, m = {p.directions.energy_width[p.k]}. In the top n_k "
        f"eigenvectors of Sigma the energy of f_L is computed from its harmonics of degree <= k and a sampled rest; "
        f"its smallest quotient over all W, and over projections of 32 Gaussian W, is held against lambda_{{n_k}}, "
        f"which comes from Sigma. In span{{T Y}} the bound is the smallest eigenvalue of T*T, from Funk-Hecke "
        f"coefficients, and the energies come from Sigma. The energies of f_L(T Y) themselves are held against "
        f"Lambda_l^2 with its exact correction in 1/m.",
    )


def _g1_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    records = [evidence[cell] for cell in _g1_cells(p)]
    kinds = ("smallest", "gaussian", "shuffled_gaussian", "complement")
    labels = ("smallest in $P_{\\leq k}$", "Gaussian, $P_{\\leq k}$", "random subspace", "$P_{>k}$")
    for i, kind in enumerate(kinds):
        ax.semilogy([r[kind] / r["threshold"] for r in records], "o", color=SERIES[i], ms=4, label=labels[i])
    ax.axhline(1.0, color=PREDICTED, lw=1, label="bound")
    finish(ax, "network", "$\\|f_L(PW)\\|^2 / (\\lambda_{n_k} |PW|^2)$")


G1 = Claim(
    id="G1",
    title="Large directions carry f_L",
    statement=r"\|f_L(P_{\le k}W)\|_{L^2}^2 \ge \lambda_{n_k} \|P_{\le k}W\|^2, \qquad "
    r"\|f_L(TY)\|_{L^2}^2 = \Lambda_\ell\,\|TY\|^2 (1 + O(m^{-1/2}))",
    source="abstract of arXiv:2206.03688 (good directions by spectral analysis); the bound derived: docs/mathematics, "
    "section 4",
    why="The energy of f_L is the quadratic form of Sigma, and P_{<=k} projects on the eigenvectors of its n_k largest "
    "eigenvalues, the smallest of which bounds the form from below and is attained. On span{T Y} the same argument "
    "uses the Gram matrix T*T, which tends to the eigenvalues Lambda_l of infinite width.",
    refuted_by="a displacement in the good directions whose f_L has less energy than the bound, or energies of "
    "f_L(T Y) that are not Lambda_l^2",
    hypotheses=(differentiable(1), smooth, learns(low_degrees, dimension)),
    depends_on=("S1", "S7"),
    design=_g1_cells,
    check=_g1,
    controls=(
        Control("every eigenvalue larger by 10 %", lambda p, e: _g1(p, e, factor=WRONG)),
        Control("P_{>k} in place of P_{<=k}", lambda p, e: _g1(p, e, subspace="complement")),
        Control("a random subspace of dimension n_k", lambda p, e: _g1(p, e, subspace="shuffled")),
    ),
    figure=_g1_figure,
    rules=_g1_rules,
    orders=orders,
)


IDENTITY_MARGIN = 0.15
"""Relative, on a mean over sign draws against the exact mean over all signs: no correction, only room for the spread,
15 % for one network; far below a factor 2 that counts neurons twice."""
LIMIT_MARGIN = 0.03
"""Relative. The exact mean over signs, averaged over networks, is the limit at every m for f_L; for P_{<=k} it has the
trace n_k at every m, which leaves O(1/m) times what the form varies along beta, below 1 %."""
SIGN_EXPONENT_MARGIN = 0.1
"""Absolute, on the exponent -1/4 of a norm over a factor 16 in m; the others in question are multiples of 1/4. The mean
energies follow m^{-1/2} exactly, up to the O(1/m) above."""
KINDS = {"linear": "f_L(SW)", "good": "P_{<=k} S W"}


def _g2_cells(p: Profile) -> tuple[SignEnergies, ...]:
    sizes = p.directions
    return tuple(
        SignEnergies(
            activation=p.activation,
            d=dimension(p),
            m=m,
            k=p.k,
            networks=sizes.sign_networks,
            inputs=sizes.sign_inputs,
            draws=sizes.sign_draws,
            base_seed=p.base_seed,
        )
        for m in sizes.sign_widths
    )


def _g2_rules(p: Profile) -> tuple[DecisionRule, ...]:
    count, grid = p.directions.sign_networks, tuple(float(m) for m in p.directions.sign_widths)
    rules = []
    for name in KINDS.values():
        rules += [
            DecisionRule(f"|{name}|^2, draws / all signs", "mean", "within", IDENTITY_MARGIN, 0.5, 0.15, count),
            DecisionRule(f"|{name}|^2, all signs / limit", "mean", "within", LIMIT_MARGIN, 0.09, 0.03, count),
            DecisionRule(
                f"|{name}|, exponent", "clustered exponent", "within", SIGN_EXPONENT_MARGIN, 0.25, 0.12, count, grid
            ),
        ]
    return tuple(rules)


def _g2(p: Profile, evidence: Evidence, factor: float = 1.0, shift: float = 0.0, coherent: bool = False) -> Outcome:
    """``factor``: of limits. ``shift``: of exponents. ``coherent``: no signs, and for f_Q signs by coordinate."""
    records = [evidence[cell] for cell in _g2_cells(p)]
    widths, theory, rules = p.directions.sign_widths, limits(p), iter(_g2_rules(p))
    forms: dict[str, Form] = {"linear": theory.slope, "good": theory.projector}
    comparisons = []
    for kind, form in forms.items():
        drawn = np.array([r[f"coherent_{kind}" if coherent else kind] for r in records])
        exact = np.array([r[f"{kind}_exact"] for r in records])
        every = drawn if coherent else exact
        limit = theory.sign_energy(form) * factor
        scaled = every[-1] * math.sqrt(widths[-1]) / limit
        rule = next(rules)
        comparisons.append(rule.compare(rule.name, 1.0, (drawn / exact).mean(axis=0).tolist()))
        comparisons.append(mean_comparison(next(rules), 1.0, scaled))
        rule = next(rules)
        comparisons.append(rule.compare(rule.name, -0.25 + shift, np.sqrt(drawn).T.tolist()))
    gap = max(max(r["coordinate_gap" if coherent else "quadratic_gap"]) for r in records)
    budget = (("rounding", ROUNDING),)
    comparisons.append(
        Comparison("|f_Q(SW) - f_Q(W)| / |f_Q(W)|", ROUNDING, Interval.around(gap, 0.0), "below", 0.0, budget)
    )
    return Outcome(
        tuple(comparisons),
        f"W = W_Q for <beta,x>^{p.k + 1}, d = {dimension(p)}, m = {', '.join(map(str, widths))}, "
        f"{p.directions.sign_networks} networks each. Means over {p.directions.sign_draws} sign vectors are held "
        f"against the exact means over all signs of the same W (theory's formula for f_L, the diagonal blocks of "
        f"P_{{<=k}}), and these against their limits: both squared norms are m^(-1/2) times a constant, since |W|^2 ~ "
        f"m^(1/2) and the blocks of Sigma and of P_{{<=k}} are of order 1/m. f_Q is the same for all signs.",
    )


def _g2_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    widths, records = p.directions.sign_widths, [evidence[cell] for cell in _g2_cells(p)]
    labels = {"linear": "$\\|f_L(SW)\\|$", "good": "$|P_{\\leq k}SW|$"}
    for i, kind in enumerate(KINDS):
        for prefix, fill, tail in (("", "full", ""), ("coherent_", "none", ", no signs")):
            values = [math.sqrt(np.mean(r[prefix + kind])) for r in records]
            ax.loglog(widths, values, "o", color=SERIES[i], ms=5, fillstyle=fill, label=labels[kind] + tail)
            power_guide(ax, widths, values[0], 0.25 if prefix else -0.25)
    grid_ticks(ax, widths)
    finish(ax, "width m", "root mean square over signs")


G2 = Claim(
    id="G2",
    title="Random signs",
    statement=r"\mathbb E_S\|f_L(SW)\|^2 = \tfrac1m\sum_r W_r^\top\mathbb E[\sigma'(\langle "
    r"w_r,x\rangle)^2xx^\top]W_r, \quad \mathbb E_S\|P_{\le k}SW\|^2 = \sum_r W_r^\top (P_{\le k})_{rr} W_r,\ "
    r"\text{both } \Theta(m^{-1/2}) \text{ at } W_Q; \quad f_Q(SW) = f_Q(W)",
    source="derived: docs/mathematics, section 4",
    why="Signs enter f_L and P_{<=k} S W linearly and f_Q by their squares. In a mean over independent signs only the "
    "diagonal blocks survive; m neurons have blocks of order 1/m and |W_r|^2 of order m^{-1/2}. The trace of P_{<=k} "
    "is n_k, so its blocks are n_k/(m d) on average.",
    refuted_by="means over signs that differ from the diagonal sums, or another exponent than -1/4 of the norms",
    hypotheses=(
        differentiable(2),
        smooth,
        nonzero(2, profile_degrees, dimension),
        learns(low_degrees, dimension),
    ),
    depends_on=("T1",),
    design=_g2_cells,
    check=_g2,
    controls=(
        Control("no signs, and for f_Q a sign for each coordinate", lambda p, e: _g2(p, e, coherent=True)),
        Control("every exponent off by 1/4", lambda p, e: _g2(p, e, shift=0.25)),
        Control("limits larger by 10 %", lambda p, e: _g2(p, e, factor=WRONG)),
    ),
    figure=_g2_figure,
    rules=_g2_rules,
    orders=orders,
)

CLAIMS = (G1, G2)
