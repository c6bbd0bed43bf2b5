"""c, K and H: held against the certified block at rho = 1, and refused where doubles cannot tell sigma'."""

import pytest
import torch

from numerics.covariance import FeatureCovariance
from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork
from numerics.zonal import ZonalTensor
from theory import Activation, slope_covariance


@pytest.mark.parametrize("text", ["tanh(z + 1)", "gelu(z - 6)", "tanh(z + 8)", "exp(-z**2 - 60)"])
def test_the_stated_error_covers_the_certified_values(text: str) -> None:
    """E_S |f_L(S W)|^2 for one row along w_1 and one across, at d = 3, relative to the larger of the two."""
    network = TwoLayerNetwork(3, 2, text, seed=1)
    covariance = FeatureCovariance(network)
    along, across = (float(part) for part in slope_covariance(Activation.parse(text), 3))
    w = network.w[0]
    orthogonal = torch.linalg.svd(w[None]).Vh[1]
    found = [float(covariance.sign_energy(torch.stack([row, 0 * row]))) * 2 for row in (w, orthogonal)]
    errors = [abs(value - wanted) / max(along, across) for value, wanted in zip(found, (along, across), strict=True)]
    assert max(errors) <= covariance.error + 1e-14
    assert covariance.error < 1e-6


@pytest.mark.parametrize("text", ["gelu(z - 12)", "gelu(z - 13)"])
def test_a_slope_lost_to_rounding_is_refused(text: str) -> None:
    """The quadrature of gelu(z - 12) at d = 3 settles to 3e-13, 2 % off: 1 + erf of the tail is rounded away."""
    with pytest.raises(ValueError, match=r"lost to rounding in doubles .* use a smaller shift"):
        ZonalTensor.of(Activation.parse(text), 3)


@pytest.mark.parametrize(("text", "d"), [("relu(z - 5)**3", 5), ("tanh(z + 40)", 4), ("gelu(z - 40)", 3)])
def test_a_slope_of_zero_has_no_directions(text: str, d: int) -> None:
    with pytest.raises(ValueError, match=r"sigma' is zero in doubles .* use an activation that varies there"):
        GoodDirections(TwoLayerNetwork(d, 16, text), 1, "eigen")


@pytest.mark.parametrize("text", ["exp(-z**2 - 60)", "erf(z - 20)"])
def test_a_covariance_of_zero_in_single_precision_has_no_eigenvectors(text: str) -> None:
    """Its entries, 1e-53 and less, are zeros in float32; in float64 it has eigenvectors."""
    low = TwoLayerNetwork(4, 16, text, dtype=torch.float32)
    with pytest.raises(ValueError, match=r"Sigma is zero to rounding in torch\.float32; use float64"):
        GoodDirections(low, 1, "eigen")
    assert GoodDirections(TwoLayerNetwork(4, 16, text), 1, "eigen").dimension == 5


def test_eigenvectors_of_a_small_covariance_keep_their_digits() -> None:
    """Of size 1e-52: the tolerances of Lanczos have a floor, at which eigenvectors lost half of their digits."""
    network = TwoLayerNetwork(6, 100, "exp(z - 60)", seed=3)
    covariance = FeatureCovariance(network)
    values, vectors = covariance.top(6)
    residuals = torch.stack([covariance.matmul(one) for one in vectors]) - values[:, None, None] * vectors
    assert float(residuals.flatten(1).norm(dim=1).max() / values[0]) <= 1e-12
