"""Targets: energies by degree, exact and sampled."""

import math
import re

import pytest
import torch

from numerics.sampling import generator, sphere
from numerics.targets import Target, legendre_values, monomial_parts
from theory import moment, multiplicity


@pytest.mark.parametrize(("d", "degree"), [(8, 1), (8, 2), (30, 3)])
def test_target_energy_is_exact(d: int, degree: int) -> None:
    """Exact energies against a sample (5 standard errors, each false alarm 6e-7), and degrees orthogonal."""
    dense, sparse = Target.dense(d, degree, 1.5, 0), Target.sparse(d, degree + 1, [1.0, -0.5], 1)
    assert dense.energies()[degree] == pytest.approx(1.5, rel=1e-12)
    both = dense + sparse
    x = sphere(200_000, d, math.sqrt(d), generator(5))
    for target, energy in (
        (dense, 1.5),
        (sparse, sparse.energies()[degree + 1]),
        (both, sum(both.energies().values())),
    ):
        squares = target(x).square()
        stderr = float(squares.std()) / math.sqrt(len(x))
        assert abs(float(squares.mean()) - energy) < 5 * stderr
        assert abs(float(squares.mean()) - 1.2 * energy) > 5 * stderr


def test_zonal_degree_two_is_the_centred_square(device: str, dtype: torch.dtype) -> None:
    d = 9
    target = Target.zonal(d, 2, torch.eye(d, dtype=torch.float64)[:1], [1.0])
    x = sphere(20, d, math.sqrt(d), generator(0)).to(device, dtype)
    centred = x[:, 0] ** 2 - 1
    energy = 2 * (d - 1) / (d + 2)  # of the centred square on the sphere
    found = target(x)
    assert found.dtype == dtype
    # A dozen operations on numbers of size at most d.
    atol = 12 * torch.finfo(dtype).eps * d
    assert float((found - centred / math.sqrt(energy)).abs().max()) <= atol
    assert float((found - 1.01 * centred / math.sqrt(energy)).abs().max()) > atol


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda: Target.dense(7, 2, -1.0, 1), "energy=-1.0"),
        (lambda: Target.zonal(3, 1, torch.zeros(1, 3), [1.0]), "non-zero"),
        (lambda: Target.sparse(3, 2, [1.0] * 4, 0), "at most d orthogonal"),
        (lambda: Target.dense(3, 1, 1.0, 0) + Target.dense(4, 1, 1.0, 0), "same d"),
        (lambda: Target.zonal(3, 1, torch.zeros(2, 4), [1.0, 2.0]), "needs (2, 3)"),
    ],
)
def test_bad_input(call, needle: str) -> None:
    with pytest.raises(ValueError, match=re.escape(needle)):
        call()


@pytest.mark.parametrize(("power", "d"), [(1, 3), (2, 4), (3, 5), (4, 20)])
def test_a_monomial_is_the_sum_of_its_parts(power: int, d: int) -> None:
    t = torch.linspace(-1, 1, 9, dtype=torch.float64)
    parts = monomial_parts(power, d)
    total = sum(part * math.sqrt(multiplicity(d, j)) * legendre_values(j, d, t) for j, part in parts.items())
    torch.testing.assert_close(total, t**power, rtol=1e-12, atol=1e-13)
    energy = float(moment(d, 2 * power))  # of t^p: Parseval
    assert sum(part**2 for part in parts.values()) == pytest.approx(energy, rel=1e-12)


def test_an_input_at_the_end_of_its_tolerance_stays_on_the_sphere() -> None:
    """P_l grows fast beyond t = 1: |f| <= sqrt(N(d, l)) on the sphere, and 34 million was said at t = 1 + 1e-6."""
    target = Target.zonal(3, 10_000, torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([1.0]))
    (value,) = target(torch.tensor([[0.0, 0.0, math.sqrt(3) * (1 + 1e-6)]])).tolist()
    assert abs(value) <= math.sqrt(20_001) * (1 + 1e-3)


def test_parts_of_a_monomial_of_high_degree() -> None:
    """N(d, 340) is beyond doubles at d = 1000: the parts have the energy E[t^680] = prod (2i+1)/(d+2i)."""
    power, d = 340, 1000
    log_moment = sum(math.log((2 * i + 1) / (d + 2 * i)) for i in range(power))
    energy = sum(part**2 for part in monomial_parts(power, d).values())
    assert math.log(energy) == pytest.approx(log_moment, rel=1e-12)


def test_directions_of_any_length() -> None:
    """A direction whose square leaves the doubles is that of a row of length one."""
    unit = [[0.6, 0.0, -0.8, 0.0]]
    for size in (1e-200, 1e-162, 1e170, 2e307):
        (_, found), *_ = Target.zonal(4, 2, torch.tensor(unit).double() * size, [1.0]).terms.values()
        torch.testing.assert_close(found, torch.tensor(unit).double(), rtol=1e-7, atol=0)
    with pytest.raises(ValueError, match="directions: needs non-zero finite rows"):
        Target.zonal(4, 2, torch.zeros(1, 4, dtype=torch.float64), [1.0])
