"""Equality by value for results that hold tensors, of which torch's own == gives a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from flint import arb


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same: NaN is NaN, and a ball is a ball of the same midpoint and radius.

    Tensors have the same dtype, device, shape and entries; mappings and sequences are compared entry by entry.
    """
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        alike = (a.dtype, a.device, a.shape) == (b.dtype, b.device, b.shape)
        return alike and bool(((a == b) | ((a != a) & (b != b))).all())
    if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
        return False
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, arb) and isinstance(b, arb):
        return _exactly(a) == _exactly(b)
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (a != a and b != b)
    return bool(a == b)


def _exactly(ball: arb) -> Any:
    """Midpoint and radius, which == of balls does not compare: it asks whether their numbers must be equal."""
    if not ball.is_finite():
        return str(ball)
    return tuple(tuple(map(int, part.man_exp())) for part in (ball.mid(), ball.rad()))


def _summary(value: Any) -> Any:
    """A part of the value that can be hashed: of a tensor its shape, of a mapping its keys."""
    if isinstance(value, torch.Tensor):
        return tuple(value.shape)
    if isinstance(value, Mapping):
        return frozenset(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(_summary, value))
    if isinstance(value, arb):
        return _exactly(value)
    return None if isinstance(value, float) and value != value else hash(value)


class ByValue:
    """Base of a frozen dataclass (``eq=False``) that is equal to another of its class where all fields are the same.

    Fields with ``compare=False`` take no part. Equal ones have the same hash, so that they can be keys and members of
    sets; the hash knows the shapes of tensors alone, and large sets of them are slow.
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(same(getattr(self, name), getattr(other, name)) for name in _compared(self))

    def __hash__(self) -> int:
        return hash((type(self), *(_summary(getattr(self, name)) for name in _compared(self))))


def _compared(record: Any) -> list[str]:
    return [field.name for field in fields(record) if field.compare]
