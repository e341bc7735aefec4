"""Traces from totals: every total is kept exactly, bucket by bucket, and what is assumed is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError
from sim.trace import Trace, table_of
from sim.trace.describe import describe
from sim.trace.formats import read_foreign
from sim.trace.imports import trace_of
from sim.trace.synthesise import find_recipe, load_recipe
from sim.trace.usage import Bucket, Usage, from_usage, shared_out

HOUR = 3600.0
START = 1_793_000_000 // 86_400 * 86_400.0
BURSTY = load_recipe(find_recipe("bursty"))


def totals(trace: Trace, begin_s: float, end_s: float, **wanted: str) -> tuple[int, int, int, int]:
    table = table_of(trace)
    columns = {name: np.asarray(table[name].to_pylist(), dtype=object) for name in table.column_names}
    inside = (columns["arrival_s"] >= begin_s) & (columns["arrival_s"] < end_s)
    for name, value in wanted.items():
        inside &= columns[name.rstrip("_")] == value
    cached = [value or 0 for value in columns["cached_tokens"][inside]] if "cached_tokens" in columns else [0]
    return int(inside.sum()), int(columns["prompt_tokens"][inside].sum()), int(columns["output_tokens"][inside].sum()), int(sum(cached))


def test_every_total_of_every_bucket_class_and_client_is_kept() -> None:
    generator = np.random.default_rng(4)
    buckets = []
    for hour in range(48):
        for class_ in ("chat", "batch"):
            for client in ("a", "b"):
                requests = int(generator.integers(1, 400)) if hour % 7 else 0
                prompt, output = int(generator.integers(1, 2000)) * requests, int(generator.integers(1, 300)) * requests
                cached = int(generator.random() * prompt)
                begin = START + hour * HOUR
                buckets.append(Bucket(begin, begin + HOUR, prompt, output, cached, requests, class_, client))
    trace = from_usage(Usage("u", tuple(buckets)), BURSTY, "bursty")
    assert trace.info.duration_s == 48 * HOUR
    assert trace.metadata["sim.arrivals"] == "assumed"
    assert any("arrivals assumed" in note and "bursty" in note for note in trace.info.notes)
    for bucket in buckets:
        begin = bucket.start_s - START
        expected = (bucket.requests, bucket.prompt_tokens, bucket.output_tokens, bucket.cached_tokens)
        assert bucket.client is not None
        assert totals(trace, begin, begin + HOUR, class_=bucket.class_, client_id=bucket.client) == expected
    for chunk in trace.chunks():
        assert np.all(chunk.cached_tokens <= chunk.prompt_tokens)


def test_the_shape_decides_how_bursty_a_total_is() -> None:
    usage = Usage("u", (Bucket(START, START + 24 * HOUR, 50_000_000, 8_000_000, None, 40_000),))
    dispersion = {}
    for name in ("bursty", "steady"):
        trace = from_usage(usage, load_recipe(find_recipe(name)), name)
        assert totals(trace, 0, 24 * HOUR)[:3] == (40_000, 50_000_000, 8_000_000)
        dispersion[name] = describe(trace).idc["60s"] or 0.0
    assert dispersion["bursty"] > 5 * dispersion["steady"]
    assert dispersion["steady"] == pytest.approx(1.0, abs=0.2)


def test_requests_that_are_not_counted_are_assumed_and_said() -> None:
    usage = Usage("u", (Bucket(START, START + HOUR, 1_000_000, 100_000, None, None),))
    trace = from_usage(usage, BURSTY, "bursty", mean_prompt_tokens=500)
    assert totals(trace, 0, HOUR)[:3] == (2000, 1_000_000, 100_000)
    assert any("numbers of requests assumed: 500 prompt tokens each" in note for note in trace.info.notes)


def test_requests_without_tokens_are_left_out_and_said() -> None:
    usage = Usage("u", (Bucket(START, START + HOUR, 100, 3, None, 5), Bucket(START + HOUR, START + 2 * HOUR, 70, 0, None, 5)))
    trace = from_usage(usage, BURSTY, "bursty")
    assert totals(trace, 0, 2 * HOUR)[:3] == (3, 100, 3)
    assert any("left out 7 requests" in note for note in trace.info.notes)
    assert any("left out 70 tokens" in note for note in trace.info.notes)


@given(
    st.integers(0, 10**12),
    st.lists(st.floats(0, 1e9, allow_nan=False), min_size=1, max_size=50),
)
def test_shares_sum_to_the_total(total: int, weights: list[float]) -> None:
    shares = shared_out(total, np.asarray(weights))
    assert shares.sum() == total
    assert shares.min() >= 0
    if sum(weights) > 0:
        exact = np.asarray(weights) / sum(weights) * total
        assert np.abs(shares - exact).max() <= 1 + 1e-3 * max(1.0, total * 1e-12)


@pytest.mark.parametrize(
    ("buckets", "message"),
    [
        ((), "no bucket with any requests or tokens"),
        ((Bucket(START, START + 1, -5, 3, None, 1),), "negative total"),
        ((Bucket(START + 1, START, 5, 3, None, 1),), "an end before its start"),
        ((Bucket(START, START + 1, 5, 3, 6, 1),), "6 cached of 5 prompt tokens"),
        ((Bucket(START, START + 10, 5, 3, None, 1), Bucket(START + 5, START + 15, 5, 3, None, 1)), "overlaps the one before it"),
        ((Bucket(START, START + 1, 5, 0, None, 1),), "no bucket has requests with prompt and output tokens"),
        ((Bucket(START, START + 401 * 86_400, 5, 3, None, 1),), "at most 400 days are read at once"),
        ((Bucket(START, START + 1, 10**9, 10**9, None, 10**8),), "at most 20,000,000 are made at once"),
    ],
)
def test_totals_that_make_no_sense(buckets: tuple[Bucket, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_usage(Usage("u", buckets), BURSTY, "bursty")


# The exports.


def usage_of(tmp_path: Path, name: str, content: Any, form: str = "auto") -> Usage:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    read = read_foreign(path, form, name=name)
    assert isinstance(read, Usage)
    return read


def openai_bucket(start: int, *results: dict[str, Any]) -> dict[str, Any]:
    filled = [{"object": "organization.usage.completions.result", "project_id": None, "model": None, "batch": None, **r} for r in results]
    return {"object": "bucket", "start_time": start, "end_time": start + 3600, "results": filled}


def test_openai_usage(tmp_path: Path) -> None:
    start = int(START)
    page = {
        "object": "page", "has_more": True, "next_page": "x",
        "data": [
            openai_bucket(
                start,
                {"input_tokens": 1000, "output_tokens": 500, "input_cached_tokens": 800, "num_model_requests": 5},
                {"input_tokens": 300, "output_tokens": 30, "input_cached_tokens": 0, "num_model_requests": 3, "batch": True, "model": "m"},
            ),
            openai_bucket(start + 3600, {"input_tokens": 70, "output_tokens": 7, "num_model_requests": 1, "model": "m", "project_id": "p"}),
        ],
    }  # fmt: skip
    usage = usage_of(tmp_path, "o.json", page)
    assert usage.buckets == (
        Bucket(start, start + 3600, 1000, 500, 800, 5),
        Bucket(start, start + 3600, 300, 30, 0, 3, "batch"),
        Bucket(start + 3600, start + 7200, 70, 7, None, 1, "m", "p"),
    )
    assert "has_more" in usage.notes[0]
    assert usage_of(tmp_path, "l.jsonl", "\n".join(json.dumps(bucket) for bucket in page["data"])).buckets == usage.buckets
    trace = trace_of(usage, "o.json", "bursty")
    assert totals(trace, 0, 3600, class_="default") == (5, 1000, 500, 800)


def test_anthropic_usage_report(tmp_path: Path) -> None:
    results = [
        {
            "uncached_input_tokens": 1500, "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500},
            "cache_read_input_tokens": 200, "output_tokens": 500, "model": "m", "service_tier": "standard", "workspace_id": "w",
        },
        {"uncached_input_tokens": 10, "cache_read_input_tokens": 0, "output_tokens": 5, "model": "m", "service_tier": "batch"},
    ]  # fmt: skip
    page = {"data": [{"starting_at": "2026-10-01T00:00:00Z", "ending_at": "2026-10-02T00:00:00Z", "results": results}], "has_more": False}
    usage = usage_of(tmp_path, "a.json", page)
    first, second = usage.buckets
    assert (first.prompt_tokens, first.output_tokens, first.cached_tokens, first.requests) == (3200, 500, 200, None)
    assert (first.class_, first.client, second.class_) == ("m", "w", "batch")
    assert first.end_s - first.start_s == 86_400
    assert usage.notes == ()


def test_anthropic_console_export(tmp_path: Path) -> None:
    header = (
        "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
        "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens\n"
    )
    rows = "2026-08-05,m,k,Default,standard,x,100,20,3,400,50\n2026-08-05,m,k2,Default,standard,x,1,0,0,0,1\n2026-08-06,m,k,Default,batch,x,7,0,0,0,2\n"
    usage = usage_of(tmp_path, "c.csv", header + rows)
    found = [(b.prompt_tokens, b.output_tokens, b.cached_tokens, b.class_, b.client) for b in usage.buckets]
    assert found == [(524, 51, 400, "m", "Default"), (7, 2, 0, "batch", "Default")]


def test_litellm_daily_activity(tmp_path: Path) -> None:
    day = {
        "prompt_tokens": 2_110_000,
        "completion_tokens": 401_000,
        "api_requests": 3120,
        "successful_requests": 3101,
        "cache_read_input_tokens": 402_000,
    }
    usage = usage_of(tmp_path, "d.json", {"results": [{"date": "2026-11-02", "metrics": day}]})
    (bucket,) = usage.buckets
    assert (bucket.requests, bucket.prompt_tokens, bucket.output_tokens, bucket.cached_tokens) == (3101, 2_110_000, 401_000, 402_000)
    assert totals(trace_of(usage, "d.json"), 0, 86_400) == (3101, 2_110_000, 401_000, 402_000)


def test_months_days_and_hours_of_a_plain_table(tmp_path: Path) -> None:
    usage = usage_of(tmp_path, "t.csv", "start,requests,prompt_tokens,output_tokens\n2026-01,10,100,20\n2026-02,20,200,40\n")
    assert [(b.end_s - b.start_s) / 86_400 for b in usage.buckets] == [31, 28]
    usage = usage_of(tmp_path, "t.csv", "start,prompt_tokens,output_tokens\n2026-01-05,100,20\n")
    assert usage.buckets[0].requests is None
    assert usage.buckets[0].end_s - usage.buckets[0].start_s == 86_400
    text = "start,prompt_tokens,output_tokens,class\n2026-01-05T10:00,1,2,a\n2026-01-05T10:00,1,2,b\n2026-01-05T11:30,3,4,a\n"
    usage = usage_of(tmp_path, "t.csv", text)
    assert [(b.end_s - b.start_s, b.class_) for b in usage.buckets] == [(5400, "a"), (5400, "b"), (5400, "a")]


@pytest.mark.parametrize(
    ("name", "content", "form", "message"),
    [
        (
            "o.json",
            {"data": [{"start_time": 1, "end_time": 2, "results": [{"input_tokens": 1}]}]},
            "auto",
            "bucket 0: KeyError: 'output_tokens'",
        ),
        ("a.json", {"data": [{"starting_at": "x", "results": []}]}, "auto", "bucket 0: .*starting_at, ending_at and results are needed"),
        ("d.json", {"results": [{"date": "2026-11-02", "metrics": {}}]}, "auto", r"results\[0\]: KeyError"),
        ("t.csv", "start,prompt_tokens,output_tokens\nsoon,1,2\n", "auto", "t.csv:2: start: found 'soon'"),
        ("t.csv", "start,prompt_tokens,output_tokens\n2026-01-01,1.5,2\n", "auto", "t.csv:2: prompt_tokens: found 1.5"),
        ("t.csv", "start,prompt_tokens,output_tokens\n2026-01-01T10:00,1,2\n", "auto", "one time without an end"),
        ("t.csv", "start,in,out\n2026-01-01,1,2\n", "totals", "the columns output_tokens, prompt_tokens, start are needed"),
    ],
)
def test_an_export_with_a_mistake(tmp_path: Path, name: str, content: Any, form: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        usage_of(tmp_path, name, content, form)


@pytest.mark.parametrize(
    ("bucket", "said"),
    [
        (Bucket(START, START + HOUR, 10**18, 5), "found '1000000000000000000'; at most 1e.17 are read"),
        (Bucket(1e300, 2e300, 5, 5), r"found a bucket from 1e.300 to 2e.300 \(Unix seconds\)"),
        (Bucket(float("nan"), START, 5, 5), "found a bucket from nan"),
    ],
)
def test_totals_beyond_anything(bucket: Bucket, said: str) -> None:
    with pytest.raises(InputError, match=said):
        from_usage(Usage("u", (bucket,)), BURSTY, "bursty")
