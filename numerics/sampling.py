"""Random inputs - uniform on a sphere, or Gaussian - inputs of one's own, and random generators with checked seeds."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import torch

from numerics.inputs import Array, finite, floating, integer, number, one_seed, placed, plain, tensor
from numerics.memory import DRAWS, require
from numerics.precision import full_precision
from numerics.quoting import shown
from numerics.scale import rows
from theory.harmonics.sphere import integer_dimension

__all__ = ["gaussian", "generator", "sphere", "to_sphere"]


@full_precision
def generator(seed: int, device: torch.device | str = "cpu", *, purpose: str = "") -> torch.Generator:
    """A torch generator on ``device``: seed and purpose together name a stream.

    Without a purpose it is the stream from which networks, targets and random subspaces of that seed are drawn:
    the first point of ``sphere(n, d, 1.0, generator(0))`` can then be the direction of a target of seed 0.
    Inputs that are to be independent of them have a purpose, as in ``generator(0, purpose="inputs")``; a random
    subspace has another seed than the network.

    On a CPU torch keeps the seed modulo 2^32: seeds that differ by a multiple of it start one and the same stream.

    Args:
        seed: 0 <= seed < 2^64.
        device: "cpu" or "cuda".
        purpose: any text; it is hashed with the seed.

    Raises:
        ValueError: a seed that is no such integer, a purpose that is no text, or a device that is not there.
    """
    number = one_seed(seed)
    if not isinstance(purpose, str):
        raise ValueError(f"purpose={shown(purpose)}: needs a text, such as 'inputs'")
    if purpose:
        number = int.from_bytes(hashlib.sha256(f"{number} {purpose}".encode()).digest()[:8], "big")
    return torch.Generator(device=placed(device)).manual_seed(number)


@full_precision
def sphere(
    n: int,
    d: int,
    radius: float,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float64,
) -> torch.Tensor:
    """``n`` independent uniform points of S^{d-1}(radius), shape (n, d), on the generator's device.

    Raises:
        ValueError: n < 1, d < 3, a radius that is not positive and finite or not in the range of the dtype, or another
            dtype than float32 and float64.
        WouldNotFit: the points do not fit in memory.

    Cost: n d Gaussian draws.
    """
    radius = number(radius, "radius", "a positive finite radius, sqrt(d) for inputs, 1 for weights")
    points = gaussian(n, d, generator, dtype)
    return _on_sphere(points, representable(radius, points))


@full_precision
def gaussian(n: int, d: int, generator: torch.Generator, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """``n`` independent standard Gaussian points of R^d, shape (n, d), on the generator's device: E|x|^2 = d.

    Raises:
        ValueError: n < 1, d < 3, or another dtype than float32 and float64.
        WouldNotFit: the points do not fit in memory.

    Cost: n d Gaussian draws.
    """
    n, d = integer(n, "n"), integer_dimension(plain(d))
    generator = random_generator(generator)
    size = 2 * d * floating(dtype).itemsize  # twice: the points, and what is made of them
    purpose, device = f"{n} points in d={d}", generator.device
    require(size * n, purpose, device, lambda there: f"n <= {there // size} would fit", DRAWS)
    return torch.randn(n, d, generator=generator, dtype=dtype, device=device)


def random_generator(value: Any) -> torch.Generator:
    """``value`` when it is a generator of torch."""
    if not isinstance(value, torch.Generator):
        raise ValueError(f"generator={shown(value)}: needs a torch.Generator; use numerics.generator(seed)")
    return value


@full_precision
def to_sphere(x: Array, radius: float | None = None) -> torch.Tensor:
    """Every row of x divided by its norm, times ``radius``: inputs of one's own on the sphere that the theory assumes.

    Args:
        x: inputs, (n, d) or (..., d), d >= 3: a tensor, an array, a list or a pandas table of numbers.
        radius: of the sphere; sqrt(d) when None, 1 for directions.

    Returns:
        A tensor of the shape of x, in float32 where x has that, else in float64.

    Raises:
        ValueError: no numbers, entries that are not finite, d < 3, a row that is zero, or a radius that is not positive
            and finite or not in the range of the dtype.

    Cost: 4 n d multiplications. The lengths are lost: standardise the columns first where their scales differ.
    """
    x = finite(tensor(x, "x"), "x")
    d = integer_dimension(x.shape[-1] if x.ndim else 0)
    size = math.sqrt(d) if radius is None else number(radius, "radius", "a positive finite radius")
    if not bool(x.any(-1).all()):
        raise ValueError("x has a row of length zero: no point of the sphere; leave it out")
    return _on_sphere(x, representable(size, x))


def representable(radius: float, points: torch.Tensor) -> float:
    """A radius whose points keep their digits in the dtype of ``points``; ValueError for another."""
    number = torch.finfo(points.dtype)
    least, most = number.tiny / number.eps, number.max / 2
    if not least <= radius <= most:
        wanted = f"a radius from {least:.1e} to {most:.1e}, the range of {points.dtype}"
        raise ValueError(f"radius={radius:g}: needs {wanted}; use another unit of length")
    return radius


def _on_sphere(x: torch.Tensor, radius: float) -> torch.Tensor:
    scaled, lengths, _ = rows(x)
    return scaled * (radius / lengths)
