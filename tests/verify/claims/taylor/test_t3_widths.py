"""T3 at reduced sizes, and its cases."""

from verify.claims.taylor.t3_widths import T3
from verify.sizes.profile import QUICK

SINE, TANH, ERF = "sin(z + pi/4)", "tanh(z + 1)", "erf(z + 1/2)"


def test_it_does_not_fail_and_its_controls_do(examine) -> None:
    examine(T3, 2, SINE)


def test_both_orders_and_all_activations_are_cases() -> None:
    cases = T3.cases(QUICK)
    assert [(c.profile.k, c.profile.activation) for c in cases] == [(k, a) for k in (1, 2) for a in (SINE, TANH, ERF)]
    cells = [cell for case in cases for cell in T3.design(case.profile)]
    assert len(set(cells)) == len(cells)
    for case in cases:
        T3.require(case.profile)
        assert len(T3.rules(case.profile)) == 10
