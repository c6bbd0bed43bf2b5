"""Judgements of controls: a planted error must be seen in every case."""

from verify.judging.judgement import ControlJudgement
from verify.judging.outcome import Comparison, Interval, Outcome, Verdict


def compared(case: str, predicted: float) -> Comparison:
    return Comparison(f"{case}: x", predicted, Interval.around(1.0, 0.1), "within", 0.2, case=case)


def test_the_cases_that_do_not_see_the_error_are_named() -> None:
    outcome = Outcome((compared("sin(z)", 9.0), compared("tanh(z + 1)", 1.0), compared("erf(z)", 9.0)), "")
    # The largest p value over the cases: in one of them nothing fails.
    control = ControlJudgement("a wrong constant", outcome, 1.0, 30)
    assert control.missed == ("tanh(z + 1)",)
    assert control.verdict is Verdict.INCONCLUSIVE
    caught = ControlJudgement("a wrong constant", Outcome((compared("sin(z)", 9.0),), ""), 0.0, 30)
    assert (caught.missed, caught.verdict) == ((), Verdict.FAILS)
    alone = ControlJudgement("a wrong constant", Outcome((compared("", 1.0),), ""), 1.0, 30)
    assert alone.missed == ()
