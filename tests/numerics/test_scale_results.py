"""Results at scales whose squares leave the range of the dtype: right, by another route, or refused in a sentence."""

import itertools
import math

import pytest
import torch

from numerics import (
    FeatureCovariance,
    GoodDirections,
    GradientDescent,
    HermiteTarget,
    Objective,
    PenaltyWeights,
    Target,
    TwoLayerNetwork,
    dense_construction,
    extreme_eigenvalue,
    gaussian,
    generator,
    lipschitz_constant,
    small_start,
    sparse_construction,
    to_sphere,
    train,
)
from numerics.curvature import Hessian

FREE = PenaltyWeights(r4=0.0)


def problem(scale: float, dtype: torch.dtype = torch.float64, seed: int | tuple[int, ...] = 1) -> Objective:
    """The Taylor model on inputs of length 2 ``scale``."""
    network = TwoLayerNetwork(4, 8, "tanh(z + 1)", seed, dtype)
    x = (to_sphere(gaussian(6, 4, generator(5))) * scale).to(dtype)
    return Objective(network, x, torch.arange(6.0) - 2, FREE, model="taylor")


@pytest.mark.parametrize(
    ("dtype", "scales"),
    [(torch.float32, (1e-15, 1e-12, 1e-10)), (torch.float64, (1e-150, 1e-100, 1e-80))],
    ids=["float32", "float64"],
)
def test_the_lipschitz_constant_of_a_small_hessian(dtype: torch.dtype, scales: tuple[float, ...]) -> None:
    """Against the eigenvalues of the Hessian itself, column by column, over its largest entry."""
    for scale in scales:
        objective = problem(scale, dtype)
        W = torch.zeros_like(objective.network.w)
        columns = torch.eye(W.numel(), dtype=dtype).reshape(-1, *W.shape)
        matrix = Hessian(objective, W).matmul(columns).flatten(1).double()
        size = float(matrix.abs().max())
        right = float(torch.linalg.eigvalsh(matrix / size).abs().max()) * size
        found = float(lipschitz_constant(objective, W, iterations=30))
        assert found == pytest.approx(right, rel=1e-4 if dtype == torch.float32 else 1e-10)
        ends = [abs(extreme_eigenvalue(objective, W, end).value) for end in ("smallest", "largest")]
        assert found == pytest.approx(max(ends), rel=1e-4)


def test_the_lipschitz_constant_of_a_large_hessian() -> None:
    """At W = 0 and large labels the Hessian is linear in the labels."""
    base, found = problem(1.0), {}
    for size in (1e100, 1e200):
        objective = Objective(base.network, base.x, base.y * size, FREE)
        found[size] = float(lipschitz_constant(objective, 0 * base.network.w, iterations=30))
    assert found[1e200] / found[1e100] == pytest.approx(1e100, rel=1e-12)


def test_each_network_of_a_batch_has_its_own_scale() -> None:
    objective = problem(1e-100, seed=(1, 2))
    W = torch.zeros_like(objective.network.w)
    W[1] = 1e120
    together = lipschitz_constant(objective, W)
    for i, seed in enumerate((1, 2)):
        assert float(together[i]) == pytest.approx(
            float(lipschitz_constant(problem(1e-100, seed=seed), W[i])), rel=1e-9
        )


def test_training_does_not_see_the_unit_of_the_inputs() -> None:
    """At small inputs sigma' and sigma'' are constant, and with W over s the model at s x is that at x, to the bit."""
    runs = []
    for power in (-70, -400):
        objective = problem(2.0**power)
        start = small_start(objective.network, 1.0, 3) * 2.0**-power
        runs.append(train(objective, start, GradientDescent(), steps=20, record_every=5))
    first, second = ([float(record.parts.total) for record in run.records] for run in runs)
    assert first == second
    assert first[-1] < 0.9 * first[0], "it learns"
    lengths = [[float(record.gradient_norm) for record in run.records] for run in runs]
    assert lengths[0] == [length * 2.0**330 for length in lengths[1]]


def test_labels_that_are_too_large_are_to_blame() -> None:
    network = TwoLayerNetwork(4, 16, "tanh(z + 1)", 1)
    x = to_sphere(gaussian(12, 4, generator(5)))
    W = small_start(network, 1.0, 3)
    large = Objective(network, x, x[:, 0] * 1e200)
    for start, method in itertools.product((W, 0 * W), (None, GradientDescent(0.1))):
        with pytest.raises(ArithmeticError, match=r"the labels y are too large for torch.float64.*; rescale y"):
            train(large, start, method, steps=1)
    with pytest.raises(ArithmeticError, match="the start is too large"):
        train(Objective(network, x, x[:, 0]), W * 1e160, steps=1)
    inputs = Objective(TwoLayerNetwork(4, 16, "z + z**2", 1), x * 1e100, x[:, 0])
    with pytest.raises(ArithmeticError, match=r"the inputs x, labels y or penalty weights are too large.*; rescale"):
        lipschitz_constant(inputs, 0 * W)


def test_a_gradient_whose_square_underflows_has_a_norm() -> None:
    """At W = 0 the gradient is linear in the labels."""
    network = TwoLayerNetwork(4, 16, "tanh(z + 1)", 1)
    x = to_sphere(gaussian(12, 4, generator(5)))
    norms = {
        size: float(train(Objective(network, x, x[:, 0] * size), 0 * network.w, steps=1).records[0].gradient_norm)
        for size in (1.0, 1e-170, 1e140)
    }
    assert norms[1.0] == pytest.approx(0.78, abs=0.005)
    for size, found in norms.items():
        assert found == pytest.approx(norms[1.0] * size, rel=1e-12)
    assert math.isfinite(norms[1e140])


@pytest.mark.parametrize(("dtype", "sizes"), [(torch.float32, (1e-22, 1e-30)), (torch.float64, (1e-161, 1e-155))])
def test_directions_at_small_inputs_are_a_projection_or_refused(dtype: torch.dtype, sizes: tuple[float, ...]) -> None:
    network = TwoLayerNetwork(4, 16, "tanh(z + 1)", 1, dtype)
    x, W = to_sphere(gaussian(12, 4, generator(5), dtype)), small_start(network, 1.0, 3)
    for size in sizes:
        with pytest.raises(ValueError, match=r"squares of the Jacobian underflow in torch.float.*; rescale x"):
            GoodDirections(network, 1, "jacobian", x * size, count=3)
    P = GoodDirections(network, 1, "jacobian", x * (1e-16 if dtype == torch.float32 else 1e-150), count=3)
    once = P.project(W)
    assert float((P.project(once) - once).norm() / once.norm()) < 100 * torch.finfo(dtype).eps


def test_energies_of_targets_are_right_or_refused() -> None:
    line = [[1.0, 0, 0, 0]]
    for make in (lambda a: Target(4, {2: ([a], line)}), lambda a: HermiteTarget(4, {2: ([a], line)})):
        assert make(1e-150).energies()[2] == pytest.approx(1e-300)
        assert make(1e150).energies()[2] == pytest.approx(1e300)
        assert make(0.0).energies()[2] == 0
        for size, word in ((1e200, "overflows"), (1e-200, "underflows")):
            with pytest.raises(
                ValueError, match=f"the energy of degree 2 {word}: the weights are too .* for torch.float64; use"
            ):
                make(size).energies()


def test_norms_of_constructions_are_right_or_refused() -> None:
    """|W_Q|^4 is quadratic in the strength, |W_L|^2 in the target."""
    network, beta = TwoLayerNetwork(4, 16, "tanh(z + 1)", 1), [[1.0, 0, 0, 0]]
    one = sparse_construction(network, beta, [1.0], 1).norms["|W_Q|_{2,4}^4"].measured
    small = sparse_construction(network, beta, [1e-150], 1).norms["|W_Q|_{2,4}^4"].measured
    assert small == pytest.approx(one * 1e-300, rel=1e-12)
    low = TwoLayerNetwork(4, 16, "tanh(z + 1)", 1, torch.float32)
    large = sparse_construction(low, beta, [1e30], 1).norms["|W_Q|_{2,4}^4"].measured
    assert large == pytest.approx(one * 1e60, rel=1e-5)
    for size, word in ((1e200, "overflows"), (1e-200, "underflows")):
        with pytest.raises(
            ValueError, match=rf"\|W_Q\|_\{{2,4\}}\^4 {word}: the target is too .* for torch.float64; use"
        ):
            sparse_construction(network, beta, [size], 1)
    whole, part = (
        dense_construction(network, Target.zonal(4, 1, beta, [a]), 1).norms["|W_L|^2"] for a in (1.0, 1e-150)
    )
    assert part.measured == pytest.approx(whole.measured * 1e-300, rel=1e-12)


def test_the_movement_of_a_small_kernel_is_a_number() -> None:
    """Of the square network, whose kernel at s x and W over s is s^2 times that at x and W at small s."""
    found = []
    for power in (-70, -300, -400):
        objective = problem(2.0**power)
        start = small_start(objective.network, 1.0, 3) * 2.0**-power
        record = train(objective, start, steps=1).records[0]
        found.append(float(record.kernel_movement))
    assert found[0] > 0.01
    assert found == [found[0]] * 3


def test_energies_of_displacements_are_right_or_refused() -> None:
    network = TwoLayerNetwork(4, 16, "tanh(z + 1)", 1)
    W = small_start(network, 1.0, 3)
    sigma, P = FeatureCovariance(network), GoodDirections(network, 1)
    for energy in (sigma.energy, sigma.sign_energy, P.sign_energy):
        assert float(energy(W * 1e-150)) == pytest.approx(float(energy(W)) * 1e-300, rel=1e-12)
        assert float(energy(0 * W)) == 0
        several = energy(torch.stack([W, W * 1e-140]))
        assert float(several[1]) == pytest.approx(float(energy(W)) * 1e-280, rel=1e-12)
        for size, word in ((1e-170, "underflows"), (1e170, "overflows")):
            with pytest.raises(ValueError, match=f"the energy {word}: W is too .* for torch.float64; use"):
                energy(W * size)
