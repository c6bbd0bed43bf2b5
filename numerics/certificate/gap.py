"""How far a displacement is from the global minimum at most: the loss there and a certified lower bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch

from numerics.batches import member_index
from numerics.certificate.double import in_double
from numerics.certificate.improvement import ascended, relaxed
from numerics.certificate.minorant import LIFTS, Bound, Minorant
from numerics.certificate.multipliers import Multipliers, natural
from numerics.certificate.relaxation import Relaxation
from numerics.equality import ByValue
from numerics.inputs import Array, finite, instance, integer, named, tensor
from numerics.objective import Objective, objective_first
from numerics.precision import full_precision

Choice = Literal["natural", "ascent", "relaxation"]
CHOICES = ("natural", "ascent", "relaxation")


def relative_gap(value: torch.Tensor, lower: torch.Tensor) -> torch.Tensor:
    """(value - lower) / value elementwise; 0 where the value is 0, NaN where the bound is."""
    return torch.where(value > 0, (value - lower) / value, 0 * lower)


@dataclass(frozen=True, eq=False)
class Gap(ByValue):
    """lower <= min L <= value. Every tensor has the shape of the batch, () for one network, and is float64.

    Attributes:
        value: the loss at the displacement. lower: below the loss at every displacement, rounding taken off.
        multipliers: at which the bound was evaluated, the shifts as raised.
        smallest: the least eigenvalue of the blocks a_r B_r + s_r over all neurons, what rounding may have added to it
            taken off. It is >= 0, which proves with ``margin`` that the form below the loss is positive.
        margin: Q >= margin blockdiag(a_r B_r + s_r): 1 without the multipliers of R3, else at least 1/2.
        unsolved: taken off because a linear system is solved approximately. rounding: taken off for float64.
        iterations: of conjugate gradients.
    """

    value: torch.Tensor
    lower: torch.Tensor
    multipliers: Multipliers = field(repr=False)
    smallest: torch.Tensor
    margin: torch.Tensor
    unsolved: torch.Tensor
    rounding: torch.Tensor
    iterations: torch.Tensor

    @property
    def absolute(self) -> torch.Tensor:
        """value - lower."""
        return self.value - self.lower

    @property
    def relative(self) -> torch.Tensor:
        """(value - lower) / value, at most 1, as the loss is never negative; 0 where the loss is 0."""
        return relative_gap(self.value, self.lower)

    def member(self, index: int) -> Gap:
        """That of network ``index`` of a batch; IndexError without one, or outside."""
        index = member_index(index, tuple(self.value.shape))
        return Gap(**{name: v.member(index) if name == "multipliers" else v[index] for name, v in vars(self).items()})


@full_precision
@torch.no_grad()
def optimality_gap(
    objective: Objective,
    W: Array,
    multipliers: Choice | Multipliers = "natural",
    iterations: int = 400,
) -> Gap:
    """The loss at W and a number below the loss at every displacement, of a Taylor, linear or quadratic model.

    The bound needs no assumption on W: any multipliers give one, and good ones a close one. At a W that is stationary
    the natural ones give lower = value wherever that is possible at all.

    Args:
        objective: the loss, with l4 > 0. It is certified in float64: see :func:`numerics.certificate.double.in_double`.
        W: where, (..., m, d).
        multipliers: "natural", those at W, for the QuadNTK and where only f_L is trained; "relaxation", those at the
            minimum of :class:`numerics.Relaxation`, for the joint model; "ascent", found from the natural ones by an
            ascent on the bound, for losses with a kink; or given, such as those of an earlier result.
        iterations: most steps of L-BFGS that the ascent or the relaxation may take.

    Raises:
        ValueError: the network itself as the model, l4 = 0, R1 on fresh inputs, a network shared among processes, a
            relaxation, an unknown choice, a W of another shape or not finite, or one at which the loss is not finite.
        WouldNotFit: the matrices of size d, one for each pair, do not fit in memory.

    Cost: "natural": one gradient, n m d^2 / 4 multiplications and m / 2 eigenproblems of size d; with a linear part
    also some hundred products with R1 and the blocks. "relaxation": before that, two gradients an iteration. "ascent":
    all of it at every iteration. Memory: 3 m d^2 / 2 numbers.

    Source: docs/mathematics, :eq:`quadratic-minorant`, :eq:`dual-bound`.
    """
    objective_first(objective)
    if not isinstance(multipliers, Multipliers):
        named(multipliers, CHOICES, "multipliers", f"one of {', '.join(CHOICES)}, or Multipliers")
    iterations, network = integer(iterations, "iterations"), objective.network
    W = finite(network.check_displacement(W), "W").double()
    certifiable(objective)
    objective = in_double(objective)
    value = objective.value_and_gradient(W)[0].total
    if not bool(torch.isfinite(value).all()):
        raise ValueError(f"loss={value.tolist()} at W: is not finite; certify a smaller W")
    start, lifts = W, LIFTS
    if isinstance(multipliers, Multipliers):
        check_multipliers(objective, multipliers)
    elif multipliers == "natural" or objective.model == "linear":
        multipliers = natural(objective, W)
    elif multipliers == "ascent":
        multipliers, start = ascended(objective, W, iterations)
    else:
        multipliers, start, _ = relaxed(objective, W, iterations)
        lifts = LIFTS[-1:]
    minorant = Minorant(objective, multipliers)
    return _gap(value, minorant, multipliers, minorant.best(start, lifts))


def choice(objective: Objective, certify: Choice | None, stop_at_gap: float) -> Choice | None:
    """The multipliers that training uses: as named, or where only a gap is asked for, those that suit the model.

    Raises ValueError on an unknown name, and on a loss that has no bound of this kind.
    """
    if certify is None and stop_at_gap > 0:
        certify = "relaxation" if objective.model == "taylor" else "natural"
    if certify is not None:
        named(certify, CHOICES, "certify", f"one of {', '.join(CHOICES)}, or None")
        certifiable(objective)
    return certify


def certifiable(objective: Objective) -> None:
    """ValueError, with the remedy, where a loss has no lower bound of this kind."""
    network = objective.network
    if isinstance(objective, Relaxation):
        raise ValueError("a relaxation: certify its original, relaxation.original, with multipliers='relaxation'")
    if objective.model == "network":
        raise ValueError("model='network': is no polynomial in W, which the bound needs; certify model='taylor'")
    if objective.fresh is not None and objective.fresh.weight > 0:
        raise ValueError("fresh: R1 on fresh inputs is another loss at each step; certify one without, or 'unlabeled'")
    if objective.weights.r4 == 0:
        raise ValueError("r4=0.0: f_Q is then unbounded and the bound trivial; use PenaltyWeights(r4=...) > 0")
    if 2 * network.pairs != network.m:
        raise ValueError("a network shared among processes: certify a TwoLayerNetwork with all its neurons")


def check_multipliers(objective: Objective, multipliers: Multipliers) -> None:
    """ValueError unless they have the shapes that the objective needs, are finite, and the shifts nonnegative."""
    instance(multipliers, Multipliers, "multipliers", "the multipliers of a numerics.Gap")
    wanted = {"slopes": objective.y, "shifts": objective.network.w[..., 0], "crossing": objective.y}
    for name, like in wanted.items():
        given = getattr(multipliers, name)
        shape = (*objective.network.batch, like.shape[-1])
        if given is None and name == "crossing":
            continue
        if finite(tensor(given, name), name).shape != shape:
            raise ValueError(f"{name} of shape {tuple(given.shape)}: needs {shape}")
    if bool((multipliers.shifts < 0).any()):
        raise ValueError("shifts: needs numbers >= 0, as R4 has no negative slope")


def _gap(value: torch.Tensor, minorant: Minorant, multipliers: Multipliers, bound: Bound) -> Gap:
    crossing = None if multipliers.crossing is None else bound.theta[..., None] * multipliers.crossing
    used = Multipliers(minorant.slopes, bound.shifts, crossing)
    return Gap(
        value=value,
        lower=torch.where(torch.isfinite(bound.lower), bound.lower, 0.0),  # the loss is never negative
        multipliers=used,
        smallest=bound.smallest,
        margin=bound.margin,
        unsolved=bound.unsolved,
        rounding=bound.rounding,
        iterations=bound.iterations,
    )
