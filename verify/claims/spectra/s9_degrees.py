"""S9: which degrees each activation can learn."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from theory import Activation, learnable_degrees
from verify.cells.gram import LearnedShares
from verify.cells.spectral import KernelName
from verify.claims.plotting import finish
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Outcome
from verify.judging.rules import DecisionRule
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


@lru_cache(maxsize=256)
def _learned(kernel: KernelName, name: str, max_degree: int, d: int) -> np.ndarray:
    """Which degrees theory says are learned; those it cannot decide raise."""
    found = learnable_degrees(Activation.parse(name), max_degree, d, kernel)
    if found.undecided:
        raise ValueError(f"activation={name!r}: degrees {found.undecided} of the {kernel} are not decided at d={d}")
    return np.array([degree in found.learnable for degree in range(max_degree + 1)])


def _prediction(p: Profile, kernel: KernelName, name: str) -> np.ndarray:
    return _learned(kernel, name, p.spectral.parity_degree, p.spectral.parity_dimension)


def _opposite(p: Profile, kernel: KernelName, name: str) -> np.ndarray:
    """The prediction of an activation of another parity."""
    own = _prediction(p, kernel, name)
    for other_kernel, other in PAIRS:
        if other_kernel == kernel and not np.array_equal(own, there := _prediction(p, kernel, other)):
            return there
    raise ValueError(f"activation={name!r}: no other parity in the catalogue")


def _rules(p: Profile) -> tuple[DecisionRule, ...]:
    count = p.spectral.parity_replicates
    return (
        *(
            DecisionRule(f"{kernel} of {name}: least margin of a degree", "mean", "above", 0.0, -0.4, 0.05, count)
            for kernel, name in PAIRS
        ),
        DecisionRule("mean share of the degrees not learned", "mean", "within", UNLEARNED_MARGIN, 0.2, 0.02, count),
    )


def _shares(p: Profile, evidence: Evidence, kernel: KernelName, name: str) -> np.ndarray:
    """(replicate, degree)."""
    return np.array([evidence[cell]["shares"] for cell in _cells(p, kernel, name)])


def _s9(p: Profile, evidence: Evidence, planted: bool = False) -> Outcome:
    *rules, pooled = _rules(p)
    comparisons, unlearned = [], []
    for rule, (kernel, name) in zip(rules, PAIRS, strict=True):
        shares = _shares(p, evidence, kernel, name)
        learned = _opposite(p, kernel, name) if planted else _prediction(p, kernel, name)
        margins = np.where(learned, shares - THRESHOLD, THRESHOLD - shares)
        comparisons.append(rule.compare(rule.name, 0.0, margins.min(axis=1)))
        unlearned.append(shares[:, ~learned])
    comparisons.append(pooled.compare(pooled.name, 0.0, np.concatenate(unlearned, axis=1).mean(axis=1)))
    sizes = p.spectral
    return Outcome(
        tuple(comparisons),
        f"Ridge regression with the empirical kernel of {len(PAIRS)} pairs of kernel and activation on random "
        f"harmonics of degree 0 to {sizes.parity_degree}: n = {sizes.parity_samples}, d = {sizes.parity_dimension}, "
        f"m = {sizes.parity_width}, {sizes.parity_replicates} draws. A degree is learned when more than half of it is "
        f"recovered on fresh points; the margin of a degree is the distance of its share from {THRESHOLD}, on the side "
        f"that theory says.",
    )


def _s9_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    shares = np.array([_shares(p, evidence, "NTK", name).mean(axis=0) for name in CATALOGUE])
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, name in enumerate(CATALOGUE):
        for degree, learned in enumerate(_prediction(p, "NTK", name)):
            color = "white" if shares[row, degree] > THRESHOLD else "black"
            ax.text(degree, row, "+" if learned else "0", ha="center", va="center", color=color)
    ax.set_yticks(range(len(CATALOGUE)), CATALOGUE)
    finish(ax, "degree (dark: learned by the NTK; + and 0: theory)", "", legend=False)
    ax.grid(False)


S9 = Claim(
    id="S9",
    title="Degrees that each activation can learn",
    statement=r"\Lambda_\ell = 0 \iff \lambda_{\ell-1}(\sigma') = \lambda_{\ell+1}(\sigma') = 0, \qquad "
    r"Q_\ell = 0 \iff \lambda_{\ell-2}(\sigma'') = \lambda_\ell(\sigma'') = \lambda_{\ell+2}(\sigma'') = 0",
    source="derived: docs/mathematics, sections 2 and 3",
    why="The eigenvalues are sums of squares with positive weights. Only the part of sigma' with the parity of j "
    "enters lambda_j, so an even or odd sigma' leaves every other degree without an eigenvalue, and a kernel "
    "regression leaves such a degree untouched, at every width and with any number of samples.",
    refuted_by="A degree that theory calls learnable and that regression recovers by less than half, or the contrary.",
    hypotheses=(),
    depends_on=("S1", "S8"),
    design=lambda p: tuple(cell for kernel, name in PAIRS for cell in _cells(p, kernel, name)),
    check=_s9,
    controls=(Control("the degrees of an activation of another parity", lambda p, e: _s9(p, e, planted=True)),),
    figure=_s9_figure,
    rules=_rules,
    activations="none",
)


CLAIMS = (S9,)
