"""Sizes of N10 rest on those of every training run."""

from typing import Any

import pytest

from verify.sizes.profile import PROFILES, QUICK, changed


def headline(k: int, d: int) -> dict[str, Any]:
    return {
        "dimensions": {k: (16, d)},
        "dimension": {k: 16},
        "ratios": {k: (1.0, 2.0)},
        "draws": {k: 2},
        "steps": {k: 9},
        "control_steps": {k: 9},
    }


@pytest.mark.parametrize(
    ("changes", "needle"),
    [
        ({"headline": headline(3, 32)}, r"training\.width=.*needs an entry for k = 3, which headline\.dimensions has"),
        ({"headline": headline(1, 33), "training": {"width": {1: 5}}}, "needs an even m = training.width d at d = 33"),
        ({"headline": {"ratios": {2: (1.0, 2.0)}}}, r"headline\.ratios=.*needs an entry for k = 1"),
        ({"headline": {"dimension": {1: 48}}}, r"dimension\[1\]=48: needs one of dimensions\[1\]=\[32, 64\]"),
        ({"headline": {"ridges": (-1.0,)}}, "greater than 0"),
        ({"headline": {"shares": ()}}, "at least 1 item"),
        ({"headline": {"largest_share": 1.0}}, "less than 1"),
    ],
)
def test_what_no_run_can_have_is_refused(changes: dict[str, Any], needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        changed(QUICK, changes)


def test_every_profile_judges_joint_training_at_its_largest_ratio_and_looks_at_smaller_ones() -> None:
    for profile in PROFILES.values():
        for k, ratios in profile.headline.ratios.items():
            assert len(ratios) >= 3
            assert len(profile.headline.dimensions[k]) >= 2
