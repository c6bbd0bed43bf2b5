"""Inputs in blocks, kept or evaluated again: they change no number beyond the order of sums."""

import dataclasses
import math

import pytest
import torch
from objectives import M, N, Problem, blocks_of, weights

from numerics import TwoLayerNetwork, generator, memory, sphere
from numerics import blocks as module
from numerics.blocks import Blocks, joined
from numerics.memory import WouldNotFit
from numerics.models import MODELS
from numerics.terms.weights import Parts


@pytest.mark.parametrize("numbers", [1, 7 * M // 2, 2**18])
@pytest.mark.parametrize("model", MODELS)
def test_cache_and_blocks_change_nothing(model: str, numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache in no bit, blocks only in the order of sums."""
    problem = Problem.of()
    whole, expected = problem.objective(weights(), model=model).value_and_gradient(problem.W)
    blocks_of(numbers, monkeypatch)
    kept, again = (problem.objective(weights(), model=model, cache=cache) for cache in (True, False))
    assert len(list(kept.blocks())) == math.ceil(N / max(1, numbers // (M // 2)))
    assert again._blocks._kept is None
    parts, gradient = kept.value_and_gradient(problem.W)
    other_parts, other = again.value_and_gradient(problem.W)
    assert torch.equal(gradient, other)
    for f in dataclasses.fields(Parts):
        same = torch.equal(getattr(parts, f.name).nan_to_num(7), getattr(other_parts, f.name).nan_to_num(7))
        assert same, f.name
    # The same parts, of gradients below 10 each, summed in another order.
    assert float((gradient - expected).abs().max()) <= problem.rounding() * 10
    assert abs(float(parts.total - whole.total)) <= problem.rounding() * 10


@pytest.mark.parametrize("names", [{"first"}, {"first", "second"}, {"z"}])
@pytest.mark.parametrize("seed", [1, (1, 2)])
def test_what_is_kept_is_one_piece_of_memory(
    seed: int | tuple[int, ...], names: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each name of all blocks in one, with no gap, and with the numbers of blocks that are evaluated again."""
    network = TwoLayerNetwork(4, M, "exp(z)", seed=seed)  # sigma' and sigma'' are the same tensor before scaling
    x = sphere(N, 4, 2.0, generator(3))
    blocks_of(7 * M, monkeypatch)
    kept, again = (Blocks(network, x, names, cache) for cache in (True, False))
    assert len(kept) > 1
    for name in names:
        parts = [getattr(block, name) for _, block in kept]
        assert len({part.untyped_storage().data_ptr() for part in parts}) == 1
        assert sum(part.numel() for part in parts) * 8 == parts[0].untyped_storage().nbytes()
        for part, (_, block) in zip(parts, again, strict=True):
            assert torch.equal(part, getattr(block, name))


def test_a_wrong_block_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem.of()
    _, expected = problem.objective(weights()).value_and_gradient(problem.W)
    blocks_of(1, monkeypatch)
    objective = problem.objective(weights())
    objective._blocks._kept[-1] = objective._blocks._kept[0]
    _, gradient = objective.value_and_gradient(problem.W)
    assert float((gradient - expected).abs().max()) > problem.rounding() * 10


def test_memory_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem.of()
    monkeypatch.setattr(memory, "SMALL", 1)
    tables = 2 * N * (M // 2) * 8  # sigma' and sigma''
    for there, kept in ((4 * tables, True), (4 * tables - 1, False)):
        for target in (memory, module):
            monkeypatch.setattr(target, "available_bytes", lambda device, there=there: there)
        objective = problem.objective(weights(()))
        assert (objective._blocks._kept is not None) == kept
    monkeypatch.setattr(memory, "available_bytes", lambda device: tables - 1)
    monkeypatch.setattr(module, "available_bytes", lambda device: tables - 1)
    with pytest.raises(WouldNotFit, match=f"first, second of n=30 inputs: .*cache=False, or n <= {N - 1}"):
        problem.objective(weights(()), cache=True)


def test_what_blocks_gave_stands_in_order() -> None:
    parts = [torch.arange(3.0), torch.arange(3.0, 5.0)]
    assert torch.equal(joined(parts), torch.arange(5.0))
    assert joined(parts[:1]) is parts[0]


@pytest.mark.parametrize(("m", "rows"), [(256, 1024), (512, 512), (10_000, 128), (2**16, 64)])
def test_rows_of_a_block(m: int, rows: int) -> None:
    """As many as keep it in the caches, but no fewer than make the reading of W worth it."""
    network = TwoLayerNetwork(3, m, "exp(z)", dtype=torch.float32)
    blocks = Blocks(network, sphere(1100, 3, 3**0.5, generator(3), torch.float32), {"z"}, cache=False)
    assert next(iter(blocks))[0] == slice(0, rows)
