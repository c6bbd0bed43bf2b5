"""Gram matrices of the kernels against products of Jacobians, their memory, and the matrix-free operator."""

import math
import re
import weakref
from collections.abc import Callable
from functools import partial

import pytest
import references
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from numerics import features, kernels, memory
from numerics.activations import TorchActivation
from numerics.kernels import NTKOperator, ntk_gram, quadntk_gram
from numerics.memory import WouldNotFit
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from theory import Activation

SIGMA = Activation.parse("tanh(z + 1)")
D, M, N, N2 = 4, 10, 9, 6


@pytest.fixture(autouse=True)
def _small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several tiles, the last ones incomplete, at the sizes of these tests."""
    for device in ("cpu", "cuda"):
        monkeypatch.setitem(kernels.TILE, device, 4)
        monkeypatch.setitem(features.ACTIVATION_NUMBERS, device, 8)
        monkeypatch.setitem(kernels.ROW_NUMBERS, device, 20)


def problem(device: str, dtype: torch.dtype) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor, torch.Tensor]:
    gen = generator(2)
    x, x2 = (sphere(n, D, math.sqrt(D), gen).to(device, dtype) for n in (N, N2))
    W = torch.randn(M, D, generator=gen, dtype=torch.float64).to(device, dtype) / 2
    return TwoLayerNetwork(D, M, SIGMA, seed=1, dtype=dtype, device=device), x, x2, W


def double(network: TwoLayerNetwork, *tensors: torch.Tensor) -> list:
    """The same network and tensors, as rounded, in float64 on the CPU."""
    exact = TwoLayerNetwork(D, M, SIGMA, seed=1)
    exact._place(network.half.double().cpu())
    return [exact, *(t.double().cpu() for t in tensors)]


def tolerance(x: torch.Tensor, W: torch.Tensor | None = None) -> float:
    """Rounding of one entry, first order in eps.

    Preactivations and <x, x'> take d roundings each, features 4 more and a slope of at most 1 + |<W_r, x>|, the sum
    over neurons m; sizes |x|^2 = d, features at most 1 + |<W_r, x>|.
    """
    size = 1.0 if W is None else 1.0 + float((x @ W.T).abs().max())
    return float(torch.finfo(x.dtype).eps) * (M + 2 * (D + 4) * size + D) * D * size**2


def agree(fast: torch.Tensor, slow: torch.Tensor, atol: float) -> bool:
    return bool((fast.double().cpu() - slow).abs().max() <= atol)


@pytest.mark.parametrize("block", [1, 3, 512])
@pytest.mark.parametrize("model", ["network", "taylor"])
def test_gram_is_the_jacobian_product(device: str, dtype: torch.dtype, block: int, model: str) -> None:
    network, x, x2, W = problem(device, dtype)
    exact, ex, ex2, eW = double(network, x, x2, W)
    for at, eat in ((None, torch.zeros_like(eW)), (W, eW)):
        atol = tolerance(x, at)
        for second, esecond in ((x2, ex2), (None, ex)):
            fast = ntk_gram(network, x, second, at, model, block=block)
            assert fast.dtype == dtype
            assert fast.device.type == device
            assert agree(fast, references.ntk_gram(exact, ex, esecond, eat, model), atol)
    # Planted: gradients at the initialisation, of the other model, and one copy of the neurons twice.
    slow, atol = references.ntk_gram(exact, ex, ex2, eW, model), tolerance(x, W)
    half = W[: M // 2]
    for at, which in ((None, model), (W, "taylor" if model == "network" else "network"), (half.repeat(2, 1), model)):
        assert not agree(ntk_gram(network, x, x2, at, which, block=block), slow, atol)


@pytest.mark.parametrize("block", [2, 512])
def test_quadntk_gram_is_the_kernel_of_second_derivatives(device: str, dtype: torch.dtype, block: int) -> None:
    network, x, x2, _ = problem(device, dtype)
    exact, ex, ex2 = double(network, x, x2)
    atol = 2 * tolerance(x) * D / 4  # <x, x'>^2 / 4 instead of <x, x'>, and features of slope |sigma^(3)| <= 2
    assert agree(quadntk_gram(network, x, x2, block=block), references.quadntk_gram(exact, ex, ex2), atol)
    assert agree(quadntk_gram(network, x, block=block), references.quadntk_gram(exact, ex, ex), atol)
    planted = ntk_gram(network, x, x2)
    assert not agree(planted, references.quadntk_gram(exact, ex, ex2), atol)


def test_symmetric_in_every_bit(device: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    network, _, _, W = problem(device, dtype)
    x = sphere(61, D, math.sqrt(D), generator(5)).to(device, dtype)
    for edge in (1, 16, 1000):
        monkeypatch.setitem(kernels.TILE, device, edge)
        for gram in (ntk_gram(network, x), ntk_gram(network, x, W=W), quadntk_gram(network, x)):
            assert torch.equal(gram, gram.T)
            gram[3, 40] = torch.nextafter(gram[3, 40], torch.full_like(gram[3, 40], math.inf))
            assert not torch.equal(gram, gram.T)


class LiveBytes(TorchDispatchMode):
    """Peak of the bytes of storages made by torch operations and still referenced, those of ``known`` left out."""

    def __init__(self, *known: torch.Tensor) -> None:
        super().__init__()
        self._known = {t.untyped_storage().data_ptr() for t in known}
        self._references: dict[int, int] = {}
        self._live = self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._see(leaf)
        return result

    def _see(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        pointer, size = storage.data_ptr(), storage.nbytes()
        if pointer in self._known or not size:
            return
        if not self._references.get(pointer):
            self._live += size
            self.peak = max(self.peak, self._live)
        self._references[pointer] = self._references.get(pointer, 0) + 1
        weakref.finalize(tensor, self._forget, pointer, size).atexit = False

    def _forget(self, pointer: int, size: int) -> None:
        self._references[pointer] -= 1
        if not self._references[pointer]:
            self._live -= size


def naive_gram(network: TwoLayerNetwork, x: torch.Tensor, x2: torch.Tensor) -> torch.Tensor:
    """The formula as it stands, whole matrices at a time."""
    left, right = (network.activation.derivatives(points @ network.half.T, 1)[0] for points in (x, x2))
    return (x @ x2.T) * (left @ right.T) / (network.m // 2)


@pytest.mark.parametrize("symmetric", [True, False])
def test_memory_is_the_result_and_one_block(
    device: str, dtype: torch.dtype, symmetric: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, m, block, edge, numbers = 192, 128, 16, 16, 256
    monkeypatch.setitem(kernels.TILE, device, edge)
    monkeypatch.setitem(features.ACTIVATION_NUMBERS, device, numbers)
    network = TwoLayerNetwork(8, m, SIGMA, dtype=dtype, device=device)
    x, x2 = (sphere(n, 8, math.sqrt(8), generator(s)).to(device, dtype) for s in (0, 1))
    W = torch.randn(m, 8, generator=generator(2), dtype=torch.float64).to(device, dtype)
    second = None if symmetric else x2
    # Tiles: of the result, and of the preactivations with up to five temporaries of the activation, in `numbers`
    # numbers each; with W the block's own weights, block x d.
    small = kernels.TALL * edge**2 + 7 * numbers + block * 8
    limit = (n**2 + (n if symmetric else 2 * n) * block + small) * dtype.itemsize

    def peak(call: Callable[[], torch.Tensor]) -> int:
        with LiveBytes(x, x2, network.half, W) as live, torch.no_grad():
            call()
        return live.peak

    calls = [partial(ntk_gram, network, x, second, at, block=block) for at in (None, W)]
    for call in [*calls, partial(quadntk_gram, network, x, second, block=block)]:
        assert n**2 * dtype.itemsize < peak(call) <= limit
    assert peak(lambda: naive_gram(network, x, x if symmetric else x2)) > 2 * n**2 * dtype.itemsize > limit
    # A block too many is seen as well.
    assert peak(partial(ntk_gram, network, x, second, block=2 * block)) > limit


@pytest.mark.parametrize("cache", [True, False, None])
def test_operator_is_the_gram_matrix(device: str, dtype: torch.dtype, cache: bool | None) -> None:
    network, x, x2, _ = problem(device, dtype)
    exact, ex, ex2 = double(network, x, x2)
    zero = torch.zeros(M, D, dtype=torch.float64)
    gram, cross = (references.ntk_gram(exact, points, ex, zero, "network") for points in (ex, ex2))
    operator = NTKOperator(network, x, cache)
    v = torch.randn(N, 3, generator=generator(3), dtype=torch.float64)
    fast = v.to(device, dtype)
    # n summands of a product more than in an entry, of size at most |v|_1.
    atol = (tolerance(x) + torch.finfo(dtype).eps * (N + 1) * D) * float(v.abs().sum(0).max())
    index = torch.tensor([7, 0, 3], device=device)
    assert agree(operator.matmul(fast), gram @ v, atol)
    assert agree(operator.matmul(fast[:, 0]), gram @ v[:, 0], atol)
    assert agree(operator.evaluate(x2, fast), cross @ v, atol)
    assert agree(operator.evaluate(x2, fast[:, 1]), cross @ v[:, 1], atol)
    assert agree(operator.columns(index), gram[:, index.cpu()], tolerance(x))
    assert agree(operator.diagonal(), gram.diagonal(), tolerance(x))
    W = operator.displacement(fast[:, 0])
    assert W.shape == (M, D)
    assert agree(network.linear(x2, W), cross @ v[:, 0], 2 * atol)
    # Planted: another column, a label left out, the columns in another order.
    assert not agree(operator.matmul(fast[:, 1]), gram @ v[:, 0], atol)
    assert not agree(operator.matmul(fast * (torch.arange(N, device=device) > 0)[:, None]), gram @ v, atol)
    assert not agree(operator.columns(index.flip(0)), gram[:, index.cpu()], tolerance(x))


def test_cache_saves_the_activations(monkeypatch: pytest.MonkeyPatch) -> None:
    network, x, _, _ = problem("cpu", torch.float64)
    evaluate, calls = TorchActivation.derivatives, []

    def counted(self, z: torch.Tensor, *orders: int) -> tuple[torch.Tensor, ...]:
        calls.append(z.numel())
        return evaluate(self, z, *orders)

    monkeypatch.setattr(TorchActivation, "derivatives", counted)
    kept, again = NTKOperator(network, x, True), NTKOperator(network, x, False)
    assert sum(calls) == N * M // 2
    calls.clear()
    kept.matmul(x[:, 0])
    assert sum(calls) == 0
    again.matmul(x[:, 0])
    assert sum(calls) == 2 * N * M // 2


def test_what_would_fit_fits(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SMALL", 1)
    for target in (memory, kernels):
        monkeypatch.setattr(target, "available_bytes", lambda device: 100_000)
    network = TwoLayerNetwork(D, M, SIGMA, dtype=dtype)
    points = sphere(3000, D, 2.0, generator(0)).to(dtype)
    for second in (None, points[:40]):
        with pytest.raises(WouldNotFit, match="or use NTKOperator") as caught:
            ntk_gram(network, points, second)
        fits = int(re.search(r"n <= (\d+) would fit", str(caught.value))[1])
        ntk_gram(network, points[:fits], second)
        with pytest.raises(WouldNotFit):
            ntk_gram(network, points[: fits + 1], second)
    assert NTKOperator(network, points[:500])._cached is not None
    large = points.repeat(3, 1)
    assert NTKOperator(network, large)._cached is None
    with pytest.raises(WouldNotFit, match="cache=False"):
        NTKOperator(network, large, cache=True)
    with pytest.raises(WouldNotFit, match="columns at n=3000"):
        NTKOperator(network, points, False).columns(torch.arange(20))


def test_full_precision_whatever_the_process_has_set() -> None:
    network, x, _, _ = problem("cpu", torch.float32)
    seen, evaluate = [], network.activation.derivatives

    def watched(z: torch.Tensor, *orders: int) -> tuple[torch.Tensor, ...]:
        seen.append(torch.get_float32_matmul_precision())
        return evaluate(z, *orders)

    network.activation.derivatives = watched
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        ntk_gram(network, x)
        operator = NTKOperator(network, x, False)
        operator.matmul(x[:, 0])
        assert set(seen) == {"highest"}
        network.activation.derivatives(x, 1)
        assert seen[-1] == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda net, x: ntk_gram(net, x, block=0), "block=0: needs an integer block >= 1"),
        (lambda net, x: ntk_gram(net, x[:, :2]), "x of shape (9, 2): needs (n, 4)"),
        (lambda net, x: ntk_gram(net, x, x[0]), "x2 of shape (4,): needs (n, 4)"),
        (lambda net, x: ntk_gram(net, x, W=x), "W of shape (9, 4): needs (10, 4)"),
        (lambda net, x: ntk_gram(net, x, model="linear"), "model='linear': needs 'network' or 'taylor'"),
        (lambda net, x: quadntk_gram(TwoLayerNetwork(D, M, SIGMA, seed=[1, 2]), x), "network of batch (2,)"),
        (lambda net, x: NTKOperator(net, x[:0]), "x of shape (0, 4)"),
        (lambda net, x: NTKOperator(net, x).matmul(x.T), "v of shape (4, 9): needs (9,) or (9, c)"),
        (lambda net, x: NTKOperator(net, x).evaluate(x.T, x[:, 0]), "x of shape (4, 9): needs (n, 4)"),
        (lambda net, x: NTKOperator(net, x).displacement(x), "v of shape (9, 4): needs (9,)"),
    ],
)
def test_bad_input(call, needle: str) -> None:
    network, x, _, _ = problem("cpu", torch.float64)
    with pytest.raises(ValueError, match=re.escape(needle)):
        call(network, x)
