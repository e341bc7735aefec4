"""More or less traffic: each law of growth does to the index of dispersion what its formula says, and nothing else changes."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from sim.errors import InputError
from sim.trace import Trace, table_of
from sim.trace.describe import describe
from sim.trace.growth import grow
from sim.trace.recipe import Recipe
from sim.trace.synthesise import synthesise
from sim.trace.window import tile, window

SEEDS = range(1, 5)
BURSTS = {"process": "bursts", "ratio": 10, "burst_s": 120, "gap_s": 600}
PROCESSES: dict[str, dict[str, Any]] = {
    "poisson": {"arrivals": {"process": "poisson"}},
    "slow bursts": {"arrivals": BURSTS},
    "fast bursts": {"arrivals": {"process": "bursts", "ratio": 10, "burst_s": 10, "gap_s": 60}},
    "clustered": {"arrivals": {"process": "gamma", "cv": 2}},
    "bursts of clients": {"arrivals": BURSTS, "clients": {"count": 30, "exponent": 1.2}},
    "bursts in common": {"arrivals": {**BURSTS, "shared": True}, "clients": {"count": 30, "exponent": 0.5}},
}


def recipe(duration_s: float = 86_400.0, rate: float = 1.0, **traffic: Any) -> Recipe:
    lengths = {"prompt_tokens": {"law": "uniform", "low": 1, "high": 1000}, "output_tokens": {"law": "constant", "value": 10}}
    kinds = {"a": {"requests_per_s": rate, **lengths, **traffic}}
    whole = {"about": "test", "source": "test", "as_of": "2026-01-01", "duration_s": duration_s, "traffic": kinds}
    return Recipe.model_validate_json(json.dumps(whole))


def close(ratios: list[float], bins: int, slack: float) -> None:
    """The mean ratio of several runs is near one, and they are sure enough to say so."""
    # The variance of n Poisson counts is known to sqrt(2/n); four runs alone could seem surer than they are.
    error = max(np.std(ratios, ddof=1), math.sqrt(2 / bins)) / math.sqrt(len(ratios))
    assert error < 0.05
    assert abs(np.mean(ratios) - 1) < 4 * error + slack


@pytest.mark.parametrize("factor", [0.4, 3.0])
@pytest.mark.parametrize("name", PROCESSES)
def test_growth_by_clients_follows_the_law_of_dispersion(name: str, factor: float) -> None:
    rows, ratios = [], {width: [] for width in ("1s", "10s", "60s")}
    for seed in SEEDS:
        trace = synthesise(recipe(8 * 3600.0, **PROCESSES[name]), seed)
        before, after = describe(trace), describe(grow(trace, factor, "clients", seed=seed))
        rows.append(after.rows / before.rows / factor)
        for width, found in ratios.items():
            old, new = before.idc[width], after.idc[width]
            assert old is not None
            assert new is not None
            found.append(new / (1 + (old - 1) * factor))
    # Their number is binomial or Poisson: its relative error over all runs is at most 1/sqrt(s·n).
    assert np.mean(rows) == pytest.approx(1.0, abs=4 / math.sqrt(factor * 28_800 * len(rows)))
    # What an hour's count is by chance is taken for its rate: at 60 s that adds (s - 1)^2 / 60 or less to the dispersion.
    slack = {"1s": 0.03, "10s": 0.02, "60s": 0.02 + max(0.0, factor - 1) ** 2 / 60 / (1 if name == "poisson" else 10)}
    for width, found in ratios.items():
        close(found, 28_800 // int(width[:-1]), slack[width])


def test_growth_by_clients_keeps_every_request_and_the_time_of_day() -> None:
    shape = {"hourly": [1 + 0.9 * math.sin(hour / 24 * 2 * math.pi) for hour in range(24)]}
    trace = synthesise(recipe(shape=shape, clients={"count": 5, "exponent": 1}), 1)
    grown = grow(trace, 2.0, "clients", seed=1)
    old, new = table_of(trace), table_of(grown)
    rows = set(zip(*(new[name].to_pylist() for name in ("arrival_s", "prompt_tokens", "client_id")), strict=True))
    assert set(zip(*(old[name].to_pylist() for name in ("arrival_s", "prompt_tokens", "client_id")), strict=True)) <= rows
    hours = [np.bincount((t["arrival_s"].to_numpy() // 3600).astype(int), minlength=24) for t in (old, new)]
    assert np.corrcoef(*hours)[0, 1] > 0.99
    assert grown.info.duration_s == trace.info.duration_s
    assert grown.info.notes[-1] == "scaled by 2 with the law clients"
    shares = [np.bincount([int(name.split("-")[1]) for name in t["client_id"].to_pylist()])[1:] / t.num_rows for t in (old, new)]
    assert np.abs(shares[0] - shares[1]).max() < 0.02
    lengths = [t["prompt_tokens"].to_numpy().mean() for t in (old, new)]
    assert lengths[1] == pytest.approx(lengths[0], rel=0.01)


def test_one_client_can_grow_by_itself() -> None:
    trace = synthesise(recipe(clients={"count": 3, "exponent": 1, "prefix": "c"}), 1)
    grown = grow(trace, 1.0, "clients", clients={"c-2": 3.0, "c-3": 0.0})

    def of(found: Trace, name: str) -> int:
        return table_of(found)["client_id"].to_pylist().count(name)

    assert of(grown, "c-1") == of(trace, "c-1")
    assert of(grown, "c-2") == pytest.approx(3 * of(trace, "c-2"), rel=0.03)
    assert of(grown, "c-3") == 0


@pytest.mark.parametrize("factor", [2.5])
def test_superposition_keeps_the_dispersion(factor: float) -> None:
    ratios, rows = [], []
    for seed in SEEDS:
        trace = synthesise(recipe(24 * 3600.0, arrivals=BURSTS, clients={"count": 40}), seed)
        grown = grow(trace, factor, "superpose", seed=seed)
        before, after = describe(trace).idc["60s"], describe(grown).idc["60s"]
        assert before is not None
        assert after is not None
        # Clients are independent, so both variances and means add: (s·v)/(s·m).
        ratios.append(after / before)
        rows.append(grown.info.rows / trace.info.rows / factor)
        names = set(grown.clients)
        assert set(trace.clients) <= names
        assert {name.partition("~")[0] for name in names} == set(trace.clients)
    assert np.mean(rows) == pytest.approx(1.0, abs=0.01)
    close(ratios, 1440, 0.02)


def test_thinning_leaves_some_of_the_same_requests() -> None:
    trace = synthesise(recipe(), 1)
    thin = grow(trace, 0.25, "thin", seed=3)
    old, new = table_of(trace), table_of(thin)
    assert set(new["arrival_s"].to_pylist()) <= set(old["arrival_s"].to_pylist())
    assert new.num_rows == pytest.approx(old.num_rows / 4, abs=4 * math.sqrt(old.num_rows * 0.25 * 0.75))


def test_conversations_grow_whole() -> None:
    sessions = {"turns": {"law": "geometric", "mean": 4}, "pause_s": {"law": "exponential", "mean": 30}}
    trace = synthesise(recipe(sessions=sessions), 1)
    for factor, law in ((2.0, "clients"), (2.0, "superpose"), (0.5, "thin")):
        grown = grow(trace, factor, law, seed=2)
        assert grown.info.sessions == pytest.approx(factor * trace.info.sessions, rel=0.05)
        table = table_of(grown)
        prompts: dict[int, int] = {}
        for session, prompt, output in zip(*(table[c].to_pylist() for c in ("session_id", "prompt_tokens", "output_tokens")), strict=True):
            # Every later turn holds all that was said before it.
            assert prompt > prompts.get(session, 0)
            prompts[session] = prompt + output


def test_the_same_seed_gives_the_same_trace() -> None:
    trace = synthesise(recipe(7200.0), 1)
    for law, factor in (("clients", 2.0), ("superpose", 2.0), ("thin", 0.5)):
        first, again, other = (table_of(grow(trace, factor, law, seed=seed)) for seed in (1, 1, 2))
        assert first.equals(again)
        assert not first.equals(other)


@pytest.mark.parametrize(
    ("factor", "law", "clients", "message"),
    [
        (2.0, "compress", {}, "compressing time is not growth.*allowed: clients, superpose, thin"),
        (2.0, "client", {}, "law 'client'; allowed: clients, superpose, thin; did you mean 'clients'"),
        (2.0, "thin", {}, "the law thin takes factors from 0 to 1, above 0; use the law clients or superpose"),
        (0.5, "superpose", {}, "the law superpose takes factors from 1 to inf.*use the law thin"),
        (0.0, "clients", {}, "above 0"),
        (math.nan, "clients", {}, "takes factors"),
        (1e9, "clients", {}, "more than 20,000,000 requests"),
        (1.0, "clients", {"nobody": 2.0}, "client 'nobody': not in the trace"),
        (0.5, "thin", {"client-1": 0.5}, "belong to the law clients"),
    ],
)
def test_what_growth_is_not(factor: float, law: str, clients: dict[str, float], message: str) -> None:
    trace = synthesise(recipe(3600.0, clients={"count": 2}), 1)
    with pytest.raises(InputError, match=message):
        grow(trace, factor, law, clients=clients)


def test_a_window_is_cut_and_its_clock_starts_anew() -> None:
    trace = Trace.from_arrays(
        arrival_s=[0.0, 5.0, 10.0, 15.0, 20.0], prompt_tokens=[1, 2, 3, 4, 5], output_tokens=[1] * 5, metadata={"sim.duration_s": "25"}
    )
    cut = window(trace, 5.0, 15.0)
    assert table_of(cut)["arrival_s"].to_pylist() == [0.0, 5.0]
    assert table_of(cut)["prompt_tokens"].to_pylist() == [2, 3]
    assert cut.info.duration_s == 10.0
    assert window(trace, 10.0).info.duration_s == 15.0
    assert window(trace).info.rows == 5
    for begin, end in ((30.0, None), (10.0, 5.0), (-1.0, 5.0), (21.0, 24.0)):
        with pytest.raises(InputError, match="window from"):
            window(trace, begin, end)


def test_a_day_repeated_keeps_its_hours_and_its_conversations_apart() -> None:
    day = 86_400.0
    trace = Trace.from_arrays(
        arrival_s=[3600.0, 7200.0, 86_000.0], prompt_tokens=[1, 2, 3], output_tokens=[1, 1, 1], session_id=["a", "a", None]
    )
    tiled = tile(trace, 2.5)
    table = table_of(tiled)
    assert table["arrival_s"].to_pylist() == [3600, 7200, 86_000, day + 3600, day + 7200, day + 86_000, 2 * day + 3600, 2 * day + 7200]
    assert tiled.info.duration_s == 2.5 * day
    assert tiled.info.sessions == 3
    assert table["session_id"].to_pylist()[2] is None
    assert "every repetition is the same" in tiled.info.notes[-1]
    with pytest.raises(InputError, match="as many or more are needed"):
        tile(trace, 0.5)
