"""Cells of the Rademacher bounds: the supremum over each ball in closed form, and fits of noisy labels."""

from __future__ import annotations

from verify.running.experiment import Cell, Numbers

TEST_POINTS = 4000


class SignSuprema(Cell):
    """Suprema over the balls of radius 1 for one draw of network, inputs and signs at each n, all independent.

    Numbers, by n, each a list over the ``draws`` of signs on the same inputs: ``linear``; ``quadratic``; ``attained``,
    what the network itself gives at the maximiser of the latter; ``norms``, that maximiser's (2,4)-norm.
    """

    activation: str
    device: str
    d: int
    m: int
    samples: tuple[int, ...]
    draws: int = 16

    def run(self) -> Numbers:
        from verify.cells.rademacher_run import sign_suprema

        return sign_suprema(self)


class NoisyFits(Cell):
    """Networks trained on labels f*(x) + fair signs, weakly regularised, so that they fit much of the noise.

    ``networks`` independent draws at once; f* has a linear part and a harmonic of degree 2 in one direction, both of
    energy 1 (k = 1). Arms: ``joint``, the network f by gradient descent on the loss with R1 to R4; ``quadntk``, f_Q
    alone with R4. The classes that the bounds are about hold f_L + f_Q, and f_Q, at the W where training ended.

    Numbers, for each arm a table by network: ``train`` and ``test``, mean |f - y|, the test labels with fresh noise;
    ``linear_radius``, the F-norm of the antisymmetric part of W, on which alone f_L depends (0 without f_L);
    ``quadratic_radius``, the (2,4)-norm of W; ``own`` and ``fresh``, (1/n) sum_i eps_i f_Q(x_i; W) over its supremum in
    the ball of that radius, for the signs in the labels and for others.
    """

    activation: str
    device: str
    d: int
    m: int
    n: int
    networks: int
    steps: int
    start: float
    r4: float

    def run(self) -> Numbers:
        from verify.cells.rademacher_run import noisy_fits

        return noisy_fits(self)
