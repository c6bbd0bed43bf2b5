"""N12 in made-up worlds whose peaks are where it says, or move with another power of d."""

import pytest
from matplotlib.figure import Figure

from verify.claims.generalization.n12_peaks import EXPONENT, N12
from verify.judging.chance import Chance
from verify.judging.claim import Evidence, HypothesisViolated
from verify.judging.outcome import Outcome, Verdict
from verify.sizes.profile import QUICK, Profile, changed

CASES = [pytest.param(case.profile, id=f"k{case.profile.k}") for case in N12.cases(QUICK)]


def world(p: Profile, truth: float) -> Evidence:
    assert N12.world is not None
    return Evidence(N12.world.simulate(p, truth, Chance((0,))))


def verdicts(outcome: Outcome) -> dict[str, Verdict]:
    return {c.label: c.verdict for c in outcome.comparisons}


@pytest.mark.parametrize("p", CASES)
def test_a_true_law_holds_and_every_comparison_fails_under_some_control(p: Profile) -> None:
    told = world(p, 0.0)
    assert N12.world is not None
    assert set(N12.world.simulate(p, 0.0, Chance((0,)))) == set(N12.design(p))
    outcome = N12.check(p, told)
    assert outcome.verdict is Verdict.HOLDS, verdicts(outcome)
    failed = set()
    for control in N12.controls:
        if control.ks is None or p.k in control.ks:
            planted = N12.check(p, told, control)
            assert planted.p_value < 1e-6, control.planted
            failed |= {label for label, verdict in verdicts(planted).items() if verdict is Verdict.FAILS}
    assert failed == set(verdicts(outcome))
    ax = Figure().subplots()
    N12.figure(p, told, ax)
    assert ax.has_data()


@pytest.mark.parametrize("p", CASES)
@pytest.mark.parametrize("step", [-0.5, 0.5])
def test_another_power_is_seen(p: Profile, step: float) -> None:
    assert verdicts(N12.check(p, world(p, step)))[EXPONENT] is Verdict.FAILS


def test_one_activation_suffices() -> None:
    """At a large ridge all its draws have their highest risk at the same end of the grid, which is no accident."""
    p = N12.cases(changed(QUICK, {"activations": ("tanh(z + 1)",)}))[1].profile
    told = world(p, 0.0)
    assert N12.check(p, told).verdict is Verdict.HOLDS
    assert all(N12.check(p, told, control).verdict is Verdict.FAILS for control in N12.controls)


def test_a_kernel_without_a_peak_is_refused() -> None:
    wide = changed(QUICK, {"neighbours": {"peak_scale": 1.0}})
    for case in N12.cases(wide):
        with pytest.raises(HypothesisViolated, match=r"N12 needs at most 0\.1; use a smaller neighbours\.peak_scale"):
            N12.require(case.profile)
    odd = changed(QUICK, {"activations": ("tanh(z)",)})
    with pytest.raises(HypothesisViolated, match="by parity"):
        N12.require(N12.cases(odd)[1].profile)
