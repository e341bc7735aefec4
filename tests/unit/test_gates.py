"""Gates: what is read, what is refused and where, and what becomes of one: limits, noise, what does not exist."""

from __future__ import annotations

import math

import pytest

from sim.errors import InputError
from sim.planning.gate_figures import EDGES, FIGURES, Known, all_names, figure_named, why_missing
from sim.planning.gate_grammar import parse_gate, parse_gates
from sim.planning.gates import GateResult, Measured, check


@pytest.mark.parametrize(
    ("text", "name", "op", "limit", "relative"),
    [
        ("monthly.tco_usd.p95 > 120000", "monthly.tco_usd.p95", ">", 120_000.0, False),
        ("ttft_p99 > 1.5s", "ttft_p99", ">", 1.5, False),
        ("  TTFT_p99_s>=800ms ", "ttft_p99", ">=", 0.8, False),
        ("e2e_p99.9 > 2 min", "e2e_p99.9", ">", 120.0, False),
        ("total.invoice_usd.p50 > $90k", "total.invoice_usd.p50", ">", 90_000.0, False),
        ("total.tco_usd.mean > 90,000 USD", "total.tco_usd.mean", ">", 90_000.0, False),
        ("p_slo_met < 0.9", "p_slo_met", "<", 0.9, False),
        ("completed_share<99.5%", "completed", "<", 0.995, False),
        ("load > 80%", "load", ">", 0.8, False),
        ("load > 1.25", "load", ">", 1.25, False),
        ("gpus > 64", "gpus", ">", 64.0, False),
        ("gpus_most == 2", "gpus", "==", 2.0, False),
        ("goodput < 5/s", "goodput", "<", 5.0, False),
        ("delta.monthly.tco_usd.p50 > 5%", "delta.monthly.tco_usd.p50", ">", 0.05, True),
        ("delta.total.tco_usd.mean > -$5k", "delta.total.tco_usd.mean", ">", -5000.0, False),
        ("delta.load > 5pp", "delta.load", ">", 0.05, False),
        ("delta.load > 5%", "delta.load", ">", 0.05, True),
        ("delta.p_slo_met < -0.1", "delta.p_slo_met", "<", -0.1, False),
        ("delta.ttft_p95 > 100ms", "delta.ttft_p95", ">", 0.1, False),
        ("p_dearer > 90%", "p_dearer", ">", 0.9, False),
    ],
)
def test_what_is_read(text: str, name: str, op: str, limit: float, relative: bool) -> None:
    gate = parse_gate(text, pair=True)
    assert (gate.name, gate.op, gate.relative) == (name, op, relative)
    assert gate.limit == pytest.approx(limit, rel=1e-12)
    assert parse_gate(str(gate), pair=True) == gate


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("", 1, "found nothing where a figure belongs; allowed: [delta.]FIGURE OP VALUE"),
        ("> 3", 1, "found '> 3' where a figure belongs"),
        ("tfft_p99 > 1.5s", 1, "unknown figure 'tfft_p99'; did you mean 'ttft_p99'?"),
        ("  monthly.tco.p95 > 3", 3, "did you mean 'monthly.tco_usd.p95'?"),
        ("ttft_p0.5 > 3s", 1, "unknown figure 'ttft_p0.5'"),
        ("monthly.tco_usd > 3", 16, "which part of it? allowed: monthly.tco_usd.p5, monthly.tco_usd.p50"),
        ("monthly.tco_usd.p99 > 3", 17, "found 'p99'; allowed over futures: p5, p50, p95, mean"),
        ("load.p95 > 3", 5, "found .p95, but load has no quantiles over futures"),
        ("cost > 5%", 1, "unknown figure 'cost'; did you mean usd_per_month or total.invoice_usd.p50? (all are in docs/diff.md)"),
        ("tco.p50 > $5", 1, "unknown figure 'tco.p50'; did you mean"),
        ("ttft_p99 => 1.5s", 10, "did you mean >=?"),
        ("ttft_p99 = 1.5s", 10, "did you mean ==?"),
        ("ttft_p99 1.5s", 10, "found '1.5s' where a comparison belongs"),
        ("ttft_p99", 9, "found no comparison"),
        ("ttft_p99 >", 11, "found nothing behind >"),
        ("ttft_p99 > $5", 12, "which is not a duration"),
        ("total.tco_usd.p50 > 5s", 21, "which is not an amount of money"),
        ("total.tco_usd.p50 > 90.000", 21, "write 90000"),
        ("load > 80%%", 8, "is no share; allowed: 80% or 0.8"),
        ("ttft_p99 > 1s and load > 2", 12, "one comparison a gate"),
        ("1s < ttft_p99", 1, "where a figure belongs"),
        ("p_slo_met < 95", 13, "p_slo_met is a share; allowed: from 0 to 1"),
        ("delta.completed < -1", 19, "found '-1'; completed is a share; allowed: -1pp, or -0.01"),
        ("delta.p_slo_met < -5", 19, "allowed: -5pp, or -0.05"),
        ("gpus > -1", 8, "gpus is never below 0"),
        ("ttft_p99 > nan", 12, "which is not a duration"),
        ("ttft_p99 > inf", 12, "which is not a duration"),
        ("delta.ttft_p99 > 5pp", 18, "ttft_p99 is no share"),
        ("delta.p_dearer > 5%", 7, "holds HEAD against BASE by itself"),
        ("hybrid: load > 2", 7, "a gate is about HEAD, without a name"),
        ("__import__('os') > 1", 1, "where a figure belongs"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, column: int, said: str) -> None:
    with pytest.raises(InputError) as error:
        parse_gate(text, pair=True)
    first, shown, mark = str(error.value).split("\n")
    assert first.startswith(f"--fail-if: column {column}: ") and said in first
    assert shown == f"    {text}" and mark.index("^") == 4 + column - 1


def test_a_long_one_and_one_that_steers_a_terminal() -> None:
    with pytest.raises(InputError, match="at most 200"):
        parse_gate("x" * 10_000)
    with pytest.raises(InputError) as error:
        parse_gate("load\x1b[31m > 2")
    assert "\x1b" not in str(error.value) and "^" in str(error.value)


def test_a_value_is_kept_on_one_line() -> None:
    assert str(parse_gate("ttft_p99 >\t1.5 \n s")) == "ttft_p99 > 1.5 s"


def test_all_mistakes_at_once_and_the_same_gate_once() -> None:
    with pytest.raises(InputError) as error:
        parse_gates(["laod > 2", "load > 2", "gpus >"])
    assert str(error.value).count("--fail-if: column") == 2
    assert len(parse_gates(["load > 2", " load  > 2", "load > 3"])) == 2


def test_a_difference_needs_two_sides() -> None:
    for text in ("delta.load > 2", "p_dearer > 0.5"):
        with pytest.raises(InputError, match="in sim diff, which has a BASE and a HEAD"):
            parse_gate(text)


def test_a_gate_about_one_stack() -> None:
    stacks = ("hybrid", "hybrid (2)", "a:b")
    assert parse_gate("hybrid (2): load > 2", stacks=stacks).stack == "hybrid (2)"
    assert parse_gate("a:b: load > 2", stacks=stacks).stack == "a:b"
    assert parse_gate("load > 2", stacks=stacks).stack == ""
    with pytest.raises(InputError, match="column 1: no stack 'hybird'; allowed: hybrid, hybrid \\(2\\), a:b; did you mean 'hybrid'"):
        parse_gate("hybird: load > 2", stacks=stacks)


def test_every_name_of_the_list_can_be_written() -> None:
    for name in all_names():
        value = "1" if "p_" in name or "share" in name else "1s" if name.startswith(("ttft", "tpot", "e2e")) else "1"
        assert parse_gate(f"{name} > {value}", pair=True).name == name or "_" in name
    assert len({each.name for each in FIGURES}) == len(FIGURES)
    assert all(each.months for each in FIGURES if each.banded)
    assert figure_named("monthly.tco_usd") is not None and figure_named("nonsense") is None


@pytest.mark.parametrize(
    ("text", "value", "fails"),
    [
        ("load > 80%", 0.8, False),
        ("load >= 80%", 0.8, True),
        ("load > 80%", 0.8000001, True),
        ("load < 80%", 0.8, False),
        ("load <= 80%", 0.8, True),
        ("load == 80%", 0.8, True),
        ("completed < 99.5%", 199 / 200, False),
        ("completed <= 99.5%", 199 / 200, True),
        ("gpus == 2", 2.0, True),
        ("gpus == 2", 3.0, False),
    ],
)
def test_a_gate_fails_when_what_it_says_is_so(text: str, value: float, fails: bool) -> None:
    assert parse_gate(text).fails(value) is fails


@pytest.mark.parametrize("op", [">", ">=", "<", "<=", "=="])
def test_what_is_no_number_never_passes(op: str) -> None:
    gate = parse_gate(f"load {op} 80%")
    assert gate.fails(None) and gate.fails(math.nan)
    (result,) = check([gate], ["head"], lambda _gate, _stack: Measured(math.nan, 0.1))
    assert result.failed and result.measured is None and result.by is None and not result.noisy


def test_from_nothing_to_something_is_more_than_any_share() -> None:
    assert parse_gate("delta.total.tco_usd.p50 > 500%", pair=True).fails(math.inf)
    assert not parse_gate("delta.total.tco_usd.p50 < -5%", pair=True).fails(math.inf)
    assert parse_gate("delta.total.tco_usd.p50 < -5%", pair=True).fails(-math.inf)


@pytest.mark.parametrize(
    ("measured", "se", "noisy"), [(105.0, 2.5, True), (105.0, 2.4, False), (95.0, 2.5, True), (105.0, None, False), (100.0, 0.0, False)]
)
def test_noise_is_two_standard_errors(measured: float, se: float | None, noisy: bool) -> None:
    gate = parse_gate("total.tco_usd.p50 > 100")
    (result,) = check([gate], ["head"], lambda _gate, _stack: Measured(measured, se))
    assert result.noisy is noisy and result.failed is (measured > 100.0) and result.by == measured - 100.0


def test_every_stack_or_the_one_named() -> None:
    gates = parse_gates(["load > 1", "b: load > 2"], stacks=("a", "b"))
    found = check(gates, ["a", "b", "b"], lambda _gate, stack: Measured({"a": 1.5, "b": 3.0}[stack]))
    assert [(str(each.gate), each.stack, each.failed) for each in found] == [
        ("load > 1", "a", True), ("load > 1", "b", True), ("b: load > 2", "b", True),
    ]  # fmt: skip
    assert all(isinstance(each, GateResult) for each in found)


def test_which_way_round() -> None:
    assert parse_gate("completed > 99%").asks_for_good and parse_gate("ttft_p99 < 1s").asks_for_good
    assert not parse_gate("completed < 99%").asks_for_good and not parse_gate("ttft_p99 > 1s").asks_for_good
    assert not parse_gate("api_usd_per_month > 5").asks_for_good and not parse_gate("load == 1").asks_for_good


RUN = Known(months=12, duration_s=3600.0, requests=100, one_token=False, pools=True, limits=True)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("monthly.tco_usd", {"months": 0}),
        ("p_dearer", {"months": 0}),
        ("tpot_p95", {"one_token": True}),
        ("usd_per_month", {"duration_s": 0.0}),
        ("load", {"pools": False}),
        ("monthly.load", {"pools": False}),
        ("busy_share", {"pools": False}),
        ("api_load", {"limits": False}),
        ("ttft_p95", {"requests": 0}),
    ],
)
def test_what_a_run_will_not_have_is_known_before_it(name: str, changed: dict[str, float]) -> None:
    figure = figure_named(name)
    assert figure is not None
    assert why_missing(figure, RUN) == ""
    known = Known(**{**{key: getattr(RUN, key) for key in Known.__slots__}, **changed})  # type: ignore[arg-type]
    assert "allowed: " in why_missing(figure, known) or "without requests" in why_missing(figure, known)


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("ttft_p99 > 1s", 1.25, "1.25 s"),
        ("tpot_p99 > 1s", 0.0125, "12.5 ms"),
        ("load > 80%", 0.845, "84.5 %"),
        ("total.tco_usd.p50 > 1", 1234.0, "$1,234"),
        ("delta.total.tco_usd.p50 > 1", -1234.0, "-$1,234"),
        ("delta.total.tco_usd.p50 > 1%", 0.125, "+12.5 %"),
        ("delta.load > 1%", 0.125, "+12.5 %"),
        ("delta.load > 1pp", 0.125, "+12.5 pp"),
        ("delta.gpus > 1", 0.0, "no difference"),
        ("gpus > 1", None, "-"),
        ("delta.gpus > 1%", math.inf, "from nothing to something"),
    ],
)
def test_values_for_people(text: str, value: float | None, shown: str) -> None:
    assert parse_gate(text, pair=True).shown(value) == shown
    assert set(EDGES) == {"p5", "p50", "p95", "mean"}


@pytest.mark.parametrize(
    ("text", "wanted", "note"),
    [
        ("ttft_p99 > 1500", "25.0 min", "--fail-if 'ttft_p99 > 1500': ttft_p99 is 25.0 min; 1500ms is written so"),
        ("ttft_p99 > 1,500", "25.0 min", "--fail-if 'ttft_p99 > 1,500': ttft_p99 is 25.0 min; 1500ms is written so"),
        ("tpot_p99 > 50", "50,000 ms", "--fail-if 'tpot_p99 > 50': tpot_p99 is 50.0 s; 50ms is written so"),
        ("e2e_p99 > 121", "2.02 min", "--fail-if 'e2e_p99 > 121': e2e_p99 is 2.02 min; 121ms is written so"),
        ("delta.ttft_p99 > 1500", "25.0 min", "--fail-if 'delta.ttft_p99 > 1500': ttft_p99 is 25.0 min; 1500ms is written so"),
        ("e2e_p99 > 120", "2.00 min", ""),
        ("ttft_p99 > 25 min", "25 min", ""),
        ("ttft_p99 > 1.5", "1.50 s", ""),
        ("monthly.tco_usd.p95 > 120000", "$120,000", ""),
        ("monthly.tco_usd.p95 > 120k", "$120,000", ""),
        ("delta.monthly.tco_usd.p95 > -500", "-$500.00", ""),
        ("delta.monthly.tco_usd.p95 > 5%", "5%", ""),
        ("load > 0.8", "80.0 %", ""),
        ("delta.load > .05", "5.00 pp", ""),
        ("gpus > 64", "64", ""),
    ],
)
def test_limits_have_units_and_odd_ones_a_word(text: str, wanted: str, note: str) -> None:
    gate = parse_gate(text, pair=True)
    assert (gate.wanted, gate.note) == (wanted, note)
