"""Training: descent, saddles, exploration, records, checkpoints, batches."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from objectives import SIGMA
from objectives import training_problem as problem
from references import jacobian

from numerics import (
    LBFGS,
    Adam,
    Diverged,
    GoodDirections,
    GradientDescent,
    Objective,
    PenaltyWeights,
    PerturbedGradientDescent,
    Record,
    TwoLayerNetwork,
    small_start,
    train,
)
from numerics.certificate.gap import Choice
from numerics.models import ModelName
from numerics.optimizers import Method
from theory import Activation

D, M = 5, 24
METHODS: tuple[Method, ...] = (
    GradientDescent(),
    PerturbedGradientDescent(gradient=0.05, wait=10, radius=0.1),
    Adam(0.02),
    LBFGS(),
)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_every_method_learns_and_resumes_bit_by_bit(method: Method, tmp_path: Path) -> None:
    objective, test = problem()
    start = small_start(objective.network, 0.3, 0)
    seen: list[Record] = []
    whole = train(objective, start, method, 60, 20, test=test, progress=seen.append)
    assert [record.step for record in whole.records] == [record.step for record in seen] == [0, 20, 40, 60]
    assert float(whole.records[-1].parts.total) < 0.5 * float(whole.records[0].parts.total)
    assert float(whole.records[-1].test_risk) < float(whole.records[0].test_risk)

    file = tmp_path / "run.pt"

    class Killed(Exception):
        pass

    def kill(record: Record) -> None:
        if record.step == 40:
            raise Killed

    with pytest.raises(Killed):
        train(objective, start, method, 60, 20, test, checkpoint=file, checkpoint_every=15, progress=kill)
    again = train(objective, start, method, 60, 20, test, checkpoint=file, checkpoint_every=15)
    assert torch.equal(again.W, whole.W)
    for found, expected in zip(again.records, whole.records, strict=True):
        assert found.numbers() == pytest.approx(expected.numbers(), nan_ok=True, rel=0, abs=0)
    finished = train(objective, start, method, 60, 20, test, checkpoint=file)
    assert torch.equal(finished.W, whole.W)
    with pytest.raises(ValueError, match="belongs to another run"):
        train(objective, 2 * start, method, 60, 20, test, checkpoint=file)


def test_a_lost_state_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of bit-identity fails when Adam's moments are not restored."""
    from numerics.optimizers import _Torch

    objective, _ = problem()
    start = small_start(objective.network, 0.3, 0)
    whole = train(objective, start, Adam(), 30, 10)
    file = tmp_path / "run.pt"

    def stop(record: Record) -> None:
        if record.step == 20:
            raise KeyboardInterrupt

    monkeypatch.setattr(_Torch, "load", lambda self, state: self._parameter.data.copy_(state["W"]))
    with pytest.raises(KeyboardInterrupt):
        train(objective, start, Adam(), 30, 10, checkpoint=file, checkpoint_every=10, progress=stop)
    assert not torch.equal(train(objective, start, Adam(), 30, 10, checkpoint=file).W, whole.W)


def test_gradient_tolerance_stops_early() -> None:
    objective, _ = problem()
    run = train(objective, small_start(objective.network, 0.3, 0), LBFGS(), 500, gradient_tolerance=1e-3)
    assert run.stopped == "gradient"
    assert float(run.records[-1].gradient_norm) <= 1e-3
    assert run.records[-1].step < 500


@pytest.mark.parametrize("model", ["network", "taylor", "quadratic"])
def test_records_are_what_they_say(model: ModelName) -> None:
    objective, test = problem(model)
    network = objective.network
    run = train(objective, small_start(network, 1.0, 0), Adam(0.02), 5, 5, test=test)
    W, last = run.W, run.records[-1]
    parts, gradient = objective.value_and_gradient(W)
    assert last.parts.numbers() == pytest.approx(parts.numbers(), nan_ok=True, rel=0)
    assert float(last.gradient_norm) == pytest.approx(float(gradient.norm()))
    assert float(last.linear_energy) == pytest.approx(float(network.linear(test[0], W).square().mean()))
    assert float(last.quadratic_energy) == pytest.approx(float(network.quadratic(test[0], W).square().mean()))
    assert float(last.test_risk) == pytest.approx(float((objective.predict(test[0], W) - test[1]).square().mean()))
    zero = torch.zeros_like(W)
    if model == "network":
        before, after = (
            torch.func.jacrev(lambda V: network.forward(objective.x, V))(at).flatten(1) for at in (zero, W)
        )
    else:
        before = jacobian(network, objective.x).flatten(1)
        moved = torch.func.jacrev(lambda V: network.linear(objective.x, V) + network.quadratic(objective.x, V))(W)
        after = moved.flatten(1)
    k0, k1 = before @ before.T, after @ after.T
    assert float(last.kernel_movement) == pytest.approx(float((k1 - k0).norm() / k0.norm()), rel=1e-9)
    assert float(last.kernel_movement) > 0.01
    assert run.curve("step").tolist() == [0, 5]


def test_divergence_names_step_value_and_remedy() -> None:
    objective, _ = problem("taylor")
    start = small_start(objective.network, 1.0, 0)
    with pytest.raises(Diverged, match=r"loss=.*(nan|inf).* at step [1-9]\d*: reduce step"):
        train(objective, start, GradientDescent(step=1e3), 100)
    with pytest.raises(Diverged, match="at step 0"):
        train(objective, start * 1e200, Adam(), 5)


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda o, s: train(o, s, Adam(), 0), "steps=0"),
        (lambda o, s: train(o, s, Adam(), 5, record_every=0), "record_every=0"),
        (lambda o, s: train(o, s[:2], Adam(), 5), "start of shape (2, 5)"),
        (lambda o, s: Adam(math.inf), "rate=inf"),
        (lambda o, s: GradientDescent(step=-1.0), "step=-1.0"),
        (lambda o, s: PerturbedGradientDescent(radius=0.0), "radius=0.0"),
        (lambda o, s: LBFGS(0), "history=0"),
    ],
)
def test_bad_input(call, needle: str) -> None:  # type: ignore[no-untyped-def]
    import re

    objective, _ = problem()
    with pytest.raises(ValueError, match=re.escape(needle)):
        call(objective, small_start(objective.network, 0.3, 0))


def test_a_checkpoint_belongs_to_one_problem(tmp_path: Path) -> None:
    """Whatever changes the course of a run changes its digest."""
    objective, test = problem()
    network, x, y = objective.network, objective.x, objective.y
    start, good = small_start(network, 0.3, 0), GoodDirections(network, 1)
    weights, sample = PenaltyWeights(r1_modes=("unlabeled",)), test[0]
    file = tmp_path / "run.pt"

    def run(objective: Objective, **options) -> None:  # type: ignore[no-untyped-def]
        train(objective, start, Adam(), 2, checkpoint=file, **options)

    run(Objective(network, x, y, weights, good, unlabeled=sample))
    run(Objective(network, x, y, weights, good, unlabeled=sample))
    other = TwoLayerNetwork(D, M, Activation.parse("tanh(z + 1)"), 1)
    changed = (
        Objective(network, x, y, weights, good.random_subspace(0), unlabeled=sample),
        Objective(network, x, y, weights, GoodDirections(network, 1, "eigen"), unlabeled=sample),
        Objective(network, x, y, weights, GoodDirections(network, 0), unlabeled=sample),
        Objective(network, x, y, weights, good, unlabeled=sample[:100]),
        Objective(network, x, y + 1, weights, good, unlabeled=sample),
        Objective(network, x, y, replace(weights, r4=0.1), good, unlabeled=sample),
        Objective(network, x, y, weights, good, "network", unlabeled=sample),
        Objective(network, x, y, weights, good, loss="log-cosh", unlabeled=sample),
        Objective(other, x, y, weights, GoodDirections(other, 1), unlabeled=sample),
    )
    for objective in changed:
        with pytest.raises(ValueError, match="belongs to another run"):
            run(objective)
    with pytest.raises(ValueError, match="belongs to another run"):
        run(Objective(network, x, y, weights, good, unlabeled=sample), gradient_tolerance=0.1)


def test_test_risk_is_the_mean_loss_and_its_data_are_checked() -> None:
    original, test = problem()
    objective = Objective(original.network, original.x, original.y, loss="log-cosh")
    run = train(objective, small_start(objective.network, 0.3, 0), Adam(), 3, test=test)
    expected = objective.loss.value(objective.predict(test[0], run.W), test[1]).mean()
    assert float(run.records[-1].test_risk) == pytest.approx(float(expected))
    for inputs, labels in ((test[0], test[1][:, None]), (test[0][:, :3], test[1]), (test[0].float(), test[1])):
        with pytest.raises(ValueError, match="needs"):
            train(objective, run.W, Adam(), 3, test=(inputs, labels))


def test_a_start_with_a_graph_is_detached() -> None:
    objective, _ = problem()
    start = small_start(objective.network, 0.3, 0).requires_grad_()
    for method in METHODS:
        assert not train(objective, start, method, 2).W.requires_grad


def test_small_start_has_its_scale() -> None:
    """E|W_r|^2 = scale^2 m^{-1/2}: mean of m = 2000 squares of chi-square type, relative error sqrt(2/(m d))."""
    network = TwoLayerNetwork(D, 2000, SIGMA)
    mean = float(small_start(network, 0.7, 0).square().sum(1).mean())
    assert mean == pytest.approx(0.49 / math.sqrt(2000), rel=5 * math.sqrt(2 / (2000 * D)))


def test_relu_trains_without_its_second_derivative() -> None:
    network = TwoLayerNetwork(D, M, Activation.parse("relu(z)"), 1)
    original, _ = problem()
    for model in ("network", "linear"):
        objective = Objective(network, original.x, original.y, PenaltyWeights(r4=1e-3), None, model)
        run = train(objective, small_start(network, 0.3, 0), Adam(), 5)
        assert math.isnan(float(run.records[-1].quadratic_energy))
        assert math.isnan(float(run.records[-1].kernel_movement)) == (model == "linear")


def test_tolerance_waits_for_all_of_a_batch() -> None:
    together, _ = problem(seed=(1, 7))
    start = small_start(together.network, 0.3, 0)
    start[1] *= 10
    norms = together.value_and_gradient(start)[1].norm(dim=(1, 2))
    between = float(norms.mean())
    assert float(norms.min()) < between < float(norms.max())
    assert train(together, start, Adam(1e-6), 2, gradient_tolerance=between).stopped == "steps"


@pytest.mark.parametrize(("model", "certify"), [("quadratic", "natural"), ("taylor", "relaxation")])
def test_the_certified_gap_is_recorded_stops_and_resumes(model: ModelName, certify: Choice, tmp_path: Path) -> None:
    objective, _ = problem(model, weights=PenaltyWeights(1.0, 1.0, 0.0, 0.01), directions=model == "taylor")
    start, file = small_start(objective.network, 0.3, 0), tmp_path / "run.pt"
    whole = train(objective, start, LBFGS(), 60, 10, certify=certify)
    bounds, losses = whole.curve("lower_bound"), whole.curve("total")
    assert bounds.tolist() == sorted(bounds.tolist())
    assert bool((bounds <= losses).all())
    gaps = whole.curve("gap")
    assert gaps.tolist() == pytest.approx(((losses - bounds) / losses).tolist())
    assert whole.stopped == "steps"
    between = float(gaps[-1]) + 0.3 * float(gaps[0] - gaps[-1])
    early = train(objective, start, LBFGS(), 60, 10, stop_at_gap=between, checkpoint=file)
    assert early.stopped == "gap"
    assert float(early.records[-1].gap) <= between < float(early.records[-2].gap)
    assert early.records[-1].step < 60
    again = train(objective, start, LBFGS(), 60, 10, stop_at_gap=between, checkpoint=file)
    assert torch.equal(again.W, early.W)
    assert [r.numbers() for r in again.records] == [
        pytest.approx(r.numbers(), nan_ok=True, rel=0) for r in early.records
    ]
    with pytest.raises(ValueError, match="belongs to another run"):
        train(objective, start, LBFGS(), 60, 10, stop_at_gap=2 * between, checkpoint=file)


def test_a_certified_run_that_is_killed_goes_on_bit_by_bit(tmp_path: Path) -> None:
    objective, _ = problem("taylor", weights=PenaltyWeights(1.0, 1.0, 0.0, 0.01))
    start, file = small_start(objective.network, 0.3, 0), tmp_path / "run.pt"

    def kill(record: Record) -> None:
        if record.step == 20:
            raise KeyboardInterrupt

    whole = train(objective, start, Adam(), 30, 10, certify="relaxation")
    with pytest.raises(KeyboardInterrupt):
        train(
            objective, start, Adam(), 30, 10, certify="relaxation", checkpoint=file, checkpoint_every=5, progress=kill
        )
    again = train(objective, start, Adam(), 30, 10, certify="relaxation", checkpoint=file, checkpoint_every=5)
    assert torch.equal(again.curve("lower_bound"), whole.curve("lower_bound"))
    assert torch.equal(again.W, whole.W)


def test_what_cannot_be_certified_is_refused_before_training() -> None:
    objective, _ = problem("network")
    start = small_start(objective.network, 0.3, 0)
    with pytest.raises(ValueError, match="certify model='taylor'"):
        train(objective, start, Adam(), 5, stop_at_gap=0.1)
    with pytest.raises(ValueError, match="certify='best'"):
        train(objective, start, Adam(), 5, certify="best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stop_at_gap=-1"):
        train(objective, start, Adam(), 5, stop_at_gap=-1.0)
    assert math.isnan(float(train(objective, start, Adam(), 2).records[-1].gap))


def test_defaults_are_a_small_start_and_descent() -> None:
    objective, _ = problem()
    found = train(objective, steps=5)
    expected = train(objective, small_start(objective.network, 0.3, 0), GradientDescent(), 5)
    assert torch.equal(found.W, expected.W)
    with pytest.raises(ValueError, match=r"method='adam': needs a method such as numerics.GradientDescent\(\)"):
        train(objective, method="adam")


def test_the_movement_of_the_weights() -> None:
    objective, _ = problem()
    run = train(objective, steps=5)
    moved = run.W.norm() / objective.network.w.norm()
    torch.testing.assert_close(run.records[-1].weight_movement, moved)
    assert float(run.records[0].weight_movement) != float(moved)
