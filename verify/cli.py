"""The command ``escape-ntk``: claims, verify, report, explain, compare, calibrate, spectrum.

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
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError

from verify import inquiries
from verify.experiment import CellFailed
from verify.options import Json, Whole
from verify.options import sizes as read_sizes

# Heavy imports (torch, the claims) live in the commands that need them: ``spectrum`` and ``--help`` start without
# torch.

MISUSE = 2
INTERNAL = 70
PIPE = 141
INTERRUPTED = 130


app = App(
    name="escape-ntk",
    version=lambda: importlib.metadata.version("escape-ntk"),
    suppress_keyboard_interrupt=False,
    help="Checks the theory of two-layer networks beyond the NTK regime (arXiv:2206.03688) against numbers.",
)


@app.command
def claims(*, json_: Json = False) -> int:
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
                "control": "; ".join(control.planted for control in c.controls),
                "why": c.why,
                "refuted_by": c.refuted_by,
            }
            for c in CLAIMS.values()
        ]
        print(json.dumps({"claims": entries}, indent=2))
        return 0
    for c in CLAIMS.values():
        print(f"{c.id:<3} {c.title}\n    source:  {c.source}")
        for control in c.controls:
            print(f"    control: {control.planted}")
    return 0


@app.command
def verify(
    *,
    profile: str = "quick",
    claims: str | None = None,
    out: Path = Path("out"),
    workers: Whole | None = None,
    json_: Json = False,
    seed: Whole | None = None,
    activation: Annotated[list[str] | None, Parameter(negative="")] = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
) -> int:
    """Measure, judge and report. The same command again computes only what is missing.

    Parameters
    ----------
    profile
        How large the experiments are: quick, full, gpu, or a file of your own that ends in .toml.
    claims
        Comma-separated ids, such as S1,N5; all when left out.
    out
        Folder for records.sqlite and report.html.
    workers
        Processes; one per core by default. Results do not depend on it.
    json_
        Print one JSON object on standard output instead of the table.
    seed
        Base seed of all random experiments; the profile's (0) when left out.
    activation
        An expression in z in place of the profile's; may be given several times.
    set_
        One field of the profile, as spectral.blocks=1000 (TOML); may be given several times.
    """
    from rich.console import Console

    from verify.display import ProgressDisplay, show_table
    from verify.experiment import versions
    from verify.registry import select
    from verify.report import write_report
    from verify.session import verify as run
    from verify.sweep import default_workers

    selected = select(claims)
    sizes = read_sizes(profile, set_ or (), activation or (), seed)
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: needs an integer workers >= 1")
    count = workers or default_workers(sizes.device)

    with ProgressDisplay(Console(stderr=True), selected) as progress:
        found = run(selected, sizes, out, count, progress.claim, progress.cell)
    if json_:
        print(
            json.dumps(
                {
                    "claims": [j.as_json() for j in found.judgements],
                    "profile": sizes.name,
                    "activations": sizes.activations,
                    "seed": sizes.base_seed,
                    "versions": versions(),
                }
            )
        )
    else:
        show_table(Console(), found.judgements)
    path = write_report(out, found)
    if not json_:
        print(f"report: {path}")
    verdicts = {str(j.verdict) for j in found.judgements}
    return 1 if "FAILS" in verdicts else 3 if "INCONCLUSIVE" in verdicts else 0


for inquiry in (inquiries.report, inquiries.explain, inquiries.compare, inquiries.calibrate, inquiries.spectrum):
    app.command(inquiry)


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
