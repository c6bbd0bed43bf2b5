"""A claim: a statement of the theory with a way to hold it against numbers, and a way to see that way fail.

What theory says (``predict``) and what was measured (``observe``) are two functions that meet only here, in
:meth:`Claim.check`, under the names of the comparisons and by the rules stated beforehand. A control replaces one of
the two and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from verify.judging.chance import Chance
from verify.judging.outcome import Interval, Outcome
from verify.judging.rules import Data, DecisionRule, Measurement, Prediction, Rule
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
            raise KeyError(
                f"no record for {cell.specification}: it is not in the claim's design; add it there"
            ) from None


class HypothesisViolated(ValueError):
    """A claim was asked for where its hypotheses do not hold; the sentence says which and the way out."""


Predict = Callable[[Profile], Mapping[str, Prediction | float]]
Simulate = Callable[[Profile, float, Chance], Mapping[Cell, Numbers]]
Observe = Callable[[Profile, Evidence], Mapping[str, "Measurement | Interval | Data"]]


@dataclass(frozen=True)
class Drawing:
    """A figure of a claim.

    Attributes:
        name: a word, which tells a claim's figures apart.
        draw: (case's profile, evidence, figure) -> nothing; draws on a matplotlib Figure.
        width, height: in inches, as the report shows it.
        caption: what its lines and colours are, where the drawing itself does not say it.
    """

    name: str
    draw: Callable[[Profile, Evidence, Any], None]
    width: float = 5.6
    height: float = 3.5
    caption: str = ""


@dataclass(frozen=True)
class World:
    """What a claim's cells would hold if a number of the theory were another; :mod:`verify.judging.worlds` judges it.

    Attributes:
        simulate: (case's profile, truth, chance) -> the numbers of every cell of the case's design, as a cell stores
            them. The truth enters where it would enter a measurement. How much they scatter comes from records of base
            seeds that no verdict uses.
        unit: what the truth is, such as "exponent of n* in d at k = 1", which is k - 1 more at another k. One number
            serves all cases.
        theory: the truth that the claim states.
        rival: that of the nearest rival theory; where there is none, of a constant off by 20 %.
        rival_is: the rival in a few words.
        two_sided: whether a truth as far from the theory on the other side is against the claim too. Bounds have one
            side.
    """

    simulate: Simulate
    unit: str
    theory: float
    rival: float
    rival_is: str
    two_sided: bool = True


@dataclass(frozen=True)
class Control:
    """The claim with an error planted in its prediction or in its data; its outcome must be FAILS.

    Attributes:
        planted: the error in words.
        predict: a wrong prediction in place of the claim's. It may give the altered comparisons alone.
        observe: other data in place of the claim's, such as those of a rival theory; likewise.
        replicates: observations in these data, where they are not as many as the claim's.
        ks: the k at which the error matters; None for every k. A claim says why an error is harmless elsewhere.

    Raises:
        ValueError: unless exactly one of ``predict`` and ``observe`` is given.
    """

    planted: str
    predict: Predict | None = None
    observe: Observe | None = None
    replicates: Callable[[Profile], int] | None = None
    ks: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if (self.predict is None) == (self.observe is None):
            raise ValueError(f"control {self.planted!r}: needs either another prediction or other data, not both")

    def asked(self, case: Case) -> bool:
        """Whether the error matters in a case."""
        return self.ks is None or case.profile.k in self.ks

    def rule(self, rule: Rule, profile: Profile, replaced: Container[str]) -> Rule:
        """A rule of the claim for as many observations as the control has."""
        if self.replicates is None or rule.name not in replaced or not isinstance(rule, DecisionRule):
            return rule
        return replace(rule, replicates=self.replicates(profile))


@dataclass(frozen=True)
class Case:
    """One setting in which a claim is judged: its k and activation.

    Attributes:
        label: such as "k = 2, tanh(z + 1)"; empty when there is only one case.
        profile: the sizes with that k and that activation.
    """

    label: str
    profile: Profile


def only_one(profile: Profile) -> tuple[int, ...]:
    """k = 1 alone."""
    return (1,)


def unsaid(profile: Profile, evidence: Evidence) -> str:
    """No description beyond the claim's own words."""
    return ""


def nothing(profile: Profile, evidence: Evidence) -> tuple[str, ...]:
    """No obstacle."""
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
        design: case's profile -> every cell that ``observe``, the controls and the figure need.
        rules: case's profile -> how each comparison is decided; the rules' names join the other two.
        predict: case's profile -> what theory says, by name of the comparison.
        observe: (case's profile, evidence) -> what was measured, by name of the comparison.
        controls: planted errors, each in the prediction or in the data.
        describe: (case's profile, evidence) -> how it was measured, in a few sentences.
        figure: draws the evidence of a case on a matplotlib Axes; without any figure the comparisons themselves are
            drawn.
        drawings: further figures, each on a matplotlib Figure of its own.
        equations: labels of equations in docs/mathematics that the claim checks.
        obstacles: (case's profile, evidence) -> what in the data forbids to conclude that the claim holds, in
            sentences.
        world: how the design's cells would look if another number were true, such as another exponent; None where no
            such world is written down.
        repetitions: fields of the profile, as in "spectral.block_replicates", that count the independent repetitions of
            the statistical comparisons: :mod:`verify.judging.looks` doubles them where a verdict is open.
        ks: the k for which the profile has the claim judged.
        activations: "each" - judged for every activation of the profile; "pooled" - the profile's activations share
            the repetitions; "none" - the claim is not about one.
        file: where it is written, relative to the project; filled by the registry.
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
    rules: Callable[[Profile], tuple[Rule, ...]]
    predict: Predict
    observe: Observe
    controls: tuple[Control, ...]
    describe: Callable[[Profile, Evidence], str] = unsaid
    figure: Callable[[Profile, Evidence, Any], None] | None = None
    drawings: tuple[Drawing, ...] = ()
    equations: tuple[str, ...] = ()
    obstacles: Callable[[Profile, Evidence], tuple[str, ...]] = nothing
    world: World | None = None
    repetitions: tuple[str, ...] = ()
    ks: Callable[[Profile], tuple[int, ...]] = only_one
    activations: Literal["each", "pooled", "none"] = "each"
    file: str = ""

    def check(
        self, profile: Profile, evidence: Evidence, control: Control | None = None, share: float = 1.0
    ) -> Outcome:
        """Hold the prediction against the data, comparison by comparison, or a control's in their place.

        Args:
            profile: of a case.
            evidence: the numbers of the design's cells.
            control: whose prediction or data replaces the claim's, name by name.
            share: of every level, in (0, 1], see :mod:`verify.judging.looks`.

        Raises:
            ValueError: rules, predictions and measurements that are not about the same comparisons.
            Unusable: numbers from which nothing follows.
        """
        predictions, measurements = dict(self.predict(profile)), dict(self.observe(profile, evidence))
        rules = list(self.rules(profile))
        names = [rule.name for rule in rules]
        if control is not None and control.predict is not None:
            predictions |= control.predict(profile)
        if control is not None and control.observe is not None:
            other = control.observe(profile, evidence)
            measurements |= other
            rules = [control.rule(rule, profile, other) for rule in rules]
        for what, found in (("predicted", predictions), ("observed", measurements)):
            if sorted(found) != sorted(names):
                only = {what: set(found) - set(names), "stated by a rule": set(names) - set(found)}
                odd = "; ".join(f"{', '.join(sorted(some))}: only {where}" for where, some in only.items() if some)
                raise ValueError(
                    f"claim {self.id}: what is {what} and the rules differ: {odd or 'a rule stated twice'}"
                )
        try:
            comparisons = tuple(
                rule.compare(Prediction.of(predictions[rule.name]), _measurement(measurements[rule.name]), share)
                for rule in rules
            )
        except ValueError as error:
            if type(error) is ValueError:  # another kind says which numbers cannot be used
                raise ValueError(f"claim {self.id}: {error}") from None
            raise
        sentence = self.describe(profile, evidence) if control is None else ""
        return Outcome(comparisons, sentence, self.obstacles(profile, evidence), share)

    def _repr_html_(self) -> str:
        """What it says, for a notebook."""
        from verify.judging.showing import claim_page

        return claim_page(self)

    def cases(self, profile: Profile) -> tuple[Case, ...]:
        """Every setting in which the profile has this claim judged, k by k."""
        ks = self.ks(profile)
        each = self.activations == "each"
        cases = []
        for k in ks:
            for chosen in [(a,) for a in profile.activations] if each else [profile.activations]:
                name = chosen[0] if each and len(profile.activations) > 1 else ""
                parts = [f"k = {k}" if len(ks) > 1 else "", name]
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


def _measurement(given: Measurement | Interval | Data) -> Measurement:
    return given if isinstance(given, Measurement) else Measurement(given)
