"""The spectral claims: cells against slow twins, predictions against simulation, controls and planted errors."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles

from numerics.activations import TorchActivation
from numerics.covariance import feature_covariance
from numerics.directions import GoodDirections
from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.ridge import KernelRidge
from numerics.sampling import generator, sphere
from numerics.span import Span
from numerics.targets import Target, legendre_values
from theory import Activation, ntk_eigenvalue, quadntk_eigenvalue
from verify.cells.gram import RIDGE, GramSpectrum, LearnedShares
from verify.cells.spectral import CertifiedEigenvalues, KernelMonteCarlo, KernelQuadrature, TraceAndTail, read_ball
from verify.cells.subspace import TopBlock
from verify.claims.spectra import s1_s2_eigenvalues as spectral
from verify.claims.spectra import s3_s4_limits as asymptotics
from verify.claims.spectra import s5_top_block as finite_width
from verify.claims.spectra import s6_gram as structure
from verify.claims.spectra import s7_subspace as subspace
from verify.claims.spectra import s8_quadntk as quadratic_spectrum
from verify.claims.spectra import s9_degrees as parity
from verify.judging.claim import Claim, Evidence, HypothesisViolated
from verify.judging.outcome import Verdict
from verify.predictions.finite_size import GramLaw, Modes, modes
from verify.sizes.profile import PROFILES, QUICK, Profile

CHAPTERS = (spectral, quadratic_spectrum, asymptotics, finite_width, structure, subspace, parity)
CLAIMS = {claim.id: claim for chapter in CHAPTERS for claim in chapter.CLAIMS}
SIGMA = "tanh(z + 1)"
TINY = QUICK.model_copy(
    update={
        "activations": (SIGMA,),
        "spectral": QUICK.spectral.model_copy(
            update={
                "blocks": 150,
                "block_dimension": {1: 6},
                "block_widths": {1: (128, 256, 512)},
                "block_replicates": {1: 24},
                "gram_dimension": {1: 64},
                "gram_samples": {1: 256},
                "gram_width": {1: 2048},
                "parity_width": 256,
                "parity_samples": 200,
                "parity_tests": 800,
            }
        ),
    }
)


def evidence(claim: Claim, profile: Profile) -> Evidence:
    return Evidence({cell: cell.run() for cell in claim.design(profile)})


@pytest.fixture(scope="module", params=sorted(CLAIMS))
def measured(request) -> tuple[Claim, Profile, Evidence]:
    claim = CLAIMS[request.param]
    (case,) = claim.cases(TINY)
    claim.require(case.profile)
    return claim, case.profile, evidence(claim, case.profile)


def test_claims_hold_and_every_comparison_fails_under_a_control(measured) -> None:
    claim, profile, seen = measured
    outcome = claim.check(profile, seen)
    assert outcome.verdict is Verdict.HOLDS, [(c.label, c.verdict) for c in outcome.comparisons]
    planted = [control.check(profile, seen) for control in claim.controls]
    assert all(o.verdict is Verdict.FAILS and o.p_value < 1e-6 for o in planted)
    for i, comparison in enumerate(outcome.comparisons):
        assert any(o.comparisons[i].verdict is Verdict.FAILS for o in planted), comparison.label


def test_rules_are_those_of_the_check(measured) -> None:
    claim, profile, seen = measured
    named = {comparison.label: comparison for comparison in claim.check(profile, seen).comparisons}
    for rule in claim.rules(profile):
        assert named[rule.name].rule == rule.rule
        assert named[rule.name].measured.stderr > 0


def test_figures_draw(measured) -> None:
    from matplotlib.figure import Figure

    claim, profile, seen = measured
    ax = Figure().subplots()
    claim.figure(profile, seen, ax)
    assert ax.has_data()


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda p: p.name)
@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: c.id)
def test_every_case_of_every_profile_satisfies_the_hypotheses(claim: Claim, profile: Profile) -> None:
    cases = claim.cases(profile)
    assert len(cases) == {"S5": 6, "S6": 6, "S7": 6, "S9": 1}.get(claim.id, 3)
    for case in cases:
        claim.require(case.profile)
        assert claim.design(case.profile)


def _with(**sizes) -> Profile:
    return QUICK.model_copy(update={"activations": (SIGMA,), "spectral": QUICK.spectral.model_copy(update=sizes)})


@pytest.mark.parametrize(
    ("name", "profile", "needle"),
    [
        ("S8", QUICK.model_copy(update={"activations": ("softplus(z)",)}), "Q_1 = 0 by parity"),
        ("S8", QUICK.model_copy(update={"activations": ("relu(z)",)}), "distribution"),
        ("S7", _with(block_dimension={0: 8}).model_copy(update={"k": 0}), "not proved to exceed"),
        ("S6", _with(gram_samples={1: 50}), "needs 96 < n < 9216"),
        ("S6", _with(gram_width={1: 32}), "needs m d > 10 n"),
        ("S6", QUICK.model_copy(update={"activations": ("tanh(z)",)}), "Lambda_0 = 0 by parity"),
    ],
)
def test_violated_hypotheses_are_sentences(name: str, profile: Profile, needle: str) -> None:
    with pytest.raises(HypothesisViolated, match=needle) as caught:
        CLAIMS[name].require(profile)
    assert "use" in str(caught.value) or "--activation" in str(caught.value)


# Cells against twins.


@pytest.mark.parametrize("kernel", ["NTK", "QuadNTK"])
def test_kernel_routes_agree_at_another_dimension(kernel) -> None:
    formula = CertifiedEigenvalues(activation=SIGMA, d=5, max_degree=3, kernel=kernel).run()["balls"]
    quadrature = KernelQuadrature(activation=SIGMA, d=5, max_degree=3, points=40, kernel=kernel).run()["values"]
    direct = ntk_eigenvalue if kernel == "NTK" else quadntk_eigenvalue
    for degree, (text, value) in enumerate(zip(formula, quadrature, strict=True)):
        assert value == pytest.approx(read_ball(text)[0], rel=1e-9)
        assert read_ball(text)[0] == pytest.approx(float(direct(Activation.parse(SIGMA), degree, 5).mid()), rel=1e-14)


@pytest.mark.parametrize(("kernel", "order"), [("NTK", 1), ("QuadNTK", 2)])
def test_monte_carlo_is_a_mean_over_triples(kernel, order: int) -> None:
    d, points = 4, 3
    cell = KernelMonteCarlo(activation=SIGMA, d=d, max_degree=2, blocks=100, points=points, kernel=kernel)
    gen = generator(cell.seed("blocks"))
    seeds = torch.randint(2**62, (100,), generator=gen).tolist()
    sigma = TorchActivation(Activation.parse(SIGMA))
    blocks = np.zeros((100, 3))
    for block, seed in enumerate(seeds):
        x, y = (sphere(points, d, math.sqrt(d), gen) for _ in range(2))
        w = TwoLayerNetwork(d, 2 * points, Activation.parse(SIGMA), seed=seed).half
        for a in x:
            for b in y:
                for v in w:
                    (left,), (right,) = sigma.derivatives(a @ v, order), sigma.derivatives(b @ v, order)
                    inner = float(a @ b) if order == 1 else float(a @ b) ** 2 / 4
                    legendre = [float(legendre_values(degree, d, a @ b / d)) for degree in range(3)]
                    blocks[block] += inner * float(left * right) * np.array(legendre) / points**3
    numbers = cell.run()
    np.testing.assert_allclose(numbers["values"], blocks.mean(0), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(numbers["stderrs"], blocks.std(0, ddof=1) / 10, rtol=1e-10)


def test_trace_of_the_quadntk_by_sampling() -> None:
    """K(x,x) = (d^2/4) E_w[sigma''^2] is the same for every x; 20,000 neurons, five standard errors."""
    numbers = TraceAndTail(activation=SIGMA, d=6, max_degree=10, order=4, kernel="QuadNTK").run()
    w = sphere(20_000, 6, 1.0, generator(3))
    (second,) = TorchActivation(Activation.parse(SIGMA)).derivatives(math.sqrt(6) * w[:, 0], 2)
    squares = 36 / 4 * second.square()
    error = float(squares.std()) / math.sqrt(20_000)
    assert abs(read_ball(numbers["trace"])[0] - float(squares.mean())) < 5 * error


def test_top_block_against_the_dense_covariance() -> None:
    cell = TopBlock(activation=SIGMA, d=4, m=24, k=1)
    numbers = cell.run()
    network = TwoLayerNetwork(4, 24, Activation.parse(SIGMA), seed=cell.seed("network"))
    values, vectors = np.linalg.eigh(feature_covariance(network).dense().numpy())
    np.testing.assert_allclose(numbers["values"], values[::-1][:5], rtol=1e-9)
    top = vectors[:, ::-1][:, :5]
    directions = GoodDirections(network, 1)
    for prefix, space in (("", directions), ("random_", directions.random_subspace(cell.seed("directions")))):
        basis = torch.stack([space.combine(row) for row in torch.eye(5, dtype=torch.float64)])
        sines = np.sin(subspace_angles(top, basis.flatten(1).numpy().T))
        assert numbers[f"{prefix}largest_sine"] == pytest.approx(sines.max(), rel=1e-7)
        assert numbers[f"{prefix}squared_sines"] == pytest.approx((sines**2).sum(), rel=1e-7)
    assert numbers["largest_sine"] < numbers["random_largest_sine"]


def test_gram_spectrum_against_the_jacobian() -> None:
    cell = GramSpectrum(activation=SIGMA, d=4, m=12, n=9, sizes=(5,))
    network = TwoLayerNetwork(4, 12, Activation.parse(SIGMA), seed=cell.seed("network"))
    x = sphere(9, 4, 2.0, generator(cell.seed("inputs", shared=("activation", "m"))))
    zero = torch.zeros(12, 4, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda W: network.forward(x, W), zero).flatten(1)
    values = np.linalg.eigvalsh((jacobian @ jacobian.T).numpy())
    numbers = cell.run()
    assert numbers["smallest"] == pytest.approx(values[0], rel=1e-9)
    assert numbers["means"] == pytest.approx([values[4:].mean(), values[:4].mean()], rel=1e-9)
    assert sum(numbers["counts"]) == 4
    assert numbers["edges"][0] == pytest.approx(values[0], rel=1e-9)


def test_learned_shares_against_kernel_ridge() -> None:
    cell = LearnedShares(activation="relu(z)", d=3, m=40, n=30, tests=50, max_degree=2)
    network = TwoLayerNetwork(3, 40, Activation.parse("relu(z)"), seed=cell.seed("network"))
    gen = generator(cell.seed("inputs"))
    x, fresh = sphere(30, 3, math.sqrt(3), gen), sphere(50, 3, math.sqrt(3), gen)
    seeds = torch.randint(2**62, (3,), generator=gen).tolist()
    gram = ntk_gram(network, x)
    ridge = RIDGE * float(gram.diagonal().mean())
    expected = []
    for degree, seed in enumerate(seeds):
        target = Target.dense(3, degree, 1.0, seed)
        fitted = KernelRidge(gram, target(x)).predict(ntk_gram(network, fresh, x), ridge)
        expected.append(float((fitted * target(fresh)).sum() / target(fresh).square().sum()))
    assert cell.run()["shares"] == pytest.approx(expected, rel=1e-6)


# Predictions against simulation.


def test_couplings_are_the_variances_of_one_neuron() -> None:
    """m E sum |E_ij|^2 / 2 = V over the blocks of T*T; 2,000 networks of ten neurons, five standard errors."""
    d, m, count = 5, 10, 2000
    theory = modes(Activation.parse(SIGMA), d)
    network = TwoLayerNetwork(d, m, Activation.parse(SIGMA), seed=tuple(range(count)))
    # Wide enough for n_1 directions, too narrow to be near the limit: the formula is exact in the mean at every m.
    gram = Span(network, 1).gram.numpy()
    ends = np.cumsum([0, 1, d])
    for i in range(2):
        for j in range(2):
            block = gram[:, ends[i] : ends[i + 1], ends[j] : ends[j + 1]].copy()
            if i == j:
                trace = np.trace(block, axis1=1, axis2=2)
                np.testing.assert_allclose(trace, theory.counts[i] * theory.eigenvalues[i], rtol=1e-9)
                block -= theory.eigenvalues[i] * np.eye(block.shape[1])
            squares = m / 2 * (block**2).sum((1, 2))
            error = squares.std() / math.sqrt(count)
            assert abs(squares.mean() - theory.coupling(i, j)) <= 5 * error + 1e-12


def test_modes_add_up() -> None:
    theory = modes(Activation.parse(SIGMA), 9)
    total = theory.radial + 8 * theory.tangential
    np.testing.assert_allclose(total, theory.counts * theory.eigenvalues, rtol=1e-10)


def _population(d: int, pairs: list[tuple[float, int]], tail: float = 0.0) -> Modes:
    values, counts = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    return Modes(d, values, counts, np.zeros_like(values), np.zeros_like(values), tail)


def test_the_edge_of_one_degree_is_that_of_marchenko_and_pastur() -> None:
    law = GramLaw(_population(10**6, [(0.02, 400)]), 100, 10**9, -1)
    assert law._curve()[1][-1] == pytest.approx(400 * 0.02 * (1 - math.sqrt(100 / 400)) ** 2, rel=1e-4)


@pytest.mark.parametrize("features", [10**9, 1000])
def test_gram_law_against_random_matrices(features: int) -> None:
    """Gaussian features in place of harmonics, 40 draws; 0.5 % for the means and 3 % for the smallest eigenvalue."""
    n, low, high, tail = 160, (1.0, 20), (0.01, 600), 0.5
    d = 10**6  # no two inputs are close
    law = GramLaw(_population(d, [low, high], tail), n, round(2 * features / d) or 1, 0)
    law = replace(law, modes=replace(law.modes, d=round(2 * features / law.m)))
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(40):
        population = np.repeat([low[0], high[0]], [low[1], high[1]])
        inputs = rng.normal(size=(n, population.size)) * np.sqrt(population)
        if features < 10**6:
            # The tail is a degree of its own with very many harmonics: random features see it as noise of each pair.
            rest = math.sqrt(tail) * rng.normal(size=(n, features))
            inputs = inputs @ rng.normal(size=(population.size, features)) + rest
            gram = inputs @ inputs.T / features
        else:
            gram = inputs @ inputs.T + tail * np.eye(n)
        values = np.linalg.eigvalsh(gram)
        rows.append([values[-20:].mean(), values[:-20].mean(), values[0]])
    top, bulk, smallest = np.mean(rows, axis=0)
    assert top == pytest.approx(law.group([0]), rel=0.01)
    assert bulk == pytest.approx(law.bulk(), rel=0.01)
    assert smallest == pytest.approx(law.smallest(), rel=0.03)


def test_split_recovers_groups_in_any_order() -> None:
    rng = np.random.default_rng(0)
    for centres in ([3.0, 1.0, 0.1], [0.5, 1.0, 0.1], [0.01, 1.0, 0.1]):
        parts = [c * np.exp(0.05 * rng.normal(size=count)) for c, count in zip(centres, (1, 5, 14), strict=True)]
        values = np.sort(np.concatenate(parts))[::-1]
        for found, part in zip(finite_width.split(values, [1, 5, 14]), parts, strict=True):
            np.testing.assert_allclose(np.sort(found), np.sort(part))


# Errors planted in the code that computes.


def _slip(orders: dict[int, int]) -> Callable[..., tuple[torch.Tensor, ...]]:
    true = TorchActivation.derivatives

    def derivatives(self: TorchActivation, z: torch.Tensor, *wanted: int) -> tuple[torch.Tensor, ...]:
        return true(self, z, *(orders.get(order, order) for order in wanted))

    return derivatives


@pytest.mark.parametrize(("name", "orders"), [("S8", {2: 1}), ("S1", {1: 2}), ("S1", {1: 0})])
def test_a_wrong_derivative_is_caught(name: str, orders: dict[int, int], monkeypatch) -> None:
    claim = CLAIMS[name]
    monkeypatch.setattr(TorchActivation, "derivatives", _slip(orders))
    outcome = claim.check(TINY, evidence(claim, TINY))
    sampled = [c for c in outcome.comparisons if "Monte Carlo" in c.label]
    assert all(c.verdict is Verdict.FAILS for c in sampled)
    assert any(c.verdict is Verdict.FAILS for c in outcome.comparisons if "quadrature" in c.label)


def test_a_wrong_scale_of_the_covariance_is_caught(monkeypatch) -> None:
    true = TopBlock.run
    monkeypatch.setattr(TopBlock, "run", lambda self: (n := true(self)) | {"values": [1.1 * v for v in n["values"]]})
    claim = CLAIMS["S5"]
    assert claim.check(TINY, evidence(claim, TINY)).verdict is Verdict.FAILS


def test_random_directions_are_caught(monkeypatch) -> None:
    shuffled = GoodDirections.random_subspace
    monkeypatch.setattr(
        "verify.cells.subspace.GoodDirections", lambda network, k: shuffled(GoodDirections(network, k), 0)
    )
    claim = CLAIMS["S7"]
    assert claim.check(TINY, evidence(claim, TINY)).verdict is Verdict.FAILS


def test_dependent_inputs_are_caught(monkeypatch) -> None:
    """Each input twice: the Gram matrix is singular, its smallest eigenvalue nowhere near gamma."""
    monkeypatch.setattr(
        "verify.cells.gram.sphere", lambda count, d, radius, gen: sphere(count // 2, d, radius, gen).repeat(2, 1)
    )
    claim = CLAIMS["S6"]
    assert claim.check(TINY, evidence(claim, TINY)).verdict is Verdict.FAILS


def test_noise_in_the_labels_is_caught(monkeypatch) -> None:
    """Shuffled labels leave nothing to learn."""
    true = Target.__call__
    monkeypatch.setattr(
        Target, "__call__", lambda self, x: true(self, x)[torch.randperm(len(x), generator=generator(len(x)))]
    )
    claim = CLAIMS["S9"]
    assert claim.check(TINY, evidence(claim, TINY)).verdict is Verdict.FAILS
