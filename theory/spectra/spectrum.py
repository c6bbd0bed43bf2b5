"""The spectrum of a zonal kernel as one object: eigenvalues by degree with multiplicities and the tail of the trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flint import arb, ctx

from theory.activations import Activation
from theory.balls.ball import digits_to_bits
from theory.balls.exact import ExactlyEqual, as_ball
from theory.balls.precision import exclusive
from theory.harmonics.sphere import as_integer, by_degree, integer_dimension, multiplicity, short, shown
from theory.harmonics.work import check_work, evaluation
from theory.showing import axes, curve, cut, finish, table
from theory.spectra.eigenvalues import NTK, QUADNTK

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from theory.spectra.zonal_kernel import ZonalKernel

GUARD_BITS = 64
"""Extra precision for sums over degrees, whose terms are large multiples of certified eigenvalues."""


MAX_LISTED = 10**6
"""Largest degree of a spectrum that is given."""
SMALLEST, LARGEST = 1e-300, 1e150
"""Eigenvalues and multiplicities that a figure draws."""


@dataclass(frozen=True, eq=False)
class Spectrum(ExactlyEqual):
    """Eigenvalues of a zonal kernel by degree, with the trace that the listed degrees leave out.

    Two are equal when every number is, balls by midpoint and radius; pickle and copy keep all of them exactly.

    Attributes:
        activation: sigma, or the :class:`theory.ZonalKernel` itself; a name, where eigenvalues were given.
        d: dimension; None where multiplicities were given that belong to no sphere.
        degrees: 0..L.
        multiplicities: N(d,l) for each degree.
        eigenvalues: certified eigenvalue for each degree.
        tail: ball of sum_{l > L} N(d,l) Lambda_l, from the trace.
        kernel: "NTK", "both-layer NTK" or "QuadNTK", "zonal" for any other kernel, "given" for eigenvalues from
            elsewhere.
        digits: relative digits certified for each eigenvalue.

    >>> from theory.spectra.tangent_spectra import ntk_spectrum
    >>> print(ntk_spectrum("relu(z)", 10, 3, digits=8))
    NTK of relu(z) on the sphere of radius sqrt(d), d = 10
    degree  multiplicity  eigenvalue, certified
         0             1  [0.16730121 +/- 1.68e-9]
         1            10  0.25000000
         2            54  [0.029035747 +/- 4.80e-10]
         3           210  0
    trace above degree 3: [0.76477 +/- 1.58e-6]
    """

    activation: Activation | ZonalKernel | str
    d: int | None
    degrees: tuple[int, ...]
    multiplicities: tuple[int, ...]
    eigenvalues: tuple[arb, ...]
    tail: arb
    kernel: str = "NTK"
    digits: int = 15

    @staticmethod
    def from_eigenvalues(
        eigenvalues: Sequence[Any] | Mapping[int, Any],
        d: int | None = None,
        multiplicities: Sequence[int] | None = None,
        tail: Any = 0,
        name: str = "given eigenvalues",
    ) -> Spectrum:
        """A spectrum from numbers of one's own, for learning curves of any kernel and any law of the inputs.

        The eigenvalues are those of the integral operator f -> E_x'[K(., x') f(x')] over the inputs' law; those of a
        Gram matrix of n points, divided by n, estimate them. The numbers are taken at their word: a float is exactly
        that number, and only balls carry an error.

        Args:
            eigenvalues: by degree from 0 on, in a list, an array or a pandas column; or a dictionary by degree, in
                which absent degrees are zero.
            d: dimension of the sphere; degree l then has multiplicity N(d,l).
            multiplicities: how often each eigenvalue occurs, in place of d; once each when both are None. The degrees
                then number the eigenvalues.
            tail: the sum of all other eigenvalues, with multiplicity.
            name: as printed.

        Raises:
            ValueError: no eigenvalue, one that is no finite real number, a degree above 10**6, a number of
                multiplicities that differs, one that is no integer >= 1, or both d and multiplicities.
            WorkLimit: multiplicities N(d,l) that took longer than :func:`theory.work_limit` allows.

        >>> from theory.learning.learning_curve import kernel_ridge_risk
        >>> spectrum = Spectrum.from_eigenvalues([2.0, 0.5, 0.25], multiplicities=[1, 8, 30])
        >>> round(kernel_ridge_risk(spectrum, 20, 0.1, {1: 1.0}), 4)
        0.2821
        """
        try:
            listed = (
                by_degree("eigenvalues", eigenvalues)
                if isinstance(eigenvalues, Mapping)
                else dict(enumerate(eigenvalues))
            )
        except TypeError:
            listed = {}
        if not listed:
            raise ValueError(
                f"eigenvalues={shown(eigenvalues)}: needs a list of one or more, or a dictionary by degree"
            )
        if d is not None and multiplicities is not None:
            raise ValueError("d and multiplicities: needs one of them, for d alone says how often each degree occurs")
        if max(listed) > MAX_LISTED:
            raise ValueError(
                f"eigenvalues, degree={short(max(listed))}: needs degrees up to {MAX_LISTED}, for all below are listed "
                f"too; give what is beyond as the tail"
            )
        degrees = tuple(range(max(listed) + 1))
        values = tuple(as_ball(f"eigenvalues[{degree}]", listed.get(degree, 0)) for degree in degrees)
        d = None if d is None else integer_dimension(d)
        counts = _counts(degrees, d, multiplicities)
        return Spectrum(str(name), d, degrees, counts, values, as_ball("tail", tail), "given")

    @property
    def trace(self) -> arb:
        """Sum of all eigenvalues with multiplicity, the tail included."""
        return self.effective_ridge(-1)

    @property
    def contributions(self) -> tuple[arb, ...]:
        """N(d,l) Lambda_l by degree, what each adds to the trace: moderate where N is huge and Lambda_l tiny."""
        with exclusive, ctx.workprec(digits_to_bits(self.digits) + GUARD_BITS):
            return tuple(count * value for count, value in zip(self.multiplicities, self.eigenvalues, strict=True))

    def effective_ridge(self, k: int) -> arb:
        """gamma_{>k}, the trace above degree k, from the listed degrees and the tail; k <= L.

        Raises:
            ValueError: k beyond the listed degrees.
        """
        number = as_integer(k)
        if number is None or not -1 <= number <= self.degrees[-1]:
            raise ValueError(
                f"k={shown(k)}: needs -1 <= k <= {self.degrees[-1]}, the largest degree listed, an integer"
            )
        with exclusive, ctx.workprec(digits_to_bits(self.digits) + GUARD_BITS):
            return sum(
                (
                    count * value
                    for degree, count, value in zip(self.degrees, self.multiplicities, self.eigenvalues, strict=True)
                    if degree > number
                ),
                self.tail,
            )

    @property
    def subject(self) -> str:
        """Which kernel it is, in words."""
        if self.kernel == "given":
            return str(self.activation)
        return f"kernel {self.activation}" if self.kernel == "zonal" else f"{self.kernel} of {self.activation}"

    def _rows(self) -> list[tuple[str, str, str]]:
        triples = zip(self.degrees, self.multiplicities, self.eigenvalues, strict=True)
        return [(str(degree), short(count), value.str(self.digits)) for degree, count, value in triples]

    def __str__(self) -> str:
        """A table: degree, multiplicity, certified eigenvalue; then the tail."""
        how = "given" if self.kernel == "given" else "certified"
        rows = [("degree", "multiplicity", f"eigenvalue, {how}"), *self._rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(2)]
        lines = [f"{a:>{widths[0]}}  {b:>{widths[1]}}  {c}" for a, b, c in rows]
        head = self.subject if self.d is None else f"{self.subject} on the sphere of radius sqrt(d), d = {self.d}"
        return "\n".join([head, *lines, f"trace above degree {self.degrees[-1]}: {self.tail.str(5)}"])

    def _repr_html_(self) -> str:
        """The table for a notebook, with what each degree adds to the trace."""
        rows = zip(self._rows(), self.contributions, strict=True)
        where = "" if self.d is None else f", d = {self.d}"
        return table(
            f"{cut(self.subject, 200)}{where}; trace above degree {self.degrees[-1]}: {self.tail.str(5)}",
            ("degree", "multiplicity", "eigenvalue", "multiplicity \u00d7 eigenvalue"),
            ((*row, share.str(5, radius=False)) for row, share in rows),
        )

    def plot(self, ax: Any = None) -> Any:
        """The staircase of the eigenvalues in falling order, each as wide as its multiplicity; returns the Axes.

        Both axes are logarithmic, and a mark in the middle of a step names its degree. Zero, undecided and negative
        eigenvalues, and what exceeds the range of doubles, are named in the legend.

        Args:
            ax: matplotlib Axes to draw on; a new figure's when None.

        Raises:
            ImportError: matplotlib is not installed.
        """
        ax, style, first = axes(ax), curve(0), 1.0
        rows = list(zip(self.degrees, self.multiplicities, self.eigenvalues, strict=True))
        steps = [
            (float(value.mid()), degree, float(arb(count)))
            for degree, count, value in rows
            if value > 0 and float(value.mid()) > SMALLEST and float(arb(count)) < LARGEST
        ]
        steps.sort(key=lambda step: -step[0])
        before: float | None = None
        for value, degree, count in steps:
            end = first + count
            if before is not None:
                ax.plot([first, first], [before, value], color=style["color"], linewidth=0.8)
            ax.plot([first, end], [value, value], color=style["color"], linewidth=2.0)
            ax.annotate(str(degree), ((first * end) ** 0.5, value), (0, 4), textcoords="offset points", ha="center")
            first, before = end, value
        drawn = {degree for _, degree, _ in steps}
        left = {
            "zero": [degree for degree, _, value in rows if value.is_zero()],
            "negative": [degree for degree, _, value in rows if value < 0],
            "undecided": [degree for degree, _, value in rows if value.contains(0) and not value.is_zero()],
            "beyond doubles": [degree for degree, _, value in rows if value > 0 and degree not in drawn],
        }
        for what, degrees in left.items():
            if degrees:
                ax.plot([], [], " ", label=cut(f"{what}: degree {', '.join(map(str, degrees))}"))
        ax.plot([], [], " ", label=f"trace above degree {self.degrees[-1]}: {self.tail.str(3, radius=False)}")
        if steps:
            ax.set_xscale("log")
            ax.set_yscale("log")
        where = "" if self.d is None else f", d = {self.d}"
        return finish(ax, f"{cut(self.subject)}{where}", "eigenvalues, counted with multiplicity", "eigenvalue")

    def to_latex(self) -> str:
        r"""A ``tabular`` with midpoints to all certified digits, for a paper; needs no LaTeX package.

        >>> from theory.spectra.tangent_spectra import ntk_spectrum
        >>> print(ntk_spectrum("relu(z)", 10, 1, digits=8).to_latex())
        \begin{tabular}{rrl}
        $\ell$ & $N(10,\ell)$ & $\Lambda_\ell$ \\ \hline
        $0$ & $1$ & $0.16730121$ \\
        $1$ & $10$ & $0.25000000$ \\
        \end{tabular}
        """
        symbol = {k.name: k.symbol for k in (NTK, QUADNTK)}.get(self.kernel, r"\lambda")
        count = r"\text{multiplicity}" if self.d is None else rf"N({self.d},\ell)"
        lines = [r"\begin{tabular}{rrl}", rf"$\ell$ & ${count}$ & ${symbol}_\ell$ \\ \hline"]
        for degree, often, value in zip(self.degrees, self.multiplicities, self.eigenvalues, strict=True):
            number = _latex(value.str(self.digits, radius=False))
            lines.append(rf"${degree}$ & ${_latex(short(often))}$ & ${number}$ \\")
        return "\n".join([*lines, r"\end{tabular}"])

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """A structured array with fields degree (int), multiplicity and eigenvalue (float64, nearest to the ball).

        Multiplicities are floats because they exceed 64 bits for large d. Beyond the range of float64 they become inf
        and eigenvalues 0.0: take :attr:`contributions`, the products, or :attr:`multiplicities`, which are exact.
        """
        import numpy as np

        kind = [("degree", np.int64), ("multiplicity", np.float64), ("eigenvalue", np.float64)]
        rows = [
            (degree, float(arb(count)), float(v.mid()))
            for degree, count, v in zip(self.degrees, self.multiplicities, self.eigenvalues, strict=True)
        ]
        return np.array(rows, dtype=kind)

    def to_pandas(self) -> pd.DataFrame:
        """A DataFrame indexed by degree: multiplicity (exact), eigenvalue and radius (float64), eigenvalue_ball (text).

        Raises:
            ImportError: pandas is not installed; it comes with the extra ``notebook``.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("pandas is not installed: pip install 'escape-ntk[notebook]'") from error

        frame = pd.DataFrame(
            {
                "multiplicity": pd.Series(self.multiplicities, dtype=object),
                "eigenvalue": [float(v.mid()) for v in self.eigenvalues],
                "radius": [float(v.rad()) for v in self.eigenvalues],
                "eigenvalue_ball": [v.str(self.digits) for v in self.eigenvalues],
            },
            index=pd.Index(self.degrees, name="degree"),
        )
        frame.attrs |= {"kernel": self.kernel, "activation": str(self.activation), "d": self.d}
        return frame


def _counts(degrees: Sequence[int], d: int | None, given: Sequence[int] | None) -> tuple[int, ...]:
    """N(d,l) by degree, or the multiplicities given, checked; once each without both."""
    if d is not None:
        counts = []
        with evaluation(f"the multiplicities up to degree {degrees[-1]} at d={d}"):
            for degree in degrees:
                check_work()
                counts.append(multiplicity(d, degree))
        return tuple(counts)
    if given is None:
        return (1,) * len(degrees)
    try:
        integers = [as_integer(count) for count in given]
    except TypeError:  # no list
        integers = []
    counts = [count for count in integers if count is not None and count >= 1]
    if not len(counts) == len(integers) == len(degrees):
        raise ValueError(f"multiplicities={shown(given)}: needs {len(degrees)} integers >= 1, one for each eigenvalue")
    return tuple(counts)


def _latex(number: str) -> str:
    mantissa, _, exponent = number.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa
