"""Rules that hold rows of numbers against predictions of their own."""

import numpy as np
import pytest

from verify.judging.outcome import Verdict
from verify.judging.rules import DecisionRule, Measurement, Prediction

ROWS = np.array([[0.4, -0.3, 0.02], [0.5, -0.2, 0.01], [0.3, -0.4, 0.03]])


def test_the_least_product_with_predicted_signs() -> None:
    rule = DecisionRule("side", "mean", "above", 0.0, -0.4, 0.05, 3, scale="sign", pool="least")
    right = rule.compare(Prediction([1.0, -1.0, 1.0]), Measurement(ROWS))
    assert right.predicted == 0.0
    assert right.measured.value == pytest.approx(0.02)
    wrong = rule.compare(Prediction([1.0, 1.0, 1.0]), Measurement(ROWS))
    assert wrong.measured.value == pytest.approx(-0.3)
    assert (right.verdict, wrong.verdict) == (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)
    silent = rule.compare(Prediction([1.0, -1.0, np.nan]), Measurement(ROWS))
    assert silent.measured.value == pytest.approx((0.3 + 0.2 + 0.3) / 3)


def test_the_mean_of_those_that_have_a_prediction() -> None:
    rule = DecisionRule("rest", "mean", "within", 0.05, 0.2, 0.02, 3, scale="difference", pool="mean")
    found = rule.compare(Prediction([np.nan, -0.3, 0.0]), Measurement(ROWS))
    assert found.predicted == 0.0
    assert found.measured.value == pytest.approx((0.01 + 0.055 - 0.035) / 3)
