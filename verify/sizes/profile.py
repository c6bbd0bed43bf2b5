"""Profiles: how large each experiment is. A profile is data, fixed before looking at any result."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

import theory
from verify.sizes import (
    authors,
    certificates,
    classes,
    directions,
    headline,
    kernels,
    neighbours,
    optimization,
    risks,
    separation,
    spectral,
    taylor,
    training,
)
from verify.sizes.authors import AuthorSizes
from verify.sizes.certificates import CertificateSizes
from verify.sizes.classes import ClassSizes
from verify.sizes.directions import DirectionSizes
from verify.sizes.headline import HeadlineSizes
from verify.sizes.kernels import KernelSizes
from verify.sizes.neighbours import NeighbourSizes
from verify.sizes.optimization import OptimizationSizes
from verify.sizes.risks import RiskSizes
from verify.sizes.separation import SeparationSizes
from verify.sizes.spectral import SpectralSizes
from verify.sizes.taylor import TaylorSizes
from verify.sizes.training import TrainingSizes


@lru_cache(maxsize=64)
def parse(text: str) -> theory.Activation:
    """An activation from its text, parsed once."""
    return theory.Activation.parse(text)


LARGEST_FILE = 1_000_000
"""Bytes of a profile; a file beyond is not one."""


def _device(name: str) -> str:
    if not re.fullmatch(r"cpu|cuda(:[0-9]{1,3})?", name):
        raise ValueError("needs cpu, cuda, or cuda:N for the accelerator of that number")
    return name


class Profile(BaseModel):
    """Sizes of every experiment of a run, chapter by chapter.

    Sizes were chosen from the pilot tables (docs/benchmarks) and from the known finite-size corrections stated with
    each claim, not from the verdicts.

    Attributes:
        name: of the profile.
        base_seed: of all random experiments.
        activations: expressions in z; the first one is drawn in the figures.
        device: "cpu" or "cuda".
        k: low degree of the case at hand; which k a claim is judged for stands in the sizes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    base_seed: Annotated[int, Strict()] = Field(default=0, ge=0, lt=2**63)
    activations: tuple[str, ...] = Field(default=("sin(z + pi/4)", "tanh(z + 1)", "erf(z + 1/2)"), min_length=1)
    device: Annotated[str, AfterValidator(_device)] = "cpu"
    k: Annotated[int, Strict()] = Field(default=1, ge=0, le=8)

    spectral: SpectralSizes = SpectralSizes()
    taylor: TaylorSizes = TaylorSizes()
    directions: DirectionSizes = DirectionSizes()
    optimization: OptimizationSizes = OptimizationSizes()
    kernels: KernelSizes = KernelSizes()
    training: TrainingSizes = TrainingSizes()
    risks: RiskSizes = RiskSizes()
    headline: HeadlineSizes = HeadlineSizes()
    authors: AuthorSizes = AuthorSizes()
    neighbours: NeighbourSizes = NeighbourSizes()
    certificates: CertificateSizes = CertificateSizes()
    classes: ClassSizes = ClassSizes()
    separation: SeparationSizes = SeparationSizes()

    @model_validator(mode="after")
    def readable(self) -> Profile:
        """Every activation can be read, and none is there twice: the same one would count as independent evidence."""
        for name, texts, ours in (
            ("activations", self.activations, type(self).model_fields["activations"].default),
            (
                "training.more_activations",
                self.training.more_activations,
                TrainingSizes.model_fields["more_activations"].default,
            ),
        ):
            if texts == ours:  # a test reads them, so that naming a profile does not load SymPy
                continue
            seen: dict[theory.Activation, str] = {}
            for text in texts:
                try:
                    sigma = parse(text)
                except ValueError as error:
                    raise ValueError(f"{name}={text!r}: {error}") from None
                if sigma in seen:
                    raise ValueError(f"{name}={text!r}: needs each activation once; {seen[sigma]!r} is the same")
                seen[sigma] = text
        return self

    @model_validator(mode="after")
    def trained_widths(self) -> Profile:
        """N10 trains at the widths of every training run: there must be one for each of its k, and m = width d even."""
        for k, grid in self.headline.dimensions.items():
            for name in ("width", "kernel_width"):
                if k not in (table := getattr(self.training, name)):
                    raise ValueError(
                        f"training.{name}={table!r}: needs an entry for k = {k}, which headline.dimensions has"
                    )
            for d in (*grid, self.headline.dimension[k]):
                if self.training.width[k] * d % 2:
                    raise ValueError(
                        f"training.width[{k}]={self.training.width[k]}: needs an even m = training.width d at d = {d}, "
                        f"which headline has"
                    )
        return self

    @property
    def activation(self) -> str:
        """The activation of a case, or the first one."""
        return self.activations[0]

    @property
    def sigma(self) -> theory.Activation:
        """The same, parsed."""
        return parse(self.activation)

    def activation_of(self, replicate: int) -> str:
        """Activation of a repetition when the activations share them."""
        return self.activations[replicate % len(self.activations)]


QUICK = Profile(name="quick")
FULL = Profile(
    name="full",
    spectral=spectral.FULL,
    taylor=taylor.FULL,
    directions=directions.FULL,
    optimization=optimization.FULL,
    kernels=kernels.FULL,
    training=training.FULL,
    risks=risks.FULL,
    headline=headline.FULL,
    authors=authors.FULL,
    neighbours=neighbours.FULL,
    certificates=certificates.FULL,
    classes=classes.FULL,
    separation=separation.FULL,
)
GPU = Profile(
    name="gpu",
    device="cuda",
    spectral=spectral.GPU,
    taylor=taylor.GPU,
    directions=directions.GPU,
    optimization=optimization.GPU,
    kernels=kernels.GPU,
    training=training.GPU,
    risks=risks.GPU,
    headline=headline.GPU,
    authors=authors.GPU,
    neighbours=neighbours.GPU,
    certificates=certificates.GPU,
    classes=classes.GPU,
    separation=separation.GPU,
)
AUTHORS = Profile(name="authors", authors=authors.AUTHORS)

RELEASED = {"quick": 945}
"""Base seeds of releases, by profile: fixed in verify/protocol.json before anything was computed from them. The others
have 0, on which the sizes of quick were chosen."""
PROFILES = {
    profile.name: profile.model_copy(update={"base_seed": RELEASED.get(profile.name, profile.base_seed)})
    for profile in (QUICK, FULL, GPU, AUTHORS)
}
"""By name, as a run has them. ``QUICK`` and the others by themselves are sizes, with the base seed 0."""


def load_profile(source: str, overrides: Sequence[str] = ()) -> Profile:
    """A profile by name or from a TOML file, with single fields overridden.

    A file names its ``base`` ("quick" when left out) and gives only what differs, in the profile's own shape::

        base = "quick"
        activations = ["tanh(z + 1)"]

        [spectral]
        blocks = 1000

    Args:
        source: "quick", "full", "gpu", "authors", or the path of a file that ends in .toml.
        overrides: "field=value" with a TOML value, such as "spectral.blocks=1000"; they win over the file.

    Raises:
        ValueError: an unknown name, field or base, a file that cannot be read, or a value that no experiment can have;
            the sentence names field, value and requirement.
    """
    changes: dict[str, Any] = {}
    name = base = source
    if source.endswith(".toml"):
        changes, name = _read(source), Path(source).stem
        base = changes.pop("base", "quick")
    if not isinstance(base, str) or base not in PROFILES:
        raise ValueError(f"profile={_short(base)}: needs one of {', '.join(PROFILES)}, or a file that ends in .toml")
    for text in overrides:
        field, _, value = text.partition("=")
        try:
            document = tomllib.loads(f"value = {value}")
            (parsed,) = document.values()  # a second line would be a second assignment
        except (ValueError, RecursionError):
            raise ValueError(
                f"set={_short(text)}: needs field=value with a TOML value, such as spectral.blocks=1000"
            ) from None
        if field.strip() == "base":
            raise ValueError(f"set={_short(text)}: a profile's base is no size; name it by --profile")
        inner = changes
        *tables, last = field.strip().split(".")
        for table in tables:
            inner = inner.setdefault(table, {})
            if not isinstance(inner, dict):
                raise ValueError(f"set={_short(text)}: {_short(table)} is not a table")
        inner[last] = parsed
    merged = _merge(PROFILES[base].model_dump(), changes)
    return _validated({**merged, "name": changes.get("name", name)})


def changed(profile: Profile, changes: Mapping[str, Any]) -> Profile:
    """The profile with single fields changed, table by table, and checked as a whole.

    Raises:
        ValueError: as :func:`load_profile`.
    """
    return _validated(_merge(profile.model_dump(), changes))


def _read(source: str) -> dict[str, Any]:
    """The tables of a TOML file."""
    try:
        with Path(source).open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise ValueError(f"it has more than {LARGEST_FILE} bytes")
        return tomllib.loads(data.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"profile={source!r}: cannot be read ({error}); give a TOML file of sizes") from None


def _validated(values: Mapping[str, Any]) -> Profile:
    try:
        return Profile.model_validate(values)
    except ValidationError as error:
        raise ValueError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    """The first violation as field, value and requirement."""
    first = error.errors()[0]
    where, what = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        fields: dict[str, Any] = dict(Profile.model_fields)
        for part in first["loc"][:-1]:
            fields = dict(getattr(fields[str(part)].annotation, "model_fields", {}))
        *chapter, name = map(str, first["loc"])
        near = get_close_matches(name, fields, 1)
        hint = f"did you mean {'.'.join([*chapter, *near])}?" if near else f"there are {', '.join(fields)}"
        return f"{where}={_short(first['input'])}: there is no such field; {hint}"
    if re.match(r"[\w.]+(\[\w+\])?=", what):  # a sentence of a whole table, which names its field itself
        return f"{where}.{what}" if where else what
    if isinstance(first["input"], BaseModel) or first["type"].startswith("model"):
        return f"{where}={_short(first['input'])}: needs a table of sizes, such as [{where}] in a file"
    requirement = re.sub(r"^(Input|Tuple|String) should (be|have|match)", _needs, what)
    return f"{where}={_short(first['input'])}: {requirement}"


def _needs(match: re.Match[str]) -> str:
    return "needs" if match[2] == "have" else f"needs to {match[2]}"


def _short(value: Any) -> str:
    text = ascii(value) if not isinstance(value, int) or abs(value) < 10**40 else "a number of more than 40 digits"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``changes`` over those of ``base``, table by table; a table keyed by k is replaced whole."""
    result = dict(base)
    for name, value in changes.items():
        known = result.get(name)
        chapter = isinstance(known, Mapping) and all(isinstance(key, str) for key in known)
        result[name] = _merge(known, value) if chapter and isinstance(value, Mapping) and known is not None else value
    return result
