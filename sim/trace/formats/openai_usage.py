"""OpenAI's organization usage of completions: buckets of a minute, an hour or a day, with results grouped or not.

`input_tokens` include `input_cached_tokens`. Batch results become the class `batch`, others the model if grouped by it; the client is
the project, user or key if grouped by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sim.errors import InputError
from sim.trace.foreign import Format, Options
from sim.trace.look import Look, objects
from sim.trace.usage import Bucket, Usage, merged


def _matches(found: Look) -> bool:
    if found.layout not in ("json", "lines") or not ({"data", "start_time"} & set(found.columns)):
        return False
    first = next(each_bucket(objects(found)), {})
    return "start_time" in first and "results" in first


def each_bucket(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The buckets of pages of either vendor, or the entries themselves when they are buckets."""
    for entry in entries:
        data = entry.get("data")
        yield from (bucket for bucket in data if isinstance(bucket, dict)) if isinstance(data, list) else [entry]


def _read(found: Look, options: Options) -> Usage:  # noqa: ARG001 (one signature for all formats)
    entries = objects(found)
    buckets, problems = [], []
    for number, bucket in enumerate(each_bucket(entries)):
        try:
            for result in bucket["results"]:
                buckets.append(
                    Bucket(
                        float(bucket["start_time"]),
                        float(bucket["end_time"]),
                        int(result["input_tokens"]),
                        int(result["output_tokens"]),
                        None if result.get("input_cached_tokens") is None else int(result["input_cached_tokens"]),
                        int(result["num_model_requests"]),
                        "batch" if result.get("batch") else str(result.get("model") or "default"),
                        next((str(result[k]) for k in ("project_id", "user_id", "api_key_id") if result.get(k)), None),
                    )
                )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            problems.append(f"{found.name}: bucket {number}: {type(error).__name__}: {error}; start_time, end_time and results are needed")
    if problems:
        raise InputError("\n".join(problems[:20]))
    more = entries and entries[-1].get("has_more")
    notes = ("the last page says has_more: the export is not complete",) if more else ()
    return Usage(found.name, merged(buckets), notes)


FORMAT = Format("openai-usage", "OpenAI's usage of completions (totals)", _matches, _read)
