"""A claim: a statement of the theory with a way to hold it against numbers, and a way to see that way fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from verify.judging.decision import DecisionRule
from verify.judging.outcome import Outcome
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import Profile


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


Check = Callable[[Profile, Evidence], Outcome]


@dataclass(frozen=True)
class Control:
    """The check of a claim with an error planted; its outcome must be FAILS.

    Attributes:
        planted: the error in words.
        check: as the claim's.
        orders: the k at which the error matters; None for every k. A claim says why an error is harmless elsewhere.
    """

    planted: str
    check: Check
    orders: tuple[int, ...] | None = None

    def asked(self, case: Case) -> bool:
        """Whether the error matters in a case."""
        return self.orders is None or case.profile.k in self.orders


@dataclass(frozen=True)
class Case:
    """One setting in which a claim is judged: its k and activation.

    Attributes:
        label: such as "k = 2, tanh(z + 1)"; empty when there is only one case.
        profile: the sizes with that k and that activation.
    """

    label: str
    profile: Profile


def first_order(profile: Profile) -> tuple[int, ...]:
    """k = 1 alone."""
    return (1,)


def no_rules(profile: Profile) -> tuple[DecisionRule, ...]:
    """For checks without chance."""
    return ()


@dataclass(frozen=True)
class Claim:
    """Frozen data and functions; the functions are pure.

    Attributes:
        id: such as "S1".
        title: a few words.
        statement: LaTeX, without dollar signs.
        source: the paper, or where it is derived.
        why: why it should hold, in a few sentences.
        refuted_by: what would refute it.
        hypotheses: what must hold of a case; each raises :class:`HypothesisViolated`, and the claim is then
            INCONCLUSIVE with that reason.
        depends_on: ids of claims that this one builds on.
        design: case's profile -> every cell that check and controls need.
        check: (case's profile, evidence) -> outcome.
        controls: the same check with planted errors.
        figure: draws the evidence of a case on a matplotlib Axes.
        rules: the statistical decision rules of the check, which ``escape-ntk calibrate`` simulates.
        orders: the k for which the profile has the claim judged.
        activations: "each" - judged for every activation of the profile; "pooled" - the profile's activations share
            the repetitions; "none" - the claim is not about one.
    """

    id: str
    title: str
    statement: str
    source: str
    why: str
    refuted_by: str
    hypotheses: tuple[Callable[[Profile], None], ...]
    depends_on: tuple[str, ...]
    design: Callable[[Profile], tuple[Cell, ...]]
    check: Check
    controls: tuple[Control, ...]
    figure: Callable[[Profile, Evidence, Any], None]
    rules: Callable[[Profile], tuple[DecisionRule, ...]] = no_rules
    orders: Callable[[Profile], tuple[int, ...]] = first_order
    activations: Literal["each", "pooled", "none"] = "each"

    def cases(self, profile: Profile) -> tuple[Case, ...]:
        """Every setting in which the profile has this claim judged, k by k."""
        orders = self.orders(profile)
        each = self.activations == "each"
        cases = []
        for k in orders:
            for chosen in [(a,) for a in profile.activations] if each else [profile.activations]:
                name = chosen[0] if each and len(profile.activations) > 1 else ""
                parts = [f"k = {k}" if len(orders) > 1 else "", name]
                view = profile.model_copy(update={"k": k, "activations": chosen})
                cases.append(Case(", ".join(part for part in parts if part), view))
        return tuple(cases)

    def require(self, profile: Profile) -> None:
        """Check every hypothesis in a case.

        Raises:
            HypothesisViolated: naming the value, the requirement and the way out.
        """
        for hypothesis in self.hypotheses:
            hypothesis(profile)
