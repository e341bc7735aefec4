"""Where nothing passes: which requirements would have to be others, and by how much, to let each strategy in."""

from __future__ import annotations

from dataclasses import dataclass

from sim.decision.gate_case import Change
from sim.decision.gates import Tree
from sim.decision.performance import Cell, PerformanceMatrix


@dataclass(frozen=True)
class Missed:
    """A requirement that a strategy fails, and the value at which it would pass."""

    key: str
    limit: float
    needed: float
    """What was measured of the strategy: the limit that it would just meet."""
    by_share: float | None
    """How far that is from the limit, over the limit; None for a limit of 0."""
    unit: str


@dataclass(frozen=True)
class Relaxation:
    """Everything that would have to change to let one strategy in, together."""

    strategy: str
    changes: tuple[Change, ...]
    """Of what gates ask."""
    missed: tuple[Missed, ...]
    """Of the requirements on performance."""

    @property
    def count(self) -> int:
        """Of the values of the needs that would have to be others."""
        return len(self.changes) + len(self.missed)

    @property
    def furthest(self) -> float:
        """The largest of the changes over their limits."""
        return max((abs(each.by_share) for each in self.missed if each.by_share is not None), default=0.0)


def relaxations(tree: Tree, matrix: PerformanceMatrix) -> tuple[Relaxation, ...]:
    """What would let each strategy in that does not pass: those first that take the fewest changes, then the smallest."""
    failed = {row.strategy: [_missed(cell) for cell in row.cells if cell.verdict == "fail"] for row in matrix.rows}
    found = [Relaxation(name, tree.changes(name), tuple(failed.get(name, ()))) for name in tree.strategies]
    return tuple(sorted((each for each in found if each.count), key=lambda each: (each.count, each.furthest)))


def passing(tree: Tree, matrix: PerformanceMatrix) -> tuple[str, ...]:
    """Strategies that no gate rules out and that fail no requirement, in their order."""
    return tuple(name for name in tree.left if name in matrix.passing)


def _missed(cell: Cell) -> Missed:
    assert cell.value is not None  # what fails was measured
    limit, needed = cell.requirement.limit, cell.value.value
    return Missed(cell.requirement.key, limit, needed, needed / limit - 1 if limit else None, cell.requirement.unit)
