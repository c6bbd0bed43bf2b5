"""What tests ask of every claim whose numbers can be computed in a test."""

from matplotlib.figure import Figure

from verify.judging.claim import Claim, Evidence
from verify.judging.outcome import Verdict
from verify.sizes.profile import Profile


def examine(claim: Claim, p: Profile) -> None:
    """In a case: no FAILS, every control FAILS, every comparison does under some control, and the figure draws."""
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
