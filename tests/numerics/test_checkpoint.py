"""Checkpoints: whole, of this version and run, or refused in one sentence."""

import errno
import hashlib
import io
import os
import random
from pathlib import Path
from typing import IO

import pytest
import torch

from numerics import Adam, Objective, Record, TwoLayerNetwork, generator, small_start, sphere, train
from numerics import checkpoint as module
from theory import Activation


@pytest.fixture(scope="module")
def run() -> tuple[Objective, torch.Tensor]:
    network = TwoLayerNetwork(3, 4, Activation.parse("tanh(z + 1)"))
    x = sphere(5, 3, 3**0.5, generator(0))
    return Objective(network, x, x[:, 0]), small_start(network, 1.0, 1)


def go(run: tuple[Objective, torch.Tensor], file: Path, steps: int = 4, **settings) -> torch.Tensor:
    return train(*run, Adam(), steps, 2, checkpoint=file, checkpoint_every=2, **settings).W


@pytest.fixture
def file(run: tuple[Objective, torch.Tensor], tmp_path: Path) -> Path:
    """The checkpoint of a run that was interrupted at step 2."""

    def stop(record: Record) -> None:
        if record.step == 4:
            raise KeyboardInterrupt

    path = tmp_path / "run.pt"
    with pytest.raises(KeyboardInterrupt):
        go(run, path, progress=stop)
    assert [each.name for each in tmp_path.iterdir()] == ["run.pt"], "nothing is left beside it"
    return path


def mutations(whole: bytes, count: int, seed: int) -> list[bytes]:
    """Bits flipped, bytes set, parts cut off, doubled, dropped or swapped, at random places; all differ from it."""
    draw, made = random.Random(seed), []
    while len(made) < count:
        at, size = draw.randrange(len(whole)), draw.randrange(1, 200)
        kind = len(made) % 6
        one = bytes([whole[at] ^ (1 << draw.randrange(8))])
        made.append(
            [
                whole[:at] + one + whole[at + 1 :],
                whole[:at] + draw.randbytes(size) + whole[at + size :],
                whole[:at],
                whole + draw.randbytes(size),
                whole[:at] + whole[at + size :],
                whole[:at] + whole[at : at + size] + whole[at:],
            ][kind]
        )
        if made[-1] == whole:
            made.pop()
    return made


def test_no_mutated_file_goes_on(run: tuple[Objective, torch.Tensor], file: Path, tmp_path: Path) -> None:
    whole, expected = file.read_bytes(), go(run, tmp_path / "other.pt")
    for i, mutated in enumerate(mutations(whole, 40, 0)):
        file.write_bytes(mutated)
        with pytest.raises(ValueError, match="remove it, or name another file") as refused:
            go(run, file)
        assert len(str(refused.value).splitlines()) == 1, i
    file.write_bytes(whole)
    assert torch.equal(go(run, file), expected), "the file itself goes on, to the bit"


def test_every_byte_counts(run: tuple[Objective, torch.Tensor], file: Path) -> None:
    """One flip in each byte of the first lines, where format, version and sum stand."""
    _, start = run
    whole = file.read_bytes()
    head = whole.index(b"\n", whole.index(b"\n") + 1) + 20
    for at in range(head):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ValueError, match="checkpoint"):
            module.Checkpoint(file, "any").load(start.device)


def test_foreign_files(run: tuple[Objective, torch.Tensor], tmp_path: Path) -> None:
    older, empty, folder = tmp_path / "older.pt", tmp_path / "empty", tmp_path / "folder"
    torch.save({"problem": "x", "step": 1}, older)
    empty.touch()
    folder.mkdir()
    cases = [
        (older, "is no checkpoint"),
        (empty, "is no checkpoint"),
        (folder, "is no file"),
        (tmp_path / "missing" / "run.pt", "needs the folder"),
        (tmp_path / ("a" * 300), "name"),
        (Path("a\0b"), "null"),
    ]
    for path, needle in cases:
        with pytest.raises(ValueError, match=needle):
            go(run, path)


def test_versions_and_runs(run: tuple[Objective, torch.Tensor], file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"checkpoint 5", b"checkpoint 6", 1))
    with pytest.raises(ValueError, match="is of another version than 5"):
        go(run, file)
    file.write_bytes(whole)
    with pytest.raises(ValueError, match="belongs to another run"):
        go(run, file, steps=6)
    monkeypatch.setattr(module.torch, "load", lambda *a, **k: (_ for _ in ()).throw(EOFError()))
    with pytest.raises(ValueError, match="another version of torch"):
        go(run, file)


def test_interrupted_while_writing(
    run: tuple[Objective, torch.Tensor], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = file.read_bytes()

    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        go(run, file)
    assert file.read_bytes() == whole
    assert [each.name for each in file.parent.iterdir()] == ["run.pt"]


def test_a_file_that_cannot_be_written_is_refused_by_name(
    run: tuple[Objective, torch.Tensor], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last whole file stays, and nothing beside it."""
    whole, opened = file.read_bytes(), Path.open

    class Full:
        """A disk without room for more than the first line."""

        def __init__(self, stream: IO[bytes]) -> None:
            self.stream = stream

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *error: object) -> None:
            self.stream.close()

        def write(self, content: bytes) -> None:
            if self.stream.tell():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.stream.write(content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, mode: Full(opened(path, mode)) if mode == "xb" else opened(path, mode))
        with pytest.raises(ValueError, match=r"run.pt': cannot be written \(No space left on device\); make room"):
            go(run, file)
    for error in (PermissionError(errno.EACCES, "Permission denied"), FileNotFoundError(errno.ENOENT, "No such file")):

        def refused(*args: object, error: OSError = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(module.os, "replace", refused)
            with pytest.raises(ValueError, match=rf"cannot be written \({error.strerror}\); make room and its folder"):
                go(run, file)
    assert file.read_bytes() == whole
    assert [each.name for each in file.parent.iterdir()] == ["run.pt"]


def test_a_users_own_files_stay(run: tuple[Objective, torch.Tensor], tmp_path: Path) -> None:
    for name in ("run.pt.part", ".run.pt", "run.part"):
        (tmp_path / name).write_text(name)
    (tmp_path / "other.pt.part").mkdir()
    for name in ("run.pt", "other.pt"):
        go(run, tmp_path / name)
        assert (tmp_path / name).is_file()
    for name in ("run.pt.part", ".run.pt", "run.part"):
        assert (tmp_path / name).read_text() == name
    assert len(list(tmp_path.iterdir())) == 6


@pytest.mark.parametrize("path", [b"a.pt", 3, 1.5, True, ["a.pt"]])
def test_what_is_no_path_is_refused(run: tuple[Objective, torch.Tensor], path: object) -> None:
    with pytest.raises(ValueError, match=r"checkpoint=.*: needs the path of a file as a text, such as 'run.pt'"):
        train(*run, Adam(), 1, checkpoint=path)


@pytest.mark.parametrize("path", ["a\0b", "\ud800.pt", "a" * 300])
def test_a_path_that_no_file_can_have_is_refused(run: tuple[Objective, torch.Tensor], path: str) -> None:
    with pytest.raises(
        ValueError, match=r"is no path of a file \(.*\); use a short name of usual characters"
    ) as refused:
        train(*run, Adam(), 1, checkpoint=path)
    assert str(refused.value).encode().isascii()
    assert len(str(refused.value)) < 300


def sealed(file: Path, content: object) -> None:
    """Write a content with the right first lines."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    total = hashlib.sha256(buffer.getvalue()).hexdigest().encode()
    file.write_bytes(b"%s %d\n%s\n" % (module.FORMAT, module.VERSION, total) + buffer.getvalue())


def test_a_content_that_was_sealed_anew_is_refused(run: tuple[Objective, torch.Tensor], file: Path) -> None:
    whole = torch.load(io.BytesIO(file.read_bytes().split(b"\n", 2)[2]), weights_only=True)
    sealed(file, whole)
    assert go(run, file).shape == run[1].shape, "sealed anew and unchanged it goes on"
    W = whole["state"]["W"]
    others: list[object] = [{key: value for key, value in whole.items() if key != left} for left in whole]
    others += [{**whole, key: value} for key in whole if key != "problem" for value in (-1, [3], 2.5)]
    others += [[1, 2], None, 3, {}, W, {**whole, "step": True}, {**whole, "step": 10**6}]
    others += [{**whole, "state": {**whole["state"], "W": value}} for value in (W[:2], 1.0, None)]
    others += [{**whole, "records": [{**whole["records"][0], "parts": None}]}]
    for content in others:
        sealed(file, content)
        with pytest.raises(ValueError, match=r"is of another form: its content.*; remove it, or name another file"):
            go(run, file)
