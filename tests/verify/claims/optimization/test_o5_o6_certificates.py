"""O5 and O6 on made-up losses and bounds."""

import numpy as np
from made_up import made_up, verdicts

from verify.cells.certified import CertifiedEnds
from verify.claims.optimization.o5_o6_certificates import EXPONENT, GAP, O5, O6, SOUND, WIDEST
from verify.judging.outcome import Verdict
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import FULL, QUICK


def numbers(cell: Cell, exponent: float = -0.5, gap: float | None = None, unsound: bool = False) -> Numbers:
    """Gaps of a power law in m for joint training, of a thousandth for the QuadNTK; the loss at the end is 0.1."""
    assert isinstance(cell, CertifiedEnds)
    quadratic = cell.arm == "quadntk"
    usual = 1e-3 if quadratic else 0.15 * (cell.m / 192) ** exponent
    noise = np.exp(0.05 * np.random.default_rng([cell.m, cell.d, len(cell.activation)]).normal(size=cell.draws))
    lower = 0.1 * (1 - (usual if gap is None else gap) * noise)
    return {
        "value": [[0.1] * len(cell.begins)] * cell.draws,
        "early": [[0.4] * len(cell.begins)] * cell.draws,
        "zero": [2.0] * cell.draws,
        "free": [1.5] * cell.draws,
        "lower": (lower * (1.2 if unsound else 1.0)).tolist(),
        "heavier": [0.11] * cell.draws,
    }


def test_o5() -> None:
    for profile in (QUICK, FULL):
        (case,) = O5.cases(profile)
        O5.require(case.profile)
        found = made_up(O5, case.profile, numbers)
        assert O5.check(case.profile, found).verdict is Verdict.HOLDS
        assert [O5.check(case.profile, found, c).verdict for c in O5.controls] == [Verdict.FAILS] * len(O5.controls)
    wide = made_up(O5, case.profile, lambda cell: numbers(cell, gap=0.02))
    assert verdicts(O5.check(case.profile, wide)) == {GAP: Verdict.FAILS, SOUND: Verdict.HOLDS}
    false = made_up(O5, case.profile, lambda cell: numbers(cell, unsound=True))
    assert verdicts(O5.check(case.profile, false))[SOUND] is Verdict.FAILS


def test_o6() -> None:
    for profile in (QUICK, FULL):
        (case,) = O6.cases(profile)
        O6.require(case.profile)
        found = made_up(O6, case.profile, numbers)
        assert O6.check(case.profile, found).verdict is Verdict.HOLDS
        assert [O6.check(case.profile, found, c).verdict for c in O6.controls] == [Verdict.FAILS] * len(O6.controls)
    rising = made_up(O6, case.profile, lambda cell: numbers(cell, exponent=0.4))
    assert verdicts(O6.check(case.profile, rising))[EXPONENT] is Verdict.FAILS
    large = made_up(O6, case.profile, lambda cell: numbers(cell, gap=0.5))
    assert verdicts(O6.check(case.profile, large))[WIDEST] is Verdict.FAILS


def test_figures_and_descriptions() -> None:
    from matplotlib.figure import Figure

    for claim in (O5, O6):
        (case,) = claim.cases(QUICK)
        found = made_up(claim, case.profile, numbers)
        assert claim.figure is not None
        claim.figure(case.profile, found, Figure().add_subplot())
        assert "aps" in claim.describe(case.profile, found)
