r"""Looking again: a claim that its repetitions leave open gets twice as many, and no error becomes likelier by that.

The j-th look, j = 1, 2, ..., has the share 2^{-j} of every level: its intervals have the confidence
1 - 2^{-j} (1 - :data:`verify.judging.outcome.CONFIDENCE`), and p values are multiplied by 2^j. Where p_j is a p value
at each look, the product at *any* look tau, chosen in whatever way from the data, is one too:

.. math:: P(2^\tau p_\tau \le u) \le \sum_j P(p_j \le 2^{-j} u) \le u \sum_{j \ge 1} 2^{-j} = u ,

so that Holm's correction holds over claims that were looked at differently often. In the same way the probability that
an interval misses the truth at any look is at most 1 - CONFIDENCE, hence that of a false HOLDS too. Nothing is assumed
of how the looks depend on each other: the data of one contain, or repeat, those of the one before.

Repetitions double, so a claim is looked at rarely: the first look costs 9 % of an interval's width against a run
without looks, the fourth 26 %, as quantiles of the normal law. Splitting a level over epochs of geometric length is the
"stitching" of Robbins and Darling (1967) and of Howard, Ramdas, McAuliffe and Sekhon (arXiv:1810.08240).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify.judging.claim import Claim
from verify.judging.outcome import CONFIDENCE
from verify.sizes.profile import Profile, changed


def multiplied(profile: Profile, fields: Sequence[str], factor: int) -> Profile:
    """The profile with the counts in some fields multiplied; of a table by k, or a list, every entry.

    Args:
        profile: to change.
        fields: as in "spectral.block_replicates".
        factor: >= 1.

    Raises:
        ValueError: as :func:`verify.sizes.profile.load_profile`.
    """
    changes: dict[str, dict[str, Any]] = {}
    for field in fields:
        chapter, name = field.split(".")
        changes.setdefault(chapter, {})[name] = _times(getattr(getattr(profile, chapter), name), factor)
    return changed(profile, changes)


def _times(value: Any, factor: int) -> Any:
    if isinstance(value, Mapping):
        return {k: _times(item, factor) for k, item in value.items()}
    return tuple(_times(item, factor) for item in value) if isinstance(value, tuple) else value * factor


MOST = 6
"""Looks at a claim at most: 32 times the repetitions of its profile."""


@dataclass(frozen=True)
class Look:
    """How a claim is judged.

    Attributes:
        number: 1 for the first look, 2 for the second; 0 for a run of fixed sizes, which has the whole level.
    """

    number: int = 0

    @property
    def share(self) -> float:
        """Of every level."""
        return 0.5**self.number

    @property
    def confidence(self) -> float:
        """Two-sided confidence of the statistical intervals."""
        return 1 - self.share * (1 - CONFIDENCE)

    def profile(self, claim: Claim, profile: Profile) -> Profile:
        """The profile with the claim's repetitions doubled at every look after the first.

        Raises:
            ValueError: a number of repetitions that the profile does not allow.
        """
        if self.number <= 1:
            return profile
        return multiplied(profile, claim.repetitions, 2 ** (self.number - 1))

    def next(self) -> Look:
        """The look after this one."""
        return Look(self.number + 1)


FIXED = Look()
"""The only look of a run of fixed sizes."""
