"""How the cells of :mod:`verify.cells.authors` are computed."""

from __future__ import annotations

from pathlib import Path

import torch

from numerics.directions import GoodDirections
from numerics.hermite import HermiteTarget
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.optimizers import GradientDescent
from numerics.sampling import gaussian, generator, sphere
from numerics.targets import Target
from numerics.terms.r1 import FreshInputs
from numerics.terms.weights import PenaltyWeights
from numerics.train import Diverged, train
from numerics.trajectory import Record, Trajectory
from theory import Activation
from verify.cells.authors import ACTIVATION, CURVES, KEPT_EVERY, PARTS, RECORDS, STEP, AuthorsRun
from verify.running.experiment import Numbers
from verify.running.progress import SUFFIX, Progress


def authors_run_numbers(cell: AuthorsRun, file: Path | None) -> Numbers:
    """The numbers of an :class:`AuthorsRun`, from the checkpoint in ``file`` where there is one."""
    network = TwoLayerNetwork(
        cell.d, cell.m, Activation.parse(ACTIVATION), cell._drawn("network"), torch.float32, cell.device
    )
    target = _authors_run_target(cell)
    x, test = (_authors_run_inputs(cell, name, count) for name, count in (("data", cell.n), ("test", cell.points)))
    y, answers = (target(one).to(network.w) for one in (x, test))
    x, test = x.to(network.w), test.to(network.w)
    weights = PenaltyWeights(r1=cell.training, r2=0.0, r3=0.0, r4=0.0, r1_modes=("training",))
    fresh = FreshInputs(cell.fresh, cell._drawn("fresh"), law=cell.law) if cell.fresh else None
    objective = Objective(network, x, y, weights, _authors_run_directions(cell, network, x), fresh=fresh)
    try:
        found = _authors_run_descend(cell, objective, (test, answers), file)
    except Diverged as reason:
        return {name: [] for name in CURVES} | {"diverged": str(reason)}
    return {name: found.curve(field).double().tolist() for name, field in CURVES.items()}


def _authors_run_descend(
    cell: AuthorsRun, objective: Objective, test: tuple[torch.Tensor, torch.Tensor], file: Path | None
) -> Trajectory:
    """From W = 0; says how far it is at each record."""
    progress: Progress | None = None
    if file is not None:
        what = f"authors, weights {cell.training:g} and {cell.fresh:g}, seed {cell.replicate}"
        progress = Progress(file.with_suffix(SUFFIX), what, cell.steps)

    def tell(record: Record) -> None:
        if progress is not None:
            progress.reach(record.step)

    start = torch.zeros_like(objective.network.w)
    found = train(
        objective,
        start,
        GradientDescent(STEP),
        cell.steps,
        test=test,
        checkpoint=file,
        checkpoint_every=KEPT_EVERY,
        progress=tell,
        record_at=record_steps(cell.steps),
    )
    if progress is not None:
        progress.end()
    return found


def _authors_run_inputs(cell: AuthorsRun, purpose: str, count: int) -> torch.Tensor:
    drawn = generator(cell._drawn(purpose))
    return gaussian(count, cell.d, drawn) if cell.law == "gaussian" else sphere(count, cell.d, cell.d**0.5, drawn)


def _authors_run_target(cell: AuthorsRun) -> Target | HermiteTarget:
    """Both parts along one random direction: of Hermite polynomials, or of zonal harmonics on the sphere."""
    direction = sphere(1, cell.d, 1.0, generator(cell._drawn("target")))
    kind = HermiteTarget if cell.law == "gaussian" else Target
    return kind(cell.d, {degree: (torch.tensor([size]).double(), direction) for degree, size in PARTS.items()})


def _authors_run_directions(cell: AuthorsRun, network: TwoLayerNetwork, x: torch.Tensor) -> GoodDirections:
    if cell.directions == "span":
        return GoodDirections(network, 1)
    return GoodDirections(network, 1, "jacobian", x, count=cell.d)


def record_steps(steps: int) -> tuple[int, ...]:
    """0, about :data:`RECORDS` steps equidistant in log t, and twenty equidistant ones, for the time left."""
    grid = {round(steps ** (i / (RECORDS - 1))) for i in range(RECORDS)}
    return tuple(sorted({0} | grid | {steps * i // 20 for i in range(21)}))
