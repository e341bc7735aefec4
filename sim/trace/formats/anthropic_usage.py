"""Anthropic's usage report of messages (Admin API), or the Console's CSV export: tokens by bucket, without a number of requests.

Prompt tokens are uncached + cache writes + cache reads; cached tokens are the reads. Batch usage becomes the class `batch`, others the
model if grouped by it; the client is the workspace or key if grouped by one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sim.errors import InputError
from sim.trace.foreign import Format, Options, raw_table
from sim.trace.formats.openai_usage import each_bucket
from sim.trace.look import Look, objects
from sim.trace.usage import Bucket, Usage, merged

_CSV = ("usage_date_utc", "usage_input_tokens_no_cache", "usage_output_tokens")
_CSV_WRITES = ("usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h", "usage_input_tokens_cache_write")
_CSV_READS = "usage_input_tokens_cache_read"


def _matches(found: Look) -> bool:
    if found.layout == "csv":
        return set(_CSV) <= set(found.columns)
    if found.layout not in ("json", "lines") or not ({"data", "starting_at"} & set(found.columns)):
        return False
    first = next(each_bucket(objects(found)), {})
    return "starting_at" in first and "results" in first


def _read(found: Look, options: Options) -> Usage:  # noqa: ARG001 (one signature for all formats)
    buckets: list[Bucket] = []
    problems: list[str] = []
    entries: list[dict[str, Any]] = []
    if found.layout == "csv":
        for number, row in enumerate(raw_table(found, ("usage_date_utc",)).to_pylist()):
            try:
                buckets.append(_of_row(row))
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                problems.append(f"{found.name}:{number + 2}: {type(error).__name__}: {error}; {', '.join(_CSV)} are needed")
    else:
        entries = objects(found)
        for number, bucket in enumerate(each_bucket(entries)):
            try:
                start, end = (_unix(bucket[key]) for key in ("starting_at", "ending_at"))
                buckets.extend(_of_result(start, end, result) for result in bucket["results"])
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                problems.append(
                    f"{found.name}: bucket {number}: {type(error).__name__}: {error}; starting_at, ending_at and results are needed"
                )
    if problems:
        raise InputError("\n".join(problems[:20]))
    notes = ("the last page says has_more: the export is not complete",) if entries and entries[-1].get("has_more") else ()
    return Usage(found.name, merged(buckets), notes)


def _of_result(start: float, end: float, result: dict[str, Any]) -> Bucket:
    writes = result.get("cache_creation") or {}
    written = sum(int(value or 0) for value in writes.values())
    written += sum(int(result.get(key) or 0) for key in ("cache_creation_5m_input_tokens", "cache_creation_1h_input_tokens"))
    read = int(result.get("cache_read_input_tokens") or 0)
    class_ = "batch" if result.get("service_tier") == "batch" else str(result.get("model") or "default")
    client = next((str(result[key]) for key in ("workspace_id", "api_key_id") if result.get(key)), None)
    return Bucket(
        start, end, int(result["uncached_input_tokens"]) + written + read, int(result["output_tokens"]), read, None, class_, client
    )  # fmt: skip


def _of_row(row: dict[str, Any]) -> Bucket:
    start = datetime.fromisoformat(row["usage_date_utc"]).replace(tzinfo=UTC)
    read = int(row.get(_CSV_READS) or 0)
    prompt = int(row["usage_input_tokens_no_cache"]) + sum(int(row.get(key) or 0) for key in _CSV_WRITES) + read
    class_ = "batch" if str(row.get("usage_type")).lower() == "batch" else str(row.get("model_version") or "default")
    client = next((str(row[key]) for key in ("workspace", "api_key") if row.get(key)), None)
    end = (start + timedelta(days=1)).timestamp()
    return Bucket(start.timestamp(), end, prompt, int(row["usage_output_tokens"]), read, None, class_, client)


def _unix(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


FORMAT = Format("anthropic-usage", "Anthropic's usage report or Console export (totals)", _matches, _read)
