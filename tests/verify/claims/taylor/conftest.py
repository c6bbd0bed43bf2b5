"""The Taylor claims at reduced sizes."""

from collections.abc import Callable

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from verify.judging.claim import Claim, Evidence
from verify.judging.outcome import Verdict
from verify.sizes.profile import QUICK
from verify.sizes.taylor import TaylorSizes

mpl.use("Agg")
SMALL = QUICK.model_copy(
    update={"taylor": TaylorSizes(replicates=3, widths={1: (512, 2048), 2: (1024, 4096)}, width_replicates=12)}
)


@pytest.fixture
def examine() -> Callable[[Claim, int, str], None]:
    """Asserts: no FAILS, every control FAILS, every comparison does under some control, and the figure draws."""

    def examined(claim: Claim, k: int, activation: str) -> None:
        p = SMALL.model_copy(update={"k": k, "activations": (activation,)})
        claim.require(p)
        evidence = Evidence({cell: cell.run() for cell in claim.design(p)})
        outcome = claim.check(p, evidence)
        assert outcome.verdict is not Verdict.FAILS
        assert all(comparison.budget for comparison in outcome.comparisons)
        seen: set[int] = set()
        for control in claim.controls:
            planted = claim.check(p, evidence, control)
            assert planted.verdict is Verdict.FAILS, control.planted
            assert planted.p_value < 0.01 / 30, control.planted
            seen |= {i for i, c in enumerate(planted.comparisons) if c.verdict is Verdict.FAILS}
        assert seen == set(range(len(outcome.comparisons)))
        axes = Figure().subplots()
        claim.figure(p, evidence, axes)
        assert axes.get_xlabel()
        assert axes.has_data()

    return examined
