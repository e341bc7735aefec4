"""Profiles that ship as data: configurations that somebody measured, each with its own coefficients and held-out error.

Every `models/profiles/*.yaml` but `engines.yaml` holds a list of them. The step table is stored whole, so that what was measured stays
what it was when the coefficients of the physics are fitted again.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Precision
from sim.catalog.llm import KvPrecision
from sim.catalog.strict import AsOf, Count, Name, NotNegative, Positive, Strict
from sim.errors import InputError
from sim.profile.step import StepCoefficients

Key = tuple[str, str, int, str, str, str, str]


class StepTable(Strict):
    """Coefficients of a step: milliseconds of the whole, microseconds a sequence, nanoseconds a token of context or a token pair."""

    c_ms: NotNegative
    """Of every step."""
    g_ms_at_tokens: tuple[tuple[Positive, NotNegative], ...] = Field(min_length=1)
    """Knots (tokens, ms) of g, in rising order of tokens."""
    o_us_per_sequence: NotNegative = 0.0
    """Of every sequence in the step, in microseconds."""
    f_ns_per_context_token: NotNegative = 0.0
    """Of every token of context that is decoded on, in nanoseconds."""
    h_ns_per_token_pair: NotNegative = 0.0
    """Of every pair of a prompt token and one before it, in nanoseconds."""

    @model_validator(mode="after")
    def _rises(self) -> StepTable:
        tokens = [knot[0] for knot in self.g_ms_at_tokens]
        if any(after <= before for before, after in pairwise(tokens)):
            raise ValueError("tokens of the knots must rise")
        if any(self.c_ms + knot[1] <= 0 for knot in self.g_ms_at_tokens):
            raise ValueError("a step must take time: c_ms and g together must be above 0 at every knot")
        if len(self.g_ms_at_tokens) > 1 and self.g_ms_at_tokens[-1][1] < self.g_ms_at_tokens[-2][1]:
            raise ValueError("g must not fall at its last knot: it goes on with that slope")
        return self

    def coefficients(self) -> StepCoefficients:
        """The same in seconds."""
        return StepCoefficients(
            c_s=self.c_ms * 1e-3,
            g_tokens=tuple(tokens for tokens, _ in self.g_ms_at_tokens),
            g_s=tuple(ms * 1e-3 for _, ms in self.g_ms_at_tokens),
            o_s=self.o_us_per_sequence * 1e-6,
            f_s=self.f_ns_per_context_token * 1e-9,
            h_s=self.h_ns_per_token_pair * 1e-9,
        )


class ShippedProfile(Strict):
    """One measured configuration."""

    llm: Name
    gpu: Name
    tensor_parallel: Count
    precision: Precision
    kv_precision: KvPrecision = "bf16"
    engine: Name = "vllm"
    engine_era: Name
    label: Literal["measured", "calibrated"]
    step: StepTable
    front_end_ms: NotNegative | None = None
    """From the arrival of a request to the scheduler's queue, where it was measured; absent: that of the engine."""
    decode_error: Positive
    """Root mean square of ln(predicted/measured) of decode steps at batch sizes held out of the fit."""
    prefill_error: Positive
    in_sample_error: Positive
    points: Count
    source: str = Field(min_length=3)
    as_of: AsOf
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """What it is the profile of."""
        return (self.llm, self.gpu, self.tensor_parallel, self.precision, self.kv_precision, self.engine, self.engine_era)


class ProfileFile(Strict):
    """A file of profiles, as shipped or as a user's calibration writes it."""

    profiles: tuple[ShippedProfile, ...]


def load_shipped(catalog: Catalog | None = None) -> tuple[ShippedProfile, ...]:
    """All profiles of the catalogue's folders, the first of two that describe the same configuration in different folders.

    InputError when a file is wrong, or when one folder describes a configuration twice.
    """
    catalog = catalog or Catalog.bundled()
    profiles: dict[Key, ShippedProfile] = {}
    for folder in catalog.folders:
        profiles = {**_of_folder(catalog, folder / "profiles"), **profiles}
    return tuple(profiles.values())


def _of_folder(catalog: Catalog, folder: Path) -> dict[Key, ShippedProfile]:
    found: dict[Key, ShippedProfile] = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.name == "engines.yaml":
            continue
        for profile in catalog.read(path, ProfileFile).profiles:
            if profile.key in found:
                raise InputError(f"{catalog.shown(path)}: {' '.join(map(str, profile.key))} is described twice; once is allowed")
            found[profile.key] = profile
    return found
