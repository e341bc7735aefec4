"""LiteLLM proxy: rows of LiteLLM_SpendLogs (JSON lines, JSON or CSV), or the daily totals of /user/daily/activity.

Arrival is startTime; the client is the team, else the key; the class is the model group. Failures and answers from the proxy's own
cache reached no model and are left out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sim.errors import InputError
from sim.trace.foreign import Format, Imported, Options, from_columns, listed, raw_table, texts_of
from sim.trace.look import Look, objects
from sim.trace.usage import Bucket, Usage, merged

_LOG = frozenset({"startTime", "prompt_tokens", "completion_tokens"})


def _matches(found: Look) -> bool:
    return set(found.columns) >= _LOG or (found.layout in ("json", "lines") and _is_activity(found))


def _is_activity(found: Look) -> bool:
    if "results" not in found.columns:
        return False
    rows = next(iter(objects(found)), {}).get("results")
    return bool(isinstance(rows, list) and rows and isinstance(rows[0], dict) and {"date", "metrics"} <= set(rows[0]))


def _read(found: Look, options: Options) -> Imported | Usage:
    if set(found.columns) >= _LOG:
        return _logs(found, options)
    if found.layout in ("json", "lines") and _is_activity(found):
        return _activity(found)
    raise InputError(f"{found.name}: neither rows of LiteLLM_SpendLogs ({', '.join(sorted(_LOG))}) nor /user/daily/activity")


def _logs(found: Look, options: Options) -> Imported:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = ("startTime", "team_id", "api_key", "model_group", "model", "session_id", "cache_hit", "status")
    table = raw_table(found, texts if found.layout == "csv" else ())
    notes = []
    if "cache_hit" in table.column_names:
        hit = pc.equal(pc.utf8_lower(table["cache_hit"].cast(pa.string())), "true").fill_null(False)
        hits = int(pc.sum(hit).as_py() or 0)
        if hits:
            table = table.filter(pc.invert(hit))
            notes.append(f"left out {hits:,} requests answered from the proxy's cache")
    sources = {"arrival_s": "startTime", "prompt_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
    for native, names in (("class", ("model_group", "model")), ("client_id", ("team_id", "api_key")), ("session_id", ("session_id",))):
        for name in names:
            if name in table.column_names and any(table[name].to_pylist()):
                sources[native] = name
                break
    sources.update(options.mapping)
    unknown = [source for source in sources.values() if source not in table.column_names]
    if unknown:
        raise InputError(f"{found.name}: no column {unknown[0]!r}; the file has {listed(table.column_names)}")
    columns: dict[str, Any] = {native: table.column(source) for native, source in sources.items()}
    for native in ("class", "client_id", "session_id"):
        if native in columns:
            text = texts_of(columns[native], f"{found.name}: {sources[native]}")
            columns[native] = pc.if_else(pc.equal(text, "").fill_null(True), None, text)
    read = from_columns(columns, found.name, sources, options)
    return Imported(read.table, (*notes, *read.notes), read.metadata)


def _activity(found: Look) -> Usage:
    rows = [row for page in objects(found) for row in (page["results"] if isinstance(page.get("results"), list) else [])]
    buckets, problems = [], []
    for number, row in enumerate(rows):
        try:
            start = datetime.fromisoformat(row["date"]).replace(tzinfo=UTC)
            metrics = row["metrics"]
            buckets.append(
                Bucket(
                    start.timestamp(),
                    (start + timedelta(days=1)).timestamp(),
                    int(metrics["prompt_tokens"]),
                    int(metrics["completion_tokens"]),
                    int(metrics["cache_read_input_tokens"]) if "cache_read_input_tokens" in metrics else None,
                    int(metrics.get("successful_requests", metrics.get("api_requests"))),
                )
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            problems.append(f"{found.name}: results[{number}]: {type(error).__name__}: {error}; date and metrics are needed")
    if problems:
        raise InputError("\n".join(problems[:20]))
    return Usage(found.name, merged(buckets))


FORMAT = Format("litellm", "LiteLLM spend logs, or daily activity", _matches, _read)
