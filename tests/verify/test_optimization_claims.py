"""O1..O4: their cells against slow twins, and their checks with one number wrong at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from numerics import (
    GoodDirections,
    Objective,
    Target,
    TwoLayerNetwork,
    generator,
    hessian_vector,
    small_start,
    sphere,
)
from numerics.constructions import joint_construction, random_signs
from numerics.perturbed_descent import PerturbedGradientDescent, perturbed_descent
from verify.cells.landscape import SHARE, QuadraticSaddle, SignCurvature
from verify.cells.optimization import (
    EARLY,
    SCALES,
    Descent,
    IndependentStarts,
)
from verify.claims.optimization import o1_descent as optimization
from verify.claims.optimization import o2_ends as starts
from verify.claims.optimization import o3_signs as landscape
from verify.claims.optimization import o4_saddle as saddle
from verify.claims.optimization.o1_descent import groups, level
from verify.judging.claim import Claim, Evidence
from verify.judging.decision import DecisionRule
from verify.judging.outcome import Outcome, Verdict
from verify.running.experiment import Cell
from verify.sizes.profile import QUICK, Profile

ACTIVATION = "tanh(z + 1)"
TINY = {"activation": ACTIVATION, "device": "cpu", "d": 4, "m": 8, "n": 12, "k": 1, "r4": 0.03}
NOISE = {"start": 0.3, "tolerance": 0.02, "radius": 0.01, "wait": 20, "decrease": 1e-4}


def descent(**changes: Any) -> Descent:
    return Descent(**TINY | NOISE | {"draws": 2, "steps": 400, "step": 1.0, "spectra": 2, "lanczos": 1e-8} | changes)


def dense_hessian(objective: Objective, W: torch.Tensor) -> torch.Tensor:
    columns = torch.eye(W.numel(), dtype=W.dtype).reshape(-1, *W.shape)
    return torch.stack([hessian_vector(objective, W, column).flatten() for column in columns])


def test_longer_steps_break_the_descent_lemma() -> None:
    short, long = (descent(step=step, steps=12, spectra=0).run() for step in (1.0, 4.0))
    assert min(short["fall"]) > 0.45
    assert max(long["fall"]) < 0
    assert "gradient" not in long


def test_the_ends_of_a_descent() -> None:
    """lambda_min against the dense spectrum; gradient and loss of the last point, where noise brought nothing."""
    cell = descent()
    numbers = cell.run()
    assert None not in numbers["reached"]
    begin = torch.stack([small_start(cell.network(i), 0.3, cell.drawn(f"start {i}")) for i in range(2)])
    noise = PerturbedGradientDescent(0.01, 0.02, 20, 1e-4, cell.drawn("noise"))
    run = perturbed_descent(cell.batch(), begin, noise, 400, 1.0)
    for draw in range(2):
        objective = cell.single(draw)
        spectrum = torch.linalg.eigvalsh(dense_hessian(objective, run.W[draw]))
        value, residual = numbers["curvature"][draw]
        assert value == pytest.approx(float(spectrum[0]), abs=1e-6)
        assert residual < 1e-3
        assert numbers["gradient"][draw] == pytest.approx(
            float(objective.value_and_gradient(run.W[draw])[1].norm()), rel=1e-12
        )
        assert numbers["gradient"][draw] <= 0.02 < numbers["early"][draw]
        reached = numbers["reached"][draw]
        assert float(run.losses[reached][draw]) == pytest.approx(numbers["losses"][draw][1], rel=1e-12)
    start = torch.linalg.eigvalsh(dense_hessian(cell.single(0), begin[0]))
    assert numbers["start_curvature"][0] == pytest.approx(float(start[0]), abs=1e-6)
    assert numbers["early"] == run.gradients[EARLY].tolist()


def test_draws_do_not_depend_on_how_they_are_solved() -> None:
    first = descent()
    assert torch.equal(first.inputs(1), descent(steps=7, step=4.0, draws=5, r4=1.0).inputs(1))
    assert not torch.equal(first.inputs(0), first.inputs(1))
    assert not torch.equal(first.inputs(0), descent(base_seed=1).inputs(0))


def independent(**changes: Any) -> IndependentStarts:
    return IndependentStarts(
        **TINY | NOISE | {"draws": 2, "starts": 2, "signs": 3, "steps": 400, "step": 1.0} | changes
    )


def test_starts_share_the_draw_and_are_judged_by_the_full_loss() -> None:
    cell = independent()
    objective = cell.batch(2)
    assert torch.equal(objective.x[0], objective.x[1])
    assert torch.equal(objective.network.w[2], objective.network.w[3])
    assert not torch.equal(objective.x[1], objective.x[2])
    ends, free = cell.run(), independent(regularised=False).run()
    assert ends["ends"][0][0] != ends["ends"][0][1]
    # The data term alone leaves R1 and R4 where they are: its ends have a larger regularised loss.
    assert np.min(free["ends"]) > np.max(ends["ends"]) * 0.9
    assert np.mean(free["ends"]) > 1.2 * np.mean(ends["ends"])
    assert set(free) == {"ends", "reached"}


def test_the_reference_is_the_best_construction() -> None:
    """By building each target's construction anew: a W_L + b S W_Q."""
    cell = independent()
    network, target, objective = cell.network(0), cell.target(0), cell.single(0)
    gen, losses = generator(cell.drawn("signs 0")), []
    silent = joint_construction(network, target, 1, torch.ones(8, dtype=torch.float64)).W
    for _ in range(3):
        signs = random_signs(8, gen)
        both = [joint_construction(network, target, 1, s * signs).W for s in (1, -1)]
        for a, b in itertools.product(SCALES, SCALES):
            W = a * (both[0] + both[1]) / 2 + b * (both[0] - both[1]) / 2
            losses.append(float(objective.value_and_gradient(W)[0].total))
    best, zero = cell.reference(0)
    assert best == pytest.approx(min(losses), rel=1e-12)
    assert zero == pytest.approx(float(cell.target(0)(cell.inputs(0)).square().mean()), rel=1e-12)
    assert float(objective.value_and_gradient(silent)[0].total) != pytest.approx(best, rel=1e-6)


def curvature_cell(**changes: Any) -> SignCurvature:
    return SignCurvature(**TINY | {"draws": 1, "start": 0.5, "signs": 40} | changes)


def test_sign_curvature_is_the_mean_over_all_signs() -> None:
    """The exact value against all 2^8 sign vectors, each by the dense Hessian; the terms against their definitions."""
    cell = curvature_cell()
    numbers = {name: values[0] for name, values in cell.run().items()}
    objective, target = cell.single(0), cell.target(0)
    network, x = objective.network, objective.x
    both = [joint_construction(network, target, 1, s * torch.ones(8, dtype=torch.float64)).W for s in (1, -1)]
    V = (both[0] - both[1]) / 2
    W = SHARE * (both[0] + both[1]) / 2 + small_start(network, 0.5, cell.drawn("start 0"))
    H = dense_hessian(objective, W)
    signs = torch.tensor(list(itertools.product([1.0, -1.0], repeat=8)), dtype=torch.float64)
    moves = (signs[:, :, None] * V).flatten(1)
    curvatures = torch.einsum("si,ij,sj->s", moves, H, moves)
    assert numbers["exact"] == pytest.approx(float(curvatures.mean()), rel=1e-10)
    assert numbers["coherent"] == pytest.approx(float(curvatures[0]), rel=1e-10)
    assert abs(numbers["sampled"] - numbers["exact"]) < 5 * float(curvatures.std()) / math.sqrt(40)
    assert numbers["sampled"] != numbers["exact"]
    # f_Q is half the second derivative of the network at its initialisation.
    zero = torch.zeros_like(V)
    second = torch.func.jvp(lambda U: torch.func.jvp(lambda T: network.forward(x, T), (U,), (V,))[1], (zero,), (V,))[1]
    slopes = 2 * (network.forward(x, W) - objective.y)
    assert numbers["data"] == pytest.approx(float((slopes * second).mean()), rel=1e-9)
    h = 1e-3
    fourth = [float((W + t * V).square().sum(1).square().sum()) for t in (h, 0.0, -h)]
    assert numbers["capacity"] == pytest.approx(0.03 * (fourth[0] - 2 * fourth[1] + fourth[2]) / h**2, rel=1e-4)
    # The opposite construction has the opposite quadratic term.
    turned = V.roll(4, 0)
    torch.testing.assert_close(network.quadratic(x, turned), -network.quadratic(x, V))
    assert numbers["opposite"] == pytest.approx(
        float(sum((turned[r] @ H.reshape(8, 4, 8, 4)[r, :, r] @ turned[r]) for r in range(8))), rel=1e-10
    )
    assert numbers["reference"] != numbers["loss"]
    assert "sampled" not in curvature_cell(signs=0).run()


def test_the_saddle_against_the_dense_hessian() -> None:
    cell = QuadraticSaddle(
        activation=ACTIVATION,
        device="cpu",
        d=4,
        m=8,
        n=12,
        k=1,
        r4=1e-3,
        still=5,
        steps=200,
        radius=0.01,
        tolerance=1e-3,
    )
    numbers = cell.run()
    assert numbers["gradient"] == numbers["moved"] == 0
    assert numbers["joint_gradient"] > 0.01 < numbers["joint_moved"]
    network = TwoLayerNetwork(4, 8, descent().network(0).activation.exact, cell.seed("network"))
    gen = generator(cell.seed("data"))
    beta = sphere(1, 4, 1.0, gen)[0]
    x = sphere(12, 4, 2.0, gen)
    y = (x @ beta) ** 2 / math.sqrt(3)

    def loss(W: torch.Tensor) -> torch.Tensor:
        return (network.quadratic(x, W) - y).square().mean() + 1e-3 * W.square().sum(1).square().sum()

    H = torch.func.hessian(loss)(torch.zeros(8, 4, dtype=torch.float64)).reshape(32, 32)
    lowest = float(torch.linalg.eigvalsh(H)[0])
    assert lowest < 0
    assert numbers["block"] == pytest.approx(lowest, rel=1e-10)
    assert numbers["curvature"][0] == pytest.approx(lowest, rel=1e-5)
    assert numbers["block_first"] != pytest.approx(lowest, rel=1e-3)
    assert numbers["still_loss"] == numbers["zero"] == pytest.approx(float(y.square().mean()))
    assert numbers["left"] < numbers["zero"]
    assert numbers["reference"] < numbers["zero"]


# Checks on made-up numbers: everything as the claim says, then one number wrong at a time.

RNG = np.random.default_rng(0)
CASE: Profile = QUICK


def near(value: float, spread: float, *shape: int) -> Any:
    return (value * np.exp(spread * RNG.standard_normal(shape))).tolist()


def made_up(cell: Cell) -> dict[str, Any]:
    """Numbers of a cell for which every claim holds and every control fails."""
    if isinstance(cell, Descent):
        n = cell.draws
        falls = [0.6] * n if cell.step < 1 else [-1.0] * n
        return {
            "fall": falls,
            "reached": [round(t) for t in near(80 * cell.d**0.5, 0.2, n)],
            "gradient": [5e-4] * n,
            "early": [0.1] * n,
            "curvature": [[1e-3, 1e-6]] * n,
            "start_curvature": [-0.3, 1e-6],
            "curve": [[0, 2.0], [1, 1.0]],
        }
    if isinstance(cell, IndependentStarts):
        levels = np.array(near(0.4, 0.5, cell.draws, 1))
        ends = levels * (1 + 0.01 * RNG.random((cell.draws, cell.starts)))
        if not cell.regularised:
            ends = ends + 5
        return {
            "ends": ends.tolist(),
            "reached": [[100] * cell.starts] * cell.draws,
            "reference": (2 * levels[:, 0]).tolist(),
            "zero": [2.0] * cell.draws,
        }
    if isinstance(cell, SignCurvature):
        data = -np.array(near(5.0, 0.1, cell.draws))
        rest = np.array(near(2 * cell.m**-0.5, 0.1, cell.draws))
        exact = data * (1 - rest) + 0.01
        return {
            "exact": exact.tolist(),
            "data": data.tolist(),
            "capacity": [0.01] * cell.draws,
            "sampled": (exact * near(1.0, 0.01, cell.draws)).tolist(),
            "coherent": (-3 * exact * near(1.0, 0.1, cell.draws)).tolist(),
            "opposite": (-exact).tolist(),
            "loss": [2.0] * cell.draws,
            "reference": [0.5] * cell.draws,
        }
    left, reference = near(0.05, 0.1, 1)[0], near(0.25, 0.1, 1)[0]
    return {
        "gradient": 0.0,
        "moved": 0.0,
        "joint_gradient": 1.0,
        "joint_moved": 1.0,
        "curvature": [-0.2, 1e-9],
        "block": -0.2,
        "block_first": -0.25,
        "zero": 0.9,
        "still_loss": 0.9,
        "left": left,
        "reference": reference,
    }


CLAIMS: dict[str, Claim] = {
    claim.id: claim for module in (optimization, starts, landscape, saddle) for claim in module.CLAIMS
}


def judge(
    claim: Claim, change: Callable[[Cell, dict[str, Any]], None] | None = None
) -> tuple[Profile, Evidence, Outcome]:
    [case] = claim.cases(CASE)
    numbers = {}
    for cell in claim.design(case.profile):
        numbers[cell] = made_up(cell)
        if change:
            change(cell, numbers[cell])
    evidence = Evidence(numbers)
    return case.profile, evidence, claim.check(case.profile, evidence)


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=list(CLAIMS))
def test_right_numbers_hold_and_every_comparison_fails_under_some_control(claim: Claim) -> None:
    p, evidence, outcome = judge(claim)
    assert outcome.verdict is Verdict.HOLDS, outcome
    level = 0.01 / (30 * len(outcome.comparisons))
    failed = set()
    for control in claim.controls:
        judged = control.check(p, evidence)
        assert judged.verdict is Verdict.FAILS, control.planted
        assert min(c.p_value for c in judged.comparisons) <= level, control.planted
        failed |= {i for i, c in enumerate(judged.comparisons) if c.verdict is Verdict.FAILS}
    assert failed == set(range(len(outcome.comparisons)))
    figure = Figure()
    claim.figure(p, evidence, figure.add_subplot())
    claim.require(p)


def wrong(name: str, value: Any) -> Callable[[Cell, dict[str, Any]], None]:
    def change(cell: Cell, numbers: dict[str, Any]) -> None:
        if name in numbers:
            numbers[name] = value(numbers[name]) if callable(value) else value

    return change


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("O1", wrong("gradient", lambda v: [2e-3, *v[1:]]), "|grad| at the end"),
        ("O1", wrong("curvature", lambda v: [[-0.05, 1e-4], *v[1:]]), "lambda_min at the end"),
        ("O1", wrong("fall", lambda v: [0.49, *v[1:]]), "fall of a step"),
        ("O2", wrong("reference", lambda v: [0.2 * r for r in v]), "(worst loss"),
        ("O3", wrong("sampled", lambda v: [1.2 * s for s in v]), "mean over signs"),
        ("O4", wrong("gradient", 1e-300), "|grad| at 0"),
        ("O4", wrong("moved", 1e-300), "distance after"),
        ("O4", wrong("curvature", [-0.2001, 1e-9]), "lambda_min at 0"),
    ],
)
def test_one_wrong_number_is_seen(name: str, change: Callable[[Cell, dict[str, Any]], None], expected: str) -> None:
    _, _, outcome = judge(CLAIMS[name], change)
    assert outcome.verdict is Verdict.FAILS
    assert next(c.label for c in outcome.comparisons if c.verdict is Verdict.FAILS).startswith(expected)


def test_runs_that_did_not_end_are_counted_and_conclude_nothing() -> None:
    _, _, few = judge(CLAIMS["O1"], lambda cell, row: row["reached"].__setitem__(0, None) if cell.d == 4 else None)
    assert few.verdict is Verdict.HOLDS
    assert "3 of 36 runs had not ended" in few.explanation

    # Their ends prove nothing either way.
    def unfinished(cell: Cell, row: dict[str, Any]) -> None:
        row["reached"][0], row["gradient"][0] = None, 0.5

    _, _, many = judge(CLAIMS["O1"], unfinished)
    assert many.verdict is Verdict.INCONCLUSIVE
    _, _, none = judge(CLAIMS["O1"], lambda cell, row: row.__setitem__("reached", [None] * cell.draws))
    assert none.verdict is Verdict.INCONCLUSIVE
    assert none.obstacles
    _, _, starts_lost = judge(
        CLAIMS["O2"], lambda cell, row: row.__setitem__("reached", [[None] * cell.starts] * cell.draws)
    )
    assert starts_lost.verdict is Verdict.INCONCLUSIVE


def test_a_loss_below_the_reference_is_an_obstacle() -> None:
    _, _, outcome = judge(CLAIMS["O3"], wrong("reference", lambda v: [9.0] * len(v)))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "not above the reference" in outcome.obstacles[0]


RULES = [(claim, rule) for claim in CLAIMS.values() for rule in claim.rules(claim.cases(CASE)[0].profile)]


@pytest.mark.parametrize(("claim", "rule"), RULES, ids=[f"{c.id} {r.name}" for c, r in RULES])
def test_error_rates(claim: Claim, rule: DecisionRule) -> None:
    """At most 1 % false FAILS at the edges and 5 % missed at the alternative, of 200 runs (binomial slack of 3 sd)."""
    count = len(judge(claim)[2].comparisons)
    rng = np.random.default_rng(1)
    strict = 0.01 / (30 * count)
    missed = sum(rule.simulate(rule.alternative, rng).p_value > strict for _ in range(200))
    assert missed <= 200 * 0.05 + 3 * math.sqrt(200 * 0.05 * 0.95)
    for edge in rule.edges:
        false = sum(rule.simulate(edge, rng).p_value <= strict for _ in range(200))
        assert false <= 200 * 0.01 + 3 * math.sqrt(200 * 0.01 * 0.99)


def test_activations_take_turns() -> None:
    assert groups(CASE, 7) == (("sin(z + pi/4)", 3), ("tanh(z + 1)", 2), ("erf(z + 1/2)", 2))
    assert groups(CASE, 2) == (("sin(z + pi/4)", 1), ("tanh(z + 1)", 1))


def test_level_removes_a_factor_and_keeps_slopes() -> None:
    table = np.array([[1.0, 2.0], [2.0, math.nan]])
    assert np.allclose(level(5 * table), level(table), equal_nan=True)
    assert np.allclose(level(table)[0, 1] / level(table)[0, 0], 2)


def test_target_and_directions_follow_k() -> None:
    cell = descent(k=2, d=4, m=16, n=20)
    assert set(cell.target(0).energies()) == {2, 3}
    assert isinstance(cell.target(0), Target)
    directions = cell.single(0).directions
    assert isinstance(directions, GoodDirections)
    assert directions.k == 2
