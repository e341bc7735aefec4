"""What the columns of a trace may hold, checked a batch at a time; every mistake is kept with its first row.

Rows are counted from 0 in the order of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError
from sim.trace.columns import LEAST, MOST_TOKENS, OPTIONAL, REQUIRED, TOKENS, Floats, nth, ragged, seconds
from sim.trace.source import Source

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Problems:
    """What is wrong, one line a column and kind, with the first row and how many more."""

    name: str
    first: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, column: str, bad: Any, shown: Any, row: int, allowed: str) -> None:
        number = int(np.count_nonzero(bad))
        if not number:
            return
        place = int(np.argmax(bad))
        key = (column, allowed)
        self.first.setdefault(key, (row + place, shown(place)))
        self.counts[key] = self.counts.get(key, 0) + number

    def stop(self) -> None:
        lines = []
        for key, (row, found) in self.first.items():
            more = self.counts[key] - 1
            also = f" (and {more:,} more)" if more else ""
            lines.append(f"{self.name}: {key[0]}: {nth(row)}: found {found}{also}; {key[1]}")
        if lines:
            raise InputError("\n".join(lines))


def check_columns(source: Source) -> None:
    """InputError unless the columns are there, once each, and of a kind that can hold what they should."""
    import pyarrow.types as kinds

    lines = []
    present = [str(name) for name in source.schema.names]
    for name in REQUIRED:
        if name not in present:
            lines.append(
                f"{source.name}: {name}: column missing; the file has {', '.join(present[:12]) or 'none'}; "
                f"columns of other names are mapped by `sim trace import FILE --map {name}=COLUMN -o OUT.parquet`"
            )
    number_or_text = (kinds.is_integer, kinds.is_string, kinds.is_large_string, kinds.is_string_view)
    for field_ in source.schema:
        name, kind = field_.name, field_.type
        inner = kind.value_type if kinds.is_dictionary(kind) else kind
        if present.count(name) > 1 and name in (*REQUIRED, *OPTIONAL):
            lines.append(f"{source.name}: {name}: two columns of this name; one is needed")
        elif name == "arrival_s":
            if not (kinds.is_integer(kind) or kinds.is_floating(kind)):
                hint = "; wall-clock times are read by `sim trace import`" if kinds.is_temporal(kind) else ""
                lines.append(f"{source.name}: {name}: found {kind}; seconds from the start are needed{hint}")
        elif name in TOKENS:
            if not (kinds.is_integer(kind) or kinds.is_floating(kind)):
                lines.append(f"{source.name}: {name}: found {kind}; whole numbers are needed")
        elif name in ("class", "client_id", "session_id"):
            if not any(is_kind(inner) for is_kind in number_or_text):
                lines.append(f"{source.name}: {name}: found {kind}; texts or whole numbers are needed")
        elif name == "prefix_block_ids":
            lists = kinds.is_list(kind) or kinds.is_large_list(kind)
            if not (lists and kinds.is_integer(kind.value_type)):
                lines.append(f"{source.name}: {name}: found {kind}; lists of whole numbers are needed")
    if lines:
        raise InputError("\n".join(dict.fromkeys(lines)))


def check_arrivals(times: Floats, row: int, problems: Problems) -> None:
    """Times must be finite and not negative."""
    least, most = np.min(times), np.max(times)
    if least >= 0 and most < np.inf:
        return

    def shown(place: int) -> str:
        return "nothing or NaN" if np.isnan(times[place]) else repr(float(times[place]))

    problems.add("arrival_s", ~((times >= 0) & (times < np.inf)), shown, row, "finite seconds from 0 are allowed")


def check_tokens(name: str, column: pa.Array, row: int, problems: Problems) -> None:
    """Counts must be whole and within their limits; optional ones may be null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    least, optional = LEAST[name], name in OPTIONAL
    allowed = f"whole numbers from {least} to {MOST_TOKENS} are allowed" + (", or nothing" if optional else "")
    if name == "output_tokens":
        allowed += " (a request that failed or gave no token is left out by `sim trace import`)"
    extent = pc.min_max(column).as_py()
    whole_kind = pa.types.is_integer(column.type)
    fits = extent["min"] is not None and extent["min"] >= least and extent["max"] <= MOST_TOKENS
    if whole_kind and (column.null_count == 0 or optional) and (fits or extent["min"] is None):
        return
    nulls = np.asarray(column.is_null())
    values = seconds(column)
    fine = (values >= least) & (values <= MOST_TOKENS) & (values == np.floor(values))

    def shown(place: int) -> str:
        value = column[place].as_py()
        return "nothing" if value is None else "NaN" if value != value else repr(value)

    problems.add(name, ~(fine | nulls) if optional else ~fine, shown, row, allowed)


def check_pairs(column: dict[str, Any], row: int, problems: Problems) -> None:
    """Cached tokens are part of the prompt."""
    if "cached_tokens" not in column:
        return
    cached, prompt = seconds(column["cached_tokens"]), seconds(column["prompt_tokens"])
    bad = cached > prompt

    def shown(place: int) -> str:
        return f"{cached[place]:.0f} of a prompt of {prompt[place]:.0f}"

    problems.add("cached_tokens", bad, shown, row, "at most prompt_tokens are allowed (they include the cached ones)")


def check_blocks(column: dict[str, Any], row: int, block_tokens: int, problems: Problems) -> int:
    """Ids must be there; returns how many rows have blocks beyond their prompt."""
    import pyarrow.compute as pc

    lists = column["prefix_block_ids"]
    if lists.flatten().null_count:
        bad = np.zeros(len(lists), bool)
        bad[pc.list_parent_indices(lists).to_numpy()[np.asarray(lists.flatten().is_null())]] = True
        problems.add("prefix_block_ids", bad, lambda _: "an empty id", row, "whole numbers are allowed")
        return 0
    offsets = ragged(lists)[0]
    return int(np.count_nonzero((np.diff(offsets) - 1) * block_tokens >= seconds(column["prompt_tokens"])))


def above_max(column: dict[str, Any]) -> int:
    """How many rows have more output than they asked for."""
    return int(np.count_nonzero(seconds(column["output_tokens"]) > seconds(column["max_tokens"])))
