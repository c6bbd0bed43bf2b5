"""Test risks of joint training, QuadNTK and NTK at k = 1 and 2, and of the forms of R1, beside the design's pilot.

    python benchmarks/pilot.py --table all|5|6|k2    at least 5 draws, 95 % t intervals
    python benchmarks/pilot.py --sensitivity         how the risks move with Adam's rate and start at d = 32, n = 18 d

Taylor model of sin(z + pi/4) at m = 10 d (k = 1) or 40 d (k = 2), l1 = l2 = l3 = 1, l4 on |W|_{2,4}^4, Adam with cosine
decay. The target is a dense harmonic of degree k and unit energy plus He_{k+1}(<b,x>)/sqrt((k+1)!) in one direction b:
a Hermite polynomial has unit energy against a Gaussian, less on the sphere. Figures marked "design" are facts of
docs/mathematics, section 6: pilot of the design, 2 seeds; its width at k = 2 is not known. The last line counts those
outside the interval beside them, which says nothing of the error of two seeds. The draws of a row are trained at once,
on the same networks and data for every method.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

import numpy as np
import torch
from loky import get_reusable_executor

from numerics.directions import GoodDirections
from numerics.kernels import ntk_gram
from numerics.models import ModelName
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.optimizers import Adam
from numerics.ridge import KernelRidge
from numerics.sampling import generator, sphere
from numerics.targets import Target, monomial_parts
from numerics.terms.weights import PenaltyWeights, R1Mode
from numerics.train import small_start, train
from theory import Activation
from verify.cells.trained import RIDGES
from verify.judging.statistics import mean_interval
from verify.running.sweep import default_workers

TRAINED: dict[str, tuple[ModelName, tuple[R1Mode, ...] | None]] = {
    "joint": ("taylor", ("exact", "training")),
    "off": ("taylor", ()),
    "population only": ("taylor", ("exact",)),
    "training only": ("taylor", ("training",)),
    "quadntk": ("quadratic", None),
}
"""Model, and forms of R1; None trains without R1 and R3."""

TEST_POINTS = 4000
METHODS = ("joint", "quadntk", "ntk")
WIDTHS = {1: 10, 2: 40}
"""m / d by k. A pair of neurons has one set of features: at k = 2 the NTK has m d / 2 = 20 d^2 of them, n = 3 d^2."""
NOTHING = (math.nan,) * 3
DESIGN_5 = {"off": (0.78, 0.73), "population only": (0.78, 0.75), "training only": (0.31, 0.22), "joint": (0.37, 0.27)}
DESIGN_6 = {
    (8, 16): (0.65, 0.84, 0.46),
    (8, 32): (0.68, 1.06, 0.72),
    (8, 64): (0.63, 1.30, 0.91),
    (12, 16): (0.54, 0.63, 0.31),
    (12, 32): (0.47, 0.76, 0.58),
    (12, 64): (0.35, 0.91, 0.79),
    (18, 16): (0.36, 0.41, 0.15),
    (18, 32): (0.28, 0.47, 0.40),
    (18, 64): (0.23, 0.57, 0.65),
    (18, 96): (0.18, 0.61, 0.78),
}
DESIGN_K2 = {(3, 16): (0.29, 0.30, 0.31), (3, 28): (0.31, 0.37, 0.65)}


@dataclass(frozen=True)
class Setting:
    """One row: n = ratio d^k inputs in dimension d."""

    d: int
    ratio: int
    k: int
    draws: int
    steps: int
    rate: float = 0.01
    start: float = 0.3

    def seeds(self, purpose: int) -> list[int]:
        """One for each draw; other settings of the training meet the same draws."""
        return [10 * draw + purpose for draw in range(self.draws)]


def risks(setting: Setting, method: str) -> np.ndarray:
    """Test risks half way and at the end, shape (2, draws); for the NTK with its best ridge, the same twice."""
    torch.set_num_threads(1)
    d, k, n = setting.d, setting.k, setting.ratio * setting.d**setting.k
    networks = TwoLayerNetwork(
        d, WIDTHS[k] * d, Activation.parse("sin(z + pi/4)"), setting.seeds(0), dtype=torch.float32
    )
    members = [networks.member(i) for i in range(setting.draws)]
    x, test = (
        torch.stack([sphere(count, d, math.sqrt(d), generator(s), torch.float32) for s in setting.seeds(purpose)])
        for count, purpose in ((n, 1), (TEST_POINTS, 2))
    )
    targets = [
        Target.dense(d, k, 1.0, low) + hermite(d, k + 1, high)
        for low, high in zip(setting.seeds(3), setting.seeds(4), strict=True)
    ]
    y, labels = (torch.stack([f(part) for f, part in zip(targets, inputs, strict=True)]) for inputs in (x, test))
    if method == "ntk":
        best = [best_ridge(*draw) for draw in zip(members, x, y, test, labels, strict=True)]
        return np.array([best, best])
    model, modes = TRAINED[method]
    weights = PenaltyWeights(r4=3e-3 if k == 1 else 3e-4, r1_modes=modes or ())
    objective = Objective(networks, x, y, weights, None if modes is None else GoodDirections(networks, k), model)
    starts = [small_start(one, setting.start, s) for one, s in zip(members, setting.seeds(5), strict=True)]
    adam, half = Adam(setting.rate), setting.steps // 2
    trajectory = train(objective, torch.stack(starts), adam, setting.steps, half, test=(test, labels))
    return np.array(
        [record.test_risk.tolist() for record in trajectory.records if record.step in (half, setting.steps)]
    )


def best_ridge(
    network: TwoLayerNetwork, x: torch.Tensor, y: torch.Tensor, test: torch.Tensor, labels: torch.Tensor
) -> float:
    """Test risk of ridge regression with the network's NTK; the ridge chosen on the test points favours it."""
    fit, gram = KernelRidge(ntk_gram(network, x).double(), y.double()), ntk_gram(network, test, x).double()
    return min(float((fit.predict(gram, ridge) - labels).square().mean()) for ridge in RIDGES)


def hermite(d: int, degree: int, seed: int) -> Target:
    """He_l(<b,x>)/sqrt(l!) in a random direction b, by its zonal parts: powers of <b,x> = sqrt(d) t in P_j(t)."""
    direction = sphere(1, d, 1.0, generator(seed))
    powers = np.polynomial.hermite_e.herme2poly([0] * degree + [1]) / math.sqrt(math.factorial(degree))
    weights: dict[int, float] = {}
    for power, factor in enumerate(powers):
        for j, part in monomial_parts(power, d).items():
            weights[j] = weights.get(j, 0.0) + factor * d ** (power / 2) * part
    zonals = [Target.zonal(d, j, direction, [weight]) for j, weight in weights.items() if weight]
    return sum(zonals[1:], start=zonals[0])


class Report:
    """Rows of Markdown tables, how far training had got half way, and how many figures disagree with the design's."""

    def __init__(self) -> None:
        self._moved, self._compared, self._outside = 0.0, 0, 0

    def heading(self, title: str, columns: str) -> None:
        """Title and head of a table."""
        print(f"\n{title}\n\n| {columns} |\n{'|---' * (columns.count('|') + 1)}|", flush=True)

    def risk(self, measured: np.ndarray, design: float = math.nan) -> str:
        """The mean over draws with its interval."""
        self._moved = max(self._moved, abs(float((measured[1] - measured[0]).mean())))
        interval = mean_interval(measured[1].tolist(), 0.95)
        if not math.isnan(design):
            self._compared += 1
            self._outside += not interval.lower <= design <= interval.upper
        return shown(measured[1])

    def row(self, first: str, methods: Sequence[Future[np.ndarray]], design: Sequence[float]) -> None:
        """One row of a table of the three methods."""
        measured = [future.result() for future in methods]
        cells = [self.risk(r, figure) for r, figure in zip(measured, design, strict=True)]
        if not math.isnan(design[0]):
            cells = [f"{cell} | {figure:.2f}" for cell, figure in zip(cells, design, strict=True)]
        joint, *others = (float(r[1].mean()) for r in measured)
        ratios = " | ".join(f"{joint / other:.2f}" for other in reversed(others))
        print(f"| {first} | {' | '.join(cells)} | {ratios} |", flush=True)

    def end(self, steps: int) -> None:
        """What the tables leave out."""
        print(f"\nFrom step {steps // 2} to {steps} no mean risk moves by more than {self._moved:.3f}.")
        print(f"{self._outside} of {self._compared} figures of the design are outside the interval beside them.")


def shown(samples: np.ndarray) -> str:
    """Mean and half-width of the 95 % interval."""
    interval = mean_interval(samples.tolist(), 0.95)
    return f"{interval.value:.3f} +- {interval.upper - interval.value:.3f}"


def methods_of(pool: Executor, setting: Setting) -> list[Future[np.ndarray]]:
    """The three methods' risks, being computed."""
    return [pool.submit(risks, setting, method) for method in METHODS]


def table_5(pool: Executor, report: Report, base: Setting) -> None:
    """Forms of R1."""
    setting = replace(base, d=64, ratio=12, k=1)
    futures = {mode: pool.submit(risks, setting, mode) for mode in DESIGN_5}
    report.heading(
        "Section 5: d = 64, m = 640, n = 768, k = 1, l4 = 3e-3",
        "R1 | test risk | design, 2 seeds | risk - both, paired",
    )
    both = futures["joint"].result()[1]
    for mode, pair in DESIGN_5.items():
        measured = futures[mode].result()
        title = "both" if mode == "joint" else mode
        difference = "" if mode == "joint" else shown(measured[1] - both)
        figures = "/".join(f"{figure:.2f}" for figure in pair)
        print(f"| {title} | {report.risk(measured, sum(pair) / 2)} | {figures} | {difference} |", flush=True)


def table_of_methods(
    pool: Executor, report: Report, base: Setting, design: Mapping[tuple[int, int], tuple[float, ...]]
) -> None:
    """Joint, QuadNTK and NTK over d and n / d^k."""
    cells = {key: replace(base, ratio=key[0], d=key[1]) for key in design}
    order = sorted(cells, key=lambda key: -key[0] * key[1] ** 3)  # the longest first
    futures = {key: methods_of(pool, cells[key]) for key in order}
    title = {1: "Section 6, k = 1: l4 = 3e-3", 2: "Section 6, k = 2: l4 = 3e-4"}[base.k]
    columns = "joint | design | QuadNTK | design | NTK best ridge | design | joint/NTK | joint/QuadNTK"
    report.heading(f"{title}, m = {WIDTHS[base.k]} d", f"{'n/d' if base.k == 1 else 'n/d^2'} | d | {columns}")
    for ratio, d in design:
        report.row(f"{ratio} | {d}", futures[ratio, d], design[ratio, d])


def sensitivity(pool: Executor, report: Report, base: Setting) -> None:
    """Adam's rate and start."""
    columns = "joint | QuadNTK | NTK best ridge | joint/NTK | joint/QuadNTK"
    report.heading("d = 32, n = 18 d, k = 1, l4 = 3e-3, m = 10 d", f"rate | start | {columns}")
    for rate in (0.005, 0.01, 0.02):
        for start in (0.1, 0.3):
            setting = replace(base, d=32, ratio=18, rate=rate, start=start)
            report.row(f"{rate} | {start}", methods_of(pool, setting), NOTHING)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=("5", "6", "k2", "all"), default="all")
    parser.add_argument("--sensitivity", action="store_true")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=default_workers("cpu"))
    options = parser.parse_args()
    pool, report = get_reusable_executor(max_workers=options.workers), Report()
    base = Setting(d=16, ratio=8, k=1, draws=options.draws, steps=options.steps)
    print(f"{options.draws} draws, 95 % t intervals, {options.steps} steps of Adam")
    if options.sensitivity:
        sensitivity(pool, report, base)
        return
    if options.table in ("5", "all"):
        table_5(pool, report, base)
    if options.table in ("6", "all"):
        table_of_methods(pool, report, base, DESIGN_6)
    if options.table in ("k2", "all"):
        table_of_methods(pool, report, replace(base, k=2), DESIGN_K2)
    report.end(options.steps)


if __name__ == "__main__":
    main()
