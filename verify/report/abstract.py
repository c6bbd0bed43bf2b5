"""The sentences of the paper's abstract, in our words, each with the claims that speak to it, as a run found them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from verify.judging.grade import Grade, lowest
from verify.judging.judgement import Judgement
from verify.judging.outcome import Verdict


@dataclass(frozen=True)
class Sentence:
    """What the abstract says, and the ids of the claims that verify it."""

    says: str
    claims: tuple[str, ...]


ABSTRACT = (
    Sentence("The NTK learns dense polynomials with as few samples as any method can.", ("N7", "N1")),
    Sentence("It learns no features, and needs many samples for sparse polynomials.", ("N2",)),
    Sentence("The QuadNTK learns sparse polynomials from few samples.", ("N4", "N8", "G3")),
    Sentence(
        "The spectrum of the NTK names the directions in which the weights may move without harm.",
        ("S5", "S7", "G1", "G2", "N9"),
    ),
    Sentence("One wide network can use both terms at once, which neither can alone.", ("G5", "E1", "N5", "N6")),
    Sentence(
        "Gradient descent on the regularised loss converges to a global minimiser.",
        ("O1", "O2", "O3", "O5", "O6", "N10"),
    ),
    Sentence("The minimiser has low test error, from fewer samples than the NTK or the QuadNTK needs.", ("N10", "N3")),
)


@dataclass(frozen=True)
class Verified:
    """A sentence as a run saw it.

    Attributes:
        says: the sentence. judged: its claims that the run judged. missing: ids of the others.
        sizes: ranges of d, m and n over the cells of its claims, and k, in words.
    """

    says: str
    judged: tuple[Judgement, ...]
    missing: tuple[str, ...]
    sizes: str

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict of its claims; None where the run judged none of them."""
        order = (Verdict.FAILS, Verdict.INCONCLUSIVE, Verdict.HOLDS)
        found = {judgement.verdict for judgement in self.judged}
        return next((verdict for verdict in order if verdict in found), None)

    @property
    def grade(self) -> Grade | None:
        """The lowest grade of evidence among its claims."""
        return lowest(judgement.grade for judgement in self.judged if judgement.grade is not None)


def verified(judgements: Sequence[Judgement]) -> list[Verified]:
    """The abstract, sentence by sentence, as these judgements have it; sizes come from the cells that were computed."""
    by_id = {judgement.claim.id: judgement for judgement in judgements}
    rows = []
    for sentence in ABSTRACT:
        judged = tuple(by_id[name] for name in sentence.claims if name in by_id)
        missing = tuple(name for name in sentence.claims if name not in by_id)
        rows.append(Verified(sentence.says, judged, missing, sizes(judged)))
    return rows


def sizes(judgements: Sequence[Judgement]) -> str:
    """Ranges of k, d, m and n over the cells of these claims, such as "k = 1; d = 32 to 64; n = 48 to 640"."""
    values: dict[str, set[int]] = {"k": set(), "d": set(), "m": set(), "n": set()}
    for judgement in judgements:
        values["k"] |= {case.profile.k for case in judgement.cases}
        for case in judgement.cases:
            for cell in judgement.claim.design(case.profile):
                for name in ("d", "m", "n"):
                    value = getattr(cell, name, None)
                    if isinstance(value, int):
                        values[name].add(value)
    return "; ".join(f"{name} = {_range(found)}" for name, found in values.items() if found)


def _range(values: set[int]) -> str:
    ordered = sorted(values)
    if len(ordered) <= 2:
        return " and ".join(f"{value:,}" for value in ordered)
    return f"{ordered[0]:,} to {ordered[-1]:,}"
