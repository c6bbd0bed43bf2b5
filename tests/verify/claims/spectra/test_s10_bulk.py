"""S10 at k = 1, numbers made up at k = 2, and inputs that it must see."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from numerics.sampling import sphere
from theory import multiplicity
from verify.cells.bulk import LEVELS
from verify.claims.spectra.s10_bulk import S10
from verify.judging.claim import Evidence, HypothesisViolated
from verify.judging.outcome import Verdict
from verify.predictions.gram_bulk import bulk_quantiles
from verify.sizes.profile import QUICK, changed


def test_repeated_inputs_are_caught(judged, monkeypatch) -> None:
    """Each input twice: half of the eigenvalues vanish."""
    monkeypatch.setattr(
        "verify.cells.bulk_run.sphere", lambda count, d, radius, gen: sphere(count // 2, d, radius, gen).repeat(2, 1)
    )
    assert judged(S10).verdict is Verdict.FAILS


def test_it_holds_and_its_controls_fail(examine) -> None:
    examine(S10)


def test_numbers_made_up_from_the_law_hold_at_every_k() -> None:
    """Stretched inputs have about half as many directions."""
    rng = np.random.default_rng(0)
    for case in S10.cases(QUICK):
        p, numbers = case.profile, {}
        for cell in S10.design(p):
            fewer = multiplicity(cell.d, p.k) / 2 if cell.stretch > 1 else 0.0
            law = np.array(bulk_quantiles(p.sigma, cell.d, cell.n, cell.m, p.k, LEVELS, fewer))
            numbers[cell] = {"quantiles": (law * np.exp(0.003 * rng.standard_normal(len(LEVELS)))).tolist()}
        told = Evidence(numbers)
        assert S10.check(p, told).verdict is Verdict.HOLDS
        for control in S10.controls:
            if control.asked(case):
                assert S10.check(p, told, control).p_value < 1e-6, (case.label, control.planted)
        canvas = Figure(layout="constrained")
        S10.drawings[0].draw(p, told, canvas)
        assert "predicted" in {text.get_text() for text in canvas.axes[0].get_legend().get_texts()}


@pytest.mark.parametrize(
    ("sizes", "needle"),
    [
        ({"bulk_dimension": {1: 40}}, r"n=20: S10 at k=1, d=40 needs at least twice n_\{k-1\} and 50 more"),
        ({"bulk_dimension": {1: 256}, "bulk_width": {1: 8}}, r"m=8: .* needs m d > 10 n; use a wider network"),
    ],
)
def test_sizes_that_are_too_small_are_refused(sizes: dict[str, dict[int, int]], needle: str) -> None:
    with pytest.raises(HypothesisViolated, match=needle):
        S10.require(S10.cases(changed(QUICK, {"neighbours": sizes}))[0].profile)
