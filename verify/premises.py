"""What becomes of the derivations in ``theory.RATES`` when a claim that measures one of their premises fails."""

from __future__ import annotations

from collections.abc import Mapping

import theory
from verify.judging.outcome import Verdict


def doubts(rate: str, verdicts: Mapping[str, Verdict]) -> tuple[str, ...]:
    """The premises of a derivation that a failed claim puts in doubt, those of the derivations it uses included.

    Args:
        rate: its name in :data:`theory.RATES`.
        verdicts: of claims, by id; a claim that was not judged is left out.

    Returns:
        A sentence for each, naming derivation, step and claim.

    Raises:
        ValueError: an unknown derivation.

    >>> doubts("linear_norm", {"G4": Verdict.FAILS})
    ('linear_norm, step 2 (T(l) = E(l)/Lambda(l)): G4 FAILS',)
    """
    if rate not in theory.RATES:
        raise ValueError(f"rate={rate!r}: needs one of {', '.join(theory.RATES)}")
    found: dict[str, None] = {}
    for number, premise in theory.RATES[rate].premises.items():
        if premise is None:
            continue
        relation = theory.RATES[rate].steps[number - 1].relation
        sign = {"==": "=", "<=": "<=", ">=": ">="}[relation.rel_op]
        for claim in premise.claims:
            if verdicts.get(claim) == Verdict.FAILS:
                step = f"{rate}, step {number} ({relation.lhs} {sign} {relation.rhs})"
                found[f"{step}: {claim} {Verdict.FAILS}"] = None
        if premise.ground == "rate":
            found |= dict.fromkeys(sentence for other in premise.by for sentence in doubts(other, verdicts))
    return tuple(found)
