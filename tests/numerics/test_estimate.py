"""Monte-Carlo estimates."""

import math

import pytest
import torch

from numerics import (
    Estimate,
    generator,
)


def test_standard_error_of_equal_samples() -> None:
    """Equal samples do not make a mean exact: it is rounded."""
    assert Estimate.of(torch.full((9,), 0.1), 0).stderr == pytest.approx(0.1 * 2**-23, rel=1e-6)
    assert Estimate.of([0.1, 0.1], 0).stderr > 0
    assert Estimate.of(torch.zeros(3), 0).stderr == 0
    samples = torch.randn(50, generator=generator(0), dtype=torch.float64)
    assert Estimate.of(samples, 0).stderr == float(samples.std()) / math.sqrt(50)
    with pytest.raises(ValueError, match="not finite"):
        Estimate.of([1.0, math.nan], 0)


@pytest.mark.parametrize("size", [1e308, 1e200, 1e-200, 5e-324])
def test_samples_of_any_size(size: float) -> None:
    """Sums of large samples overflow, and squares of small ones vanish: the estimate scales with the samples."""
    found, one = Estimate.of([size, size, -size], 0), Estimate.of([1.0, 1.0, -1.0], 0)
    assert found.value == pytest.approx(size * one.value, rel=1e-14, abs=0)
    assert found.stderr == pytest.approx(size * one.stderr, rel=1e-14, abs=5e-324)
