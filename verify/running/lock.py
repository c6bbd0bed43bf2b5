"""One coordinator a folder: who writes records holds a lock, which dies with its holder.

The lock is flock(2) on a file beside the records that names the holder; it is gone with the process, however that ends.
Between machines it works where the file system passes such locks on: NFS (Linux, version 4, or 3 with its lock daemon),
and Lustre mounted with ``flock``. Where locks are not supported at all nobody is refused, and SQLite's own locks keep
the file whole; two coordinators then compute the same cells twice.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

from verify.running.database import StoreError
from verify.running.rows import now

if sys.platform != "win32":
    import fcntl

NAME = "running.lock"
"""Of the file, beside the records while somebody writes there."""
UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class Busy(StoreError):
    """Another process writes to the folder; that passes."""


class Lock:
    """Held from its making to :meth:`release`.

    Args:
        folder: of the records.

    Raises:
        Busy: another process holds it; the message names its id, its host and since when.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._file: int | None = None
        while self._file is None and sys.platform != "win32":
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                holder = _holder(file)
                os.close(file)
                if error.errno in UNSUPPORTED:
                    return
                raise Busy(
                    f"{folder}: {holder} writes there; wait until it ends, end it, or give another folder with --out"
                ) from None
            # The one before may have removed the file between our opening and our locking it.
            if _same(file, self._path):
                self._file = file
            else:
                os.close(file)
        if self._file is not None:
            who = {"process": os.getpid(), "host": socket.gethostname(), "since": now()}
            with suppress(OSError):  # a full disk: the lock holds, only its holder's name is missing
                os.ftruncate(self._file, 0)
                os.pwrite(self._file, json.dumps(who).encode(), 0)

    def release(self) -> None:
        """Let others in; the file goes."""
        if self._file is not None:
            with suppress(OSError):
                if _same(self._file, self._path):
                    self._path.unlink()
            os.close(self._file)
            self._file = None


def _same(file: int, path: Path) -> bool:
    """Whether the open file is the one that stands under the name."""
    try:
        mine, there = os.fstat(file), path.stat()
    except OSError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)


def _holder(file: int) -> str:
    try:
        who = json.loads(os.pread(file, 4096, 0))
        return f"process {int(who['process'])} on {who['host']}, running since {who['since']},"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
