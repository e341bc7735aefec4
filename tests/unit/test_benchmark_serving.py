"""The one way to simulate a benchmark: what is assumed of it, and what a load generator would measure, against closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sim.calibration.points import Load, Server
from sim.calibration.serving import (
    EARLIER_UTILISATION,
    MOST_CLIENTS,
    MOST_REQUESTS,
    TIGHT_UTILISATION,
    Served,
    assumed_of,
    kv_precision_of,
    lengths_of,
    longest_of,
    profile_of,
    requests_of,
    serve,
)
from sim.catalog.catalog import Catalog
from sim.errors import InputError
from sim.profile import Profile, StepCoefficients, resolve_profile
from sim.profile.memory import DEFAULT_UTILISATION
from sim.profile.shipped import load_shipped

CATALOG = Catalog.bundled()
STEP_S = 2.0**-6
FRONT_END_S = 2.0**-5


def server(llm: str = "llama-3.1-70b", gpu: str = "h200-sxm", tensor_parallel: int = 8, precision: str = "fp8", **more: object) -> Server:
    return Server(CATALOG.llm(llm), CATALOG.gpu(gpu), tensor_parallel, precision, **more)  # type: ignore[arg-type]


def profile(step: StepCoefficients | None = None, **changed: object) -> Profile:
    """A replica whose step always takes STEP_S, whatever is in it."""
    found = profile_of(server(), longest_tokens=8192, catalog=CATALOG)
    fields: dict[str, object] = {"front_end_s": FRONT_END_S, "max_num_batched_tokens": 8192, "max_num_seqs": 256, **changed}
    return replace(found, step=step or StepCoefficients(STEP_S, (1.0,), (0.0,)), **fields)  # type: ignore[arg-type]


def test_clients_in_step_take_exactly_as_many_steps_as_they_have_tokens() -> None:
    clients, output = 4, 65
    found = serve(Load(100, output, concurrency=clients, least_length_share=1.0), profile())
    ttft = STEP_S + FRONT_END_S  # the four prompts share the first step
    e2e = output * STEP_S + FRONT_END_S
    assert found.requests == 10 * clients and found.refused == 0
    for statistic in ("mean", "p50", "p99"):
        assert found.values["ttft_s", statistic] == pytest.approx(ttft, rel=1e-12)
        assert found.values["tpot_s", statistic] == pytest.approx(STEP_S, rel=1e-12)
        assert found.values["e2e_s", statistic] == pytest.approx(e2e, rel=1e-12)
    assert found.values["itl_s", "mean"] == pytest.approx(STEP_S, rel=1e-12)
    assert found.values["throughput_tok_s", "mean"] == pytest.approx(clients * output / e2e, rel=1e-12)
    assert found.duration_s == pytest.approx(10 * e2e, rel=1e-12)


def test_prompts_that_do_not_share_a_step_wait_for_each_other() -> None:
    # each step takes one prompt of 8,192 tokens, so that the k-th client's first token comes after k steps
    clients = 5
    found = serve(
        Load(8192, 1, concurrency=clients, requests=clients, least_length_share=1.0), profile(front_end_s=0.0, max_model_len=9000)
    )
    assert found.values["ttft_s", "mean"] == pytest.approx(STEP_S * (clients + 1) / 2, rel=1e-12)
    assert ("tpot_s", "mean") not in found.values  # one token has no next one


def test_time_per_token_is_a_mean_of_requests_and_the_gap_between_tokens_one_of_tokens() -> None:
    # alone, a step takes 1 + tokens of context; the longer request has the longer gaps and more of them
    step = StepCoefficients(1.0, (1.0,), (0.0,), f_s=1.0)
    lengths = ((10, 3), (10, 5))
    found = serve(Load(10, 4, concurrency=1, lengths=lengths), profile(step, front_end_s=0.0))
    gaps = [[1.0 + 10 + k for k in range(output - 1)] for _, output in lengths]
    assert found.values["tpot_s", "mean"] == pytest.approx(np.mean([np.mean(each) for each in gaps]), rel=1e-12)
    assert found.values["itl_s", "mean"] == pytest.approx(np.mean(np.concatenate(gaps)), rel=1e-12)


def test_a_slow_open_stream_finds_the_server_idle() -> None:
    found = serve(Load(100, 10, request_rate_per_s=1e-3, requests=50), profile())
    assert found.values["ttft_s", "p99"] == pytest.approx(STEP_S + FRONT_END_S, rel=1e-6)
    assert found.requests == 50


def test_recorded_arrivals_are_sent_when_they_were() -> None:
    found = serve(Load(100, 3, arrival_s=(7.0, 5.0), lengths=((100, 3), (50, 3))), profile(front_end_s=0.0))
    assert found.duration_s == pytest.approx(2.0 + 3 * STEP_S, rel=1e-12)


def test_a_rate_counts_where_it_is_below_what_the_clients_can_send() -> None:
    both = Load(100, 100, concurrency=4, request_rate_per_s=1e6)
    assert serve(both, profile()) == serve(replace(both, request_rate_per_s=None), profile())
    slow = replace(both, request_rate_per_s=1e-3)
    assert serve(slow, profile()).duration_s > 10_000


def test_a_full_kv_cache_is_told_from_a_queue_for_a_step() -> None:
    load = Load(1000, 100, concurrency=32, least_length_share=1.0)
    ample, short = serve(load, profile(blocks=32 * 80)), serve(load, profile(blocks=8 * 80))
    assert (ample.kv_full_share, ample.preemptions) == (0.0, 0)
    assert short.kv_full_share > 0.5
    assert short.mean_waiting == pytest.approx(32 - 8, rel=0.2)  # eight have room
    assert short.values["ttft_s", "mean"] > 5 * ample.values["ttft_s", "mean"]
    queued = serve(load, profile(blocks=32 * 80, max_num_seqs=4))
    assert queued.mean_waiting > 20
    assert queued.kv_full_share == 0.0


def test_lengths_depend_on_the_shape_of_the_load_alone() -> None:
    few, many = Load(1000, 200, concurrency=2), Load(1000, 200, concurrency=64)
    a, b = (lengths_of(load, requests_of(load)) for load in (few, many))
    assert len(a[0]) == 20 and len(b[0]) == 640
    assert np.array_equal(a[0], b[0][:20]) and np.array_equal(a[1], b[1][:20])
    prompts, outputs = lengths_of(many, 100_000)
    assert (prompts.min(), prompts.max()) == (800, 1000) and (outputs.min(), outputs.max()) == (160, 200)
    assert prompts.mean() == pytest.approx(900, rel=3 * 58 / math.sqrt(100_000) / 900)
    assert abs(np.corrcoef(prompts, outputs)[0, 1]) < 0.02
    other = lengths_of(many, 100_000, seed=1)[0]
    assert not np.array_equal(prompts, other)
    assert set(lengths_of(replace(many, least_length_share=1.0), 10)[0]) == {1000}
    assert set(lengths_of(replace(few, concurrency=None, request_rate_per_s=1.0), 10)[1]) == {200}


def test_how_many_requests_a_run_has() -> None:
    assert requests_of(Load(1, 1, concurrency=7)) == 70
    assert requests_of(Load(1, 1, concurrency=7, requests=20)) == 20
    assert requests_of(Load(1, 1, request_rate_per_s=2.0)) == 1000
    assert requests_of(Load(1, 1, concurrency=7, requests=10**9)) == MOST_REQUESTS
    assert requests_of(Load(1, 1, concurrency=7, lengths=((1, 2), (3, 4)))) == 2
    assert longest_of(Load(1, 1, concurrency=7, lengths=((1, 2), (3, 4)))) == 7
    assert longest_of(Load(1024, 100.4, concurrency=7)) == 1124


def test_runs_are_repeated_to_the_bit() -> None:
    load = Load(1000, 100, concurrency=16)
    assert serve(load, profile()) == serve(load, profile())
    assert isinstance(serve(load, profile(), requests=32), Served)
    assert serve(load, profile(), requests=32).requests == 32


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (Load(10, 10, concurrency=MOST_CLIENTS + 1), "concurrency: found 100001"),
        (Load(10, 10, concurrency=0), "concurrency: found 0"),
        (Load(10, 10), "neither a concurrency nor"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused(load: Load, said: str) -> None:
    with pytest.raises(InputError, match=said):
        serve(load, profile(), requests=10)


def test_no_request_that_fits_is_an_error() -> None:
    with pytest.raises(InputError, match="no request of the benchmark fits a server that takes up to 50 tokens"):
        serve(Load(100, 10, concurrency=1), profile(max_model_len=50))


def test_what_a_benchmark_does_not_say_of_its_server() -> None:
    assert [kv_precision_of(server(precision=each)) for each in ("bf16", "fp8", "fp4", "int4")] == ["bf16", "fp8", "fp8", "bf16"]
    assert kv_precision_of(server(gpu="a100-80gb", precision="fp8")) == "bf16"
    assert kv_precision_of(server(kv_precision="bf16")) == "bf16"
    usual = profile_of(server(), longest_tokens=2048, catalog=CATALOG)
    assert usual.kv_precision == "fp8" and usual.max_model_len == 2048
    more = profile_of(server(utilisation=DEFAULT_UTILISATION), longest_tokens=2048, catalog=CATALOG)
    same = profile_of(server(utilisation=EARLIER_UTILISATION), longest_tokens=2048, catalog=CATALOG)
    assert more.blocks > usual.blocks == same.blocks
    said = assumed_of(server(), Load(1, 1, concurrency=1), usual)
    assert [text.rpartition("(")[2] for text in said] == [
        "engine_era)", "kv_precision)", "utilisation)", "least_length_share)", "requests)",
    ]  # fmt: skip
    everything = server(kv_precision="fp8", engine_era="2025", utilisation=0.9)
    assert assumed_of(everything, Load(1, 1, concurrency=1, requests=5, least_length_share=1.0), usual) == ()


def test_a_calibrated_profile_is_left_out_when_only_physics_are_asked_for() -> None:
    assert profile_of(server(), longest_tokens=2048, catalog=CATALOG).label == "calibrated"
    assert profile_of(server(), longest_tokens=2048, catalog=CATALOG, estimated=True).label == "estimated"
    assert profile_of(server(), longest_tokens=2048, catalog=CATALOG, shipped=load_shipped(CATALOG)[:0]).label == "estimated"


def test_a_server_that_ran_must_have_fitted() -> None:
    given = server("llama-3.1-70b", "h100-sxm", 2, "bf16")
    usual = {"llm": given.llm, "gpu": given.gpu, "tensor_parallel": 2, "precision": "bf16", "catalog": CATALOG}
    longest = resolve_profile(**usual, utilisation=EARLIER_UTILISATION).kv_capacity_tokens + 1000  # type: ignore[arg-type]
    found = profile_of(given, longest_tokens=longest, catalog=CATALOG)
    tight = resolve_profile(**usual, utilisation=TIGHT_UTILISATION, max_num_seqs=256)  # type: ignore[arg-type]
    assert found.blocks == tight.blocks
    assert "95% of the memory taken (assumed)" in found.notes[0]
    for misfit, tokens in ((replace(given, utilisation=0.9), longest), (given, tight.kv_capacity_tokens + 1)):
        with pytest.raises(InputError, match=r"at utilisation 0\.9, which holds"):  # of the defaults, not of the tight set-up
            profile_of(misfit, longest_tokens=tokens, catalog=CATALOG)
    with pytest.raises(InputError, match=r"does not fit 1 GPU h100-sxm at utilisation 0\.9:"):
        profile_of(replace(given, tensor_parallel=1), longest_tokens=2048, catalog=CATALOG)


def test_a_limit_below_what_was_measured_is_refused() -> None:
    with pytest.raises(InputError, match="max_model_len: found 100; requests of up to 2048 tokens were measured"):
        profile_of(server(max_model_len=100), longest_tokens=2048, catalog=CATALOG)
    assert profile_of(server(max_model_len=4096), longest_tokens=2048, catalog=CATALOG).max_model_len == 4096


def test_what_is_sent_to_warm_up_is_not_measured() -> None:
    # one prompt a step: once the common start is over, every prompt waits for those of all the others
    clients = 5
    load = Load(8192, 1, concurrency=clients, requests=40, least_length_share=1.0, warmup_requests=clients)
    found = serve(load, profile(front_end_s=0.0, max_model_len=9000))
    assert found.requests == 40
    for statistic in ("mean", "p50", "p99"):
        assert found.values["ttft_s", statistic] == pytest.approx(clients * STEP_S, rel=1e-12)
    assert found.duration_s == pytest.approx((40 + clients - 1) * STEP_S, rel=1e-12)
