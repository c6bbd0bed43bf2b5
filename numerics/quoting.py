"""How refusals quote what a caller passed in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from theory.harmonics.sphere import shown as written

MOST = 100
"""Characters of a quotation."""


def shown(value: Any) -> str:
    """A value as one line of at most 100 characters: an array by its shape, a long text cut.

    >>> shown(1.5), shown("a" * 200)[-8:], shown(np.zeros((2, 3)))
    ('1.5', 'aaaaa...', 'ndarray of shape (2, 3)')
    """
    if isinstance(value, torch.Tensor | np.ndarray) and value.ndim:
        return f"{type(value).__name__} of shape {tuple(value.shape)}"
    text = " ".join(written(value).split())
    return text if len(text) <= MOST else f"{text[: MOST - 3]}..."
