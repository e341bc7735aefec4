"""Traces from recipes: the processes have the statistics they are named for, the bundled workloads are what their recipes make."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.catalog.location import data_folder
from sim.errors import InputError
from sim.trace import read_trace, table_of, write_trace
from sim.trace.describe import describe
from sim.trace.recipe import Recipe
from sim.trace.synthesise import find_recipe, load_recipe, synthesise

WORKLOADS = ("bursty", "steady", "diurnal", "chat-sessions", "rag", "code", "batch-nightly")
LENGTHS = {"prompt_tokens": {"law": "constant", "value": 100}, "output_tokens": {"law": "constant", "value": 10}}


def recipe(duration_s: float = 86_400.0, traffic: dict[str, Any] | None = None, **more: Any) -> Recipe:
    kinds = {name: {**LENGTHS, "requests_per_s": 1.0, **kind} for name, kind in (traffic or {"a": {}}).items()}
    top = {"about": "test", "source": "test", "as_of": "2026-01-01", "duration_s": duration_s}
    return Recipe.model_validate_json(json.dumps({**top, **more, "traffic": kinds}))


def columns(made: Recipe, seed: int = 1) -> dict[str, np.ndarray]:
    table = table_of(synthesise(made, seed))
    return {name: table[name].to_numpy() for name in table.column_names if name != "prefix_block_ids"}


@pytest.mark.parametrize(("process", "cv"), [("gamma", 0.5), ("gamma", 3.0), ("weibull", 0.5), ("weibull", 3.0), ("poisson", 1.0)])
def test_renewals_have_their_rate_and_spread(process: str, cv: float) -> None:
    arrivals = {"process": process} if process == "poisson" else {"process": process, "cv": cv}
    arrival = columns(recipe(traffic={"a": {"arrivals": arrivals}}))["arrival_s"]
    n, expected = len(arrival), 86_400.0
    # Counts of a renewal process have variance cv² n.
    assert abs(n - expected) < 5 * cv * math.sqrt(expected)
    gaps = np.diff(arrival)
    squares = (gaps - gaps.mean()) ** 2
    error = squares.std() / math.sqrt(n) / (2 * gaps.std())
    assert abs(gaps.std() - cv) < 5 * error + 1e-3 + 0.01 * cv
    assert abs(np.corrcoef(gaps[1:], gaps[:-1])[0, 1]) < 5 / math.sqrt(n)


def test_bursts_are_those_of_a_markov_modulated_poisson_process() -> None:
    ratio, burst_s, gap_s = 10.0, 30.0, 120.0
    kind = {"a": {"arrivals": {"process": "bursts", "ratio": ratio, "burst_s": burst_s, "gap_s": gap_s}}}
    found = [describe(synthesise(recipe(3 * 86_400.0, kind), seed)).idc for seed in range(3)]
    share = burst_s / (burst_s + gap_s)
    low = 1 / (1 - share + share * ratio)
    variance = share * (1 - share) * (low * ratio - low) ** 2
    rate = 1 / burst_s + 1 / gap_s
    for width in (1.0, 10.0, 60.0):
        # Variance of the integral of a two-level process over a bin: 2 v (w/r - (1 - exp(-r w))/r^2).
        integral = 2 * variance * (width / rate - (1 - math.exp(-rate * width)) / rate**2)
        expected = 1 + integral / width
        values = [idc[f"{width:g}s"] for idc in found]
        assert np.mean(values) == pytest.approx(expected, rel=0.04)


def test_the_rate_follows_the_hours_and_the_days() -> None:
    hourly = [float(hour) for hour in range(24)]
    weekly = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    arrival = columns(recipe(7 * 86_400.0, shape={"hourly": hourly, "weekly": weekly}, start="wednesday"))["arrival_s"]
    assert len(arrival) == pytest.approx(7 * 86_400, rel=0.01)
    by_day = np.bincount((arrival // 86_400).astype(int)) / len(arrival)
    assert by_day == pytest.approx(np.array([3, 4, 5, 6, 7, 1, 2]) / 28, rel=0.03)
    middle = np.bincount((arrival % 86_400 // 3600).astype(int))[1:23] / len(arrival)
    assert middle == pytest.approx(np.arange(1, 23) / sum(hourly), rel=0.04)


def test_a_few_clients_carry_most_load() -> None:
    table = columns(recipe(traffic={"a": {"clients": {"count": 50, "exponent": 1.5, "prefix": "who"}}}))
    shares = np.arange(1, 51) ** -1.5
    shares /= shares.sum()
    counts = np.bincount([int(name.removeprefix("who-")) for name in table["client_id"]], minlength=51)[1:]
    expected = shares * len(table["client_id"])
    assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected) + 1)


def test_lengths_follow_their_table_and_their_correlation() -> None:
    quantiles = {"p0": 2, "p50": 129, "p95": 451, "p100": 1000}
    kind = {
        "prompt_tokens": {"law": "lognormal", "median": 700, "sigma": 0.8}, "output_tokens": {"law": "quantiles", "values": quantiles},
        "correlation": 0.6,
    }  # fmt: skip
    table = columns(recipe(traffic={"a": kind}))
    for share, value in ((0.5, 129), (0.95, 451)):
        assert np.mean(table["output_tokens"] <= value) == pytest.approx(share, abs=0.01)
    assert table["output_tokens"].min() >= 2
    assert table["output_tokens"].max() <= 1000
    assert np.median(table["prompt_tokens"]) == pytest.approx(700, rel=0.02)
    ranks = [np.argsort(np.argsort(table[name])) for name in ("prompt_tokens", "output_tokens")]
    # Spearman's rank correlation of a Gaussian copula: 6/π asin(ρ/2).
    assert np.corrcoef(*ranks)[0, 1] == pytest.approx(6 / math.pi * math.asin(0.3), abs=0.01)


def test_what_the_client_allows_cuts_the_output() -> None:
    table = columns(recipe(traffic={"a": {"output_tokens": {"law": "lognormal", "median": 100, "sigma": 1}, "max_tokens": 150}}))
    assert table["output_tokens"].max() == 150
    assert set(table["max_tokens"]) == {150}


def test_prompts_of_a_conversation_hold_what_was_said_before() -> None:
    sessions = {"turns": {"law": "geometric", "mean": 5}, "pause_s": {"law": "exponential", "mean": 60}, "context_tokens": 900}
    table = columns(recipe(traffic={"a": {"sessions": sessions}, "b": {"sessions": sessions}}))
    order = np.lexsort((table["arrival_s"], table["session_id"]))
    session, prompt, output, kind = (table[name][order] for name in ("session_id", "prompt_tokens", "output_tokens", "class"))
    same = session[1:] == session[:-1]
    assert np.array_equal(prompt[1:][same], (prompt + output + 100)[:-1][same])
    assert np.all(kind[1:][same] == kind[:-1][same])
    assert (prompt + output).max() <= 900
    # A conversation of 8 turns of 110 tokens just fits: the mean is that of min(turns, 8).
    expected = sum(0.8**k for k in range(8))
    counts = np.unique(session, return_counts=True)[1]
    assert counts.mean() == pytest.approx(expected, rel=0.03)
    assert len(session) == pytest.approx(2 * 86_400 * expected / 5, rel=0.03)


def test_prefixes_are_whole_blocks_shared_where_the_text_is() -> None:
    prefix = {
        "instruction_tokens": 100, "instruction_variants": 2, "passages": {"law": "constant", "value": 3}, "passage_tokens": 64,
        "corpus": 50, "exponent": 1.0,
    }  # fmt: skip
    trace = synthesise(recipe(3600.0, {"a": {"prefix": prefix}, "b": {}}, prefix_block_tokens=32), 1)
    assert trace.prefix_block_tokens == 32
    table = table_of(trace)
    heads, passages = set(), []
    for kind, prompt, blocks in zip(*(table[name].to_pylist() for name in ("class", "prompt_tokens", "prefix_block_ids")), strict=True):
        assert len(blocks) == (4 + 3 * 2 if kind == "a" else 0)
        assert prompt == 32 * len(blocks) + 100
        if kind == "a":
            heads.add(tuple(blocks[:4]))
            passages += [tuple(blocks[4 + 2 * k : 6 + 2 * k]) for k in range(3)]
    assert heads == {(0, 1, 2, 3), (4, 5, 6, 7)}
    assert all(first % 2 == 0 and second == first + 1 and 8 <= first < 108 for first, second in passages)
    most = np.bincount([first for first, _ in passages]).max() / len(passages)
    assert most == pytest.approx(1 / sum(1 / k for k in range(1, 51)), rel=0.1)


def test_the_same_recipe_gives_the_same_bytes_and_parts_do_not_disturb_each_other(tmp_path: Path) -> None:
    kinds = {"a": {"clients": {"count": 3}}, "b": {}}
    files = [write_trace(tmp_path / f"{k}.parquet", synthesise(recipe(3600.0, kinds))) for k in range(2)]
    assert files[0].read_bytes() == files[1].read_bytes()
    alone, beside = columns(recipe(3600.0, {"b": {}})), columns(recipe(3600.0, kinds))
    assert np.array_equal(beside["arrival_s"][beside["class"] == "b"], alone["arrival_s"])
    assert not np.array_equal(columns(recipe(3600.0), 2)["arrival_s"], columns(recipe(3600.0), 1)["arrival_s"])


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_bundled_workload_is_what_its_recipe_makes(name: str) -> None:
    path = data_folder("workloads") / f"{name}.parquet"
    assert path.stat().st_size < 2_000_000
    stored, made = read_trace(path), synthesise(load_recipe(find_recipe(name)))
    assert stored.metadata == made.metadata
    assert stored.info.columns == made.info.columns
    for column in stored.info.columns:
        one, other = table_of(stored)[column], table_of(made)[column]
        if column == "arrival_s":
            # Another processor's logarithm may differ in its last bit, and so round to the next microsecond.
            assert np.abs(one.to_numpy() - other.to_numpy()).max() <= 2e-6
        else:
            assert one.equals(other), column


def test_there_are_no_other_workloads() -> None:
    folder = data_folder("workloads")
    assert sorted(path.stem for path in folder.glob("*.parquet")) == sorted(WORKLOADS)
    assert sorted(path.stem for path in folder.glob("recipes/*.yaml")) == sorted(WORKLOADS)


def test_bursty_is_bursty_and_an_ordinary_day() -> None:
    trace = read_trace(data_folder("workloads") / "bursty.parquet")
    found = describe(trace)
    assert found.idc["60s"] is not None
    assert found.idc["60s"] > 50
    assert 95_000 < found.rows < 105_000
    assert trace.info.duration_s == 86_400.0
    assert set(trace.classes) == {"chat", "summarise", "extract"}
    assert len(trace.clients) > 200
    assert found.top_clients_share["top_10"] > 0.6


def test_the_nightly_batch_is_mostly_of_class_batch() -> None:
    found = describe(read_trace(data_folder("workloads") / "batch-nightly.parquet"))
    shares = {part.name: part.requests / found.rows for part in found.classes}
    assert shares["batch"] > 0.8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("duration_s: 10", "about: key missing"),
        ("duration_s: -1\nabout: x", "duration_s: found -1"),
        (
            "traffic: {a: {requests_per_s: 1, arrivals: {process: gama, cv: 2}}}",
            "allowed: poisson, gamma, weibull, bursts; did you mean 'gamma'",
        ),
        ("traffic: {a: {requests_per_s: 1, arrivals: {process: gamma}}}", "traffic.a.arrivals.cv: key missing"),
        ("traffic: {a: {prompt_tokens: {law: quantiles, values: {p5: 1, p100: 2}}}}", "the table starts at p0 and ends at p100"),
        ("traffic: {a: {prompt_tokens: {law: quantiles, values: {p0: 3, p50: 2, p100: 4}}}}", "ascend"),
        ("traffic: {a: {prompt_tokens: {law: quantiles, values: {q: 3, p100: 4}}}}", "found the quantile 'q'"),
        ("traffic: {a: {prompt_tokens: {law: uniform, low: 3, high: 2}}}", "high 2 is below low 3"),
        ("shape: {hourly: [1, 2]}", "shape.hourly"),
        ("shape: {weekly: [0, 0, 0, 0, 0, 0, 0]}", "weekly is all zero"),
        ("sedd: 3", "unknown key 'sedd'.*did you mean 'seed'"),
        ("start: Mon", "start: found the text 'Mon'; allowed: monday"),
    ],
)
def test_a_mistake_in_a_recipe_is_located(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_recipe(path, "mine.yaml")
    assert re.search(message, str(caught.value))
    assert all(line.startswith("mine.yaml:") for line in str(caught.value).splitlines())


def test_a_shape_that_is_zero_throughout_is_refused() -> None:
    with pytest.raises(InputError, match="the shape is zero during all of the 86400 s from tuesday on"):
        synthesise(recipe(shape={"weekly": [1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]}, start="tuesday"))


def test_a_bundled_recipe_by_name_and_a_mistaken_one() -> None:
    assert find_recipe("bursty").name == "bursty.yaml"
    with pytest.raises(InputError, match=r"no bundled recipe of this name.*did you mean 'bursty'"):
        find_recipe("burtsy")
