"""What the cells of G1 to G5 would hold where the theory is another.

Levels are theory's (:mod:`verify.predictions.width_limits`); the scatter is that of the stored cells of the base seeds
100 to 103 at the quick profile's sizes, the activations of the documentation and k = 1, 2: the largest over the
activations. Scatter that comes from the neurons of one network falls as m^{-1/2} and is given times m^{1/2}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from verify.cells.constructions import DenseExpression, JointExpression, Networks, SparseExpression
from verify.cells.directions import LargeDirections, SignEnergies
from verify.claims.constructions import cases
from verify.claims.scatter import around, middle
from verify.judging.chance import Chance
from verify.predictions.width_limits import WidthLimits, harmonic_strengths
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import Profile

Law: TypeAlias = "tuple[np.ndarray, float | np.ndarray, float]"
"""Means at each width, and the scatter of the logarithm: own, and shared by the widths."""
UNITY = 1e-16
"""Relative rounding of sums that are exact."""


def _by_k(table: Mapping[int, float], p: Profile) -> float:
    """The entry for the case's k, or that for the largest one measured."""
    return table.get(p.k, table[max(table)])


def _scattered(cells: Sequence[Networks], laws: Mapping[str, Law], chance: Chance) -> dict[str, np.ndarray]:
    """Numbers by name, (networks, widths). Cells that differ in their width share inputs and targets."""
    count = cells[0].networks
    return {name: around(chance, _drawn(cells[0], name), *law, count) for name, law in laws.items()}


def _drawn(cell: Networks, name: str) -> tuple[str | float, ...]:
    """The name of what a cell's networks draw: nothing is shared by activations."""
    return (type(cell).__name__, cell.activation, cell.k, name)


def _split(cells: Sequence[Networks], tables: Mapping[str, np.ndarray]) -> dict[Cell, Numbers]:
    """Numbers of each width, one list for each name, entry by entry of one network."""
    return {cell: {name: table[:, i].tolist() for name, table in tables.items()} for i, cell in enumerate(cells)}


QUOTIENTS = {
    "smallest": (1.0, 0.003),
    "gaussian": (1.7, 0.25),
    "complement": (6e-3, 0.17),
    "shuffled": (9e-3, 0.14),
    "shuffled_gaussian": (2e-2, 0.18),
}
"""Energy over squared norm in units of lambda_{n_k}, geometric mean over activations, and scatter of its logarithm."""
THRESHOLD = (0.95, 0.028)
"""lambda_{n_k} and the least eigenvalue of T*T in units of the least Lambda_l, and their scatter."""
SPAN = (1.01, 0.0033)
"""Smallest quotient in span{T Y} in units of its bound."""
ENERGY = {0: 0.005, 1: 0.0025, 2: 0.031}
"""Scatter of the energy of f_L(T Y), by degree; the energies of a network move together (correlation up to .99)."""


def large_directions(p: Profile, truth: float, chance: Chance, cells: Sequence[LargeDirections]) -> dict[Cell, Numbers]:
    """G1: f_L multiplies the harmonics of degree l <= k by truth x Lambda_l; 1 is the theory.

    Quotients of energy and squared norm are then ``truth`` times those of the bound, energies of f_L(T Y) are
    truth^2 times Lambda_l^2 with its correction in 1/m.
    """
    theory = cases.limits(p)
    found: dict[Cell, Numbers] = {}
    least = float(np.min(theory.modes.eigenvalues[: p.k + 1]))
    for cell in cells:
        drawn = chance.of(type(cell).__name__, cell.activation, cell.k, cell.replicate)
        threshold, bound = THRESHOLD[0] * least * np.exp(THRESHOLD[1] * drawn.standard_normal(2))
        quotients = {
            name: truth * threshold * level * float(np.exp(scatter * drawn.standard_normal()))
            for name, (level, scatter) in QUOTIENTS.items()
        }
        together, span = drawn.standard_normal(2)
        energies = [
            truth**2 * theory.energy(degree, cell.m) * float(np.exp(ENERGY.get(degree, ENERGY[2]) * together))
            for degree in cases.low_degrees(p)
        ]
        found[cell] = {
            "threshold": float(threshold),
            **quotients,
            "span_threshold": float(bound),
            "span_smallest": truth * float(bound) * SPAN[0] * float(np.exp(SPAN[1] * span)),
            "energies": energies,
        }
    return found


OVER_SIGNS = {"linear": {1: 0.78, 2: 0.76}, "good": {1: 0.93, 2: 0.46}}
"""Scatter of a mean square over draws of signs about its mean over all signs, times (draws/2)^{1/2}, by k."""
OVER_NETWORKS = {"linear": {1: 0.15, 2: 0.95}, "good": {1: 0.18, 2: 0.4}}
"""Scatter of the mean over all signs, times m^{1/2}."""
SIMILAR = 0.8
"""Correlation of f_L(S W) and P_{<=k} S W over the same signs: 0.6 to 0.9."""
COHERENT = {"linear": {1: 0.27, 2: 0.05}, "good": {1: 0.42, 2: 0.11}}
"""Without signs the mean square is larger by this and m."""
COORDINATES = 0.66
"""Relative change of f_Q when every coordinate has a sign of its own."""


def sign_energies(p: Profile, truth: float, chance: Chance, cells: Sequence[SignEnergies]) -> dict[Cell, Numbers]:
    """G2: the displacement has |W_r| ~ m^truth; -1/4 is the theory, -1/2 the NTK's.

    Signs make f_L(S W) and P_{<=k} S W sums of independent terms, of the size of one |W_r|: their mean squares grow as
    m^{2 truth}. They agree with theory at the largest m, where their limits are compared.
    """
    theory, widths = cases.limits(p), np.array([float(cell.m) for cell in cells])
    count, draws = cells[0].networks, cells[0].draws
    powers = widths[-1] ** -0.5 * (widths / widths[-1]) ** (2 * truth)
    tables: dict[str, np.ndarray] = {}
    flat = np.ones_like(widths)
    common = chance.of(*_drawn(cells[0], "signs")).standard_normal((count, len(cells)))
    for kind, form in {"linear": theory.slope, "good": theory.projector}.items():
        means, scatter = theory.sign_energy(form) * powers, _by_k(OVER_NETWORKS[kind], p) / widths**0.5
        exact = around(chance, _drawn(cells[0], f"{kind}_exact"), means, scatter, 0.0, count)
        alone = chance.of(*_drawn(cells[0], kind)).standard_normal(common.shape)
        spread = _by_k(OVER_SIGNS[kind], p) * (2 / draws) ** 0.5
        logs = spread * (SIMILAR**0.5 * common + (1 - SIMILAR) ** 0.5 * alone)
        tables |= {
            kind: exact * np.exp(logs - spread**2 / 2),
            f"{kind}_exact": exact,
            f"coherent_{kind}": exact * (1 + _by_k(COHERENT[kind], p) * widths),
        }
    gaps: dict[str, Law] = {
        "quadratic_gap": (10 * UNITY * flat, 0.2, 0.0),
        "coordinate_gap": (COORDINATES * flat, 0.1, 0.2),
    }
    return _split(cells, tables | _scattered(cells, gaps, chance))


SPARSE_SCATTER = {1: (0.4, 0.2), 2: (0.49, 0.16)}
"""Own and shared scatter of the mean square error of f_Q(W_Q)."""
NORM = {1: 0.0, 2: 1.7}
"""Scatter of |W_Q|_{2,4}^4, times m^{1/2}: at k = 1, g is constant and the norm is exact."""
WRONG = {"lowered": {1: (12.0, 0.25), 2: (75.0, 0.25)}, "degree": {1: (10.0, 0.35), 2: (30.0, 0.4)}}
"""Mean square errors of the planted errors, which no width makes smaller, and their shared scatter."""


def sparse_expression(
    p: Profile, truth: float, chance: Chance, cells: Sequence[SparseExpression]
) -> dict[Cell, Numbers]:
    """G3: |f_Q(W_Q) - f_sp| falls as m^truth; -1/2 is the theory.

    f_Q(W_Q) is a mean over pairs of neurons; were they dependent, as (m/M)^{-2 truth} M independent ones, its variance
    would be theory's at that number. It agrees with theory at the geometric mean M of the widths. The norm, a sum over
    the pairs, keeps its mean.
    """
    theory, widths = cases.limits(p), np.array([float(cell.m) for cell in cells])
    alphas, centre = cells[0].alphas, middle(widths)
    own, shared = SPARSE_SCATTER.get(p.k, SPARSE_SCATTER[2])
    error = theory.sparse_error(alphas) / centre * (widths / centre) ** (2 * truth)
    norm, scatter = np.full(len(widths), theory.sparse_norm(alphas)), _by_k(NORM, p) / widths**0.5
    laws: dict[str, Law] = {"error": (error, own, shared), "norm": (norm, scatter, 0.0)}
    for name, table in WRONG.items():
        level, common = table.get(p.k, table[2])
        laws[name] = (np.full(len(widths), level), 0.1, common)
    return _split(cells, _scattered(cells, laws, chance))


DENSE_SCATTER = (0.27, 0.04)
"""Own and shared scatter of the mean square of f_L(W_L) - f_k."""
DENSE_NORM = {1: 0.38, 2: 0.75}
"""Scatter of |W_L|^2, times m^{1/2}."""
SHUFFLED = 0.08
"""Shared scatter where the directions are random: nothing of f_k is expressed."""


def dense_expression(p: Profile, truth: float, chance: Chance, cells: Sequence[DenseExpression]) -> dict[Cell, Numbers]:
    """G4: |f_L(W_L) - f_k| falls as m^truth; -1/2 is the theory.

    The rest is a mean over pairs of neurons, as in :func:`sparse_expression`, and agrees with theory at the geometric
    mean of the widths.
    """
    theory, widths = cases.limits(p), np.array([float(cell.m) for cell in cells])
    energies, centre = dict.fromkeys(cases.low_degrees(p), 1.0), middle(widths)
    norms = np.array([theory.dense_norm(energies, cell.m) for cell in cells])
    rest = theory.dense_error(energies) / centre * (widths / centre) ** (2 * truth)
    laws: dict[str, Law] = {
        "norm": (norms, _by_k(DENSE_NORM, p) / widths**0.5, 0.0),
        "residual": (rest, *DENSE_SCATTER),
        "shuffled": (np.full(len(widths), sum(energies.values())), 0.01, SHUFFLED),
    }
    return _split(cells, _scattered(cells, laws, chance))


REMAINDER = 0.965
"""Mean square error in units of its prediction, which leaves out the remainder and the cross term with W_L."""
CROSS = {1: 0.8, 2: 3.5}
"""Of |W_L + S W_Q|_{2,4}^4 over that of W_Q, less 1, times m^{1/2}."""
R3_LEVEL, R3_NEXT = 10.0, 5.0
"""m^{3/2} R3, and the next order, times m^{1/2}."""
JOINT_SCATTER = {"error": (0.15, 0.06), "r1": (0.14, 0.03), "r3": (0.23, 0.4)}
R4_SCATTER = {1: 0.45, 2: 1.65}
"""Scatter of R4, times m^{1/2}."""
UNSIGNED = {1: 0.12, 2: 0.01}
"""Without signs the mean square of f_L(W_Q) is larger by this and m."""
TARGET = {1: 0.42, 2: 0.22}
"""Mean square error where f_Q vanishes: the energy of the sparse part, sampled."""
OUTSIDE = {1: 0.45, 2: 0.8}
"""R1 where other directions take the place of the good ones: the energy of f_k."""


def joint_expression(p: Profile, truth: float, chance: Chance, cells: Sequence[JointExpression]) -> dict[Cell, Numbers]:
    """G5: what random signs leave of f_L(S W_Q) has a norm that goes as m^truth; -1/4 is the theory.

    Signs that are not independent would leave more: with the correlation m^{-c} of two neurons' signs, c < 1, the mean
    square is m^{1/2 - c}. So go the error of the network, which is that of f_L(S W_Q) and, smaller, those of f_Q and of
    f_L(W_L); R1, the part of f_L(S W_Q) outside of the good directions; and R3, a sum over the same signs, whose root
    goes as m^{truth - 1/2}. They agree with theory at the largest m, where their constants are compared.
    """
    theory, widths = cases.limits(p), np.array([float(cell.m) for cell in cells])
    strengths = harmonic_strengths(p.k, cases.dimension(p), cells[0].alphas)
    last = widths[-1]
    powers = last**-0.5 * (widths / last) ** (2 * truth)
    error = REMAINDER * (_signs(theory, strengths) * powers + _others(theory, strengths, cells[0]) / widths)
    r1, r4 = theory.joint_rest(strengths) * powers, theory.sparse_norm(strengths) * (1 + _by_k(CROSS, p) / widths**0.5)
    r3 = R3_LEVEL * powers / widths * (1 + R3_NEXT / widths**0.5)
    flat, zero, scatter = np.ones_like(widths), np.full(len(widths), 1e-27), JOINT_SCATTER
    outside, target = _by_k(OUTSIDE, p) * flat, _by_k(TARGET, p) * flat
    laws: dict[str, Law] = {
        "error": (error, *scatter["error"]),
        "r1": (r1, *scatter["r1"]),
        "r2": (zero, 0.5, 0.0),
        "r3": (r3, *scatter["r3"]),
        "r4": (r4, _by_k(R4_SCATTER, p) / widths**0.5, 0.005),
        "coherent_error": (error * (1 + _by_k(UNSIGNED, p) * widths), 0.1, 0.1),
        "coherent_r1": (r1, 0.4, 0.1),
        "coherent_r2": (zero, 0.5, 0.0),
        "coherent_r3": (0.1 * flat, 0.15, 0.33),
        "coherent_r4": (r4, 0.05, 0.07),
        "lazy_error": (target, 0.03, 0.25),
        "lazy_r1": (r1 * widths**-0.5, 0.4, 0.05),
        "lazy_r2": (zero, 0.5, 0.0),
        "lazy_r3": (0.5 * r3 * widths**-0.5, 0.45, 0.4),
        "lazy_r4": (2 * r4 / widths, 0.04, 0.2),
        "swapped_r1": (outside, 0.18, 0.3),
        "swapped_r2": (0.5 * outside, 0.15, 0.23),
        "swapped_r3": (r3, 0.55, 0.3),
        "swapped_r4": (r4, 0.02, 0.01),
        "shuffled_r1": (outside, 0.18, 0.3),
        "shuffled_r2": (zero, 0.5, 0.0),
        "shuffled_r3": (0.1 * r3, 0.6, 0.1),
        "shuffled_r4": (r4, 0.02, 0.01),
    }
    return _split(cells, _scattered(cells, laws, chance))


def _signs(theory: WidthLimits, strengths: tuple[float, ...]) -> float:
    """m^{1/2} times the mean square of f_L(S W_Q)."""
    return sum(theory.sign_energy(theory.slope, alpha) for alpha in strengths)


def _others(theory: WidthLimits, strengths: tuple[float, ...], cell: JointExpression) -> float:
    """m times the mean squares of the errors of f_Q and of f_L(W_L)."""
    energies = dict.fromkeys(range(cell.k + 1), cell.energy)
    return theory.joint_error(strengths, energies, 1) - _signs(theory, strengths)
