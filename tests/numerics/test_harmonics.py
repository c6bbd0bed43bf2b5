"""Harmonics of one degree: laws that determine an orthonormal basis up to rotation."""

import math
import re
from itertools import combinations

import pytest
import torch

from numerics import harmonics as module
from numerics.harmonics import Harmonics, khatri_rao
from numerics.memory import WouldNotFit
from numerics.sampling import generator, sphere
from numerics.targets import legendre_values
from theory.harmonics.sphere import multiplicity

CASES = [(3, 1), (3, 2), (3, 3), (3, 4), (4, 3), (5, 2), (6, 4), (8, 3), (20, 2), (200, 1)]


def rounding(d: int, degree: int, dtype: torch.dtype) -> float:
    """Of Y_j(u): l - 1 products, sums of d^l entries of u^{(x) l} in C(d+l-1, l) and of these in each of N coordinates.

    Sums of c terms add at most c eps relative to the sum of moduli; |u^{(x) l}| = 1, so by Cauchy-Schwarz that sum is
    at most the root of the energy factor E = d (d+2) .. (d+2l-2) / l! times the root of the number of terms.
    """
    packed = math.comb(d + degree - 1, degree)
    energy = math.prod(d + 2 * i for i in range(degree)) / math.factorial(degree)
    return torch.finfo(dtype).eps * (degree + packed + math.factorial(degree)) * math.sqrt(energy)


@pytest.mark.parametrize(("d", "degree"), CASES)
def test_addition_theorem(d: int, degree: int, device: str, dtype: torch.dtype) -> None:
    """sum_j Y_j(u) Y_j(v) = N P_l(<u,v>): holds exactly when Y_1..Y_N are orthonormal and span the degree."""
    harmonics = Harmonics(d, degree, dtype, device)
    assert harmonics.count == multiplicity(d, degree)
    u, v = (sphere(12, d, 1.0, generator(seed)).to(device, dtype) for seed in (0, 1))
    left, right = harmonics.values(u), harmonics.values(v)
    assert left.shape == (12, harmonics.count)
    assert left.dtype == dtype
    points = torch.cat([u, v]).double().cpu()
    points = points / points.norm(dim=1, keepdim=True)
    expected = harmonics.count * legendre_values(degree, d, points @ points.T)
    both = torch.cat([left, right]).double().cpu()
    # |Y(u)| = sqrt N on each side; rounding leaves |u| within 2 eps of 1, which moves Y(u) by 2 l eps |Y(u)|.
    atol = 2 * harmonics.count * (rounding(d, degree, dtype) + 2 * degree * torch.finfo(dtype).eps)
    assert float((both @ both.T - expected).abs().max()) <= atol
    # Planted: a harmonic left out, and one too large.
    assert float((both[:, 1:] @ both[:, 1:].T - expected).abs().max()) > atol
    both[:, 0] *= 1.05 if dtype == torch.float32 else 1 + 1e-6
    assert float((both @ both.T - expected).abs().max()) > atol


@pytest.mark.parametrize(("d", "degree"), CASES)
def test_laws_of_the_tensors(d: int, degree: int) -> None:
    harmonics = Harmonics(d, degree)
    gen = generator(3)
    coordinates = torch.randn(4, harmonics.count, generator=gen, dtype=torch.float64)
    tensors = harmonics.tensors(coordinates)
    assert tensors.shape == (4, d ** (degree - 1), d)
    whole = tensors.reshape(4, *[d] * degree)
    # l! permutations of entries of size at most |A|, sums of at most C(d+l-1, l) terms.
    size = float(whole.abs().max())
    atol = torch.finfo(torch.float64).eps * math.comb(d + degree - 1, degree) * size * 10
    for i, j in combinations(range(1, degree + 1), 2):
        assert torch.equal(whole, whole.transpose(i, j)), "symmetric in every bit"
        trace = whole.diagonal(dim1=i, dim2=j).sum(-1)
        assert float(trace.abs().max()) <= atol * d, "traceless: Y_A is harmonic"
    # coordinates is the adjoint of tensors, and undoes it up to the energy factor.
    other = torch.randn(4, d ** (degree - 1), d, generator=gen, dtype=torch.float64)
    torch.testing.assert_close(
        (coordinates * harmonics.coordinates(other)).sum(-1), (tensors * other).sum((-2, -1)), rtol=1e-11, atol=1e-9
    )
    energy = math.prod(d + 2 * i for i in range(degree)) / math.factorial(degree)
    torch.testing.assert_close(harmonics.coordinates(tensors), energy * coordinates, rtol=1e-11, atol=1e-9 * energy)
    # Y_A(u) = <A, u^{(x) l}>
    u = sphere(5, d, 1.0, gen)
    values = khatri_rao(u, degree) @ tensors.flatten(1).T
    torch.testing.assert_close(harmonics.values(u) @ coordinates.T, values, rtol=1e-11, atol=1e-10 * math.sqrt(energy))


@pytest.mark.parametrize(("d", "degree"), [(3, 2), (4, 3), (5, 4)])
def test_laplacian_vanishes(d: int, degree: int) -> None:
    """Y(u) = <A, u^{(x) l}> as a polynomial on R^d is harmonic and homogeneous; x_1^l is not harmonic."""
    harmonics = Harmonics(d, degree)
    point = torch.randn(d, generator=generator(0), dtype=torch.float64)
    hessian = torch.func.hessian(harmonics.values)(point[None])[0, :, 0, :, 0]  # (N, d, d)
    size = float(hessian.abs().max())
    assert float(hessian.diagonal(dim1=1, dim2=2).sum(-1).abs().max()) <= 1e-13 * size * d**degree
    slopes = torch.func.jacrev(harmonics.values)(point[None])[0, :, 0]
    torch.testing.assert_close(slopes @ point, degree * harmonics.values(point[None])[0])
    power = torch.func.hessian(lambda u: u[0] ** degree)(point)
    assert float(power.trace().abs()) > 1e-13 * size * d**degree


def test_khatri_rao() -> None:
    u = sphere(6, 4, 1.0, generator(0)).reshape(2, 3, 4)
    assert torch.equal(khatri_rao(u, 0), torch.ones(2, 3, 1, dtype=torch.float64))
    assert torch.equal(khatri_rao(u, 1), u)
    torch.testing.assert_close(khatri_rao(u, 3), torch.einsum("...i,...j,...k->...ijk", u, u, u).flatten(-3))


@pytest.mark.parametrize(
    ("d", "degree", "needle"),
    [(2, 1, "d=2"), (5, 0, "degree=0: needs degree >= 1"), (5, -1, "degree=-1"), (5, 1.5, "degree=1.5")],
)
def test_bad_input(d: int, degree: int, needle: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(needle)):
        Harmonics(d, degree)


def test_memory_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(module, "require", lambda count, *rest: asked.append(count))
    made = Harmonics(6, 3)
    kept = sum(t.nbytes for t in (made._position, made._weight, made._traceless))
    assert kept <= asked[0]
    monkeypatch.undo()
    with pytest.raises(WouldNotFit, match="harmonics of degree 6 in d=100"):
        Harmonics(100, 6)
