"""One thread at a time computes with balls.

python-flint keeps one precision and one series length for the whole process. Two threads that each set them would
compute with each other's: less precise, and wrong where a series is cut too short. So wherever this package sets them
it holds this lock::

    with exclusive, ctx.workprec(bits):
        ...

Both are entered and left in C, so that Ctrl-C cannot fall between setting the precision and giving it back. Code that
changes ``flint.ctx`` without the lock is met too: a ball computed at another precision is still true, long evaluations
set the precision back as they go (:func:`theory.balls.quadrature.integrate`), and :func:`theory.balls.ball.refine`
repeats what came out too wide for that reason.
"""

from __future__ import annotations

import os
import threading

exclusive = threading.RLock()
"""Held while flint's precision is set; a thread that holds it may take it again."""

if hasattr(os, "register_at_fork"):
    # A forked child has only the thread that forked: the lock must be free then, and the precision the caller's own.
    os.register_at_fork(before=exclusive.acquire, after_in_parent=exclusive.release, after_in_child=exclusive.release)
