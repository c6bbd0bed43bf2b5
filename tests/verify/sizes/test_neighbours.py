"""Sizes of S10 and N12 that no run can have."""

from typing import Any

import pytest

from verify.sizes.profile import QUICK, changed


@pytest.mark.parametrize(
    ("changes", "needle"),
    [
        ({"bulk_replicates": (6, 6, 6)}, r"bulk_replicates=\(6, 6, 6\): needs one number for each of bulk_ratios="),
        ({"bulk_replicates": (6, 2)}, "greater than or equal to 4"),
        ({"bulk_dimension": {3: 12}}, r"bulk_width=.*needs an entry for k = 3"),
        ({"bulk_stretch": 1.0}, "greater than 1"),
        ({"peak_scale": 1.5}, "less than or equal to 1"),
        ({"peak_span": 1.2}, "greater than 1.5"),
    ],
)
def test_what_no_run_can_have_is_refused(changes: dict[str, Any], needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        changed(QUICK, {"neighbours": changes})
