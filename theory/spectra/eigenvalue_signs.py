"""Whether the listed eigenvalues of a spectrum are positive, zero or negative: read off the balls."""

from __future__ import annotations

from dataclasses import dataclass

from theory.harmonics.sphere import shown
from theory.spectra.spectrum import Spectrum


def check_spectrum(spectrum: Spectrum) -> Spectrum:
    """``spectrum`` when it is one; ValueError otherwise."""
    if not isinstance(spectrum, Spectrum):
        raise ValueError(
            f"spectrum={shown(spectrum)}: needs a Spectrum, from theory.ntk_spectrum, theory.zonal_spectrum or, for "
            f"numbers of one's own, theory.Spectrum.from_eigenvalues"
        )
    return spectrum


@dataclass(frozen=True)
class EigenvalueSigns:
    """Degrees by the proved sign of their eigenvalue.

    Attributes:
        positive, zero, negative: degrees with that sign; zero means exactly.
        undecided: degrees whose ball contains zero and more.
    """

    positive: tuple[int, ...]
    zero: tuple[int, ...]
    negative: tuple[int, ...]
    undecided: tuple[int, ...]

    @property
    def positive_definite(self) -> bool | None:
        """Whether no listed eigenvalue is negative, None where that is undecided.

        False is a proof that the kernel is not positive definite in this dimension (Schoenberg); True speaks for the
        degrees listed.
        """
        return False if self.negative else None if self.undecided else True


def eigenvalue_signs(spectrum: Spectrum) -> EigenvalueSigns:
    """The signs of the eigenvalues that a spectrum lists: which degrees a kernel learns, and whether it is one at all.

    Source: Schoenberg, Positive definite functions on spheres (1942); docs/mathematics, :eq:`zonal-kernel`.

    Raises:
        ValueError: something else than a Spectrum.

    >>> from theory.spectra.zonal_spectrum import zonal_spectrum
    >>> eigenvalue_signs(zonal_spectrum("t**3 - t/2", 10, 4))
    EigenvalueSigns(positive=(3,), zero=(0, 2, 4), negative=(1,), undecided=())
    """
    check_spectrum(spectrum)
    found: dict[str, list[int]] = {"positive": [], "zero": [], "negative": [], "undecided": []}
    for degree, value in zip(spectrum.degrees, spectrum.eigenvalues, strict=True):
        name = "zero" if value.is_zero() else "positive" if value > 0 else "negative" if value < 0 else "undecided"
        found[name].append(degree)
    return EigenvalueSigns(**{name: tuple(degrees) for name, degrees in found.items()})
