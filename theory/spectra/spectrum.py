"""The spectrum of a zonal kernel as one object: eigenvalues by degree with multiplicities and the tail of the trace."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flint import arb, ctx

from theory.activations import Activation, ActivationLike
from theory.balls.ball import digits_to_bits, square
from theory.balls.exact import ExactlyEqual
from theory.balls.precision import exclusive
from theory.balls.work import Undecided, WorkLimit, evaluation, seconds_for
from theory.funk_hecke.closed_forms import is_polynomial
from theory.funk_hecke.tables import coefficient_list
from theory.harmonics.sphere import as_integer, check_degree, integer_dimension, multiplicity, short, shown
from theory.spectra.eigenvalues import (
    NTK,
    QUADNTK,
    TangentKernel,
    exact_weights,
    kernel_eigenvalue,
    kernel_trace,
    remaining_trace,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from theory.spectra.zonal_kernel import ZonalKernel

GUARD_BITS = 64
"""Extra precision for sums over degrees, whose terms are large multiples of certified eigenvalues."""

CLOSE = 8
"""How many times the precision asked for a coefficient may take before the eigenvalues are computed one by one."""


@dataclass(frozen=True, eq=False)
class Spectrum(ExactlyEqual):
    """Eigenvalues of a zonal kernel by degree, with the trace that the listed degrees leave out.

    Two are equal when every number is, balls by midpoint and radius; pickle and copy keep all of them exactly.

    Attributes:
        activation: sigma, or the :class:`theory.ZonalKernel` itself.
        d: dimension.
        degrees: 0..L.
        multiplicities: N(d,l) for each degree.
        eigenvalues: certified eigenvalue for each degree.
        tail: ball of sum_{l > L} N(d,l) Lambda_l, from the trace.
        kernel: "NTK" or "QuadNTK", or "zonal" for any other kernel.
        digits: relative digits certified for each eigenvalue.

    >>> print(ntk_spectrum(Activation.parse("relu(z)"), 10, 3, digits=8))
    NTK of relu(z) on the sphere of radius sqrt(d), d = 10
    degree  multiplicity  eigenvalue, certified
         0             1  [0.16730121 +/- 1.68e-9]
         1            10  0.25000000
         2            54  [0.029035747 +/- 4.80e-10]
         3           210  0
    trace above degree 3: [0.76477 +/- 1.58e-6]
    """

    activation: Activation | ZonalKernel
    d: int
    degrees: tuple[int, ...]
    multiplicities: tuple[int, ...]
    eigenvalues: tuple[arb, ...]
    tail: arb
    kernel: str = "NTK"
    digits: int = 15

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
        return f"kernel {self.activation}" if self.kernel == "zonal" else f"{self.kernel} of {self.activation}"

    def _rows(self) -> list[tuple[str, str, str]]:
        triples = zip(self.degrees, self.multiplicities, self.eigenvalues, strict=True)
        return [(str(degree), short(count), value.str(self.digits)) for degree, count, value in triples]

    def __str__(self) -> str:
        """A table: degree, multiplicity, certified eigenvalue; then the tail."""
        rows = [("degree", "multiplicity", "eigenvalue, certified"), *self._rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(2)]
        lines = [f"{a:>{widths[0]}}  {b:>{widths[1]}}  {c}" for a, b, c in rows]
        head = f"{self.subject} on the sphere of radius sqrt(d), d = {self.d}"
        return "\n".join([head, *lines, f"trace above degree {self.degrees[-1]}: {self.tail.str(5)}"])

    def _repr_html_(self) -> str:
        """The table for a notebook."""
        head = "<tr><th>degree</th><th>multiplicity</th><th>eigenvalue</th></tr>"
        body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in self._rows())
        caption = html.escape(f"{self.subject}, d = {self.d}; trace above: {self.tail.str(5)}")
        return f"<table><caption>{caption}</caption>{head}{body}</table>"

    def to_latex(self) -> str:
        r"""A ``tabular`` with midpoints to all certified digits, for a paper; needs no LaTeX package.

        >>> print(ntk_spectrum(Activation.parse("relu(z)"), 10, 1, digits=8).to_latex())
        \begin{tabular}{rrl}
        $\ell$ & $N(10,\ell)$ & $\Lambda_\ell$ \\ \hline
        $0$ & $1$ & $0.16730121$ \\
        $1$ & $10$ & $0.25000000$ \\
        \end{tabular}
        """
        symbol = {k.name: k.symbol for k in (NTK, QUADNTK)}.get(self.kernel, r"\lambda")
        lines = [r"\begin{tabular}{rrl}", rf"$\ell$ & $N({self.d},\ell)$ & ${symbol}_\ell$ \\ \hline"]
        for degree, count, value in zip(self.degrees, self.multiplicities, self.eigenvalues, strict=True):
            number = _latex(value.str(self.digits, radius=False))
            lines.append(rf"${degree}$ & ${_latex(short(count))}$ & ${number}$ \\")
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


def _latex(number: str) -> str:
    mantissa, _, exponent = number.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def _spectrum(kernel: TangentKernel, activation: Activation, d: int, max_degree: int, digits: int) -> Spectrum:
    d, max_degree = integer_dimension(d), check_degree(max_degree, "max_degree")
    degrees = tuple(range(max_degree + 1))
    goal = digits_to_bits(digits)
    subject = f"the spectrum up to degree {max_degree} of the {kernel.name} of {activation} at d={d}"
    with evaluation(subject, seconds_for(max_degree)):
        values = _eigenvalues(kernel, activation, d, degrees, digits)
        # Precision of the sum alone: how wide the balls of the eigenvalues are is settled already.
        with exclusive, ctx.workprec(goal + GUARD_BITS):
            counts = tuple(multiplicity(d, degree) for degree in degrees)
            listed = sum((v * n for v, n in zip(values, counts, strict=True)), arb(0))
            tail = kernel_trace(kernel, activation, d, digits) - listed
        # The difference of two balls cannot tell a tail of zero, which a polynomial has above its degree.
        if tail.contains(0) and is_polynomial(activation.derivative(kernel.order)):
            tail = remaining_trace(kernel, activation, d, max_degree, digits)  # exactly zero, or small
    return Spectrum(activation, d, degrees, counts, values, tail, kernel.name, digits)


def _eigenvalues(
    kernel: TangentKernel, activation: Activation, d: int, degrees: tuple[int, ...], digits: int
) -> tuple[arb, ...]:
    """Each eigenvalue to ``digits``, from one list of coefficients or one by one."""
    expr, goal = activation.derivative(kernel.order), digits_to_bits(digits)
    try:
        # Two digits more than asked for each coefficient: its square and the sum of squares keep the digits asked.
        table = coefficient_list(
            expr,
            degrees[-1] + kernel.order,
            d,
            digits,
            spare=2,
            max_bits=CLOSE * goal,
            subject=f"a derivative of {activation}",
        )
    except WorkLimit:
        raise
    except Undecided:
        # One coefficient is zero without a proof, or so small that its own digits cost more than all the others, and
        # every eigenvalue may be positive all the same.
        return tuple(kernel_eigenvalue(kernel, activation, degree, d, digits) for degree in degrees)
    with exclusive, ctx.workprec(goal + GUARD_BITS):
        return tuple(
            sum((square(table[j]) * w for j, w in exact_weights(kernel, degree, d)), arb(0)) for degree in degrees
        )


def ntk_spectrum(activation: ActivationLike, d: int, max_degree: int, digits: int = 15) -> Spectrum:
    """The NTK's :class:`Spectrum` up to ``max_degree``, each eigenvalue certified to ``digits``.

    Args:
        activation: sigma, differentiable.
        d: dimension, 3 <= d <= 10**6.
        max_degree: L >= 0.
        digits: relative decimal digits to certify for each eigenvalue; the tail is a difference and has fewer.

    Raises:
        ValueError, Undecided: as :func:`theory.ntk_eigenvalue`.

    Cost: one table of coefficients, see :func:`theory.coefficients`, and the trace.
    Source: docs/mathematics, :eq:`ntk-eigenvalue`; the tail from :eq:`trace`.
    """
    activation = Activation.of(activation)
    return _spectrum(NTK, activation, d, max_degree, digits)


def quadntk_spectrum(activation: ActivationLike, d: int, max_degree: int, digits: int = 15) -> Spectrum:
    """The QuadNTK's :class:`Spectrum`; arguments, errors and cost as :func:`ntk_spectrum`, sigma twice differentiable.

    Source: docs/mathematics, :eq:`quadntk-eigenvalue`; the tail from :eq:`trace`.

    >>> print(quadntk_spectrum(Activation.parse("z**2"), 10, 1).tail)  # <x,x'>^2: degrees 0 and 2
    90.0000000000000
    """
    activation = Activation.of(activation)
    return _spectrum(QUADNTK, activation, d, max_degree, digits)
