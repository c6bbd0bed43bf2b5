"""Checks of what callers pass in: numbers, seeds, dtypes, devices, arrays, inputs, labels; and of what comes out.

Each returns the value as the rest of the package uses it, or raises ValueError with requirement and remedy. NumPy
arrays, lists and whatever NumPy can read become tensors of the dtype and on the device that the call works in. A tensor
is never converted silently, except labels: it has to have that dtype and device already.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from numerics.losses import Loss
from numerics.precision import full_precision
from numerics.quoting import shown

Array: TypeAlias = "torch.Tensor | npt.ArrayLike"
"""What a call takes where it needs a tensor."""

FLOATING = (torch.float32, torch.float64)
SEEDS = 2**64
Kind = TypeVar("Kind")


class Shapes(Protocol):
    """What is asked of a network here."""

    d: int
    batch: tuple[int, ...]
    w: torch.Tensor


def plain(value: Any) -> Any:
    """A NumPy integer as Python's; anything else as it is, for the caller's own check."""
    return operator.index(value) if isinstance(value, np.integer) else value


def integer(value: Any, name: str, least: int = 1, most: int | None = None, remedy: str = "") -> int:
    """``value`` as an int when it is an integer, NumPy's too, with least <= value <= most; no bool, float or text."""
    result, top = plain(value), math.inf if most is None else most
    if isinstance(result, bool) or not isinstance(result, int) or not least <= result <= top:
        wanted = f"{name} >= {least}" if most is None else f"{least} <= {name} <= {most}"
        raise ValueError(f"{name}={shown(value)}: needs an integer {wanted}" + (f"; {remedy}" if remedy else ""))
    return result


def number(value: Any, name: str, requirement: str = "a positive finite number", zero: bool = False) -> float:
    """``value`` as a float when it is a finite number > 0, or >= 0 with ``zero``."""
    result = real(value, name, requirement)
    if result < 0 or (result == 0 and not zero):
        raise ValueError(f"{name}={shown(value)}: needs {requirement}")
    return result


def real(value: Any, name: str, requirement: str = "a finite number") -> float:
    """``value`` as a float when it is a finite real number: of Python, NumPy or SymPy, or a tensor with one entry."""
    try:
        if isinstance(value, bool | np.bool_ | str | bytes):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        result = math.nan
    if not math.isfinite(result):
        raise ValueError(f"{name}={shown(value)}: needs {requirement}")
    return result


def reals(values: Any, name: str) -> list[float]:
    """Finite numbers as floats, from any sequence or axis; ``name`` is that of one of them."""
    several = listed(values, f"{name}s", "one or more numbers, such as [1.0]")
    if not several:
        raise ValueError(f"{name}s={shown(values)}: needs a sequence of one or more numbers, such as [1.0]")
    return [real(value, name) for value in several]


def listed(values: Any, name: str, what: str = "integers, such as [0, 1]") -> list[Any]:
    """The entries of any sequence or axis; a text or a dictionary is none."""
    try:
        if isinstance(values, str | bytes | Mapping):
            raise TypeError
        return list(values)
    except TypeError as error:
        raise ValueError(f"{name}={shown(values)}: needs a sequence of {what}") from error


def settle(record: Any, positive: tuple[str, ...], counts: tuple[str, ...]) -> None:
    """Check the named fields of a frozen dataclass, and keep them as Python's numbers: a checkpoint knows them so."""
    for name in positive:
        object.__setattr__(record, name, number(getattr(record, name), name))
    for name in counts:
        object.__setattr__(record, name, integer(getattr(record, name), name))


def one_seed(value: Any, name: str = "seed", remedy: str = "give one at a time") -> int:
    """``value`` as a seed: torch would take 1.2 for 1, and -1 for 2^64 - 1; ``remedy`` is for several."""
    if isinstance(value, str | bytes):
        remedy = f"turn a text into one with int({name})"
    elif not isinstance(value, Sequence | np.ndarray):
        remedy = ""
    return integer(value, name, 0, SEEDS - 1, remedy)


def seeds(value: Any) -> int | tuple[int, ...]:
    """One seed, or several as a tuple: from any sequence, range or one-dimensional array of integers.

    Raises ValueError also on seeds that differ by a multiple of 2^32, of which torch makes one and the same stream.
    """
    several = isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)
    if isinstance(value, np.ndarray | torch.Tensor) and value.ndim == 1:
        value, several = value.tolist(), True
    if not several:
        return one_seed(value, remedy="several networks take a tuple of seeds")
    if not len(value):
        raise ValueError(f"seed={shown(value)}: needs one seed or more")
    result = tuple(one_seed(seed) for seed in value)
    if len({seed % 2**32 for seed in result}) < len(set(result)):
        raise ValueError(
            f"seed={shown(value)}: needs seeds that differ modulo 2^32, which is all that torch keeps of them"
        )
    return result


def floating(dtype: Any) -> torch.dtype:
    """``dtype`` when it is float32 or float64: half precision keeps three digits of a weight, integers none."""
    if dtype not in FLOATING:
        raise ValueError(f"dtype={shown(dtype)}: needs torch.float32 or torch.float64")
    return dtype


def placed(device: Any) -> torch.device:
    """``device`` as a torch.device that is there and holds numbers: "cpu", "cuda" or "cuda:0"."""
    try:
        result = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device={shown(device)}: needs 'cpu' or 'cuda'") from error
    if result.type not in ("cpu", "cuda"):
        raise ValueError(f"device={shown(device)}: needs 'cpu' or 'cuda'")
    cards = torch.cuda.device_count() if result.type == "cuda" and torch.cuda.is_available() else 0
    if result.type == "cuda" and (result.index or 0) >= cards:
        here = f"torch sees {cards} CUDA devices here"
        raise ValueError(f"device={shown(device)}: {here}; use device='cpu', or a build of torch for your card")
    return result


def tensor(value: Array, name: str, like: torch.Tensor | None = None, owner: str = "") -> torch.Tensor:
    """``value`` as a floating tensor, of the dtype and on the device of ``like`` where that is given.

    Args:
        value: a tensor, or what NumPy can read as numbers.
        name: of the argument.
        like: whose dtype and device it has to have.
        owner: of ``like``, such as "network".

    Raises:
        ValueError: no numbers, complex or masked ones, a sparse tensor, one without entries, or a tensor of another
            dtype or device.
    """
    if not isinstance(value, torch.Tensor):
        made = torch.from_numpy(_array(value, name))
        return made if like is None else made.to(like)
    _dense(value, name)
    if like is not None and (value.dtype != like.dtype or value.device != like.device):
        whose = (
            f"the {owner}'s {like.dtype} on {like.device}; use {name}.to({owner}{'.w' if owner == 'network' else ''})"
        )
        raise ValueError(f"{name} is {value.dtype} on {value.device}: needs {whose}")
    if value.dtype not in FLOATING:
        raise ValueError(f"{name} is {value.dtype}: needs float32 or float64; use {name}.double()")
    return value


def _dense(value: torch.Tensor, name: str) -> None:
    """ValueError for a tensor that is sparse or nested, or has a shape and no entries, as on the device "meta"."""
    if value.layout != torch.strided or value.is_nested:
        raise ValueError(f"{name} of layout {value.layout}: needs a dense tensor; use {name}.to_dense()")
    if value.is_meta:
        raise ValueError(f"{name} is on the device meta: needs entries; make it with device='cpu', or load them first")


def _array(value: npt.ArrayLike, name: str) -> np.ndarray:
    """A copy in float32, if it has that, or float64; missing entries of a pandas column become NaN."""
    try:
        array = np.asarray(value)
        if array.dtype == object and _nullable(value):
            array = value.to_numpy(np.float64, na_value=np.nan)  # type: ignore[union-attr]
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} of type {type(value).__name__}: needs a tensor or an array of numbers") from error
    if array.dtype.kind not in "iuf":
        columns = f"; {name}.select_dtypes('number') are its numbers" if hasattr(value, "select_dtypes") else ""
        what = f"{name} of type {type(value).__name__}, {array.dtype}"
        raise ValueError(f"{what}: needs a tensor or an array of numbers{columns}")
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        raise ValueError(f"{name} has masked entries: needs a number in each; drop these rows")
    # Rows in order, whatever the order in memory was: products of another layout are summed otherwise.
    return np.array(array, dtype=np.float32 if array.dtype == np.float32 else np.float64, order="C")


def _nullable(value: Any) -> bool:
    """Whether this is a pandas column, or a table, of numbers in which some may be missing."""
    found: Any = getattr(value, "dtypes", None)
    kinds = list(found) if hasattr(found, "index") else [found]  # of a table by column
    return hasattr(value, "to_numpy") and all(getattr(kind, "kind", "") in ("i", "u", "f") for kind in kinds)


def holds(condition: torch.Tensor) -> bool:
    """Whether all entries are true; also where torch.func.vmap or tracing keeps values from being read."""
    try:
        return bool(condition.all())
    except RuntimeError:
        return True


def finite(value: torch.Tensor, name: str) -> torch.Tensor:
    """``value`` when all entries are finite."""
    if not holds(torch.isfinite(value)):
        raise ValueError(f"{name} has entries that are not finite; remove or rescale them")
    return value


def computed(value: torch.Tensor, what: str, cause: str) -> torch.Tensor:
    """A result, named ``what``, when all its entries are finite; ``cause`` is what may be too large where not."""
    return finite(value, f"{what}: {cause} too large for {value.dtype}, so it")


def instance(value: Any, kind: type[Kind], name: str, needs: str) -> Kind:
    """``value`` when it is of this kind; ``needs`` says what is wanted."""
    if not isinstance(value, kind):
        raise ValueError(f"{name} of type {type(value).__name__}: needs {needs}")
    return value


def named(value: Any, options: Collection[str], name: str, needs: str = "") -> Any:
    """``value`` when it is one of the texts that are known; ``needs`` says which where a list of them would not do."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name}={shown(value)}: needs {needs or 'one of ' + ', '.join(options)}")
    return value


def network_first(network: Any) -> Any:
    """``network`` when it is one."""
    if not isinstance(getattr(network, "w", None), torch.Tensor):
        raise ValueError(f"network of type {type(network).__name__}: needs a TwoLayerNetwork, which comes first")
    return network


def displacement(network: Shapes, W: Array, name: str = "W", stacked: bool = False) -> torch.Tensor:
    """W as a displacement of ``network``: its shape, dtype and device. Not looked at: whether W is finite.

    Args:
        network: whose.
        W: the displacement.
        name: of the argument.
        stacked: whether, on one network, W may have leading axes.
    """
    result, shape = tensor(W, name, network_first(network).w, "network"), network.w.shape
    if result.shape != shape and not (stacked and not network.batch and result.shape[-2:] == shape):
        raise ValueError(f"{name} of shape {tuple(result.shape)}: needs {tuple(shape)}, the shape of network.w")
    return result


@full_precision
def copied(network: Shapes, W: Array) -> torch.Tensor:
    """A copy of a finite displacement, which no gradient follows."""
    return finite(displacement(network, W), "W").detach().clone()


def inputs(network: Shapes, x: Array, name: str) -> torch.Tensor:
    """x of shape (n, d) or (..., n, d), n >= 1, in the network's dtype and on its device, finite."""
    result = tensor(x, name, network_first(network).w, "network")
    if result.shape[-1:] != (network.d,) or result.shape[:-2] not in {(), network.batch} or result.ndim < 2:
        batch = f", or {network.batch} in front of it" if network.batch else ""
        raise ValueError(f"{name} of shape {tuple(result.shape)}: needs (n, {network.d}){batch}")
    if not result.numel() or not holds(torch.isfinite(result)):
        raise ValueError(f"{name} of shape {tuple(result.shape)}: needs one input or more, all finite")
    return result


def single(network: Shapes, x: Array, name: str) -> torch.Tensor:
    """As :func:`inputs`, for one network."""
    if network_first(network).batch:
        raise ValueError(f"network of batch {network.batch}: needs one network; take network.member(i)")
    return inputs(network, x, name)


def vector(y: Array, name: str, like: torch.Tensor) -> torch.Tensor:
    """Labels or weights, converted to the dtype and device of ``like``, finite."""
    return finite(converted(y, name, like), name)


def converted(y: Array, name: str, like: torch.Tensor) -> torch.Tensor:
    """Real numbers, integers too, in the dtype and on the device of ``like``."""
    result = y if isinstance(y, torch.Tensor) else torch.from_numpy(_array(y, name))
    _dense(result, name)
    if result.is_complex() or result.dtype == torch.bool:
        raise ValueError(f"{name} is {result.dtype}: needs real numbers")
    return result.to(like)


def labels(network: Shapes, x: torch.Tensor, y: Array, loss: Loss) -> torch.Tensor:
    """Labels in the dtype and on the device of x; ValueError unless they have its n, are finite and suit the loss."""
    result = vector(y, "y", x)
    if result.shape not in {(x.shape[-2],), (*network.batch, x.shape[-2])}:
        shapes = f"x of shape {tuple(x.shape)}, y of shape {tuple(result.shape)}"
        several = result.ndim == 2 and len(result) == x.shape[-2]
        remedy = "; the network has one output: take one Objective for each column, y[:, j]" if several else ""
        raise ValueError(
            f"{shapes}: needs (n, {network.d}) and (n,), or a leading axis {network.batch} on each{remedy}"
        )
    if loss.signs and not holds(result.abs() == 1):
        raise ValueError(f"loss={loss.name!r}: needs labels -1 and +1")
    return result
