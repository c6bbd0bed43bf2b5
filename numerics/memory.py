"""Memory asked for before it is taken: an error that says what would fit, instead of a killed process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import torch

SMALL = 64 * 2**20
"""Bytes below which nothing is looked up: requests of this size cost less than reading the limits."""

DRAWS = 64 * 2**20
"""The same for random draws of points and weights, and for quadrature rules."""

BLOCK_ROWS = 128
"""Rows of a block at the least: a product of few rows with a matrix takes as long as the reading of the matrix."""

BLOCK_MOST = 2**21
"""Numbers up to which a block grows for the sake of its rows."""

_GIB = 2**30


class WouldNotFit(MemoryError):
    """An allocation that was not tried because it exceeds the memory there."""


def by_kind(table: Mapping[str, int], device: torch.device | str) -> int:
    """The entry of ``table`` for the kind of device, "cpu" or "cuda"; that of a card where it has none."""
    return table.get(torch.device(device).type, table["cuda"])


def block_rows(numbers: Mapping[str, int], device: torch.device | str, width: int) -> int:
    """Rows of a block of ``width`` columns, one at least.

    As many as make the numbers for this kind of device; :data:`BLOCK_ROWS` where those are fewer, but no more than
    make :data:`BLOCK_MOST` numbers.
    """
    return max(by_kind(numbers, device) // width, min(BLOCK_ROWS, BLOCK_MOST // width), 1)


def available_bytes(device: torch.device | str) -> int:
    """Bytes that a new allocation on ``device`` can take.

    CUDA: free on the card plus what torch's allocator holds unused. Otherwise the least of the kernel's MemAvailable
    and, for the control groups (v1 or v2) of this process, limit - usage + reclaimable page cache, where readable.
    """
    device = torch.device(device)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return min([_kernel_available(), *_group_available()])


def require(
    count_bytes: int,
    purpose: str,
    device: torch.device | str,
    remedy: str | Callable[[int], str],
    small: int | None = None,
) -> None:
    """Raise unless ``count_bytes`` more bytes fit on ``device``.

    Args:
        count_bytes: of everything about to be allocated.
        purpose: what for, with its sizes.
        device: where.
        remedy: what would fit; a function gets the bytes available.
        small: bytes below which nothing is looked up; :data:`SMALL` when None.

    Raises:
        WouldNotFit: naming purpose, GiB needed, GiB there, and the remedy.

    Cost: nothing below 64 MiB, else a few small reads from /proc and /sys.
    """
    if count_bytes < (SMALL if small is None else small):
        return
    there = available_bytes(device)
    if count_bytes > there:
        fits = remedy if isinstance(remedy, str) else remedy(there)
        raise WouldNotFit(f"{purpose}: needs {_gib(count_bytes)} on {device}, {_gib(there)} there; {fits}")


def out_of_memory(error: RuntimeError) -> bool:
    """Whether torch raised ``error`` because an allocation failed: its class says so on a card only."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _gib(count_bytes: int) -> str:
    if count_bytes < 10**6 * _GIB:
        return f"{count_bytes / _GIB:.2f} GiB"
    return f"{Decimal(count_bytes) / _GIB:.3g} GiB"  # beyond the largest float, too


def _kernel_available(path: Path = Path("/proc/meminfo")) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:  # not Linux: no limit is known
        return 2**63 - 1
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), 2**63 - 1)


def _group_available(groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """Room under each readable limit, from the group of this process up to the root: every one of them binds."""
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, limit, usage, cache = root, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            top, limit, usage = root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            cache = "total_inactive_file"
        else:
            continue
        # In a container the path may name a folder of the host that is not mounted here; its root then is.
        folder = top / path.lstrip("/")
        for group in [folder, *folder.parents]:
            if group.is_relative_to(top):
                try:
                    used = int((group / usage).read_text()) - _reclaimable(group, cache)
                    yield max(0, int((group / limit).read_text()) - used)
                except (OSError, ValueError):  # no such file, or no limit: "max"
                    continue


def _reclaimable(group: Path, name: str) -> int:
    lines = (group / "memory.stat").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.split()[0] == name), 0)
