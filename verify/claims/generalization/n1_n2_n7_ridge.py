"""N1, N2 and N7: the learning curve of kernel ridge regression, and the samples that the NTK needs."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from verify.cells.kernels import Energies, RidgeCurve
from verify.claims.controls import WRONG
from verify.claims.generalization.growth import Growth
from verify.claims.generalization.kernel_worlds import ridge_curves, searches
from verify.claims.hypotheses import differentiable, every, learns, smooth
from verify.claims.plotting import PREDICTED, SERIES, finish, grid_ticks, plain
from verify.judging.claim import Claim, Control, Evidence, Simulate, World
from verify.judging.rules import DecisionRule, Measurement, Prediction
from verify.judging.statistics import mean_interval
from verify.predictions.learning_curves import Curve, crowding
from verify.sizes.profile import Profile

RISK_MARGIN = 0.1
"""Relative, for the test risk and the training error. The law is exact as n and d grow; at n >= 128 the
relative scatter of a draw, of order n^{-1/2}, is at most 0.09, and the mean is off by far less, of order 1/n."""
KAPPA_MARGIN = 0.03
"""Relative. kappa = 1/tr (K + ridge)^{-1} averages over all n inputs; at d = 32 its error is below 0.01 beside the
finite width, which the budget lists. Close pairs of inputs lower it, by what the prediction takes into account: at most
0.4 % at d = 32, and at k = 2, n = 3.5 d^2, with the kernel of infinite width and sin(z + pi/4), by 3.5, 1.6 and 0.6 %
at d = 12, 16 and 24, where 4.4, 2.0 and 0.6 % are predicted."""
SMALL_RIDGE = 1e-2
"""Far below the implicit ridge of the higher degrees: the risk does not depend on it, nor on the scale of K."""


def _ridges(p: Profile) -> tuple[float, float]:
    """The small ridge, and d/4, about the implicit ridge, where the training error shows the scale of K."""
    return SMALL_RIDGE, p.kernels.curve_dimension[p.k] / 4


def _energies(p: Profile, each: float = 1.0) -> Energies:
    """The target's parts, of the same energy each."""
    return ((p.k, each), (p.k + 1, each))


def _cells(p: Profile) -> tuple[RidgeCurve, ...]:
    return tuple(
        RidgeCurve(
            activation=p.activation_of(replicate),
            device=p.device,
            d=p.kernels.curve_dimension[p.k],
            m=p.kernels.curve_width,
            samples=p.kernels.curve_samples[p.k],
            dense=_energies(p),
            ridges=_ridges(p),
            replicate=replicate,
            base_seed=p.base_seed,
        )
        for replicate in range(p.kernels.curve_replicates)
    )


DECIDED = {
    "risk": (RISK_MARGIN, 0.3, 0.045),
    "training error": (RISK_MARGIN, -0.3, 0.045),
    "kappa": (KAPPA_MARGIN, -0.08, 0.01),
}
"""Margin, alternative and noise of each quantity's ratio to the prediction."""


def _name(quantity: str, n: int) -> str:
    return f"{quantity} / predicted, n = {n}"


def _rules(p: Profile) -> tuple[DecisionRule, ...]:
    """The mean over the draws of each quantity's ratio to the prediction for the draw's activation."""
    count = p.kernels.curve_replicates
    return tuple(
        DecisionRule(_name(quantity, n), "mean", "within", *numbers, count, scale="ratio")
        for n in p.kernels.curve_samples[p.k]
        for quantity, numbers in DECIDED.items()
    )


def _predict(p: Profile, scale: float = 1.0, tail: bool = True, each: float = 1.0) -> dict[str, Prediction]:
    """One number for each draw, by its activation.

    Args:
        p: of a case.
        scale: factor on the kernel.
        tail: whether the kernel has degrees above the target's.
        each: energy of each part of the target.
    """
    (small, large), d = _ridges(p), p.kernels.curve_dimension[p.k]
    found: dict[str, Prediction] = {}
    for n in p.kernels.curve_samples[p.k]:
        laws = {}
        for activation in p.activations:
            curve = Curve(activation, d, _energies(p, each), scale, tail)
            values = {"risk": curve.risk(n, small), "training error": curve.training(n, large)}
            laws[activation] = values | {"kappa": curve.inverse_trace(n, small)}
        found |= {_name(q, n): Prediction([laws[cell.activation][q] for cell in _cells(p)]) for q in DECIDED}
    return found


def _observe(p: Profile, evidence: Evidence) -> dict[str, Measurement]:
    """One number for each draw, with the error of finite width: a risk is quadratic in kappa and moves twice as far."""
    s, draws = p.kernels, [evidence[cell] for cell in _cells(p)]
    found: dict[str, Measurement] = {}
    for i, n in enumerate(s.curve_samples[p.k]):
        width = crowding(n, s.curve_width, s.curve_dimension[p.k])
        found |= {
            _name("risk", n): Measurement([x["risks"][0][i] for x in draws], {"finite width": 2 * width}),
            _name("training error", n): Measurement([x["training"][1][i] for x in draws], {"finite width": 2 * width}),
            _name("kappa", n): Measurement([x["kappas"][0][i] for x in draws], {"finite width": width}),
        }
    return found


def _described(p: Profile, evidence: Evidence) -> str:
    s, (small, large) = p.kernels, _ridges(p)
    return (
        f"Kernel ridge regression at d = {s.curve_dimension[p.k]} with the Gram matrices of random networks of width "
        f"{s.curve_width}, dense targets of energy 1 in degrees {p.k} and {p.k + 1}; test risk and kappa = 1/tr (K + "
        f"ridge)^-1 at ridge {small:g}, training error at ridge {large:g}. {s.curve_replicates} draws shared by "
        f"{', '.join(p.activations)}; the sizes n of a draw are nested. Prediction from the certified infinite-width "
        f"spectrum alone."
    )


def _figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    samples, small, d = p.kernels.curve_samples[p.k], SMALL_RIDGE, p.kernels.curve_dimension[p.k]
    cells = _cells(p)
    for i, activation in enumerate(p.activations):
        dense = np.unique(np.geomspace(samples[0], samples[-1], 40).round().astype(int))
        curve = Curve(activation, d, _energies(p))
        ax.loglog(
            dense, [curve.risk(int(n), small) for n in dense], "-", color=SERIES[i], lw=1.2, label=plain(activation)
        )
        table = np.array([evidence[c]["risks"][0] for c in cells if c.activation == activation])
        if len(table) > 1:
            intervals = [mean_interval(column.tolist()) for column in table.T]
            bars = [x.upper - x.value for x in intervals]
            ax.errorbar(samples, [x.value for x in intervals], bars, fmt="o", color=SERIES[i], ms=5)
    bare = Curve(p.activation, d, _energies(p), tail=False)
    ax.loglog(samples, [bare.risk(n, small) for n in samples], ":", color=PREDICTED, lw=1.0, label="without the tail")
    ax.set_ylim(bottom=0.03)
    grid_ticks(ax, samples)
    finish(ax, "samples n", "test risk")


N1 = Claim(
    id="N1",
    title="Ridge regression learning curve",
    statement=r"\text{risk} = \frac{n}{n - \sum_\ell N L_\ell^2}\sum_\ell (1-L_\ell)^2\|f_\ell\|^2, \quad L_\ell = "
    r"\frac{\Lambda_\ell}{\Lambda_\ell+\kappa}, \quad \sum_\ell N L_\ell + \frac{\text{ridge}}{\kappa} = n, \quad "
    r"\text{training error} = \Big(\frac{\text{ridge}}{n\kappa}\Big)^2\text{risk}",
    source="arXiv:2110.03922; docs/mathematics, section 6",
    why="In high dimension the many weak eigenfunctions of the kernel act on the training inputs like independent "
    "noise, so that only one number, kappa, is left of them: the eigenvalue that n samples learn half. Degree l is "
    "learned to the fraction L_l, and what is not learned comes back as variance, by the factor in front.",
    refuted_by="A test risk or training error more than a tenth, or a kappa more than 3 %, away from the prediction.",
    equations=(
        "conservation-law",
        "ridge-risk",
        "close-pairs",
    ),
    hypotheses=(
        every(differentiable(1)),
        every(smooth),
        every(learns(lambda p: range(p.k + 2), lambda p: p.kernels.curve_dimension[p.k])),
    ),
    depends_on=("S1", "S2"),
    design=_cells,
    rules=_rules,
    predict=_predict,
    observe=_observe,
    controls=(
        Control(
            "the kernel multiplied by 1.3, to which the risk at a small ridge is blind",
            predict=partial(_predict, scale=1.3),
        ),
        Control(f"the eigenvalues multiplied by {WRONG}", predict=partial(_predict, scale=WRONG)),
        Control(
            "the implicit ridge of the degrees above the target's forgotten", predict=partial(_predict, tail=False)
        ),
        Control("the harmonics of the target normalised to energy 1.5", predict=partial(_predict, each=1.5)),
    ),
    describe=_described,
    figure=_figure,
    world=World(
        lambda p, truth, chance: ridge_curves(_cells(p), truth, chance),
        "factor on the eigenvalues",
        1.0,
        1.2,
        "a constant off by 20 %",
    ),
    ks=lambda p: tuple(p.kernels.curve_dimension),
    activations="pooled",
    repetitions=("kernels.curve_replicates",),
)

ESCAPE = Growth(
    dense=lambda k: ((k, 1.0),),
    sparse=lambda k: ((k + 1, 1.0),),
    excess=1,
    dimensions=lambda p: p.kernels.mixed_dimensions,
    width=lambda p: p.kernels.mixed_width,
    rival=lambda k: k,
    share=lambda k: 0.25,
)
RIVAL_SHARE = {1: 0.97}
"""Share of the energy that N7's rival of degree k + 1 may leave as risk, by k, 0.85 elsewhere: high, since N(d,k+1)
samples are many. At k = 2 and d <= 20 the two exponents of n* at so high a risk are too close to each other."""
DENSE = Growth(
    dense=lambda k: ((k, 1.0),),
    sparse=lambda k: (),
    excess=0,
    dimensions=lambda p: p.kernels.dense_dimensions,
    width=lambda p: p.kernels.dense_width,
    rival=lambda k: k + 1,
    share=lambda k: RIVAL_SHARE.get(k, 0.85),
)


def _searched(growth: Growth, scatter: float) -> Simulate:
    """Worlds of a claim on n*(d); the scatter of log n* at quick sizes is so much times d^(-1/2)."""
    theory = float(1 + growth.excess)
    return lambda p, truth, chance: searches(
        {d: growth.cells(p, d) for d in growth.grid(p)}, truth - theory, chance, scatter
    )


SECTION = "derived: docs/mathematics, section 6"

N2 = Claim(
    id="N2",
    title="NTK: samples for dense plus sparse",
    statement=r"n^*_{\text{NTK}}(d) = \Theta(d^{k+1}), \qquad f^* = f_k + f_{\mathrm{sp}},\ "
    r"\deg f_{\mathrm{sp}} = k+1",
    source=f"{SECTION} (that joint training improves on the NTK: abstract of arXiv:2206.03688)",
    why="The NTK does not see that f_sp is sparse: it must learn all N(d,k+1) ~ d^(k+1)/(k+1)! harmonics of that "
    "degree alike, and each sample fixes at most one number. The learning curve of N1 turns this into n*(d) with its "
    "constant.",
    refuted_by="A measured n*(d) that leaves the predicted curve, or an exponent on these d more than 0.1 away "
    "from the curve's, or a predicted curve whose own exponent does not tend to k + 1, or a risk below the floor.",
    equations=(
        "conservation-law",
        "ridge-risk",
        "risk-floor",
    ),
    hypotheses=ESCAPE.hypotheses(),
    depends_on=("N1",),
    design=ESCAPE.design,
    rules=ESCAPE.rules,
    predict=ESCAPE.predict,
    observe=ESCAPE.observe,
    obstacles=ESCAPE.obstacles,
    controls=ESCAPE.controls(
        -1,
        "exponent k, that of joint training, in place of k + 1",
        "the data of the same pipeline for f_k alone, whose exponent is k",
    ),
    describe=ESCAPE.describe,
    figure=ESCAPE.figure,
    world=World(
        _searched(ESCAPE, 0.24), "exponent of n* in d at k = 1", 2.0, 1.5, "d^(k + 1/2), half way to joint training"
    ),
    ks=lambda p: tuple(p.kernels.mixed_dimensions),
    activations="pooled",
    repetitions=("kernels.rate_replicates",),
)

N7 = Claim(
    id="N7",
    title="NTK: samples for dense targets",
    statement=r"n^*_{\text{NTK}}(d) = \Theta(d^{k}), \qquad f^* = f_k \text{ dense of degree } k",
    source=SECTION,
    why="A dense polynomial of degree k has N(d,k) ~ d^k/k! coefficients, so no method does with fewer than order d^k "
    "samples; the NTK's eigenvalue of degree k exceeds those of higher degrees by a factor d, so it learns degree k "
    "first and needs no more than that order.",
    refuted_by="A measured n*(d) that leaves the predicted curve, or an exponent on these d more than 0.1 away "
    "from the curve's, or a predicted curve whose own exponent does not tend to k, or a risk below the floor.",
    equations=(
        "conservation-law",
        "ridge-risk",
        "risk-floor",
    ),
    hypotheses=DENSE.hypotheses(),
    depends_on=("N1",),
    design=DENSE.design,
    rules=DENSE.rules,
    predict=DENSE.predict,
    observe=DENSE.observe,
    obstacles=DENSE.obstacles,
    controls=DENSE.controls(
        1,
        "exponent k + 1 in place of k",
        "the data of the same pipeline for a dense target of degree k + 1, to a high share of its energy",
    ),
    describe=DENSE.describe,
    figure=DENSE.figure,
    world=World(_searched(DENSE, 0.36), "exponent of n* in d at k = 1", 1.0, 1.5, "d^(k + 1/2)"),
    ks=lambda p: tuple(p.kernels.dense_dimensions),
    activations="pooled",
    repetitions=("kernels.rate_replicates",),
)

CLAIMS = (N1, N2, N7)
