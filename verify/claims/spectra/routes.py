"""Eigenvalues by three routes, and their sum: what S1 and S2 (NTK) and S8 (QuadNTK) share."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from verify.cells.spectral import (
    KernelMonteCarlo,
    KernelName,
    KernelQuadrature,
    TraceAndTail,
    read_ball,
)
from verify.claims.controls import NEAR
from verify.claims.plotting import PREDICTED, SERIES, finish
from verify.judging.chance import Chance
from verify.judging.claim import Evidence, World
from verify.judging.outcome import Interval
from verify.judging.rules import DecisionRule, ExactRule, Measurement, Prediction, Rule
from verify.predictions import certified
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import Profile

SYMBOL: dict[KernelName, str] = {"NTK": "Lambda", "QuadNTK": "Q"}
QUADRATURE_MARGIN = 1e-6
"""Relative. Rounding is 10^-13 of the largest eigenvalue, so eigenvalues down to 10^-7 of it can be told apart."""
CLOSE = 1 + NEAR * QUADRATURE_MARGIN
"""The wrong factor nearest to 1 that the quadrature must see."""
MONTE_CARLO_DEGREES = 2
MONTE_CARLO_MARGIN = 0.04
"""Relative: twice the 99 % half-width with 400 blocks, at most 1.8 % for the activations of the profiles and both
kernels. Every estimate is unbiased, so no other correction enters."""
MONTE_CARLO_NOISE = 0.007
"""Relative standard error with 400 blocks, at most."""
TRACE_MARGIN = 2e-2
"""Relative width allowed to the certified tail. The sum stops where the tail is still visible, so that too small a tail
bound is caught."""


def _quadrature(kernel: KernelName, degree: int) -> str:
    return f"{SYMBOL[kernel]}_{degree}, quadrature of K"


def _sampled(kernel: KernelName, degree: int) -> str:
    return f"{SYMBOL[kernel]}_{degree}, Monte Carlo"


def eigenvalue_cells(p: Profile, kernel: KernelName) -> tuple[KernelQuadrature, KernelMonteCarlo]:
    """The kernel by quadrature, the kernel by sampling."""
    d = p.spectral.dimension
    return (
        KernelQuadrature(
            activation=p.activation,
            d=d,
            max_degree=p.spectral.degrees,
            points=p.spectral.quadrature_points,
            kernel=kernel,
        ),
        KernelMonteCarlo(
            activation=p.activation,
            d=d,
            max_degree=MONTE_CARLO_DEGREES,
            blocks=p.spectral.blocks,
            kernel=kernel,
            base_seed=p.base_seed,
        ),
    )


def eigenvalue_rules(p: Profile, kernel: KernelName) -> tuple[Rule, ...]:
    """Quadrature at every degree, then sampling at the lowest ones."""
    noise = MONTE_CARLO_NOISE * math.sqrt(400 / p.spectral.blocks)
    return (
        *(
            ExactRule(_quadrature(kernel, degree), "within", QUADRATURE_MARGIN, relative=True)
            for degree in range(p.spectral.degrees + 1)
        ),
        *(
            DecisionRule(
                *(_sampled(kernel, degree), "normal mean", "within", MONTE_CARLO_MARGIN, 0.1, noise, 1), relative=True
            )
            for degree in range(MONTE_CARLO_DEGREES + 1)
        ),
    )


def eigenvalue_predictions(p: Profile, kernel: KernelName, formula: KernelName | None = None) -> dict[str, Prediction]:
    """The formula's values, for both routes; ``formula`` takes another kernel's."""
    values = [
        certified.eigenvalue(p.activation, degree, p.spectral.dimension, formula or kernel)
        for degree in range(p.spectral.degrees + 1)
    ]
    exact = {_quadrature(kernel, degree): value for degree, value in enumerate(values)}
    return exact | {_sampled(kernel, degree): values[degree] for degree in range(MONTE_CARLO_DEGREES + 1)}


def eigenvalue_measurements(p: Profile, evidence: Evidence, kernel: KernelName) -> dict[str, Measurement]:
    """The kernel's own integrals, with the error of the rule, and the sampled kernel's."""
    quadrature, monte_carlo = (evidence[cell] for cell in eigenvalue_cells(p, kernel))
    largest = max(abs(v) for v in quadrature["values"])
    found = {}
    for degree, (fine, coarse) in enumerate(zip(quadrature["values"], quadrature["coarse"], strict=True)):
        error, rounding = abs(fine - coarse), 1e-13 * largest
        found[_quadrature(kernel, degree)] = Measurement(
            Interval.around(fine, error + rounding), budget={"quadrature": error, "rounding": rounding}
        )
    for degree in range(MONTE_CARLO_DEGREES + 1):
        data = (monte_carlo["values"][degree], monte_carlo["stderrs"][degree])
        found[_sampled(kernel, degree)] = Measurement(data)
    return found


BLOCK_SCATTER: dict[KernelName, tuple[float, float, float]] = {
    "NTK": (0.102, 0.01, 0.137),
    "QuadNTK": (0.021, 0.106, 0.03),
}
"""Scatter of one block's eigenvalue, relative, by degree 0, 1, 2: 20 times the largest standard error of 400 blocks
over the activations of the documentation, base seeds 100 to 103."""


@lru_cache(maxsize=64)
def without_chance(cell: Cell) -> Numbers:
    """The numbers of a cell that draws nothing: in every world the same."""
    return cell.run()


def sampled_kernel(p: Profile, truth: float, chance: Chance, kernel: KernelName) -> dict[Cell, Numbers]:
    """S1 and S8: the kernel of random networks has ``truth`` times the eigenvalues of the formula; 1 is the theory.

    The kernel at infinite width, which quadrature integrates, is theory's.
    """
    quadrature, monte_carlo = eigenvalue_cells(p, kernel)
    blocks, degrees = monte_carlo.blocks, range(monte_carlo.max_degree + 1)
    normals = chance.of("blocks", monte_carlo.activation, kernel).standard_normal((blocks, len(degrees)))
    formula = np.array([certified.eigenvalue(p.activation, degree, quadrature.d, kernel).value for degree in degrees])
    means = truth * formula * (1 + np.array(BLOCK_SCATTER[kernel]) * normals)
    errors = means.std(axis=0, ddof=1) / math.sqrt(blocks)
    return {
        quadrature: without_chance(quadrature),
        monte_carlo: {"values": means.mean(axis=0).tolist(), "stderrs": errors.tolist()},
    }


def kernel_world(kernel: KernelName, *others: Callable[[Profile], Cell]) -> World:
    """The worlds of S1 and S8; ``others`` are further cells without chance."""

    def simulate(p: Profile, truth: float, chance: Chance) -> dict[Cell, Numbers]:
        rest = {cell: without_chance(cell) for cell in (other(p) for other in others)}
        return sampled_kernel(p, truth, chance, kernel) | rest

    return World(simulate, "factor on the eigenvalues of sampled kernels", 1.0, 1.2, "a constant off by 20 %")


def eigenvalue_explanation(p: Profile, kernel: KernelName) -> str:
    """How S1 and S8 measure."""
    return (
        f"Eigenvalues of the {kernel} at d = {p.spectral.dimension}: from the formula with certified Funk-Hecke "
        f"coefficients; by a tensor Gauss rule on the kernel itself; and by sampling the empirical kernel of random "
        f"networks, {p.spectral.blocks} blocks of 256 inputs, 256 inputs and 256 pairs of neurons."
    )


def eigenvalue_figure(p: Profile, evidence: Evidence, ax: Any, kernel: KernelName) -> None:
    """The three routes by degree."""
    quadrature, monte_carlo = (evidence[cell] for cell in eigenvalue_cells(p, kernel))
    d, degrees = p.spectral.dimension, range(p.spectral.degrees + 1)
    predicted = [certified.eigenvalue(p.activation, degree, d, kernel).value for degree in degrees]
    ax.semilogy(degrees, predicted, "_", color=PREDICTED, ms=22, mew=1.6, label="formula")
    ax.semilogy(quadrature["values"], "o", color=SERIES[0], ms=6, mfc="none", label="quadrature of K")
    bars = 2.58 * np.array(monte_carlo["stderrs"])
    ax.errorbar(
        np.arange(len(bars)) + 0.15,
        monte_carlo["values"],
        bars,
        fmt="s",
        color=SERIES[1],
        ms=4,
        label="Monte Carlo, 99 %",
    )
    ax.set_xticks(degrees)
    symbol = "\\Lambda" if kernel == "NTK" else "Q"
    finish(ax, "degree $\\ell$", f"${symbol}_\\ell$ at d = {d}")


def trace_rule(cell: TraceAndTail) -> ExactRule:
    """The partial sum and its tail enclose the trace, and the tail is narrow."""
    return ExactRule(f"sum over degrees <= {cell.max_degree} plus tail", "encloses", TRACE_MARGIN, relative=True)


def trace_prediction(cell: TraceAndTail) -> dict[str, Prediction]:
    """The trace, as a mean of K(x,x)."""
    return {trace_rule(cell).name: certified.trace(cell.activation, cell.d, cell.kernel)}


def trace_measurement(evidence: Evidence, cell: TraceAndTail, omitted: int | None = None) -> dict[str, Measurement]:
    """The partial sum with its tail; a degree may be left out."""
    numbers = evidence[cell]
    middle, low, high = read_ball(numbers["partial"])
    missing = read_ball(numbers["terms"][omitted])[0] if omitted is not None else 0.0
    tail = read_ball(numbers["tail_bound"])[2]
    sums = Interval.enclosing(middle - missing, low - missing, high - missing + tail)
    return {trace_rule(cell).name: Measurement(sums, budget={"tail bound": tail, "ball radius": high - low})}
