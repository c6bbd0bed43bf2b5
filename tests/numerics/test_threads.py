"""Work shared among threads: the results in order, errors, settings, and a gradient that no thread's speed changes."""

import contextvars
import threading

import pytest
import torch
from objectives import D, M, N, Problem, blocks_of, weights

from numerics.terms.weights import PenaltyWeights
from numerics.threads import shared

ASKED: contextvars.ContextVar[str] = contextvars.ContextVar("asked", default="nothing")


@pytest.fixture
def two() -> None:
    torch.set_num_threads(2)


def test_one_thread_works_in_the_caller() -> None:
    assert shared(lambda index: (index, threading.current_thread()), 3) == [
        (i, threading.current_thread()) for i in range(3)
    ]


def test_results_in_order_on_threads_of_their_own(two: None) -> None:
    """Both threads are at work at once, each with one core for torch; the caller's settings stay."""
    together = threading.Barrier(2)
    ASKED.set("something")

    def task(index: int) -> tuple[int, int, str, bool]:
        together.wait(timeout=60)
        assert threading.current_thread() is not threading.main_thread()
        return index, torch.get_num_threads(), ASKED.get(), torch.is_grad_enabled()

    assert shared(task, 4) == [(index, 1, "something", False) for index in range(4)]
    assert torch.get_num_threads() == 2
    found: list[int] = []
    late = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    late.start()
    late.join()
    assert found == [2], "a thread that starts later has what the caller asked for"


def test_an_error_comes_back_after_all_tasks_have_ended(two: None) -> None:
    ended = []

    def task(index: int) -> None:
        if index == 1:
            raise ArithmeticError(f"task {index}")
        ended.append(index)

    with pytest.raises(ArithmeticError, match="task 1"):
        shared(task, 5)
    assert sorted(ended) == [0, 2, 3, 4]


@pytest.mark.parametrize("model", ["taylor", "network"])
@pytest.mark.parametrize("w", [weights(), PenaltyWeights(r4=0.0)], ids=["all", "none"])
def test_a_shared_gradient_is_the_same(model: str, w: PenaltyWeights, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, and parts of the inputs on two; twice the same in every bit, whichever thread was faster."""
    problem = Problem.of()
    expected, single = problem.objective(w, model=model).value_and_gradient(problem.W)
    blocks_of(2 * M, monkeypatch)
    monkeypatch.setattr("numerics.objective.INPUTS_A_PART", 1)
    torch.set_num_threads(2)
    objective = problem.objective(w, model=model)
    assert len(list(objective.blocks())) >= 4
    assert objective._parts() == 4
    parts, gradient = objective.value_and_gradient(problem.W)
    assert float((gradient - single).abs().max()) <= 10 * problem.rounding()
    for name in ("total", "data", "r1_training", "r3"):
        assert float((getattr(parts, name) - getattr(expected, name)).nan_to_num(0).abs()) <= 10 * problem.rounding()
    for _ in range(5):
        assert torch.equal(objective.value_and_gradient(problem.W)[1], gradient)


def test_a_part_left_out_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison of the test above fails where the gradient of one part is dropped."""
    problem = Problem.of()
    single = problem.objective(weights()).value_and_gradient(problem.W)[1]
    blocks_of(2 * M, monkeypatch)
    monkeypatch.setattr("numerics.objective.INPUTS_A_PART", 1)
    monkeypatch.setattr("numerics.terms.pairs.PairGradient.add", lambda self, other: None)
    torch.set_num_threads(2)
    gradient = problem.objective(weights()).value_and_gradient(problem.W)[1]
    assert float((gradient - single).abs().max()) > 10 * problem.rounding()


def test_few_inputs_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient of m d numbers for each part would take more memory than the parts themselves."""
    problem = Problem.of()
    blocks_of(1, monkeypatch)
    torch.set_num_threads(2)
    assert N < 2 * 4 * D
    assert problem.objective(weights())._parts() == 1
