"""The command ``escape-ntk figure``: a claim's figures as files, from stored records."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from escape_ntk import require_extra
from verify.cli.options import OUTPUT, SUBJECT, From, Quiet, Verbose, loudness, record_folder
from verify.cli.steps import Steps
from verify.cli.streams import emit

if TYPE_CHECKING:
    from verify.report.drawing import Picture

LEAST, MOST = 1.0, 40.0
"""Widths in inches: below, labels cover each other; above, a bitmap would not fit in memory."""


def figure(
    claim: Annotated[str, SUBJECT],
    /,
    *,
    out: Annotated[Path, SUBJECT] = Path("out"),
    to: Annotated[Path | None, Parameter(name="--to"), OUTPUT] = None,
    width: Annotated[float | None, OUTPUT] = None,
    claims_from: From = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Draw a claim's figures from the records of an earlier run; nothing is computed.

    Parameters
    ----------
    claim
        Its id, such as N10.
    out
        Folder of an earlier escape-ntk verify --out that held this claim.
    to
        File to write, ending in .svg, .png or .pdf; CLAIM.svg in this folder when left out. Of several figures each has
        its own name before the ending, as in N10-phase.svg.
    width
        Width in inches, 1 to 40; that of the report when left out. The height follows.
    claims_from
        A file of your own claims that ends in .py, or an installed package with claims; may be given several times. Its
        code is run.
    quiet
        Show no progress, and do not name the files.
    verbose
        Write a line for each figure as it is drawn.
    """
    require_extra("escape-ntk figure")
    from verify.registry import known, select
    from verify.report.drawing import FORMATS, pictures
    from verify.session import reload, stored_claims

    sources = claims_from or ()
    chosen, *others = select(claim, sources=sources)
    if others:
        raise ValueError(f"claim={claim!r}: needs one id; draw them one after the other")
    target = to if to is not None else Path(f"{chosen.id}.svg")
    kind = target.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise ValueError(f"to={str(target)!r}: needs a name that ends in {', '.join(f'.{name}' for name in FORMATS)}")
    if width is not None and not (math.isfinite(width) and LEAST <= width <= MOST):
        raise ValueError(f"width={width!r}: needs a width of {LEAST:g} to {MOST:g} inches")
    if not target.parent.is_dir():
        raise ValueError(f"to={str(target)!r}: there is no folder {target.parent}; make it, or name another")
    folder = record_folder(out)
    found = [j for j in reload(folder, known(sources, stored_claims(folder))).judgements if j.claim.id == chosen.id]
    if not found:
        raise ValueError(
            f"{folder}: its newest run does not hold {chosen.id}; run escape-ntk verify --claims {chosen.id} with "
            f"--out {folder}"
        )
    drawn = pictures(found[0])
    if not drawn:
        why = "; ".join(found[0].reasons) or "no case of it was computed"
        raise ValueError(f"{chosen.id}: there is nothing to draw ({why})")
    names = [target.name if len(drawn) == 1 else f"{target.stem}-{p.name}{target.suffix}" for p in drawn]
    with Steps("draw", **loudness(quiet, verbose)) as progress:
        for name, picture in progress.over(list(zip(names, drawn, strict=True)), lambda one: one[0]):
            _write(picture, target.with_name(name), kind, width)
    for name in () if quiet else names:
        emit(f"figure: {target.with_name(name)}")
    return 0


def _write(picture: Picture, path: Path, kind: str, width: float | None) -> None:
    from verify.files import write_whole

    try:
        image = picture.image(kind, width)
    except Exception as error:  # whatever matplotlib or a figure raises
        raise ValueError(
            f"{picture.judgement.claim.id}: the figure cannot be drawn ({type(error).__name__}: {error})"
        ) from None
    try:
        write_whole(path, image)
    except OSError as error:
        raise ValueError(f"to={str(path)!r}: cannot be written ({error.strerror}); name another file") from None
