"""`sim` with closed loops: what is replayed, said and written, and what is refused because there is no rate."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.made import command
from tests.made.command import Capture
from tests.made.world import write_world

RECIPE = """\
about: A load generator.
source: made up
as_of: 2026-11-21
traffic:
  chat:
    closed_loop: {clients: 8, think_s: {law: exponential, mean: 1}, requests: 400}
    prompt_tokens: {law: lognormal, median: 300, sigma: 0.5}
    output_tokens: {law: geometric, mean: 60}
"""
OWN = ("--stack", "small.yaml")


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """A folder with trace.parquet (Poisson), loop.parquet (closed) and small.yaml."""
    write_world(tmp_path)
    (tmp_path / "loop.yaml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    code, out, err = command.run(capsys, "trace", "synth", "loop.yaml")
    assert code == 0, err
    assert "400 requests" in out and "a closed loop of 8 clients, 1.00 s think time (exponential)" in out


def test_a_closed_loop_is_replayed_without_months_and_says_so(capsys: Capture) -> None:
    code, out, err = command.run(capsys, "run", "loop.parquet", *OWN, "-o", "r", "--log-requests")
    assert code == 0, err
    text = " ".join(out.split())
    assert "400 requests of a closed loop of 8 clients, 1 s think time (exponential) in " in text
    assert "as if the 8 clients of a closed loop went on like this all month" in text
    assert "note: a closed loop has no rate of its own to grow: no months, only the replay" in " ".join(err.split())
    record = json.loads(Path("r/run.json").read_text(encoding="utf-8"))
    assert record["closed_loop"] == {"clients": 8, "think_s": 1.0, "think_law": "exponential", "ramp_s": 0.0, "until_s": None}
    found = json.loads(Path("r/summary.json").read_text(encoding="utf-8"))
    assert found["trace"]["closed_loop"] == record["closed_loop"]
    assert found["window_s"] == found["end_s"] > 0
    log = pq.read_table("r/requests.parquet")
    assert found["end_s"] == max(log["finish_s"].to_pylist())
    gpu = [line for line in found["bill"]["lines"] if line["deployment"] == "own"]
    # one GPU, billed from the first request to the last answer
    assert sum(line["quantity"] for line in gpu) == pytest.approx(found["window_s"] / 3600)
    assert found["bill"]["month"]["total_usd"] == pytest.approx(found["bill"]["total_usd"] * 730 * 3600 / found["window_s"])


def test_months_zero_says_nothing_of_months_and_gives_the_same(capsys: Capture) -> None:
    code, first, err = command.run(capsys, "run", "loop.parquet", *OWN, "--months", "0")
    assert code == 0
    assert "no months" not in err
    assert first == command.run(capsys, "run", "loop.parquet", *OWN)[1]


def test_any_trace_is_replayed_as_a_closed_loop(capsys: Capture) -> None:
    found = command.replayed(capsys, "trace.parquet", *OWN, "--closed-loop", "4", "--think", "500ms")
    assert found["trace"]["closed_loop"] == {"clients": 4, "think_s": 0.5, "think_law": "constant", "ramp_s": 0.0, "until_s": None}
    assert found["trace"]["requests"] == found["requests"]["total"] == 600
    own = command.replayed(capsys, "trace.parquet", *OWN)
    assert own["trace"]["closed_loop"] is None
    assert own["window_s"] != found["window_s"]
    other = command.replayed(capsys, "trace.parquet", *OWN, "--closed-loop", "8", "--think", "500ms")
    assert other["window_s"] < found["window_s"]


def test_options_go_before_what_the_trace_says(capsys: Capture) -> None:
    found = command.replayed(capsys, "loop.parquet", *OWN, "--closed-loop", "2")
    assert found["trace"]["closed_loop"] == {"clients": 2, "think_s": 1.0, "think_law": "exponential", "ramp_s": 0.0, "until_s": None}
    found = command.replayed(capsys, "loop.parquet", *OWN, "--think", "0")
    assert found["trace"]["closed_loop"]["clients"] == 8
    assert found["trace"]["closed_loop"]["think_s"] == 0.0


def test_clients_that_stop_are_billed_for_what_they_sent(capsys: Capture) -> None:
    path = Path("loop.yaml")
    path.write_text(RECIPE.replace("requests: 400", "requests: 400, duration_s: 5"), encoding="utf-8")
    assert command.run(capsys, "trace", "synth", "loop.yaml", "--force")[0] == 0
    code, out, err = command.run(capsys, "run", "loop.parquet", *OWN, "--months", "0", "--format", "json", "-o", "r", "--log-requests")
    assert code == 0, err
    found = json.loads(out)
    log = pq.read_table("r/requests.parquet")
    sent = found["requests"]["total"]
    assert 8 <= sent < 400
    assert max(log["arrival_s"].to_pylist()) <= 5.0
    assert found["window_s"] > 5.0
    # tokens, and what an API alone would cost, are of what was sent
    assert found["trace"]["prompt_tokens"] == sum(log["prompt_tokens"].to_pylist())
    assert f"note: {sent} of the trace's 400 requests were sent: the clients stop after 5 s" in " ".join(err.split())
    path.write_text(RECIPE.replace("requests: 400", "requests: 9, duration_s: 500"), encoding="utf-8")
    assert command.run(capsys, "trace", "synth", "loop.yaml", "--force")[0] == 0
    _, _, err = command.run(capsys, "run", "loop.parquet", *OWN, "--months", "0")
    assert "note: all 9 requests of the trace were sent, and the last answered at" in " ".join(err.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "loop.parquet", *OWN, "--months", "3"), "--months 3: loop.parquet is a closed loop of 8 clients, 1.00 s think time"),
        (("run", "loop.parquet", *OWN, "--months", "3"), "no rate of its own to grow; allowed: --months 0, the plain replay"),
        (("run", "loop.parquet", *OWN, "--budget", "5"), "--budget: is about months, and with a closed loop there are none"),
        (("run", "loop.parquet", *OWN, "--set", "outlook.demand.growth_per_month=5%"), "is about months, and with a closed loop"),
        (("run", "trace.parquet", *OWN, "--closed-loop", "2", "--months", "3"), "--closed-loop and --months exclude each other"),
        (
            ("run", "trace.parquet", *OWN, "--closed-loop", "2", "--exact"),
            "--exact: is about months, and with --closed-loop there are none",
        ),
        (("run", "trace.parquet", *OWN, "--closed-loop", "0"), "0 is not in the range x>=1"),
        (("run", "trace.parquet", *OWN, "--closed-loop", "99999999"), "--closed-loop: found 99999999; allowed: 1 to 10,000,000"),
        (("run", "trace.parquet", *OWN, "--closed-loop", "2", "--think=-1s"), "--think: "),
        (("run", "trace.parquet", *OWN, "--closed-loop", "2", "--think", "soon"), "--think: found 'soon'"),
        (("run", "trace.parquet", *OWN, "--think", "1s", "--months", "0"), "--think 1s: needs --closed-loop N"),
        (("compare", "loop.parquet", "--stack", "small.yaml", "--stack", "hybrid"), "loop.parquet: a closed loop of 8 clients"),
        (("trace", "scale", "loop.parquet", "--factor", "2"), "no times of its own to scale"),
        (("trace", "scale", "loop.parquet", "--days", "2"), "no times of its own to repeat"),
    ],
)
def test_what_needs_a_rate_is_refused(capsys: Capture, arguments: tuple[str, ...], message: str) -> None:
    assert message in command.refused(capsys, *arguments)


def test_backtest_and_demand_events_are_refused(capsys: Capture) -> None:
    Path("bill.csv").write_text("month,line,usd\n2026-11,own,10\n", encoding="utf-8")
    said = command.refused(capsys, "backtest", "loop.parquet", *OWN, "--actual", "bill.csv")
    assert "no month can be made of that, as it has no rate of its own to grow; a trace of arrivals is needed" in said
    Path("events.yaml").write_text("events:\n  - {at: 10s, kind: demand_factor, factor: 2}\n", encoding="utf-8")
    said = command.refused(capsys, "run", "loop.parquet", *OWN, "--events", "events.yaml")
    assert "demand_factor" in said and "closed loop of clients, which has no rate of its own" in said
    Path("events.yaml").write_text("events:\n  - {at: 3s, kind: gpu_failure, deployment: own, duration: 5s}\n", encoding="utf-8")
    found = command.replayed(capsys, "loop.parquet", *OWN)
    code, out, err = command.run(capsys, "run", "loop.parquet", *OWN, "--events", "events.yaml", "--format", "json")
    assert code == 0, err
    assert json.loads(out)["window_s"] != found["window_s"]


def test_waiting_for_longer_than_any_trace_is_refused(capsys: Capture) -> None:
    for think in ("1e11", "1e300"):
        said = command.refused(capsys, "run", "trace.parquet", *OWN, "--closed-loop", "4", "--think", think)
        assert "years of waiting; allowed: 20 years: less think time, more clients or fewer requests" in " ".join(said.split())


def test_a_think_time_that_is_odd_in_seconds_is_noted(capsys: Capture) -> None:
    _, _, err = command.run(capsys, "run", "trace.parquet", *OWN, "--months", "0", "--closed-loop", "100", "--think", "2000")
    assert "note: --think is 33.3 min; 2000ms is written so" in err
    _, _, err = command.run(capsys, "run", "trace.parquet", *OWN, "--months", "0", "--closed-loop", "100", "--think", "2000ms")
    assert "is written so" not in err


def test_a_think_time_alone_says_what_it_needs(capsys: Capture) -> None:
    err = command.refused(capsys, "run", "trace.parquet", *OWN, "--think", "2s")
    assert "--think 2s: needs --closed-loop N" in " ".join(err.split())


def test_a_sweep_of_a_closed_loop_is_what_runs_of_it_are(capsys: Capture) -> None:
    """Of the trace's own clients and of those of the options, on one process and two; each is a study of its own."""
    for given in ((), ("--closed-loop", "4", "--think", "0s")):
        code, _, err = command.run(capsys, "run", "loop.parquet", *OWN, *given, "--months", "0", "--set", "deployments.own.replicas=2", "-o", "r", "--force")  # fmt: skip
        assert code == 0, err
        one = json.loads(Path("r/summary.json").read_text(encoding="utf-8"))
        sweep = ("sweep", "loop.parquet", *OWN, *given, "--over", "deployments.own.replicas=1:2", "--force", "-o", "s")
        code, text, err = command.run(capsys, *sweep, "--workers", "1")
        assert code == 0, err
        assert "Sent by a closed loop of" in text
        found = json.loads(Path("s/sweep.json").read_text(encoding="utf-8"))
        assert found["trace"]["closed_loop"] == one["trace"]["closed_loop"]
        assert found["rows"][1]["metrics"]["usd_per_month"] == pytest.approx(one["bill"]["month"]["total_usd"])
        assert command.run(capsys, *sweep, "--workers", "2")[1] == text


def test_a_sweep_never_takes_points_of_other_clients(capsys: Capture) -> None:
    sweep = ("sweep", "trace.parquet", *OWN, "--over", "deployments.own.replicas=1:2", "--workers", "1", "--format", "csv")
    said = [
        command.run(capsys, *sweep, *given)
        for given in ((), ("--closed-loop", "2"), ("--closed-loop", "3"), ("--closed-loop", "3", "--think", "2s"))
    ]
    assert [code for code, _, _ in said] == [0] * 4
    assert len({out for _, out, _ in said}) == 4
    assert not any("finished before" in err for _, _, err in said)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--think", "1s"), "needs --closed-loop N"),
        (("--closed-loop", "4", "--months", "2"), "--closed-loop and --months exclude each other"),
        (("--closed-loop", "4", "--think", "soon"), "--think: "),
        (("--closed-loop", "100000000"), "allowed: 1 to 10,000,000"),
    ],
)
def test_a_sweep_refuses_what_a_run_refuses(given: tuple[str, ...], said: str, capsys: Capture) -> None:
    code, _, err = command.run(capsys, "sweep", "trace.parquet", *OWN, "--over", "deployments.own.replicas=1:2", *given)
    assert code == 2
    assert said in " ".join(err.split())
