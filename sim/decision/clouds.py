"""Which services of each cloud a strategy would use: training, models behind an API, tuning, serving and evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim.catalog.catalog import Catalog
from sim.decision.advice_defaults import cloud_defaults
from sim.decision.strategies import Strategy


@dataclass(frozen=True, slots=True)
class CloudTrack:
    """One track of a strategy, by the names of three clouds."""

    strategy: str
    track: str
    """build, buy, fine_tune, serving or evaluation."""
    gcp: str
    aws: str
    azure: str
    source: str


def clouds(strategies: Sequence[Strategy], catalog: Catalog) -> tuple[CloudTrack, ...]:
    """The tracks of each strategy, in the order given; GPUs of one's own are on no cloud, so that only evaluation is left of them."""
    known = cloud_defaults(catalog)
    source = known.source("tracks").source
    found = []
    for strategy in strategies:
        for track in known.tracks_by_kind[strategy.kind]:
            names = known.tracks[track]
            found.append(CloudTrack(strategy.name, track, names.gcp, names.aws, names.azure, source))
    return tuple(found)
