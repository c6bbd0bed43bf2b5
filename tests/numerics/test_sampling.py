"""Uniform and Gaussian points."""

import math

import pytest
import torch

from numerics import gaussian, generator, sphere, to_sphere


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
