"""Cells and checks of the Taylor claims."""

import math

import matplotlib as mpl
import pytest
import torch
from matplotlib.figure import Figure

from numerics import TwoLayerNetwork, generator, random_signs, sparse_displacement, sphere
from numerics.quadrature import gauss_rule
from theory import Activation
from verify.cells.taylor import RemainderRatio, TaylorAgreement, TermSizes
from verify.claims.taylor import t1_t2_terms as taylor
from verify.claims.taylor import t3_widths as widths
from verify.judging.claim import Claim, Evidence
from verify.judging.outcome import Verdict
from verify.sizes.profile import QUICK, Profile
from verify.sizes.taylor import TaylorSizes

mpl.use("Agg")
TANH, SINE = "tanh(z + 1)", "sin(z + pi/4)"
ERF = "erf(z + 1/2)"


def test_lowered_derivatives_are_another_network_term() -> None:
    numbers = TaylorAgreement(activation=TANH, d=3, m=4).run()
    for term in ("linear", "quadratic", "cross"):
        assert numbers[term]["formula"] == pytest.approx(numbers[term]["automatic"], rel=1e-10)
        assert numbers[term]["planted"] != pytest.approx(numbers[term]["formula"], rel=1e-2)


@pytest.mark.parametrize("length", [0.01, 0.5])
def test_a_cubic_attains_the_remainder_bound_at_every_length(length: float) -> None:
    """sigma''' is constant, so all that Taylor's theorem leaves is the cubic term."""
    numbers = RemainderRatio(activation="z**3 + z**2", d=5, m=8, length=length).run()
    assert numbers["extreme"] == pytest.approx(1 / 6, rel=2e-3)
    assert numbers["aligned"] == pytest.approx(1 / 6, rel=2e-3)
    assert numbers["random"] < 0.99 / 6


@pytest.mark.parametrize("k", [1, 2])
def test_term_sizes_against_the_network(k: int) -> None:
    """Each sign vector in turn through the network's own forward, linear and quadratic."""
    cell = TermSizes(activation=TANH, d=4, m=20, k=k, alpha=0.5, inputs=5, draws=3, networks=1)
    network = TwoLayerNetwork(4, 20, Activation.parse(TANH), seed=cell.seed("network 0"))
    gen = generator(cell.seed("data", shared=("m", "networks")))
    beta = sphere(1, 4, 1.0, gen)[0]
    across = sphere(5, 4, 1.0, gen)
    along, weights = gauss_rule(4, 5)
    across = across - (across @ beta)[:, None] * beta
    x = 2 * (along[:, None] * beta + (1 - along**2).sqrt()[:, None] * across / across.norm(dim=1, keepdim=True))
    W = sparse_displacement(network, beta, 0.5, k)
    moved = W.square().sum(1) > 0
    drawn = random_signs(int(moved.sum()) * 3, generator(cell.seed("signs 0"))).reshape(-1, 3)

    def rest(V: torch.Tensor) -> torch.Tensor:
        return network.forward(x, V) - network.linear(x, V) - network.quadratic(x, V)

    def size(values: list[torch.Tensor]) -> float:
        return math.sqrt(sum(float(weights @ v.square()) for v in values) / len(values))

    signed = []
    for column in drawn.T:
        V = W.clone()
        V[moved] *= column[:, None]
        signed.append(V)
    numbers = cell.run()
    expected = {
        "linear": size([network.linear(x, V) for V in signed]),
        "quadratic": size([network.quadratic(x, W)]),
        "odd": size([(rest(V) - rest(-V)) / 2 for V in signed]),
        "even": size([(rest(W) + rest(-W)) / 2]),
    }
    assert numbers["random"] == pytest.approx(expected, rel=1e-9)
    assert numbers["coherent"]["remainder"] == pytest.approx(size([rest(W)]), rel=1e-9)
    assert numbers["lazy"]["linear"] == pytest.approx(size([network.linear(x, W * 20**-0.25)]), rel=1e-9)
    assert numbers["lazy"]["remainder"] == pytest.approx(size([rest(W * 20**-0.25)]), rel=1e-7)


SMALL = QUICK.model_copy(
    update={
        "taylor": TaylorSizes(replicates=3, widths={1: (512, 2048), 2: (1024, 4096)}, width_replicates=12),
    }
)
EVERY = [c for module in (taylor, widths) for c in module.CLAIMS]


def _view(claim: Claim, k: int, activation: str) -> Profile:
    return SMALL.model_copy(update={"k": k, "activations": (activation,)})


@pytest.mark.parametrize("claim", EVERY, ids=lambda c: c.id)
def test_checks_pass_and_planted_errors_fail(claim: Claim) -> None:
    """At reduced sizes: no FAILS, every control FAILS, and every comparison does under some control."""
    k, activation = (2, SINE) if claim.id == "T3" else (1, TANH)
    p = _view(claim, k, activation)
    claim.require(p)
    evidence = Evidence({cell: cell.run() for cell in claim.design(p)})
    outcome = claim.check(p, evidence)
    assert outcome.verdict is not Verdict.FAILS
    assert all(comparison.budget for comparison in outcome.comparisons)
    seen: set[int] = set()
    for control in claim.controls:
        planted = control.check(p, evidence)
        assert planted.verdict is Verdict.FAILS, control.planted
        assert planted.p_value < 0.01 / 30, control.planted
        seen |= {i for i, c in enumerate(planted.comparisons) if c.verdict is Verdict.FAILS}
    assert seen == set(range(len(outcome.comparisons)))
    axes = Figure().subplots()
    claim.figure(p, evidence, axes)
    assert axes.get_xlabel()
    assert axes.has_data()


@pytest.mark.parametrize("claim", EVERY[2:], ids=lambda c: c.id)
def test_both_orders_and_all_activations_are_cases(claim: Claim) -> None:
    cases = claim.cases(QUICK)
    assert [(c.profile.k, c.profile.activation) for c in cases] == [(k, a) for k in (1, 2) for a in (SINE, TANH, ERF)]
    cells = [cell for case in cases for cell in claim.design(case.profile)]
    assert len(set(cells)) == len(cells)
    for case in cases:
        claim.require(case.profile)
        # A comparison without chance needs no rule.
        assert len(claim.rules(case.profile)) >= 3
