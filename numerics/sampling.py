"""Uniform points on a sphere, and generators seeded by coordinates."""

from __future__ import annotations

import torch

from theory.sphere import integer_dimension

__all__ = ["generator", "sphere"]


def generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator on ``device`` with the given seed."""
    return torch.Generator(device=device).manual_seed(int(seed))


def check_samples(n: int, name: str = "n") -> int:
    """Return ``n`` when it is an integer >= 1; ValueError otherwise."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"{name}={n!r}: needs an integer {name} >= 1")
    return n


def sphere(
    n: int,
    d: int,
    radius: float,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float64,
) -> torch.Tensor:
    """``n`` independent uniform points of S^{d-1}(radius), shape (n, d), on the generator's device.

    Raises:
        ValueError: n < 1, d < 3 or a radius that is not positive and finite.

    Cost: n d Gaussian draws.
    """
    check_samples(n)
    integer_dimension(d)
    if not 0 < radius < float("inf"):
        raise ValueError(f"radius={radius!r}: needs a positive finite radius, sqrt(d) for inputs, 1 for weights")
    points = torch.randn(n, d, generator=generator, dtype=dtype, device=generator.device)
    return points * (radius / points.norm(dim=1, keepdim=True))
