"""The sharded network in two processes against the whole one in this process."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from numerics.distributed import ENVIRONMENT, ShardedNetwork, process_group
from numerics.network import TwoLayerNetwork

WORKER = Path(__file__).with_name("sharded_worker.py")
PROCESSES = 2
TOLERANCE = 1e-10
"""Relative. Another order of summation costs at most 1e-16 times the numbers summed, m d = 320, times the condition of
the span's Gram matrix, below 10 here, in each of some ten sums one after the other: 3e-12, less than 1e-10."""

Results = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each process saved."""
    folder = tmp_path_factory.mktemp("sharded")
    # What torchrun runs. Names of this machine are not looked up: everything stays on the loopback interface.
    launch = ["-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", "2"]
    settings = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    with subprocess.Popen(
        [sys.executable, *launch, str(WORKER), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **settings},
    ) as launched:
        try:
            output, _ = launched.communicate(timeout=300)
        finally:
            launched.terminate()  # the launcher then ends its processes, which killing it would leave behind
    assert launched.returncode == 0, output
    assert "Warning" not in output
    return [torch.load(folder / f"{rank}.pt") for rank in range(PROCESSES)]


@pytest.fixture(scope="module")
def worker() -> dict[str, Any]:
    return runpy.run_path(str(WORKER))


@pytest.fixture(scope="module")
def whole(worker: dict[str, Any]) -> Results:
    network = TwoLayerNetwork(worker["D"], worker["M"], worker["SIGMA"], seed=1)
    return worker["results"](network, worker["CASES"], cache=True)


def differences(results: Results, reference: Results) -> dict[str, float]:
    """Largest difference relative to the largest entry, by name; absolute where the reference is zero."""
    assert results.keys() == reference.keys()
    found = {}
    for name, expected in reference.items():
        assert results[name].shape == expected.shape, name
        assert bool(torch.isfinite(expected).all()), name
        scale = float(expected.abs().max()) or 1.0
        found[name] = float((results[name] - expected).abs().max()) / scale
    return found


def test_two_processes_agree_with_one(saved: list[dict[str, Any]], whole: Results) -> None:
    for rank in saved:
        found = differences(rank["Counted"], whole)
        worst = max(found, key=lambda name: found[name])
        assert found[worst] <= TOLERANCE, {name: value for name, value in found.items() if value > TOLERANCE}
        assert found["weights"] == 0
        print(f"largest relative difference {found[worst]:.2g}, of {worst}, among {len(found)}")


@pytest.mark.parametrize(("run", "seeds"), [("batch", (1, 2)), ("member", 2)])
def test_batches_agree(saved: list[dict[str, Any]], worker: dict[str, Any], run: str, seeds: Any) -> None:
    network = TwoLayerNetwork(worker["D"], worker["M"], worker["SIGMA"], seed=seeds)
    reference = worker["results"](network, worker["CASES"][:1], cache=True)
    for rank in saved:
        assert max(differences(rank[run], reference).values()) <= TOLERANCE


def test_processes_agree_in_every_bit(saved: list[dict[str, Any]]) -> None:
    """Otherwise a decision, such as to stop, could differ between them."""
    first, second = (rank["Counted"] for rank in saved)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_caches_do_not_change_the_exchanges(saved: list[dict[str, Any]]) -> None:
    first, second = (rank["Counted exchanges"] for rank in saved)
    assert first == second > 0


NOT_SUMMED = {"weights", "covariance.matmul", "ntk.displacement"}


SCALE_FREE = {f"k={k} {name}" for k in (1, 2) for name in ("projection", "sign_energy")}
SCALE_FREE |= {"jacobian projection"}
"""Sums doubled everywhere halve the square of a basis, of the span or of the Jacobian, and double its coordinates."""


@pytest.mark.parametrize(("plant", "blind"), [("NoSum", NOT_SUMMED), ("SummedTwice", NOT_SUMMED | SCALE_FREE)])
def test_planted_sums_are_caught(saved: list[dict[str, Any]], whole: Results, plant: str, blind: set[str]) -> None:
    """All but what needs no sum over processes, and R2, which is identically zero, is off in each process."""
    for rank in saved:
        found = differences(rank[plant], whole)
        passed = {name for name, value in found.items() if value <= TOLERANCE}
        assert {name for name in passed if not name.endswith(" r2")} == blind


@pytest.mark.parametrize(
    ("plant", "names"),
    [
        ("NoGather", ("covariance.matmul", "covariance.energy", "taylor k=1 power=4 r1_exact")),
        ("FirstShare", ("weights", "forward", "taylor k=1 power=4 total")),
    ],
)
def test_planted_shares_are_caught(
    saved: list[dict[str, Any]], whole: Results, plant: str, names: tuple[str, ...]
) -> None:
    for rank in saved:
        found = differences(rank[plant], whole)
        assert min(found[name] for name in names) > TOLERANCE


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("width", "ValueError: m=62: needs m/2 divisible by the number of processes, 2"),
        ("eigen", "ValueError: method='eigen': needs all neurons in one process, 16 of 32 pairs are here"),
        ("dense", "ValueError: dense(): needs all neurons in one process"),
        ("eigenvalue", "ValueError: W of shape (32, 5): needs one network in one process"),
        ("scatter", "ValueError: W of shape (32, 5): needs (..., 64, 5)"),
        ("collect", "ValueError: W of shape (64, 5): needs (..., 32, 5)"),
        ("gather", "ValueError: rows of shape (64, 5): needs (..., 16, c)"),
        ("autograd", "RuntimeError: autograd stops between processes"),
    ],
)
def test_refusals(saved: list[dict[str, Any]], call: str, message: str) -> None:
    for rank in saved:
        assert rank["refusals"][call].startswith(message)


def test_missing_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(RuntimeError, match=r"^WORLD_SIZE, .* not set: start with  torchrun --nproc-per-node 2"):
        process_group().__enter__()


def test_missing_group(worker: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match="no process group"):
        ShardedNetwork(5, 8, worker["SIGMA"])


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match="kind='tpu'"):
        process_group("tpu").__enter__()  # type: ignore[arg-type]
