"""One-dimensional integrals as balls: arb's adaptive Gauss rules, within the work allowed and the precision set.

The rules are those of Johansson (arXiv:1802.07942). What is added is that an integral ends: with the work allowed, with
Ctrl-C, with an exception of the integrand's, or after so many evaluations that it will not converge.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from flint import acb, arb, ctx

from theory.harmonics.work import check_work, note_unconverged


def evaluations(bits: int) -> int:
    """How often one integrand may be evaluated: many times what converging integrals need, so that others end."""
    return 20_000 + 100 * bits


REPETITIONS = 100
"""How often one evaluation is repeated because code elsewhere changed the precision meanwhile."""


class _Nodes(threading.local):
    """The largest precision at which this thread has used a rule of more than half the largest degree.

    arb keeps nodes, for each thread and each number of them, so most of what a further integral needs is there.
    """

    bits: int = 0


_nodes = _Nodes()


def largest_degree(bits: int) -> int:
    """How many nodes one Gauss rule may have: up to 400 bits as many as arb's own choice, from 1040 bits on about half.

    One call computes all nodes of a rule and nothing can end it meanwhile. With fewer, arb halves the interval instead.
    The integral of exp(-1000 x^2) over [-1, 1] takes 4.5 s in place of 13.3 at 6,000 bits, 0.7 in place of 2 at 3,000.
    """
    return min(bits // 2 + 60, max(bits // 4, 260))


def node_seconds(bits: int) -> float:
    """About half of what the nodes of a rule of :func:`largest_degree` take (3.5 s at 6,000 bits)."""
    return 1.75 * (bits / 6000) ** 2.7


def integrate(integrand: Callable[[acb, bool], acb], lower: arb, upper: arb, bits: int) -> acb:
    """The integral from ``lower`` to ``upper`` with an error near 2^-bits, absolute or relative: arb's adaptive rule.

    Args:
        integrand: of a complex ball and the flag that asks whether it is analytic there; called within the working
            precision at which this function is called, whatever other threads do to it meanwhile.
        lower: one end.
        upper: the other.
        bits: of the tolerance.

    Raises:
        WorkLimit: the work allowed is used up, or would be by the nodes of one rule. Whatever else the integrand
            raises, Ctrl-C included.
    """
    working, limit, used = ctx.prec, evaluations(bits), 0
    largest, points = largest_degree(working), 0
    raised: list[BaseException] = []
    nothing = acb(0)  # once something was raised: a function that needs no further evaluations

    def guarded(x: acb, analytic: bool) -> acb:
        nonlocal used, points
        try:
            if raised:
                return nothing
            used += 1
            # arb asks whether the integrand is analytic before it chooses a rule, then evaluates at all the nodes. How
            # many that will be is not known, so a small rule is put off too where a large one has no time.
            points = 0 if analytic else points + 1
            if 2 * points > largest:
                _nodes.bits = max(_nodes.bits, working)
            check_work(node_seconds(working) if analytic and working > _nodes.bits else 0.0)
            value = integrand(x, analytic)
            for _ in range(REPETITIONS):
                if ctx.prec == working:
                    break
                ctx.prec = working  # it was set by code elsewhere
                value = integrand(x, analytic)
            return value
        except BaseException as error:  # acb.integral would turn KeyboardInterrupt into SystemError
            raised.append(error)
            return nothing

    tolerance = arb(2) ** -bits
    try:
        value = acb.integral(
            guarded,
            lower,
            upper,
            rel_tol=tolerance,
            abs_tol=tolerance,
            eval_limit=limit,
            deg_limit=largest,
        )
    except SystemError as error:
        raised.append(error)
    if raised:
        raise _signalled(raised[0])
    if used >= limit:
        note_unconverged()
    return value


def _signalled(error: BaseException) -> BaseException:
    """Ctrl-C between the lines that look for it reaches Python as SystemError, with KeyboardInterrupt as its cause."""
    while isinstance(error, SystemError) and (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error
