"""Claims of the theory held against numbers, with evidence: HOLDS, FAILS or INCONCLUSIVE."""

import importlib
import sys
from typing import TYPE_CHECKING, Any

import escape_ntk

escape_ntk.require_ours(__file__, "theory", "numerics")
if escape_ntk.missing():
    sys.meta_path.insert(0, escape_ntk.LightOnly())

if TYPE_CHECKING:
    from verify.judging.claim import Claim, Evidence, HypothesisViolated
    from verify.judging.outcome import Comparison, Interval, Outcome, Verdict
    from verify.running.experiment import Cell
    from verify.sizes.profile import PROFILES, Profile

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

_HOMES = {
    "PROFILES": "sizes.profile",
    "Cell": "running.experiment",
    "Claim": "judging.claim",
    "Comparison": "judging.outcome",
    "Evidence": "judging.claim",
    "HypothesisViolated": "judging.claim",
    "Interval": "judging.outcome",
    "Outcome": "judging.outcome",
    "Profile": "sizes.profile",
    "Verdict": "judging.outcome",
}


def __getattr__(name: str) -> Any:
    """A public name on first use: the command line starts without SciPy, pydantic and torch."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"verify.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'verify' has no attribute {name!r}")
