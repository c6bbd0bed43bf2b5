r"""Certified means certified, whatever else the process does: eight threads, a changed ``flint.ctx``, Ctrl-C.

Null hypothesis: no ball excludes the value. References come from plain mpmath quadrature, once and in one thread, to 45
digits. The calls are drawn from fixed seeds; what they find is compared after the threads have ended.
"""

from __future__ import annotations

import gc
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import mpmath as mp
import pytest
from flint import arb, ctx
from quadrature import Function, Sphere

from theory import Activation, coefficient, coefficient_rodrigues, ntk_eigenvalue, ntk_limit, sparse_sign_energy
from theory.balls.arithmetic import _constant
from theory.balls.trapezoid import rule
from theory.funk_hecke.coefficient import coefficient_ball, hermite_ball

THREADS = 8
DIGITS = 45
FUNCTIONS = [
    Function.affine("tanh", Fraction(1), Fraction(1)),
    Function.affine("softplus", Fraction(-3, 2), Fraction(1, 3)),
    Function.affine("erf", Fraction(1), Fraction(1, 2)),
    Function.affine("sin", Fraction(1), Fraction(3, 4)),
    Function.affine("relu", Fraction(2), Fraction(-1)),
    Function.affine("tanh", Fraction(1, 2), Fraction(-1, 5)).times_z(),
]
DIMENSIONS = (3, 10, 1000)
LARGEST = 6
ROUTES = ("coefficient", "rodrigues", "eigenvalue")


@dataclass(frozen=True)
class Call:
    """One call: which function, where, how, to how many digits."""

    function: int
    d: int
    degree: int
    derivative: int
    digits: int
    route: str

    def __call__(self) -> arb:
        sigma = Activation.parse(FUNCTIONS[self.function].text)
        if self.route == "eigenvalue":
            return ntk_eigenvalue(sigma, self.degree, self.d, self.digits)
        if self.route == "rodrigues" and not FUNCTIONS[self.function].kinks:
            return coefficient_rodrigues(sigma, self.degree, self.d, self.derivative, self.digits)
        return coefficient(sigma, self.degree, self.d, self.derivative, self.digits)


def a_call(draw: random.Random) -> Call:
    return Call(
        draw.randrange(len(FUNCTIONS)),
        draw.choice(DIMENSIONS),
        draw.randint(0, LARGEST),
        draw.randint(0, 1),
        draw.randint(1, 30),
        draw.choice(ROUTES),
    )


@cache
def table(function: int, d: int) -> list[list[tuple[mp.mpf, mp.mpf]]]:
    """lambda_j of sigma and of sigma' with their errors, by derivative and degree."""
    given = FUNCTIONS[function]
    sphere = Sphere(d, DIGITS, LARGEST + 1, given.kinks, given.pole)
    jets = sphere.jets(given)
    found = [sphere.weighted([jet[order] for jet in jets]) for order in (0, 1)]
    return [[(w.coefficient(j), w.error(j)) for j in range(LARGEST + 2)] for w in found]


def excludes(call: Call, ball: arb) -> bool:
    """Whether the ball proves the reference wrong by more than the reference's own error."""
    rows, d, degree = table(call.function, call.d), call.d, call.degree
    with mp.workdps(DIGITS + 15):
        if call.route == "eigenvalue":
            pairs = [(j, w) for j, w in ((degree - 1, degree), (degree + 1, degree + d - 2)) if j >= 0]
            front = mp.mpf(d) / (2 * degree + d - 2)
            value = front * sum(w * rows[1][j][0] ** 2 for j, w in pairs)
            error = front * sum(w * (2 * abs(rows[1][j][0]) + rows[1][j][1]) * rows[1][j][1] for j, w in pairs)
        else:
            value, error = rows[call.derivative][degree]
        with ctx.workprec(400):
            reference = arb(mp.nstr(value, DIGITS + 10)) + arb(
                0, mp.nstr(error + abs(value) * mp.mpf(10) ** -DIGITS, 5)
            )
            return not ball.overlaps(reference)


def forget() -> None:
    """Drop what is cached, so that balls are computed and not looked up."""
    for cached in (coefficient_ball, hermite_ball, _constant, rule):
        cached.cache_clear()


@contextmanager
def disturbed() -> Iterator[None]:
    """Another thread sets flint's precision and series length at random all the while."""
    over = threading.Event()

    def disturb() -> None:
        draw = random.Random(1)
        while not over.is_set():
            ctx.prec, ctx.cap = draw.randint(2, 200), draw.randint(1, 12)
            time.sleep(draw.random() / 1000)

    before = ctx.prec, ctx.cap
    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        ctx.prec, ctx.cap = before


def in_threads(count: int, disturb_between: bool) -> list[tuple[Call, arb]]:
    """``count`` random calls in all, shared by the threads; what a call raises is raised here."""
    found: list[tuple[Call, arb]] = []
    raised: list[BaseException] = []

    def work(seed: int) -> None:
        draw = random.Random(seed)
        try:
            for _ in range(count // THREADS):
                call = a_call(draw)
                if draw.random() < 0.05:
                    forget()
                if disturb_between:
                    ctx.prec = draw.randint(2, 300)
                found.append((call, call()))
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
    return found


def misses(count: int) -> list[tuple[Call, arb]]:
    """The calls, of ``count`` in disturbed threads, whose ball excludes the value or has too few digits."""
    with disturbed():
        found = in_threads(count, disturb_between=True)
    assert len(found) == count // THREADS * THREADS
    short = [(c, b) for c, b in found if not b.is_zero() and b.rel_accuracy_bits() < 3.3 * c.digits]
    return short + [(call, ball) for call, ball in found if excludes(call, ball)]


def test_no_ball_of_eight_disturbed_threads_excludes_the_value() -> None:
    assert misses(240) == []


def test_the_reference_tells_a_wrong_ball() -> None:
    call = Call(0, 10, 5, 0, 20, "rodrigues")
    ball = call()
    assert not excludes(call, ball)
    assert excludes(call, ball * (1 + arb("1e-15")))


def test_threads_leave_the_precision_as_it_was() -> None:
    ctx.prec, ctx.cap = 71, 9
    try:
        in_threads(80, disturb_between=False)
        assert (ctx.prec, ctx.cap) == (71, 9)
    finally:
        ctx.prec, ctx.cap = 53, 10


@pytest.mark.parametrize(
    "evaluate",
    [
        lambda: coefficient_rodrigues(Activation.parse("tanh(z + 1)"), 3, 10, digits=60),
        lambda: coefficient(Activation.parse("tanh(z**2/9 + z)"), 3, 10, digits=60),
        lambda: ntk_limit(Activation.parse("tanh(z + 1)"), 3, digits=60),
        lambda: sparse_sign_energy(Activation.parse("tanh(z + 1)"), 2, 10, digits=30),
    ],
    ids=["rodrigues", "adaptive", "limit", "signs"],
)
def test_an_exception_in_mid_computation_gives_the_context_back(
    evaluate: Callable[[], arb], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raised where it hurts most: in the middle of an integral, whatever its type."""
    forget()
    expected = evaluate()
    count = 0
    for kind in (KeyboardInterrupt, MemoryError, SystemExit):

        def interrupt(ahead: float = 0.0, *, kind: type[BaseException] = kind) -> None:
            nonlocal count
            count += 1
            if count == 12:
                raise kind("in mid computation")

        forget()
        count = 0
        for name in ("theory.balls.quadrature.check_work", "theory.balls.trapezoid.check_work"):
            monkeypatch.setattr(name, interrupt)
        with pytest.raises(kind, match="in mid computation"):
            evaluate()
        monkeypatch.undo()
        assert (ctx.prec, ctx.cap) == (53, 10)
        # No other thread waits for a lock that nobody gives back, and the value is what it was.
        again: list[arb] = []
        thread = threading.Thread(target=lambda found=again: found.append(evaluate()))
        thread.start()
        thread.join(60)
        assert again
        assert again[0].overlaps(expected)


INTERRUPTED = """
import signal, sys
from flint import ctx
from theory import Activation, coefficient_rodrigues
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
sigma = Activation.parse("tanh(z + 1)")
print("ready", flush=True)
count = 0
while True:
    try:
        while True:
            coefficient_rodrigues(sigma, 12, 10, digits=200)
    except KeyboardInterrupt:
        count += 1
        if (ctx.prec, ctx.cap) != (53, 10):
            sys.exit(f"after Ctrl-C: {ctx.prec}, {ctx.cap}")
        if count == 20:
            sys.exit(0)
        print("ready", flush=True)
"""


def answered(child: subprocess.Popen[bytes]) -> bool:
    """Whether the child writes a whole line within a minute."""
    assert child.stdout is not None
    line = b""
    while not line.endswith(b"\n"):
        there = select.select([child.stdout], [], [], 60)[0]
        piece = os.read(child.stdout.fileno(), 1000) if there else b""
        if not piece:
            return False
        line += piece
    return True


def test_ctrl_c_in_an_integral_is_keyboard_interrupt(tmp_path: Path) -> None:
    """Twenty signals, each while an integral runs: acb.integral alone would end in SystemError.

    A signal that nobody answers is a fault too; what the child wrote is shown.
    """
    draw = random.Random(3)
    said = tmp_path / "errors"
    with (
        said.open("w") as errors,
        subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, stderr=errors) as child,
    ):
        try:
            while answered(child):
                time.sleep(0.01 + 0.04 * draw.random())
                child.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                child.wait(5)
        finally:
            child.kill()
    assert child.returncode == 0, said.read_text()[-800:]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_forked_from_another_thread_computes() -> None:
    expected = Call(0, 10, 2, 0, 15, "coefficient")()
    started, status = threading.Event(), []

    def busy() -> None:
        started.set()
        for _ in range(20):
            forget()
            Call(0, 10, 4, 0, 30, "rodrigues")()

    thread = threading.Thread(target=busy)
    thread.start()
    started.wait()
    child = os.fork()
    if child == 0:
        forget()
        os._exit(0 if Call(0, 10, 2, 0, 15, "coefficient")().overlaps(expected) and ctx.prec == 53 else 1)
    status.append(os.waitpid(child, 0)[1])
    thread.join()
    assert status == [0]


def test_texts_are_read_by_many_threads_while_garbage_is_collected() -> None:
    """Each collection calls Python and lets other threads in; without a lock most of them end in an error."""
    failed: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            for i in range(8):
                Activation.parse("+".join(f"sin({thread + 2}*z+{i}/{j + 3})" for j in range(20)))
        except BaseException as error:
            failed.append(error)

    def linger(phase: str, info: dict[str, int]) -> None:
        sum(range(50))

    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(linger)
    try:
        gc.set_threshold(50, 2, 2)
        sys.setswitchinterval(1e-6)
        threads = [threading.Thread(target=work, args=(i,)) for i in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.callbacks.remove(linger)
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)
    assert failed == []
