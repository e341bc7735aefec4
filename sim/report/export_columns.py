"""How the columns of a run's tables are described: name, type, unit, meaning, and where a figure stands in a long table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

Kind = Literal["text", "integer", "number", "boolean"]
_WORDS = MappingProxyType(
    {
        "mean": "mean", "p5": "p5", "p50": "p50 (median)", "p90": "p90", "p95": "p95", "p99": "p99", "max": "maximum", "min": "minimum",
        "se": "standard error of the mean", "value": "",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `unit` is empty for what has none: names, months, ordinals."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    metric: str = ""
    """Its name in a long table; empty for a column that says what a row is about."""
    statistic: str = ""
    """Of which it is the p50, the mean, ...; `value` for a figure that is one number."""
    over: str = ""
    """What the statistic is over: `futures`."""

    @property
    def said(self) -> str:
        """The meaning with its statistic."""
        of = _WORDS.get(self.statistic, "")
        return f"{self.meaning}: {of}{f' over {self.over}' if self.over else ''}" if of else self.meaning


@dataclass(frozen=True, slots=True)
class Named:
    """Columns whose names a run makes: those that match a pattern. `column` describes them, its name standing for all (`AXIS`)."""

    pattern: str
    column: Column


@dataclass(frozen=True, slots=True)
class Table:
    """A table in one of its forms: a run with months has other columns than a plain replay."""

    name: str
    files: tuple[str, ...]
    """The files that hold it, the one that keeps types first."""
    when: str
    """In which runs it has this form, in words."""
    row: str
    """What one row is."""
    columns: tuple[Column, ...]
    prefix: str = ""
    """What its figures are of, as their names in OpenMetrics begin: `replay`, `month`, `pair`. Empty: its rows are in no long table."""
    named: tuple[Named, ...] = ()
    """What there may be besides, anywhere among the columns."""
    point: tuple[str, ...] = ()
    """Columns that tell its rows apart, `*` for those that the last of `named` describes: the point of a row in a long table."""

    def form(self, names: Sequence[str]) -> tuple[Column, ...] | None:
        """The columns of a table with these names; None where it is not of this form."""
        fixed = {each.name: each for each in self.columns}
        if [name for name in names if name in fixed] != list(fixed) or len(set(names)) != len(names):
            return None
        found = []
        for name in names:
            made = next((each.column for each in self.named if re.fullmatch(each.pattern, name)), None)
            if name not in fixed and made is None:
                return None
            found.append(fixed[name] if name in fixed or made is None else replace(made, name=name))
        return tuple(found)


def key(name: str, meaning: str, kind: Kind = "text", unit: str = "") -> Column:
    """A column that says what a row is about."""
    return Column(name, kind, unit, meaning)


def figure(
    name: str, unit: str, meaning: str, kind: Kind = "number", *, metric: str = "", statistic: str = "value", over: str = ""
) -> Column:
    """A column that holds one figure, under its own name in a long table unless `metric` gives another."""
    return Column(name, kind, unit, meaning, metric or name, statistic, over)


def spread(metric: str, unit: str, meaning: str, statistics: Iterable[str], *, over: str = "") -> tuple[Column, ...]:
    """A column for each statistic of one metric: `gpus_p50`, `gpus_p95`."""
    return tuple(Column(f"{metric}_{each}", "number", unit, meaning, metric, each, over) for each in statistics)


def words(statistic: str) -> str:
    """A statistic as it is said; nothing for that of a figure that is one number."""
    return _WORDS[statistic]
