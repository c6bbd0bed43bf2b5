"""Cells of the Taylor claims."""

from __future__ import annotations

from verify.running.experiment import Cell, Numbers


class TaylorAgreement(Cell):
    """f_L, f_Q and the cross term at one random point by three routes.

    Routes: SymPy derivative of the network evaluated as a certified ball; forward-mode automatic differentiation of
    ``forward``; the network's own formulas. For a control, "planted" is the formula with every derivative of sigma one
    order too low. Numbers: term -> route -> value.
    """

    activation: str
    d: int
    m: int

    def run(self) -> Numbers:
        from verify.cells.taylor_run import taylor_agreement

        return taylor_agreement(self)


class RemainderRatio(Cell):
    """|f - f_L - f_Q| over m^{-1/2} sup|sigma'''| sum_r |<W_r,x>|^3, the largest of three kinds of displacement.

    "random": independent neurons, at 64 inputs. "aligned": every W_r along one input, signed so that all third-order
    terms add up. "extreme": one pair of neurons moves along x, where x has the <w_r, x> at which the remainder of one
    neuron is largest; found on a grid of sigma itself, so no supremum enters.
    Numbers: the ratios, which the theorem bounds by 1/6, by kind; ``supremum``.
    """

    activation: str
    d: int
    m: int
    length: float

    def run(self) -> Numbers:
        from verify.cells.taylor_run import remainder_ratio

        return remainder_ratio(self)


class TermSizes(Cell):
    """Root mean squares of f_L, f_Q and the remainder along the sparse construction W_Q, over networks, inputs, signs.

    "random": S W_Q with ``draws`` independent sign vectors, the remainder in its parts odd and even in the signs.
    "coherent": W_Q itself, |W_r| ~ m^{-1/4}. "lazy": m^{-1/4} W_Q, so |W_r| ~ m^{-1/2}.
    Numbers: kind -> term -> size.

    With h = <W_r,x>, signs enter only through the odd part: sigma(z + s h) = E + s O, E and O even and odd in h, so
    all draws share one evaluation of sigma(z + h) and sigma(z - h).
    """

    activation: str
    d: int
    m: int
    k: int
    alpha: float
    inputs: int
    draws: int
    networks: int

    def run(self) -> Numbers:
        from verify.cells.taylor_run import term_sizes

        return term_sizes(self)
