"""Profiles: how large each experiment is. A profile is data, fixed before looking at any result."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from theory.activations import Activation
from verify.sizes import directions, kernels, optimization, spectral, taylor, training
from verify.sizes.directions import DirectionSizes
from verify.sizes.kernels import KernelSizes
from verify.sizes.optimization import OptimizationSizes
from verify.sizes.spectral import SpectralSizes
from verify.sizes.taylor import TaylorSizes
from verify.sizes.training import TrainingSizes


@lru_cache(maxsize=64)
def parse(text: str) -> Activation:
    """An activation from its text, parsed once."""
    return Activation.parse(text)


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

    name: str
    base_seed: int = Field(default=0, ge=0)
    activations: tuple[str, ...] = Field(default=("sin(z + pi/4)", "tanh(z + 1)", "erf(z + 1/2)"), min_length=1)
    device: str = "cpu"
    k: int = Field(default=1, ge=0)

    spectral: SpectralSizes = SpectralSizes()
    taylor: TaylorSizes = TaylorSizes()
    directions: DirectionSizes = DirectionSizes()
    optimization: OptimizationSizes = OptimizationSizes()
    kernels: KernelSizes = KernelSizes()
    training: TrainingSizes = TrainingSizes()

    @property
    def activation(self) -> str:
        """The activation of a case, or the first one."""
        return self.activations[0]

    @property
    def sigma(self) -> Activation:
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
)

PROFILES = {profile.name: profile for profile in (QUICK, FULL, GPU)}


def load_profile(source: str, overrides: Sequence[str] = ()) -> Profile:
    """A profile by name or from a TOML file, with single fields overridden.

    A file names its ``base`` ("quick" when left out) and gives only what differs, in the profile's own shape::

        base = "quick"
        activations = ["tanh(z + 1)"]

        [spectral]
        blocks = 1000

    Args:
        source: "quick", "full", "gpu", or the path of a file that ends in .toml.
        overrides: "field=value" with a TOML value, such as "spectral.blocks=1000"; they win over the file.

    Raises:
        ValueError: an unknown name, field or base, a file that cannot be read, or a value of the wrong kind.
    """
    changes: dict[str, Any] = {}
    name = base = source
    if source.endswith(".toml"):
        path = Path(source)
        try:
            changes = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ValueError(f"profile={source!r}: cannot be read ({error})") from None
        base, name = changes.pop("base", "quick"), path.stem
    if base not in PROFILES:
        raise ValueError(f"profile={base!r}: needs one of {', '.join(PROFILES)}, or a file that ends in .toml")
    for text in overrides:
        field, _, value = text.partition("=")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            raise ValueError(
                f"set={text!r}: needs field=value with a TOML value, such as spectral.blocks=1000"
            ) from None
        inner = changes
        *tables, last = field.strip().split(".")
        for table in tables:
            inner = inner.setdefault(table, {})
            if not isinstance(inner, dict):
                raise ValueError(f"set={text!r}: {table} is not a table")
        inner[last] = parsed
    merged = _merge(PROFILES[base].model_dump(), changes)
    return Profile.model_validate({**merged, "name": changes.get("name", name)})


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``changes`` over those of ``base``, table by table; a table keyed by k is replaced whole."""
    result = dict(base)
    for name, value in changes.items():
        known = result.get(name)
        chapter = isinstance(known, Mapping) and all(isinstance(key, str) for key in known)
        result[name] = _merge(known, value) if chapter and isinstance(value, Mapping) and known is not None else value
    return result
