"""Cells of certified gaps: the bound, its planted twin, and what is looked at for the controls."""

import numpy as np
import pytest

from verify.cells.certified import CertifiedEnds
from verify.cells.training import Arm


def cell(arm: Arm, **changes: object) -> CertifiedEnds:
    fields = {"d": 5, "m": 60, "n": 60, "k": 1, "steps": 800, "draws": 2, "start": 0.01, "model": "taylor"}
    weights = {"weights": (1.0, 2e-2), "heavier": 1.1 if arm == "quadntk" else 3.0}
    return CertifiedEnds(activation="sin(z + pi/4)", device="cpu", arm=arm, **{**fields, **weights, **changes})


@pytest.mark.parametrize(("arm", "gap"), [("quadntk", 0.01), ("joint", 0.4)])
def test_gaps_and_planted_bounds(arm: Arm, gap: float) -> None:
    numbers = {name: np.array(values) for name, values in cell(arm).run().items()}
    assert numbers["value"].shape == numbers["early"].shape == (2, 3)
    least = numbers["value"].min(1)
    assert (numbers["lower"] <= least).all()
    assert (1 - numbers["lower"] / numbers["value"].max(1) <= gap).all()
    assert (numbers["value"] < numbers["early"]).all()
    assert (numbers["early"] < numbers["zero"][:, None]).all() or arm == "joint"
    # Planted: the bound of another loss, and a memorising end, are seen.
    assert (numbers["heavier"] > least).all()
    assert (1 - numbers["lower"] / numbers["free"] > 0.5).all()


def test_draws_do_not_depend_on_the_starts() -> None:
    """One start alone ends where it ends beside the others, up to rounding in single precision."""
    alone, all_three = cell("quadntk", begins=("small",)).run(), cell("quadntk").run()
    first = [row[0] for row in all_three["value"]]
    assert [row[0] for row in alone["value"]] == pytest.approx(first, rel=1e-3)
