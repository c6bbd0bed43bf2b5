r"""The regularised loss of a network or of its Taylor model, with its gradient by hand.

L(W) = (1/n) sum_i loss(f(x_i), y_i) + l1 R1 + l2 R2 + l3 R3 + l4 R4 (docs/mathematics, section 5).

Antisymmetric pairs reduce everything to D = W_+ - W_- and S = W_+ + W_-, each (m/2, d): see :mod:`numerics.models`. A
good displacement P_{<=k} W is (p, -p), so it has S = 0. Hence f_Q(P_{<=k} W) = 0 identically, **R2 vanishes at
antisymmetric initialisation** and is not computed (derived here); and f_Q(P_{<=k} W, P_{>k} W) = m^{-1/2} sum_r sigma''
<p_r,x><S_r,x>.

Inputs are worked through in blocks of rows that stay in the caches: one product gives <D,x>, <S,x> and <p,x>, the
slopes of the loss in them are formed in place, and one product adds to the gradient. Nothing of size n x m is written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from numerics.covariance import FeatureCovariance
from numerics.directions import GoodDirections
from numerics.inputs import Array, inputs, labels, of_length
from numerics.losses import named_loss
from numerics.memory import available_bytes, require
from numerics.models import MODELS, Block, Model, ModelName, Network, Taylor
from numerics.network import TwoLayerNetwork
from numerics.precision import full_precision
from numerics.regularizer import Parts, Weights, capacity

BLOCK_NUMBERS = {"cpu": 2**18, "cuda": 2**25}
"""Preactivations of distinct neurons in one block, by kind of device."""

POPULATION = "R1 in population, a mean over the sphere ('exact' in r1_modes),"


@full_precision
class Objective:
    """Regularised loss as a function of the displacement W, shape (..., m, d).

    Args:
        network: at its initialisation, one or a batch.
        x: training inputs, (n, d) or (..., n, d). y: labels, (n,) or (..., n).
        weights: of the regularisers.
        directions: P_{<=k} of this network; without them R1, R2 and R3 do not apply.
        model: "taylor" (f_L + f_Q), "linear", "quadratic" (the QuadNTK), or "network" (f itself).
        loss: a name in :data:`numerics.losses.LOSSES`.
        unlabeled: inputs for the "unlabeled" form of R1, (n_u, d) or (..., n_u, d).
        cache: keep sigma'(z) and sigma''(z) (or z) of the training inputs; when None, if they take at most a quarter of
            the memory available. Without them they are evaluated again at each step.

    Raises:
        ValueError: shapes, dtypes or devices that do not match, entries that are not finite, an unknown name,
            directions of another network, or inputs (``x``, ``unlabeled``) off the sphere |x|^2 = d where R1 is taken
            in population, over that sphere.
        WouldNotFit: ``cache=True`` and it does not fit.

    Cost of a value with gradient: 2 n m d multiplications for the model's two products, n m d more for R3, 3 m^2 d / 4
    for R1 in population, n_u m d for R1 on a sample. Memory: n m / 2 numbers for each of sigma' and sigma''.
    """

    def __init__(
        self,
        network: TwoLayerNetwork,
        x: Array,
        y: Array,
        weights: Weights = Weights(),
        directions: GoodDirections | None = None,
        model: ModelName = "taylor",
        loss: str = "squared",
        unlabeled: Array | None = None,
        cache: bool | None = None,
    ) -> None:
        x = inputs(network, x, "x").detach()
        if directions is not None and getattr(directions, "network", None) is not network:
            raise ValueError("directions belong to another network; build GoodDirections from this one")
        if not isinstance(weights, Weights):
            raise ValueError(f"weights={weights!r}: needs numerics.Weights, such as Weights(r1=1.0)")
        if model not in MODELS:
            raise ValueError(f"model={model!r}: needs one of {', '.join(MODELS)}")
        self.network, self.x, self.weights, self.directions = network, x, weights, directions
        self.n, self.model, self.loss = x.shape[-2], model, named_loss(loss)
        self.y = labels(network, x, y, self.loss).detach()
        self.r3 = directions is not None and weights.r3 > 0
        exact = directions is not None and weights.uses("exact")
        if exact:
            of_length(x, network.d, "x", POPULATION)
        self.covariance = FeatureCovariance(network) if exact else None
        self.features = directions.features(x) if directions is not None and weights.uses("training") else None
        self.sample: Sample | None = None
        if directions is not None and weights.uses("unlabeled"):
            if unlabeled is None:
                raise ValueError("r1_modes holds 'unlabeled': needs the argument unlabeled, inputs of shape (n_u, d)")
            self.sample = Sample(network, directions, unlabeled)
            if exact:
                of_length(self.sample.x, network.d, "unlabeled", POPULATION)
        names = {
            "z": model == "network",
            "first": model in ("taylor", "linear") or self.features is not None,
            "curve": model in ("taylor", "quadratic") or self.r3,
        }
        self.engine: Model = (
            Network(network.activation, network.m)
            if model == "network"
            else Taylor(linear=model != "quadratic", quadratic=model != "linear")
        )
        self._blocks = Blocks(network, x, {name for name, used in names.items() if used}, cache)

    def blocks(self) -> Iterator[tuple[slice, Block]]:
        """The training inputs in blocks of rows."""
        return iter(self._blocks)

    def predict(self, x: Array, W: Array) -> torch.Tensor:
        """The model at other inputs, shape (..., n)."""
        if self.model == "network":
            return self.network.forward(x, W)
        terms = {"linear": (self.network.linear,), "quadratic": (self.network.quadratic,)}
        both = (self.network.linear, self.network.quadratic)
        outputs = [term(x, W) for term in terms.get(self.model, both)]
        return outputs[0] if len(outputs) == 1 else outputs[0] + outputs[1]

    @torch.no_grad()
    def value_and_gradient(self, W: Array) -> tuple[Parts, torch.Tensor]:
        """Loss with its parts, and dL/dW of shape (..., m, d). Not finite where W is not, or the loss overflows."""
        network, lam, half = self.network, self.weights, self.network.half.shape[-2]
        W = network.check_displacement(W)
        plus, minus = W.chunk(2, dim=-2)
        difference, total = plus - minus, plus + minus
        r1_training, r3 = (torch.zeros(W.shape[:-2], dtype=W.dtype, device=W.device) for _ in range(2))
        stack = [total, difference]
        good = coordinates = pull = None
        if self.directions is not None:
            coordinates = self.directions.half_coordinates(difference)
            good = self.directions.half_combine(coordinates)
            pull = torch.zeros_like(coordinates)  # gradient with respect to the coordinates
            if self.r3:
                stack.append(good)
        directions = torch.cat(stack, dim=-2)
        gradients = torch.zeros_like(directions)
        product: torch.Tensor | None = None
        outputs: list[torch.Tensor] = []

        for rows, block in self.blocks():
            shape = (*gradients.shape[:-2], block.x.shape[-2], gradients.shape[-2])
            if product is None or product.shape != shape:
                product = block.x.new_empty(shape)
            torch.matmul(block.x, directions.mT, out=product)
            q, p = product[..., :half], product[..., half : 2 * half]
            sums = []
            if self.features is not None:
                sums.append(torch.linalg.vecdot(block.first, p))
            if self.r3:
                g = product[..., 2 * half :]
                bent = block.curve * q
                sums.append(2 * torch.linalg.vecdot(bent, g))
            # From here on the memory of q and p holds the slopes in p and q, in the order of ``gradients``: D, S.
            output, slope_p, slope_q = self.engine.evaluate(block, p, q, overwrite=True)
            output, *others = network.reduce(torch.stack([output, *sums])) if sums else (network.reduce(output),)
            outputs.append(output)
            error = self.loss.first(output, self.y[..., rows])[..., None]
            if not others:
                accumulate(gradients, product, block.x * error, 1 / self.n)
                continue
            slope_p *= error
            slope_q *= error
            if self.r3:
                overlap = others.pop()
                r3 = r3 + overlap.square().sum(-1)
                push = (4 * lam.r3) * overlap[..., None]
                slope_q += (block.curve * g).mul_(push)
                torch.mul(bent, push, out=g)
            if self.features is not None and coordinates is not None and pull is not None:
                features = self.features[..., rows, :]
                leak = others.pop() - (features @ coordinates[..., None])[..., 0]
                r1_training = r1_training + leak.square().sum(-1)
                push = (2 * lam.r1) * leak[..., None]
                slope_p.addcmul_(block.first, push)
                pull -= (features.mT @ push)[..., 0] / self.n
            accumulate(gradients, product, block.x, 1 / self.n)

        data = self.loss.value(torch.cat(outputs, dim=-1), self.y).mean(-1)
        gradient, r1_exact, r1_unlabeled = self.assemble(gradients, difference, coordinates, good, pull)
        r4, factors = capacity(W.square().sum(-1), lam.r4_power, network.reduce)
        gradient.addcmul_(factors[..., None], W, value=lam.r4)
        used = {
            "r1_exact": r1_exact,
            "r1_training": None if self.features is None else r1_training / self.n,
            "r1_unlabeled": r1_unlabeled,
            "r2": None if self.directions is None else torch.zeros_like(data),
            "r3": r3 / self.n if self.r3 else None,
        }
        value = data + lam.r4 * r4
        for name, part in used.items():
            if part is not None:
                value = value + getattr(lam, name[:2]) * part
        nothing = torch.full_like(data, math.nan)
        parts = {name: nothing if part is None else part for name, part in used.items()}
        return Parts(total=value, data=data, r4=r4, **parts), gradient

    def assemble(
        self,
        gradients: torch.Tensor,
        difference: torch.Tensor,
        coordinates: torch.Tensor | None,
        good: torch.Tensor | None,
        pull: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """From gradients in D, S, p and the coordinates of W to the gradient in W, with R1's quadratic forms added.

        Linear in everything: the gradient of R1 at D, p and coordinates of V is its Hessian applied to V.

        Args:
            gradients: in D, S and, with R3, p, one under the other.
            difference: D.
            coordinates: of P W.
            good: p, with P W = (p, -p).
            pull: gradient in the coordinates, None without directions.

        Returns:
            The gradient in W without R4, and R1 in population and on the unlabeled sample (None where not used).
        """
        half, lam = difference.shape[-2], self.weights
        along, across = gradients[..., :half, :], gradients[..., half : 2 * half, :]
        r1_exact = r1_unlabeled = None
        if self.directions is not None and good is not None and coordinates is not None and pull is not None:
            inward = gradients[..., 2 * half :, :] if self.r3 else torch.zeros_like(good)
            if self.sample is not None:
                r1_unlabeled, push, shift = self.sample.leak(difference, coordinates)
                along, pull = along + lam.r1 * push, pull + lam.r1 * shift
            if self.covariance is not None:
                outside = difference - 2 * good
                image = self.covariance.half_matmul(outside)
                r1_exact = self.network.reduce((outside * image).sum((-2, -1)))
                along = along.add(image, alpha=2 * lam.r1)
                inward = inward.add(image, alpha=-4 * lam.r1)
            along = along + self.directions.half_combine(pull + self.directions.half_coordinates(inward))
        return torch.cat([across + along, across - along], dim=-2), r1_exact, r1_unlabeled


@full_precision
class Blocks:
    """Inputs in blocks of rows, with what the model needs of them kept or evaluated at each pass."""

    def __init__(self, network: TwoLayerNetwork, x: torch.Tensor, names: set[str], cache: bool | None) -> None:
        self._network, self._x, self._names = network, x, names
        width = network.half[..., 0].numel()
        n, kind = x.shape[-2], x.device.type
        step = max(1, BLOCK_NUMBERS.get(kind, BLOCK_NUMBERS["cuda"]) // width)
        self._rows = [slice(start, min(start + step, n)) for start in range(0, n, step)]
        one = len(names) * width * x.dtype.itemsize
        if cache is None:
            cache = 4 * one * n <= available_bytes(x.device)
        elif cache:
            fits = available_bytes(x.device) // one
            require(one * n, f"{', '.join(sorted(names))} of n={n} inputs", x.device, f"cache=False, or n <= {fits}")
        self._kept = [self._evaluate(rows) for rows in self._rows] if cache else None

    def _evaluate(self, rows: slice) -> Block:
        x = self._x[..., rows, :]
        z = x @ self._network.half.mT
        orders = [order for order, name in ((1, "first"), (2, "curve")) if name in self._names]
        empty = x.new_empty(0)
        scale = 1 / math.sqrt(self._network.m)
        values = list(self._network.activation.derivatives(z, *orders)) if orders else []
        first = values.pop(0) * scale if "first" in self._names else empty
        curve = values.pop(0) * (scale / 2) if "curve" in self._names else empty
        return Block(x, z if "z" in self._names else empty, first, curve)

    def __iter__(self) -> Iterator[tuple[slice, Block]]:
        """Rows and block, in order."""
        blocks = self._kept if self._kept is not None else map(self._evaluate, self._rows)
        return zip(self._rows, blocks, strict=True)


@full_precision
class Sample:
    """R1 as a mean over a sample of inputs: (1/n_u) sum_i f_L(x_i; P_{>k} W)^2.

    Args:
        network: at its initialisation. directions: P_{<=k}. x: inputs, (n_u, d) or (..., n_u, d).
    """

    def __init__(self, network: TwoLayerNetwork, directions: GoodDirections, x: Array) -> None:
        x = inputs(network, x, "unlabeled").detach()
        self._network, self._n, self.x = network, x.shape[-2], x
        self._blocks, self._features = Blocks(network, x, {"first"}, None), directions.features(x)

    def leak(
        self, difference: torch.Tensor, coordinates: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Value, and gradients in D and in the coordinates; the gradients are linear in (D, coordinates)."""
        gradient, pull = torch.zeros_like(difference), torch.zeros_like(coordinates)
        value = torch.zeros_like(coordinates[..., 0])
        for rows, block in self._blocks:
            features = self._features[..., rows, :]
            output = self._network.reduce(torch.linalg.vecdot(block.first, block.x @ difference.mT))
            leak = output - (features @ coordinates[..., None])[..., 0]
            value = value + leak.square().sum(-1) / self._n
            push = (2 / self._n) * leak[..., None]
            accumulate(gradient, block.first * push, block.x)
            pull -= (features.mT @ push)[..., 0]
        return value, gradient, pull


def accumulate(total: torch.Tensor, weights: torch.Tensor, x: torch.Tensor, scale: float = 1.0) -> None:
    """total += scale weights^T x, over a batch or not."""
    if total.ndim == 2:
        total.addmm_(weights.mT, x, alpha=scale)
    else:
        total.baddbmm_(weights.mT, x.expand(*total.shape[:-2], -1, -1), alpha=scale)
