"""A claim: a statement of the theory with a way to hold it against numbers, and a way to see that way fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from verify.experiment import Cell, Numbers
from verify.outcome import Outcome
from verify.profile import Profile


class Evidence:
    """Stored numbers, looked up by cell. Judging may read it and nothing else."""

    def __init__(self, numbers: Mapping[Cell, Numbers]) -> None:
        self._numbers = numbers

    def __getitem__(self, cell: Cell) -> Numbers:
        try:
            return self._numbers[cell]
        except KeyError:
            raise KeyError(f"no record for {cell.specification}: it is not in the claim's design") from None


class HypothesisViolated(ValueError):
    """A claim was asked for where its hypotheses do not hold; the sentence says which and the way out."""


@dataclass(frozen=True)
class Claim:
    """Frozen data and functions; the functions are pure.

    Attributes:
        id: such as "S1".
        title: a few words.
        statement: LaTeX, without dollar signs.
        source: the paper, or where it is derived.
        hypotheses: what must hold of the profile; each raises :class:`HypothesisViolated`.
        depends_on: ids of claims that this one builds on.
        design: profile -> every cell that check and control need.
        check: (profile, evidence) -> outcome.
        control: the same check with a planted error; its outcome must be FAILS.
        planted: the planted error in words.
        figure: draws the evidence on a matplotlib Axes.
    """

    id: str
    title: str
    statement: str
    source: str
    hypotheses: tuple[Callable[[Profile], None], ...]
    depends_on: tuple[str, ...]
    design: Callable[[Profile], tuple[Cell, ...]]
    check: Callable[[Profile, Evidence], Outcome]
    control: Callable[[Profile, Evidence], Outcome]
    planted: str
    figure: Callable[[Profile, Evidence, Any], None]

    def require(self, profile: Profile) -> None:
        """Check every hypothesis.

        Raises:
            HypothesisViolated: naming the value, the requirement and the way out.
        """
        for hypothesis in self.hypotheses:
            hypothesis(profile)
