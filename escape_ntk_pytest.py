"""The pytest plugin: claims as test items, and theoretical constants as assertions, in anybody's repository.

``pytest --escape-ntk-claims S1,S3`` adds one item for each claim: it passes when the claim HOLDS, fails when it FAILS,
with the comparison that decided, and is skipped with the reason when it is INCONCLUSIVE. ``assert_certified`` holds a
number against a certified constant; it is a function to import, and a fixture of the same name.

pytest loads this module in every project of an environment in which escape-ntk is installed, so it imports nothing of
ours until it is asked for something.
"""

from __future__ import annotations

import math
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from os.path import dirname, join
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import escape_ntk

if TYPE_CHECKING:
    from flint import arb

    from verify.judging.claim import Claim
    from verify.judging.judgement import Judgement
    from verify.running.rows import Failure
    from verify.sizes.profile import Profile

OPTIONAL = ("derivative", "power")
"""Arguments of a quantity that are 0 when left out."""
DIGITS = (15, 40, 200)
"""To which a constant is computed, one after the other, until the comparison is decided."""
PAUSE = 0.2
"""Seconds before a process of pytest-xdist asks again whether another one has done with the records."""


class Refuted(AssertionError):
    """A claim FAILS, or is INCONCLUSIVE where that counts as failing; the message has the deciding comparison."""


def assert_certified(
    value: Any,
    quantity: str,
    *,
    activation: str,
    relative: float = 1e-9,
    absolute: float = 0.0,
    **arguments: int,
) -> None:
    """Assert that ``value`` is a certified constant, up to ``relative`` times the constant plus ``absolute``.

    Args:
        value: a number of Python, NumPy or torch, a ``Decimal``, a ``Fraction``, a ``flint.arb``, or a decimal as text.
        quantity: a name of :data:`theory.golden.quantities.QUANTITIES`, such as "ntk_eigenvalue".
        activation: an expression in z, such as "tanh(z + 1)".
        relative: the deviation that is admitted, in units of the constant.
        absolute: what is admitted on top of it; a constant that is exactly 0 needs it.
        arguments: the integers of the quantity, such as degree=2, d=20.

    Raises:
        AssertionError: the value is further away, certainly; the message has the constant and the deviation.
        ValueError: an unknown quantity, an argument that it lacks or does not have, or one out of range.

    Cost: that of the constant, milliseconds to seconds. Example::

        assert_certified(measured, "ntk_eigenvalue", activation="tanh(z + 1)", degree=2, d=20, relative=1e-6)
    """
    __tracebackhide__ = True
    _ours()
    from flint import ctx

    from theory.balls.precision import exclusive

    chosen = _quantity(quantity, arguments)
    if not isinstance(activation, str):
        raise ValueError(f"activation={activation!r}: needs an expression in z as text, such as 'tanh(z + 1)'")
    bounds = [float(bound) if isinstance(bound, Real | Decimal) else math.nan for bound in (relative, absolute)]
    if not (all(bound >= 0 for bound in bounds) and 0 < sum(bounds) < math.inf):
        raise ValueError(f"relative={relative!r}, absolute={absolute!r}: needs numbers >= 0, one of them above 0")
    relative, absolute = bounds
    name = f"{quantity}({', '.join([activation, *(f'{key}={given}' for key, given in arguments.items())])})"
    for digits in DIGITS:
        truth = chosen.ball(activation, digits, **arguments)
        with exclusive, ctx.workprec(4 * digits + 64):
            given = _exact(value)
            gap, admitted = abs(given - truth), abs(truth) * relative + absolute
            if gap <= admitted:
                return
            if not gap.is_finite() or gap > admitted:
                deviation, share = float(gap.mid()), float((gap / abs(truth)).mid())
                break
    else:
        raise AssertionError(f"{name}: whether {_said(value)} is near enough is not decided by {DIGITS[-1]} digits")
    needed = 15 if not 0 < share < 1e-12 else 3 - math.floor(math.log10(share))
    exact = chosen.ball(activation, needed, **arguments)
    zero = "; the constant is exactly 0, so give absolute=" if exact.is_zero() and not absolute else ""
    raise AssertionError(
        f"{name} is {exact.str(needed, radius=False)}; {_said(value)} is {deviation:.3g} away"
        f"{'' if exact.is_zero() else f', relative {share:.3g}'}; admitted are relative={relative:g}, "
        f"absolute={absolute:g}{zero}"
    )


def _ours() -> None:
    """Check that the packages found are ours: a project may well have a verify.py of its own."""
    escape_ntk.require_ours(join(dirname(__file__), "theory", "__init__.py"), "theory", "numerics", "verify")


def _quantity(name: str, arguments: dict[str, int]) -> Any:
    from theory.golden.quantities import QUANTITIES
    from verify.suggestions import did_you_mean

    if not isinstance(name, str) or name not in QUANTITIES:
        raise ValueError(
            f"quantity={name!r}: is not known; known are {', '.join(QUANTITIES)}{did_you_mean([str(name)], QUANTITIES)}"
        )
    takes = QUANTITIES[name].arguments
    for wrong in (key for key in arguments if key not in takes):
        raise ValueError(f"{name}: has no argument {wrong}; it takes {', '.join(takes)}{did_you_mean([wrong], takes)}")
    lacking = [key for key in takes if key not in arguments and key not in OPTIONAL]
    if lacking:
        raise ValueError(f"{name}: needs {', '.join(f'{key}=' for key in lacking)}")
    return QUANTITIES[name]


def _exact(value: Any) -> arb:
    """The number as a ball: floats count as the binary numbers they are."""
    from flint import arb, fmpq

    if isinstance(value, arb | int):
        return arb(value)
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    try:
        return arb(str(value)) if isinstance(value, str | Decimal) else arb(float(value))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"value={value!r}: needs one number ({error})") from None


def _said(value: Any) -> str:
    """The value as text, unless it is too long for Python."""
    return "an integer of more than 40 digits" if isinstance(value, int) and abs(value) >= 10**40 else str(value)


@pytest.fixture(name="assert_certified")
def _assert_certified() -> Callable[..., None]:
    """Hold a number against a certified constant; see escape_ntk_pytest.assert_certified."""
    return assert_certified


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options ``--escape-ntk-...``."""
    group = parser.getgroup("escape-ntk", "claims of escape-ntk")
    add = group.addoption
    add("--escape-ntk-claims", metavar="IDS", help="judge these claims, such as S1,S3, as tests; 'all' for all")
    add(
        "--escape-ntk-claims-from",
        metavar="FILE",
        action="append",
        default=[],
        help="a file of your own claims, which is run, or an installed package with claims; may be given several times",
    )
    add("--escape-ntk-profile", metavar="NAME", default="quick", help="quick, full, gpu, or a .toml file")
    add("--escape-ntk-out", metavar="DIR", help="folder of the records; pytest's cache when left out")
    add("--escape-ntk-workers", metavar="N", type=int, default=1, help="processes (1)")
    add("--escape-ntk-strict", action="store_true", help="INCONCLUSIVE fails; it is skipped when this is left out")


def pytest_configure(config: pytest.Config) -> None:
    """The marker that tells claims from other tests: ``-m escape_ntk``."""
    config.addinivalue_line("markers", "escape_ntk: a claim of escape-ntk, judged")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the claims behind the project's own tests; -k and -m choose among them too."""
    ids, sources = config.getoption("--escape-ntk-claims"), config.getoption("--escape-ntk-claims-from")
    if ids is None and not sources:
        return
    try:
        _ours()
        escape_ntk.require_extra("pytest --escape-ntk-claims")
        from verify.cli.options import sizes
        from verify.registry import select

        profile = sizes(config.getoption("--escape-ntk-profile"), (), ())
        places = [_place(config, source) for source in sources]
        chosen = select(None if ids in (None, "all") else ids, profile, places)
        workers = config.getoption("--escape-ntk-workers")
        if workers < 1:
            raise ValueError(f"escape-ntk-workers={workers}: needs an integer >= 1")
        run = _Run(session, profile, _folder(config), workers)
    except (ValueError, ImportError) as error:
        raise pytest.UsageError(str(error)) from None
    parent = _Claims.from_parent(session, name="escape-ntk", nodeid="escape-ntk")
    strict = config.getoption("--escape-ntk-strict")
    added = [_ClaimItem.from_parent(parent, name=claim.id, claim=claim, run=run, strict=strict) for claim in chosen]
    items += added
    # What is printed as collected counts the items of reports.
    config.hook.pytest_collectreport(report=pytest.CollectReport("escape-ntk", "passed", None, list(added)))


def _place(config: pytest.Config, source: str) -> str:
    """A file is named from the current folder, or from the root of the project."""
    beside = config.rootpath / source
    return str(beside) if source.endswith(".py") and not Path(source).is_file() and beside.is_file() else source


def _folder(config: pytest.Config) -> Path:
    named, cache = config.getoption("--escape-ntk-out"), getattr(config, "cache", None)
    if named is not None:
        return Path(named)
    return Path(cache.mkdir("escape-ntk") if cache is not None else tempfile.mkdtemp(prefix="escape-ntk-"))


class _Claims(pytest.Collector):
    """Where the items belong; it is filled from outside."""

    def collect(self) -> Iterator[pytest.Item]:
        return iter(())


class _Run:
    """One run of all claims that are left after -k and -m, when the first of them is asked for.

    They are judged together because Holm's correction is over the claims of a run.
    """

    def __init__(self, session: pytest.Session, profile: Profile, folder: Path, workers: int) -> None:
        self.session, self.profile, self.folder, self.workers = session, profile, folder, workers
        self.found: dict[str, Judgement] | Exception | None = None
        self.failed: tuple[Failure, ...] = ()

    def judgement(self, claim: Claim) -> Judgement:
        from verify.running.lock import Busy
        from verify.session import verify

        while self.found is None:
            claims = [item.claim for item in self.session.items if isinstance(item, _ClaimItem)]
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("default")  # a project that makes warnings errors means its own tests
                    run = verify(claims, self.profile, self.folder, self.workers)
                self.found, self.failed = {each.claim.id: each for each in run.judgements}, run.failed
            except Exception as error:  # every item says so
                if isinstance(error, Busy) and hasattr(self.session.config, "workerinput"):
                    time.sleep(PAUSE)  # of the processes of pytest-xdist one computes; the others find what it kept
                else:
                    self.found = error
        if isinstance(self.found, Exception):
            raise self.found
        return self.found[claim.id]

    def lost(self, claim: Claim) -> str:
        """The first cell of the claim that failed, in a sentence; empty where none did."""
        from verify.state import design

        if not self.failed:
            return ""
        own = {cell.specification for cell in design(claim, self.profile)}
        return next((failure.sentence for failure in self.failed if failure.specification in own), "")


class _ClaimItem(pytest.Item):
    """A claim as a test."""

    def __init__(self, *, claim: Claim, run: _Run, strict: bool, **rest: Any) -> None:
        super().__init__(**rest)
        self.claim, self.run, self.strict = claim, run, strict
        self.add_marker("escape_ntk")

    def runtest(self) -> None:
        """Pass, skip or fail by the verdict."""
        judgement = self.run.judgement(self.claim)
        lost = self.run.lost(self.claim)
        if lost:
            raise Refuted(f"{self.claim.id} {self.claim.title}: not judged, for a cell of it: {lost}")
        if str(judgement.verdict) == "HOLDS":
            return
        if str(judgement.verdict) == "INCONCLUSIVE" and not self.strict:
            pytest.skip(f"INCONCLUSIVE: {_why(judgement)}")
        raise Refuted(
            f"{self.claim.id} {self.claim.title}: {judgement.verdict}\n  {_why(judgement)}\n"
            f"  what refutes it: {self.claim.refuted_by}\n  in {self.claim.file}; records in {self.run.folder}"
        )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The sentence alone, unless the program itself is at fault."""
        if isinstance(excinfo.value, Refuted | ValueError) or excinfo.typename == "CellFailed":
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """The claim by its id and title."""
        return Path(self.claim.file), None, f"{self.claim.id} {self.claim.title}"


def _why(judgement: Judgement) -> str:
    """The reasons where there are any, and the comparison that decided."""
    from verify.judging.shown import shown

    parts, decisive = list(judgement.reasons), judgement.outcome.decisive
    if decisive is not None:
        found = shown(decisive)
        parts.append(
            f"{decisive.label}: {decisive.verdict}, predicted {found.admitted}, measured {found.measured} in "
            f"{found.interval}"
        )
    return "; ".join(parts) or "nothing was compared"
