"""A cell: a frozen specification of what to measure, and the numbers it gives.

Computing and judging are apart. A cell computes; its numbers are stored under its key; verdicts are derived from
stored numbers, every time. The key hashes the specification together with the versions of the libraries and with the
code that the numbers of this class depend on: for a cell of the package the source that it reaches (see
:mod:`verify.running.definitions`), for one from outside everything that the class itself runs (see
:mod:`verify.running.identity`). So a record made by other code is never served as current, and a change in another
cell does not measure this one again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import platform
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from verify.running.definitions import Definitions, files_in
from verify.running.identity import digest
from verify.running.origin import home, named

LIBRARIES = ("torch", "python-flint", "sympy", "mpmath", "numpy", "scipy", "pydantic")

Numbers = dict[str, Any]
"""What a cell gives: JSON values; certified balls as their decimal text."""


class CellFailed(RuntimeError):
    """Cells gave no numbers, or cannot be run at all; the message names the first and the cause."""


class Unusable(ValueError):
    """Numbers from which nothing can be concluded; the message says why."""


class Cell(BaseModel):
    """Base of all cells. A subclass adds fields and :meth:`run`.

    Attributes:
        base_seed: of the run; cells that use no randomness ignore it.
        replicate: index of the repetition.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    stream: ClassVar[str] = ""
    """Name under which seeds are drawn, the class's own when empty. A class that was renamed names its former one, so
    that it draws what it drew before."""

    base_seed: int = 0
    replicate: int = 0

    def run(self) -> Numbers:
        """Compute the numbers. The only place where work is done."""
        raise TypeError(f"{type(self).__name__} does not say how to run")

    def run_in(self, folder: Path) -> Numbers:
        """As :meth:`run`, for cells that take long: they keep checkpoints in ``folder`` and go on from them.

        The folder may not be there yet. A cell that keeps nothing does not look at it.
        """
        return self.run()

    @property
    def cost(self) -> float:
        """Rough number of multiplications; cells are begun in its order, and nothing else depends on it."""
        return 0.0

    @property
    def specification(self) -> str:
        """JSON of the fields, with the cell's kind."""
        return f'{{"kind":"{type(self).__name__}","fields":{self.model_dump_json(serialize_as_any=True)}}}'

    def key(self, fingerprint: str, code: str | None = None) -> str:
        """Key of the record: SHA-256 of specification, fingerprint and code.

        Of a class from outside the values of all fields and private attributes count, whatever JSON says of them.

        Args:
            fingerprint: of the libraries (:func:`fingerprint`).
            code: of the class (:func:`code_of`), where it is known already.

        Raises:
            Unidentified: a class from outside the package uses something whose content cannot be read.
        """
        parts = [fingerprint, code_of(type(self)) if code is None else code, self.specification]
        if not ours(type(self)):
            fields = {name: getattr(self, name) for name in type(self).model_fields}
            parts.append(digest((fields, self.__pydantic_private__), sources(), written))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def seed(self, purpose: str, shared: tuple[str, ...] = ()) -> int:
        """A seed from the cell's own coordinates, so that results depend on neither order nor worker.

        It depends on the class's :attr:`stream` and its fields, not on its code: an edited cell draws what it drew
        before.

        Args:
            purpose: what is drawn; different purposes give independent streams.
            shared: fields to leave out, so that cells that differ only there draw the same (paired measurements).
        """
        fields = self.model_dump_json(exclude=set(shared), serialize_as_any=True)
        name = self.stream or type(self).__name__
        digest = hashlib.sha256(f"{name}\n{fields}\n{purpose}".encode()).digest()
        words = np.frombuffer(digest, dtype=np.uint32).tolist()
        return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1)


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of Python, of this project and of the libraries that compute."""
    found = {"python": platform.python_version()}
    for name in ("escape-ntk", *LIBRARIES):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def code_of(kind: type[Cell]) -> str:
    """A class by module and qualified name, with a digest of the code that its numbers depend on."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    # Another class can carry the name of one of ours; what the module holds under the name cannot.
    if ours(kind):
        return f"{name} {written(kind.__module__, kind.__qualname__)}"
    return f"{name} {digest(kind, sources(), written)}"


def ours(kind: type[Cell]) -> bool:
    """Whether a class is one of the package, and not only named so."""
    inside = home(kind.__module__, sources()) == "covered"
    return inside and named(kind.__module__, kind.__qualname__) is kind


def source_digest(fingerprint: str, code: str) -> str:
    """What a record says of the code behind it: SHA-256 of the fingerprint and of :func:`code_of` its class."""
    return hashlib.sha256(f"{fingerprint}\n{code}".encode()).hexdigest()


@lru_cache(maxsize=4096)
def written(module: str, name: str = "") -> str:
    """Digest of the source that a name of a module of theory, numerics or the cells reaches; empty for other modules.

    Args:
        module: such as "numerics.kernels".
        name: of a function, a class or a value in it; of a method its class counts. All of the module without one.
    """
    return _definitions().digest(module, name.partition(".")[0])


@lru_cache(maxsize=1)
def _definitions() -> Definitions:
    return Definitions(files_in(*_packages()))


@lru_cache(maxsize=1)
def _packages() -> tuple[tuple[str, Path], ...]:
    """Name and folder of what computes: theory, numerics and the cells."""
    found = [("verify.cells", Path(__file__).parent.parent / "cells")]
    for module in ("theory", "numerics"):
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            raise ImportError(f"{module}: its source is not found, so records cannot be keyed")
        found.append((module, Path(spec.origin).parent))
    return tuple(found)


def _machinery() -> Definitions:
    """What runs every cell: its base class, which draws the seeds, and what a process does with it."""
    here = Path(__file__).parent
    return Definitions({f"verify.running.{name}": here / f"{name}.py" for name in ("experiment", "work")})


@lru_cache(maxsize=1)
def sources() -> frozenset[Path]:
    """The files whose code is known by what it reaches in them: theory, numerics, the cells and what runs them."""
    here = Path(__file__).parent
    files = [here / "experiment.py", here / "work.py", *files_in(*_packages()).values()]
    return frozenset(path.resolve() for path in files)


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Hash of the versions of the libraries and of what runs every cell."""
    machinery = _machinery()
    total = hashlib.sha256()
    for place in (("verify.running.experiment", "Cell"), ("verify.running.work", "attempt")):
        total.update(f"{' '.join(place)} {machinery.digest(*place)}\n".encode())
    for name, version in sorted(versions().items()):
        if name != "escape-ntk":
            total.update(f"{name}={version}\n".encode())
    return total.hexdigest()
