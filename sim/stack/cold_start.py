"""How long a new replica takes, stage by stage: what a stack says, else the assumptions of models/defaults/cold-start.yaml."""

from __future__ import annotations

from pydantic import Field

from sim.catalog.catalog import Catalog
from sim.catalog.strict import NotNegative, Positive, Source, Strict
from sim.stack.gpu_deployment import ColdStart
from sim.stack.resolved import ColdStage, Origin
from sim.units import GB

STAGES = ("provision", "pull", "load", "warmup")


class ColdStartDefaults(Strict):
    """The file of assumptions: seconds, and gigabytes (1e9 bytes) of weights a second."""

    provision_median_s: NotNegative
    provision_sigma: NotNegative
    pull_median_s: NotNegative
    pull_sigma: NotNegative
    load_gb_per_s: Positive
    load_sigma: NotNegative
    warmup_median_s: NotNegative
    warmup_sigma: NotNegative
    sources: tuple[Source, ...] = Field(min_length=1)

    def source(self, key: str) -> Source:
        """Where the value of a key comes from."""
        return next(source for source in self.sources if key in source.keys)


def load_defaults(catalog: Catalog) -> ColdStartDefaults:
    """The assumptions, from the first folder of the catalogue that has them."""
    return catalog.shared("defaults/cold-start.yaml", ColdStartDefaults)


def cold_stages(given: ColdStart, weight_bytes: float, defaults: ColdStartDefaults, key: str) -> tuple[tuple[ColdStage, ...], list[Origin]]:
    """The stages of a cold start of so many bytes of weights, and where the assumed ones come from; `key` is the deployment's."""
    stages, origins = [], []
    for name in STAGES:
        stage = getattr(given, name)
        if stage is not None:
            stages.append(ColdStage(name, stage.median, stage.sigma))
            continue
        if name == "load":
            rate = defaults.load_gb_per_s
            median_s, source = weight_bytes / (rate * GB), defaults.source("load_gb_per_s")
            said = f"{weight_bytes / GB:.1f} GB at {rate:g} GB/s: {source.source}"
        else:
            median_s, source = getattr(defaults, f"{name}_median_s"), defaults.source(f"{name}_median_s")
            said = source.source
        sigma = getattr(defaults, f"{name}_sigma")
        stages.append(ColdStage(name, median_s, sigma))
        origins.append(Origin(f"{key}.cold_start.{name}.median", median_s, "s", "assumed", said, source.as_of))
        of_sigma = defaults.source(f"{name}_sigma")
        origins.append(Origin(f"{key}.cold_start.{name}.sigma", sigma, "", "assumed", of_sigma.source, of_sigma.as_of))
    return tuple(stages), origins
