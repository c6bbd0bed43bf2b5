"""Kernel regression and Rademacher bounds: each cell against a slow twin, each judgement against planted errors."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from numerics import KernelRidge, Objective, TwoLayerNetwork, generator, ntk_gram, sphere
from numerics.terms.weights import PenaltyWeights
from theory import Activation, kernel_ridge_risk, learnabilities
from verify.cells.kernels import RIDGES, RidgeCurve, SamplesToRisk
from verify.cells.rademacher import NoisyFits, SignSuprema, fair_signs, linear_supremum, quadratic_supremum
from verify.claims.generalization import n1_n2_n7_ridge as kernels
from verify.claims.generalization import n8_rademacher as rademacher
from verify.claims.generalization.growth import OFF
from verify.judging.claim import Claim, Evidence, HypothesisViolated
from verify.judging.outcome import Outcome, Verdict
from verify.predictions.learning_curves import (
    Curve,
    best_risk,
    crossing,
    far_exponent,
    interpolation_error,
    samples_needed,
    spectrum,
)
from verify.sizes.profile import QUICK, Profile

SIGMA = "sin(z + pi/4)"
ONE: Profile = QUICK.model_copy(update={"activations": (SIGMA,)})
CURVE = RidgeCurve(
    activation=SIGMA,
    device="cpu",
    d=6,
    m=64,
    samples=(10, 24),
    dense=((1, 1.0), (2, 0.5)),
    ridges=(0.3, 4.0),
    targets=2,
)


def sizes(**changes: object) -> Profile:
    """The quick profile with one activation and other sizes."""
    return ONE.model_copy(update={"kernels": ONE.kernels.model_copy(update=changes)})


def verdicts(outcome: Outcome) -> dict[str, Verdict]:
    return {c.label: c.verdict for c in outcome.comparisons}


def judged(claim: Claim, profile: Profile, evidence: Evidence) -> tuple[Outcome, list[Outcome]]:
    view = claim.cases(profile)[0].profile
    return claim.check(view, evidence), [control.check(view, evidence) for control in claim.controls]


def replay(cell: RidgeCurve | SamplesToRisk) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor]:
    network = TwoLayerNetwork(cell.d, cell.m, Activation.parse(cell.activation), cell.seed("network"))
    gen = generator(cell.seed("data"))
    return (
        network,
        sphere(cell.samples[-1], cell.d, math.sqrt(cell.d), gen),
        sphere(2000, cell.d, math.sqrt(cell.d), gen),
    )


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_ridge_curve_against_one_regression_at_a_time(row: int, column: int) -> None:
    """The shared factorisation, nested inputs and averages over targets agree with KernelRidge target by target."""
    numbers, ridge, n = CURVE.run(), CURVE.ridges[row], CURVE.samples[column]
    network, x, test = replay(CURVE)
    gram = ntk_gram(network, x[:n])
    cross = ntk_gram(network, test, x[:n])
    risks, residuals = [], []
    for index in range(CURVE.targets):
        target = CURVE.target(index)
        assert target.energies() == pytest.approx(dict(CURVE.dense))
        fit = KernelRidge(gram, target(x[:n]))
        risks.append(float((fit.predict(cross, ridge) - target(test)).square().mean()))
        residuals.append(float((fit.predict(gram, ridge) - target(x[:n])).square().mean()))
    assert numbers["risks"][row][column] == pytest.approx(np.mean(risks), rel=1e-8)
    assert numbers["training"][row][column] == pytest.approx(np.mean(residuals), rel=1e-6)
    trace = float(torch.linalg.inv(gram + ridge * torch.eye(n, dtype=gram.dtype)).trace())
    assert numbers["kappas"][row][column] == pytest.approx(1 / trace, rel=1e-8)


def test_samples_to_risk_takes_the_best_ridge_and_stops_at_the_level() -> None:
    shared = {"activation": SIGMA, "device": "cpu", "d": 6, "m": 256, "dense": ((1, 1.0),), "targets": 1}
    cell = SamplesToRisk(**shared, samples=(5, 10, 20, 40), level=0.3)
    numbers = cell.run()
    assert all(risk > 0.3 for risk in numbers["risks"][:-1])
    assert numbers["risks"][-1] <= 0.3
    network, x, test = replay(cell)
    target = cell.target(0)
    for n, risk, ridge in zip(cell.samples, numbers["risks"], numbers["ridges"], strict=False):
        fit, cross = KernelRidge(ntk_gram(network, x[:n]), target(x[:n])), ntk_gram(network, test, x[:n])
        tried = {r: float((fit.predict(cross, r) - target(test)).square().mean()) for r in RIDGES}
        assert risk == pytest.approx(min(tried.values()), rel=1e-8)
        assert tried[ridge] == pytest.approx(risk, rel=1e-8)
    unreached = SamplesToRisk(**shared, samples=(5, 10), level=1e-6).run()
    assert len(unreached["risks"]) == 2


def test_sparse_and_dense_parts_have_their_energies() -> None:
    cell = SamplesToRisk(
        activation=SIGMA, device="cpu", d=7, m=16, samples=(4, 8), dense=((2, 0.5),), sparse=((3, 2.0),), level=0.1
    )
    target = cell.target(0)
    assert target.energies() == pytest.approx({2: 0.5, 3: 2.0})
    assert len(target.terms[3][0]) == 1
    assert not torch.equal(target.terms[3][1], cell.target(1).terms[3][1])


def test_crossing() -> None:
    samples = (10, 20, 40)
    power = [n**-1.5 for n in samples]  # straight in logarithms: the interpolation is exact
    assert crossing(samples, power, 15**-1.5) == pytest.approx(15, rel=1e-12)
    assert crossing(samples, power[:2], 15**-1.5) == pytest.approx(15, rel=1e-12)
    assert math.isnan(crossing(samples, power, 1.0))
    assert math.isnan(crossing(samples, power, 1e-6))


def test_predicted_samples_solve_for_the_risk() -> None:
    energies = ((1, 1.0), (2, 1.0))
    n = samples_needed(SIGMA, 10, energies, 0.5)
    assert best_risk(SIGMA, 10, math.floor(n), energies) > 0.5 >= best_risk(SIGMA, 10, math.ceil(n), energies)
    fine, coarse = ((math.floor(n), math.ceil(n)), (math.floor(n / 2), math.ceil(2 * n)))
    assert interpolation_error(SIGMA, 10, energies, 0.5, fine) < 1e-4
    assert interpolation_error(SIGMA, 10, energies, 0.5, coarse) > 1e-3
    assert interpolation_error(SIGMA, 10, energies, 0.5, (1, 2)) == math.inf


def test_exponent_far_out() -> None:
    assert far_exponent(SIGMA, ((1, 1.0),), 0.25).value == pytest.approx(1, abs=1e-3)
    assert far_exponent(SIGMA, ((1, 1.0), (2, 1.0)), 0.5).value == pytest.approx(2, abs=5e-3)


def test_predicted_training_error_by_degrees() -> None:
    """Conservation, ridge/kappa = n - sum N L with the tail, gives the training error a second time."""
    curve, n, ridge = Curve(SIGMA, 12, ((1, 1.0), (2, 1.0))), 90, 2.0
    listed = spectrum(SIGMA, 12)
    used = sum(
        count * share
        for count, share in zip(listed.multiplicities, learnabilities(listed, n, ridge).values(), strict=True)
    )
    tail = float(listed.tail.mid())
    share = (n - used) / n * ridge / (ridge + tail)
    risk = kernel_ridge_risk(listed, n, ridge, {1: 1.0, 2: 1.0})
    assert curve.training(n, ridge) == pytest.approx(share**2 * risk, rel=1e-9)


def test_scale_of_the_kernel() -> None:
    plain, scaled = (Curve(SIGMA, 12, ((1, 1.0),), scale=c) for c in (1.0, 1.3))
    assert scaled.risk(40, 1.3) == pytest.approx(plain.risk(40, 1.0))
    assert scaled.kappa(40, 1.3) == pytest.approx(1.3 * plain.kappa(40, 1.0))
    assert scaled.training(40, 1.3) == pytest.approx(plain.training(40, 1.0))


def test_suprema_over_the_balls() -> None:
    """The linear one is the norm of the gradient; no displacement of the ball beats the quadratic one, its own does."""
    network = TwoLayerNetwork(5, 8, Activation.parse(SIGMA), seed=3)
    gen = generator(4)
    x = sphere(30, 5, math.sqrt(5), gen)
    signs = fair_signs(30, gen)
    W = torch.zeros(8, 5, dtype=torch.float64, requires_grad=True)
    ((signs * network.linear(x, W)).mean()).backward()
    assert float(linear_supremum(network, x, signs)) == pytest.approx(float(W.grad.norm()), rel=1e-12)

    supremum, best = quadratic_supremum(network, x, signs)
    assert float(best.square().sum(-1).square().sum()) == pytest.approx(1)
    assert float((signs * network.quadratic(x, best)).mean()) == pytest.approx(float(supremum), rel=1e-12)
    # Ascent by gradients from random starts finds the same number from below.
    found = []
    for _ in range(4):
        V = torch.randn(8, 5, generator=gen, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([V], lr=0.05)
        for _ in range(400):
            optimizer.zero_grad()
            unit = V / V.square().sum(-1).square().sum() ** 0.25
            value = (signs * network.quadratic(x, unit)).mean()
            (-value).backward()
            optimizer.step()
        found.append(float(value.detach()))
    assert max(found) <= float(supremum) * (1 + 1e-12)
    assert max(found) == pytest.approx(float(supremum), rel=1e-3)


def test_suprema_of_a_batch() -> None:
    network = TwoLayerNetwork(4, 6, Activation.parse(SIGMA), seed=(1, 2))
    gen = generator(0)
    x = torch.stack([sphere(9, 4, 2.0, gen) for _ in range(2)])
    signs = torch.stack([fair_signs(9, gen) for _ in range(2)])
    together, _ = quadratic_supremum(network, x, signs)
    norms = linear_supremum(network, x, signs)
    for i in range(2):
        one = network.member(i)
        assert float(together[i]) == pytest.approx(float(quadratic_supremum(one, x[i], signs[i])[0]), rel=1e-12)
        assert float(norms[i]) == pytest.approx(float(linear_supremum(one, x[i], signs[i])), rel=1e-12)


def test_linear_supremum_squared_has_the_kernels_mean() -> None:
    """Over all 2^n signs the mean of sup^2 is tr K / n^2, K the Gram matrix of the network."""
    network = TwoLayerNetwork(4, 10, Activation.parse(SIGMA), seed=5)
    x = sphere(6, 4, 2.0, generator(1))
    every = [torch.tensor(s, dtype=torch.float64) for s in product((-1, 1), repeat=6)]
    mean = np.mean([float(linear_supremum(network, x, s)) ** 2 for s in every])
    assert mean == pytest.approx(float(ntk_gram(network, x).trace()) / 36, rel=1e-12)


def test_noisy_fits_measure_what_they_say() -> None:
    cell = NoisyFits(
        activation=SIGMA, device="cpu", d=5, m=50, n=24, networks=2, steps=150, rate=0.02, start=0.3, r4=1e-3
    )
    numbers = cell.run()
    for arm in ("joint", "quadntk"):
        values = {name: np.array(row) for name, row in numbers[arm].items()}
        assert all(row.shape == (2,) for row in values.values())
        assert (values["train"] < values["test"]).all()
        assert (np.abs(np.concatenate([values["own"], values["fresh"]])) <= 1).all()
        assert (values["train"] < 0.5).all()  # the noise, of size 1, is fitted
    assert numbers["quadntk"]["linear_radius"] == [0.0, 0.0]
    # A model that is not trained has no gap beyond the scatter of 24 labels, and no radius.
    still = cell.model_copy(update={"steps": 1, "rate": 1e-9, "start": 1e-6})
    idle = still.run()
    assert max(idle["joint"]["quadratic_radius"]) < 1e-5
    assert np.allclose(idle["joint"]["test"], idle["quadntk"]["test"], atol=1e-4)
    network = TwoLayerNetwork(5, 50, Activation.parse(SIGMA), [still.seed(f"network {i}") for i in range(2)])
    x, y, *_ = still._data(network)
    objective = Objective(network, x, y, PenaltyWeights(r4=0.0), loss="absolute")
    zero = objective.value_and_gradient(torch.zeros_like(network.w))
    assert idle["joint"]["train"] == pytest.approx(zero[0].data.tolist(), rel=1e-4)


# Judgement on numbers made up so that the claim is exactly true, up to a little scatter.


def scatter(count: int, size: float, seed: int = 0) -> np.ndarray:
    return 1 + size * np.random.default_rng(seed).standard_normal(count)


def true_n1(profile: Profile, distort: float = 1.0) -> Evidence:
    view = kernels.N1.cases(profile)[0].profile
    numbers = {}
    for i, cell in enumerate(kernels.N1.design(view)):
        curve = Curve(cell.activation, cell.d, cell.dense, scale=distort)
        noise = scatter(3, 0.01, i)
        numbers[cell] = {
            name: [[factor * law(n, ridge) for n in cell.samples] for ridge in cell.ridges]
            for name, law, factor in zip(
                ("risks", "training", "kappas"), (curve.risk, curve.training, curve.kappa), noise, strict=True
            )
        }
    return Evidence(numbers)


def test_n1_judges_risk_and_scale() -> None:
    profile = sizes(curve_replicates=12)
    outcome, controls = judged(kernels.N1, profile, true_n1(profile))
    assert outcome.verdict is Verdict.HOLDS
    assert [c.verdict for c in controls] == [Verdict.FAILS] * 4
    distorted = verdicts(kernels.N1.check(kernels.N1.cases(profile)[0].profile, true_n1(profile, 1.1)))
    assert {v for label, v in distorted.items() if label.startswith("kappa")} == {Verdict.FAILS}
    assert {v for label, v in distorted.items() if label.startswith("risk")} == {Verdict.HOLDS}


def true_growth(claim: Claim, profile: Profile, size: float = 0.03, tilt: float = 0.0) -> Evidence:
    """Risks that fall as n^-2 through the predicted n*, times d^tilt."""
    view = claim.cases(profile)[0].profile
    numbers = {}
    for i, cell in enumerate(claim.design(view)):
        energies = (*cell.dense, *cell.sparse)
        centre = samples_needed(cell.activation, cell.d, energies, cell.level) * scatter(1, size, i)[0] * cell.d**tilt
        numbers[cell] = {"risks": [cell.level * (centre / n) ** 2 for n in cell.samples]}
    return Evidence(numbers)


@pytest.mark.parametrize(("claim", "tilt"), [(kernels.N2, 0.15), (kernels.N7, -0.15)], ids=["N2", "N7"])
def test_growth_judges_curve_and_exponent(claim: Claim, tilt: float) -> None:
    profile = sizes(rate_replicates=12)
    outcome, (exponent, factor) = judged(claim, profile, true_growth(claim, profile))
    assert outcome.verdict is Verdict.HOLDS
    assert {v for label, v in verdicts(exponent).items() if label.startswith("exponent")} == {Verdict.FAILS}
    assert {v for label, v in verdicts(factor).items() if label.startswith("log(n*")} == {Verdict.FAILS}
    view = claim.cases(profile)[0].profile
    steep = verdicts(claim.check(view, true_growth(claim, profile, tilt=tilt)))
    assert Verdict.FAILS in {v for label, v in steep.items() if label.startswith("log(n*")}


def test_growth_counts_censored_runs_and_never_drops_them_silently() -> None:
    profile = sizes(rate_replicates=12)
    claim = kernels.N2
    view = claim.cases(profile)[0].profile
    numbers = {cell: true_growth(claim, profile)[cell] for cell in claim.design(view)}
    for cell in claim.design(view):
        if cell.replicate < 4 and cell.d == 12:
            numbers[cell] = {"risks": [2.0] * len(cell.samples)}
    outcome = claim.check(view, Evidence(numbers))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "Censored (no crossing inside the grid): 4 of 48" in outcome.explanation
    assert dict(outcome.comparisons[1].budget)["censored observations"] == 4.0
    assert math.log(OFF) > outcome.comparisons[0].margin


def test_margins_come_from_theory() -> None:
    *ratios, exponent = kernels.N2.rules(ONE)
    assert [rule.margin for rule in ratios] == sorted((rule.margin for rule in ratios), reverse=True)
    assert ratios[-1].margin == pytest.approx(0.1)
    assert exponent.margin == pytest.approx(0.1)
    counts = [samples_needed(SIGMA, d, ((1, 1.0), (2, 1.0)), 0.5) for d in ONE.kernels.escape_dimensions[1]]
    fitted = np.polyfit(np.log(ONE.kernels.escape_dimensions[1]), np.log(counts), 1)[0]
    outcome = kernels.N2.check(ONE, true_growth(kernels.N2, ONE))
    assert outcome.prediction["exponent of n*(d) on the grid"] == pytest.approx(fitted)


def test_aligned_keeps_the_mean_exponent() -> None:
    """Activations with their own power laws: the common fit has the mean exponent, and only the scatter is left."""
    grid = np.array(QUICK.kernels.escape_dimensions[1], dtype=float)
    laws = [(2.0, 1.7), (1.5, 2.2), (7.0, 2.1)]
    noise = 0.01 * np.random.default_rng(1).standard_normal((6, len(grid)))
    table = np.array([a * grid**e for _ in range(2) for a, e in laws]) * np.exp(noise)
    flat = kernels.ESCAPE.aligned(QUICK, table)
    (exponent, _), residual, *_ = np.polyfit(np.tile(np.log(grid), 6), np.log(flat).ravel(), 1, full=True)
    assert exponent == pytest.approx(2.0, abs=0.02)
    assert math.sqrt(residual[0] / flat.size) < 0.012
    table[0, 1] = math.nan
    assert int(np.isnan(kernels.ESCAPE.aligned(QUICK, table)).sum()) == 1


def test_n8_holds_and_its_controls_fail() -> None:
    profile = sizes(
        ball_dimension=8,
        ball_width=16,
        ball_samples=(128, 512),
        ball_replicates=24,
        noisy_dimension=6,
        noisy_samples=128,
        noisy_networks=8,
        noisy_steps=150,
    )
    view = rademacher.N8.cases(profile)[0].profile
    evidence = Evidence({cell: cell.run() for cell in rademacher.N8.design(view)})
    outcome, controls = judged(rademacher.N8, profile, evidence)
    assert Verdict.FAILS not in verdicts(outcome).values()
    failing = [{label for label, v in verdicts(c).items() if v is Verdict.FAILS} for c in controls[:3]]
    assert "exponent of R_n in n" in failing[0]
    assert "quadratic ball: supremum attained" in failing[1]
    assert failing[2] == {"quadratic ball: E sup^2 / lower bound"}


def test_n8_counts_networks_outside_the_ball() -> None:
    profile = sizes(ball_replicates=6, noisy_networks=8)
    view = rademacher.N8.cases(profile)[0].profile
    arm = {
        "train": [0.1] * 8,
        "test": list(0.9 + 0.01 * scatter(8, 1.0)),
        "linear_radius": [1.0] * 8,
        "quadratic_radius": [1.0] * 7 + [1.2],
        "own": [0.5] * 8,
        "fresh": [0.0] * 8,
    }
    numbers = {}
    for i, cell in enumerate(rademacher.N8.design(view)):
        if isinstance(cell, SignSuprema):
            rows = [[value] for value in scatter(len(cell.samples), 0.01, i) / np.sqrt(cell.samples)]
            ones = [[1.0] for _ in cell.samples]
            numbers[cell] = {"linear": rows, "quadratic": rows, "attained": rows, "norms": ones}
        else:
            numbers[cell] = {"joint": arm, "quadntk": {**arm, "quadratic_radius": [1.0] * 8, "own": [1.5] * 8}}
    outcome = rademacher.N8.check(view, Evidence(numbers))
    found = verdicts(outcome)
    assert found["joint: generalisation gap / bound"] is Verdict.INCONCLUSIVE  # one of four left the ball
    assert found["QuadNTK: generalisation gap / bound"] is Verdict.HOLDS
    assert found["QuadNTK: correlation of f_Q with signs / supremum"] is Verdict.FAILS
    assert found["joint: correlation of f_Q with signs / supremum"] is Verdict.HOLDS


@pytest.mark.parametrize("claim", [*kernels.CLAIMS, *rademacher.CLAIMS], ids=lambda c: c.id)
def test_hypotheses_are_asked_of_every_activation(claim: Claim) -> None:
    claim.require(claim.cases(QUICK)[0].profile)
    bad = "z + z" if claim.id == "N8" else "tanh(z)"
    for order in ((SIGMA, bad), (bad, SIGMA)):
        with pytest.raises(HypothesisViolated, match="activation"):
            claim.require(claim.cases(QUICK.model_copy(update={"activations": order}))[0].profile)
