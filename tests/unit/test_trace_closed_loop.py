"""A trace that is a closed loop: what its file states, recipes that make one, what is said of it, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.catalog.yaml_file import load_model
from sim.errors import InputError
from sim.stack.check import check_file
from sim.trace import Trace, metadata_of, read_trace, write_trace
from sim.trace.closed_loop import KEY, ClosedLoop, closed_loop_of, stated
from sim.trace.describe import describe
from sim.trace.growth import grow
from sim.trace.recipe import Recipe
from sim.trace.show import show
from sim.trace.synthesise import synthesise
from sim.trace.usage import Bucket, Usage, from_usage
from sim.trace.window import tile, window
from tests.made.draws import BOOK, CATALOG

RECIPE = """\
about: A load generator.
source: made up
as_of: 2026-11-21
traffic:
  chat:
    closed_loop: {loop}
    prompt_tokens: {{law: lognormal, median: 700, sigma: 1.0}}
    output_tokens: {{law: geometric, mean: 200}}
"""
LOOP = ClosedLoop(16, 2.0, "exponential", 8.0, 600.0)


def closed(rows: int = 50, loop: ClosedLoop = LOOP) -> Trace:
    ones = np.ones(rows, np.int64)
    return Trace.from_arrays(arrival_s=np.zeros(rows), prompt_tokens=ones, output_tokens=ones, metadata={KEY: stated(loop)})


def recipe(folder: Path, loop: str, more: str = "", top: str = "") -> Recipe:
    path = folder / "r.yaml"
    path.write_text(RECIPE.format(loop=loop) + more + top, encoding="utf-8")
    return load_model(path, Recipe)


def test_a_file_states_its_closed_loop_and_it_is_read_again(tmp_path: Path) -> None:
    for loop in (LOOP, ClosedLoop(1), ClosedLoop(3, 0.5)):
        path = write_trace(tmp_path / "t.parquet", closed(loop=loop), force=True)
        assert read_trace(path).closed_loop == loop
    assert Trace.from_arrays(arrival_s=[0.0], prompt_tokens=[1], output_tokens=[1]).closed_loop is None
    path = write_trace(tmp_path / "u.parquet", closed(), metadata_of(duration_s=5.0))
    assert read_trace(path).closed_loop is None


def test_arrivals_at_one_moment_are_not_doubted_where_clients_send() -> None:
    assert closed().info.notes == ()
    open_ = Trace.from_arrays(arrival_s=np.zeros(50), prompt_tokens=np.ones(50, int), output_tokens=np.ones(50, int))
    assert any("same moment" in note for note in open_.info.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("64", 'allowed: JSON such as {"clients": 64, "think_s": 2}'),
        ("[", "found '['"),
        ("[" * 900, "found '[[[["),
        ('{"clients": 1, "pad": "' + "x" * 5000 + '"}', "JSON such as"),
        ('{"think_s": 2}', "JSON such as"),
        ('{"clients": 0}', "clients: found 0; allowed 1 to 10,000,000"),
        ('{"clients": 99999999}', "clients: found 99999999"),
        ('{"clients": true}', "clients: found True; allowed: a whole number"),
        ('{"clients": 2.5}', "clients: found 2.5; allowed: a whole number"),
        ('{"clients": 2, "think_s": -1}', "think_s: found -1; allowed: 0 or more seconds"),
        ('{"clients": 2, "think_s": NaN}', "think_s: found nan"),
        ('{"clients": 2, "think_s": 1' + "0" * 400 + "}", "think_s: found 1000"),
        ('{"clients": 2, "until_s": 0}', "until_s: found 0; allowed: above 0"),
        ('{"clients": 2, "ramp_s": "3 s"}', "ramp_s: found '3 s'; allowed: seconds"),
        ('{"clients": 2, "think_law": "gamma"}', "think_law: found 'gamma'; allowed: constant, exponential"),
        (
            '{"clients": 2, "think": 1}',
            "think: no such key; allowed: clients, think_law, think_s, ramp_s, until_s; did you mean 'think_s'?",
        ),
        ('{"clients": 2, "\\u001b[31m": 1}', "\\x1b[31m: no such key"),
    ],
)
def test_metadata_that_are_no_closed_loop_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        closed_loop_of({KEY: text}, "t.parquet")
    assert str(caught.value).startswith(f"t.parquet: {KEY}: ")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(InputError) as caught:
        closed_loop_of({KEY: '{"clients": "2", "think_s": "1", "x": 1}'}, "t")
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("wrong", [{"clients": 0}, {"think_s": -1.0}, {"ramp_s": float("inf")}, {"until_s": -2.0}, {"think_law": "x"}])
def test_what_makes_no_sense_is_refused_in_code_too(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="a closed loop"):
        ClosedLoop(**({"clients": 1} | wrong))


def test_a_recipe_makes_as_many_requests_as_it_says(tmp_path: Path) -> None:
    made = synthesise(recipe(tmp_path, "{clients: 16, think_s: {law: exponential, mean: 2}, ramp_s: 8, requests: 5000, duration_s: 600}"))
    assert made.closed_loop == LOOP
    assert made.info.rows == 5000
    assert made.classes == ("chat",)
    assert made.clients == ()
    chunk = next(made.chunks())
    assert not chunk.arrival_s.any()
    assert chunk.output_tokens.mean() == pytest.approx(200, rel=0.05)
    assert np.median(chunk.prompt_tokens) == pytest.approx(700, rel=0.05)
    again = synthesise(recipe(tmp_path, "{clients: 2, requests: 5000}"))
    assert again.closed_loop == ClosedLoop(2)
    # who sends is not what is sent
    np.testing.assert_array_equal(next(again.chunks()).prompt_tokens, chunk.prompt_tokens)


def test_a_duration_alone_makes_a_request_a_client_and_second(tmp_path: Path) -> None:
    made = synthesise(recipe(tmp_path, "{clients: 10, think_s: {law: constant, value: 4}, duration_s: 100}"))
    assert made.info.rows == 10 * 100 / (4 + 1)
    assert made.closed_loop == ClosedLoop(10, 4.0, until_s=100.0)
    assert synthesise(recipe(tmp_path, "{clients: 10, duration_s: 0.5}")).info.rows == 10


@pytest.mark.parametrize(
    ("loop", "more", "top", "message"),
    [
        ("{clients: 4}", "", "", "requests or duration_s is needed"),
        ("{clients: 0, requests: 5}", "", "", "closed_loop.clients"),
        ("{clients: 1000000, duration_s: 100000}", "", "", "could send 100,000,000,000 requests; say requests, at most 20,000,000"),
        ("{clients: 4, requests: 5, think_s: {law: gamma, mean: 1, cv: 2}}", "", "", "think_s"),
        ("{clients: 4, requests: 5}", "    requests_per_s: 2\n", "", "requests_per_s and closed_loop exclude each other"),
        ("{clients: 4, requests: 5}", "    arrivals: {process: poisson}\n    clients: {count: 3}\n", "", "excludes arrivals and clients"),
        ("{clients: 4, requests: 5}", "", "duration_s: 100\n", "a closed loop ends by duration_s or requests of traffic.chat.closed_loop"),
        (
            "{clients: 4, requests: 5}",
            "  b:\n    requests_per_s: 1\n    prompt_tokens: {law: constant, value: 9}\n    output_tokens: {law: constant, value: 9}\n",
            "",
            "chat is a closed loop, which stands alone; found 2 kinds of traffic",
        ),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(tmp_path: Path, loop: str, more: str, top: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        recipe(tmp_path, loop, more, top)
    assert message in str(caught.value)


def test_traffic_with_neither_a_rate_nor_clients_and_a_rate_without_duration(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    text = RECIPE.format(loop="{clients: 4, requests: 5}")
    path.write_text(text.replace("    closed_loop: {clients: 4, requests: 5}\n", ""), encoding="utf-8")
    with pytest.raises(InputError, match="either requests_per_s or closed_loop is needed"):
        load_model(path, Recipe)
    path.write_text(text.replace("closed_loop: {clients: 4, requests: 5}", "requests_per_s: 4"), encoding="utf-8")
    with pytest.raises(InputError, match="duration_s: key missing"):
        load_model(path, Recipe)


def test_a_description_says_who_sends_and_knows_no_rate(tmp_path: Path) -> None:
    trace = closed()
    found = describe(trace)
    assert found.closed_loop == LOOP
    assert np.isnan([found.rate_per_s, found.peak_minute_per_s, found.peak_to_mean]).all()
    assert (found.cv_gap, found.idc, found.rate_series_per_s) == (None, {}, ())
    text = show("t.parquet", found)
    assert "a closed loop of 16 clients, 2.00 s think time (exponential), begun over 8.00 s, for 10.0 min" in text
    assert "busiest minute" not in text
    assert "nan" not in text
    path = write_trace(tmp_path / "t.parquet", trace)
    assert "trace, 50 requests of a closed loop of 16 clients" in check_file(path, "t.parquet", CATALOG, BOOK)


def test_what_has_no_times_is_not_cut_repeated_or_scaled(tmp_path: Path) -> None:
    for change in (lambda t: window(t, 0, 1), lambda t: tile(t, 3), lambda t: grow(t, 2.0)):
        with pytest.raises(InputError, match=r"a closed loop of 16 clients.*no times of its own.*sim run TRACE --closed-loop N"):
            change(closed())
    usage = Usage("usage.csv", (Bucket(0.0, 3600.0, 10, 100, 100),))
    with pytest.raises(InputError, match="--shape: mine is a closed loop, which has no rate to lend"):
        from_usage(usage, recipe(tmp_path, "{clients: 4, requests: 5}"), "mine")


def test_stated_is_plain_json() -> None:
    assert json.loads(stated(LOOP)) == {"clients": 16, "think_s": 2.0, "think_law": "exponential", "ramp_s": 8.0, "until_s": 600.0}
    assert "until_s" not in json.loads(stated(ClosedLoop(1)))
