"""S9: which degrees each activation can learn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from verify.cells.gram import LearnedShares
from verify.cells.spectral import DegreesAtEveryDimension, KernelName
from verify.claims.plotting import finish
from verify.claims.spectra.gram_worlds import learned_shares
from verify.claims.spectra.routes import without_chance
from verify.judging.chance import Chance
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.outcome import Interval
from verify.judging.rules import Data, DecisionRule, ExactRule, Measurement, Prediction, Rule
from verify.predictions import certified
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import Profile

CATALOGUE = (
    "relu(z)",
    "relu(z)**2",
    "relu(z - 1)",
    "tanh(z)",
    "sigmoid(z)",
    "softplus(z)",
    "gelu(z)",
    "sin(z)",
    "cos(z)",
    "erf(z)",
    "exp(-z**2/2)",
    "sin(z + pi/4)",
    "tanh(z + 1)",
    "erf(z + 1/2)",
    "softplus(z + 1)",
    "gelu(z + 1)",
)
"""Odd, even, neither, kinked, and shifted ones."""

QUADRATIC = tuple(name for name in CATALOGUE if name not in ("relu(z)", "relu(z - 1)"))
"""Those whose second derivative is a function."""

PAIRS: tuple[tuple[KernelName, str], ...] = (
    *(("NTK", name) for name in CATALOGUE),
    *(("QuadNTK", name) for name in QUADRATIC),
)

LEAST = {f"{kernel} of {name}: least margin of a degree": (kernel, name) for kernel, name in PAIRS}
UNLEARNED = "mean share of the degrees not learned"
THRESHOLD = 0.5
"""Share of a harmonic that counts as learned. A degree whose eigenvalue is zero has the share 0 whatever n; one whose
eigenvalue is not zero has the share 1 once n and the ridge allow it."""
UNLEARNED_MARGIN = 0.05
"""Absolute, on the mean share of the degrees that are not learned: zero, but for the chance of the test points."""


def _cells(p: Profile, kernel: KernelName, name: str) -> tuple[LearnedShares, ...]:
    sizes = p.spectral
    return tuple(
        LearnedShares(
            activation=name,
            d=sizes.parity_dimension,
            m=sizes.parity_width,
            n=sizes.parity_samples,
            tests=sizes.parity_tests,
            max_degree=sizes.parity_degree,
            kernel=kernel,
            replicate=replicate,
            base_seed=p.base_seed,
        )
        for replicate in range(sizes.parity_replicates)
    )


def _learned(p: Profile, kernel: KernelName, name: str) -> np.ndarray:
    """Which degrees theory says are learned."""
    return np.array(certified.learned(name, p.spectral.parity_degree, p.spectral.parity_dimension, kernel))


def _every(p: Profile) -> dict[str, DegreesAtEveryDimension]:
    """Name of a comparison -> the degrees proved for every d, of the pairs with a smooth derivative."""
    return {
        f"{kernel} of {name}: degrees learned at every d >= 3, each l as 2^l": DegreesAtEveryDimension(
            activation=name, max_degree=p.spectral.parity_degree, kernel=kernel
        )
        for kernel, name in PAIRS
        if certified.smooth(name, 1 if kernel == "NTK" else 2)
    }


def _as_number(degrees: Iterable[int]) -> float:
    """A set of degrees as the sum of 2^l."""
    return float(sum(2**degree for degree in degrees))


def _opposite(p: Profile, kernel: KernelName, name: str) -> np.ndarray:
    """The degrees of an activation of another parity."""
    own = _learned(p, kernel, name)
    for other_kernel, other in PAIRS:
        if other_kernel == kernel and not np.array_equal(own, there := _learned(p, kernel, other)):
            return there
    raise ValueError(f"activation={name!r}: no other parity in the catalogue")


def _rules(p: Profile) -> tuple[Rule, ...]:
    count = p.spectral.parity_replicates
    least = DecisionRule("", "mean", "above", 0.0, -0.4, 0.05, count, scale="sign", pool="least")
    mean = DecisionRule(
        UNLEARNED, "mean", "within", UNLEARNED_MARGIN, 0.2, 0.02, count, scale="difference", pool="mean"
    )
    every = (ExactRule(name, "within", proved=True) for name in _every(p))
    return (*(replace(least, name=name) for name in LEAST), mean, *every)


def _predict(p: Profile, learned: Callable[[Profile, KernelName, str], np.ndarray] = _learned) -> dict[str, Prediction]:
    """The side of the threshold on which each degree lies; the share 0 of the degrees that are not learned."""
    table = {name: learned(p, *pair) for name, pair in LEAST.items()}
    sides = {name: Prediction(np.where(told, 1.0, -1.0)) for name, told in table.items()}
    every = {
        name: Prediction(_as_number(np.flatnonzero(learned(p, cell.kernel, cell.activation)).tolist()))
        for name, cell in _every(p).items()
    }
    return {**sides, UNLEARNED: Prediction(np.where(np.concatenate(list(table.values())), np.nan, 0.0)), **every}


def _shares(p: Profile, evidence: Evidence, kernel: KernelName, name: str) -> np.ndarray:
    """(replicate, degree)."""
    return np.array([evidence[cell]["shares"] for cell in _cells(p, kernel, name)])


def _proved(numbers: Numbers) -> Measurement:
    """The degrees that are learned at every d; unknown where one is not decided."""
    if numbers["undecided"]:
        return Measurement(Interval.unknown(math.nan), budget={"undecided degrees": float(len(numbers["undecided"]))})
    return Measurement(Interval.around(_as_number(numbers["learnable"]), 0.0), budget={"undecided degrees": 0.0})


def _observe(p: Profile, evidence: Evidence) -> dict[str, Data | Measurement]:
    """The distance of every degree's share from the threshold; the shares themselves, of all pairs side by side."""
    table = {name: _shares(p, evidence, *pair) for name, pair in LEAST.items()}
    distances = {name: shares - THRESHOLD for name, shares in table.items()}
    every = {name: _proved(evidence[cell]) for name, cell in _every(p).items()}
    return {**distances, UNLEARNED: np.concatenate(list(table.values()), axis=1), **every}


def _describe(p: Profile, evidence: Evidence) -> str:
    sizes = p.spectral
    return (
        f"Ridge regression with the empirical kernel of {len(PAIRS)} pairs of kernel and activation on random "
        f"harmonics of degree 0 to {sizes.parity_degree}: n = {sizes.parity_samples}, d = {sizes.parity_dimension}, "
        f"m = {sizes.parity_width}, {sizes.parity_replicates} draws. A degree is learned when more than half of it is "
        f"recovered on fresh points; the margin of a degree is the distance of its share from {THRESHOLD}, on the side "
        f"that theory says. Of the {len(_every(p))} pairs with a smooth derivative the degrees are proved for every "
        f"d >= 3."
    )


def _figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    shares = np.array([_shares(p, evidence, "NTK", name).mean(axis=0) for name in CATALOGUE])
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, name in enumerate(CATALOGUE):
        for degree, learned in enumerate(_learned(p, "NTK", name)):
            color = "white" if shares[row, degree] > THRESHOLD else "black"
            ax.text(degree, row, "+" if learned else "0", ha="center", va="center", color=color)
    ax.set_yticks(range(len(CATALOGUE)), CATALOGUE)
    finish(ax, "degree (dark: learned by the NTK; + and 0: theory)", "", legend=False)
    ax.grid(False)


def _simulated(p: Profile, truth: float, chance: Chance) -> dict[Cell, Numbers]:
    """Shares where the degrees that are not learned are recovered in part; what is proved for every d stays proved."""
    cells = {cell: _learned(p, *pair).tolist() for pair in PAIRS for cell in _cells(p, *pair)}
    return {**learned_shares(truth, chance, cells), **{cell: without_chance(cell) for cell in _every(p).values()}}


S9 = Claim(
    id="S9",
    title="Degrees that each activation can learn",
    statement=r"\Lambda_\ell = 0 \iff \lambda_{\ell-1}(\sigma') = \lambda_{\ell+1}(\sigma') = 0, \qquad "
    r"Q_\ell = 0 \iff \lambda_{\ell-2}(\sigma'') = \lambda_\ell(\sigma'') = \lambda_{\ell+2}(\sigma'') = 0",
    source="derived: docs/mathematics, sections 2 and 3",
    why="The eigenvalues are sums of squares with positive weights. Only the part of sigma' with the parity of j "
    "enters lambda_j, so an even or odd sigma' leaves every other degree without an eigenvalue, and a kernel "
    "regression leaves such a degree untouched, at every width and with any number of samples.",
    refuted_by="A degree that theory calls learnable and that regression recovers by less than half, or the contrary; "
    "or one whose eigenvalue is proved to be otherwise at every d.",
    equations=(
        "ntk-eigenvalue",
        "quadntk-eigenvalue",
        "coefficient-for-all-d",
    ),
    hypotheses=(),
    depends_on=("S1", "S8"),
    design=lambda p: (
        *(cell for kernel, name in PAIRS for cell in _cells(p, kernel, name)),
        *_every(p).values(),
    ),
    rules=_rules,
    predict=_predict,
    observe=_observe,
    controls=(
        Control("the degrees of an activation of another parity", predict=lambda p: _predict(p, learned=_opposite)),
    ),
    describe=_describe,
    figure=_figure,
    world=World(
        _simulated,
        "share recovered of degrees without an eigenvalue",
        0.0,
        THRESHOLD,
        "half of it, which counts as learned",
        two_sided=False,
    ),
    activations="none",
    repetitions=("spectral.parity_replicates",),
)


CLAIMS = (S9,)
