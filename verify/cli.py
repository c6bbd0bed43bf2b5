"""The command ``escape-ntk``: claims, verify, report, spectrum.

Exit status: 0 every claim HOLDS; 1 some claim FAILS; 2 misuse, with one sentence on standard error; 3 nothing fails but
something is INCONCLUSIVE; 70 an error of the program itself, with its traceback; 130 interrupted.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sqlite3
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter, Token
from pydantic import ValidationError

from verify.experiment import CellFailed

# Heavy imports (torch, the claims) live in the commands that need them: ``spectrum`` and ``--help`` start without
# torch.

MISUSE = 2
INTERNAL = 70
PIPE = 141
INTERRUPTED = 130


def whole(kind: type, tokens: Sequence[Token]) -> int:
    """An integer from the command line; 100.5 is refused, not rounded."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{tokens[0].keyword}={text!r}: needs an integer") from None


Whole = Annotated[int, Parameter(converter=whole)]

app = App(
    name="escape-ntk",
    version=lambda: importlib.metadata.version("escape-ntk"),
    suppress_keyboard_interrupt=False,
    help="Checks the theory of two-layer networks beyond the NTK regime (arXiv:2206.03688) against numbers.",
)


@app.command
def claims(*, json_: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """List the registered claims.

    Parameters
    ----------
    json_
        Print one JSON object instead of a table.
    """
    from verify.registry import CLAIMS

    if json_:
        entries = [
            {
                "id": c.id,
                "title": c.title,
                "statement": c.statement,
                "source": c.source,
                "depends_on": list(c.depends_on),
                "control": c.planted,
            }
            for c in CLAIMS.values()
        ]
        print(json.dumps({"claims": entries}, indent=2))
        return 0
    for c in CLAIMS.values():
        print(f"{c.id:<3} {c.title}\n    source:  {c.source}\n    control: {c.planted}")
    return 0


@app.command
def verify(
    *,
    profile: Literal["quick", "full", "gpu"] = "quick",
    claims: str | None = None,
    out: Path = Path("out"),
    workers: Whole | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
    seed: Whole = 0,
    activation: str | None = None,
) -> int:
    """Measure, judge and report. The same command again computes only what is missing.

    Parameters
    ----------
    profile
        How large the experiments are.
    claims
        Comma-separated ids, such as S1,N5; all when left out.
    out
        Folder for records.sqlite and report.html.
    workers
        Processes; one per core by default. Results do not depend on it.
    json_
        Print one JSON object on standard output instead of the table.
    seed
        Base seed of all random experiments.
    activation
        An expression in z in place of sin(z + pi/4).
    """
    from rich.console import Console

    from verify.display import ProgressDisplay, show_table
    from verify.experiment import versions
    from verify.profile import PROFILES
    from verify.registry import select
    from verify.report import write_report
    from verify.session import verify as run
    from verify.sweep import default_workers

    selected = select(claims)
    changes: dict[str, object] = {"base_seed": seed}
    if seed < 0:
        raise ValueError(f"seed={seed}: needs an integer seed >= 0")
    if activation is not None:
        changes["activation"] = activation
    sizes = PROFILES[profile].model_copy(update=changes)
    _ = sizes.sigma  # an unreadable activation is refused before anything is written
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: needs an integer workers >= 1")
    count = workers or default_workers(sizes.device)

    with ProgressDisplay(Console(stderr=True), selected) as progress:
        judgements, number = run(selected, sizes, out, count, progress)
    if json_:
        print(
            json.dumps(
                {
                    "claims": [j.as_json() for j in judgements],
                    "profile": sizes.name,
                    "activation": sizes.activation,
                    "seed": sizes.base_seed,
                    "versions": versions(),
                }
            )
        )
    else:
        show_table(Console(), judgements)
    path = write_report(out, number)
    if not json_:
        print(f"report: {path}")
    verdicts = {str(j.verdict) for j in judgements}
    return 1 if "FAILS" in verdicts else 3 if "INCONCLUSIVE" in verdicts else 0


@app.command
def report(folder: Annotated[Path, Parameter(name="DIR")], /) -> int:
    """Write DIR/report.html from DIR/records.sqlite; nothing is computed.

    Parameters
    ----------
    folder
        Folder of an earlier ``escape-ntk verify --out``.
    """
    from verify.report import write_report

    print(f"report: {write_report(folder)}")
    return 0


@app.command
def spectrum(
    activation: str,
    /,
    *,
    d: Whole,
    degrees: Whole = 6,
    digits: Whole = 15,
    kernel: Literal["ntk", "quadntk"] = "ntk",
    latex: Annotated[bool, Parameter(negative="")] = False,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Certified eigenvalues of degree 0 .. L of an activation's NTK or QuadNTK.

    Parameters
    ----------
    activation
        An expression in z, such as "tanh(z + 1)".
    d
        Dimension, 3 to 1000000.
    degrees
        Largest degree L.
    digits
        Decimal digits to certify, 1 to 1000.
    kernel
        Which kernel: ntk or quadntk.
    latex
        Print a LaTeX tabular instead of a table.
    json_
        Print one JSON object instead of a table.
    """
    from theory import Activation, ntk_spectrum, quadntk_spectrum

    compute = ntk_spectrum if kernel == "ntk" else quadntk_spectrum
    found = compute(Activation.parse(activation), d, degrees, digits)
    if json_:
        entries = [
            {"degree": degree, "multiplicity": count, "eigenvalue": value.str(digits)}
            for degree, count, value in zip(found.degrees, found.multiplicities, found.eigenvalues, strict=True)
        ]
        report = {"activation": activation.strip(), "kernel": found.kernel, "d": d, "spectrum": entries}
        print(json.dumps(report | {"tail": found.tail.str(digits)}))
        return 0
    print(found.to_latex() if latex else found)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    try:
        result = app(
            list(sys.argv[1:] if arguments is None else arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except CycloptsError as error:
        return _misuse(" ".join(str(error).split()) + " (see escape-ntk --help)")
    except ValidationError as error:
        first = error.errors()[0]
        return _misuse(f"{'.'.join(map(str, first['loc']))}={first['input']!r}: {first['msg']}")
    except (ValueError, ArithmeticError) as error:
        return _misuse(str(error))
    except BrokenPipeError:
        # The reader has gone, as in ``escape-ntk claims | head``; nothing is left to say on standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE
    except (sqlite3.Error, json.JSONDecodeError, KeyError) as error:
        return _misuse(
            f"records.sqlite cannot be used ({type(error).__name__}: {error}); give another folder with --out"
        )
    except CellFailed as error:
        return _misuse(f"a computation failed; what was computed before is kept: {error}")
    except KeyboardInterrupt:
        print("escape-ntk: interrupted; what was computed is kept, the same command continues", file=sys.stderr)
        return INTERRUPTED
    except Exception:
        # Python's own status would be 1, which here means that a claim FAILS.
        traceback.print_exc()
        return INTERNAL
    return result if isinstance(result, int) else 0


def _misuse(sentence: str) -> int:
    print(f"escape-ntk: {sentence}", file=sys.stderr)
    return MISUSE
