"""Sizes of the paired risks that no experiment can have are refused on load."""

import pytest

from verify.sizes.profile import FULL, load_profile


@pytest.mark.parametrize(
    ("override", "needle"),
    [
        ("risks.width={1=3}", None),
        (
            "risks.dimension={1=55}\nrisks.width={1=3}",
            r"^risks\.width\[1\]=3: needs an even m = width\[1\] d at d = 55",
        ),
        ("risks.dimension={1=56, 2=24}", r"^risks\.ratio=.*needs an entry for k = 2, which dimension has"),
        ("risks.lazy_steps={2=100}", r"^risks\.dimension=.*needs an entry for k = 2, which lazy_steps has"),
        ("risks.taylor_draws=9", r"^risks\.taylor_draws=9: needs at most taylor_pairs = 8"),
        ("risks.taylor_dimension=21\nrisks.taylor_widths=[5, 8]", r"^risks\.taylor_widths=.*even m = 5 d at d = 21"),
        ("risks.penalties=[]", "at least 1 item"),
        ("risks.shares=[0.0]", "greater than 0"),
        ("risks.validation=0", "greater than or equal to 1"),
        ("risks.largest_share=1.5", "less than 1"),
    ],
)
def test_refused_in_one_sentence(override: str, needle: str | None) -> None:
    if needle is None:
        load_profile("quick", override.split("\n"))
        return
    with pytest.raises(ValueError, match=needle) as caught:
        load_profile("quick", override.split("\n"))
    assert "\n" not in str(caught.value)


def test_full_chooses_from_the_stated_grid() -> None:
    assert FULL.risks.penalties == (0.3, 1.0, 3.0, 10.0, 30.0)
    assert len(FULL.risks.shares) > 1
