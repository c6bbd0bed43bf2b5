"""Cells, predictions and checks of the claims on good directions and constructions."""

import itertools
import math

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from numerics import (
    FeatureCovariance,
    GoodDirections,
    Target,
    TwoLayerNetwork,
    dense_construction,
    generator,
    joint_construction,
    random_signs,
    sparse_displacement,
    sphere,
)
from numerics.span import Span
from numerics.targets import legendre_values
from theory import Activation, dense_norm, multiplicity, sparse_profile, sparse_sign_energy
from verify.cells.constructions import (
    DenseExpression,
    JointExpression,
    SparseExpression,
    orthogonal_inputs,
    regularisers,
    signed_outputs,
)
from verify.cells.directions import LargeDirections, SignEnergies
from verify.claims.constructions import g1_g2_directions as directions
from verify.claims.constructions import g3_g4_expression as constructions
from verify.claims.constructions import g5_joint as joint
from verify.judging.claim import Claim, Evidence
from verify.judging.outcome import Verdict
from verify.predictions.width_limits import Form, harmonic_strengths, lower_energies, width_limits
from verify.sizes.directions import DirectionSizes
from verify.sizes.profile import QUICK, Profile

mpl.use("Agg")
TANH, SINE = "tanh(z + 1)", "sin(z + pi/4)"
ERF = "erf(z + 1/2)"


def test_large_directions_against_the_covariance_as_a_matrix() -> None:
    """Eigenvalues, the span's smallest quotient and the energies of T Y from the md x md matrix."""
    d, m, k = 4, 24, 1
    cell = LargeDirections(activation=SINE, d=d, m=m, k=k, inputs=40_000)
    network = TwoLayerNetwork(d, m, Activation.parse(SINE), seed=cell.seed("network"))
    sigma = FeatureCovariance(network).dense().numpy()
    numbers = cell.run()
    n_k = 1 + d
    values = np.linalg.eigvalsh(sigma)[::-1]
    assert numbers["threshold"] == pytest.approx(values[n_k - 1], rel=1e-9)
    assert numbers["smallest"] == pytest.approx(values[n_k - 1], rel=0.02)
    assert numbers["gaussian"] >= numbers["smallest"]
    assert numbers["complement"] < values[n_k - 1]
    span = Span(network, k)
    columns = [span.apply(row) for row in torch.eye(n_k, dtype=torch.float64)]
    T = torch.stack([torch.cat([p, -p]).flatten() for p in columns], dim=1).numpy()
    gram, energies = T.T @ T, np.diag(T.T @ sigma @ T)
    assert numbers["span_threshold"] == pytest.approx(np.linalg.eigvalsh(gram)[0], rel=1e-9)
    q, _ = np.linalg.qr(T)
    assert numbers["span_smallest"] == pytest.approx(np.linalg.eigvalsh(q.T @ sigma @ q)[0], rel=1e-8)
    assert numbers["energies"] == pytest.approx([energies[0], energies[1:].mean()], rel=1e-9)


def test_exact_sign_energies_are_means_over_all_signs() -> None:
    """Every one of the 2^8 sign vectors, none sampled."""
    d, m = 3, 8
    cell = SignEnergies(activation=ERF, d=d, m=m, k=1, networks=1, inputs=2, draws=4000)
    network = cell.network(0)
    W = sparse_displacement(network, sphere(1, d, 1.0, generator(cell.shared("data", 0)))[0], 1.0, 1)
    good, covariance = GoodDirections(network, 1), FeatureCovariance(network)
    linear, projected = [], []
    for signs in itertools.product([1.0, -1.0], repeat=m):
        V = torch.tensor(signs, dtype=torch.float64)[:, None] * W
        linear.append(float(covariance.energy(V)))
        projected.append(float(good.project(V).square().sum()))
    numbers = {name: values[0] for name, values in cell.run().items()}
    assert numbers["linear_exact"] == pytest.approx(np.mean(linear), rel=1e-6)
    assert numbers["good_exact"] == pytest.approx(np.mean(projected), rel=1e-9)
    # The spread over signs is at most about the mean: 4,000 draws leave 1.6 % of it.
    assert numbers["good"] == pytest.approx(np.mean(projected), rel=0.08)
    assert numbers["quadratic_gap"] < 1e-12 < numbers["coordinate_gap"]
    assert numbers["coherent_good"] == pytest.approx(float(good.project(W).square().sum()), rel=1e-9)


def test_sparse_expression_neuron_by_neuron() -> None:
    cell = SparseExpression(activation="z**3", d=4, m=12, k=2, networks=2, inputs=3, alphas=(0.8, -0.6))
    numbers = cell.run()
    for index in range(2):
        network, gen = cell.network(index), generator(cell.shared("data", index))
        x = sphere(3, 4, 2.0, gen)
        betas = torch.linalg.qr(torch.randn(4, 2, generator=gen, dtype=torch.float64)).Q.T
        # sigma'' = 6 z, lambda_1 = 6/sqrt(d) = 3, so g(u) = sqrt(d) u / 3; three of the six pairs serve each term.
        squares, fourth = torch.zeros(3, dtype=torch.float64), 0.0
        for r in range(12):
            alpha, beta = ((0.8, betas[0]), (-0.6, betas[1]))[r % 6 % 2]
            strength = 2 * alpha * 2 * float(network.w[r] @ beta) / 3
            if np.sign(strength) == float(network.a[r]):
                length = 4 * abs(strength) / math.sqrt(12)
                squares += network.a[r] * 6 * (x @ network.w[r]) * length * (x @ beta) ** 2 / (2 * math.sqrt(12))
                fourth += length**2
        goal = 0.8 * (x @ betas[0]) ** 3 - 0.6 * (x @ betas[1]) ** 3
        assert numbers["error"][index] == pytest.approx(float((squares - goal).square().mean()), rel=1e-9)
        assert numbers["norm"][index] == pytest.approx(fourth, rel=1e-9)
        assert numbers["degree"][index] != pytest.approx(numbers["error"][index], rel=1e-3)


def test_dense_expression_against_the_construction() -> None:
    cell = DenseExpression(activation=TANH, d=4, m=60, k=1, networks=1, inputs=7)
    numbers = cell.run()
    network, target = cell.network(0), cell.dense_target(0, 1.0)
    assert target.energies() == pytest.approx({0: 1.0, 1: 1.0})
    W = dense_construction(network, target, 1).W
    x = sphere(7, 4, 2.0, generator(cell.shared("data", 0)))
    assert numbers["norm"] == [pytest.approx(float(W.square().sum()))]
    assert numbers["residual"] == [pytest.approx(float((network.linear(x, W) - target(x)).square().mean()))]
    assert numbers["shuffled"][0] > 5 * numbers["residual"][0]


def test_signed_outputs_against_forward() -> None:
    network = TwoLayerNetwork(4, 20, Activation.parse(SINE), seed=1)
    gen = generator(2)
    x = sphere(6, 4, 2.0, gen)
    dense = torch.randn(20, 4, generator=gen, dtype=torch.float64)
    sparse = sparse_displacement(network, sphere(1, 4, 1.0, gen)[0], 0.7, 2)
    signs = random_signs(60, gen).reshape(20, 3)
    outputs = signed_outputs(network, x, dense, sparse, signs)
    for column in range(3):
        expected = network.forward(x, dense + signs[:, column, None] * sparse)
        torch.testing.assert_close(outputs[:, column], expected, rtol=1e-11, atol=1e-12)


def test_orthogonal_inputs_are_frames() -> None:
    x = orthogonal_inputs(7, 4, generator(0))
    assert x.shape == (8, 4)
    for frame in x.split(4):
        torch.testing.assert_close(frame @ frame.T, 4 * torch.eye(4, dtype=torch.float64))
    many = orthogonal_inputs(40_000, 4, generator(1))
    # 10^4 independent frames: the fourth moment of a coordinate, 3 d / (d + 2) = 2, to five standard errors.
    assert float((many[:, 0] ** 4).mean()) == pytest.approx(2.0, abs=0.1)
    assert abs(float(many.mean())) < 0.03


def test_joint_expression_against_its_displacement() -> None:
    """W_L + S W_Q from one construction call per sign vector; the network's forward; regularisers one by one."""
    cell = JointExpression(
        activation=TANH, d=4, m=40, k=1, networks=1, inputs=8, alphas=(0.5, -0.3), energy=0.2, draws=4
    )
    numbers = {name: values[0] for name, values in cell.run().items()}
    network = cell.network(0)
    target = cell.dense_target(0, 0.2) + Target.sparse(4, 2, (0.5, -0.3), cell.shared("sparse", 0))
    x = orthogonal_inputs(8, 4, generator(cell.shared("data", 0)))
    signs = cell.signs(0, 4)
    moved = [joint_construction(network, target, 1, s).W for s in signs]
    errors = [float((network.forward(x, W) - target(x)).square().mean()) for W in moved]
    assert numbers["error"] == pytest.approx(np.mean(errors), rel=1e-9)
    good = GoodDirections(network, 1)
    P, rest = good.project(moved[0]), good.complement(moved[0])
    assert numbers["r1"] == pytest.approx(float(network.linear(x, rest).square().mean()), rel=1e-9)
    assert numbers["r3"] == pytest.approx(float(network.cross(x, P, rest).square().mean()), rel=1e-9)
    assert numbers["r4"] == pytest.approx(float(moved[0].norm(dim=1).pow(4).sum()), rel=1e-9)
    assert numbers["r2"] < 1e-25 < numbers["swapped_r2"]
    assert numbers["swapped_r1"] == pytest.approx(float(network.linear(x, P).square().mean()), rel=1e-9)
    assert numbers["lazy_r4"] < numbers["r4"]


def test_regularisers_of_several_displacements_are_means() -> None:
    network = TwoLayerNetwork(4, 20, Activation.parse(ERF), seed=3)
    x, good = sphere(5, 4, 2.0, generator(1)), GoodDirections(network, 1)
    W = torch.randn(3, 20, 4, generator=generator(2), dtype=torch.float64)
    together, apart = regularisers(network, x, W, good.project), [regularisers(network, x, V, good.project) for V in W]
    for name in ("r1", "r3", "r4"):
        assert together[name] == pytest.approx(np.mean([part[name] for part in apart]), rel=1e-10)


@pytest.mark.parametrize("activation", [SINE, TANH, ERF])
@pytest.mark.parametrize(("k", "d"), [(1, 8), (2, 6), (3, 5)])
def test_predictions_meet_theory(activation: str, k: int, d: int) -> None:
    sigma = Activation.parse(activation)
    theory = width_limits(sigma, k, d)
    assert theory.sign_energy(theory.slope, 0.7) == pytest.approx(float(sparse_sign_energy(sigma, k, d, 0.7)), rel=1e-8)
    n_k = sum(multiplicity(d, degree) for degree in range(k + 1))
    assert theory.projector.along + (d - 1) * theory.projector.across == pytest.approx(n_k, rel=1e-12)
    # All degrees together make up E[sigma'^2 x x^T]; what is left above degree 12 is small.
    assert theory.modes.radial.sum() == pytest.approx(theory.slope.along, rel=1e-3)
    assert theory.modes.tangential.sum() == pytest.approx(theory.slope.across, rel=1e-3)
    energies = dict.fromkeys(range(k + 1), 0.5)
    assert theory.dense_norm(energies) == pytest.approx(float(dense_norm(sigma, d, energies)), rel=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_error_of_the_sparse_construction_by_sampling_neurons(k: int) -> None:
    """Variance of one pair's term over 10^6 draws of a neuron and an input, within five standard errors."""
    sigma, d, count = Activation.parse(SINE), 5, 1_000_000
    theory, gen = width_limits(sigma, k, d), generator(k)
    w, x = sphere(count, d, 1.0, gen), sphere(count, d, math.sqrt(d), gen)
    network = TwoLayerNetwork(d, 2, sigma)
    (second,) = network.activation.derivatives((w * x).sum(1), 2)
    g = sum(float(c) * legendre_values(j, d, w[:, 0]) for j, c in sparse_profile(sigma, k, d).items())
    samples = (x[:, 0] ** 2 * second * g) ** 2 - x[:, 0] ** (2 * k + 2)
    stderr = float(samples.std()) / math.sqrt(count)
    predicted = theory.sparse_error((1.0,)) / 2
    assert abs(float(samples.mean()) - predicted) < 5 * stderr < 0.2 * predicted


def test_strengths_of_harmonics() -> None:
    """sqrt(N) P_2 has the coefficient alpha sqrt((d + 2)/(2 (d - 1))) of <beta,x>^2."""
    (strength,) = harmonic_strengths(1, 8, (0.5,))
    assert strength == pytest.approx(0.5 * math.sqrt(10 / 14))


@pytest.mark.parametrize(("k", "d"), [(1, 8), (2, 6), (3, 5)])
def test_lower_energies_by_sampling(k: int, d: int) -> None:
    """The monomials' energy is that of their harmonics of degree k + 1, of the lower ones, and nothing else."""
    alphas = (0.5, -0.3)
    strengths = harmonic_strengths(k, d, alphas)
    x = sphere(400_000, d, math.sqrt(d), generator(k))
    samples = (x[:, :2] ** (k + 1) @ torch.tensor(strengths, dtype=torch.float64)) ** 2
    top = sum(a**2 for a in alphas)
    if k % 2:  # even degrees of two directions overlap by P_{k+1}(0)
        t = torch.zeros(1, dtype=torch.float64)
        top += 2 * alphas[0] * alphas[1] * float(legendre_values(k + 1, d, t))
    expected = top + sum(lower_energies(k, d, strengths).values())
    assert abs(float(samples.mean()) - expected) < 5 * float(samples.std()) / math.sqrt(len(x)) < 0.1 * expected


def test_forms_are_linear() -> None:
    assert Form(3.0, 2.0).minus(Form(1.0, 0.5)).on(2.0, 4.0) == 10.0


SMALL = QUICK.model_copy(
    update={
        "directions": DirectionSizes(
            energy_width={1: 256, 2: 256},
            energy_replicates=12,
            sign_widths=(64, 256, 1024),
            sparse_widths=(64, 256, 1024),
            dense_widths=(128, 512),
            joint_widths=(256, 1024, 4096),
            joint_networks=12,
        ),
    }
)
EVERY = [c for module in (directions, constructions, joint) for c in module.CLAIMS]


def _view(claim: Claim, k: int, activation: str) -> Profile:
    return SMALL.model_copy(update={"k": k, "activations": (activation,)})


@pytest.mark.parametrize("claim", EVERY, ids=lambda c: c.id)
def test_checks_pass_and_planted_errors_fail(claim: Claim) -> None:
    """At reduced sizes: no FAILS, every control FAILS, and every comparison does under some control."""
    k, activation = (2, SINE) if claim.id == "G3" else (1, TANH)
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


@pytest.mark.parametrize("claim", EVERY, ids=lambda c: c.id)
def test_both_orders_and_all_activations_are_cases(claim: Claim) -> None:
    cases = claim.cases(QUICK)
    assert [(c.profile.k, c.profile.activation) for c in cases] == [(k, a) for k in (1, 2) for a in (SINE, TANH, ERF)]
    cells = [cell for case in cases for cell in claim.design(case.profile)]
    assert len(set(cells)) == len(cells)
    for case in cases:
        claim.require(case.profile)
        # A comparison without chance needs no rule.
        assert len(claim.rules(case.profile)) >= 3


def test_a_norm_without_chance_is_judged_without_statistics() -> None:
    rule = constructions._g3_rules(_view(constructions.G3, 1, SINE))[2]
    exact = directions.mean_comparison(rule, 1.0, np.full(5, 1.0 + 1e-15))
    assert exact.verdict is Verdict.HOLDS
    assert directions.mean_comparison(rule, 1.1, np.full(5, 1.0)).verdict is Verdict.FAILS
