"""Which numbers of a benchmark are fitted, and which loads are the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sim.calibration.observations import batch_of, distinct, observations, shape_of
from sim.calibration.points import Load, Metric, ServingPoint, Statistic, StepPoint
from tests.made.benchmark import SERVER

LOAD = Load(1024.0, 256.0, concurrency=8)


def point(*measured: tuple[Metric, Statistic], load: Load = LOAD) -> ServingPoint:
    return ServingPoint(SERVER, load, dict.fromkeys(measured, 0.5), "b.csv:2")


def fitted(*measured: tuple[Metric, Statistic]) -> set[tuple[str, str]]:
    return {(o.metric, o.statistic) for o in observations([point(*measured)]) if o.fitted}


@pytest.mark.parametrize(
    ("measured", "chosen"),
    [
        ([("ttft_s", "mean"), ("ttft_s", "p99"), ("tpot_s", "mean"), ("e2e_s", "mean")], {("ttft_s", "mean"), ("tpot_s", "mean")}),
        ([("ttft_s", "p99"), ("ttft_s", "p50"), ("tpot_s", "p99")], {("ttft_s", "p50"), ("tpot_s", "p99")}),
        ([("itl_s", "mean"), ("e2e_s", "mean")], {("itl_s", "mean")}),
        ([("e2e_s", "p50"), ("throughput_tok_s", "mean")], {("e2e_s", "p50")}),
        ([("throughput_tok_s", "mean")], {("throughput_tok_s", "mean")}),
    ],
)
def test_no_run_is_counted_twice(measured: list[tuple[Metric, Statistic]], chosen: set[tuple[str, str]]) -> None:
    assert fitted(*measured) == chosen
    assert len(observations([point(*measured)])) == len(measured)


def test_what_is_no_time_is_left_out() -> None:
    bad = ServingPoint(SERVER, LOAD, {("ttft_s", "mean"): 0.0, ("tpot_s", "mean"): float("nan"), ("e2e_s", "mean"): 2.0}, "b.csv:2")
    assert [(o.metric, o.fitted) for o in observations([bad])] == [("e2e_s", True)]


def test_tails_are_known_less_exactly() -> None:
    noise = {
        o.statistic: o.noise for o in observations([point(("ttft_s", "mean"), ("ttft_s", "p50"), ("ttft_s", "p90"), ("ttft_s", "p99"))])
    }
    assert noise["mean"] == noise["p50"] < noise["p90"] < noise["p99"]


@pytest.mark.parametrize(
    ("load", "batch"),
    [
        (LOAD, "concurrency 8"),
        (replace(LOAD, request_rate_per_s=2.5), "concurrency 8 at 2.5/s"),
        (Load(10.0, 10.0, request_rate_per_s=2.5), "2.5/s"),
        (Load(10.0, 10.0, arrival_s=(0.0, 1.0, 2.0, 4.0)), "1/s as recorded"),
        (Load(10.0, 10.0, arrival_s=(0.0, 0.0)), "all at once"),
    ],
)
def test_how_much_is_in_hand(load: Load, batch: str) -> None:
    assert batch_of(point(load=load)) == batch


def test_steps_go_by_their_batch_and_context() -> None:
    decode = StepPoint(SERVER, 8, 8, 4000, 0.0, 0.01, "s.csv:2")
    prompt = StepPoint(SERVER, 2048, 2, 0.0, 2e6, 0.1, "s.csv:3", "prefill")
    assert (batch_of(decode), shape_of(decode)) == ("batch 8", "context 500")
    assert (batch_of(prompt), shape_of(prompt)) == ("2048 tokens", "2048 tokens")
    assert distinct([decode, replace(decode, seconds=0.02), prompt]) == 2
    assert [o.kind for o in observations([decode, prompt])] == ["decode", "prefill"]
