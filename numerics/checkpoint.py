"""Checkpoints of training runs: one file that is whole, of this version and of this run, or is refused.

A file is a line that names format and version, a line with the SHA-256 of everything that follows, and what
``torch.save`` wrote. The sum is checked before anything is unpickled, and only tensors, numbers and texts are.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import torch

from numerics.precision import full_precision
from numerics.quoting import shown

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
            os.stat(path.parent / path.name)
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:  # a name too long, a null character, half a surrogate pair
            self._refuse(f"is no path of a file ({_words(error)})", error, "use a short name of usual characters")
        if not path.parent.is_dir():
            self._refuse(f"needs the folder {shown(str(path.parent))}", remedy="create it or name another file")
        if path.exists() and not path.is_file():
            self._refuse("is no file", remedy="name another file")

    def save(self, content: dict[str, Any]) -> None:
        """Write to a file beside it first, so that a run that is killed while writing leaves the last one whole.

        Raises:
            ValueError: it cannot be written: the folder is read-only or gone, or the disk is full.
        """
        buffer = io.BytesIO()
        torch.save({"problem": self._problem, **content}, buffer)
        payload = buffer.getbuffer()
        # A name that nobody else's file has, and "x" would not overwrite it if one had.
        beside = self._path.with_name(f".{self._path.stem[:40]}-{secrets.token_hex(8)}")
        made = False
        try:
            with beside.open("xb") as file:
                made = True
                file.write(b"%s %d\n%s\n" % (FORMAT, VERSION, hashlib.sha256(payload).hexdigest().encode()))
                file.write(payload)
            os.replace(beside, self._path)
            made = False
        except OSError as error:
            remedy = "make room and its folder writable, or name another file"
            self._refuse(f"cannot be written ({_words(error)})", error, remedy)
        finally:
            if made:
                with suppress(OSError):
                    beside.unlink()

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
            self._refuse(f"cannot be read ({_words(error)})", error)
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
        if not isinstance(content, dict) or "problem" not in content:
            self.refuse_form()
        if content["problem"] != self._problem:
            self._refuse("belongs to another run (other data, weights, method or steps)")
        return content

    def refuse_form(self, cause: BaseException | None = None) -> NoReturn:
        """ValueError for a whole file whose content is not that of a run."""
        self._refuse("is of another form: its content is not what a run writes", cause)

    def _refuse(
        self, what: str, cause: BaseException | None = None, remedy: str = "remove it, or name another file"
    ) -> NoReturn:
        raise ValueError(f"checkpoint {shown(str(self._path))}: {what}; {remedy}") from cause


def file_path(checkpoint: Any) -> Path:
    """The path that a caller names; ValueError for what names none, such as bytes or a number."""
    try:
        text = os.fspath(checkpoint)
    except TypeError:
        text = None
    if not isinstance(text, str):
        raise ValueError(f"checkpoint={shown(checkpoint)}: needs the path of a file as a text, such as 'run.pt'")
    return Path(text)


def _words(error: Exception) -> str:
    """What the system says of an error, without the path."""
    return getattr(error, "strerror", None) or str(error)
