"""O3: curvature of the loss over random signs."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.cells.landscape import SignCurvature
from verify.claims.hypotheses import differentiable, every, nonzero, smooth
from verify.claims.optimization.o1_descent import groups, level
from verify.claims.plotting import SERIES, finish, grid_ticks, plain, power_guide
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Outcome
from verify.judging.rules import DecisionRule
from verify.sizes.profile import Profile

SIGN_START, SIGN_R4 = 0.5, 1e-3
"""Scale of the random part of W, and l4 d^{k-1}: small enough for W_L + S W_Q, whose R4 is of order d^{k-1}, to be a
good reference at every activation."""
WRONG = 1.1
SIGN_MARGIN = 0.05
"""Relative; the Monte-Carlo mean has no bias, so this is half of what the planted factor shifts."""
EXPONENT_MARGIN = 0.2
"""Absolute. What is left is A m^{-1/2} (1 + C/m + ...): |W_L|^2 itself is larger by O(n_k d / m) at width m, and third
derivatives act on cubes of |W_r|. A correction of a half at the least m moves the slope over a factor 8 in m by
log(1.5) / log(8) = 0.19."""
RATIO_SCATTER, LEFT_SCATTER, SIZE_SCATTER = 0.03, 0.3, 0.4
"""Standard deviations, at most: of the relative difference of sampled and exact, of the logarithm of what is left (a
root mean square over some draws), of exact / |leading|."""


def _o3_fields(p: Profile, activation: str, m: int, draws: int) -> dict[str, Any]:
    return {
        "base_seed": p.base_seed,
        "activation": activation,
        "device": p.device,
        "d": p.optimization.sign_dimension[p.k],
        "m": m,
        "n": p.optimization.sign_samples[p.k],
        "k": p.k,
        "r4": SIGN_R4 / p.optimization.sign_dimension[p.k] ** (p.k - 1),
        "draws": draws,
        "start": SIGN_START,
    }


def _o3_sampled(p: Profile) -> tuple[SignCurvature, ...]:
    sizes = p.optimization
    return tuple(
        SignCurvature(signs=sizes.signs[p.k], **_o3_fields(p, a, sizes.sign_width[p.k], draws))
        for a, draws in groups(p, sizes.sign_replicates)
    )


def _o3_grid(p: Profile) -> tuple[tuple[SignCurvature, ...], ...]:
    """Rows by activation, columns by width."""
    sizes = p.optimization
    return tuple(
        tuple(
            SignCurvature(signs=0, replicate=1, **_o3_fields(p, a, m, draws * sizes.sign_draws[p.k]))
            for m in sizes.sign_widths[p.k]
        )
        for a, draws in groups(p, sizes.sign_replicates)
    )


def _o3_rules(p: Profile) -> tuple[DecisionRule, DecisionRule, DecisionRule]:
    sizes = p.optimization
    count, grid = sizes.sign_replicates, tuple(float(m) for m in sizes.sign_widths[p.k])
    return (
        DecisionRule("mean over signs and its exact value", "mean", "within", SIGN_MARGIN, 0.12, RATIO_SCATTER, count),
        DecisionRule(
            "exponent in m of what the leading term leaves",
            "exponent",
            "within",
            EXPONENT_MARGIN,
            0.55,
            LEFT_SCATTER,
            count,
            grid,
        ),
        DecisionRule("second variation over |leading term|", "mean", "below", 0.0, 1.0, SIZE_SCATTER, count),
    )


def relative(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Difference over the root mean square of both: the relative difference when small, at most 2."""
    return (first - second) / np.sqrt((first**2 + second**2) / 2)


def _rest(cell: SignCurvature, evidence: Evidence, sign: float = 1.0) -> np.ndarray:
    """What the leading term leaves of the exact value, (draws,)."""
    exact, data, capacity = (np.array(evidence[cell][name]) for name in ("exact", "data", "capacity"))
    return exact - sign * data - capacity


def _left(p: Profile, evidence: Evidence, sign: float) -> np.ndarray:
    """Root mean squares of the rest over the draws of an observation, (replicates, widths)."""
    tables = []
    for row in _o3_grid(p):
        rests = np.array([_rest(cell, evidence, sign) for cell in row]).reshape(
            len(row), -1, p.optimization.sign_draws[p.k]
        )
        tables.append(level(np.sqrt((rests**2).mean(axis=2)).T))
    return np.concatenate(tables)


def _o3(
    p: Profile, evidence: Evidence, draw: str = "sampled", along: str = "exact", sign: float = 1.0, factor: float = 1.0
) -> Outcome:
    rows = [evidence[cell] for cell in _o3_sampled(p)]

    def column(name: str) -> np.ndarray:
        return np.array([value for row in rows for value in row[name]])

    leading = np.abs(column("data") + column("capacity"))
    difference_rule, left_rule, size_rule = _o3_rules(p)
    above = column("loss") > column("reference")
    differences = relative(column(draw), factor * column("exact"))
    left = _left(p, evidence, sign)
    rests = [np.concatenate([_rest(cell, evidence) for cell in cells]) for cells in zip(*_o3_grid(p), strict=True)]
    sizes = ", ".join(f"{np.sqrt((rest**2).mean()):.3f}" for rest in rests)
    return Outcome(
        (
            difference_rule.compare(difference_rule.name, 0.0, differences.tolist()),
            left_rule.compare(left_rule.name, -0.5, left.tolist()),
            size_rule.compare(size_rule.name, 0.0, (column(along) / leading).tolist()),
        ),
        f"True loss of the network at W = W_L/4 + a random displacement, d = {p.optimization.sign_dimension[p.k]}, n "
        f"= {p.optimization.sign_samples[p.k]}, k = {p.k}. Loss {column('loss').mean():.2f} against a reference of "
        f"{column('reference').mean():.2f} (m = {p.optimization.sign_width[p.k]}); second variation "
        f"{column('exact').mean():.2f}, leading term {(column('data') + column('capacity')).mean():.2f}. Root "
        f"mean square of what the leading term leaves at m = {', '.join(map(str, p.optimization.sign_widths[p.k]))}: "
        f"{sizes}.",
        ()
        if above.all()
        else (
            f"the loss is not above the reference in {int((~above).sum())} draws; take a larger "
            "optimization.sign_width",
        ),
    )


def _o3_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    widths = p.optimization.sign_widths[p.k]
    for i, row in enumerate(_o3_grid(p)):
        rest = [float(np.sqrt((_rest(cell, evidence) ** 2).mean())) for cell in row]
        ax.loglog(widths, rest, "o-", color=SERIES[i], ms=5, label=plain(row[0].activation))
        if i == 0:
            power_guide(ax, widths, rest[0], -0.5, "slope $-1/2$")
    grid_ticks(ax, widths)
    finish(ax, "width m", "distance to the leading term")


def _sign_dimension(p: Profile) -> int:
    return p.optimization.sign_dimension[p.k]


O3 = Claim(
    id="O3",
    title="Random signs make a direction of descent",
    statement=r"E_S \frac{d^2}{dt^2} L(W + t\,S W_Q)\Big|_0 = \sum_r V_r^\top H_{rr} V_r = 2\langle "
    r"\mathrm{loss}'(f), f_Q(W_Q)\rangle_n + l_4\sum_r\big(8\langle W_r,V_r\rangle^2 + 4|W_r|^2|V_r|^2\big) + "
    r"O(m^{-1/2}), \quad V = W_Q, \qquad < 0 \text{ where } f_Q(W_Q) \text{ lowers the loss}",
    source="derived: docs/mathematics, section 5",
    why="Independent signs remove all terms between different neurons, so each neuron moves alone. Then f changes in "
    "second order by f_Q(W_Q), which the signs leave alone, while the squares of the first-order changes add up to "
    "order m^{-1/2}, and so do the changes of R1 and R3. For the squared loss loss'(f) = 2(f - y). The term of R4 is "
    "of order l4 and positive; it does not vanish with m where |W_r| ~ m^{-1/4}.",
    refuted_by="A Monte-Carlo mean that differs from the sum over the diagonal blocks, a distance to the leading "
    "term that does not fall as m^{-1/2}, or a second variation that is not negative.",
    hypotheses=(
        every(differentiable(2)),
        every(smooth),
        every(nonzero(1, lambda p: range(p.k + 1), _sign_dimension)),
        every(nonzero(2, lambda p: [p.k - 1], _sign_dimension)),
    ),
    depends_on=("G2", "G3", "T3"),
    design=lambda p: (*_o3_sampled(p), *(cell for row in _o3_grid(p) for cell in row)),
    check=_o3,
    controls=(
        Control(f"the exact value multiplied by {WRONG}", lambda p, e: _o3(p, e, factor=WRONG)),
        Control("all signs equal in place of random ones", lambda p, e: _o3(p, e, draw="coherent")),
        Control("loss'(f) = 2(y - f), the opposite sign, in the leading term", lambda p, e: _o3(p, e, sign=-1.0)),
        Control("the W_Q of the opposite target", lambda p, e: _o3(p, e, along="opposite")),
    ),
    figure=_o3_figure,
    rules=_o3_rules,
    orders=lambda p: tuple(p.optimization.sign_dimension),
    activations="pooled",
)

CLAIMS = (O3,)
