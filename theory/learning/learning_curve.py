r"""Test risk of kernel ridge regression predicted from a spectrum (the eigenlearning equations).

With n samples and kappa > 0 the solution of the conservation law below, degree l is learned to the fraction L_l:

.. math:: \sum_l N(d,l) L_l + \frac{\text{ridge} + \text{tail}}{\kappa} = n, \qquad
          L_l = \frac{\Lambda_l}{\Lambda_l + \kappa}, \qquad
          \text{risk} = \frac{n}{n - \sum_l N(d,l) L_l^2} \Big[\sum_l (1-L_l)^2 \|f_l\|^2 + \text{noise}\Big].

Conventions of all functions here. The ridge is added to the diagonal of the n x n Gram matrix, not divided by n.
Degrees beyond the listed ones enter through the spectrum's tail, which acts as additional ridge where Lambda_l <<
kappa. Where that could change the risk or kappa by more than 0.1 %
(:class:`theory.learning.eigenlearning.Eigenlearning` derives the bound), or the target has energy beyond the list, more
degrees or digits are computed, up to :data:`theory.learning.extension.MAX_DEGREE`; beyond that the call is refused with
the degree it needs. Energies are ||f_l||^2 in L2 by degree; energy at a degree whose eigenvalue is exactly zero stays
unlearned. The risk includes the noise.

Source: Simon, Dickens, Karkada & DeWeese (arXiv:2110.03922); docs/mathematics, :eq:`conservation-law` and
:eq:`ridge-risk`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

from theory.harmonics.sphere import as_integer, shown
from theory.learning.best_ridge import best, best_ridge
from theory.learning.eigenlearning import Eigenlearning, as_double
from theory.learning.extension import settled
from theory.spectra.spectrum import Spectrum

MAX_SAMPLES = 10**15
"""Above this many samples a double no longer tells n from n + 1 safely."""


def check_samples(n: int) -> int:
    """``n`` when it is an integer >= 1; ValueError otherwise."""
    number = as_integer(n)
    if number is None or number < 1:
        raise ValueError(f"n={shown(n)}: needs an integer n >= 1")
    if number > 10**300:
        raise ValueError(f"n={shown(number)}: needs n <= 10**300")
    return number


def effective_regularization(spectrum: Spectrum, n: int, ridge: float) -> float:
    r"""kappa, the eigenvalue size that n samples learn half: sum_l N(d,l) Lambda_l/(Lambda_l+kappa) + ridge/kappa = n.

    The tail counts as ridge. kappa > 0 falls with n, grows with the ridge, and is in the units of Lambda_l.

    Raises:
        ValueError: n < 1, ridge < 0, or no kappa > 0 exists (no ridge, no tail, n at least the number of
            eigenfunctions).

    Cost: 200 evaluations of the law. Source: arXiv:2110.03922; docs/mathematics, :eq:`conservation-law`.

    >>> from theory.activations import Activation
    >>> from theory.spectra.tangent_spectra import ntk_spectrum
    >>> spectrum = ntk_spectrum(Activation.parse("sin(z + pi/4)"), 20, 4)
    >>> round(effective_regularization(spectrum, 60, 0.1), 6)
    0.119196
    """
    n, ridge = check_samples(n), as_double("ridge", ridge)
    return settled(spectrum, {}, 0.0, lambda problem: problem.solved(n, ridge))


def learnabilities(spectrum: Spectrum, n: int, ridge: float) -> dict[int, float]:
    r"""L_l = Lambda_l/(Lambda_l + kappa) by degree, the fraction of degree l that n samples learn, in [0, 1).

    Conservation: sum_l N(d,l) L_l + (ridge + tail)/kappa = n. Exactly 0.0 where
    Lambda_l vanishes or is not told from zero.

    Raises:
        ValueError: as :func:`effective_regularization`.

    Source: arXiv:2110.03922; docs/mathematics, :eq:`conservation-law`.

    >>> from theory.activations import Activation
    >>> from theory.spectra.tangent_spectra import ntk_spectrum
    >>> spectrum = ntk_spectrum(Activation.parse("tanh(z)"), 20, 3)
    >>> {degree: round(share, 4) for degree, share in learnabilities(spectrum, 60, 0.1).items()}
    {0: 0.0, 1: 0.8899, 2: 0.0, 3: 0.0193}
    """
    kappa = effective_regularization(spectrum, n, ridge)
    return {
        degree: 0.0 if value.contains(0) else float(value.mid()) / (float(value.mid()) + kappa)
        for degree, value in zip(spectrum.degrees, spectrum.eigenvalues, strict=True)
    }


def kernel_ridge_risk(
    spectrum: Spectrum,
    n: int,
    ridge: float,
    energies: Mapping[int, float],
    noise: float = 0.0,
) -> float:
    r"""Expected squared test error of kernel ridge regression with n samples, the noise included.

    .. math:: \text{risk} = \frac{n}{n - \sum_l N(d,l) L_l^2} \Big[\sum_l (1-L_l)^2 \|f_l\|^2 + \text{noise}\Big].

    Args:
        spectrum: eigenvalues by degree, from :func:`theory.ntk_spectrum`.
        n: number of samples, >= 1.
        ridge: added to the diagonal of the n x n Gram matrix (not divided by n), >= 0.
        energies: ||f_l||^2 in L2 by degree.
        noise: variance of the label noise.

    Returns:
        float: the predicted risk. Exact as n and d grow. At finite sizes the mean over inputs and targets differs from
            it in relative terms by at most 1.5/n, and a single set of n inputs by a standard deviation of at most
            0.6 n^{-1/2}, as measured for sin(z + pi/4) at d = 12 to 64 and n = d, 4d and d^2/4 (the tests measure it
            again); bounds for other spectra: Misiakiewicz & Saeed (arXiv:2403.08938).

    Raises:
        ValueError: n < 1, ridge < 0, noise < 0, a negative energy, or no kappa exists (no ridge, no tail and n at
            least the number of eigenfunctions).

    Source: Simon, Dickens, Karkada & DeWeese (arXiv:2110.03922); docs/mathematics, :eq:`ridge-risk`.

    >>> from theory.activations import Activation
    >>> from theory.spectra.tangent_spectra import ntk_spectrum
    >>> spectrum = ntk_spectrum(Activation.parse("sin(z + pi/4)"), 20, 4)
    >>> [round(kernel_ridge_risk(spectrum, n, 0.1, {1: 1.0, 2: 1.0}), 4) for n in (20, 60, 180)]
    [1.5894, 1.121, 0.5359]
    """
    n, ridge = check_samples(n), as_double("ridge", ridge)
    return settled(spectrum, energies, noise, lambda problem: problem.risk(n, problem.solved(n, ridge), ridge))


def optimal_ridge(spectrum: Spectrum, n: int, energies: Mapping[int, float], noise: float = 0.0) -> float:
    r"""The ridge >= 0 with the smallest predicted risk at n samples.

    The search runs over kappa, on a logarithmic grid with every promising cell refined, because the risk may have
    several local minima. Its risk is proved to be within 0.4 % of the global minimum, whatever the spectrum, and is
    at a zero of the derivative (or at ridge 0) to about 1e-12 relative; the ridge then is accurate to about
    1e-9 n kappa.

    Returns:
        float: the ridge; 0.0 when no positive ridge does better (the tail, if any, still regularises; without a
            tail and with n at least the number of eigenfunctions it stands for the limit ridge -> 0);
            ``math.inf`` when no degree with a non-zero eigenvalue has energy, so predicting 0 is best.

    Raises:
        ValueError: n < 1, noise < 0 or a negative energy.

    Cost: some 10^3 evaluations of the risk. Source: docs/mathematics, :eq:`ridge-risk`, minimised.

    >>> from theory.activations import Activation
    >>> from theory.spectra.tangent_spectra import ntk_spectrum
    >>> spectrum = ntk_spectrum(Activation.parse("sin(z + pi/4)"), 20, 4)
    >>> [round(optimal_ridge(spectrum, n, {1: 1.0, 2: 1.0}, noise=0.5), 4) for n in (60, 180, 1000)]
    [0.0, 0.1542, 2.7291]
    """
    n = check_samples(n)
    return settled(spectrum, energies, noise, lambda problem: best_ridge(problem, n, best(problem, n)[0]))


def samples_for_risk(
    spectrum: Spectrum,
    risk: float,
    energies: Mapping[int, float],
    noise: float = 0.0,
    ridge: float | None = None,
) -> int:
    r"""The smallest n whose predicted risk is at most ``risk``.

    With ``ridge=None`` each n has its best ridge. That risk never rises with n: at fixed kappa the risk
    n/(n - sum N L^2) [...] falls with n, and more samples admit every kappa that fewer
    admit. So n is found by bisection.

    At a fixed ridge the risk may rise before it falls (double descent), and a larger n may do worse again. Then the
    returned n is still the smallest: kappa falls with n, so all n in [a, b] have a risk of at least
    bias(kappa(b)) / (1 - sum_l N L_l(kappa(a))^2 / b), and ranges are halved until this excludes them.

    Args:
        spectrum: eigenvalues by degree.
        risk: the risk to reach, noise included.
        energies: ||f_l||^2 in L2 by degree.
        noise: variance of the label noise.
        ridge: the same ridge at every n, or None for the best one at each.

    Raises:
        ValueError: ``risk`` is not above the floor (the noise and the energy in degrees that are not listed or
            have eigenvalue zero), or needs more than 10**15 samples; without ridge and tail, not reached below
            the number of eigenfunctions, where the risk has no meaning any more.

    Cost: at most about 60 times :func:`optimal_ridge`; at a fixed ridge some hundred solutions for kappa, more where
    the curve almost touches ``risk``.
    Source: docs/mathematics, :eq:`ridge-risk`, inverted.

    >>> from theory.activations import Activation
    >>> from theory.spectra.tangent_spectra import ntk_spectrum
    >>> spectrum = ntk_spectrum(Activation.parse("sin(z + pi/4)"), 20, 4)
    >>> [samples_for_risk(spectrum, 0.5, {1: 1.0, 2: 1.0}, noise=0.3, ridge=r) for r in (None, 1.0, 9.0)]
    [639, 640, 1120]
    """
    risk = as_double("risk", risk)
    fixed = None if ridge is None else as_double("ridge", ridge)
    return settled(spectrum, energies, noise, lambda problem: _first(problem, risk, fixed))


def _first(problem: Eigenlearning, risk: float, ridge: float | None) -> int:
    if risk <= problem.floor:
        raise ValueError(
            f"risk={risk!r}: needs a risk above the floor {problem.floor:.6g}, "
            f"the noise and the energy that this kernel cannot learn"
        )
    if ridge is None:
        low, high = 0, _doubled(lambda n: best(problem, n)[1] <= risk, MAX_SAMPLES)
        if high is None:
            raise ValueError(f"risk={risk!r}: needs more than {MAX_SAMPLES} samples; the floor is {problem.floor:.6g}")
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if best(problem, middle)[1] <= risk else (middle, high)
        return high
    return _first_at_ridge(problem, risk, ridge)


def _doubled(reached: Callable[[int], bool], limit: int) -> int | None:
    """The first of 1, 2, 4, ..., limit where the risk is reached."""
    n = 1
    while not reached(n):
        if n >= limit:
            return None
        n = min(2 * n, limit)
    return n


def _first_at_ridge(problem: Eigenlearning, risk: float, ridge: float) -> int:
    interpolates = ridge + problem.tail == problem.radius == 0.0  # there are no eigenfunctions but the listed ones
    limit = min(MAX_SAMPLES, problem.rank - 1) if interpolates else MAX_SAMPLES
    kappa = lru_cache(maxsize=None)(lambda n: problem.solved(n, ridge))

    def reached(n: int) -> bool:
        return problem.risk(n, kappa(n), ridge) <= risk

    end = _doubled(reached, limit) if limit else None
    # Without a ridge the curve ends at the number of eigenfunctions and may dip between the doubled n.
    ranges = [(1, end or limit)] if end or (interpolates and limit) else []
    # The lower half of a range is put on the stack last and taken first: so the first n found is the smallest.
    while ranges:
        a, b = ranges.pop()
        if a == b:
            if reached(a):
                return a
        elif problem.bias(kappa(b)) <= risk * (1 - problem.squares(kappa(a)) / b):
            middle = math.isqrt(a * b) if b > 2 * a else (a + b) // 2
            ranges += [(middle + 1, b), (a, middle)]
    where = f"below the {problem.rank} eigenfunctions" if interpolates else f"with {MAX_SAMPLES} samples"
    raise ValueError(
        f"risk={risk!r}: not reached {where} at ridge={ridge!r}; the floor, for other ridges, is {problem.floor:.6g}"
    )
