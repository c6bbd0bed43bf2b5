r"""Which degrees a kernel can learn: at one d, at every d from some on, or as d grows.

A degree l cannot be learned when its eigenvalue is zero. Zero is proved by parity or by exact algebra; the contrary by
a certified ball that excludes zero, or for every d at once by :func:`theory.bounds_for_all_dimensions`; what neither
proof reaches is named as undecided. No threshold is involved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sympy as sp

from theory.activations import Activation, ActivationLike
from theory.bounds.all_dimensions import check_smallest, nonzero_for_all_dimensions
from theory.bounds.formula import Quantity
from theory.funk_hecke.parity import vanishes_for_all
from theory.harmonics.sphere import check_degree, integer_dimension, shown
from theory.harmonics.work import Undecided, WorkLimit, check_work
from theory.spectra.decisions import Sign, coefficient_sign
from theory.spectra.eigenvalues import NTK, QUADNTK, TangentKernel
from theory.spectra.expansions import leading_term

EIGENVALUES: dict[str, Quantity] = {NTK.name: "ntk_eigenvalue", QUADNTK.name: "quadntk_eigenvalue"}


@dataclass(frozen=True)
class LearnableDegrees:
    """Degrees 0..L, each in exactly one of three lists.

    Attributes:
        learnable: the eigenvalue is proved positive.
        unlearnable: it is proved zero.
        undecided: neither proof succeeded within the work allowed, or at all: raising the precision further would be
            needed, or algebra by hand. Of a question about every d also what is zero at some d alone.
    """

    learnable: tuple[int, ...]
    unlearnable: tuple[int, ...]
    undecided: tuple[int, ...]


def learnable_degrees(
    activation: ActivationLike,
    max_degree: int,
    d: int | None = None,
    kernel: Literal["NTK", "QuadNTK"] = "NTK",
    *,
    d_min: int | None = None,
) -> LearnableDegrees:
    r"""Which of the degrees 0..L have a positive eigenvalue Lambda_l (or Q_l).

    Args:
        activation: sigma.
        max_degree: L >= 0.
        d: dimension; None asks about all sufficiently large d, decided by the leading term of the expansion in 1/d.
        kernel: "NTK" (Lambda_l, from sigma') or "QuadNTK" (Q_l, from sigma'').
        d_min: asks about every integer d >= d_min at once, decided by :func:`theory.bounds_for_all_dimensions`; with it
            d stays None.

    Raises:
        ValueError: d < 3, d_min < 3, both of them given, L < 0, an unknown kernel, or a derivative that is a
            distribution.

    >>> learnable_degrees(Activation.parse("relu(z)"), 6)
    LearnableDegrees(learnable=(0, 1, 2, 4, 6), unlearnable=(3, 5), undecided=())
    >>> learnable_degrees(Activation.parse("tanh(z)"), 4, d=10).unlearnable
    (0, 2, 4)
    >>> learnable_degrees("gelu(z)", 3, d_min=3)
    LearnableDegrees(learnable=(0, 1, 2), unlearnable=(3,), undecided=())
    """
    kinds = {k.name: k for k in (NTK, QUADNTK)}
    if not isinstance(kernel, str) or kernel not in kinds:
        raise ValueError(f"kernel={shown(kernel)}: needs one of {', '.join(kinds)}")
    if d_min is not None:
        d_min = check_smallest(d_min)
        if d is not None:
            raise ValueError(
                f"d={shown(d)}, d_min={shown(d_min)}: needs one of them; d_min asks about every d from there on"
            )
    activation = Activation.of(activation)
    found: dict[Sign, list[int]] = {"nonzero": [], "zero": [], "undecided": []}
    degrees = range(check_degree(max_degree, "max_degree") + 1)
    for degree in degrees:
        try:
            check_work()
        except WorkLimit:  # what the work allowed does not reach is undecided
            found["undecided"] += degrees[degree:]
            break
        try:
            sign = _eigenvalue_sign(kinds[kernel], activation, degree, d, d_min)
        except WorkLimit:
            sign = "undecided"
        found[sign].append(degree)
    return LearnableDegrees(tuple(found["nonzero"]), tuple(found["zero"]), tuple(found["undecided"]))


def _eigenvalue_sign(
    kernel: TangentKernel, activation: Activation, degree: int, d: int | None, d_min: int | None
) -> Sign:
    """The eigenvalue is a sum of squares with positive weights: zero exactly when every coefficient is."""
    expr = activation.derivative(kernel.order)
    degrees = kernel.weights(degree, sp.Symbol("d") if d is None else integer_dimension(d))
    if all(vanishes_for_all(expr, j) for j in degrees):  # for every d, so this is asked first
        return "zero"
    if d_min is not None:
        return _for_every_dimension(kernel, activation, degree, d_min)
    # For all large d the leading term in 1/d decides; at one d, each of the squares.
    if d is None:
        try:
            return "undecided" if leading_term(kernel, activation, degree, digits=1) is None else "nonzero"
        except Undecided:
            return "undecided"
    signs = {coefficient_sign(expr, j, d) for j in degrees}
    return "nonzero" if "nonzero" in signs else "undecided" if "undecided" in signs else "zero"


def _for_every_dimension(kernel: TangentKernel, activation: Activation, degree: int, d_min: int) -> Sign:
    if activation.derivative(kernel.order).has(sp.Abs, sp.sign):
        return "undecided"
    try:
        proved = nonzero_for_all_dimensions(activation, degree, EIGENVALUES[kernel.name], d_min)
    except Undecided:
        return "undecided"
    return "nonzero" if proved else "undecided"
