"""Checkpoints of training runs: one file that is whole, of this version and of this run, or is refused.

A file is a line that names format and version, a line with the SHA-256 of everything that follows, and what
``torch.save`` wrote. The sum is checked before anything is unpickled, and only tensors, numbers and texts are.
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any, NoReturn

import torch

from numerics.precision import full_precision

FORMAT = b"escape-ntk checkpoint"
VERSION = 5
"""Of the content; 1 had neither this line nor a sum, 2 one clock for the noise of perturbed descent, 3 no R1 on fresh
inputs, none at records and no bounds, 4 no movement of the weights."""


@full_precision
class Checkpoint:
    """The checkpoint of one run.

    Args:
        path: of the file, in a folder that is there.
        problem: a digest of everything the course of the run depends on.

    Raises:
        ValueError: a path that cannot be a file.
    """

    def __init__(self, path: Path, problem: str) -> None:
        self._path, self._problem = path, problem
        try:
            folder = path.parent.is_dir()
            taken = path.exists() and not path.is_file()
            path.with_name(path.name + ".part").exists()
        except (OSError, ValueError) as error:  # a name too long, or a null character
            raise ValueError(
                f"checkpoint {_short(path)!r}: is no path of a file ({error}); use a short name"
            ) from error
        if taken or not folder:
            what = "is no file" if taken else f"needs the folder {_short(path.parent)!r}"
            raise ValueError(f"checkpoint {_short(path)!r}: {what}; create it or name another file")

    def save(self, content: dict[str, Any]) -> None:
        """Write to a file beside it first, so that a run that is killed while writing leaves the last one whole."""
        buffer = io.BytesIO()
        torch.save({"problem": self._problem, **content}, buffer)
        payload = buffer.getbuffer()
        beside = self._path.with_name(self._path.name + ".part")
        try:
            with beside.open("wb") as file:
                file.write(b"%s %d\n%s\n" % (FORMAT, VERSION, hashlib.sha256(payload).hexdigest().encode()))
                file.write(payload)
            os.replace(beside, self._path)
        finally:
            beside.unlink(missing_ok=True)

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """The content, its tensors on ``device``; None when there is no file.

        Raises:
            ValueError: a file that cannot be read, is no checkpoint, was altered, or is of another version or run.
        """
        try:
            whole = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._refuse(f"cannot be read ({error.strerror})", error)
        title, _, rest = whole.partition(b"\n")
        name, _, version = title.rpartition(b" ")
        if name != FORMAT:
            self._refuse("is no checkpoint, or its first line is damaged")
        if version != b"%d" % VERSION:
            self._refuse(f"is of another version than {VERSION}, which this program writes")
        total, _, payload = rest.partition(b"\n")
        if total != hashlib.sha256(payload).hexdigest().encode():
            self._refuse("is damaged: its content does not match its checksum")
        try:
            content = torch.load(io.BytesIO(payload), map_location=device, weights_only=True)
        except Exception as error:  # whole, but written by a torch whose format this one does not read
            self._refuse(f"was written by another version of torch ({type(error).__name__})", error)
        if content["problem"] != self._problem:
            self._refuse("belongs to another run (other data, weights, method or steps)")
        return content

    def _refuse(self, what: str, cause: BaseException | None = None) -> NoReturn:
        raise ValueError(f"checkpoint {self._path}: {what}; remove it, or name another file") from cause


def _short(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 80 else f"{text[:77]}..."
