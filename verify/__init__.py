"""Claims of the theory held against numbers, with evidence: HOLDS, FAILS or INCONCLUSIVE."""

import importlib
import sys
from typing import TYPE_CHECKING, Any

import escape_ntk

escape_ntk.require_ours(__file__, "theory", "numerics")
if escape_ntk.missing():
    sys.meta_path.insert(0, escape_ntk.LightOnly())

if TYPE_CHECKING:
    from verify.claims.controls import scaled, shifted
    from verify.explorer import Explorer
    from verify.judging.claim import Claim, Control, Evidence, HypothesisViolated
    from verify.judging.outcome import Comparison, Interval, Outcome, Verdict
    from verify.judging.rules import DecisionRule, ExactRule, Measurement, Prediction
    from verify.records import Records, load
    from verify.running.experiment import Cell
    from verify.sizes.profile import PROFILES, Profile

__all__ = [
    "PROFILES",
    "Cell",
    "Claim",
    "Comparison",
    "Control",
    "DecisionRule",
    "Evidence",
    "ExactRule",
    "Explorer",
    "HypothesisViolated",
    "Interval",
    "Measurement",
    "Outcome",
    "Prediction",
    "Profile",
    "Records",
    "Verdict",
    "load",
    "scaled",
    "shifted",
]

_HOMES = {
    "verify.claims.controls": ("scaled", "shifted"),
    "verify.explorer": ("Explorer",),
    "verify.judging.claim": ("Claim", "Control", "Evidence", "HypothesisViolated"),
    "verify.judging.outcome": ("Comparison", "Interval", "Outcome", "Verdict"),
    "verify.judging.rules": ("DecisionRule", "ExactRule", "Measurement", "Prediction"),
    "verify.records": ("Records", "load"),
    "verify.running.experiment": ("Cell",),
    "verify.sizes.profile": ("PROFILES", "Profile"),
}


def __getattr__(name: str) -> Any:
    """A public name on first use: the command line starts without SciPy, pydantic and torch."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'verify' has no attribute {name!r}")
