"""The coefficients of the step-time physics: what share of a GPU's peaks is reached, and what an engine adds to every step.

They live in `models/profiles/engines.yaml`, fitted jointly to all measurements rather than one set a configuration, so that a GPU,
an LLM or a tensor parallel size nobody measured is estimated by the same few numbers. The error beside them is that of points held out.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Precision
from sim.catalog.location import data_folder
from sim.catalog.strict import AsOf, Name, NotNegative, Positive, Share, Source, Strict
from sim.catalog.yaml_file import load_model
from sim.errors import InputError, nearest

Evidence = Literal["calibrated", "assumed"]
Label = Literal["measured", "calibrated", "estimated"]


class ByPrecision(Strict):
    """A share of a peak rate for weights of each precision."""

    bf16: Share
    fp8: Share
    int8: Share
    int4: Share

    def at(self, precision: Precision) -> float:
        """The share for one precision."""
        return float(getattr(self, precision))


class Hardware(Strict):
    """What share of its data sheet a family of GPUs reaches, whatever the engine."""

    name: Name
    gpus: tuple[Name, ...]
    """Catalogue names that belong to the family; GPUs of no family take the one called `default`."""
    weights_share_of_bandwidth: ByPrecision
    small_batch_weights_share: ByPrecision
    """The same in a step of at most 16 tokens, where other matrix kernels run."""
    compute_share_of_peak: ByPrecision
    kv_share_of_bandwidth: Share
    attention_share_of_peak: Share
    """Of the bf16 peak: attention of a prompt is computed in 16 bits."""
    link_share_of_peak: Share
    evidence: Evidence
    source: str = Field(min_length=3)
    as_of: AsOf


class Engine(Strict):
    """What one generation of an engine adds to the work of the GPU in every step."""

    name: Name
    era: Name
    """The years whose releases it stands for; a stack that names none gets the engine's first entry."""
    step_overhead_us: NotNegative
    layer_overhead_us: NotNegative
    layer_link_overhead_us: NotNegative
    """A layer, for each doubling of tensor parallel: synchronising twice a layer does not shrink with the message."""
    sequence_us: NotNegative
    prefill_compute_share: Share
    """Share of the kernels' compute rate that the engine keeps when a step holds prompts."""
    decode_error: Positive
    prefill_error: Positive
    """Root mean square of ln(predicted/measured) on configurations held out of the fit."""
    evidence: Evidence
    source: str = Field(min_length=3)
    as_of: AsOf


class Coefficients(Strict):
    """The whole file: families of GPUs, engines, and the few constants shared by all."""

    ridge_exponent: Positive
    """p of the smooth maximum (weights^p + compute^p)^(1/p)."""
    elementwise_passes: NotNegative
    """Times that norms, residuals and activations move a token's hidden state through memory in one layer."""
    process_gib_per_gpu: NotNegative
    """Memory of the driver context, the communication buffers and the captured graphs."""
    activation_copies: NotNegative
    """Copies of the widest intermediate of a layer alive at once in a full step."""
    hardware: tuple[Hardware, ...] = Field(min_length=1)
    engines: tuple[Engine, ...] = Field(min_length=1)
    sources: tuple[Source, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_default(self) -> Coefficients:
        if all(family.name != "default" for family in self.hardware):
            raise ValueError("hardware has no entry called 'default'; GPUs of no family need one")
        return self

    def family(self, gpu: str) -> Hardware:
        """The family of a GPU, `default` for one that belongs to none."""
        for family in self.hardware:
            if gpu in family.gpus:
                return family
        return next(family for family in self.hardware if family.name == "default")

    def engine(self, name: str, era: str | None = None) -> Engine:
        """An engine of an era, its first entry when none is named; InputError for an unknown engine or era."""
        named = [engine for engine in self.engines if engine.name == name]
        if not named:
            names = list(dict.fromkeys(engine.name for engine in self.engines))
            raise InputError(f"engine: found {name!r}; allowed: {', '.join(names)}{nearest(name, names)}")
        if era is None:
            return named[0]
        eras = [engine.era for engine in named]
        if era not in eras:
            raise InputError(f"engine_era: found {era!r}; allowed for {name}: {', '.join(eras)}{nearest(era, eras)}")
        return named[eras.index(era)]


def load_coefficients(catalog: Catalog | None = None) -> Coefficients:
    """`profiles/engines.yaml` of the first of the catalogue's folders that has one; InputError with every problem of the file."""
    bundled = data_folder("models")
    folders = (bundled,) if catalog is None else catalog.folders
    paths = [folder / "profiles" / "engines.yaml" for folder in (*folders, bundled)]
    return _of_file(next((path for path in paths if path.is_file()), paths[-1]))


@lru_cache(maxsize=8)
def _of_file(path: Path) -> Coefficients:
    return load_model(path, Coefficients, "models/profiles/engines.yaml")
