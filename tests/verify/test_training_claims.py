"""Trained models: cells against slow twins, checks on made-up numbers of a known law, planted errors."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from numerics.kernels import ntk_gram
from numerics.terms.weights import PenaltyWeights
from numerics.train import small_start
from theory import multiplicity
from theory.harmonics.sphere import cumulative_multiplicity
from verify.cells.escape import EscapedRuns
from verify.cells.training import RIDGES, Arm, Kind, TrainedRuns, Training
from verify.claims.generalization import n3_n4_samples as sample_complexity
from verify.claims.generalization import n5_n9_risks as training
from verify.claims.generalization import n6_feature_learning as feature_learning
from verify.claims.generalization.trained import (
    affordable,
    drifts,
    paired,
    paired_cell,
    repetitions,
    sample_scale,
    samples_to_reach,
    slope,
)
from verify.judging.claim import Claim, Evidence, HypothesisViolated
from verify.judging.judgement import Judgement, judge
from verify.judging.outcome import Verdict
from verify.running.experiment import Cell, Numbers
from verify.running.sweep import Done
from verify.sizes.profile import FULL, GPU, QUICK, Profile

SIGMA = "sin(z + pi/4)"
CLAIMS = {claim.id: claim for module in (training, sample_complexity, feature_learning) for claim in module.CLAIMS}


def cell(arm: Arm, target: Kind = "joint", **sizes: int) -> TrainedRuns:
    fields = {"d": 5, "m": 40, "n": 30, "k": 1, "draws": 2, "steps": 40} | sizes
    return TrainedRuns(activation=SIGMA, device="cpu", rate=0.02, start=0.3, r4=1e-2, arm=arm, target=target, **fields)


@pytest.mark.parametrize("arm", ["free", "quadntk"])
def test_training_against_automatic_differentiation(arm: Arm) -> None:
    """One draw in double precision: f_L + f_Q neuron by neuron, torch.optim.Adam, the cosine decay written out."""
    runs = cell(arm)
    draws = runs.prepare()
    for i in range(runs.draws):
        w = draws.network.member(i).w.double()
        a = draws.network.a.double()
        W = small_start(draws.network.member(i), runs.start, runs.draw("start", i)).double().requires_grad_(True)

        def model(x: torch.Tensor, W: torch.Tensor, w: torch.Tensor = w, a: torch.Tensor = a) -> torch.Tensor:
            z, moved = x.double() @ w.T, x.double() @ W.T
            terms = -torch.sin(z + math.pi / 4) * moved**2 / 2
            if arm == "free":
                terms = terms + torch.cos(z + math.pi / 4) * moved
            return (terms * a).sum(-1) / math.sqrt(runs.m)

        adam = torch.optim.Adam([W], lr=runs.rate)
        for step in range(runs.steps):
            adam.param_groups[0]["lr"] = runs.rate * (1 + math.cos(math.pi * step / runs.steps)) / 2
            adam.zero_grad()
            capacity = W.square().sum(1).square().sum()
            loss = (model(draws.x[i], W) - draws.y[i]).square().mean() + runs.r4 * capacity
            loss.backward()
            adam.step()
        with torch.no_grad():
            risk = float((model(draws.test[i], W) - draws.labels[i]).square().mean())
            capacity = float(W.square().sum(1).square().sum())
        numbers = runs.run()
        assert numbers["risk"][i] == pytest.approx(risk, rel=2e-3)
        assert numbers["capacity"][i] == pytest.approx(capacity, rel=2e-3)


def test_ridge_arm_against_direct_solves() -> None:
    runs = cell("ntk")
    draws, numbers = runs.prepare(), runs.run()
    network, x, test = draws.network.member(1), draws.x[1], draws.test[1]
    gram, cross = ntk_gram(network, x).double(), ntk_gram(network, test, x).double()
    risks = []
    for ridge in RIDGES:
        solution = torch.linalg.solve(gram + ridge * torch.eye(runs.n, dtype=torch.float64), draws.y[1].double())
        risks.append(float((cross @ solution - draws.labels[1]).square().mean()))
    assert numbers["risk"][1] == pytest.approx(min(risks), rel=1e-4)


def test_draws_are_shared_between_ways_of_training() -> None:
    """Same networks, starts, tests; more samples extend fewer; the target's parts add up; draws differ."""
    joint, other = cell("joint").prepare(), cell("quadntk", n=50, draws=1, steps=7).prepare()
    assert torch.equal(joint.network.half[:1], other.network.half)
    # torch draws the last 16 numbers of an array anew, whatever came before: they differ with its length.
    assert torch.equal(joint.x[:1, :24], other.x[:, :24])
    assert torch.equal(joint.labels[:1], other.labels)
    parts = [cell("joint", target).prepare().y for target in ("dense", "sparse")]
    torch.testing.assert_close(parts[0] + parts[1], joint.y)
    assert not torch.equal(joint.x[0], joint.x[1])
    again = TrainedRuns(**cell("joint").model_dump() | {"base_seed": 1}).prepare()
    assert not torch.equal(joint.network.half, again.network.half)


def test_energies_of_the_targets() -> None:
    for target, degrees in (("joint", {1, 2}), ("dense", {1}), ("sparse", {2})):
        energies = cell("joint", target).prepare().targets[0].energies()
        assert set(energies) == degrees
        assert all(value == pytest.approx(1.0, rel=1e-12) for value in energies.values())


def test_shuffled_labels_and_random_directions_learn_less() -> None:
    sizes = {"d": 8, "m": 80, "n": 120, "steps": 80}
    risks = {arm: np.mean(cell(arm, **sizes).run()["risk"]) for arm in ("joint", "blind", "shuffled")}
    assert risks["joint"] < risks["blind"] < risks["shuffled"]


def test_medium_energy_is_what_r1_measures() -> None:
    """Without R1 the linear term works outside the good directions; the QuadNTK has none."""
    sizes = {"d": 8, "m": 160, "n": 40, "steps": 80}
    joint, off, quadratic = (cell(arm, **sizes).run() for arm in ("joint", "off", "quadntk"))
    assert max(joint["medium"]) < min(off["medium"])
    assert quadratic["medium"] == [0.0, 0.0]


def escaped(label_scale: float, **sizes: int) -> EscapedRuns:
    fields = {"d": 8, "m": 160, "n": 100, "k": 1, "draws": 2, "steps": 120} | sizes
    return EscapedRuns(activation=SIGMA, device="cpu", rate=0.03, start=0.3, r4=3e-3, label_scale=label_scale, **fields)


def test_lazy_scaling_is_the_linear_model() -> None:
    """Labels divided by a large number: the kernel stays, f_Q vanishes, and f_L alone has the risk."""
    rich, lazy = escaped(1.0).run(), escaped(1e3).run()
    assert max(lazy["movement"]) < 1e-3 < min(rich["movement"])
    assert max(lazy["quadratic"]) < 1e-3 < min(rich["quadratic"])
    assert lazy["constructed"] == rich["constructed"]


def test_share_and_construction_by_hand() -> None:
    runs = escaped(1.0, steps=2)
    draws, numbers = runs.prepare(), runs.run()
    # After two steps f_Q is near its start, so that the share is near zero and the risk near the target's energy.
    assert numbers["risk"][0] == pytest.approx(float(draws.labels[0].square().mean()), rel=0.5)
    assert abs(numbers["share"][0]) < 0.3
    network = draws.network.member(0)
    probes = draws.x[0][:128]
    before = ntk_gram(network, probes)
    unmoved = ntk_gram(network, probes, W=torch.zeros_like(network.w))
    torch.testing.assert_close(before, unmoved, rtol=1e-4, atol=1e-3)
    assert 0.01 < numbers["constructed"][0] < 2


def test_interpolation_of_a_power_law_is_exact() -> None:
    ratios = (1.0, 2.0, 4.0)
    risks = [0.6 * r**-0.7 for r in ratios]
    good = [True] * 3
    assert samples_to_reach(ratios, risks, good, 0.3) == pytest.approx(2 ** (1 / 0.7))
    assert math.isnan(samples_to_reach(ratios, risks, good, 0.7))
    assert math.isnan(samples_to_reach(ratios, risks, good, 0.01))
    assert math.isnan(samples_to_reach(ratios, risks, [True, True, False], 0.3))
    assert samples_to_reach(ratios, risks, [True, True, False], 0.5) < 2


def test_sample_scales_against_gaussian_quadrature() -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    second = {
        SIGMA: -np.sin(nodes + math.pi / 4),
        "tanh(z + 1)": -2 * np.tanh(nodes + 1) / np.cosh(nodes + 1) ** 2,
        "erf(z + 1/2)": -4 / math.sqrt(math.pi) * (nodes + 0.5) * np.exp(-((nodes + 0.5) ** 2)),
    }
    for activation, values in second.items():
        square = weights @ values**2
        assert sample_scale(activation, 1) == pytest.approx(square / (weights @ values) ** 2, rel=6e-3)
        assert sample_scale(activation, 2) == pytest.approx(square / (weights @ (nodes * values)) ** 2, rel=6e-3)
    assert sample_scale("sin(z)", 1) == math.inf


def test_drifts_at_large_d_are_small_and_signed() -> None:
    sizes = QUICK.training.model_copy(update={"dimensions": {1: (4000, 8000, 16_000)}})
    far = drifts(QUICK.model_copy(update={"training": sizes}))
    assert far["log d"] == pytest.approx(1 / math.log(8000), rel=0.02)
    assert abs(far["||W_Q||^4"]) < 2e-3
    assert abs(far["n_k"]) < 2e-4
    near = drifts(QUICK)
    grid = QUICK.training.dimensions[1]
    assert near["n_k"] == pytest.approx(slope(grid, [cumulative_multiplicity(d, 1) for d in grid]) - 1)


def made_up(claim: Claim, p: Profile, numbers: Callable[[Cell], Numbers]) -> Evidence:
    return Evidence({cell: numbers(cell) for cell in claim.design(p)})


def curve(exponent: float, risk: float, moving: float = 0.0) -> Callable[[Cell], Numbers]:
    """Learning curves risk (n*/n) with n* = 2.9 A 40^k (d/40)^exponent, single draws off by 10 %."""

    def numbers(cell: Cell) -> Numbers:
        assert isinstance(cell, TrainedRuns)
        noise = np.random.default_rng([cell.d, cell.draws, len(cell.activation)]).normal(size=cell.draws)
        star = 2.9 * sample_scale(cell.activation, cell.k) * 40**cell.k * (cell.d / 40) ** exponent
        risks = risk * star / cell.n * np.exp(0.1 * noise)
        return {"risk": risks.tolist(), "risk_halfway": (risks * (1 + moving)).tolist()}

    return numbers


@pytest.mark.parametrize("name", ["N3", "N4"])
def test_exponents_of_made_up_curves(name: str) -> None:
    claim = CLAIMS[name]
    (case,) = claim.cases(QUICK)
    p = case.profile
    risk = p.training.joint_risk if name == "N3" else p.training.sparse_risk
    right = made_up(claim, p, curve(1.1, risk))
    outcome = claim.check(p, right)
    assert outcome.verdict is Verdict.HOLDS
    assert outcome.comparisons[0].measured.value == pytest.approx(1.1, abs=0.1)
    assert claim.controls[0].check(p, right).verdict is Verdict.FAILS
    # A grid ten times wider, so that n* ~ d^2 lies inside it.
    wide = p.model_copy(update={"training": p.training.model_copy(update={"ratios": {1: (0.5, 3.0, 18.0)}})})
    assert claim.check(wide, made_up(claim, wide, curve(2.0, risk))).verdict is Verdict.FAILS
    unsettled = claim.check(p, made_up(claim, p, curve(1.1, risk, moving=0.2)))
    assert unsettled.verdict is Verdict.INCONCLUSIVE
    assert "Censored (outside the grid, or risk still moving by more than 15 %): 30 of 30" in unsettled.explanation


def risks_of(levels: dict[str, float], medium: float = 0.01) -> Callable[[Cell], Numbers]:
    def numbers(cell: Cell) -> Numbers:
        assert isinstance(cell, TrainedRuns)
        draws = np.random.default_rng([cell.d, len(cell.arm), len(cell.activation)]).normal(size=cell.draws)
        risks = (levels[cell.arm] * np.exp(0.05 * draws)).tolist()
        energy = 0.3 if cell.arm in ("free", "off") else medium
        noise = np.exp(0.1 * draws)
        loss = [0.05] * cell.draws
        return {"risk": risks, "risk_halfway": risks, "loss": loss, "medium": (energy * noise).tolist()}

    return numbers


LEVELS = {
    "joint": 0.7,
    "ntk": 1.0,
    "quadntk": 1.5,
    "free": 1.0,
    "off": 1.05,
    "population": 1.0,
    "training": 0.6,
    "blind": 1.6,
    "shuffled": 2.4,
}


@pytest.mark.parametrize("name", ["N5", "N9"])
def test_paired_claims_on_made_up_risks(name: str) -> None:
    claim = CLAIMS[name]
    (case,) = claim.cases(QUICK)
    p = case.profile
    right = made_up(claim, p, risks_of(LEVELS))
    assert claim.check(p, right).verdict is Verdict.HOLDS
    failing: set[str] = set()
    for control in claim.controls:
        outcome = control.check(p, right)
        assert outcome.verdict is Verdict.FAILS
        failing |= {c.label for c in outcome.comparisons if c.verdict is Verdict.FAILS}
    assert failing == {c.label for c in claim.check(p, right).comparisons}
    swapped = made_up(claim, p, risks_of(LEVELS | {"joint": 1.3}, medium=0.3))
    assert claim.check(p, swapped).verdict is Verdict.FAILS


@pytest.mark.parametrize("name", ["N5", "N9"])
def test_at_k_2_random_directions_are_no_control(name: str) -> None:
    """There f_Q learns the dense part too: the levels are those measured at d = 28, and the other controls must do."""
    claim = CLAIMS[name]
    case = next(case for case in claim.cases(FULL) if case.profile.k == 2)
    levels = {"joint": 0.75, "ntk": 1.2, "quadntk": 0.88, "free": 1.08, "off": 1.07, "population": 0.98}
    p = case.profile
    right = made_up(claim, p, risks_of(levels | {"training": 0.68, "blind": 0.98, "shuffled": 2.9}))
    assert claim.check(p, right).verdict is Verdict.HOLDS
    blind, *others = claim.controls
    assert not blind.asked(case)
    assert blind.check(p, right).verdict is not Verdict.FAILS
    assert all(control.asked(case) for control in others)
    outcomes = [control.check(p, right) for control in others]
    assert {outcome.verdict for outcome in outcomes} == {Verdict.FAILS}
    failing = {c.label for outcome in outcomes for c in outcome.comparisons if c.verdict is Verdict.FAILS}
    assert failing == {c.label for c in claim.check(p, right).comparisons}


def test_a_control_counts_only_where_it_is_asked() -> None:
    """On numbers where random directions FAIL at no k, N5 has no power at k = 1 and does without them at k = 2."""
    claim = CLAIMS["N5"]
    numbers = risks_of(LEVELS | {"quadntk": 1.0, "blind": 0.98})

    def judged(p: Profile) -> Judgement:
        cells = [cell for case in claim.cases(p) for cell in claim.design(case.profile)]
        return judge(claim, p, [Done(cell, numbers(cell), 0.0, stored=True) for cell in cells])

    second = {
        name: {2: getattr(FULL.training, name)[2]} for name in ("paired_dimension", "paired_ratio", "paired_draws")
    }
    both, alone = judged(FULL), judged(FULL.model_copy(update={"training": FULL.training.model_copy(update=second)}))
    assert [c.planted.endswith("(k = 1 only)") for c in both.controls] == [True, False]
    assert {case.profile.k for case in alone.cases} == {2}
    assert [c.planted for c in alone.controls] == [claim.controls[1].planted]
    assert alone.control is Verdict.FAILS
    assert alone.verdict is Verdict.HOLDS
    assert both.outcome.verdict is Verdict.HOLDS
    assert both.verdict is Verdict.INCONCLUSIVE


def test_identical_runs_conclude_nothing() -> None:
    """R1 switched off in the code: two arms then agree in every bit."""
    (case,) = CLAIMS["N9"].cases(QUICK)
    p = case.profile

    def numbers(cell: Cell) -> Numbers:
        row = risks_of(LEVELS)(cell)
        return row | {"risk": [1.0] * len(row["risk"]), "risk_halfway": [1.0] * len(row["risk"])}

    outcome = CLAIMS["N9"].check(p, made_up(CLAIMS["N9"], p, numbers))
    assert [c.verdict for c in outcome.comparisons[:2]] == [Verdict.INCONCLUSIVE] * 2


def test_orders_above_one_report_the_quadntk_without_judging() -> None:
    sizes = QUICK.training.model_copy(
        update={"paired_dimension": {2: 24}, "paired_ratio": {2: 0.35}, "paired_draws": {2: 12}}
    )
    (case,) = CLAIMS["N5"].cases(QUICK.model_copy(update={"training": sizes}))
    p = case.profile
    outcome = CLAIMS["N5"].check(p, made_up(CLAIMS["N5"], p, risks_of(LEVELS)))
    assert not [c for c in outcome.comparisons if "QuadNTK" in c.label]
    assert "log(joint / QuadNTK) = -0.7" in outcome.explanation


def test_escape_on_made_up_numbers() -> None:
    claim = CLAIMS["N6"]
    (case,) = claim.cases(QUICK)
    p = case.profile

    def numbers(cell: Cell) -> Numbers:
        assert isinstance(cell, EscapedRuns)
        rich = cell.label_scale == 1
        noise = np.exp(0.1 * np.random.default_rng([cell.n, int(rich)]).normal(size=cell.draws))
        floor = 1 - cell.n / multiplicity(cell.d, 2)
        risks = (floor * (0.75 if rich else 1.3) * noise).tolist()
        return {
            "risk": risks,
            "risk_halfway": risks,
            "movement": ((0.1 if rich else 1e-4) * noise).tolist(),
            "constructed": (0.15 * noise**0.5).tolist(),
            "quadratic": ((0.15 if rich else 1e-6) * noise).tolist(),
            "share": ((0.35 if rich else 0.0) * noise + 0.01 * noise).tolist(),
            "linear_share": [0.0] * cell.draws,
        }

    found = made_up(claim, p, numbers)
    assert claim.check(p, found).verdict is Verdict.HOLDS
    assert {c.verdict for c in claim.controls[0].check(p, found).comparisons} == {Verdict.FAILS}


def test_large_d_is_a_hypothesis() -> None:
    """erf(z + 1/2) needs four times the samples: at the quick profile's d no claim about large d is judged for it."""
    (case,) = CLAIMS["N5"].cases(QUICK)
    assert paired(case.profile) == ("sin(z + pi/4)", "tanh(z + 1)", *QUICK.training.more_activations)
    none = QUICK.training.model_copy(update={"more_activations": ()})
    alone = QUICK.model_copy(update={"activations": ("erf(z + 1/2)",), "training": none})
    for name in ("N5", "N6", "N9"):
        with pytest.raises(HypothesisViolated, match="n small enough"):
            CLAIMS[name].require(alone)
    odd = QUICK.model_copy(update={"activations": ("tanh(z)",), "training": none})
    with pytest.raises(HypothesisViolated):
        CLAIMS["N4"].require(odd)


@pytest.mark.parametrize("profile", [QUICK, FULL, GPU], ids=lambda p: p.name)
@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_every_case_of_every_profile_has_a_design(profile: Profile, name: str) -> None:
    claim = CLAIMS[name]
    for case in claim.cases(profile):
        claim.require(case.profile)
        cells = claim.design(case.profile)
        assert cells
        assert all(isinstance(c, Training) and c.k == case.profile.k for c in cells)
        assert all(c.n <= 60_000 for c in cells)
        if name in ("N3", "N4"):
            assert len(affordable(case.profile)) >= 2
            assert all(repetitions(case.profile, a) >= 1 for a in affordable(case.profile))
            if profile is not QUICK:
                assert len(case.profile.training.dimensions[case.profile.k]) >= 4
                assert claim.rules(case.profile)[0].replicates >= 5


def test_weights_of_the_arms() -> None:
    """The settings that the claims' statements rest on: l1 = l3 = 1 and R4 to the power 4."""
    assert (PenaltyWeights().r1, PenaltyWeights().r3, PenaltyWeights().r4_power) == (1.0, 1.0, 4)
    (case,) = CLAIMS["N5"].cases(QUICK)
    assert paired_cell(case.profile, SIGMA, "joint").r4 == case.profile.training.r4[1]
