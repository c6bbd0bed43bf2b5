"""Test risk of kernel ridge regression predicted from a spectrum (the eigenlearning equations)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from theory.spectrum import Spectrum


def kernel_ridge_risk(
    spectrum: Spectrum,
    n: int,
    ridge: float,
    energies: Mapping[int, float],
    noise: float = 0.0,
) -> float:
    r"""Expected squared test error of kernel ridge regression with n samples.

    kappa > 0 solves sum_l N(d,l) Lambda_l/(Lambda_l + kappa) + ridge/kappa = n; with L_l = Lambda_l/(Lambda_l + kappa),

    .. math:: \text{risk} = \frac{n}{n - \sum_l N(d,l) L_l^2}
              \Big[\sum_l (1-L_l)^2 \|f_l\|^2 + \text{noise}\Big].

    Degrees beyond the listed ones enter through the spectrum's tail, which acts as additional ridge because
    Lambda_l << kappa there (their N L_l sum to tail/kappa, their N L_l^2 are dropped).

    Args:
        spectrum: eigenvalues by degree, from :func:`theory.ntk_spectrum`.
        n: number of samples, >= 1.
        ridge: added to the diagonal of the n x n Gram matrix (not divided by n), >= 0.
        energies: ||f_l||^2 in L2 by degree; degrees beyond the spectrum count as unlearned.
        noise: variance of the label noise.

    Returns:
        float: the predicted risk, the noise included. Exact as n and d grow; relative finite-size error O(n^{-1/2})
            or better.

    Raises:
        ValueError: n < 1, ridge < 0, noise < 0, a negative energy, or no kappa exists (no ridge, no tail and n at
            least the number of eigenfunctions).

    Source: Simon, Dickens, Karkada & DeWeese (arXiv:2110.03922); docs/mathematics, section 6.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n={n!r}: needs an integer n >= 1")
    for name, value in (
        ("ridge", ridge),
        ("noise", noise),
        *((f"energies[{k}]", v) for k, v in energies.items()),
    ):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name}={value!r}: needs a finite number >= 0")
    modes = [
        (degree, count, float(value.mid()))
        for degree, count, value in zip(spectrum.degrees, spectrum.multiplicities, spectrum.eigenvalues, strict=True)
        if not value.is_zero()
    ]
    # A tail whose ball contains zero is rounding, not a ridge.
    effective_ridge = ridge + (0.0 if spectrum.tail.contains(0) else max(float(spectrum.tail.mid()), 0.0))
    if effective_ridge == 0.0 and n >= sum(count for _, count, _ in modes):
        raise ValueError(f"ridge={ridge}: needs ridge > 0 when n={n} is at least the number of eigenfunctions listed")

    def samples_used(kappa: float) -> float:
        return sum(c * v / (v + kappa) for _, c, v in modes) + effective_ridge / kappa

    upper = (sum(c * v for _, c, v in modes) + effective_ridge) / n  # samples_used(upper) <= n
    lower = upper
    while samples_used(lower) < n:
        lower /= 2
    for _ in range(200):
        middle = math.sqrt(lower) * math.sqrt(upper)
        lower, upper = (middle, upper) if samples_used(middle) > n else (lower, middle)
    kappa = math.sqrt(lower) * math.sqrt(upper)

    learned = {degree: v / (v + kappa) for degree, _, v in modes}
    squares = sum(c * learned[degree] ** 2 for degree, c, _ in modes)
    error = sum((1 - learned.get(degree, 0.0)) ** 2 * energy for degree, energy in energies.items())
    return n / (n - squares) * (error + noise)
