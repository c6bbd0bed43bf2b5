"""The line that training shows: where it is shown, what it says, and that it changes nothing."""

import io
import sys
from types import SimpleNamespace

import pytest
import torch
from objectives import training_problem as problem

from numerics import Adam, train
from numerics.progress import ProgressLine, duration, text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[str]:
    return [line.rstrip() for line in stream.getvalue().split("\r")[1:]]


def test_steps_loss_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, ticks = Terminal(), iter(range(100))
    monkeypatch.setattr(sys, "stderr", stream)
    with ProgressLine(10, True, lambda: float(next(ticks))) as line:
        for step in range(11):
            line.reach(step, lambda step=step: 2.0**-step, step == 10)
    shown = lines(stream)
    assert shown[0].endswith("step 0 of 10, loss 1")
    assert shown[4].endswith("step 4 of 10, loss 0.0625, 6 s left"), "a second a step"
    assert shown[-1] == f"[{'#' * 24}] step 10 of 10, loss 0.0009766"
    assert stream.getvalue().endswith("\n")


def test_the_loss_is_looked_at_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    looks = []
    with ProgressLine(1000, True, lambda: 0.0) as line:
        for step in range(1001):
            line.reach(step, lambda step=step: looks.append(step) or 1.0, step == 1000)
    assert looks == [0, 1000]


def test_only_where_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, shown in ((io.StringIO(), True), (Terminal(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with ProgressLine(2, shown) as line:
            line.reach(0, lambda: pytest.fail("nobody looks"))
        assert stream.getvalue() == ""


def test_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    handle = SimpleNamespace(update=lambda line: found.append(repr(line)))
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=lambda *_, **__: handle))
    with ProgressLine(2, True) as line:
        line.reach(0, lambda: 1.0)
        line.reach(2, lambda: 0.5, True)
    assert [line.partition("] ")[2] for line in found] == ["step 0 of 2, loss 1", *["step 2 of 2, loss 0.5"] * 2]


def test_a_reader_who_leaves_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    line = ProgressLine(2, True)
    stream.close()
    line.reach(1, lambda: 1.0)


def test_training_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, _ = problem()
    quiet = train(objective, method=Adam(), steps=20)
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    shown = train(objective, method=Adam(), steps=20, progress=True)
    assert torch.equal(shown.W, quiet.W)
    assert lines(stream)[0].endswith(f"step 0 of 20, loss {float(shown.records[0].parts.total):.4g}")
    assert lines(stream)[-1].endswith(f"step 20 of 20, loss {float(shown.records[-1].parts.total):.4g}")
    with pytest.raises(ValueError, match="progress='yes'"):
        train(objective, progress="yes")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (59.6, "1 min 0 s"), (3599.9, "1 h 0 min"), (86400, "24 h 0 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
    assert text(0, 7, 1.0, seconds).endswith(f"{words} left")
