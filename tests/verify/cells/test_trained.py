"""Cells of trained models: against slow twins, the choice of weights, draws that diverge."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.train import Diverged, small_start
from verify.cells.trained import RIDGES, TrainedModels
from verify.cells.training import WAYS, Arm, Kind

SIGMA = "sin(z + pi/4)"
ONE = ((1.0, 1e-2),)


def cell(arm: Arm, target: Kind = "joint", **changes: object) -> TrainedModels:
    fields = {"d": 5, "m": 40, "n": 30, "k": 1, "draws": 2, "steps": 40, "start": 0.3, "candidates": ONE} | changes
    return TrainedModels(activation=SIGMA, device="cpu", arm=arm, target=target, **fields)


def harmonic(u: torch.Tensor, d: int) -> torch.Tensor:
    """The zonal harmonic of degree 2 and energy 1 about a unit vector, whose product with x is u."""
    return math.sqrt((d + 2) / (2 * (d - 1))) * (u**2 - 1)


@pytest.mark.parametrize("arm", ["no_r1_r3", "quadntk"])
def test_adam_on_the_taylor_model_against_automatic_differentiation(arm: Arm) -> None:
    """One draw in double precision: f_L + f_Q neuron by neuron, torch.optim.Adam, the cosine decay written out."""
    runs = cell(arm, model="taylor", method="adam", rate=0.02)
    draws, numbers = runs.prepare(["0", "1"], runs.n), runs.run()
    for i, label in enumerate(draws.labels):
        w, a = draws.network.member(i).w.double(), draws.network.a.double()
        start = small_start(draws.network.member(i), runs.start, runs.drawn("start", label))
        W = start.double().requires_grad_(True)

        def model(x: torch.Tensor, W: torch.Tensor, w: torch.Tensor = w, a: torch.Tensor = a) -> torch.Tensor:
            z, moved = x.double() @ w.T, x.double() @ W.T
            terms = -torch.sin(z + math.pi / 4) * moved**2 / 2
            if arm == "no_r1_r3":
                terms = terms + torch.cos(z + math.pi / 4) * moved
            return (terms * a).sum(-1) / math.sqrt(runs.m)

        adam = torch.optim.Adam([W], lr=runs.rate)
        for step in range(runs.steps):
            adam.param_groups[0]["lr"] = runs.rate * (1 + math.cos(math.pi * step / runs.steps)) / 2
            adam.zero_grad()
            capacity = W.square().sum(1).square().sum()
            loss = (model(draws.x[i], W) - draws.y[i]).square().mean() + ONE[0][1] * capacity
            loss.backward()
            adam.step()
        with torch.no_grad():
            risk = float((model(draws.test[i], W) - draws.answers[i]).square().mean())
            capacity = float(W.square().sum(1).square().sum())
        assert numbers["risk"][i] == pytest.approx(risk, rel=2e-3)
        assert numbers["capacity"][i] == pytest.approx(capacity, rel=2e-3)


def test_what_is_measured_at_the_trained_weights_by_hand() -> None:
    """f, f_L and f_Q neuron by neuron in double precision at the W that the run ends with."""
    runs = cell("joint", stretch=2.0, constructed=True)
    draws = runs.prepare(["0", "1"], runs.n)
    trajectory, numbers = runs.learn(draws, "joint", ONE[0]), runs.run()
    for i in range(2):
        w, a, W = draws.network.member(i).w.double(), draws.network.a.double(), trajectory.W[i].double()
        test, shift = draws.test[i].double(), math.pi / 4
        z, h = test @ w.T, test @ W.T

        def output(terms: torch.Tensor, a: torch.Tensor = a) -> torch.Tensor:
            return (terms * a).sum(-1) / math.sqrt(runs.m)

        def remainder(h: torch.Tensor, z: torch.Tensor = z, output=output, shift: float = shift) -> torch.Tensor:
            two = torch.cos(z + shift) * h - torch.sin(z + shift) * h**2 / 2
            return output(torch.sin(z + shift + h) - torch.sin(z + shift) - two).square().mean()

        quadratic = output(-torch.sin(z + shift) * h**2 / 2)
        (alpha,), beta = draws.targets[i].terms[2]
        sparse = float(alpha) * harmonic(test @ beta[0].double(), runs.d)
        assert numbers["risk"][i] == pytest.approx(
            float((output(torch.sin(z + shift + h)) - draws.answers[i]).square().mean()), rel=1e-3
        )
        assert numbers["quadratic"][i] == pytest.approx(float(quadratic.square().mean()), rel=1e-3)
        assert numbers["remainder"][i] == pytest.approx(float(remainder(h)), rel=2e-2)
        assert numbers["stretched"][i] == pytest.approx(float(remainder(2 * h)), rel=2e-2)
        linear = output(torch.cos(z + shift) * h)
        assert numbers["share"][i] == pytest.approx(float((quadratic * sparse).mean()), rel=1e-3)
        assert numbers["linear_share"][i] == pytest.approx(float((linear * sparse).mean()), rel=1e-3)
        assert 0.01 < numbers["constructed"][i] < 2
    assert all(b < a for a, b in zip(numbers["loss_halfway"], numbers["loss"], strict=True))


def test_remainder_energy_is_within_its_bound() -> None:
    # Checks :eq:`remainder-energy`.
    """At the trained W, and within a factor 6 at aligned neurons of equal sign: sup|sigma'''| = 1 for a sine."""
    runs = cell("joint", d=6, m=60)
    numbers = runs.run()
    shape = runs.d**2 / ((runs.d + 2) * (runs.d + 4))
    for remainder, capacity in zip(numbers["remainder"], numbers["capacity"], strict=True):
        assert remainder <= 5 / 12 * shape * runs.m**-0.5 * capacity**1.5
    network = TwoLayerNetwork(runs.d, runs.m, "sin(z)", seed=3)
    x = torch.nn.functional.normalize(torch.randn(20_000, runs.d, dtype=torch.float64, generator=torch.manual_seed(0)))
    x, W = math.sqrt(runs.d) * x, torch.zeros_like(network.w)
    W[: runs.m // 2, 0] = 0.02
    energy = float((network.forward(x, W) - network.linear(x, W) - network.quadratic(x, W)).square().mean())
    capacity = float(W.square().sum(1).square().sum())
    ratio = energy / (5 / 12 * shape * runs.m**-0.5 * capacity**1.5)
    assert 1 / 6 < ratio < 1


def test_ridge_arm_against_direct_solves() -> None:
    """The ridge is the best on the validation draw, and the judged draws have that one."""
    runs = cell("ntk", candidates=(), validation=1)
    numbers = runs.run()

    def risks(label: str) -> list[float]:
        draws = runs.prepare([label], runs.n)
        network, x, test = draws.network.member(0), draws.x[0], draws.test[0]
        gram, cross = ntk_gram(network, x).double(), ntk_gram(network, test, x).double()
        found = []
        for ridge in RIDGES:
            solution = torch.linalg.solve(gram + ridge * torch.eye(runs.n, dtype=torch.float64), draws.y[0].double())
            found.append(float((cross @ solution - draws.answers[0]).square().mean()))
        return found

    validation = risks("validation 0")
    assert numbers["validation"] == pytest.approx(validation, rel=1e-4)
    assert numbers["chosen"] == int(np.argmin(validation))
    assert numbers["risk"] == pytest.approx([risks(label)[numbers["chosen"]] for label in ("0", "1")], rel=1e-4)


def test_the_kernel_may_be_wider_than_the_networks() -> None:
    """Its networks are then those of that width; data and targets stay."""
    own, wide = cell("ntk", candidates=(), validation=1), cell("ntk", candidates=(), validation=1, kernel_width=80)
    numbers = wide.run()
    assert numbers["risk"] == cell("ntk", candidates=(), validation=1, m=80).run()["risk"]
    assert numbers["risk"] != own.run()["risk"]
    few = cell("ntk", candidates=(), validation=1, kernel_width=80, ridges=(0.5,)).run()
    assert (few["chosen"], len(few["validation"])) == (0, 1)


def test_weights_are_chosen_on_draws_that_are_left_out() -> None:
    """The candidate with the least mean risk on the validation draws, which no judged number comes from."""
    candidates = ((1.0, 1e-2), (1.0, 1e3), (10.0, 1e-2))
    both = cell("joint", candidates=candidates, validation=2).run()
    alone = [cell("joint", candidates=(pair,)).run() for pair in candidates]
    assert both["chosen"] == int(np.argmin(both["validation"]))
    assert both["risk"] == alone[both["chosen"]]["risk"]
    assert all(one["validation"] == [] and one["chosen"] == 0 for one in alone)
    assert both["validation"][1] > 2 * both["validation"][0], "an l4 that forbids to learn"
    runs = cell("joint", candidates=candidates, validation=2)
    judged, left_out = runs.prepare(["0"], 30), runs.prepare(["validation 0"], 30)
    assert not torch.equal(judged.x, left_out.x)
    assert not torch.equal(judged.network.half, left_out.network.half)


@pytest.mark.parametrize(
    ("arm", "changes", "needle"),
    [
        ("joint", {"candidates": ()}, r"candidates=\(\): arm 'joint' needs a pair"),
        ("joint", {"candidates": (ONE[0], (3.0, 1e-2))}, "validation=0: arm 'joint' has a choice"),
        ("ntk", {"candidates": ()}, "validation=0: arm 'ntk' has a choice"),
    ],
)
def test_cells_without_anything_to_choose_by_are_refused(arm: Arm, changes: dict[str, object], needle: str) -> None:
    with pytest.raises(ValidationError, match=needle):
        cell(arm, **changes)


def test_a_draw_that_diverges_is_missing_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, learn = cell("joint").run(), TrainedModels.learn

    def breaking(self, draws, arm, weights):
        if "1" in draws.labels:
            raise Diverged("loss=[nan] at step 3")
        return learn(self, draws, arm, weights)

    monkeypatch.setattr(TrainedModels, "learn", breaking)
    numbers = cell("joint").run()
    for name in ("risk", "loss", "remainder", "movement"):
        first, second = numbers[name]
        assert first == pytest.approx(whole[name][0], rel=1e-3)
        assert second is None


def test_a_candidate_that_diverges_is_not_chosen() -> None:
    """Adam with a rate that overflows: its validation risk is missing, and no draw has a risk where nothing else is."""
    wild = {"method": "adam", "rate": 1e20, "model": "taylor", "validation": 1}
    numbers = cell("no_r1_r3", candidates=((1.0, 1e-2), (1.0, 1e-1)), **wild).run()
    assert numbers["validation"] == [None, None]
    assert numbers["risk"] == [None, None]


def test_lazy_scaling_is_the_linear_model() -> None:
    """Labels divided by a large number: the kernel stays, f_Q vanishes, and f_L alone has the risk."""
    sizes = {"d": 8, "m": 160, "n": 100, "steps": 120, "start": 0.01, "constructed": True}
    rich, lazy = cell("joint", **sizes).run(), cell("lazy", **sizes).run()
    assert max(lazy["movement"]) < 3e-2 < min(rich["movement"])
    assert max(lazy["quadratic"]) < 1e-3 < min(rich["quadratic"])
    assert lazy["constructed"] == rich["constructed"]


def test_what_lazy_scaling_learns_is_in_units_of_the_labels() -> None:
    """A model that is multiplied has parts multiplied alike: its linear term then has the labels' size."""
    runs = cell("lazy", d=8, m=160, n=100, steps=120, start=0.01)
    draws, numbers = runs.prepare(["0", "1"], runs.n), runs.run()
    trajectory, scale = runs.learn(draws, "lazy", ONE[0]), WAYS["lazy"].scale
    assert scale > 1
    linear, quadratic = (
        scale * term(draws.test, trajectory.W).double() for term in (draws.network.linear, draws.network.quadratic)
    )
    for i in range(2):
        (alpha,), beta = draws.targets[i].terms[2]
        sparse = float(alpha) * harmonic(draws.test[i].double() @ beta[0].double(), runs.d)
        for name, part in (("share", quadratic[i]), ("linear_share", linear[i])):
            assert numbers[name][i] == pytest.approx(float((part * sparse).mean()), rel=1e-3)


def test_shuffled_labels_and_random_directions_learn_less() -> None:
    sizes = {"d": 8, "m": 80, "n": 120, "steps": 150, "start": 0.01}
    risks = {
        arm: np.mean(cell(arm, **sizes).run()["risk"]) for arm in ("joint", "random_directions", "permuted_labels")
    }
    assert risks["joint"] < risks["random_directions"] < risks["permuted_labels"]


def test_medium_energy_is_what_r1_measures() -> None:
    """Without R1 the linear term works outside the good directions."""
    sizes = {"d": 8, "m": 160, "n": 40, "steps": 80}
    joint, off = (cell(arm, **sizes).run() for arm in ("joint", "no_r1"))
    assert max(joint["medium"]) < min(off["medium"])
