"""Claims of the theory held against numbers, with evidence: HOLDS, FAILS or INCONCLUSIVE."""

import importlib
import sys
from typing import TYPE_CHECKING, Any

import escape_ntk

escape_ntk.require_ours(__file__, "theory", "numerics")
if escape_ntk.missing():
    sys.meta_path.insert(0, escape_ntk.LightOnly())

if TYPE_CHECKING:
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

_HOMES = {
    "PROFILES": "profile",
    "Cell": "experiment",
    "Claim": "claim",
    "Comparison": "outcome",
    "Evidence": "claim",
    "HypothesisViolated": "claim",
    "Interval": "outcome",
    "Outcome": "outcome",
    "Profile": "profile",
    "Verdict": "outcome",
}


def __getattr__(name: str) -> Any:
    """A public name on first use: the command line starts without SciPy, pydantic and torch."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"verify.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'verify' has no attribute {name!r}")
