"""What one replica carries, as found by any process of this machine: rows need it for their load, and it takes longer than a small replay.

A dictionary whose entries are also kept where finished cells are, by a hash of what they depend on. Entries are the same whoever finds
them, so that results do not depend on what was kept.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from sim.futures.cell_store import CellStore, key_of, sources_hash
from sim.measure.load import Saturation

_SHAPES = ("requests_per_s", "throughput_per_s")
_NONE = -1.0
"""Stands for a replica that carries nothing within the service level: no rate is negative."""


class KeptSaturations(dict[Any, Saturation]):
    """Saturation points by pool, mix and service level: plain data, whose texts tell them apart."""

    def __init__(self, store: CellStore) -> None:
        super().__init__()
        self._store = store

    def __contains__(self, key: object) -> bool:
        if super().__contains__(key):
            return True
        found = self._store.get(_name(key), dict.fromkeys(_SHAPES, (1,)))
        if found is None:
            return False
        rate, throughput = (float(found[name][0]) for name in _SHAPES)
        super().__setitem__(key, Saturation(None if rate == _NONE else rate, throughput))
        return True

    def __setitem__(self, key: Any, value: Saturation) -> None:
        super().__setitem__(key, value)
        rate = _NONE if value.requests_per_s is None else value.requests_per_s
        self._store.put(
            _name(key), {name: np.array([number]) for name, number in zip(_SHAPES, (rate, value.throughput_per_s), strict=True)}
        )


def _name(key: object) -> str:
    return key_of("saturation", _sources(), key)


@lru_cache(maxsize=1)
def _sources() -> str:
    """Of a program that does not change while it runs."""
    return sources_hash()
