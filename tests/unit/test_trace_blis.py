"""BLIS: workload specifications become requests of the laws they name, traces are read, what has no place here is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.errors import InputError
from sim.trace import Trace, table_of
from sim.trace.foreign import Imported, Options
from sim.trace.formats import read_foreign
from sim.trace.imports import trace_of

CONSTANT = "{type: constant, params: {value: 100}}"


def client(name: str, share: float, extra: str = "", arrival: str = "{process: poisson}", lengths: str = CONSTANT) -> str:
    """A client of a specification as one line of YAML."""
    laws = f"arrival: {arrival}, input_distribution: {lengths}, output_distribution: {lengths}"
    return f"  - {{id: {name}, rate_fraction: {share}, {laws}{', ' + extra if extra else ''}}}\n"


def made(tmp_path: Path, clients: str, top: str = "num_requests: 4000", name: str = "w.yaml", cohorts: str = "") -> Trace:
    path = tmp_path / name
    listed = f"clients:\n{clients}" if clients else ""
    path.write_text(f'version: "2"\nseed: 3\naggregate_rate: 20\n{top}\n{listed}{cohorts}')
    read = read_foreign(path, "auto", None, name)
    assert isinstance(read, Imported)
    return trace_of(read, name)


def columns(trace: Trace) -> dict[str, Any]:
    table = table_of(trace)
    return {name: np.asarray(table[name].to_pylist()) for name in table.column_names if name != "prefix_block_ids"}


def test_rates_are_shares_of_the_aggregate(tmp_path: Path) -> None:
    trace = made(tmp_path, client("a", 3, "slo_class: batch") + client("b", 1, "tenant_id: t, slo_class: critical"))
    found = columns(trace)
    assert len(found["arrival_s"]) == 4000
    assert len(found["arrival_s"]) / found["arrival_s"][-1] == pytest.approx(20, rel=5 / 4000**0.5)
    assert np.mean(found["class"] == "batch") == pytest.approx(0.75, abs=4 * (0.75 * 0.25 / 4000) ** 0.5)
    assert set(found["client_id"]) == {"a", "t"}
    assert trace.info.rows == made(tmp_path, client("a", 3, "slo_class: batch") + client("b", 1, "slo_class: critical")).info.rows


def test_windows_share_the_rate_among_those_active_together(tmp_path: Path) -> None:
    """Two clients, one after the other, send the whole aggregate each; a third that overlaps both would halve it."""
    early, late = (f"lifecycle: {{windows: [{{start_us: {a}, end_us: {b}}}]}}" for a, b in ((0, 100_000_000), (100_000_000, 300_000_000)))
    found = columns(made(tmp_path, client("a", 1, early) + client("b", 5, late), "horizon: 400000000"))
    assert found["arrival_s"].max() < 300.0
    first = found["arrival_s"] < 100.0
    assert set(found["client_id"][first]) == {"a"}
    assert set(found["client_id"][~first]) == {"b"}
    assert first.sum() == pytest.approx(2000, abs=5 * 2000**0.5)
    assert (~first).sum() == pytest.approx(4000, abs=5 * 4000**0.5)


def test_cohorts_spike_ramp_down_and_follow_the_day(tmp_path: Path) -> None:
    def cohort(extra: str) -> str:
        laws = f"arrival: {{process: poisson}}, input_distribution: {CONSTANT}, output_distribution: {CONSTANT}"
        return f"cohorts:\n  - {{id: c, population: 4, rate_fraction: 1, {laws}, {extra}}}\n"

    spike = columns(made(tmp_path, "", "horizon: 60000000", cohorts=cohort("spike: {start_time_us: 20000000, duration_us: 10000000}")))
    assert (spike["arrival_s"].min() >= 20.0, spike["arrival_s"].max() < 30.0) == (True, True)
    assert len(spike["arrival_s"]) == pytest.approx(200, abs=5 * 200**0.5)
    assert set(spike["client_id"]) == {"c-0", "c-1", "c-2", "c-3"}
    drain = columns(
        made(tmp_path, "", "horizon: 400000000", cohorts=cohort("drain: {start_time_us: 100000000, ramp_duration_us: 100000000}"))
    )
    # Ten steps that are active for 10/10, 9/10 ... 1/10 of their length.
    ramp = 20 * 100 * sum(range(1, 11)) / 100
    assert (drain["arrival_s"] < 100.0).sum() == pytest.approx(2000, abs=5 * 2000**0.5)
    assert (drain["arrival_s"] >= 100.0).sum() == pytest.approx(ramp, abs=5 * ramp**0.5)
    day = columns(made(tmp_path, "", "horizon: 86400000000", cohorts=cohort("diurnal: {peak_hour: 6, peak_to_trough_ratio: 10}")))
    by_hour = np.bincount((day["arrival_s"] // 3600).astype(int), minlength=24)
    for hour in (6, 18, 0):
        share = (1 + np.cos(2 * np.pi * (hour - 6) / 24)) / 2 * 0.9 + 0.1
        assert by_hour[hour] == pytest.approx(72_000 * share, abs=5 * (72_000 * share) ** 0.5)


@pytest.mark.parametrize(
    ("arrival", "cv"), [("{process: gamma, cv: 3.0}", 3.0), ("{process: weibull, cv: 0.5}", 0.5), ("{process: constant}", 0.0)]
)
def test_gaps_have_their_spread(tmp_path: Path, arrival: str, cv: float) -> None:
    gaps = np.diff(columns(made(tmp_path, client("a", 1, arrival=arrival), "num_requests: 20000"))["arrival_s"])
    assert gaps.mean() == pytest.approx(1 / 20, rel=0.15 if cv > 1 else 0.03)
    assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.15, abs=1e-3)


@pytest.mark.parametrize(
    ("lengths", "mean", "least", "most"),
    [
        ("{type: gaussian, params: {mean: 400, std_dev: 50, min: 1, max: 800}}", 400.0, 1, 800),
        ("{type: gaussian, params: {mean: 400, std_dev: 5000, min: 100, max: 100}}", 100.0, 100, 100),
        ("{type: exponential, params: {mean: 500}}", 500.0, 1, 100_000),
        ("{type: constant, params: {value: 7}}", 7.0, 7, 7),
        ("{type: empirical, params: {10: 1, '20': 3}}", 17.5, 10, 20),
        (
            "{type: pareto_lognormal, params: {alpha: 3, xm: 100, mu: 5, sigma: 0.5, mix_weight: 0.25}}",
            0.25 * 150 + 0.75 * np.exp(5.125),
            1,
            10**7,
        ),
    ],
)
def test_lengths_follow_their_laws(tmp_path: Path, lengths: str, mean: float, least: int, most: int) -> None:
    found = columns(made(tmp_path, client("a", 1, lengths=lengths), "num_requests: 20000"))
    for name in ("prompt_tokens", "output_tokens"):
        values = found[name]
        assert values.mean() == pytest.approx(mean, abs=5 * values.std() / 20_000**0.5 + 0.51)
        assert (values.min() >= least, values.max() <= most) == (True, True)
    assert set(found["prompt_tokens"]) - {10, 20} == set() or "empirical" not in lengths


def test_prefixes_add_to_the_prompt_and_are_shared_by_the_group(tmp_path: Path) -> None:
    clients = (
        client("a", 1, "prefix_group: g, prefix_length: 512")
        + client("b", 1, "prefix_group: g")
        + client("c", 1, "prefix_group: h, prefix_length: 384")
    )
    trace = made(tmp_path, clients + client("d", 1), "num_requests: 400")
    table = table_of(trace)
    rows = list(zip(table["client_id"].to_pylist(), table["prompt_tokens"].to_pylist(), table["prefix_block_ids"].to_pylist(), strict=True))
    assert trace.prefix_block_tokens == 128
    assert {(name, prompt, len(ids)) for name, prompt, ids in rows} == {("a", 612, 4), ("b", 612, 4), ("c", 484, 3), ("d", 100, 0)}
    of = {name: ids for name, _, ids in rows}
    assert of["a"] == of["b"]
    assert not set(of["a"]) & set(of["c"])


def test_a_time_below_zero_has_its_own_column_and_value(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("arrival_time_us,input_tokens,output_tokens\n0,5,5\n-1500,5,5\n")
    with pytest.raises(InputError, match=r"arrival_time_us: request 2: found -1500; times from 0 are allowed"):
        read_foreign(path)


def test_the_same_seed_makes_the_same_rows(tmp_path: Path) -> None:
    one, two = (columns(made(tmp_path, client("a", 1, lengths="{type: exponential, params: {mean: 9}}"))) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    read = read_foreign(tmp_path / "w.yaml", "blis", Options(seed=4))
    assert isinstance(read, Imported)
    assert read.metadata["sim.seed"] == "4"
    assert not np.array_equal(read.table["arrival_s"].to_numpy(), one["arrival_s"])


@pytest.mark.parametrize(
    ("clients", "top", "said"),
    [
        (client("a", 1, lengths="{type: zipf, params: {}}"), "num_requests: 1", "found type 'zipf'; allowed: gaussian, exponential, pareto_lognormal"),
        (client("a", 1, arrival="{process: gamma}"), "num_requests: 1", "cv is needed for gamma"),
        (client("a", 1, arrival="{process: posson}"), "num_requests: 1", "did you mean 'poisson'"),
        (client("a", 1, "concurrency: 4"), "num_requests: 1", r"clients.0.concurrency: is not read: .*recipe with closed_loop"),
        (client("a", 1, "reasoning: {multi_turn: {max_rounds: 2}}"), "num_requests: 1", "reasoning: is not read: .*recipe with sessions"),
        (client("a", 1, "colour: red"), "num_requests: 1", r"w.yaml:6:\d+: clients.0.colour: unknown key 'colour'"),
        (client("a", -1), "num_requests: 1", "rate_fraction: found -1"),
        (client("a", 1), "aggregate_rat: 1", "did you mean 'aggregate_rate'"),
        (client("a", 1), "horizon: 0", "num_requests or horizon is needed"),
        (client("a", 1), "num_requests: 10000000000", "num_requests: found 10000000000"),
        (client("a", 1), "horizon: 3000000000000", "makes about 60,000,000 requests"),
        (client("a", 1, "lifecycle: {windows: [{start_us: 5, end_us: 5}]}"), "num_requests: 1", "end_us 5 is not after start_us 5"),
        (client("a", 1, "lifecycle: {windows: [{start_us: 5000000, end_us: 6000000}]}"), "horizon: 1000000", "no request within the horizon"),
        (client("a", 1, lengths="{type: gaussian, params: {mean: .nan, std_dev: 1, min: 9, max: 8}}"), "num_requests: 1", "found nan; a finite number"),
        (client("a", 1, lengths="{type: gaussian, params: {mean: 1, std_dev: 1, min: 9, max: 8}}"), "num_requests: 1", "max 8 is below min 9"),
        (client("a", 1, lengths="{type: empirical, params: {many: 1}}"), "num_requests: 1", "found the length 'many'"),
        ("", "servegen_data: {path: /etc}", "servegen_data: is not read: files of ServeGen"),
        (client("a", 1), "num_requests: [", r"w.yaml:\d+:\d+"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_stands(tmp_path: Path, clients: str, top: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        made(tmp_path, clients, top)


TRACE = """request_id,client_id,tenant_id,slo_class,session_id,input_tokens,output_tokens,arrival_time_us,status,num_chunks
0,c1,,batch,s1,10,1,2500000,ok,1
1,c2,,critical,,20,2,2000000,,1
2,c2,,critical,,30,3,3000000,timeout,1
"""


def test_a_trace_is_read_in_microseconds(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TRACE)
    read = read_foreign(path, "auto", None, "t.csv")
    assert isinstance(read, Imported)
    trace = trace_of(read, "t.csv")
    found = columns(trace)
    assert found["arrival_s"].tolist() == [2.0, 2.5]
    assert found["class"].tolist() == ["critical", "batch"]
    assert found["client_id"].tolist() == ["c2", "c1"]
    assert "left out 1 requests that ended in an error or a time-out" in trace.info.notes
    assert "not read: num_chunks, request_id, tenant_id" in trace.info.notes


def test_other_yaml_files_say_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "h.yaml"
    path.write_text("trace_version: 2\ntime_unit: microseconds\n")
    with pytest.raises(InputError, match="the header of a BLIS trace, which holds no requests; give the CSV beside it"):
        read_foreign(path)
    path.write_text("about: a recipe\ntraffic: {}\n")
    with pytest.raises(InputError, match="`sim trace synth`"):
        read_foreign(path)
    path.write_text("apiVersion: v1\nkind: Pod\n")
    with pytest.raises(InputError, match="of no format that is known"):
        read_foreign(path)
