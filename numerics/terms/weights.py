r"""Penalty weights of the regularisers, and the loss with its parts (docs/mathematics, section 5)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import torch

from numerics.batches import member_index
from numerics.equality import ByValue
from numerics.inputs import number, plain
from numerics.quoting import shown

R1Mode = Literal["exact", "training", "unlabeled"]
R1_MODES = ("exact", "training", "unlabeled")


@dataclass(frozen=True)
class PenaltyWeights:
    r"""Penalty weights l1..l4 of the regularisers, and which forms they take.

    Attributes:
        r1: l1, on \|f_L(.; P_{>k} W)\|^2, summed over ``r1_modes``.
        r2: l2, on \|f_Q(.; P_{<=k} W)\|^2. At antisymmetric initialisation R2 is zero for every W, as a good
            displacement (p, -p) has f_Q = 0 identically, so l2 has no effect on any result.
        r3: l3, on \|f_Q(.; P_{<=k} W, P_{>k} W)\|^2, a mean over the training inputs.
        r4: l4, on \|W\|_{2,4} to the power ``r4_power``.
        r1_modes: any of "exact" (in population, through Sigma), "unlabeled" (mean over a sample without labels) and
            "training" (mean over the training inputs); () switches R1 off.
        r4_power: 4 or 8.

    Raises:
        ValueError: a weight that is negative or not finite, or an unknown mode or power.
    """

    r1: float = 1.0
    r2: float = 1.0
    r3: float = 1.0
    r4: float = 3e-3
    r1_modes: tuple[R1Mode, ...] = ("exact", "training")
    r4_power: Literal[4, 8] = 4

    def __post_init__(self) -> None:
        for name in ("r1", "r2", "r3", "r4"):
            object.__setattr__(self, name, number(getattr(self, name), name, "a finite weight >= 0", zero=True))
        modes = self.r1_modes
        if (
            not isinstance(modes, tuple)
            or not all(isinstance(mode, str) and mode in R1_MODES for mode in modes)
            or len(set(modes)) < len(modes)
        ):
            raise ValueError(f"r1_modes={shown(modes)}: needs a tuple of distinct modes out of {', '.join(R1_MODES)}")
        object.__setattr__(self, "r4_power", plain(self.r4_power))
        if type(self.r4_power) is not int or self.r4_power not in (4, 8):
            raise ValueError(f"r4_power={shown(self.r4_power)}: needs 4 or 8")

    def uses(self, mode: R1Mode) -> bool:
        """Whether R1 enters the loss in this mode."""
        return self.r1 > 0 and mode in self.r1_modes


@dataclass(frozen=True, eq=False)
class Parts(ByValue):
    """The loss and its parts at one W, each a tensor of shape batch: () for one network.

    ``total`` is weighted, the regularisers are not. A part that does not enter the loss is not computed and is NaN; r2
    is zero by the theorem that :class:`PenaltyWeights` states.
    """

    total: torch.Tensor
    data: torch.Tensor
    r1_exact: torch.Tensor
    r1_training: torch.Tensor
    r1_unlabeled: torch.Tensor
    r1_fresh: torch.Tensor
    r2: torch.Tensor
    r3: torch.Tensor
    r4: torch.Tensor

    def numbers(self) -> dict[str, float]:
        """The parts of one network as floats, by name. Raises ValueError on a batch: use :meth:`member` first."""
        if self.total.ndim:
            raise ValueError(f"parts of batch {tuple(self.total.shape)}: take member(i)")
        return {field.name: float(getattr(self, field.name)) for field in fields(self)}

    def member(self, index: int) -> Parts:
        """The parts of network ``index`` of a batch; IndexError without one, or outside."""
        index = member_index(index, tuple(self.total.shape))
        return Parts(**{field.name: getattr(self, field.name)[index] for field in fields(self)})
