"""Results that do not depend on what else the process has set for torch.

An import, a notebook cell or a training script elsewhere may have changed what torch does by default. Every public
function and every public method of this package runs under :func:`full_precision`, which for its duration

- takes float32 products back to full precision, whichever switch had shortened them to TF32 or bfloat16
  (``torch.set_float32_matmul_precision``, ``torch.backends.*.fp32_precision``), unless :class:`allow_tf32` is active;
- leaves ``torch.autocast``, a default device and inference mode of this thread.

Afterwards the caller's settings are back, after an error too. The default dtype is process-wide, so changing it would
reach other threads: no computation here depends on it, because every tensor is made with a dtype of its own.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

import torch

from numerics.memory import WouldNotFit, out_of_memory

C = TypeVar("C", bound=Callable[..., Any])

_asked: ContextVar[bool] = ContextVar("tf32_asked", default=False)

BACKENDS: tuple[Any, ...] = (torch.backends.cuda.matmul, getattr(torch.backends.mkldnn, "matmul"))  # noqa: B009
"""Whose float32 products can be shortened: cuBLAS on a card, oneDNN on a processor."""


@contextmanager
def allow_tf32() -> Iterator[None]:
    """Within this context float32 products may use TF32 (10 bits of mantissa) where the device has it.

    Relative errors of a product then reach about 1e-3; float64 is not affected.
    """
    token = _asked.set(True)
    try:
        yield
    finally:
        _asked.reset(token)


State = tuple[str | None, str, str]
"""What ``torch.get_float32_matmul_precision`` says, None where it refuses because the newer switches were used; then
the newer switches of :data:`BACKENDS`."""


def _older() -> str | None:
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:  # the newer switches disagree with the older one, which then has no value
        return None


def _read() -> State:
    cuda, cpu = (backend.fp32_precision for backend in BACKENDS)
    return _older(), cuda, cpu


def _write(state: State) -> None:
    older, *newer = state
    if older is not None:
        torch.set_float32_matmul_precision(older)
        return
    for backend, value in zip(BACKENDS, newer, strict=True):
        backend.fp32_precision = "none"  # what it inherits: kept when that is the value, so that it goes on inheriting
        if backend.fp32_precision != value:
            backend.fp32_precision = value


class _Products:
    """The process-wide precision of float32 products, shared by the calls in progress in all threads.

    The first call in saves what it finds, the last one out puts it back. Where calls in full precision and calls in
    TF32 run at the same time, all get full precision.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[object, bool] = {}
        self._saved: State | None = None
        self._written: State | None = None

    def enter(self, call: object, fast: bool) -> None:
        with self._lock:
            self._calls[call] = fast
            self._settle()

    def leave(self, call: object) -> None:
        with self._lock:
            self._calls.pop(call, None)
            self._settle()

    def _settle(self) -> None:
        if self._calls:
            fast = all(self._calls.values())
            if not fast and _older() == "highest":  # torch says so only where the newer switches agree
                return
            state = _read()
            if not set(state[1:]) <= ({"tf32"} if fast else {"ieee", "none"}):
                self._saved = self._saved or state
                older = None if state[0] is None else "high" if fast else "highest"
                newer = "tf32" if fast else "ieee"
                _write((older, newer, newer))
                self._written = _read()
        elif self._saved is not None:
            if _read() == self._written:  # otherwise another thread has set something new meanwhile, which stands
                _write(self._saved)
            self._saved = self._written = None


_products = _Products()


class _Thread(threading.local):
    inside: bool | None = None
    """Whether the call in progress in this thread asked for TF32; None when there is none."""


_thread = _Thread()


_modes: Callable[[], int] = getattr(torch._C, "_len_torch_function_stack", lambda: 1)
"""How many modes are active, a default device among them: a tenth of a microsecond, where asking for it takes eight."""


def _left() -> list[AbstractContextManager[Any]]:
    """Contexts that take this thread out of what it has set."""
    contexts: list[AbstractContextManager[Any]] = [
        torch.autocast(kind, enabled=False) for kind in ("cpu", "cuda") if torch.is_autocast_enabled(kind)
    ]
    if torch.is_inference_mode_enabled():  # its tensors could not be used outside it
        contexts += [torch.inference_mode(False), torch.no_grad()]
    if _modes() and torch.get_default_device().type != "cpu":
        contexts.append(torch.device("cpu"))
    return contexts


def full_precision(target: C) -> C:
    """Make a function independent of torch's settings (see the module), and restore them when it returns.

    Decorates a function, or of a class every public method, ``__init__`` and ``__call__``. Within such a call further
    ones cost next to nothing.

    Raises:
        WouldNotFit: torch ran out of memory; besides what the function itself raises.
    """
    if not isinstance(target, type):
        return cast(C, _wrapped(target))
    for name, member in list(vars(target).items()):
        if name.startswith("_") and name not in ("__init__", "__call__"):
            continue
        if isinstance(member, staticmethod):
            setattr(target, name, staticmethod(_wrapped(member.__func__)))
        elif callable(member) and not isinstance(member, type):
            setattr(target, name, _wrapped(member))
    return cast(C, target)


def _wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        fast, before = _asked.get(), _thread.inside
        if before is fast:
            return function(*args, **kwargs)
        call = object()
        try:
            _products.enter(call, fast)
            _thread.inside = fast
            contexts = _left()
            if not contexts:
                return function(*args, **kwargs)
            with ExitStack() as stack:
                for context in contexts:
                    stack.enter_context(context)
                return function(*args, **kwargs)
        except RuntimeError as error:
            if out_of_memory(error):
                raise WouldNotFit(f"{function.__qualname__}: {error}; use fewer inputs or a smaller width") from error
            raise
        finally:
            _thread.inside = before
            _products.leave(call)

    return wrapped
