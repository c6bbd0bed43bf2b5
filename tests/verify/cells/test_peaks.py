"""The curve of the infinite-width kernel against the certified series and naive algebra; where a curve is highest."""

import math

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev

from numerics.sampling import generator, sphere
from numerics.targets import Target, legendre_polynomials
from theory import ntk_spectrum
from verify.cells.peaks import NoisyCurve, summit
from verify.cells.peaks_run import interpolant

SIGMA = "tanh(z/8 + 1)"


def series(d: int, t: torch.Tensor) -> torch.Tensor:
    """sum_l N(d,l) Lambda_l P_l(t)."""
    listed = ntk_spectrum(SIGMA, d, 14)
    terms = zip(listed.contributions, legendre_polynomials(d, t), strict=False)
    return sum((float(c.mid()) * p for c, p in terms), torch.zeros_like(t))


@pytest.mark.parametrize("d", [5, 128])
def test_the_kernel_is_the_certified_series(d: int) -> None:
    t = torch.linspace(-1, 1, 101, dtype=torch.float64)
    found = chebyshev.chebval(t.numpy(), interpolant(SIGMA, d))
    np.testing.assert_allclose(found, series(d, t).numpy(), rtol=0, atol=1e-9 * found[-1])


def test_the_curve_against_naive_algebra() -> None:
    cell = NoisyCurve(
        activation=SIGMA, d=5, degree=2, samples=(6, 12), ridges=(0.0, 0.5), tests=50, targets=2, replicate=3
    )
    numbers, d = cell.run(), cell.d
    gen = generator(cell.seed("inputs"))
    x, test = sphere(12, d, math.sqrt(d), gen), sphere(50, d, math.sqrt(d), gen)
    targets = [Target.dense(d, 2, 1.0, cell.seed(f"target {i}")) for i in range(2)]
    gram, cross = series(d, x @ x.T / d), series(d, test @ x.T / d)
    for row, ridge in enumerate(cell.ridges):
        for column, n in enumerate(cell.samples):
            inverse = torch.linalg.inv(gram[:n, :n] + ridge * gram[0, 0] * torch.eye(n, dtype=gram.dtype))
            weights = cross[:, :n] @ inverse
            errors = torch.stack([weights @ f(x[:n]) - f(test) for f in targets])
            assert numbers["bias"][row][column] == pytest.approx(float(errors.square().mean()), rel=1e-6)
            mean = float(weights.square().sum(1).mean())
            assert numbers["variance"][row][column] == pytest.approx(mean, rel=1e-6)


def test_the_noise_enters_as_stated() -> None:
    """E over noisy labels of the risk on noisy labels, by 4,000 draws of noise of variance 0.3."""
    cell = NoisyCurve(activation=SIGMA, d=4, degree=1, samples=(7,), ridges=(0.1,), tests=40, targets=1)
    numbers, d, variance = cell.run(), cell.d, 0.3
    gen = generator(cell.seed("inputs"))
    x, test = sphere(7, d, 2.0, gen), sphere(40, d, 2.0, gen)
    target = Target.dense(d, 1, 1.0, cell.seed("target 0"))
    gram, cross = series(d, x @ x.T / d), series(d, test @ x.T / d)
    weights = cross @ torch.linalg.inv(gram + 0.1 * gram[0, 0] * torch.eye(7, dtype=gram.dtype))
    noise = generator(5)
    draws = [math.sqrt(variance) * torch.randn(k, 4000, generator=noise, dtype=torch.float64) for k in (7, 40)]
    errors = weights @ (target(x)[:, None] + draws[0]) - target(test)[:, None] - draws[1]
    risks = errors.square().mean(0)
    predicted = numbers["bias"][0][0] + variance * (1 + numbers["variance"][0][0])
    assert abs(float(risks.mean()) - predicted) < 5 * float(risks.std()) / math.sqrt(4000)


def test_summit() -> None:
    samples = [10, 13, 17, 22, 29]
    curve = [3 * math.exp(-((math.log(n / 15.3)) ** 2)) for n in samples]
    assert summit(samples, curve) == pytest.approx((15.3, 3.0))
    assert summit(samples, sorted(curve)) == (29.0, max(curve))
    assert summit(samples, sorted(curve, reverse=True)) == (10.0, max(curve))
