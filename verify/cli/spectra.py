"""What ``escape-ntk spectrum`` prints: the table with the kernel's formula, or JSON."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flint import arb, ctx, fmpz

from theory import Spectrum
from theory.balls.precision import exclusive

MAX_DEGREE = 10_000
"""Largest degree of one table; without a closed form the time grows with the third power of the degree."""
MAX_DIGITS = 4300
"""Longest integer that Python reads back from JSON as it is set up by default."""
FORMULAS = {
    "NTK": "first layer alone: K(x,x') = <x,x'> E_w[sigma'(<w,x>) sigma'(<w,x'>)], w uniform on the unit sphere",
    "QuadNTK": "second order in the first layer: K(x,x') = <x,x'>^2 E_w[sigma''(<w,x>) sigma''(<w,x'>)] / 4, "
    "w uniform on the unit sphere",
    "zonal": "K(x,x') = kappa(t), t = <x,x'>/d; an eigenvalue is E[kappa(t) P_l(t)]",
}


def table(spectrum: Spectrum) -> str:
    """The table of a spectrum, with the kernel's formula below its first line."""
    head, _, rest = str(spectrum).partition("\n")
    return f"{head}\n{FORMULAS[spectrum.kernel]}\n{rest}"


def as_json(spectrum: Spectrum, activation: str) -> dict[str, Any]:
    """The object that ``--json`` prints; docs/usage.md describes it."""
    rows = zip(spectrum.degrees, spectrum.multiplicities, spectrum.eigenvalues, strict=True)
    return {
        "activation": activation,
        "kernel": spectrum.kernel,
        "formula": FORMULAS[spectrum.kernel],
        "d": spectrum.d,
        "digits": spectrum.digits,
        "spectrum": [
            {"degree": degree, "multiplicity": _count(count), "eigenvalue": value.str(spectrum.digits)} | _double(value)
            for degree, count, value in rows
        ],
        "tail": spectrum.tail.str(spectrum.digits),
        "tail_mid": _double(spectrum.tail)["mid"],
        "tail_radius": _double(spectrum.tail)["radius"],
    }


def as_csv(spectrum: Spectrum) -> str:
    """Comma-separated values, a line for each degree; mid and radius are empty beyond the range of doubles."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("degree", "multiplicity", "eigenvalue", "mid", "radius"))
    for degree, count, value in zip(spectrum.degrees, spectrum.multiplicities, spectrum.eigenvalues, strict=True):
        near = _double(value)
        lines.writerow((degree, fmpz(count), value.str(spectrum.digits), near["mid"], near["radius"]))
    return text.getvalue().rstrip("\n")


def _count(count: int) -> int | str:
    """An integer; its digits as text where it has more of them than a JSON number is read back with."""
    text = str(fmpz(count))
    return count if len(text) <= MAX_DIGITS else text


def _double(value: arb) -> dict[str, float | None]:
    """A midpoint and a radius in double precision that together contain the ball; None beyond the range of doubles.

    The radius also covers the rounding of the midpoint.
    """
    with (
        exclusive,
        ctx.workprec(value.bits() + 2200),
    ):  # the difference of two doubles, whatever their exponents, is exact
        mid = float(value.mid())
        lost = mid == 0 and not value.mid().is_zero()
        if lost or not math.isfinite(mid) or 0 < abs(mid) < sys.float_info.min:
            return {"mid": None, "radius": None}
        bound = (value - arb(mid)).abs_upper()
        radius = float(bound)
        if not arb(radius) >= bound:
            radius = math.nextafter(radius, math.inf)
    return {"mid": mid, "radius": radius} if math.isfinite(radius) else {"mid": None, "radius": None}


@contextmanager
def patience(task: str) -> Iterator[None]:
    """A line on standard error with the time elapsed, while something is computed; on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(task, total=None)
        yield
