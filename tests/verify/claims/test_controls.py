"""Wrong predictions: what they alter, and that a name nobody predicts is refused."""

import pytest

from verify.claims.controls import scaled, shifted
from verify.judging.rules import Prediction


def predict(profile):
    return {"a": Prediction([1.0, 2.0], 0.5), "b": 3.0}


def test_what_is_named_is_altered() -> None:
    wrong = scaled(predict, 2.0)(None)
    assert (wrong["a"].value, wrong["a"].uncertainty, wrong["b"].value) == ([2.0, 4.0], 0.5, 6.0)
    assert list(scaled(predict, 2.0, "b")(None)) == ["b"]
    assert shifted(predict, -1.0, "a")(None)["a"].value == [0.0, 1.0]


@pytest.mark.parametrize("alter", [scaled, shifted])
def test_a_name_that_is_not_predicted_is_refused(alter) -> None:
    with pytest.raises(ValueError, match="a control alters c, which is not predicted; there are a, b"):
        alter(predict, 1.1, "b", "c")(None)
