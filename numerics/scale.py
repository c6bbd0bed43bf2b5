"""Lengths, norms and squares at any scale: numbers are divided by a power of two of their size before they are squared.

Dividing by a power of two rounds nothing, so where squares neither underflow nor overflow the results are, to the bit,
those without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from numerics.inputs import holds

Reduce = Callable[[torch.Tensor], torch.Tensor]
"""Adds what other processes keep of a displacement."""


def unit(value: torch.Tensor) -> float:
    """The power of two below the largest |entry| of finite ones: dividing by it rounds nothing. 1/2 for zeros alone."""
    return math.ldexp(1.0, math.frexp(float(value.abs().max()))[1] - 1)


def units(sizes: torch.Tensor) -> torch.Tensor:
    """The power of two at or below each size >= 0; 1 for one that is zero or not finite."""
    sizes = torch.where((sizes > 0) & torch.isfinite(sizes), sizes, 1.0)
    return sizes / (2 * torch.frexp(sizes).mantissa)


def rows(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows (..., d) over units of theirs, their lengths then, and the units, (..., 1); all 1 where squares allow it."""
    lengths = x.norm(dim=-1, keepdim=True)
    if _safe(lengths):
        return x, lengths, torch.ones_like(lengths)
    unit = units(x.abs().amax(-1, keepdim=True))
    scaled = x / unit
    return scaled, scaled.norm(dim=-1, keepdim=True), unit


def norm(V: torch.Tensor, reduce: Reduce) -> torch.Tensor:
    """Frobenius norm of each displacement (..., m, d), over all neurons wherever they are kept.

    Cost: one pass, two more where a square has left the range in which sums of squares are right to rounding.
    """
    length = reduce(V.square().sum((-2, -1))).sqrt()
    if _safe(length):
        return length
    unit = displacement_units(V, reduce)
    return reduce((V / unit[..., None, None]).square().sum((-2, -1))).sqrt() * unit


def _safe(lengths: torch.Tensor) -> bool:
    """Whether sums of squares were right to rounding, by the lengths that are their roots."""
    number = torch.finfo(lengths.dtype)
    least, most = torch.aminmax(lengths) if lengths.ndim else (lengths, lengths)
    return float(least) >= math.sqrt(number.tiny / number.eps) and float(most) < math.inf


def displacement_units(V: torch.Tensor, reduce: Reduce) -> torch.Tensor:
    """A power of two of the size of each displacement (..., m, d), the same in every process that keeps a part."""
    return units(reduce(V.abs().amax((-2, -1))))


def homogeneous(
    W: torch.Tensor, reduce: Reduce, form: Callable[[torch.Tensor], torch.Tensor], what: str, degree: int = 2
) -> torch.Tensor:
    """A form of this degree at each displacement W (..., m, d), by its value at W over its unit.

    Args:
        W: finite.
        reduce: adds what other processes keep.
        form: homogeneous in W, of shape (...).
        what: its name.
        degree: of the form.

    Raises:
        ValueError: a value that the dtype cannot hold.
    """
    unit = displacement_units(W, reduce)
    return regained(form(W / unit[..., None, None]), unit, what, "W is", degree)


def regained(scaled: torch.Tensor, unit: torch.Tensor | float, what: str, cause: str, degree: int = 2) -> torch.Tensor:
    """``scaled``, a finite value of a form of this degree at an argument over its unit, times that power of the unit.

    ``what`` names the value, and ``cause`` what may be too large or small.

    Raises:
        ValueError: a value too large for the dtype, or one that is not zero and too small to keep its digits.
    """
    result = scaled
    for _ in range(degree):
        result = result * unit
    if not holds(torch.isfinite(result)):
        raise ValueError(f"{what} overflows: {cause} too large for {result.dtype}; use another scale")
    if not holds((scaled == 0) | (result.abs() >= torch.finfo(result.dtype).tiny)):
        raise ValueError(f"{what} underflows: {cause} too small for {result.dtype}; use another scale")
    return result


def of_length(x: torch.Tensor, square: float, name: str, why: str) -> torch.Tensor:
    """x when |x_i|^2 = ``square`` in every row, to what normalising and rounding in its dtype leaves."""
    worst = off_length(x, square)
    if worst is not None:
        remedy = (
            f"use numerics.to_sphere({name})"
            if square == x.shape[-1]
            else f"use numerics.to_sphere({name}, {square**0.5:g})"
        )
        raise ValueError(f"{name} has a row with |x|^2 = {worst:.8g}: {why} needs |x|^2 = {square:g}; {remedy}")
    return x


def off_length(x: torch.Tensor, square: float, dtype: torch.dtype | None = None) -> float | None:
    """|x_i|^2 of the row that is farthest from ``square``; None where every row has it, up to rounding in ``dtype``.

    Dividing a row by its norm leaves a relative error of |x|^2 of (d + 2) eps from the sum of squares, and a few eps
    from root, quotient and product: 2 d + 16 covers both, and inputs that were divided twice.
    """
    d = x.shape[-1]
    squares = x.detach().double().square().sum(-1) / square
    if holds((squares - 1).abs() <= (2 * d + 16) * torch.finfo(dtype or x.dtype).eps):
        return None
    return float(squares.flatten()[(squares - 1).abs().argmax()]) * square
