"""Claims of the theory held against numbers, with evidence: HOLDS, FAILS or INCONCLUSIVE."""

from verify.claim import Claim, Evidence, HypothesisViolated
from verify.experiment import Cell
from verify.outcome import Comparison, Interval, Outcome, Verdict
from verify.profile import PROFILES, Profile

__all__ = [
    "PROFILES",
    "Cell",
    "Claim",
    "Comparison",
    "Evidence",
    "HypothesisViolated",
    "Interval",
    "Outcome",
    "Profile",
    "Verdict",
]
