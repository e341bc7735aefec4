"""Systems at their limits: whatever is asked of them, a run ends, every request has one outcome and the figures hold together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.made.command import Capture, replayed
from tests.made.world import STACK, write_world

POOL = STACK[: STACK.index("  spill")]
BUNDLED = ("api-first", "autoscaled-hpa", "fallback-chain", "hybrid", "scale-to-zero", "self-hosted", "spot", "task-routing")


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with trace.parquet and small.yaml, in which the command is run."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trace(arrival_s: Any, prompt_tokens: Any, output_tokens: Any, **columns: Any) -> str:
    """The name of a trace with these columns; single numbers stand for all rows."""
    count = len(arrival_s)
    whole = {"prompt_tokens": prompt_tokens, "output_tokens": output_tokens}
    table = {"arrival_s": np.asarray(arrival_s, float)} | {name: np.broadcast_to(values, count) for name, values in whole.items()}
    pq.write_table(pa.table(table | {name.rstrip("_"): values for name, values in columns.items()}), "t.parquet")
    return "t.parquet"


def busy(count: int = 3000, rate: float = 20.0, most_prompt: int = 2000, most_output: int = 200, **columns: Any) -> str:
    """The name of a Poisson trace."""
    random = np.random.default_rng(3)
    lengths = random.integers(1, most_prompt, count), random.integers(1, most_output, count)
    return trace(np.cumsum(random.exponential(1 / rate, count)), *lengths, **columns)


def pool(keys: str = "", *, replicas: str = "replicas: 1", kv_tokens: int = 200_000) -> list[str]:
    """A stack of one pool and nothing else."""
    text = POOL.replace("replicas: 1", replicas).replace("200000", str(kv_tokens)).replace("client: none", f"client: none\n    {keys}")
    Path("s.yaml").write_text(text)
    return ["--stack", "s.yaml"]


def events(*lines: str) -> list[str]:
    Path("e.yaml").write_text("events:\n" + "".join(f"  - {{{line}}}\n" for line in lines))
    return ["--events", "e.yaml"]


def done(found: dict[str, Any]) -> int:
    assert isinstance(found["requests"]["completed"], int)
    return found["requests"]["completed"]


@pytest.mark.parametrize("stack", BUNDLED)
@pytest.mark.parametrize("arrival_s", [[0.0], [5.0], [0.0, 0.0, 0.0]], ids=["at once", "later", "three"])
def test_hardly_any_requests(capsys: Capture, stack: str, arrival_s: list[float]) -> None:
    found = replayed(capsys, trace(arrival_s, 100, 10), "--stack", stack)
    assert done(found) == len(arrival_s)
    assert (found["bill"]["month"] is None or found["bill"]["month"]["total_usd"] is None) == (arrival_s[-1] == 0)


@pytest.mark.slow
def test_a_million_at_the_same_instant(capsys: Capture) -> None:
    crowd = trace(np.zeros(1_000_000), 50, 5)
    assert done(replayed(capsys, crowd, *pool())) == 1_000_000
    found = replayed(capsys, crowd, "--stack", "small.yaml", "--log-requests")
    assert found["requests"]["reasons"] == {"rate_limited": 1_000_000 - done(found)}


def test_many_clients_and_classes(capsys: Capture) -> None:
    count = 60_000
    names = {"class_": pa.array([f"c{i % 250}" for i in range(count)]), "client_id": pa.array([f"u{i % 50_000}" for i in range(count)])}
    found = replayed(capsys, busy(count, 10.0, **names), "--stack", "small.yaml")
    assert len(found["classes"]) == 250
    assert found["requests"]["total"] == count


@pytest.mark.parametrize(
    ("keys", "kv_tokens", "prompt", "output", "completed"),
    [
        ("max_num_seqs: 1", 200_000, 100, 20, 300),
        ("max_num_seqs: 1\n    max_num_batched_tokens: 1", 200_000, 20, 5, 300),
        ("", 160, 100, 60, 300),  # one request fills the cache
        ("", 224, 100, 60, 300),  # two start, one is preempted
        ("", 160, 200, 60, 0),  # none fits
        ("", 16, 5, 5, 300),  # one block
        ("max_model_len: 1", 200_000, 5, 5, 0),
        ("block_size: 1\n    prefix_caching: on", 2000, 100, 20, 300),
        ("queue_timeout: 1ms", 160, 100, 60, None),
        ("queue_limit: 1", 160, 100, 60, None),
        ("batching: static", 400, 100, 60, 300),
        ("batching: prefill_first", 224, 100, 60, 300),
    ],
)
def test_a_replica_with_hardly_any_room(
    capsys: Capture, keys: str, kv_tokens: int, prompt: int, output: int, completed: int | None
) -> None:
    found = replayed(capsys, trace(np.arange(300) * 0.01, prompt, output), *pool(keys, kv_tokens=kv_tokens))
    if completed is None:
        assert 0 < done(found) < 300
    else:
        assert done(found) == completed
    if kv_tokens == 224 and "batching" not in keys:
        assert found["deployments"]["own"]["preemptions"] > 0


@pytest.mark.parametrize("kv_tokens", [200_000, 5000, 3400])
def test_sessions_share_a_cache_under_pressure(capsys: Capture, kv_tokens: int) -> None:
    random = np.random.default_rng(5)
    sessions = pa.array([f"s{i}" for i in random.integers(0, 200, 2000)])
    found = replayed(capsys, busy(2000, 20.0, 3000, 300, session_id=sessions), *pool("prefix_caching: on", kv_tokens=kv_tokens))
    assert done(found) == 2000
    assert 0 < found["deployments"]["own"]["prefix_hit_share"] < 1


@pytest.mark.parametrize("routing", ["round_robin", "least_outstanding", "least_kv", "session_affinity"])
def test_two_hundred_replicas(capsys: Capture, routing: str) -> None:
    found = replayed(capsys, busy(), *pool(f"routing: {routing}", replicas="replicas: 200"))
    assert done(found) == 3000
    assert found["deployments"]["own"]["replicas"]["max"] == 200


@pytest.mark.parametrize("stack", ["api-first", "fallback-chain", "small.yaml"])
def test_everything_is_out_all_the_time(capsys: Capture, stack: str) -> None:
    script = ["at: 0s, kind: api_outage, duration: 10d"]
    if stack == "small.yaml":
        script.append("at: 0s, kind: gpu_failure, count: 100, duration: 10d")
    found = replayed(capsys, busy(), "--stack", stack, *events(*script))
    assert found["requests"]["reasons"] == {"outage": 3000}
    assert sum(line["usd"] for line in found["bill"]["lines"] if line["item"].startswith("api_")) == 0


@pytest.mark.parametrize("notice", ["0s", "30s", "10d"])
@pytest.mark.parametrize("at", ["0s", "20s"])
def test_every_spot_machine_is_taken(capsys: Capture, at: str, notice: str) -> None:
    found = replayed(capsys, busy(), "--stack", "spot", *events(f"at: {at}, kind: spot_preemption, count: 100, notice: {notice}"))
    assert done(found) > 2900
    assert found["deployments"]["own"]["completed"] < 3000


def test_limits_that_let_nothing_through(capsys: Capture) -> None:
    """With an SDK that tries again: each request takes three attempts, and none is paid."""
    Path("s.yaml").write_text(
        "deployments:\n  far: {kind: api, model: gpt-6-luna, client: openai, limits: [{law: token_bucket, unit: requests, limit: 1e-9}]}\n"
    )
    found = replayed(capsys, busy(), "--stack", "s.yaml")
    assert found["requests"]["reasons"] == {"rate_limited": 3000}
    assert found["requests"]["attempts"] == found["requests"]["throttled"] == 9000
    assert found["bill"]["total_usd"] == 0


@pytest.mark.parametrize(
    "law",
    [
        "{law: keda}", "{law: keda, metric: concurrency, target: 1}", "{law: knative}", "{law: knative, metric: rps, target: 1}",
        "{law: schedule, steps: [{at: 0h, replicas: 0}, {at: 1 min, replicas: 3}]}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("keys", ["", "queue_timeout: 20s", "gateway_queue_limit: 5", "gateway_queue_limit: 0"])
def test_from_none(capsys: Capture, law: str, keys: str) -> None:
    start = "cold_start: {provision: 5s, pull: 5s, load: 10s, warmup: 0s}"
    stack = pool(f"autoscaler: {law}\n    {start}\n    {keys}", replicas="replicas: {min: 0, max: 3, initial: 0}")
    found = replayed(capsys, busy(), *stack)
    requests = found["requests"]
    assert set(requests["reasons"]) <= {"queue_timeout", "queue_full", "gateway_full", "no_capacity"}, requests["reasons"]
    if not keys:
        assert done(found) == 3000
    if keys == "gateway_queue_limit: 0" and "keda" in law:
        assert done(found) == 0  # nobody may wait, so nobody wakes it


@pytest.mark.parametrize("law", ["hpa", "keda", "target_tracking"])
@pytest.mark.parametrize("metric", ["waiting", "concurrency", "kv", "busy", "rps"])
def test_laws_pulled_to_their_limits(capsys: Capture, law: str, metric: str) -> None:
    keys = f"autoscaler: {{law: {law}, metric: {metric}, target: 1e-6, sync: 0.1, scrape: 0.1, average: 1s}}"
    stack = pool(f"{keys}\n    cold_start: {{provision: 0s, pull: 0s, load: 0s, warmup: 0s}}", replicas="replicas: {min: 1, max: 50}")
    found = replayed(capsys, busy(1000), *stack)
    assert done(found) == 1000
    assert found["deployments"]["own"]["replicas"]["max"] <= 50


@pytest.mark.parametrize(
    "wait",
    [
        ["at: 20s, kind: gpu_failure, count: 100, duration: 100000d"],  # the repair never comes
        [],  # the plan has no replica from then on
    ],
)
def test_waiting_for_what_never_comes_ends(capsys: Capture, wait: list[str]) -> None:
    law = "autoscaler: {law: plan, steps: [{at: 0s, replicas: 1}, {at: 20s, replicas: 0}]}" if not wait else ""
    stack = pool(law, replicas="replicas: {min: 0, max: 1}" if law else "replicas: 1")
    found = replayed(capsys, busy(), *stack, *(events(*wait) if wait else []))
    assert found["requests"]["reasons"]["horizon"] == found["requests"]["unfinished"] > 1000
    assert set(found["requests"]["reasons"]) <= {"horizon", "replica_lost"}
    assert 100 < done(found) < 3000
    assert "unfinished_requests" in {each["code"] for each in found["warnings"]}


@pytest.mark.parametrize("factor", [0, 0.3, 10, 100])
def test_other_demand(capsys: Capture, factor: float) -> None:
    found = replayed(capsys, "trace.parquet", "--stack", "small.yaml", *events(f"at: 0s, kind: demand_factor, factor: {factor}"))
    assert found["requests"]["total"] == pytest.approx(600 * factor, abs=60)


def test_a_change_of_prices_is_billed_and_nothing_else(capsys: Capture) -> None:
    plain = replayed(capsys, "trace.parquet", "--stack", "small.yaml")
    script = [
        "at: 20s, kind: price_change, factor: 2, duration: 60s", "at: 40s, kind: price_change, factor: 3, duration: 60s",
        "at: 40s, kind: price_change, deployment: own, factor: 0.5", "at: 9d, kind: price_change, factor: 9",
    ]  # fmt: skip
    found = replayed(capsys, "trace.parquet", "--stack", "small.yaml", *events(*script))
    assert found["requests"] == plain["requests"] and found["latency"] == plain["latency"]
    assert plain["bill"]["total_usd"] < found["bill"]["total_usd"] < 3 * plain["bill"]["total_usd"]


def test_a_degradation_overlaps_an_outage(capsys: Capture) -> None:
    script = [
        "at: 10s, kind: degradation, factor: 5, error_rate: 50%, duration: 60s", "at: 30s, kind: api_outage, duration: 60s",
        "at: 40s, kind: degradation, factor: 2, duration: 90s", "at: 40s, kind: api_outage, duration: 10s",
    ]  # fmt: skip
    found = replayed(capsys, busy(), "--stack", "api-first", *events(*script))
    assert set(found["requests"]["reasons"]) == {"outage", "api_error"}
    assert done(found) > 1000


@pytest.mark.parametrize(("prompt", "output"), [(10, 10**8), (10**8, 10), (10**8, 10**8)])
def test_the_largest_requests_that_a_trace_may_hold(capsys: Capture, prompt: int, output: int) -> None:
    """One alone takes a replica months: what is still under way a week and a hundred traces later is unfinished."""
    names = trace([0.0, 1.0, 2.0], prompt, output)
    found = replayed(capsys, names, *pool("max_model_len: 200M", kv_tokens=10**9))
    assert set(found["requests"]["reasons"]) <= {"horizon"}
    found = replayed(capsys, names, "--stack", "api-first")
    assert set(found["requests"]["reasons"]) <= {"too_long", "client_timeout"}
