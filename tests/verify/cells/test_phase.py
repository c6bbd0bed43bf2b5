"""Points of the phase diagram: against direct solves, what is chosen, what is left out, and runs that diverge."""

import math

import pytest
import torch

from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.train import Diverged
from theory import Activation
from verify.cells.phase import PhasePoint
from verify.cells.training import Training

SIGMA = "sin(z + pi/4)"
RIDGES = (1e-2, 1.0, 100.0)


def cell(arm: str, **changes: object) -> PhasePoint:
    fields = {"d": 5, "m": 20, "n": 30, "k": 1, "draws": 2, "validation": 2, "kernel_width": 40, "steps": 20}
    return PhasePoint(activation=SIGMA, device="cpu", start=0.1, arm=arm, **fields | changes)


def test_the_kernel_against_a_direct_solve() -> None:
    found = cell("ntk", ridges=(0.5,))
    draws, numbers = found.labelled(2), found.run()
    network = TwoLayerNetwork(5, 40, Activation.parse(SIGMA), found.drawn("kernel", "1"), dtype=torch.float32)
    gram, cross = ntk_gram(network, draws.x[1]).double(), ntk_gram(network, draws.test[1], draws.x[1]).double()
    weights = torch.linalg.solve(gram + 0.5 * torch.eye(30, dtype=torch.float64), draws.y[1].double())
    risk = float((cross @ weights - draws.answers[1].double()).square().mean())
    assert numbers["risks"][1] == pytest.approx(risk, rel=1e-4)
    assert (numbers["tried"], numbers["chosen"]) == ([], 0)


def test_the_candidate_is_chosen_on_draws_that_are_left_out() -> None:
    """By the mean risk on the validation draws; the judged draws have the risks of that candidate alone."""
    numbers = cell("ntk", ridges=RIDGES).run()
    alone = [cell("ntk", ridges=(ridge,)) for ridge in RIDGES]
    means = [
        math.fsum(one._ridge_risks(one.labelled(2, "validation "), ridge)[1]) / 2
        for one, ridge in zip(alone, RIDGES, strict=True)
    ]
    assert numbers["tried"] == pytest.approx(means, rel=1e-12)
    best = means.index(min(means))
    assert numbers["chosen"] == best
    assert numbers["risks"] == alone[best].run()["risks"]
    held, judged = alone[0].labelled(2, "validation "), alone[0].labelled(2)
    assert not torch.equal(held.x[0], judged.x[0])


def test_arms_share_draws_and_more_inputs_extend_fewer() -> None:
    few, many = cell("joint", candidates=((1.0, 0.01),)), cell("quadntk", n=50, draws=1, candidates=((1.0, 0.02),))
    assert torch.equal(few.labelled(1).network.half, many.labelled(1).network.half)
    # torch draws the last 16 numbers of an array anew, whatever came before: they differ with its length.
    assert torch.equal(few.labelled(1).x[:, :24], many.labelled(1).x[:, :24])
    assert torch.equal(few.labelled(1).test, many.labelled(1).test)


def test_training_is_that_of_every_claim() -> None:
    point = cell("joint", candidates=((1.0, 0.01),))
    draws = point.labelled(2)
    end = point.learn(draws, "joint", (1.0, 0.01)).records[-1].test_risk
    assert point.run()["risks"] == end.tolist()


def test_a_run_that_diverges_is_missing_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    true = Training.learn

    def learn(self, draws, arm, weights):  # type: ignore[no-untyped-def]
        if weights[1] > 1:
            raise Diverged("loss=[inf] at step 3")
        return true(self, draws, arm, weights)

    monkeypatch.setattr(Training, "learn", learn)
    lost = cell("joint", candidates=((1.0, 2.0),)).run()
    assert (lost["risks"], lost["halfway"], lost["diverged"]) == ([None] * 2, [None] * 2, "loss=[inf] at step 3")
    # A candidate that diverges on the validation draws is not chosen.
    kept = cell("quadntk", candidates=((1.0, 2.0), (1.0, 0.01))).run()
    assert kept["tried"][0] is None
    assert (kept["chosen"], kept["diverged"]) == (1, "")
    assert all(risk > 0 for risk in kept["risks"])
