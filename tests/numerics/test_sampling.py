"""Uniform and Gaussian points."""

import math

import pytest
import torch

from numerics import GoodDirections, Target, TwoLayerNetwork, gaussian, generator, sphere, to_sphere


def test_sphere_points() -> None:
    x = sphere(4000, 5, 3.0, generator(0))
    torch.testing.assert_close(x.norm(dim=1), torch.full((4000,), 3.0, dtype=torch.float64))
    # E[x x^T] = (9/5) I; entries have standard error below 9/5 * sqrt(2/4000).
    deviation = (x.T @ x / 4000 - 9 / 5 * torch.eye(5, dtype=torch.float64)).abs().max()
    assert deviation < 5 * 9 / 5 * math.sqrt(2 / 4000)


def test_gaussian_points() -> None:
    """Second moments and lengths: E x x^T = I, so E|x|^2 = d, with variance 2 d."""
    x = gaussian(4000, 5, generator(0))
    identity = torch.eye(5, dtype=torch.float64)
    # Entries of the mean of x x^T have variance 1/n, on the diagonal 2/n.
    assert float((x.T @ x / 4000 - identity).abs().max()) < 5 * math.sqrt(2 / 4000)
    assert float((x.T @ x / 4000 - 1.2 * identity).abs().max()) > 5 * math.sqrt(2 / 4000)
    lengths = x.square().sum(1)
    assert abs(float(lengths.var()) / 10 - 1) < 0.2, "not on a sphere"
    assert torch.equal(x, gaussian(4000, 5, generator(0)))


def test_inputs_of_ones_own_on_the_sphere(dtype: torch.dtype) -> None:
    x = 7 * gaussian(20, 5, generator(0), dtype)
    found = to_sphere(x)
    torch.testing.assert_close(found.square().sum(1), torch.full((20,), 5.0, dtype=dtype))
    cosines = (found * x).sum(1) / (found.norm(dim=1) * x.norm(dim=1))
    torch.testing.assert_close(cosines, torch.ones(20, dtype=dtype))
    torch.testing.assert_close(to_sphere(x, 1)[0], to_sphere(x[0], 1))
    assert torch.equal(to_sphere(x.numpy()), found)
    for bad, needle in (
        (x * 0, "length zero"),
        (x[:, :2], "d=2"),
        ([], "d=0"),
        (1.0, "d=0"),
        ("x", "needs a tensor or an array"),
        (x * math.nan, "not finite"),
    ):
        with pytest.raises(ValueError, match=needle):
            to_sphere(bad)
    with pytest.raises(ValueError, match="radius=-1"):
        to_sphere(x, -1)


def test_rows_of_any_size_reach_the_sphere(dtype: torch.dtype) -> None:
    """The length is seen in double after an exact rescaling: squares of the rows leave the range of the dtype."""
    sizes = (1e-44, 1e-23, 1e-17, 1e25, 3e38) if dtype == torch.float32 else (4e-323, 1e-200, 1e-162, 1e160, 1.7e308)
    x = torch.tensor([[size * part for part in (1, -0.75, 0.5, 1)] for size in sizes], dtype=dtype)
    found = to_sphere(x)
    torch.testing.assert_close(found.double().norm(dim=1), torch.full((5,), 2.0).double(), rtol=1e-6, atol=0)
    ratios = x.double() / x[:, :1].double()  # of subnormal numbers, as they were rounded
    torch.testing.assert_close(found.double() / found[:, :1].double(), ratios, rtol=1e-6, atol=0)
    common = gaussian(50, 7, generator(0), dtype)
    assert torch.equal(to_sphere(common), common * (7**0.5 / common.norm(dim=-1, keepdim=True)))
    with pytest.raises(ValueError, match="row of length zero: no point"):
        to_sphere(x * 0)


@pytest.mark.parametrize(("radius", "dtype"), [(1e39, torch.float32), (1e-50, torch.float32), (1e-300, torch.float64)])
def test_a_radius_beyond_the_dtype_is_refused(radius: float, dtype: torch.dtype) -> None:
    for call in (
        lambda: to_sphere(gaussian(2, 3, generator(0), dtype), radius),
        lambda: sphere(2, 3, radius, generator(0), dtype),
    ):
        with pytest.raises(
            ValueError, match=r"radius=1e.*needs a radius from .*range of torch.float.*; use another unit"
        ):
            call()


def test_a_purpose_is_a_stream_of_its_own() -> None:
    """Without one, an input is the target's direction, and a random subspace holds the network's weights."""
    d, n = 16, 1000  # below 16 numbers torch draws in another way
    (_, beta), *_ = Target.sparse(d, 2, [1.0], 0).terms.values()

    def along(x: torch.Tensor) -> float:
        return float((x[0] @ beta[0]).abs() / x[0].norm())

    assert along(sphere(n, d, 1.0, generator(0))) == pytest.approx(1.0)
    own = sphere(n, d, 1.0, generator(0, purpose="inputs"))
    assert along(own) < 0.95
    assert torch.equal(own, sphere(n, d, 1.0, generator(0, purpose="inputs")))
    for other in (generator(0), generator(0, purpose="labels"), generator(1, purpose="inputs")):
        correlation = (own * sphere(n, d, 1.0, other)).sum(1).mean()  # of mean 0 and variance 1 / (d n)
        assert abs(float(correlation)) < 5 / math.sqrt(d * n)
    network = TwoLayerNetwork(d, 32, "tanh(z + 1)")
    weights = torch.cat([network.half, -network.half])
    inside = [
        float(GoodDirections(network, 1).random_subspace(s).project(weights).norm() / weights.norm()) for s in (0, 1)
    ]
    assert inside[0] > 0.95, "all but what normalising the weights changes"
    assert inside[1] < 0.8
    with pytest.raises(ValueError, match="purpose=3: needs a text"):
        generator(0, purpose=3)  # type: ignore[arg-type]
