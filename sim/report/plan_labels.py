"""What candidates of a plan are called: by the choices in which they differ, each name once, those that replay alike as one.

Two candidates are one row where all their replays came out alike to the last bit (engine limits that are never reached, a place that no
request goes to) and they are bought alike. With months, two whose months were both forecast are two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sim.planning.search import Judged

_ALWAYS = ("gpu", "tensor_parallel", "replicas")
"""Shown wherever candidates of the space differ in them: what people call a stack by."""
_BOUGHT = ("purchase", "reserved")
_SHARES = ("reserved", "api_share")
_MOST_VALUES = 3


@dataclass(frozen=True)
class Alike:
    """Candidates that are one row: `first` stands for all."""

    first: Judged
    others: tuple[Judged, ...] = ()

    @property
    def every(self) -> tuple[Judged, ...]:
        """All of them, the first one first."""
        return (self.first, *self.others)

    def values(self, name: str) -> tuple[object, ...]:
        """What was chosen of one list, each value once."""
        return tuple(dict.fromkeys(value for each in self.every if (value := dict(each.candidate.values).get(name)) is not None))


def alike(some: Iterable[Judged], own: frozenset[int] = frozenset()) -> tuple[Alike, ...]:
    """Rows in the order of their first candidates; each whose number is in `own` has a row of its own, which others may join."""
    rows: list[list[Judged]] = []
    places: dict[Hashable, int] = {}
    for each in some:
        key = _replayed(each)
        place = places.get(key)
        mine = each.candidate.number in own
        if place is None or (mine and any(other.candidate.number in own for other in rows[place])):
            places.setdefault(key, len(rows))
            rows.append([each])
        else:
            rows[place].append(each)
    return tuple(Alike(first, tuple(others)) for first, *others in rows)


def labels(rows: Sequence[Alike], lists: Sequence[str]) -> Mapping[int, str]:
    """The name of each candidate by its number; `lists` are those in which candidates of the space differ."""
    shown = [name for name in lists if name in _ALWAYS or len({row.values(name) for row in rows}) > 1]
    names = [label(row, shown or lists) for row in rows]
    counts = Counter(names)
    # Choices that read alike: the number, from 1 in the order of the space, tells them apart.
    own = [f"{name} (no. {row.first.candidate.number + 1})" if counts[name] > 1 else name for row, name in zip(rows, names, strict=True)]
    return {each.candidate.number: name for row, name in zip(rows, own, strict=True) for each in row.every}


def label(row: Alike, lists: Sequence[str]) -> str:
    """A row in few words."""
    parts = [_short(name, values) for name in lists if (values := row.values(name))]
    return ", ".join(parts) or "the stack as it is"


def _replayed(each: Judged) -> Hashable:
    """What two candidates have to have alike to be one row."""
    values = dict(each.candidate.values)
    rows = [
        (row.slo, tuple((name, value) for name, value in sorted(row.metrics.items()) if "load" not in name))
        for row in (each.row, each.held)
    ]  # fmt: skip
    return (*rows, *(values.get(name) for name in _BOUGHT))


def choice_text(name: str, value: object) -> str:
    """What was chosen of a list, as people write it: shares in percent."""
    return f"{100 * value:.3g} %" if name in _SHARES and isinstance(value, (int, float)) else str(value)


def _short(name: str, values: Sequence[object]) -> str:
    """One choice in few words: `TP2`, `x3`, `seqs 40/256`; of a key of the stack its last part."""
    text = "/".join(choice_text(name, value) for value in values[:_MOST_VALUES])
    text += f" and {len(values) - _MOST_VALUES} more" if len(values) > _MOST_VALUES else ""
    if name == "gpu":
        return text
    if name == "tensor_parallel":
        return f"TP{text}"
    if name == "replicas":
        return f"x{text}" if all(str(value).isdigit() for value in values) else text
    return f"{'seqs' if name == 'max_num_seqs' else name.rpartition('.')[2].replace('_', ' ')} {text}"
