"""Wrong predictions that controls plant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from verify.judging.claim import Predict
from verify.judging.rules import Prediction
from verify.sizes.profile import Profile

WRONG = 1.1
"""The usual wrong factor: it must be seen where a constant is checked."""

NEAR = 2.0
"""Margins between a rigorous comparison's prediction and the nearest error planted there. An interval that lies within
the margin of the truth lies wholly beyond the margin of a prediction so far away, so this error is seen whenever the
claim HOLDS; a smaller one need not be."""


def scaled(predict: Predict, factor: float, *names: str) -> Predict:
    """The predictions of these names multiplied by a factor, all of them when none is named."""

    def wrong(profile: Profile) -> dict[str, Prediction | float]:
        return {name: _scaled(value, factor) for name, value in _chosen(predict(profile), names).items()}

    return wrong


def shifted(predict: Predict, by: float, *names: str) -> Predict:
    """The predicted numbers of these names, such as exponents, displaced; all of them when none is named."""

    def wrong(profile: Profile) -> dict[str, Prediction | float]:
        found = {name: Prediction.of(value) for name, value in _chosen(predict(profile), names).items()}
        return {name: replace(given, value=np.add(given.value, by).tolist()) for name, given in found.items()}

    return wrong


def _chosen(found: Mapping[str, Prediction | float], names: tuple[str, ...]) -> dict[str, Prediction | float]:
    """The predictions of these names, all when none is named.

    Raises:
        ValueError: a name that is not predicted: the control would alter nothing.
    """
    if unknown := [name for name in names if name not in found]:
        raise ValueError(f"a control alters {', '.join(unknown)}, which is not predicted; there are {', '.join(found)}")
    return {name: found[name] for name in names or found}


def _scaled(value: Prediction | float, factor: float) -> Prediction:
    given = Prediction.of(value)
    return replace(given, value=np.multiply(given.value, factor).tolist())
