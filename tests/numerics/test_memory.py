"""Memory: what is there, what is asked for before it is taken, and what the message says."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import numerics
from numerics import (
    FeatureCovariance,
    Harmonics,
    HermiteTarget,
    NTKOperator,
    Objective,
    Target,
    TwoLayerNetwork,
    extreme_eigenvalue,
    generator,
    memory,
    random_signs,
    sphere,
)
from numerics.memory import SMALL, WouldNotFit, available_bytes, block_rows, by_kind, require
from numerics.quadrature import gauss_rule
from theory import Activation

SIGMA = Activation.parse("tanh(z + 1)")
D, M, N = 4, 8, 6
X = sphere(N, D, 2.0, generator(0))
W = torch.randn(M, D, generator=generator(1), dtype=torch.float64)
Y = X[:, 0].clone()
HUGE = 10**12


def test_what_is_there_is_what_can_be_taken(device: str) -> None:
    there = available_bytes(device)
    assert SMALL < there < 2**60
    require(SMALL, "a test", device, "nothing")
    with pytest.raises(WouldNotFit):
        require(there * 2, "a test", device, "nothing")


def test_sizes_by_the_kind_of_device() -> None:
    """Also of a device with a number, and for kinds without a size of their own that of a card."""
    sizes = {"cpu": 1, "cuda": 2}
    assert [by_kind(sizes, torch.device(text)) for text in ("cpu", "cuda", "cuda:1", "meta")] == [1, 2, 2, 2]


@pytest.mark.parametrize(
    ("kind", "width", "rows"),
    [("cpu", 2**7, 2**10), ("cpu", 2**13, 2**7), ("cpu", 2**15, 2**6), ("cpu", 2**22, 1), ("cuda", 2**15, 2**9)],
)
def test_rows_of_blocks(kind: str, width: int, rows: int) -> None:
    """Within the numbers where that is 128 rows or more; beyond them up to 128 rows or 2^21 numbers; one at least."""
    assert block_rows({"cpu": 2**17, "cuda": 2**24}, kind, width) == rows


@pytest.mark.parametrize("remedy", ["n <= 5 would fit", lambda there: f"n <= {there // 2**28} would fit"])
def test_message_says_what_for_how_much_and_what_would_fit(monkeypatch: pytest.MonkeyPatch, remedy) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda device: 5 * 2**28)
    require(5 * 2**28, "a matrix", "cpu", remedy)
    with pytest.raises(WouldNotFit) as caught:
        require(5 * 2**28 + 1, "a matrix", "cpu", remedy)
    assert str(caught.value) == "a matrix: needs 1.25 GiB on cpu, 1.25 GiB there; n <= 5 would fit"
    assert isinstance(caught.value, MemoryError)


def test_small_requests_look_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(device: str) -> int:
        raise AssertionError("limits were read")

    monkeypatch.setattr(memory, "available_bytes", refuse)
    require(SMALL - 1, "a test", "cpu", "nothing")
    with pytest.raises(AssertionError, match="limits were read"):
        require(SMALL, "a test", "cpu", "nothing")


def group(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def test_every_group_up_to_the_root_binds(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    (tmp_path / "groups").write_text("4:cpu,memory:/job\n1:cpu:/elsewhere\n0::/outer/inner\n")
    v2 = {"memory.current": "300\n", "memory.stat": "anon 1\ninactive_file 100\n"}
    group(root / "outer/inner", {**v2, "memory.max": "max\n"})
    group(root / "outer", {**v2, "memory.max": "1000\n"})
    v1 = {"memory.usage_in_bytes": "70", "memory.stat": "inactive_file 9\ntotal_inactive_file 20\n"}
    group(root / "memory/job", {**v1, "memory.limit_in_bytes": "500"})
    group(root / "memory", {**v1, "memory.limit_in_bytes": "40"})
    found = list(memory._group_available(tmp_path / "groups", root))
    # Without the page cache v2 would have 700 and v1 430 left; a group over its limit has nothing left, not less.
    assert sorted(found) == [0, 450, 800]


def test_unreadable_limits_are_no_limits(tmp_path: Path) -> None:
    assert list(memory._group_available(tmp_path / "missing", tmp_path)) == []
    assert memory._kernel_available(tmp_path / "missing") == 2**63 - 1
    (tmp_path / "meminfo").write_text("MemTotal:  9 kB\nMemAvailable:  7 kB\n")
    assert memory._kernel_available(tmp_path / "meminfo") == 7168


def test_gib_in_the_message_are_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda device: 3 * 2**29)
    with pytest.raises(WouldNotFit) as caught:
        require(10**11, "a test", "cpu", "nothing")
    need, there = map(float, re.findall(r"([\d.]+) GiB", str(caught.value)))
    assert math.isclose(need, 10**11 / 2**30, abs_tol=0.005)
    assert there == 1.5


@pytest.fixture(scope="module")
def network() -> TwoLayerNetwork:
    return TwoLayerNetwork(D, M, SIGMA)


@pytest.mark.parametrize(
    "call",
    [
        lambda: TwoLayerNetwork(16, HUGE, SIGMA),
        lambda: TwoLayerNetwork(16, 2 * 10**200, SIGMA),
        lambda: TwoLayerNetwork(10**6, 10**8, SIGMA, range(100)),
        lambda: sphere(HUGE, 16, 4.0, generator(0)),
        lambda: sphere(10**400, 16, 4.0, generator(0)),
        lambda: random_signs(HUGE, generator(0)),
        lambda: Harmonics(1000, 8),
        lambda: Harmonics(10**6, 3),
        lambda: Target.dense(10**6, 2, 1.0, 0),
        lambda: Target.sparse(10**6, 2, [1.0] * 10**6, 0),
        lambda: gauss_rule(5, 10**7),
    ],
)
def test_memory_is_asked_for_first(call: Callable[[], object]) -> None:
    with pytest.raises(WouldNotFit, match=r"needs .* GiB on cpu, .* there; "):
        call()


def test_working_space_is_asked_for_first(network: TwoLayerNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    operator, target, basis = NTKOperator(network, X), Target.dense(D, 2, 1.0, 0), Harmonics(D, 2)
    covariance, objective = FeatureCovariance(network), Objective(network, X, Y)
    hermite = HermiteTarget(D, {2: ([1.0], torch.eye(D, dtype=torch.float64)[:1])})
    monkeypatch.setattr(numerics.memory, "SMALL", 1)
    monkeypatch.setattr(numerics.memory, "available_bytes", lambda device: 100)
    for call in (
        lambda: operator.matmul(torch.ones(N, 3, dtype=torch.float64)),
        lambda: target(X),
        lambda: hermite(X),
        target.energies,
        lambda: basis.values(X),
        lambda: covariance.top(2),
        lambda: extreme_eigenvalue(objective, W, "largest"),
    ):
        with pytest.raises(WouldNotFit):
            call()


def test_torch_out_of_memory_is_would_not_fit() -> None:
    """The net under what is asked first."""

    @numerics.precision.full_precision
    def takes() -> torch.Tensor:
        return torch.empty(2**57, dtype=torch.float64)

    with pytest.raises(WouldNotFit, match="use fewer inputs or a smaller width"):
        takes()
