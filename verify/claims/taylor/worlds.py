"""What the cells of T3 would hold if the neurons moved by another power of the width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from verify.cells.taylor import TermSizes
from verify.claims.scatter import around, middle
from verify.judging.chance import Chance
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import Profile

ORDERS = {"linear": 1, "quadratic": 2, "odd": 3, "even": 4, "remainder": 3}
"""Powers of |W_r| in the leading term."""
SIZES = {"linear": 0.07, "quadratic": 0.02, "odd": 0.03, "even": 0.003, "remainder": 0.008}
"""Of the coherent terms times m to the exponent of theory; no exponent depends on it. At random signs f_L is 3 times as
large at the same power."""
RANDOM = {"linear": 0.14, "odd": 0.125}
"""Scatter of a random sum at the largest m; less at the others, where a size is a mean over more networks."""
COHERENT = {"linear": 0.01, "quadratic": 0.017, "even": 0.053, "remainder": 0.021}
"""Scatter of a coherent sum, the same at every m: the fluctuation of a mean over m neurons, averaged over max(m)/m
networks. The worst of three activations and k = 1, 2, from the stored cells of the base seeds 100 to 103 at quick
sizes, as all scatter here."""
BEND = 350.0
"""C in the even part's mean square, M^2 (1 + C/m), at its largest (:mod:`verify.claims.taylor.t3_widths`)."""


def term_sizes(p: Profile, truth: float, chance: Chance, grid: Sequence[Sequence[TermSizes]]) -> Mapping[Cell, Numbers]:
    """T3: |W_r| ~ m^truth along the construction; -1/4 is the theory, -1/2 the NTK's.

    A term of order j is m^{-1/2} times a sum over neurons of |W_r|^j: m^{1/2 + j truth} where the neurons add up and
    m^{j truth} where independent signs multiply them, which they do at odd orders. "lazy" has |W_r| smaller by m^{-1/4}
    again. All agree with theory at the geometric mean of the widths.

    The quadratic term and the even part are blind to signs, and the lazy displacement is a multiple of the coherent
    one, so these share their scatter.
    """
    widths = np.array([float(cell.m) for cell in grid[0]])
    centre, count = middle(widths), len(grid)

    def powers(order: int, coherent: bool) -> np.ndarray:
        own = 0.5 * coherent + order * truth
        stated = 0.5 * coherent - order / 4
        return np.asarray(widths**stated * (widths / centre) ** (own - stated))

    def drawn(kind: str, term: str, means: np.ndarray, scatter: np.ndarray | float) -> np.ndarray:
        return around(chance, ("TermSizes", p.activation, p.k, kind, term), means, scatter, 0.0, count)

    coherent = {
        term: drawn("coherent", term, SIZES[term] * powers(ORDERS[term], True), scatter)
        for term, scatter in COHERENT.items()
    }
    coherent["even"] *= (1 + BEND / widths) ** 0.5
    fewer = (widths / widths[-1]) ** 0.5
    random = {
        term: drawn("random", term, 3 * SIZES[term] * powers(ORDERS[term], False), scatter * fewer)
        for term, scatter in RANDOM.items()
    }
    random |= {term: coherent[term] for term in ("quadratic", "even")}
    whole = {term: coherent[term] for term in ("linear", "quadratic", "remainder")}
    lazy = {term: table * widths ** (-ORDERS[term] / 4) for term, table in whole.items()}
    kinds = {"random": random, "coherent": whole, "lazy": lazy}
    return {
        cell: {kind: {term: float(table[r, i]) for term, table in terms.items()} for kind, terms in kinds.items()}
        for r, row in enumerate(grid)
        for i, cell in enumerate(row)
    }
