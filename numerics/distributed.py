r"""One network whose neurons are shared among processes, on torch.distributed.

Each of the ``world`` processes keeps m / (2 world) consecutive pairs, both copies of each. Sums over neurons are
reduced; everything that is a function of inputs or of coordinates (predictions, losses, features, Gram matrices) is
then complete, and equal in every bit, in every process. A displacement is kept in parts, (..., m / world, d), first
the plus copies, then the minus copies.

    torchrun --nproc-per-node 2 script.py

    with process_group() as device:
        network = ShardedNetwork(d, m, activation, device=device)

Every process must make the same calls in the same order, with the same inputs: one that stops early or skips an
evaluation leaves the others waiting.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
import torch.distributed as dist

from numerics.inputs import plain
from numerics.network import TwoLayerNetwork
from numerics.precision import full_precision
from numerics.quoting import shown
from theory.activations import ActivationLike
from theory.network.taylor import check_width

ENVIRONMENT = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""Variables that torchrun sets in each process it starts."""


@contextmanager
def process_group(kind: Literal["cpu", "cuda"] = "cpu") -> Iterator[torch.device]:
    """The default process group, from the variables that torchrun sets; yields the device of this process.

    gloo on "cpu"; nccl on "cuda", with the card LOCAL_RANK of this machine. The group is destroyed on exit.

    Raises:
        ValueError: an unknown kind.
        RuntimeError: a variable is missing because the process was not started by torchrun, or there are fewer cards
            than processes on this machine.
    """
    if kind not in ("cpu", "cuda"):
        raise ValueError(f"kind={shown(kind)}: needs 'cpu' or 'cuda'")
    missing = [name for name in ENVIRONMENT if name not in os.environ]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} not set: start with  torchrun --nproc-per-node 2 script.py")
    device = torch.device(kind)
    if kind == "cuda":
        local, cards = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= cards:
            raise RuntimeError(f"LOCAL_RANK={local}: needs a card for each process, {cards} here; use fewer processes")
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
        dist.init_process_group("nccl", device_id=device)
    else:
        dist.init_process_group("gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


@full_precision
class ShardedNetwork(TwoLayerNetwork):
    """A :class:`TwoLayerNetwork` whose pairs of neurons are shared equally among processes.

    It is the same network, weight for weight, as TwoLayerNetwork with the same seed.

    Args:
        d, m, activation, seed, dtype, device: of the whole network.
        group: the processes that share it; None for the default group.

    Attributes:
        m: width of the whole network. half, w, a: of the pairs kept here, (..., m / (2 world), d) and so on.

    Raises:
        RuntimeError: no process group.
        ValueError: m/2 is not divisible by the number of processes, a process outside ``group``, or what
            :class:`TwoLayerNetwork` raises.

    Cost: every process draws all m d / 2 numbers, in main memory, and keeps its share.
    """

    def __init__(
        self,
        d: int,
        m: int,
        activation: ActivationLike,
        seed: int | Sequence[int] = 0,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
        group: dist.ProcessGroup | None = None,
    ) -> None:
        if not dist.is_initialized():
            raise RuntimeError("no process group: build the network inside numerics.distributed.process_group()")
        self.group, self.rank, self.world = group, dist.get_rank(group), dist.get_world_size(group)
        if self.rank < 0:
            raise ValueError(f"group={shown(group)}: needs a group that holds this process")
        if check_width(plain(m)) % (2 * self.world):
            raise ValueError(f"m={m}: needs m/2 divisible by the number of processes, {self.world}")
        super().__init__(d, m, activation, seed, dtype, device)

    @property
    def first_pair(self) -> int:
        """Position of the pairs kept here among all m/2."""
        return self.rank * self.pairs

    @property
    def pairs(self) -> int:
        """Number of pairs kept here."""
        return self.m // (2 * self.world)

    def reduce(self, partial: torch.Tensor) -> torch.Tensor:
        """Sum over the processes, the same in every bit in each. ``partial`` is left as it is."""
        total = _detached(partial).clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=self.group)
        return total

    def gather(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows (..., m/2, c) of all pairs, in order, from those kept here, (..., m / (2 world), c)."""
        if rows.ndim < 2 or rows.shape[-2] != self.pairs:
            raise ValueError(f"rows of shape {tuple(rows.shape)}: needs (..., {self.pairs}, c)")
        own = _detached(rows).movedim(-2, 0).contiguous()
        every = own.new_empty(self.m // 2, *own.shape[1:])
        dist.all_gather(list(every.chunk(self.world)), own, group=self.group)
        return every.movedim(0, -2)


def _detached(partial: torch.Tensor) -> torch.Tensor:
    """``partial``, unless autograd follows it: a graph ends at the border of the process, so it would be wrong."""
    if partial.requires_grad:
        raise RuntimeError("autograd stops between processes; use Objective.value_and_gradient, or torch.no_grad()")
    return partial
