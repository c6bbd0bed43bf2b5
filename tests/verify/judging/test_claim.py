"""A claim joins prediction and data by name, and a control replaces one of them."""

import math
from dataclasses import replace

import pytest

from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Interval, Verdict
from verify.judging.rules import DecisionRule, ExactRule, Measurement

EMPTY = Evidence({})
CLAIM = Claim(
    id="X1",
    title="Two numbers",
    statement="x = y",
    source="derived",
    why="because",
    refuted_by="another number",
    hypotheses=(),
    depends_on=(),
    design=lambda p: (),
    rules=lambda p: (ExactRule("first", "within", 0.1), ExactRule("second", "within", 0.1)),
    predict=lambda p: {"second": 2.0, "first": 1.0},
    observe=lambda p, e: {"first": Interval.around(1.0, 0.01), "second": Measurement(Interval.around(2.05, 0.01))},
    controls=(
        Control("another prediction", predict=lambda p: {"second": 3.0}),
        Control("other data", observe=lambda p, e: {"first": Interval.around(9.0, 0.01)}),
    ),
)


def test_comparisons_are_joined_by_name_in_the_order_of_the_rules() -> None:
    outcome = CLAIM.check(None, EMPTY)
    assert [(c.label, c.predicted, c.measured.value) for c in outcome.comparisons] == [
        ("first", 1.0, 1.0),
        ("second", 2.0, 2.05),
    ]
    assert outcome.verdict is Verdict.HOLDS


def test_a_control_alters_what_it_names_and_nothing_else() -> None:
    predicted, observed = (CLAIM.check(None, EMPTY, control) for control in CLAIM.controls)
    honest = CLAIM.check(None, EMPTY)
    assert predicted.comparisons[0] == honest.comparisons[0]
    assert predicted.comparisons[1].measured == honest.comparisons[1].measured
    assert observed.comparisons[1] == honest.comparisons[1]
    assert observed.comparisons[0].predicted == honest.comparisons[0].predicted
    assert (predicted.verdict, observed.verdict) == (Verdict.FAILS, Verdict.FAILS)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (
            {"predict": lambda p: {"first": 1.0}},
            "what is predicted .* differ: second: only stated by a rule",
        ),
        (
            {"observe": lambda p, e: {"first": Interval.around(1.0, 0.0)}},
            "what is observed .* second: only stated",
        ),
        (
            {"rules": lambda p: (ExactRule("third", "within", 0.1),)},
            "second: only predicted; third: only stated",
        ),
        ({"rules": lambda p: (*CLAIM.rules(p), ExactRule("first", "below"))}, "a rule stated twice"),
    ],
)
def test_names_that_do_not_match_are_refused(changes, what: str) -> None:
    with pytest.raises(ValueError, match=f"claim X1: .*{what}"):
        replace(CLAIM, **changes).check(None, EMPTY)


def test_too_few_observations_are_refused_by_claim_and_rule() -> None:
    three = DecisionRule("first", "mean", "within", 0.1, 1.0, 0.1, 3)
    few = replace(
        CLAIM,
        rules=lambda p: (three,),
        predict=lambda p: {"first": 1.0},
        observe=lambda p, e: {"first": Measurement([1.0, 1.1])},
    )
    with pytest.raises(ValueError, match=r"claim X1: first: data of shape \(2,\).*the rule's replicates"):
        few.check(None, EMPTY)


def test_a_control_cannot_give_a_comparison_of_its_own() -> None:
    stray = Control("a stray name", predict=lambda p: {"fourth": 1.0})
    with pytest.raises(ValueError, match="fourth: only predicted"):
        CLAIM.check(None, EMPTY, stray)


@pytest.mark.parametrize("given", [{}, {"predict": lambda p: {}, "observe": lambda p, e: {}}])
def test_a_control_replaces_exactly_one_of_the_two(given) -> None:
    with pytest.raises(ValueError, match="either another prediction or other data"):
        Control("nothing", **given)


def test_what_the_data_forbid_is_said() -> None:
    hindered = replace(CLAIM, obstacles=lambda p, e: ("too few runs ended",)).check(None, EMPTY)
    assert (hindered.verdict, hindered.obstacles) == (Verdict.INCONCLUSIVE, ("too few runs ended",))


def test_an_unknown_number_decides_nothing() -> None:
    blank = replace(CLAIM, observe=lambda p, e: {"first": Interval.unknown(math.nan), "second": Interval.around(2, 0)})
    assert blank.check(None, EMPTY).verdict is Verdict.INCONCLUSIVE
