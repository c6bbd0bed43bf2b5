"""One network of a batch, and what belongs to it."""

from __future__ import annotations

from typing import Any

from numerics.inputs import plain
from numerics.quoting import shown


def member_index(index: Any, batch: tuple[int, ...]) -> int:
    """``index`` of a network of a batch, from 0 on; IndexError otherwise, also where there is no batch."""
    found = plain(index)
    if not batch:
        raise IndexError(f"index={shown(index)}: there is one network alone, no batch to take a member of")
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < batch[0]:
        raise IndexError(f"index={shown(index)}: needs an integer from 0 to {batch[0] - 1}, in a batch {batch}")
    return found
