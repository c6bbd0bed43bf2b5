"""Learning curves from as many degrees of a spectrum as settle them.

A spectrum knows its activation, its kernel and d, so it can be continued where its listed degrees do not settle an
answer (:class:`theory.learning.eigenlearning.Eigenlearning` derives when); the longer one is kept for the next call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import TypeVar

from theory.activations import Activation
from theory.balls.ball import DIGITS_RANGE
from theory.funk_hecke.closed_forms import has_closed_form
from theory.harmonics.sphere import by_degree
from theory.harmonics.work import Undecided
from theory.learning.eigenlearning import TOLERANCE, Eigenlearning, Truncated
from theory.spectra.eigenvalue_signs import check_spectrum
from theory.spectra.eigenvalues import FEATURES, NTK, QUADNTK, TangentKernel
from theory.spectra.spectrum import Spectrum
from theory.spectra.tangent_spectra import BOTH, ntk_spectrum, quadntk_spectrum
from theory.spectra.zonal_kernel import ZonalKernel
from theory.spectra.zonal_spectrum import zonal_spectrum

KERNELS: Mapping[str, tuple[Callable[..., Spectrum], tuple[TangentKernel, ...]]] = {
    NTK.name: (ntk_spectrum, (NTK,)),
    QUADNTK.name: (quadntk_spectrum, (QUADNTK,)),
    BOTH: (partial(ntk_spectrum, layers="both"), (NTK, FEATURES)),
}
"""How a spectrum is continued, and the kernels it is a sum of."""
MAX_DEGREE = {True: 1024, False: 128}
"""Largest degree that is computed without being asked for, by whether sigma' (sigma'') has a closed form.

Of the zonal kernels polynomials count as having one.
"""

Answer = TypeVar("Answer")


def settled(
    spectrum: Spectrum, energies: Mapping[int, float], noise: float, answer: Callable[[Eigenlearning], Answer]
) -> Answer:
    """The answer from the listed degrees, or from as many more, or more digits, as settle it."""
    check_spectrum(spectrum)
    target, listed, seen = by_degree("energies", energies), spectrum, list[tuple[int, float]]()
    problem = Eigenlearning.of(listed, target, noise)
    top = max((degree for degree in target if problem.unlisted and target[degree]), default=0)
    if spectrum.degrees[-1] < top <= _limit(spectrum):
        listed = _extended(spectrum, top, spectrum.digits, f"energies[{top}]={target[top]!r}")
        problem = Eigenlearning.of(listed, target, noise)
    while True:
        try:
            return answer(problem)
        except Truncated as short:
            degree, digits = listed.degrees[-1], listed.digits
            seen.append((degree, short.error))
            # What is missing, digits of the tail or degrees, is doubled, so that long spectra are computed rarely.
            if short.coarse and digits < DIGITS_RANGE[1]:
                digits = min(2 * digits, DIGITS_RANGE[1])
            elif not short.coarse and degree < _limit(spectrum):
                degree = min(2 * degree + 4, _limit(spectrum))
            else:
                raise ValueError(f"{short.reason} 0..{degree}; {_remedy(seen, top)}") from None
            listed = _extended(spectrum, degree, digits, short.reason)
            problem = Eigenlearning.of(listed, target, noise)


def _limit(spectrum: Spectrum) -> int:
    activation = spectrum.activation
    if isinstance(activation, str):  # eigenvalues that were given: nothing continues them
        return spectrum.degrees[-1]
    if isinstance(activation, ZonalKernel):
        return MAX_DEGREE[activation.polynomial is not None]
    _, kernels = KERNELS[spectrum.kernel]
    return MAX_DEGREE[all(has_closed_form(activation.derivative(kernel.order)) for kernel in kernels)]


def _remedy(seen: list[tuple[int, float]], top: int) -> str:
    """The degree at which the bound would meet the tolerance, by a power law through the last two degrees seen."""
    last, error = seen[-1]
    if top > last:
        return f"needs a spectrum up to degree {top}"
    needed = 2 * last
    before = [(degree, bound) for degree, bound in seen if degree < last and error < bound < math.inf]
    if before:
        degree, bound = before[-1]
        power = math.log(bound / error) / math.log((last + 1) / (degree + 1))
        needed = math.ceil(last * min((error / TOLERANCE) ** (1 / power), 1e3))
    return f"needs a spectrum up to degree {needed} or so, or a larger ridge"


@lru_cache(maxsize=64)
def _computed(kernel: str, activation: Activation | ZonalKernel, d: int, degree: int, digits: int) -> Spectrum:
    if isinstance(activation, ZonalKernel):
        return zonal_spectrum(activation, d, degree, digits)
    return KERNELS[kernel][0](activation, d, degree, digits)


def _extended(spectrum: Spectrum, degree: int, digits: int, reason: str) -> Spectrum:
    """The spectrum of the same kernel up to a larger degree; refused when this one is of no kernel."""
    if isinstance(spectrum.activation, str) or spectrum.d is None:
        raise ValueError(
            f"{reason}: the tail of {spectrum.activation} or an eigenvalue about zero has too large a radius; give "
            f"more digits"
        )
    try:
        longer = _computed(spectrum.kernel, spectrum.activation, spectrum.d, degree, digits)
    except Undecided as error:
        raise Undecided(f"{reason}: needs a spectrum up to degree {degree}, {error}") from None
    # Where the lists overlap they must agree, or the spectrum was made by hand and no kernel continues it.
    known = zip(spectrum.eigenvalues, longer.eigenvalues, strict=False)
    if not all(a.overlaps(b) for a, b in known) or not spectrum.tail.overlaps(
        longer.effective_ridge(spectrum.degrees[-1])
    ):
        raise ValueError(
            f"{reason}: needs a spectrum up to degree {degree}, and this one is not that of {spectrum.activation}, so "
            f"it cannot be continued; list more degrees"
        )
    return longer
