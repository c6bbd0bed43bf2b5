"""How many samples the QuadNTK alone needs for a dense polynomial, as d grows (docs/open-question).

    python benchmarks/open_question.py           all tables, under 10 minutes of CPU
    python benchmarks/open_question.py --k 1     one order

f* is a random harmonic of degree k and energy 1, dense over all directions, or one direction of degree k + 1 for
comparison. f_Q alone is trained with R4 (Adam, cosine decay) at m = 10 d (k = 1) or 40 d (k = 2). n* is where a draw's
learning curve first falls to the risk of the table, by log-log interpolation on a grid of n/d^k fixed beforehand; draws
whose curve does not cross it there, or whose risk still moves by more than 15 % in the second half of training, are
censored and counted. Exponents: least squares of log n* on log d over all draws, HC3, 99 %.
"""

from __future__ import annotations

import argparse
import math
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from loky import get_reusable_executor

from verify.cells.search import crossing
from verify.cells.trained import TrainedModels
from verify.cells.training import Kind
from verify.claims.activations import SETTLED
from verify.judging.statistics import exponent_interval, mean_interval
from verify.running.sweep import default_workers

SIN, TANH, ERF = "sin(z + pi/4)", "tanh(z + 1)", "erf(z + 1/2)"
DIMENSIONS = {1: (16, 24, 32, 48, 64), 2: (8, 12, 16, 20, 24)}
WIDTHS = {1: 10, 2: 40}
R4 = {1: 3e-3, 2: 2.4e-3}
"""l4 d^(k-1): the target costs ||W||_{2,4}^4 ~ d^(k-1), so with it the penalty keeps its size as d grows."""
FIXED_R4 = {1: 3e-3, 2: 3e-4}
"""The same l4 at every d, with --fixed-penalty: the two agree at k = 1, and at k = 2 for d = 8."""
STEPS, RATE, START = 200, 0.03, 0.3


@dataclass(frozen=True)
class Question:
    """One row: an activation, a target, the risk to reach and the grid of n / d^k."""

    k: int
    activation: str
    target: Kind
    risk: float
    ratios: tuple[float, ...]

    def cells(self, draws: int, fixed: bool) -> list[list[TrainedModels]]:
        """By d, then by n."""
        return [
            [
                TrainedModels(
                    activation=self.activation,
                    device="cpu",
                    d=d,
                    m=WIDTHS[self.k] * d,
                    n=math.ceil(ratio * d**self.k),
                    k=self.k,
                    draws=draws,
                    steps=STEPS,
                    rate=RATE,
                    start=START,
                    candidates=((1.0, FIXED_R4[self.k] if fixed else R4[self.k] / d ** (self.k - 1)),),
                    target=self.target,
                    arm="quadntk",
                    model="taylor",
                    method="adam",
                )
                for ratio in self.ratios
            ]
            for d in DIMENSIONS[self.k]
        ]


QUESTIONS = (
    Question(1, SIN, "dense", 0.5, (3.0, 4.5, 6.75, 10.0)),
    Question(1, TANH, "dense", 0.5, (30.0, 45.0, 68.0, 100.0)),
    Question(1, ERF, "dense", 0.5, (4.5, 6.75, 10.0, 15.0)),
    Question(1, SIN, "sparse", 0.5, (4.0, 6.0, 9.0, 13.5)),
    Question(2, SIN, "dense", 0.25, (0.7, 1.05, 1.6, 2.4)),
    Question(2, TANH, "dense", 0.25, (0.7, 1.05, 1.6, 2.4)),
    Question(2, ERF, "dense", 0.25, (3.0, 4.5, 6.75, 10.0)),
    Question(2, SIN, "sparse", 0.25, (1.2, 1.8, 2.7, 4.0)),
)


def measure(cell: TrainedModels) -> dict[str, list[float]]:
    """The cell's numbers, on one thread."""
    torch.set_num_threads(1)
    return cell.run()


def slope(grid: tuple[int, ...], table: np.ndarray) -> str:
    """Exponent with its interval."""
    interval = exponent_interval(grid, table)
    return f"{interval.value:.2f} +- {interval.upper - interval.value:.2f}"


def row(question: Question, numbers: list[list[dict[str, list[float]]]]) -> str:
    """A line of the table."""
    grid, k = DIMENSIONS[question.k], question.k
    columns = []
    for curve in numbers:
        end, half = (np.array([cell[name] for cell in curve]) for name in ("risk", "risk_halfway"))
        settled = np.abs(half / end - 1) <= SETTLED
        pairs = zip(end.T, settled.T, strict=True)
        columns.append([crossing(question.ratios, risks, question.risk, good) for risks, good in pairs])
    ratios = np.array(columns).T
    table = ratios * np.array(grid, dtype=float) ** k
    shown = []
    for column in ratios.T:
        interval = mean_interval(column[~np.isnan(column)].tolist())
        shown.append(f"{interval.value:.2f} +- {interval.upper - interval.value:.2f}")
    middle = len(grid) // 2
    parts = (grid, table), (grid[: middle + 1], table[:, : middle + 1]), (grid[middle:], table[:, middle:])
    exponents = [slope(*part) for part in parts]
    censored = f"{int(np.isnan(table).sum())} of {table.size}"
    target = f"{question.target}, degree {k + (question.target == 'sparse')}"
    entries = [str(k), question.activation, target, f"{question.risk:g}", *shown, *exponents, censored]
    return f"| {' | '.join(entries)} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, choices=(1, 2), action="append")
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--fixed-penalty", action="store_true", help="the same l4 at every d")
    parser.add_argument("--workers", type=int, default=default_workers("cpu"))
    options = parser.parse_args()
    pool = get_reusable_executor(max_workers=options.workers)
    warnings.filterwarnings("ignore", "A worker was restarted")
    print(f"{options.draws} draws, 99 % intervals: n*/d^k at each d; exponents over all d, the smaller and the larger")
    for k in options.k or (1, 2):
        heads = [f"d = {d}" for d in DIMENSIONS[k]]
        columns = ["k", "activation", "target", "risk", *heads, "exponent", "smaller d", "larger d", "censored"]
        print(f"\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
        for question in (q for q in QUESTIONS if q.k == k):
            curves = [
                [pool.submit(measure, cell) for cell in curve]
                for curve in question.cells(options.draws, options.fixed_penalty)
            ]
            print(row(question, [[future.result() for future in curve] for curve in curves]), flush=True)


if __name__ == "__main__":
    main()
