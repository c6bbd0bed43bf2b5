"""A learning curve as one object: predicted risks at several numbers of samples, with their ridges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from types import MappingProxyType
from typing import Any

from theory.balls.exact import ExactlyEqual
from theory.harmonics.sphere import by_degree, shown
from theory.learning.best_ridge import best, best_ridge
from theory.learning.eigenlearning import Eigenlearning, as_double
from theory.learning.extension import settled
from theory.learning.learning_curve import check_samples
from theory.showing import axes, curve, cut, finish, number, table
from theory.spectra.eigenvalue_signs import check_spectrum
from theory.spectra.spectrum import Spectrum

TITLE = "predicted risk of ridge regression"
PLACES = 8
"""Most degrees whose number of harmonics a figure marks."""


@dataclass(frozen=True, eq=False)
class LearningCurve(ExactlyEqual):
    """The predicted test risk of kernel ridge regression against the number of samples.

    Two are equal when every number is; pickle and copy keep all of them.

    Attributes:
        spectrum: of the kernel.
        energies: ||f_l||^2 in L2 by degree.
        noise: variance of the label noise, which the risks include.
        samples: n, in the order given.
        ridges: at each n; ``math.inf`` where predicting 0 is best.
        risks: at each n.
        learned: the fraction L_l of each listed degree that has energy, at each n.
    """

    spectrum: Spectrum
    energies: Mapping[int, float]
    noise: float
    samples: tuple[int, ...]
    ridges: tuple[float, ...]
    risks: tuple[float, ...]
    learned: tuple[Mapping[int, float], ...]

    def __post_init__(self) -> None:
        # The fields of a frozen dataclass can be set in no other way.
        object.__setattr__(self, "energies", MappingProxyType(dict(self.energies)))
        object.__setattr__(self, "learned", tuple(MappingProxyType(dict(share)) for share in self.learned))

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy, which cannot take a mapping that is read-only."""
        learned = tuple(map(dict, self.learned))
        rest = self.noise, self.samples, self.ridges, self.risks, learned
        return LearningCurve, (self.spectrum, dict(self.energies), *rest)

    @property
    def _subject(self) -> str:
        where = "" if self.spectrum.d is None else f", d = {self.spectrum.d}"
        return cut(self.spectrum.subject) + where

    def __str__(self) -> str:
        """A table: n, ridge, risk."""
        rows = [
            ("n", "ridge", "risk"),
            *((str(n), number(r), number(e)) for n, r, e in zip(self.samples, self.ridges, self.risks, strict=True)),
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = ("  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
        return "\n".join([f"{TITLE}, {self._subject}", *lines])

    def _repr_html_(self) -> str:
        """The table for a notebook, with the fraction of each degree that is learned."""
        degrees = list(self.learned[0])
        rows = zip(self.samples, self.ridges, self.risks, self.learned, strict=True)
        return table(
            f"{TITLE}, {self._subject}",
            ("n", "ridge", "risk", *(f"learned of degree {degree}" for degree in degrees)),
            ((n, number(r), number(e), *(f"{share[degree]:.1%}" for degree in degrees)) for n, r, e, share in rows),
        )

    def plot(self, ax: Any = None) -> Any:
        """Risk against n, the noise, and the numbers of harmonics up to each degree; returns the Axes.

        Args:
            ax: matplotlib Axes to draw on; a new figure's when None. Draw a second curve on the same one to compare.

        Raises:
            ImportError: matplotlib is not installed.
        """
        ax = axes(ax)
        before = sum(each.get_gid() == TITLE for each in ax.get_lines())
        points = sorted(zip(self.samples, self.risks, strict=True))
        found = [n for n, _ in points], [risk for _, risk in points]
        ax.plot(*found, label=self._subject, gid=TITLE, **curve(before))
        if self.noise and not before:
            ax.axhline(self.noise, linewidth=1.5, linestyle=":", color="gray", label="noise")
        low, high = points[0][0], points[-1][0]
        sizes = zip(self.spectrum.degrees, accumulate(self.spectrum.multiplicities), strict=True)
        inside = [(degree, size) for degree, size in sizes if low <= size <= high][:PLACES]
        if self.spectrum.d is not None and not before:
            for degree, size in inside:
                ax.axvline(size, linewidth=0.6, alpha=0.5, color="gray")
                ax.annotate(
                    f"degree \u2264 {degree}",
                    (size, 1.0),
                    (4, -3),
                    xycoords=("data", "axes fraction"),
                    textcoords="offset points",
                    rotation=90,
                    ha="left",
                    va="top",
                    fontsize="x-small",
                )
        ax.set_xscale("log")
        return finish(ax, TITLE, "samples n", "test risk")


def learning_curve(
    spectrum: Spectrum,
    samples: Iterable[int],
    energies: Mapping[int, float],
    noise: float = 0.0,
    ridge: float | None = None,
) -> LearningCurve:
    """The predicted risk at each number of samples, as an object that prints, shows and plots itself.

    Args:
        spectrum: eigenvalues by degree, from :func:`theory.ntk_spectrum`, :func:`theory.zonal_spectrum` or, for a
            kernel of one's own, :meth:`theory.Spectrum.from_eigenvalues`.
        samples: numbers of samples n >= 1, such as a range or an array of integers.
        energies: ||f_l||^2 in L2 by degree.
        noise: variance of the label noise.
        ridge: the same ridge at every n, added to the diagonal of the Gram matrix; None for the best one at each.

    Raises:
        ValueError: no n, one that is no integer >= 1, or as :func:`theory.kernel_ridge_risk`.

    Cost: that of :func:`theory.optimal_ridge` at each n; at a fixed ridge that of :func:`theory.kernel_ridge_risk`.
    Source: docs/mathematics, :eq:`ridge-risk`.

    >>> from theory.spectra.tangent_spectra import ntk_spectrum
    >>> print(learning_curve(ntk_spectrum("sin(z + pi/4)", 20, 4), (20, 60, 180), {1: 1.0, 2: 1.0}, ridge=0.1))
    predicted risk of ridge regression, NTK of sin(z + pi/4), d = 20
      n  ridge    risk
     20    0.1   1.589
     60    0.1   1.121
    180    0.1  0.5359
    """
    target = {degree: as_double(f"energies[{degree}]", v) for degree, v in by_degree("energies", energies).items()}
    noise, fixed = as_double("noise", noise), None if ridge is None else as_double("ridge", ridge)
    try:
        sizes = tuple(check_samples(n) for n in samples)
    except TypeError:
        sizes = ()
    if not sizes:
        raise ValueError(f"samples={shown(samples)}: needs one number of samples or more, such as (100, 200, 400)")
    eigenvalues = dict(
        zip(
            check_spectrum(spectrum).degrees,
            (0.0 if v.contains(0) else float(v.mid()) for v in spectrum.eigenvalues),
            strict=True,
        )
    )
    points = [settled(spectrum, target, noise, partial(_point, n=n, ridge=fixed)) for n in sizes]

    def learned(kappa: float) -> Mapping[int, float]:
        shares = {degree: v for degree, v in eigenvalues.items() if target.get(degree, 0.0) > 0}
        return {degree: v / (v + kappa) if v else 0.0 for degree, v in shares.items()}

    return LearningCurve(
        spectrum,
        target,
        noise,
        sizes,
        tuple(r for r, _, _ in points),
        tuple(risk for _, _, risk in points),
        tuple(learned(kappa) for _, kappa, _ in points),
    )


def _point(problem: Eigenlearning, n: int, ridge: float | None) -> tuple[float, float, float]:
    """Ridge, kappa and risk at n."""
    if ridge is not None:
        kappa = problem.solved(n, ridge)
        return ridge, kappa, problem.risk(n, kappa, ridge)
    kappa, risk = best(problem, n)
    return best_ridge(problem, n, kappa), kappa, risk
