r"""``python -m verify.check CERTIFICATE``: check a separation certificate without the code that wrote it.

Everything is computed anew, in fractions and in the interval arithmetic of mpmath: the multiplicity and the floor of
the kernels, the suprema by bisection, the means over the Gaussian and over spheres by Taylor series on cells with
enclosed remainders, the bounds for every d, the errors at the stated widths, and every inequality. docs/separation
says what each line means. Exit status 0: every line holds; 1: the certificate is refused.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any

from mpmath import iv  # type: ignore[import-untyped]

from verify.intervals import MEANS, Refused, means, stays_below

MOST_BYTES, MOST_DIGITS = 1_000_000, 60
NUMBER = re.compile(r"-?\d{1,60}(\.\d{1,60})?(e[+-]?\d{1,3})?|-?\d{1,60}/\d{1,60}", re.ASCII)
BALL = re.compile(r"\[(\S+) \+/- (\S+)\]")
AGREE = Fraction(1, 10**12)
"""How far, relatively, a stated bound may lie from the one computed here."""
NARROW = Fraction(1, 10**9)
"""Largest radius of a constant."""
FINE, COARSE = 192, 80
"""Bits of the bounds, and of the integrals."""
SUPREMA = ("sigma'", "sigma''", "sigma'''", "sigma''''")
ERRORS = ("dense", "sparse", "signs", "cross", "odd", "even", "fourth")
SPHERE = {
    "slope energy": (0, "slope energy"),
    "curvature energy": (0, "curvature energy"),
    "curvature": (0, "curvature"),
    "radial slope": (1, "curvature"),
    "slope": (1, "slope"),
}
"""Means over the sphere in R^d: the j of the sphere in R^(d+2j) and the function that is averaged there."""
LEAST_SAMPLED = 100
"""Below it the cells of the integrals would reach beyond the sphere."""


def number(value: Any, name: str) -> Fraction:
    """An integer, a fraction or a decimal number, exactly."""
    text = str(value) if type(value) is int and abs(value) < 10**MOST_DIGITS else value
    if not isinstance(text, str) or not NUMBER.fullmatch(text) or text.endswith("/0"):
        raise Refused(f"{name}: {str(value)[:40]!r} is no number of at most {MOST_DIGITS} digits")
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise Refused(f"{name}: {text!r} divides by zero") from None


def ball(value: Any, name: str) -> Any:
    """The interval of "[middle +/- radius]" or of a plain number."""
    parts = BALL.fullmatch(value) if isinstance(value, str) and len(value) < 300 else None
    middle, radius = (number(p, name) for p in parts.groups()) if parts else (number(value, name), Fraction(0))
    if radius < 0 or radius > NARROW:
        raise Refused(f"{name}: a radius of {float(radius):.3g} is no certified constant")
    return interval(middle - radius, middle + radius)


def interval(low: Fraction, high: Fraction | None = None) -> Any:
    """A fraction, or all between two, as an interval."""
    high = low if high is None else high
    ends = [iv.mpf(end.numerator) / end.denominator for end in (low, high)]
    return iv.mpf([ends[0].a, ends[1].b])


def upper(x: Any) -> Fraction:
    """The upper end of an interval, exactly."""
    sign, mantissa, exponent, bits = x._mpi_[1]
    if bits < 0 or (not mantissa and exponent):
        raise Refused("a bound is not finite")
    return (-1 if sign else 1) * Fraction(int(mantissa)) * Fraction(2) ** exponent


def lower(x: Any) -> Fraction:
    """The lower end."""
    return -upper(-x)


def member(data: Any, names: tuple[str, ...], where: str) -> dict[str, Any]:
    """A JSON object with exactly these names."""
    if not isinstance(data, dict) or sorted(data) != sorted(names):
        raise Refused(f"{where}: needs an object with {', '.join(names)}, and nothing else")
    return data


def whole(value: Any, name: str, least: int) -> int:
    """An integer from ``least`` to 10^30."""
    if type(value) is not int or not least <= value <= 10**30:
        raise Refused(f"{name}: {str(value)[:40]!r} is no integer from {least} to 10^30")
    return value


def distance(d: int, steps: int, first: Any, second: Any = 0) -> Any:
    """Between a mean over the sphere and the Gaussian one, for every dimension from d on."""
    return 2 / iv.sqrt(iv.pi) * first / (d + 2 * steps - 1) + steps * second / iv.mpf(d + 2 * steps)


def bounds(d: int, energies: list[Any], sup: list[Any], mean: dict[str, Any]) -> dict[str, Any]:
    """What holds for every dimension from d on, by name."""
    curvature = abs(mean["curvature"])
    slope = abs(mean["slope"]) - distance(d, 1, sup[1], sup[2])
    found = {
        "slope energy": mean["slope energy"] + distance(d, 0, 2 * sup[0] * sup[1]),
        "curvature energy": mean["curvature energy"] + distance(d, 0, 2 * sup[1] * sup[2]),
        "least curvature": curvature - distance(d, 0, sup[2]),
        "least radial slope": curvature - distance(d, 1, sup[2], sup[3]),
        "least eigenvalue": slope * slope * (d - 1) / d,
        "strength": iv.sqrt(energies[1] * (d + 2) / (2 * (d - 1))),
    }
    if not (slope > 0 and all(v > 0 for n, v in found.items() if n.startswith("least"))):
        raise Refused("bounds: a mean that the construction divides by is not kept away from zero")
    radial = found["strength"] / found["least radial slope"]
    found["dense norm"] = radial**2 + energies[0] / found["least eigenvalue"]
    found["largest dense"] = radial + iv.sqrt(energies[0]) * sup[0] / found["least eigenvalue"]
    return found


def errors(m: int, sup: list[Any], b: dict[str, Any]) -> dict[str, Any]:
    """Root mean squares of the seven parts of the error at width m."""
    alpha, curvature, size, root = b["strength"], b["least curvature"], iv.sqrt(b["dense norm"]), iv.sqrt(iv.mpf(m))
    c = iv.sqrt(4 * alpha / curvature / root)
    p = [iv.mpf(1), *(b["largest dense"] ** (i - 1) * size / root**i for i in range(1, 5))]
    return {
        "dense": iv.sqrt(iv.mpf(2)) / root * sup[0] * size,
        "sparse": alpha * iv.sqrt(6 * (b["curvature energy"] / curvature**2 - 1)) / root,
        "signs": iv.sqrt(2 * alpha * b["slope energy"] / curvature / root),
        "cross": c * sup[1] * size * iv.sqrt(iv.mpf(3) / 2) / root,
        "odd": iv.sqrt(iv.mpf(15) / 2) * sup[2] / 6 * (c**3 + 3 * c * p[2]),
        "even": root * iv.sqrt(iv.mpf(15)) * sup[2] / 6 * (3 * c**2 * p[1] / 2 + p[3]),
        "fourth": root
        * iv.sqrt(iv.mpf(105))
        * sup[3]
        / 48
        * (sum((comb(4, i) * c ** (4 - i) * p[i] for i in range(5)), iv.mpf(0)) + p[4]),
    }


def check(data: Any) -> Iterator[str]:
    """One line for everything that was checked.

    Raises:
        Refused: what does not hold, in a sentence.
    """
    sections = "format version activation k d_min energies kernels network suprema means bounds widths errors sphere"
    top = member(data, (*sections.split(), "inequalities"), "certificate")
    if top["format"] != "escape-ntk separation certificate" or top["version"] != 1 or top["k"] != 1:
        raise Refused("format: needs an escape-ntk separation certificate of version 1 at k = 1")
    if not isinstance(text := top["activation"], str):
        raise Refused("activation: needs a text")
    d = whole(top["d_min"], "d_min", 3)
    dense, sparse = (
        number(member(top["energies"], ("dense", "sparse"), "energies")[n], n) for n in ("dense", "sparse")
    )
    share, floor = (number(member(top["kernels"], ("share", "floor"), "kernels")[n], n) for n in ("share", "floor"))
    epsilon, delta = (
        number(member(top["network"], ("epsilon", "delta"), "network")[n], n) for n in ("epsilon", "delta")
    )
    if not (dense >= 0 and sparse > 0 and 0 < share < 1 and 0 < epsilon < 1 and 0 < delta < 1):
        raise Refused("energies, share, epsilon or delta: out of range")
    iv.prec = FINE
    sup = [interval(number(member(top["suprema"], SUPREMA, "suprema")[n], n)) for n in SUPREMA]
    mean = {n: ball(member(top["means"], MEANS, "means")[n], n) for n in MEANS}
    found = bounds(d, [interval(dense), interval(sparse)], sup, mean)
    stated = member(top["bounds"], tuple(found), "bounds")
    for name, value in found.items():
        agrees(name, stated[name], lower(value) if name.startswith("least") else upper(value))
    yield f"{len(found)} bounds for every d >= {d} follow from the constants"
    widths = member(top["widths"], ("taylor", "network"), "widths")
    squares = {}
    for model in widths:
        m = whole(widths[model], f"widths, {model}", 2)
        if m % 2:
            raise Refused(f"widths, {model}: {m} is odd")
        e = errors(m, sup, found)
        for name, text_of in member(member(top["errors"], tuple(widths), "errors")[model], ERRORS, "errors").items():
            agrees(f"errors, {model}, {name}", text_of, upper(e[name]))
        even, odd = e["dense"] + e["sparse"], e["signs"] + e["cross"]
        square = even**2 + odd**2
        if model == "network":
            square = (iv.sqrt((even + e["even"]) ** 2 + (odd + e["odd"]) ** 2) + e["fourth"]) ** 2
        squares[f"mean square error, {model}"] = upper(square)
        yield f"{len(ERRORS)} parts of the error at width {m:,} follow from the bounds ({model})"
    allowed = delta * epsilon**2 * (dense + sparse)
    needed = {
        "floor of the kernels": (floor, "<=", 1 - share),
        "the risks are apart": (epsilon**2 * (dense + sparse), "<", floor * sparse),
        **{name: (left, "<=", allowed) for name, left in squares.items()},
    }
    yield from inequalities(top["inequalities"], needed)
    for order, (name, bound) in enumerate(zip(SUPREMA, sup, strict=True), 1):
        if not stays_below(text, order, bound):
            raise Refused(f"suprema, {name}: |{name}| exceeds {top['suprema'][name]} somewhere")
    yield "4 suprema hold on the whole line, by bisection"
    yield from integrals(text, top["sphere"], d, mean, max(map(upper, sup)))


def agrees(name: str, stated: Any, computed: Fraction) -> None:
    """Refuse a stated bound that is not the computed one."""
    if abs(number(stated, name) - computed) > AGREE * abs(computed):
        raise Refused(f"{name}: {stated} is stated, {float(computed):.15g} was computed")


def inequalities(stated: Any, needed: Mapping[str, tuple[Fraction, str, Fraction]]) -> Iterator[str]:
    """Each inequality as it is stated and as it was computed."""
    if not isinstance(stated, list) or len(stated) != len(needed):
        raise Refused(f"inequalities: needs {len(needed)} of them")
    for entry, (name, (left, relation, right)) in zip(stated, needed.items(), strict=True):
        row = member(entry, ("name", "left", "relation", "right"), "inequalities")
        if row["name"] != name or row["relation"] != relation:
            raise Refused(f"inequalities: needs {name!r} with {relation}, in this order")
        agrees(f"{name}, left side", row["left"], left)
        agrees(f"{name}, right side", row["right"], right)
        if not (left < right if relation == "<" else left <= right):
            raise Refused(f"{name}: {float(left):.15g} {relation} {float(right):.15g} does not hold")
        yield f"{name}: {float(left):.10g} {relation} {float(right):.10g}"


def integrals(text: str, sphere: Any, d_min: int, mean: Mapping[str, Any], largest: Fraction) -> Iterator[str]:
    """The Gaussian means, and those over spheres, by integration here."""
    if not isinstance(sphere, list) or not 1 <= len(sphere) <= 10:
        raise Refused("sphere: needs 1 to 10 dimensions")
    rows = [member(row, ("d", "multiplicity", *SPHERE), "sphere") for row in sphere]
    for row in rows:
        d = whole(row["d"], "sphere, d", max(d_min, LEAST_SAMPLED))
        if whole(row["multiplicity"], "multiplicity", 1) != comb(d + 1, 2) - 1:
            raise Refused(f"multiplicity: {row['multiplicity']} is stated, N({d},2) = {comb(d + 1, 2) - 1}")
    iv.prec = COARSE
    found = means(text, (None, *((row["d"], j) for row in rows for j in (0, 1))))
    # Outside |z| <= 9 lies at most 2 e^{-81/2} of each law.
    outside = 4 * iv.mpf([-1, 1]) * interval(max(largest**2, Fraction(1))) * iv.exp(iv.mpf(-81) / 2)
    for name in MEANS:
        meets(f"means, {name}", mean[name], found[None, name] + outside)
    yield f"{len(MEANS)} Gaussian means, by integration"
    for row in rows:
        for name, (j, function) in SPHERE.items():
            meets(f"sphere, d={row['d']}, {name}", ball(row[name], name), found[(row["d"], j), function] + outside)
        yield f"{len(SPHERE)} means over the sphere at d={row['d']:,}, by integration; N(d,2) = {row['multiplicity']:,}"


def meets(name: str, stated: Any, computed: Any) -> None:
    """Refuse a ball that has no point in common with what was computed."""
    if upper(computed) - lower(computed) > NARROW:
        raise Refused(f"{name}: could not be integrated to nine digits here")
    if lower(stated) > upper(computed) or upper(stated) < lower(computed):
        raise Refused(f"{name}: {float(upper(stated)):.15g} is stated, {float(upper(computed)):.15g} was computed")


def read(path: Path) -> Any:
    """The JSON of a file."""

    def no_number(text: str) -> None:
        raise Refused(f"{text}: is no number")

    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise Refused(f"the file has more than {MOST_BYTES} bytes")
        return json.loads(text.decode("utf-8"), parse_constant=no_number, parse_float=lambda t: t)
    except OSError as error:
        raise Refused(f"the file cannot be read ({error.strerror})") from None
    except Refused:
        raise
    except (ValueError, RecursionError):
        raise Refused("the file is no JSON") from None


def main(arguments: list[str] | None = None) -> int:
    """Check the file that is named; returns the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 1:
        print("usage: python -m verify.check CERTIFICATE", file=sys.stderr)
        return 2
    try:
        for line in check(read(Path(words[0]))):
            print(f"holds: {line}")
    except Refused as reason:
        print(f"refused: {str(reason)[:300]}")
        return 1
    except (ArithmeticError, ValueError):
        print("refused: a number is too large, or a root of a negative number would be taken")
        return 1
    print("The certificate holds.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
