r"""The regularised loss of a network or of its Taylor model, with its gradient by hand.

L(W) = (1/n) sum_i loss(f(x_i), y_i) + l1 R1 + l2 R2 + l3 R3 + l4 R4 (docs/mathematics, section 5); the terms are in
:mod:`numerics.terms`, one object each.

Antisymmetric pairs reduce everything to D = W_+ - W_- and S = W_+ + W_-, each (m/2, d): see :mod:`numerics.models`. A
good displacement P_{<=k} W is (p, -p), so it has S = 0. Hence f_Q(P_{<=k} W) = 0 identically, **R2 vanishes at
antisymmetric initialisation** and is not computed (derived here); and f_Q(P_{<=k} W, P_{>k} W) = m^{-1/2} sum_r sigma''
<p_r,x><S_r,x>.

Inputs are worked through in blocks of rows that stay in the caches: one product gives <D,x>, <S,x> and <p,x>, the
slopes of the loss in them are formed in place, and one product adds to the gradient. Nothing of size n x m is written.
On a CPU with several threads each takes whole blocks (:mod:`numerics.threads`).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import torch

from numerics.blocks import Block, Blocks, accumulate, joined
from numerics.covariance import FeatureCovariance
from numerics.directions import GoodDirections
from numerics.inputs import Array, computed, inputs, instance, integer, labels, named
from numerics.jacobian import Jacobian
from numerics.linear_first import LinearFirst
from numerics.losses import named_loss
from numerics.models import MODELS, Model, ModelName, Network, Taylor
from numerics.network import TwoLayerNetwork
from numerics.precision import full_precision
from numerics.quoting import shown
from numerics.scale import of_length, off_length
from numerics.terms.data import DataTerm
from numerics.terms.pairs import PairGradient, Pairs, Products
from numerics.terms.penalty import InputPenalty, PairPenalty, Penalty
from numerics.terms.r1 import FreshInputs, PopulationR1, SampleR1, UnlabeledR1
from numerics.terms.r3 import R3
from numerics.terms.r4 import R4
from numerics.terms.weights import Parts, PenaltyWeights
from numerics.threads import shared

INPUTS_A_PART = 4
"""Least inputs over d in a part of the training inputs that has a gradient of its own, of m d numbers: it then takes at
most a quarter of what is kept of the inputs of that part, n m numbers in all."""
POPULATION = "R1 in population, a mean over the sphere ('exact' in r1_modes),"


@full_precision
class Objective:
    """Regularised loss as a function of the displacement W, shape (..., m, d).

    Args:
        network: at its initialisation, one or a batch.
        x: training inputs, (n, d) or (..., n, d). y: labels, (n,) or (..., n).
        weights: penalty weights of R1 to R4.
        directions: P_{<=k} of this network; without them R1, R2 and R3 do not apply.
        model: "taylor" (f_L + f_Q), "linear", "quadratic" (the QuadNTK), or "network" (f itself).
        loss: a name in :data:`numerics.losses.LOSSES`.
        unlabeled: inputs for the "unlabeled" form of R1, (n_u, d) or (..., n_u, d).
        fresh: R1 on inputs drawn anew at each step, with a weight of its own; :meth:`draw` draws them.
        cache: keep sigma'(z) and sigma''(z) (or z) of the training inputs; when None, if they take at most a quarter of
            the memory available. Without them they are evaluated again at each step.

    Attributes:
        data: the data term. averages: the penalties that are means over the training inputs (R1 on them, R3), which
            share one pass over the inputs with the data term. forms: the other forms of R1. r4: R4.
        crossed: whether R3 is in the loss, the one term that needs the products <p_r, x>.

    Raises:
        UserWarning: inputs off the sphere with directions of the sphere ("span" or "eigen").
        ValueError: shapes, dtypes or devices that do not match, entries that are not finite, an unknown name,
            directions of another network, or inputs (``x``, ``unlabeled``) off the sphere |x|^2 = d where R1 is taken
            in population, over that sphere.
        WouldNotFit: ``cache=True`` and it does not fit.

    Cost of a value with gradient: 2 n m d multiplications for the model's two products, n m d more for R3, 3 m^2 d / 4
    for R1 in population, n_u m d for R1 on a sample. Memory: n m / 2 numbers for each of sigma' and sigma''.

    Source: docs/mathematics, :eq:`regularised-loss`.
    """

    _absent: tuple[torch.Tensor, torch.Tensor] | None = None
    """NaN and zero, for parts of the loss that are not computed; made by the first evaluation."""

    def __init__(
        self,
        network: TwoLayerNetwork,
        x: Array,
        y: Array,
        weights: PenaltyWeights = PenaltyWeights(),
        directions: GoodDirections | None = None,
        model: ModelName = "taylor",
        loss: str = "squared",
        unlabeled: Array | None = None,
        cache: bool | None = None,
        fresh: FreshInputs | None = None,
    ) -> None:
        x = inputs(network, x, "x").detach()
        if directions is not None and getattr(directions, "network", None) is not network:
            raise ValueError("directions belong to another network; build GoodDirections from this one")
        if not isinstance(weights, PenaltyWeights):
            raise ValueError(f"weights={shown(weights)}: needs numerics.PenaltyWeights, such as PenaltyWeights(r1=1.0)")
        named(model, MODELS, "model")
        if fresh is not None:
            instance(fresh, FreshInputs, "fresh", "numerics.FreshInputs, such as FreshInputs(1.0, seed=0)")
        self.network, self.x, self.weights, self.directions = network, x, weights, directions
        self.n, self.model, self.loss = x.shape[-2], model, named_loss(loss)
        self.y = labels(network, x, y, self.loss).detach()
        function: Model = (
            Network(network.activation, network.m)
            if model == "network"
            else Taylor(linear=model != "quadratic", quadratic=model != "linear")
        )
        self.data = DataTerm(self.loss, function, self.y)
        self.r4 = R4(weights.r4, weights.r4_power, network)
        self.averages: tuple[InputPenalty, ...] = ()
        self.forms: tuple[PairPenalty, ...] = ()
        self.crossed = False
        self.unlabeled: torch.Tensor | None = None
        self.fresh = fresh
        if fresh is not None and directions is None:
            raise ValueError("fresh: R1 on fresh inputs needs directions; give GoodDirections of this network")
        if directions is not None:
            self._penalise(directions, weights, unlabeled)
        jacobian, penalised = self._own_jacobian(), directions is not None and weights.uses("training")
        needed = {
            "z": model == "network",
            "first": model in ("taylor", "linear") or penalised or jacobian is not None,
            "second": model in ("taylor", "quadratic") or self.crossed,
        }
        self._blocks = Blocks(network, x, {name for name, used in needed.items() if used}, cache)
        self._scratch: list[torch.Tensor] = []
        self._linear_first = None
        if jacobian is not None:
            training = weights.r1 if penalised else None
            self._linear_first = LinearFirst(network, self._blocks, self.data, jacobian, training)

    def _penalise(self, directions: GoodDirections, weights: PenaltyWeights, unlabeled: Array | None) -> None:
        """Set up the penalties that need the good directions."""
        network, averages, forms = self.network, list[InputPenalty](), list[PairPenalty]()
        worst = None if weights.uses("exact") else off_length(self.x, network.d, torch.float32)
        if worst is not None and directions.method in ("span", "eigen"):
            warnings.warn(
                f"x has a row with |x|^2 = {worst:.8g}: directions of method={directions.method!r} are those of the "
                f"sphere |x|^2 = {network.d}; use numerics.to_sphere(x), or method='jacobian', which takes any inputs",
                stacklevel=4,
            )
        if weights.uses("exact"):
            of_length(self.x, network.d, "x", POPULATION)
            if self.fresh is not None and self.fresh.law != "sphere":
                raise ValueError(f"fresh.law={self.fresh.law!r}: {POPULATION} needs fresh inputs on it; use 'sphere'")
            forms.append(PopulationR1(weights.r1, network, FeatureCovariance(network)))
        if weights.uses("training"):
            averages.append(SampleR1(weights.r1, directions.features(self.x)))
        if weights.uses("unlabeled"):
            if unlabeled is None:
                raise ValueError("r1_modes holds 'unlabeled': needs the argument unlabeled, inputs of shape (n_u, d)")
            x = self.unlabeled = inputs(network, unlabeled, "unlabeled").detach()
            sample = SampleR1(weights.r1, directions.features(x), "r1_unlabeled")
            forms.append(UnlabeledR1(sample, network, Blocks(network, x, {"first"}, None)))
            if weights.uses("exact"):
                of_length(x, network.d, "unlabeled", POPULATION)
        if weights.r3 > 0:
            averages.append(R3(weights.r3, self.n))
        self.averages, self.forms, self.crossed = tuple(averages), tuple(forms), weights.r3 > 0
        self._fixed = self.forms
        self.draw(0)

    def _own_jacobian(self) -> Jacobian | None:
        """The Jacobian of the directions, where it is that at the training inputs and R1 on samples alone needs them.

        Elsewhere the coordinates of a displacement are formed by a product of their own.
        """
        directions = self.directions_in_use()
        jacobian = None if directions is None or self.crossed else directions.jacobian()
        if jacobian is None or not all(isinstance(form, UnlabeledR1) for form in self.forms):
            return None
        return jacobian if jacobian.x.shape == self.x.shape and torch.equal(jacobian.x, self.x) else None

    def draw(self, step: int) -> None:
        """Take the fresh inputs of a step until the next call; a new loss has those of step 0."""
        step = integer(step, "step", 0)
        if self.fresh is not None and self.fresh.weight > 0 and self.directions is not None:
            self.forms = (*self._fixed, self.fresh.form(self.directions, step))

    def blocks(self) -> Iterator[tuple[slice, Block]]:
        """The training inputs in blocks of rows."""
        return iter(self._blocks)

    def directions_in_use(self) -> GoodDirections | None:
        """The good directions where a term needs them, else None."""
        return self.directions if self.averages or self.forms else None

    def predict(self, x: Array, W: Array, known: Mapping[str, torch.Tensor] = MappingProxyType({})) -> torch.Tensor:
        """The model at other inputs, shape (..., n); ``known`` holds f_L ("linear") or f_Q ("quadratic") there."""
        if self.model == "network":
            return self.network.forward(x, W)
        terms = {"linear": self.network.linear, "quadratic": self.network.quadratic}
        used = [self.model] if self.model in terms else list(terms)
        outputs = [known[name] if name in known else terms[name](x, W) for name in used]
        return outputs[0] if len(outputs) == 1 else computed(outputs[0] + outputs[1], "the output", "W or x is")

    @torch.no_grad()
    def value_and_gradient(self, W: Array) -> tuple[Parts, torch.Tensor]:
        """Loss with its parts, and dL/dW of shape (..., m, d). Not finite where W is not, or the loss overflows."""
        W = self.network.check_displacement(W)
        if self._linear_first is not None:
            data, values, pair_gradient = self._linear_first(W, self.forms)
        else:
            at = Pairs(W, self.directions_in_use())
            pair_gradient = PairGradient(at, self.directions_in_use(), self.crossed)
            data, values = self._training_pass(at, pair_gradient)
            for form in self.forms:
                values[form.name] = form.add_gradient(at, pair_gradient)
        gradient = pair_gradient.displacement()
        r4 = self.r4.add_gradient(W, gradient)
        total = data + self.r4.weight * r4 if self.r4.weight else data
        penalties: tuple[Penalty, ...] = (*self.forms, *self.averages)
        for penalty in penalties:
            total = total + penalty.weight * values[penalty.name]
        if self._absent is None:
            self._absent = torch.full_like(data, math.nan), torch.zeros_like(data)
        nothing, zero = self._absent
        r2 = nothing if self.directions is None else zero
        regularisers = dict.fromkeys(("r1_exact", "r1_training", "r1_unlabeled", "r1_fresh", "r3"), nothing) | values
        return Parts(total=total, data=data, r2=r2, r4=r4, **regularisers), gradient

    def _training_pass(self, at: Pairs, gradient: PairGradient) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Value of the data term, and of the penalties on the training inputs by name; their gradients are added.

        Where several threads share it, each part of the inputs has a gradient of its own. Parts are added in their
        order, so the result does not depend on which thread was faster.
        """
        directions = torch.cat([at.stacked, at.good], dim=-2) if self.crossed else at.stacked
        count, parts = len(self._blocks), self._parts()
        if parts == 1:
            output, sums = self._pass(self._blocks, at, directions, gradient)
            return self.data.value(output), {
                term.name: one / self.n for term, one in zip(self.averages, sums, strict=True)
            }

        def one(part: int) -> tuple[torch.Tensor, list[torch.Tensor], PairGradient]:
            own = gradient if part == 0 else PairGradient(at, self.directions_in_use(), self.crossed)
            blocks = self._blocks.between(part * count // parts, (part + 1) * count // parts)
            return *self._pass(blocks, at, directions, own), own

        outputs, parted, gradients = zip(*shared(one, parts), strict=True)
        for other in gradients[1:]:
            gradient.add(other)
        values = {term.name: sum(own) / self.n for term, *own in zip(self.averages, *parted, strict=True)}
        return self.data.value(joined(outputs)), values

    def _parts(self) -> int:
        """Into how many parts of the inputs a pass is cut for the threads; 1 leaves each product to all of them.

        Two for each thread, so that one whose core is taken does fewer; see also :data:`INPUTS_A_PART`. Processes that
        share a network talk to each other within a block, which has to happen in one order.
        """
        network, blocks, threads = self.network, len(self._blocks), torch.get_num_threads()
        alone = threads == 1 or network.device.type != "cpu" or 2 * network.pairs != network.m
        if alone or blocks < 2 * threads:
            return 1
        parts = min(2 * threads, self.n // (INPUTS_A_PART * network.d))
        return parts if parts >= threads else 1

    def _pass(
        self, blocks: Iterable[tuple[slice, Block]], at: Pairs, directions: torch.Tensor, gradient: PairGradient
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Outputs of some blocks, and sum_i u_i^2 for each penalty on them; their gradients are added.

        The memory of a block's products is used twice. The products stand in the order <S,x>, <D,x>, <p,x>, and the
        data term writes the slope in <D,x> over <S,x>, and that in <S,x> over <D,x>. So the slopes stand in the order
        D, S, p, in which the gradient is kept.
        """
        network, half = self.network, at.difference.shape[-2]
        sums = [at.total.new_zeros(at.total.shape[:-2]) for _ in self.averages]
        try:
            product = self._scratch.pop()  # another thread may take the last one first
        except IndexError:
            product = directions.new_empty(0)
        outputs: list[torch.Tensor] = []
        for rows, block in blocks:
            shape = (*directions.shape[:-2], block.x.shape[-2], directions.shape[-2])
            if product.shape != shape:
                product = block.x.new_empty(shape)
            torch.matmul(block.x, directions.mT, out=product)
            q, p, *g = product.split(half, dim=-1)
            products = Products(p, q, *g)
            begun = [term.forward(rows, block, at, products) for term in self.averages]
            output, slopes = self.data.forward(block, products)
            if not begun:
                output = network.reduce(output)
                outputs.append(output)
                # The factor loss' goes to the rows of x, (b, d), which are narrower than the slopes, (b, m).
                accumulate(gradient.stacked, product, block.x * self.data.derivative(rows, output), 1 / self.n)
                continue
            output, *others = network.reduce(torch.stack([output, *(part for part, _ in begun)]))
            outputs.append(output)
            derivative = self.data.derivative(rows, output)
            product[..., : 2 * half] *= derivative  # the slopes in p and q
            pulled = zip(begun, others, strict=True)
            sums = [
                total + pull(whole, slopes, gradient) for total, ((_, pull), whole) in zip(sums, pulled, strict=True)
            ]
            accumulate(gradient.stacked, product, block.x, 1 / self.n)
        self._scratch.append(product)
        return joined(outputs), sums


def objective_first(value: Any) -> Objective:
    """The first argument of a call, when it is an objective."""
    return instance(value, Objective, "objective", "a numerics.Objective, which comes first")
