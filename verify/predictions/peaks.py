r"""Where the learning curve of kernel regression without a ridge has its peak, and how high it is.

At n samples of labels with noise, :eq:`ridge-risk` is the noise and the target's unlearned part times n / (n - sum
N L^2). Let the degrees below l be learned, those above l act as the ridge gamma_{>l}, and

.. math:: b = \frac{\gamma_{>l}}{N(d,l)\,\Lambda_l}, \qquad x = \frac{\kappa}{\Lambda_l}, \qquad
          \frac{n - n_{l-1}}{N(d,l)} = \frac{1}{1+x} + \frac bx .

Then n - sum N L^2 = N(d,l) (x/(1+x)^2 + b/x), and n over it is largest at x = b^{1/2} (1 + O(b^{1/2})):

.. math:: n_{\text{peak}} = n_l\,(1 + O(b)), \qquad \frac{\text{risk}}{\text{noise}} \approx
          \frac{n_l}{2\,N(d,l)\,b^{1/2}}, \qquad n_l = \sum_{j \le l} N(d,j) \sim \frac{d^l}{l!} .

Where b is of order one there is no peak: an activation with slopes of order one spreads its trace over many degrees.
That of sigma(c z) has b of about c^2 / l.

Source: docs/mathematics, :eq:`peak`; arXiv:2205.14846 (abstract) for n ~ d^l / l!.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import theory
from verify.predictions.learning_curves import spectrum
from verify.sizes.profile import parse

if TYPE_CHECKING:
    import sympy as sp


@lru_cache(maxsize=64)
def narrowed(activation: str, scale: float) -> str:
    """The text of sigma(c z): as if the first layer began with weights of length c."""
    import sympy as sp

    from theory.activations import Z

    expr: sp.Expr = parse(activation).expr.subs(Z, sp.Rational(scale) * Z)
    return str(theory.Activation(expr))


@lru_cache(maxsize=4096)
def noisy_risk(activation: str, d: int, degree: int, n: int, noise: float, ridge: float = 0.0) -> float:
    """Test risk at n noisy labels of a target of energy 1 in one degree.

    Args:
        activation: of the kernel.
        d: dimension.
        degree: of the target.
        n: samples.
        noise: variance of the labels' noise.
        ridge: in units of K(x,x).
    """
    listed = spectrum(activation, d)
    return theory.kernel_ridge_risk(listed, n, ridge * float(listed.trace.mid()), {degree: 1.0}, noise)


def excess(listed: theory.Spectrum, degree: int) -> float:
    """b, the trace of the degrees above l in units of that of degree l; ValueError when that of degree l is zero."""
    own = float(listed.contributions[degree].mid())
    if own == 0:
        raise ValueError(f"Lambda_{degree} = 0 at d={listed.d}: the NTK has no peak of degree {degree}")
    return float(listed.effective_ridge(degree).mid()) / own


def leading_peak(listed: theory.Spectrum, degree: int) -> tuple[float, float]:
    """(n, risk / noise) at the peak of degree l to leading order in b: n_l and n_l / (2 N(d,l) b^{1/2}).

    Raises:
        ValueError: Lambda_l = 0, or b = 0: without any eigenvalue above degree l the risk at the peak has no bound.

    Source: docs/mathematics, :eq:`peak`.
    """
    largest, above = sum(listed.multiplicities[: degree + 1]), excess(listed, degree)
    if above <= 0:
        raise ValueError(f"no trace is left above degree {degree} at d={listed.d}: the peak has no finite height")
    return float(largest), largest / (2 * listed.multiplicities[degree] * math.sqrt(above))
