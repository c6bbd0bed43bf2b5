"""Matrix products in full float32: TF32 and bfloat16 shortcuts are off unless asked for.

torch lets a process trade digits for speed globally (``torch.set_float32_matmul_precision``); an import or a notebook
cell elsewhere may have done so. Every computation of this package runs under :func:`full_precision`, which sets the
process back to "highest" for its duration, unless :class:`allow_tf32` is active.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")

_asked: ContextVar[bool] = ContextVar("tf32_asked", default=False)


@contextmanager
def allow_tf32() -> Iterator[None]:
    """Within this context float32 products may use TF32 (10 bits of mantissa) where the device has it.

    Relative errors of a product then reach about 1e-3; float64 is not affected.
    """
    token = _asked.set(True)
    try:
        yield
    finally:
        _asked.reset(token)


def full_precision(function: Callable[P, R]) -> Callable[P, R]:
    """Run ``function`` with float32 products in full precision, or in TF32 inside :func:`allow_tf32`."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        wanted = "high" if _asked.get() else "highest"
        before = torch.get_float32_matmul_precision()
        if before == wanted:
            return function(*args, **kwargs)
        torch.set_float32_matmul_precision(wanted)
        try:
            return function(*args, **kwargs)
        finally:
            torch.set_float32_matmul_precision(before)

    return wrapped
