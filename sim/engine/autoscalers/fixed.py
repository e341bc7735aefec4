"""fixed: the number of replicas never changes. The engine does not even ask (docs/engine.md section 7)."""

from __future__ import annotations

from sim.engine.compiled import compiled
from sim.engine.layout import State

SETTINGS: tuple[str, ...] = ()


@compiled
def wants(s: State, d: int) -> int:
    """As many replicas as there are."""
    return int(s.dep[d].wanted)
