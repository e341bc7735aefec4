"""What candidates are called: each name once, by what differs, and those that replay alike as one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sim.planning.points import Point, Row
from sim.report.plan_labels import alike, labels
from sim.report.plan_sections import _named


def judged(number: int, usd: float, load: float = 0.5, **values: object) -> Any:
    row = Row(Point(number, (), ()), {"usd_per_month": usd, "load_mean": load}, (("ttft_p95", 3.0, 1.0, True),))
    return SimpleNamespace(candidate=SimpleNamespace(number=number, values=tuple(values.items())), row=row, held=row)


def names(*some: Any, lists: tuple[str, ...], own: frozenset[int] = frozenset()) -> list[str]:
    rows = alike(some, own)
    found = labels(rows, lists)
    return [found[row.first.candidate.number] for row in rows]


def test_what_replays_alike_is_one_row_and_says_what_it_stands_for() -> None:
    one, two = judged(0, 10.0, 0.4, replicas="1", max_num_seqs=40), judged(1, 10.0, 0.6, replicas="1", max_num_seqs=256)
    dear = judged(2, 20.0, replicas="2", max_num_seqs=40)
    assert names(one, two, dear, lists=("replicas", "max_num_seqs")) == ["x1, seqs 40/256", "x2, seqs 40"]


def test_what_is_bought_otherwise_is_another_row_whatever_it_costs() -> None:
    some = [judged(0, 10.0, purchase="spot"), judged(1, 10.0, purchase="on_demand"), judged(2, 12.0, purchase="reserved_1y")]
    assert names(*some, lists=("purchase",)) == ["purchase spot", "purchase on_demand", "purchase reserved_1y"]


def test_of_what_was_forecast_each_has_its_row() -> None:
    some = [judged(n, 10.0, max_num_seqs=n) for n in (8, 16, 32)]
    rows = alike(some, frozenset({8, 16}))
    assert [[each.candidate.number for each in row.every] for row in rows] == [[8, 32], [16]]


def test_what_is_the_same_in_every_row_is_not_said_but_for_what_people_call_a_stack_by() -> None:
    lists = ("gpu", "tensor_parallel", "replicas", "overflow", "fallback")
    some = [judged(n, 10.0 + n, gpu="h100-sxm", tensor_parallel=2, replicas=str(n), overflow="stack", fallback="none") for n in (1, 2)]
    assert names(*some, lists=lists) == ["h100-sxm, TP2, x1", "h100-sxm, TP2, x2"]
    every = [judged(2 * n + k, 10.0 + n, replicas=str(n), fallback=back) for n in (1, 2) for k, back in enumerate(("stack", "none"))]
    assert names(*every, lists=("replicas", "fallback")) == ["x1", "x2"], "all rows stand for both"


def test_names_that_would_read_alike_have_their_number() -> None:
    some = [judged(4, 10.0, **{"deployments.a.limit": 1}), judged(7, 11.0, **{"deployments.b.limit": 1})]
    assert names(*some, lists=("deployments.a.limit", "deployments.b.limit")) == ["limit 1 (no. 5)", "limit 1 (no. 8)"]


def test_a_long_name_goes_on_below_and_is_never_cut() -> None:
    words = [f"h200-sxm, TP4, 1-8 hpa 16, purchase spot aws us-west-2, overflow groq-llama-3.3-70b after {k} s" for k in (2, 3)]
    shown = []
    for text in words:
        report: Any = SimpleNamespace(words=lambda _, text=text: text)
        row: Any = SimpleNamespace(first=None)
        lines = _named(report, row, ["$1", "2 %"])
        assert lines[0][1:] == ["$1", "2 %"] and all(each[1:] == ["", ""] and each[0].startswith("  ") for each in lines[1:])
        assert " ".join(each[0].strip() for each in lines) == text and max(len(each[0]) for each in lines) <= 52
        shown.append(lines)
    assert shown[0] != shown[1]
