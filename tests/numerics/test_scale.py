"""Lengths and norms whose squares leave the range of the dtype, against exact fractions."""

import math
from fractions import Fraction

import pytest
import torch

from numerics import gaussian, generator
from numerics.scale import homogeneous, norm, regained, rows, units

SIZES = {torch.float32: (1e-44, 1e-30, 1e-22, 1e20, 1e38), torch.float64: (1e-322, 1e-200, 1e-162, 1e160, 1e307)}


def whole(part: torch.Tensor) -> torch.Tensor:
    return part


def exact(values: torch.Tensor) -> float:
    """The Euclidean norm of stored numbers: the root of a sum of exact squares."""
    square = sum(Fraction(float(value)) ** 2 for value in values.flatten())
    shift = 2 ** (2 * max(0, 600 - square.numerator.bit_length() + square.denominator.bit_length()))
    return float(Fraction(math.isqrt(int(square * shift)), math.isqrt(shift)))


def test_units_are_the_powers_of_two_below(dtype: torch.dtype) -> None:
    sizes = torch.tensor([*SIZES[dtype], 1.0, 3.99, 2.0**-5, 0.0, math.inf], dtype=dtype)
    expected = [2.0 ** (math.frexp(float(size))[1] - 1) for size in sizes[:-2]] + [1.0, 1.0]
    assert units(sizes).tolist() == expected


def test_rows_and_norms_at_every_scale(dtype: torch.dtype) -> None:
    eps = torch.finfo(dtype).eps
    for size in SIZES[dtype]:
        V = (gaussian(4, 3, generator(0)).clamp(-1, 1) * size).to(dtype)
        _, lengths, unit = rows(V)
        for row, length, scale in zip(V, lengths, unit, strict=True):
            assert float(length) * float(scale) == pytest.approx(exact(row), rel=4 * eps)
        # Where the norm itself is a multiple of the least number, that is its rounding.
        least = torch.finfo(dtype).tiny * eps
        assert float(norm(V, whole)) == pytest.approx(exact(V), rel=4 * eps, abs=least)
    V = gaussian(4, 3, generator(0), dtype)
    assert torch.equal(norm(V, whole), V.square().sum().sqrt()), "to the bit where nothing leaves the range"
    both = torch.stack([V, V * SIZES[dtype][1], 0 * V])
    assert norm(both, whole).tolist() == [pytest.approx(exact(part), rel=4 * eps) for part in both]
    assert not math.isfinite(float(norm(V * math.nan, whole)))


def test_forms_are_right_or_refused() -> None:
    V = gaussian(4, 3, generator(0))

    def form(W: torch.Tensor) -> torch.Tensor:
        return W.square().sum((-2, -1))

    assert torch.equal(homogeneous(V, whole, form, "it"), form(V))
    assert float(homogeneous(V * 1e-153, whole, form, "it")) == pytest.approx(float(form(V)) * 1e-306, rel=1e-14)
    for size, word in ((1e-170, "underflows"), (1e170, "overflows")):
        with pytest.raises(ValueError, match=f"it {word}: W is too .* for torch.float64; use another scale"):
            homogeneous(V * size, whole, form, "it")
    assert float(homogeneous(V * 0, whole, form, "it")) == 0
    assert float(regained(torch.zeros(()), 1e-30, "it", "W is")) == 0
