"""Training on the regularised loss: one loop for all methods, which returns a Trajectory."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from numerics.certificate.gap import Choice, choice, optimality_gap
from numerics.certificate.relaxation import Relaxation
from numerics.checkpoint import Checkpoint
from numerics.curvature import norm
from numerics.inputs import Array, copied, finite, inputs, integer, labels, number
from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.optimizers import Adam, End, Method, Stepper
from numerics.precision import full_precision
from numerics.sampling import generator
from numerics.terms.weights import Parts

PROBES = 128
"""Training inputs on which the movement of the kernel is measured."""


class Diverged(ArithmeticError):
    """Training met a loss or a gradient that is not finite."""


Stop = Literal["steps", "gradient", "gap"] | End
"""Why a run ended: all steps done, a gradient or a certified gap small enough, or by the method itself."""


@dataclass(frozen=True)
class Record:
    """State of a run at one step. Every tensor has shape batch: () for one network.

    Attributes:
        step: updates done.
        parts: the loss and its parts.
        gradient_norm: Frobenius norm of the gradient.
        linear_energy, quadratic_energy: means of f_L^2 and f_Q^2 over the test inputs (training inputs without them).
        kernel_movement: ||K_W - K_0||_F / ||K_0||_F, K_W the tangent kernel at W of the network (model "network") or of
            its Taylor model, on up to 128 training inputs; NaN where K_0 = 0.
        outside: mean of f_L(x_i; P_{>k} W)^2 over the training inputs, R1 there whatever its weight; NaN without good
            directions.
        test_risk: mean loss on the test inputs; NaN without them.
        rate: step length of the last update; NaN before the first and for L-BFGS.
        lower_bound: certified, below the loss at every displacement: the best of this record and those before; float64.
            NaN where none was asked for.
    """

    step: int
    parts: Parts
    gradient_norm: torch.Tensor
    linear_energy: torch.Tensor
    quadratic_energy: torch.Tensor
    kernel_movement: torch.Tensor
    outside: torch.Tensor
    test_risk: torch.Tensor
    rate: torch.Tensor
    lower_bound: torch.Tensor

    @property
    def gap(self) -> torch.Tensor:
        """(loss - lower bound) / loss: the relative distance from the global minimum is at most this."""
        total = self.parts.total.double()
        return torch.where(total > 0, (total - self.lower_bound) / total, 0 * self.lower_bound)

    def numbers(self) -> dict[str, float]:
        """Everything as floats by name, for one network."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in ("step", "parts")}
        return {"step": self.step, **self.parts.numbers(), **{name: float(value) for name, value in own.items()}}

    def member(self, index: int) -> Record:
        """The record of network ``index`` of a batch."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        own = {k: v if k == "step" else v.member(index) if k == "parts" else v[index] for k, v in values.items()}
        return Record(**own)


@full_precision
@dataclass(frozen=True)
class Trajectory:
    """What a training run left behind.

    Attributes:
        W: final displacement, (..., m, d).
        records: every ``record_every`` steps, or at the steps asked for; the first and the last included.
        stopped: "steps" when all were done, "gradient" when the gradient was small enough, "gap" when the certified gap
            was, "stationary" or "stalled" when the method ended by itself (:data:`numerics.optimizers.End`).
    """

    W: torch.Tensor
    records: tuple[Record, ...]
    stopped: Stop

    def curve(self, name: str) -> torch.Tensor:
        """One quantity over the records, (records, ...): a field of :class:`Record` or of its parts.

        Raises:
            AttributeError: no such quantity.
        """
        values = [getattr(r if hasattr(r, name) else r.parts, name) for r in self.records]
        if name == "step":
            return torch.tensor(values, dtype=torch.int64, device="cpu")
        return torch.stack(values)


@full_precision
def small_start(network: TwoLayerNetwork, scale: float, seed: int) -> torch.Tensor:
    """Gaussian displacement with E|W_r|^2 = scale^2 m^{-1/2}, shape (..., m, d), the same for all of a batch.

    The quadratic term then starts at order scale^2. Raises ValueError on a scale that is negative or not finite.
    """
    scale, shape = number(scale, "scale", "a finite scale >= 0", zero=True), (network.m, network.d)
    noise = torch.randn(shape, generator=generator(seed), dtype=torch.float64, device="cpu").to(network.w)
    scaled = network.scatter(noise * (scale * network.m**-0.25 / math.sqrt(network.d)))
    return scaled.expand(*network.batch, -1, -1).clone()


@torch.no_grad()
def train(
    objective: Objective,
    start: Array,
    method: Method,
    steps: int,
    record_every: int = 100,
    test: tuple[Array, Array] | None = None,
    gradient_tolerance: float = 0.0,
    checkpoint: Path | str | None = None,
    checkpoint_every: int = 1000,
    progress: Callable[[Record], None] | None = None,
    record_at: Sequence[int] | None = None,
    certify: Choice | None = None,
    stop_at_gap: float = 0.0,
) -> Trajectory:
    """Run ``method`` from ``start``.

    Args:
        objective: the loss.
        start: first displacement, (..., m, d).
        method: GradientDescent, PerturbedGradientDescent, Adam or LBFGS.
        steps: most updates, >= 1.
        record_every: steps between records.
        test: inputs and labels for the test risk.
        gradient_tolerance: stop once the norm of the gradient is at most this, for all networks of a batch; 0 never
            stops, as a start at a saddle has no gradient.
        checkpoint: a file; written every ``checkpoint_every`` steps and at the end. If it is there, the run goes on
            from it, bit by bit as if it had never stopped, on the same device and number of threads. A run that is
            killed or interrupted leaves the last one whole; one that was altered by a byte is refused. Each process of
            a sharded network has a file of its own, with its first pair of neurons in the name.
        checkpoint_every: steps between checkpoints.
        progress: called with each record.
        record_at: steps at which to record in place of every ``record_every``, such as equidistant ones in log t.
        certify: with which multipliers each record gets a certified lower bound of the global minimum
            (:func:`numerics.optimality_gap`); those of the relaxation, which depend little on W, are found once, at the
            first record. None leaves it out.
        stop_at_gap: stop at the first record whose certified relative gap is at most this, for all networks of a batch;
            0 never stops. Where ``certify`` is None it is then "relaxation" for the joint model, else "natural".

    Raises:
        Diverged: the loss or its gradient is not finite, with the step, the value and what to change.
        ValueError: steps, record_every or checkpoint_every < 1, a step to record at that is no integer >= 0, R1 on
            fresh inputs with a method that compares the loss at several points of a step, a start or test data that do
            not fit the network or are not finite, a checkpoint of another run or another version, one that is damaged,
            a path that cannot be a file, or a loss that cannot be certified where that is asked for.

    Cost: that of the method, plus a Gram matrix and an evaluation of the test inputs at each record, and what is asked
    of :func:`numerics.optimality_gap`.
    """
    steps, record_every = integer(steps, "steps"), integer(record_every, "record_every")
    checkpoint_every = integer(checkpoint_every, "checkpoint_every")
    gradient_tolerance = number(gradient_tolerance, "gradient_tolerance", "a finite number >= 0", zero=True)
    stop_at_gap = number(stop_at_gap, "stop_at_gap", "a finite number >= 0", zero=True)
    if not isinstance(objective, Objective):
        raise ValueError(f"objective of type {type(objective).__name__}: needs a numerics.Objective, which comes first")
    chosen = None if record_at is None else {0, *(integer(one, "record_at", 0) for one in record_at)}
    if objective.fresh is not None and not (isinstance(method, Adam) or getattr(method, "step", None) is not None):
        raise ValueError(
            f"method {method}: compares losses, and with R1 on fresh inputs each step has another; use Adam, or "
            f"GradientDescent with a fixed step"
        )
    certify = choice(objective, certify, stop_at_gap)
    start = finite(objective.network.check_displacement(start, "start"), "start").detach()
    pair = None if test is None else _test_data(objective, test)
    observe = _Observer(objective, pair, certify)
    stepper = method.start(objective, start)
    records: list[Record] = []
    step = 0
    stopped: Stop | None = None
    file: Checkpoint | None = None
    if checkpoint is not None:
        when = record_every if chosen is None else sorted(chosen)
        asked = () if certify is None else (certify, stop_at_gap)
        problem = _digest(objective, start, method, steps, when, gradient_tolerance, pair, *asked)
        file = Checkpoint(_own_file(Path(checkpoint), objective.network), problem)
        found = file.load(start.device)
        if found is not None:
            step, stopped, records = _restore(found, stepper)
        _agree(objective.network, step)

    while True:
        objective.draw(step)
        parts, gradient = stepper.evaluate()
        length = norm(objective, gradient)
        if not bool(torch.isfinite(parts.total + length).all()):
            remedy = method.remedy if step else "the start is too large"
            values = f"loss={parts.total.tolist()}, |gradient|={length.tolist()}"
            raise Diverged(f"{values} at step {step}: {remedy} (method {method})")
        if stopped is None and step == steps:
            stopped = "steps"
        elif stopped is None and gradient_tolerance > 0 and bool((length <= gradient_tolerance).all()):
            stopped = "gradient"
        due = step % record_every == 0 if chosen is None else step in chosen
        if (due or stopped is not None) and (not records or records[-1].step != step):
            records.append(observe(step, parts, length, stepper, records[-1] if records else None))
            if stopped is None and stop_at_gap > 0 and bool((records[-1].gap <= stop_at_gap).all()):
                stopped = "gap"
            if progress is not None:
                progress(records[-1])
        if file is not None and (stopped is not None or step % checkpoint_every == 0):
            saved = [dataclasses.asdict(record) for record in records]
            file.save({"step": step, "stopped": stopped, "records": saved, "state": stepper.state()})
        if stopped is not None:
            return Trajectory(copied(objective.network, stepper.W), tuple(records), stopped)
        stopped = stepper.advance(step, steps)
        step += 1


def _test_data(objective: Objective, test: tuple[Array, Array]) -> tuple[torch.Tensor, torch.Tensor]:
    if not isinstance(test, tuple | list) or len(test) != 2:
        raise ValueError(f"test of type {type(test).__name__}: needs a pair, test inputs and their labels")
    x = inputs(objective.network, test[0], "test inputs").detach()
    return x, labels(objective.network, x, test[1], objective.loss).detach()


@full_precision
class _Observer:
    """Measures what a record holds beyond loss and gradient."""

    def __init__(
        self, objective: Objective, test: tuple[torch.Tensor, torch.Tensor] | None, certify: Choice | None
    ) -> None:
        self._objective, self._test, self._certify = objective, test, certify
        network, x = objective.network, objective.x
        try:
            network.activation.derivatives(x[..., :1, :1], 2)
            self._curved = True
        except ValueError:  # sigma'' is a distribution: no quadratic term, and no Taylor model whose kernel moves
            self._curved = False
        self._inputs = x if test is None else test[0]
        count = network.batch[0] if network.batch else 1
        self._networks = [network.member(i) for i in range(count)] if network.batch else [network]
        self._probes = [(x[i] if x.ndim == 3 else x)[:PROBES] for i in range(count)]
        self._grams = [ntk_gram(one, probe) for one, probe in zip(self._networks, self._probes, strict=True)]

    def __call__(
        self, step: int, parts: Parts, length: torch.Tensor, stepper: Stepper, before: Record | None
    ) -> Record:
        objective, W = self._objective, stepper.W
        network, nothing = objective.network, torch.full_like(length, math.nan)
        terms = {"linear": network.linear(self._inputs, W)}
        if self._curved:
            terms["quadratic"] = network.quadratic(self._inputs, W)
        linear = terms["linear"].square().mean(-1)
        quadratic = terms["quadratic"].square().mean(-1) if self._curved else nothing
        risk = nothing
        if self._test is not None:
            risk = objective.loss.value(objective.predict(self._test[0], W, terms), self._test[1]).mean(-1)
        outside = nothing
        if objective.directions is not None:
            outside = network.linear(objective.x, objective.directions.complement(W)).square().mean(-1)
        movement, bound = self._movement(W), self._lower_bound(W, before)
        return Record(step, parts, length, linear, quadratic, movement, outside, risk, stepper.rate.clone(), bound)

    def _lower_bound(self, W: torch.Tensor, before: Record | None) -> torch.Tensor:
        """Every lower bound is one of the same minimum, so the best so far stands."""
        if self._certify is None:
            return torch.full(W.shape[:-2], math.nan, dtype=torch.float64, device=W.device)
        if before is not None and self._certify == "relaxation":
            return before.lower_bound.clone()
        found = optimality_gap(self._objective, W, self._certify).lower
        return found if before is None else torch.maximum(found, before.lower_bound)

    def _movement(self, W: torch.Tensor) -> torch.Tensor:
        if isinstance(self._objective, Relaxation) or (not self._curved and self._objective.model != "network"):
            return torch.full(W.shape[:-2], math.nan, dtype=W.dtype, device=W.device)
        model: Literal["network", "taylor"] = "network" if self._objective.model == "network" else "taylor"
        members = W if W.ndim == 3 else W[None]
        moved = [
            _relative((ntk_gram(one, probe, W=member, model=model) - gram).norm(), gram.norm())
            for one, probe, member, gram in zip(self._networks, self._probes, members, self._grams, strict=True)
        ]
        return torch.stack(moved).reshape(W.shape[:-2])


def _relative(size: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    return torch.where(start > 0, size / start, math.nan)


def _digest(objective: Objective, *settings: Any) -> str:
    """A hash of everything the course of a run depends on."""
    digest = hashlib.sha256()
    network, directions = objective.network, objective.directions
    items: list[Any] = [network.activation.exact, network.half, objective.x, objective.y, objective.weights]
    items += [objective.model, objective.loss.name, *settings]
    if directions is not None:  # the subspace by one of its elements, which depends on all of its basis
        probe = torch.arange(1, directions.dimension + 1, dtype=network.dtype, device=network.device)
        items.append(directions.half_combine(probe.expand(*network.batch, -1)))
    items += [part for part in (objective.unlabeled, objective.fresh) if part is not None]
    for item in items:
        for part in item if isinstance(item, tuple) else (item,):
            content = part.detach().cpu().numpy().tobytes() if isinstance(part, torch.Tensor) else repr(part).encode()
            digest.update(f"{len(content)}\n".encode() + content)
    return digest.hexdigest()


def _own_file(path: Path, network: TwoLayerNetwork) -> Path:
    """The file itself, or one for each process of a sharded network."""
    return path if 2 * network.pairs == network.m else path.with_name(f"{path.name}.{network.first_pair}")


def _agree(network: TwoLayerNetwork, step: int) -> None:
    """ValueError on every process unless all of them go on from the same step."""
    count, total, squares = network.reduce(torch.tensor([1, step, step**2], device=network.device)).tolist()
    if count * squares != total**2:
        raise ValueError("checkpoints: the processes stopped at different steps; remove the files")


def _restore(content: dict[str, Any], stepper: Stepper) -> tuple[int, Stop | None, list[Record]]:
    stepper.load(content["state"])
    records = [Record(**{**saved, "parts": Parts(**saved["parts"])}) for saved in content["records"]]
    return content["step"], content["stopped"], records
