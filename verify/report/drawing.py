"""The figures of a claim as files: in the report, and by ``escape-ntk figure``."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from verify.claims.plotting import comparisons
from verify.judging.claim import Case, Drawing, Evidence
from verify.judging.judgement import Judgement
from verify.sizes.profile import Profile

FORMATS = ("svg", "png", "pdf")
DPI = 200


@dataclass(frozen=True)
class Picture:
    """One drawing of a claim in one case.

    Attributes:
        judgement, case: whose.
        drawing: what; its name is empty for the claim's only figure.
        caption: what is shown, beside the claim's title; empty when nothing needs to be said.
    """

    judgement: Judgement
    case: Case
    drawing: Drawing
    caption: str

    @property
    def name(self) -> str:
        """A name for a file, which tells the claim's pictures apart; empty for the only one."""
        several = len({case.profile.k for case in self.judgement.cases}) > 1
        return "-".join([*([self.drawing.name] if self.drawing.name else []), *([f"k{self.case.profile.k}"] * several)])

    def image(self, kind: str = "svg", width: float | None = None) -> bytes:
        """The picture in a format of :data:`FORMATS`, ``width`` inches wide, its own width when None.

        The same picture gives the same bytes, as no date is kept in it.
        """
        wide = self.drawing.width if width is None else width
        settings = {
            "svg.hashsalt": self.judgement.claim.id + self.case.label + self.drawing.name,
            "font.size": 9,
            "axes.linewidth": 0.8,
            "mathtext.fontset": "cm",
        }
        with matplotlib.rc_context(settings):
            canvas = Figure(figsize=(wide, wide * self.drawing.height / self.drawing.width), layout="constrained")
            self.drawing.draw(self.case.profile, self.judgement.evidence, canvas)
            buffer = io.BytesIO()
            undated: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
            with warnings.catch_warnings():  # a narrow figure has no room for its labels, which whoever looks sees
                warnings.filterwarnings("ignore", message="constrained_layout not applied", category=UserWarning)
                canvas.savefig(buffer, format=kind, metadata=undated[kind], dpi=DPI)
        return buffer.getvalue()


def pictures(judgement: Judgement) -> list[Picture]:
    """Every figure of a claim, in one case of each k: that of the deciding comparison, or else the first.

    A claim without any figure of its own shows the comparisons of all cases of that k.
    """
    return [
        Picture(judgement, case, drawing, ": ".join(filter(None, (_caption(judgement, case), drawing.caption))))
        for case in pictured(judgement)
        for drawing in _drawings(judgement, case)
    ]


def pictured(judgement: Judgement) -> list[Case]:
    """The cases that are drawn: one of each k, that of the deciding comparison or else the first."""
    first: dict[int, Case] = {}
    for case in judgement.cases:
        first.setdefault(case.profile.k, case)
    decisive = judgement.outcome.decisive
    for case in judgement.cases:
        if decisive is not None and decisive.case == case.label:
            first[case.profile.k] = case
    return list(first.values())


def _drawings(judgement: Judgement, case: Case) -> Sequence[Drawing]:
    claim = judgement.claim
    if claim.figure is not None:
        one = claim.figure

        def own(p: Profile, evidence: Evidence, canvas: Any) -> None:
            one(p, evidence, canvas.add_subplot())

        return (Drawing("figure" if claim.drawings else "", own), *claim.drawings)
    if claim.drawings:
        return claim.drawings

    def compared(p: Profile, evidence: Evidence, canvas: Any) -> None:
        alike = {other.label for other in judgement.cases if other.profile.k == case.profile.k}
        comparisons([c for c in judgement.outcome.comparisons if c.case in alike], canvas.add_subplot())

    return (Drawing("", compared),)


def _caption(judgement: Judgement, case: Case) -> str:
    """The case, or all cases of its k where the figure is that of the comparisons."""
    if judgement.claim.figure is not None or judgement.claim.drawings:
        return case.label
    return f"k = {case.profile.k}" if len({other.profile.k for other in judgement.cases}) > 1 else ""
