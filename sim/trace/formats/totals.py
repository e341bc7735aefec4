"""A plain CSV of totals: `start`, prompt_tokens, output_tokens, and if known `end`, requests, cached_tokens, class, client_id.

`start` is a month (2026-10), a day (2026-10-05) or a time (ISO 8601, UTC unless it names a zone). Without `end` a month or day lasts as
long as it does, and a time until the next.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from sim.errors import InputError
from sim.trace.foreign import Format, Options, raw_table
from sim.trace.look import Look
from sim.trace.usage import Bucket, Usage, merged

_NEEDED = frozenset({"start", "prompt_tokens", "output_tokens"})


def _matches(found: Look) -> bool:
    return found.layout == "csv" and set(found.columns) >= _NEEDED


def _read(found: Look, options: Options) -> Usage:  # noqa: ARG001 (one signature for all formats)
    if not set(found.columns) >= _NEEDED:
        raise InputError(f"{found.name}: the columns {', '.join(sorted(_NEEDED))} are needed; the file has {', '.join(found.columns[:20])}")
    rows = raw_table(found, tuple(name for name in ("start", "end", "class", "client_id") if name in found.columns)).to_pylist()
    buckets, problems = [], []
    times: list[float] = []
    for number, row in enumerate(rows):
        try:
            times.append(_span(row["start"])[0])
        except (TypeError, ValueError):
            problems.append(f"{found.name}:{number + 2}: start: found {row['start']!r}; 2026-10, 2026-10-05 or an ISO 8601 time is needed")
    later = sorted(set(times))
    for number, row in enumerate(rows if not problems else []):
        try:
            buckets.append(_bucket(row, later))
        except (TypeError, ValueError, OverflowError) as error:
            problems.append(f"{found.name}:{number + 2}: {error}; whole totals, and an end after the start, are needed")
    if problems:
        raise InputError("\n".join(problems[:20]))
    return Usage(found.name, merged(buckets))


def _bucket(row: dict[str, Any], times: list[float]) -> Bucket:
    start, end = _span(row["start"])
    if row.get("end"):
        end = _span(row["end"])[0]
    elif end is None:
        after = [time for time in times if time > start]
        gaps = [b - a for a, b in pairwise(times)]
        if not gaps:
            raise ValueError("one time without an end")
        end = after[0] if after else start + gaps[-1]
    known = {name: None if row.get(name) is None else _whole(name, row[name]) for name in ("cached_tokens", "requests")}
    tokens = (_whole("prompt_tokens", row["prompt_tokens"]), _whole("output_tokens", row["output_tokens"]))
    return Bucket(start, end, *tokens, known["cached_tokens"], known["requests"], row.get("class") or "default", row.get("client_id"))


def _whole(name: str, value: Any) -> int:
    if value is None or isinstance(value, str) or value != int(value):
        raise ValueError(f"{name}: found {value!r}")
    return int(value)


def _span(text: str) -> tuple[float, float | None]:
    """Start and end (None for a time of day) in Unix seconds."""
    if len(text) == len("2026-10"):
        start = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        return start.timestamp(), (start + timedelta(days=32)).replace(day=1).timestamp()
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.timestamp(), (moment + timedelta(days=1)).timestamp() if len(text) == len("2026-10-05") else None


FORMAT = Format("totals", "CSV of totals: start, prompt_tokens, output_tokens (totals)", _matches, _read)
