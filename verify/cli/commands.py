"""Commands that measure nothing: report, explain, compare, calibrate, certificate, spectrum."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from escape_ntk import require_extra
from verify.cli.options import Flag, From, Json, Whole, record_folder, sizes
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


def explain(
    claim: str,
    /,
    *,
    out: Path = Path("out"),
    profile: str = "quick",
    claims_from: From = None,
) -> int:
    """One claim in words: why it should hold, what was measured, how the verdict follows, what would refute it.

    Parameters
    ----------
    claim
        Its id, such as N3.
    out
        Folder of an earlier ``escape-ntk verify --out``; without records there, the design is described.
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
    from verify.session import reload, stored_claims

    sources = claims_from or ()
    chosen, *others = select(claim, sources=sources)
    if others:
        raise ValueError(f"claim={claim!r}: needs one id; explain them one after the other")
    if (out / "records.sqlite").exists():
        folder = record_folder(out)
        run = reload(folder, known(sources, stored_claims(folder)))
        found = [j for j in run.judgements if j.claim.id == chosen.id]
        described, judgement = run.profile, found[0] if found else None
    else:
        described, judgement = sizes(profile, (), ()), None
    emit(text(chosen, described, judgement, min(WIDTH, columns() or WIDTH)))
    return 0


def compare(before: Path, after: Path, /) -> int:
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
    from verify.cli.difference import lines

    found = differences(record_folder(before), record_folder(after))
    emit("\n".join(lines(found)))
    return 1 if any(d.worse for d in found) else 0


def calibrate(
    claim: str | None = None,
    /,
    *,
    profile: str = "quick",
    claims: str | None = None,
    claims_from: From = None,
    truth: float | None = None,
    adaptive: Flag = False,
    runs: Whole = 2000,
    seed: Whole = 0,
    markdown: Flag = False,
    json_: Json = False,
) -> int:
    """Simulate how often verdicts err: rule by rule, or one claim whole in worlds with a truth of your choice.

    Parameters
    ----------
    claim
        One id, such as N3.
    profile
        Whose sizes the rules have: quick, full, gpu, authors, or a .toml file.
    claims
        Comma-separated ids; all that the profile has judged when left out.
    claims_from
        A file of your own claims that ends in .py, or an installed package with claims; may be given several times. Its
        code is run.
    truth
        What is so in the simulated worlds in place of what the claim predicts, such as the exponent 2 of N3. Raw
        numbers are then simulated, and the claim is judged whole, with its controls; without it, each statistical rule
        is fed with normal errors, and the status is 1 when a rule errs too often.
    adaptive
        Look again at open verdicts, as escape-ntk verify --adaptive does.
    runs
        Simulated runs for each rule and truth, or worlds.
    seed
        Of the simulation.
    markdown
        Print a Markdown table.
    json_
        Print one JSON object.
    """
    require_extra("escape-ntk calibrate")
    from verify.judging.calibration import as_json, table
    from verify.judging.calibration import calibrate as simulate
    from verify.judging.worlds import verdict_rates
    from verify.registry import select

    sources = claims_from or ()
    if claim is not None and claims is not None:
        raise ValueError(f"claim={claim!r} and claims={claims!r}: give one of them")
    found = sizes(profile, (), ())
    chosen = select(claim if claims is None else claims, found, sources)
    if truth is None:
        rates = simulate(chosen, found, runs, seed, adaptive)
        emit(json.dumps(as_json(rates)) if json_ else table(rates, markdown), wrap=not (markdown or json_))
        return 0 if all(r.admissible for r in rates) else 1
    if len(chosen) != 1:
        raise ValueError(f"truth={truth}: needs one claim, as in escape-ntk calibrate N3 --truth 2")
    shares = verdict_rates(chosen[0], found, truth, runs, len(select(None, found, sources)), seed, adaptive)
    emit(json.dumps(shares.as_json()) if json_ else shares.text(), wrap=not json_)
    return 0


def report(folder: Annotated[Path, Parameter(name="DIR")], /, *, claims_from: From = None) -> int:
    """Write DIR/report.html from DIR/records.sqlite; nothing is computed.

    Parameters
    ----------
    folder
        Folder of an earlier ``escape-ntk verify --out``.
    claims_from
        A file of your own claims that ends in .py, or an installed package with claims; may be given several times. Its
        code is run.
    """
    require_extra("escape-ntk report")
    from verify.registry import known
    from verify.report import write_report
    from verify.session import reload, stored_claims

    home = record_folder(folder)
    emit(f"report: {write_report(home, reload(home, known(claims_from or (), stored_claims(home))))}")
    return 0


def certificate(
    activation: str,
    /,
    *,
    out: Path = Path("separation.json"),
    d_min: Whole = 100,
    share: str = "3/10",
    epsilon: str = "1/4",
    delta: str = "1/10",
    explain: Flag = False,
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

    theorem = separation_theorem(activation, 1, d_min, share=share, epsilon=epsilon, delta=delta)
    out.write_text(json.dumps(theorem.certificate(), indent=1) + "\n", encoding="utf-8")
    emit(theorem.explain() if explain else str(theorem), wrap=False)
    emit(f"certificate: {out}")
    return 0


def spectrum(
    activation: str,
    /,
    *,
    d: Whole,
    degrees: Whole = 6,
    digits: Whole = 15,
    kernel: Literal["ntk", "quadntk", "zonal"] = "ntk",
    latex: Flag = False,
    csv: Flag = False,
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
    from verify.cli.spectra import MAX_DEGREE, as_csv, as_json, patience, table

    if csv + latex + json_ > 1:
        raise ValueError("--csv, --latex and --json are three forms of one table: give one of them")
    if degrees > MAX_DEGREE:
        raise ValueError(
            f"degrees={degrees}: needs degrees <= {MAX_DEGREE}; single eigenvalues of higher degree come from "
            f"theory.{kernel}_eigenvalue"
        )
    compute = {"ntk": ntk_spectrum, "quadntk": quadntk_spectrum, "zonal": zonal_spectrum}[kernel]
    with patience(f"eigenvalues of degree 0 .. {degrees} to {digits} digits; Ctrl-C ends it"):
        found = compute(activation, d, degrees, digits)
    if json_:
        emit(json.dumps(as_json(found, activation.strip())), wrap=False)
    elif csv:
        emit(as_csv(found), wrap=False)
    else:
        emit(found.to_latex() if latex else table(found), wrap=not latex)
    return 0
