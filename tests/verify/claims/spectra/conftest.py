"""The spectral claims at sizes at which they are judged in seconds."""

from collections.abc import Callable

import pytest
from matplotlib.figure import Figure

from verify.judging.claim import Claim, Evidence
from verify.judging.outcome import Outcome, Verdict
from verify.judging.rules import DecisionRule
from verify.sizes.profile import QUICK

TINY = QUICK.model_copy(
    update={
        "activations": ("tanh(z + 1)",),
        "spectral": QUICK.spectral.model_copy(
            update={
                "blocks": 150,
                "block_dimension": {1: 6},
                "block_widths": {1: (128, 256, 512)},
                "block_replicates": {1: 24},
                "gram_dimension": {1: 64},
                "gram_samples": {1: 256},
                "gram_width": {1: 2048},
                "parity_width": 256,
                "parity_samples": 200,
                "parity_tests": 800,
            }
        ),
        "neighbours": QUICK.neighbours.model_copy(
            update={"bulk_dimension": {1: 256}, "bulk_width": {1: 1024}, "bulk_replicates": (12, 8)}
        ),
    }
)


def _evidence(claim: Claim) -> Evidence:
    return Evidence({cell: cell.run() for cell in claim.design(TINY)})


@pytest.fixture
def judged() -> Callable[[Claim], Outcome]:
    """The outcome of a claim, its cells computed now: where an error is planted, with it."""
    return lambda claim: claim.check(TINY, _evidence(claim))


@pytest.fixture
def examine() -> Callable[[Claim], None]:
    """Asserts that a claim holds by its rules, every comparison fails under some control, and the figure draws."""

    def examined(claim: Claim) -> None:
        (case,) = claim.cases(TINY)
        claim.require(case.profile)
        assert case.profile == TINY
        evidence = _evidence(claim)
        outcome = claim.check(TINY, evidence)
        assert outcome.verdict is Verdict.HOLDS, [(c.label, c.verdict) for c in outcome.comparisons]
        named = {comparison.label: comparison for comparison in outcome.comparisons}
        assert list(named) == [rule.name for rule in claim.rules(TINY)]
        for rule in claim.rules(TINY):
            assert named[rule.name].rule == rule.rule
            assert (named[rule.name].measured.stderr > 0) is isinstance(rule, DecisionRule)
        asked = [control for control in claim.controls if control.asked(case)]
        planted = [claim.check(TINY, evidence, control) for control in asked]
        assert all(o.verdict is Verdict.FAILS and o.p_value < 1e-6 for o in planted)
        for i, comparison in enumerate(outcome.comparisons):
            assert any(o.comparisons[i].verdict is Verdict.FAILS for o in planted), comparison.label
        ax = Figure().subplots()
        claim.figure(TINY, evidence, ax)
        assert ax.has_data()

    return examined
