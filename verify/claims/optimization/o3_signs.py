"""O3: curvature of the loss over random signs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from verify.cells.landscape import SignCurvature
from verify.claims.controls import WRONG
from verify.claims.descent import level
from verify.claims.optimization.descent import groups, hypotheses, pooled
from verify.claims.optimization.worlds import sign_curvatures
from verify.claims.plotting import SERIES, finish, grid_ticks, plain, power_guide
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.rules import Data, DecisionRule
from verify.running.experiment import Numbers
from verify.sizes.profile import Profile

MEAN = "mean over signs and its exact value"
EXPONENT = "exponent in m of what the leading term leaves"
SIZE = "second variation over |leading term|"
SIGN_START, SIGN_R4 = 0.5, 1e-3
"""Scale of the random part of W, and l4 d^{k-1}: small enough for W_L + S W_Q, whose R4 is of order d^{k-1}, to be a
good reference at every activation."""
SIGN_MARGIN = 0.05
"""Relative; the Monte-Carlo mean has no bias, so this is half of what the planted factor shifts."""
EXPONENT_MARGIN = 0.2
"""Absolute. What is left is A m^{-1/2} (1 + C/m + ...): |W_L|^2 itself is larger by O(n_k d / m) at width m, and third
derivatives act on cubes of |W_r|. A correction of a half at the least m moves the slope over a factor 8 in m by
log(1.5) / log(8) = 0.19."""
RATIO_SCATTER, LEFT_SCATTER, SIZE_SCATTER = 0.02, 0.13, 0.08
"""Standard deviations, at most: of the relative difference of sampled and exact, of the logarithm of what is left (a
root mean square over some draws), of exact / |leading|. Measured on base seeds 100 to 103: 0.015, 0.104, 0.053."""


def _sign_dimension(p: Profile) -> int:
    return p.optimization.sign_dimension[p.k]


def _o3_fields(p: Profile, activation: str, m: int, draws: int) -> dict[str, Any]:
    return {
        "base_seed": p.base_seed,
        "activation": activation,
        "device": p.device,
        "d": _sign_dimension(p),
        "m": m,
        "n": p.optimization.sign_samples[p.k],
        "k": p.k,
        "r4": SIGN_R4 / _sign_dimension(p) ** (p.k - 1),
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


def _design(p: Profile) -> tuple[SignCurvature, ...]:
    return (*_o3_sampled(p), *(cell for row in _o3_grid(p) for cell in row))


def _o3_rules(p: Profile) -> tuple[DecisionRule, ...]:
    sizes = p.optimization
    count, grid = sizes.sign_replicates, tuple(float(m) for m in sizes.sign_widths[p.k])
    return (
        DecisionRule(MEAN, "mean", "within", SIGN_MARGIN, 0.12, RATIO_SCATTER, count),
        DecisionRule(
            EXPONENT, "exponent", "within", EXPONENT_MARGIN, 0.55, LEFT_SCATTER, count, grid, groups=len(p.activations)
        ),
        DecisionRule(SIZE, "mean", "below", 0.0, 1.0, SIZE_SCATTER, count),
    )


def relative(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Difference over the root mean square of both: the relative difference when small, at most 2."""
    return (first - second) / np.sqrt((first**2 + second**2) / 2)


def rest(numbers: Numbers) -> np.ndarray:
    """What the leading term leaves of the exact value, (draws,)."""
    exact, data, capacity = (np.array(numbers[name]) for name in ("exact", "data", "capacity"))
    return exact - data - capacity


def turned_rest(numbers: Numbers) -> np.ndarray:
    """The same where loss' has the opposite sign in the leading term."""
    return rest({**numbers, "data": [-value for value in numbers["data"]]})


def _left(p: Profile, evidence: Evidence, left: Callable[[Numbers], np.ndarray]) -> dict[str, Data]:
    """Root mean squares of a rest over the draws of an observation, (replicates, widths)."""
    tables = []
    for row in _o3_grid(p):
        rests = np.array([left(evidence[cell]) for cell in row]).reshape(len(row), -1, p.optimization.sign_draws[p.k])
        tables.append(level(np.sqrt((rests**2).mean(axis=2)).T))
    return {EXPONENT: np.concatenate(tables)}


def _sampled(p: Profile, evidence: Evidence, name: str) -> np.ndarray:
    return pooled(evidence, _o3_sampled(p), name)


def _size(p: Profile, evidence: Evidence, along: str) -> dict[str, Data]:
    """The second variation of this name in units of the leading term."""
    leading = _sampled(p, evidence, "data") + _sampled(p, evidence, "capacity")
    return {SIZE: _sampled(p, evidence, along) / np.abs(leading)}


def _o3_observed(p: Profile, evidence: Evidence) -> dict[str, Data]:
    sampled, exact = (_sampled(p, evidence, name) for name in ("sampled", "exact"))
    return {MEAN: relative(sampled, exact), **_left(p, evidence, rest), **_size(p, evidence, "exact")}


def _o3_described(p: Profile, evidence: Evidence) -> str:
    loss, reference, exact, data, capacity = (
        _sampled(p, evidence, name) for name in ("loss", "reference", "exact", "data", "capacity")
    )
    rests = [np.concatenate([rest(evidence[cell]) for cell in cells]) for cells in zip(*_o3_grid(p), strict=True)]
    sizes = ", ".join(f"{np.sqrt((left**2).mean()):.3f}" for left in rests)
    return (
        f"True loss of the network at W = W_L/4 + a random displacement, d = {_sign_dimension(p)}, n = "
        f"{p.optimization.sign_samples[p.k]}, k = {p.k}. Loss {loss.mean():.2f} against a reference of "
        f"{reference.mean():.2f} (m = {p.optimization.sign_width[p.k]}); second variation {exact.mean():.2f}, leading "
        f"term {(data + capacity).mean():.2f}. Root mean square of what the leading term leaves at m = "
        f"{', '.join(map(str, p.optimization.sign_widths[p.k]))}: {sizes}."
    )


def _o3_obstacles(p: Profile, evidence: Evidence) -> tuple[str, ...]:
    above = _sampled(p, evidence, "loss") > _sampled(p, evidence, "reference")
    if above.all():
        return ()
    count = int((~above).sum())
    return (f"the loss is not above the reference in {count} draws; take a larger optimization.sign_width",)


def _o3_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    widths = p.optimization.sign_widths[p.k]
    for i, row in enumerate(_o3_grid(p)):
        sizes = [float(np.sqrt((rest(evidence[cell]) ** 2).mean())) for cell in row]
        ax.loglog(widths, sizes, "o-", color=SERIES[i], ms=5, label=plain(row[0].activation))
        if i == 0:
            power_guide(ax, widths, sizes[0], -0.5, "slope $-1/2$")
    grid_ticks(ax, widths)
    finish(ax, "width m", "distance to the leading term")


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
    equations=(
        "sign-variation",
        "sign-variation-data",
    ),
    hypotheses=hypotheses(_sign_dimension),
    depends_on=("G2", "G3", "T3"),
    design=_design,
    rules=_o3_rules,
    predict=lambda p: {MEAN: 0.0, EXPONENT: -0.5, SIZE: 0.0},
    observe=_o3_observed,
    controls=(
        Control(
            f"the exact value multiplied by {WRONG}",
            observe=lambda p, e: {MEAN: relative(_sampled(p, e, "sampled"), WRONG * _sampled(p, e, "exact"))},
        ),
        Control(
            "all signs equal in place of random ones",
            observe=lambda p, e: {MEAN: relative(_sampled(p, e, "coherent"), _sampled(p, e, "exact"))},
        ),
        Control(
            "loss'(f) = 2(y - f), the opposite sign, in the leading term", observe=lambda p, e: _left(p, e, turned_rest)
        ),
        Control("the W_Q of the opposite target", observe=lambda p, e: _size(p, e, "opposite")),
    ),
    describe=_o3_described,
    figure=_o3_figure,
    obstacles=_o3_obstacles,
    ks=lambda p: tuple(p.optimization.sign_dimension),
    activations="pooled",
    world=World(
        lambda p, truth, chance: sign_curvatures(truth, chance, _design(p)),
        unit="exponent in m of what the leading term leaves",
        theory=-0.5,
        rival=0.0,
        rival_is="a rest that no width makes smaller",
    ),
    repetitions=("optimization.sign_replicates",),
)

CLAIMS = (O3,)
