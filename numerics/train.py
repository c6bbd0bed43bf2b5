"""Training on the regularised loss: one loop for all methods, which returns a Trajectory."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from numerics.certificate.gap import Choice, choice
from numerics.checkpoint import Checkpoint, file_path
from numerics.curvature import norm, too_large
from numerics.inputs import Array, copied, finite, inputs, integer, labels, listed, network_first, number
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective, objective_first
from numerics.optimizers import Adam, GradientDescent, Method, Stepper
from numerics.precision import full_precision
from numerics.progress import ProgressLine
from numerics.quoting import shown
from numerics.sampling import generator
from numerics.terms.weights import Parts
from numerics.trajectory import Observer, Record, Stop, Trajectory

START = "the start is too large"
"""Why a run cannot begin, where its data are not to blame."""


class Diverged(ArithmeticError):
    """Training met a loss or a gradient that is not finite."""


@full_precision
def small_start(network: TwoLayerNetwork, scale: float, seed: int) -> torch.Tensor:
    """Gaussian displacement with E|W_r|^2 = scale^2 m^{-1/2}, shape (..., m, d), the same for all of a batch.

    The quadratic term then starts at order scale^2. Raises ValueError on a scale that is negative or not finite.
    """
    scale, shape = number(scale, "scale", "a finite scale >= 0", zero=True), (network_first(network).m, network.d)
    noise = torch.randn(shape, generator=generator(seed), dtype=torch.float64, device="cpu").to(network.w)
    scaled = network.scatter(noise * (scale * network.m**-0.25 / math.sqrt(network.d)))
    return scaled.expand(*network.batch, -1, -1).clone()


@torch.no_grad()
def train(
    objective: Objective,
    start: Array | None = None,
    method: Method | None = None,
    steps: int = 1000,
    record_every: int = 100,
    test: tuple[Array, Array] | None = None,
    gradient_tolerance: float = 0.0,
    checkpoint: Path | str | None = None,
    checkpoint_every: int = 1000,
    progress: bool | Callable[[Record], None] | None = False,
    record_at: Sequence[int] | None = None,
    certify: Choice | None = None,
    stop_at_gap: float = 0.0,
) -> Trajectory:
    """Run ``method`` from ``start``.

    Args:
        objective: the loss.
        start: first displacement, (..., m, d); None for ``small_start(network, 0.3, seed=0)``.
        method: GradientDescent, PerturbedGradientDescent, Adam or LBFGS; None for ``GradientDescent()``, whose step is
            measured.
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
        progress: True for a line with steps, loss and time left, on a terminal or in a notebook and nowhere else; or a
            function, which is called with each record.
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
            a path that cannot be a file or be written to, or a loss that cannot be certified where that is asked for.

    Cost: that of the method, plus a Gram matrix and an evaluation of the test inputs at each record, and what is asked
    of :func:`numerics.optimality_gap`.
    """
    steps, record_every = integer(steps, "steps"), integer(record_every, "record_every")
    checkpoint_every = integer(checkpoint_every, "checkpoint_every")
    gradient_tolerance = number(gradient_tolerance, "gradient_tolerance", "a finite number >= 0", zero=True)
    stop_at_gap = number(stop_at_gap, "stop_at_gap", "a finite number >= 0", zero=True)
    objective_first(objective)
    method = GradientDescent() if method is None else method
    if not callable(getattr(method, "start", None)):
        raise ValueError(
            f"method={shown(method)}: needs a method such as numerics.GradientDescent() or numerics.Adam()"
        )
    chosen = (
        None if record_at is None else {0, *(integer(one, "record_at", 0) for one in listed(record_at, "record_at"))}
    )
    if objective.fresh is not None and not (isinstance(method, Adam) or getattr(method, "step", None) is not None):
        raise ValueError(
            f"method {method}: compares losses, and with R1 on fresh inputs each step has another; use Adam, or "
            f"GradientDescent with a fixed step"
        )
    if not (callable(progress) or isinstance(progress, bool | None)):
        raise ValueError(f"progress={shown(progress)}: needs True, False or a function of a record")
    certify = choice(objective, certify, stop_at_gap)
    start = small_start(objective.network, 0.3, 0) if start is None else start
    start = finite(objective.network.check_displacement(start, "start"), "start").detach()
    pair = None if test is None else _test_data(objective, test)
    observe = Observer(objective, pair, certify)
    stepper = method.start(objective, start)
    records: list[Record] = []
    step = 0
    stopped: Stop | None = None
    file: Checkpoint | None = None
    if checkpoint is not None:
        when = record_every if chosen is None else sorted(chosen)
        asked = () if certify is None else (certify, stop_at_gap)
        problem = _digest(objective, start, method, steps, when, gradient_tolerance, pair, *asked)
        file = Checkpoint(_own_file(file_path(checkpoint), objective.network), problem)
        found = file.load(start.device)
        if found is not None:
            try:
                step, stopped, records = _restore(found, stepper, steps)
            except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
                file.refuse_form(error)
        _agree(objective.network, step)

    with ProgressLine(steps, progress is True) as line:
        while True:
            objective.draw(step)
            parts, gradient = stepper.evaluate()
            length = norm(objective, gradient)
            if not bool(torch.isfinite(parts.total + length).all()):
                remedy = method.remedy
                if step == 0:
                    remedy = too_large(objective, lambda zero: objective.value_and_gradient(zero)[1], START)
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
                if callable(progress):
                    progress(records[-1])
            line.reach(step, partial(_mean, parts.total), stopped is not None)
            if file is not None and (stopped is not None or step % checkpoint_every == 0):
                saved = [dataclasses.asdict(record) for record in records]
                file.save({"step": step, "stopped": stopped, "records": saved, "state": stepper.state()})
            if stopped is not None:
                return Trajectory(copied(objective.network, stepper.W), tuple(records), stopped)
            stopped = stepper.advance(step, steps)
            step += 1


def _mean(losses: torch.Tensor) -> float:
    """The loss, or the mean over a batch."""
    return float(losses.mean())


def _test_data(objective: Objective, test: tuple[Array, Array]) -> tuple[torch.Tensor, torch.Tensor]:
    if not isinstance(test, tuple | list) or len(test) != 2:
        raise ValueError(f"test of type {type(test).__name__}: needs a pair, test inputs and their labels")
    x = inputs(objective.network, test[0], "test inputs").detach()
    return x, labels(objective.network, x, test[1], objective.loss).detach()


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


def _restore(content: dict[str, Any], stepper: Stepper, steps: int) -> tuple[int, Stop | None, list[Record]]:
    """Load the state, and return steps done, why the run ended and its records; an error where they are not of a run.

    The sum of a file shows that it is whole, not who wrote it.
    """
    shape, step, stopped = stepper.W.shape, content["step"], content["stopped"]
    if content["state"]["W"].shape != shape:  # torch would copy what it can broadcast
        raise TypeError("the displacement of another problem")
    stepper.load(content["state"])
    records = [Record(**{**saved, "parts": Parts(**saved["parts"])}) for saved in content["records"]]
    tensors = [value for one in records for value in (*vars(one).values(), *vars(one.parts).values())]
    shapes = {value.shape for value in tensors if not isinstance(value, int | Parts)}
    whole = type(step) is int and 0 <= step <= steps and isinstance(stopped, str | None)
    if not whole or stepper.rate.shape != shape[:-2] or not shapes <= {shape[:-2]}:
        raise TypeError("no state of a run")
    return step, stopped, records
