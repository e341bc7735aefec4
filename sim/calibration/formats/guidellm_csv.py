"""GuideLLM's CSV: three lines of headings (group, what with its unit, statistic), then a line a benchmark; as entries like its JSON.

The unit stands in the second heading ("Successful ms", "Successful Sec"); percentiles are one list of eleven from the
least to the largest value, the median apart. How many streams or which
rate a strategy had stands in its name, `concurrent@8` or `poisson@4.00`; the model in the JSON of the backend.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

from sim.calibration.formats.look import load_json
from sim.catalog.places import Entry, shown
from sim.errors import InputError

_PERCENTILES = ("min", "p001", "p01", "p05", "p10", "p25", "p75", "p90", "p95", "p99", "max")
_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("Time to First Token", "Successful ms", "time_to_first_token_ms"),
    ("Inter Token Latency", "Successful ms", "inter_token_latency_ms"),
    ("Request Latency", "Successful Sec", "request_latency"),
    ("Token Throughput", "Successful Output Tokens/Sec", "output_tokens_per_second"),
    ("Token Metrics", "Successful Input Tokens", "prompt_token_count"),
    ("Token Metrics", "Successful Output Tokens", "output_token_count"),
)
_STRATEGY = re.compile(r"(?P<kind>[a-z]+)(?:@(?P<value>[0-9.]+))?")
_STATISTICS = (("Mean", "mean"), ("Median", "median"), ("Std Dev", "std_dev"))
_MOST_ROWS = 10_000


def is_guidellm_csv(text: str) -> bool:
    """Whether a CSV begins with GuideLLM's headings."""
    lines = text.lstrip().splitlines()[:2]
    return len(lines) == 2 and lines[0].startswith("Run Info,") and ",Strategy," in lines[1]


def csv_entries(text: str, name: str) -> list[Entry]:
    """Each line as an entry with the keys of the JSON; InputError for a table without the headings."""
    try:
        reader = csv.reader(io.StringIO(text), strict=True)
        rows = [(reader.line_num, row) for row in reader if any(row)]
    except csv.Error as error:
        raise InputError(f"{name}: not CSV: {error}") from None
    if len(rows) < 4:
        raise InputError(f"{name}: no benchmark after the three lines of headings")
    if len(rows) > _MOST_ROWS:
        raise InputError(f"{name}: more than {_MOST_ROWS:,} rows")
    if len({len(row) for _, row in rows}) > 1:
        raise InputError(f"{name}: rows of different lengths; each has as many cells as the headings")
    at = {column: place for place, column in reversed(list(enumerate(zip(*(row for _, row in rows[:3]), strict=True))))}
    return [_entry(row, at, name, line) for line, row in rows[3:]]


def _entry(row: list[str], at: dict[tuple[str, str, str], int], name: str, line: int) -> Entry:
    def cell(group: str, what: str, statistic: str = "") -> str | None:
        place = at.get((group, what, statistic))
        return None if place is None else row[place]

    metrics: dict[str, Any] = {
        "request_totals": {key: cell("Request Counts", key.title()) for key in ("successful", "incomplete", "errored")},
    }
    for group, what, key in _COLUMNS:
        block: dict[str, Any] = {said: _number(cell(group, what, heading)) for heading, said in _STATISTICS}
        listed = cell(group, what, "Percentiles")
        values = load_json(listed, f"{name}:{line}: {group}") if listed else []
        if isinstance(values, list) and len(values) == len(_PERCENTILES):
            block["percentiles"] = dict(zip(_PERCENTILES, values, strict=True))
        metrics[key] = {"successful": block}
    backend = cell("Run Info", "Backend")
    said = load_json(backend, f"{name}:{line}: Backend") if backend and backend.startswith("{") else {}
    config = {"strategy": _strategy(cell("Benchmark", "Strategy") or "", name, line), "backend": said}
    return Entry({"metrics": metrics, "config": config}, name, line)


def _number(text: str | None) -> object:
    """A cell as JSON would have it; what is no number stays text and is told by its reader."""
    try:
        return None if text is None or not text.strip() else json.loads(text)
    except ValueError:
        return text


def _strategy(text: str, name: str, line: int) -> dict[str, Any]:
    found = _STRATEGY.fullmatch(text.strip())
    if not found:
        raise InputError(f"{name}:{line}: Strategy: found {shown(text)}; allowed: a strategy as concurrent@8 or poisson@4.00")
    return {"type_": found["kind"], "streams": found["value"], "rate": found["value"]}
