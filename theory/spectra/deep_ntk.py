r"""The NTK of a deep ReLU network, as a zonal kernel of the angle.

Infinitely wide layers, weights of variance 2/fan-in so that the variance of the pre-activations stays one, all layers
trained, no biases. From h = t and Theta = t each hidden layer makes

.. math:: \Theta \leftarrow \kappa_1(h) + \Theta\,\kappa_0(h), \quad h \leftarrow \kappa_1(h), \qquad
          \kappa_0(\cos\theta) = \frac{\pi-\theta}\pi, \quad
          \kappa_1(\cos\theta) = \frac{\sin\theta + (\pi-\theta)\cos\theta}\pi .

The angle theta of h moves by f(theta) = acos kappa_1(cos theta), and from 2 sin^2(f/2) = 1 - kappa_1,

.. math:: f(\theta) = 2\arcsin\Big(\theta\sqrt{\tfrac14\,\mathrm{sinc}^2\tfrac\theta2
          - \tfrac1{2\pi}\,\theta\,g(\theta)}\Big), \qquad g(\theta) = \frac{\sin\theta - \theta\cos\theta}{\theta^3},

which is analytic on [0, pi], the ends included: g is entire, and what the root is taken of is positive there.
Source: Jacot, Gabriel & Hongler (arXiv:1806.07572) for the recursion, Cho & Saul (2009) for kappa_0 and kappa_1;
docs/mathematics, :eq:`deep-ntk`.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb

from theory.balls.analytic import WIDE, AnalyticBall, radius
from theory.harmonics.sphere import as_integer, shown
from theory.spectra.zonal_kernel import ZonalKernel

MAX_DEPTH = 100


@dataclass(frozen=True)
class DeepReluNTK:
    """The recursion for a number of hidden layers, on balls of the angle."""

    hidden: int

    def __call__(self, theta: AnalyticBall) -> AnalyticBall:
        """kappa(cos theta)."""
        pi = arb.pi()
        if radius(theta.value) < WIDE:
            kernel = theta.cos()
            for _ in range(self.hidden):
                kernel, theta = kernel * ((pi - theta) / pi), next_angle(theta)
                kernel = kernel + theta.cos()
            return kernel
        # Each layer's angle by the mean value in the first one, theta_h(m) + theta_h'(ball) (ball - m): the layers' own
        # balls would widen each other.
        middle = AnalyticBall(theta.value.mid(), theta.analytic)
        away, slope, angle, kernel = theta - middle, 1 + 0 * theta, theta, theta.cos()
        for _ in range(self.hidden):
            kernel, slope = kernel * ((pi - angle) / pi), slope * _slope(angle)
            middle = next_angle(middle)
            angle = middle + slope * away
            kernel = kernel + angle.cos()
        return kernel


def next_angle(theta: AnalyticBall) -> AnalyticBall:
    """f(theta) = acos kappa_1(cos theta), without loss of digits near 0; for a narrow ball."""
    if theta.value.abs_upper() < 1:
        sine = theta * _inside(theta).sqrt()
        # 2 asin(x) = acos(1 - 2 x^2) for Re x > 0 alone.
        if sine.value.real > 0 or sine.value.contains(0):
            return 2 * sine.asin()
    return ((theta.sin() + (arb.pi() - theta) * theta.cos()) / arb.pi()).acos()


def _slope(theta: AnalyticBall) -> AnalyticBall:
    """f'(theta) = (pi - theta) sin(theta)/(pi sin f), on a ball on which f is then proved to be analytic.

    sin f is sqrt(1 - kappa_1^2), analytic just where acos kappa_1 is; near 0 it is 2 theta sqrt(I) sqrt(1 - theta^2 I),
    where I is what the root in f is taken of.
    """
    pi = arb.pi()
    if theta.value.abs_upper() < 1:
        inside = _inside(theta)
        return (1 - theta / pi) * theta.sinc() / (2 * inside.sqrt() * (1 - theta * theta * inside).sqrt())
    middle = AnalyticBall(theta.value.mid(), theta.analytic)
    fall = (pi - theta) * theta.sin() / pi
    cosine = (middle.sin() + (pi - middle) * middle.cos()) / pi - fall * (theta - middle)
    return fall / (1 - cosine * cosine).sqrt()


def _inside(theta: AnalyticBall) -> AnalyticBall:
    """sinc(theta/2)^2/4 - theta g(theta)/(2 pi), g = (sin - theta cos)/theta^3 = 0F1(; 5/2; -theta^2/4)/3."""
    cubic = (theta * theta / -4).hypgeom_0f1(2.5) / 3
    return (theta / 2).sinc() ** 2 / 4 - theta * cubic / (2 * arb.pi())


def deep_relu_ntk(hidden: int) -> ZonalKernel:
    r"""The NTK of a ReLU network with ``hidden`` hidden layers, infinitely wide, all layers trained, without biases.

    kappa(1) = hidden + 1. One hidden layer gives 2 t (pi - acos t)/pi + sqrt(1-t^2)/pi: the first layer's part is twice
    the NTK of this package divided by d, whose second layer is fixed and whose weights have variance 1/d.

    Args:
        hidden: the number of hidden layers, 1 to 100; a network of "depth" L + 1 has L of them.

    Raises:
        ValueError: hidden out of range.

    Source: docs/mathematics, :eq:`deep-ntk`.

    >>> deep_relu_ntk(2)(0).str(10, radius=False)
    '0.6857086363'
    """
    number = as_integer(hidden)
    if number is None or not 1 <= number <= MAX_DEPTH:
        raise ValueError(f"hidden={shown(hidden)}: needs an integer number of hidden layers, 1 to {MAX_DEPTH}")
    layers = "1 hidden layer" if number == 1 else f"{number} hidden layers"
    return ZonalKernel(DeepReluNTK(number), f"NTK of a ReLU network with {layers}", "angle")
