"""Commands that measure nothing: claims, report, explain, compare, certificate, spectrum, completion."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from escape_ntk import load_later, missing, require_extra
from verify.cli.options import (
    METHOD,
    OUTPUT,
    SUBJECT,
    Flag,
    From,
    Json,
    Quiet,
    Verbose,
    Whole,
    loudness,
    record_folder,
    sizes,
)
from verify.cli.steps import Steps
from verify.cli.streams import columns, emit, notify

if TYPE_CHECKING:
    from verify.judging.claim import Claim
    from verify.sizes.profile import Profile

# Heavy imports (torch, the claims) live in the commands that need them: ``spectrum`` starts without torch.


def estimated(claims: list[Claim], sizes: Profile, out: Path, workers: int, json_: bool) -> None:
    """What a run would compute and take, before it."""
    from verify.running.estimate import estimate
    from verify.session import outstanding, require_device

    require_device(sizes.device)
    keys, rates, stored = outstanding(claims, sizes, out)
    found = estimate(keys, rates, workers, stored, lambda name: notify(f"trying out {name}"))
    emit(json.dumps(asdict(found) | {"seconds": found.seconds}) if json_ else "\n".join(found.lines()), wrap=not json_)


def claims(*, claims_from: From = None, json_: Json = False) -> int:
    """List the registered claims.

    Parameters
    ----------
    claims_from
        A file of your own claims that ends in .py, or an installed package with claims; may be given several times. Its
        code is run. Its claims are listed in place of ours.
    json_
        Print one JSON object instead of a table.
    """
    require_extra("escape-ntk claims")
    load_later("numpy")
    from verify.registry import select

    listed = select(None, sources=claims_from or ())
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
            for c in listed
        ]
        emit(json.dumps({"claims": entries}, indent=2), wrap=False)
        return 0
    for c in listed:
        emit(f"{c.id:<3} {c.title}\n    source:  {c.source}")
        for control in c.controls:
            emit(f"    control: {control.planted}")
    return 0


def explain(
    claim: Annotated[str, SUBJECT],
    /,
    *,
    out: Annotated[Path, SUBJECT] = Path("out"),
    profile: Annotated[str, SUBJECT] = "quick",
    claims_from: From = None,
) -> int:
    """One claim in words: why it should hold, what was measured, how the verdict follows, what would refute it.

    Parameters
    ----------
    claim
        Its id, such as N3.
    out
        Folder of an earlier escape-ntk verify --out; without records there, the design is described.
    profile
        The sizes to describe when there are no records.
    claims_from
        A file of your own claims that ends in .py, or an installed package with claims; may be given several times. Its
        code is run.
    """
    require_extra("escape-ntk explain")
    from verify.cli.explain import WIDTH
    from verify.cli.explain import explain as text
    from verify.registry import known, select
    from verify.running.database import exists
    from verify.session import reload, stored_claims

    sources = claims_from or ()
    chosen, *others = select(claim, sources=sources)
    if others:
        raise ValueError(f"claim={claim!r}: needs one id; explain them one after the other")
    if exists(out / "records.sqlite"):
        folder = record_folder(out)
        run = reload(folder, known(sources, stored_claims(folder)))
        found = [j for j in run.judgements if j.claim.id == chosen.id]
        described, judgement, remarks = run.profile, found[0] if found else None, run.protocol
    else:
        described, judgement, remarks = sizes(profile, (), ()), None, ()
    emit(text(chosen, described, judgement, min(WIDTH, columns() or WIDTH), remarks))
    return 0


def compare(before: Annotated[Path, SUBJECT], after: Annotated[Path, SUBJECT], /) -> int:
    """Verdicts of two runs, claim by claim; status 1 when a verdict got worse.

    Parameters
    ----------
    before
        A records.sqlite, or the folder that holds it.
    after
        Another one.
    """
    require_extra("escape-ntk compare")
    from verify.cli.difference import compare as differences
    from verify.cli.difference import lines, protocols

    folders = record_folder(before), record_folder(after)
    found = differences(*folders)
    emit("\n".join([*lines(found), *protocols(*folders)]))
    return 1 if any(d.worse for d in found) else 0


def report(
    folder: Annotated[Path, Parameter(name="DIR"), SUBJECT],
    /,
    *,
    claims_from: From = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Write DIR/report.html from DIR/records.sqlite; nothing is computed.

    Parameters
    ----------
    folder
        Folder of an earlier escape-ntk verify --out.
    claims_from
        A file of your own claims that ends in .py, or an installed package with claims; may be given several times. Its
        code is run.
    quiet
        Show no progress, and do not name the file.
    verbose
        Write a line for each claim whose figures are drawn.
    """
    require_extra("escape-ntk report")
    from verify.registry import known
    from verify.report import write_report
    from verify.session import reload, stored_claims

    home = record_folder(folder)
    run = reload(home, known(claims_from or (), stored_claims(home)))
    with Steps("draw", **loudness(quiet, verbose)) as progress:
        path = write_report(home, run, lambda judged: progress.over(judged, lambda j: j.claim.id))
    if not quiet:
        emit(f"report: {path}")
    return 0


def certificate(
    activation: Annotated[str, SUBJECT],
    /,
    *,
    out: Annotated[Path, OUTPUT] = Path("separation.json"),
    d_min: Annotated[Whole, SUBJECT] = 100,
    share: Annotated[str, SUBJECT] = "3/10",
    epsilon: Annotated[str, SUBJECT] = "1/4",
    delta: Annotated[str, SUBJECT] = "1/10",
    explain: Annotated[Flag, OUTPUT] = False,
) -> int:
    """Prove the separation of kernels and the network for every d >= d_min, and write the certificate.

    Parameters
    ----------
    activation
        An expression in z, such as "sin(z + pi/4)", with bounded derivatives.
    out
        The file to write; python -m verify.check reads it.
    d_min
        Smallest dimension.
    share
        Labels of the kernels, a share of N(d,2).
    epsilon
        Error of the network relative to the target.
    delta
        Probability of failure.
    explain
        Print theorem and proof, not the theorem alone.
    """
    from theory import separation_theorem
    from verify.cli.spectra import patience
    from verify.files import write_whole

    if not out.parent.is_dir():
        raise ValueError(f"out={str(out)!r}: there is no folder {out.parent}; make it, or name another")
    with patience(f"a proof for every d >= {d_min}; Ctrl-C ends it"):
        theorem = separation_theorem(activation, 1, d_min, share=share, epsilon=epsilon, delta=delta)
    write_whole(out, (json.dumps(theorem.certificate(), indent=1) + "\n").encode())
    emit(theorem.explain() if explain else str(theorem), wrap=False)
    emit(f"certificate: {out}")
    return 0


def spectrum(
    activation: Annotated[str, SUBJECT],
    /,
    *,
    d: Annotated[Whole, SUBJECT],
    degrees: Annotated[Whole, SUBJECT] = 6,
    digits: Annotated[Whole, METHOD] = 15,
    kernel: Annotated[Literal["ntk", "quadntk", "zonal"], SUBJECT] = "ntk",
    latex: Annotated[Flag, OUTPUT] = False,
    csv: Annotated[Flag, OUTPUT] = False,
    json_: Json = False,
) -> int:
    """Certified eigenvalues of degree 0 .. L of an activation's NTK or QuadNTK, or of any zonal kernel.

    Parameters
    ----------
    activation
        An expression in z, such as "tanh(z + 1)"; with --kernel zonal the kernel itself in t = <x,x'>/d, such as
        "exp(t - 1)".
    d
        Dimension, 3 to 1000000.
    degrees
        Largest degree L, 0 to 10000.
    digits
        Decimal digits to certify, 1 to 1000.
    kernel
        Which kernel: ntk or quadntk of the activation, or zonal for a kernel in t.
    latex
        Print a LaTeX tabular instead of a table.
    csv
        Print comma-separated values instead of a table: degree, multiplicity, the ball as text, its mid and radius.
    json_
        Print one JSON object instead of a table: each ball as text, and its mid and radius as numbers.
    """
    from theory import ntk_spectrum, quadntk_spectrum, zonal_spectrum
    from theory.harmonics.work import seconds_for
    from verify.cli.spectra import MAX_DEGREE, as_csv, as_json, patience, table

    if csv + latex + json_ > 1:
        raise ValueError("--csv, --latex and --json are three forms of one table: give one of them")
    if degrees > MAX_DEGREE:
        raise ValueError(
            f"degrees={degrees}: needs degrees <= {MAX_DEGREE}; single eigenvalues of higher degree come from "
            f"theory.{kernel}_eigenvalue"
        )
    compute = {"ntk": ntk_spectrum, "quadntk": quadntk_spectrum, "zonal": zonal_spectrum}[kernel]
    limit = seconds_for(max(degrees, 0))
    with patience(f"degrees 0 .. {degrees} to {digits} digits, {limit:.0f} s at most; Ctrl-C ends it"):
        found = compute(activation, d, degrees, digits)
    if json_:
        emit(json.dumps(as_json(found, activation.strip())), wrap=False)
    elif csv:
        emit(as_csv(found), wrap=False)
    else:
        emit(found.to_latex() if latex else table(found), wrap=not latex)
    return 0


def completion(shell: Annotated[Literal["bash", "zsh", "fish"], SUBJECT], /) -> int:
    """Print a script that completes commands, options, claims and profiles in a shell.

    Source it where the shell starts. It is made once and answers by itself; make it anew after an upgrade.

    Parameters
    ----------
    shell
        bash, zsh or fish.
    """
    from verify.cli.completion import script
    from verify.cli.main import app

    claims: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    if not missing():
        load_later("numpy")
        from verify.registry import CLAIMS
        from verify.sizes.profile import PROFILES

        claims, profiles = tuple(CLAIMS), tuple(PROFILES)
    emit(script(app, shell, claims, profiles), wrap=False)
    return 0
