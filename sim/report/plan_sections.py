"""The tables of a plan: the chosen stack, the ranking, what was cheaper and failed, the frontier, the calendar, room to grow."""

from __future__ import annotations

import textwrap
from collections import Counter

from sim.planning.search import Judged
from sim.report.plan_labels import Alike, choice_text
from sim.report.plan_proof import proof
from sim.report.plan_report import RANKED, PlanReport
from sim.report.section import Section, brief
from sim.units import show_share, show_usd

_REASONS = 6
_CHEAPER = 4
_FRONTIER = 6
_NAME = 50
"""Characters of a name on one line: as many as leave room for the figures beside it."""


def plan_sections(report: PlanReport) -> list[Section]:
    """All parts, in the order in which they are read; parts without content are empty."""
    return [
        _chosen(report),
        _ranking(report),
        _cheaper(report),
        _frontier(report),
        _calendar(report),
        _room(report),
        _left_out(report),
    ]


def _chosen(report: PlanReport) -> Section:
    chosen = report.plan.chosen
    if chosen is None:
        return Section("", ())
    rows = [(name.replace("_", " "), choice_text(name, value)) for name, value in chosen.judged.candidate.values]
    return Section("", rows, facts=True, notes=("stack.yaml in the folder of this plan runs as it is.", *_elastic(report)))


def _elastic(report: PlanReport) -> tuple[str, ...]:
    """Where to ask how few GPUs over time would do: of a pool that requests have no way out of, as the others need none."""
    deployments = {} if report.stack is None else report.stack.data["deployments"]
    pools = [name for name, each in deployments.items() if each.get("kind") == "gpu"]
    if len(pools) != 1:
        return ()
    alone = "" if len(deployments) == 1 else f" --set 'routing=[{{to: [{pools[0]}]}}]'"
    command = f"sim elastic TRACE --stack stack.yaml{alone}"
    return (f"How few GPUs over time would do, and what each autoscaler takes: {command}",)


def _ranking(report: PlanReport) -> Section:
    if report.plan.chosen is None:
        return Section("", ())
    rows = [line for row in report.ranked[:RANKED] for line in _named(report, row, _figures(report, row.first))]
    more = len(report.ranked) - RANKED
    cost = "USD of a month"
    if report.months:
        cost = (
            "USD a month: mean invoice over months and futures. Of the chosen stack in futures that the search has not used; of the others "
            "as the search has them beside it, estimated from replays where no share of futures stands"
        )
    notes = [f"{cost}; room: how far the tightest level is from its limit, in the replay that levels must hold in."]
    if any(row.others for row in report.ranked[:RANKED]):
        notes.append("What stands with / between came out the same to the last bit.")
    if more > 0:
        notes.append(f"{more} more that meet the levels are in plan.json.")
    return Section("Meets the levels", rows, _header(report), notes)


def _cheaper(report: PlanReport) -> Section:
    nothing = report.plan.chosen is None
    some = report.cheaper[: RANKED if nothing else _CHEAPER]
    rows = []
    for row in some:
        rows += _named(report, row, [show_usd(report.usd(row.first))])
        rows += [[f"  {line}", ""] for line in textwrap.wrap(report.why_not(row.first), _NAME)]
    return Section("Comes closest" if nothing else "Cheaper, and fails", rows, ("USD a month",))


def _frontier(report: PlanReport) -> Section:
    some = report.frontier
    if report.plan.chosen is None or len(some) < 2:
        return Section("", ())
    begin = max(0, next((i for i, row in enumerate(some) if row.first.met), 0) - 2)
    shown = some[begin : begin + _FRONTIER]
    rows = [line for row in shown for line in _named(report, row, _figures(report, row.first))]
    return Section(
        "Frontier",
        rows,
        _header(report),
        ("What more money buys in room; below 0 a level fails.",),
    )


def _named(report: PlanReport, row: Alike, figures: list[str]) -> list[list[str]]:
    """A row with its name, which goes on below where it is long: cut names would be alike."""
    lines = [""]
    for part in report.words(row.first).split(", "):
        longer = f"{lines[-1]}, {part}" if lines[-1] else part
        lines = [*lines[:-1], longer] if len(longer) < _NAME or not lines[-1] else [*lines, part]
    first, *more = [each for i, line in enumerate(lines) for each in textwrap.wrap(f"{line}," if i < len(lines) - 1 else line, _NAME)]
    return [[first, *figures], *([f"  {line}", *("" for _ in figures)] for line in more)]


def _calendar(report: PlanReport) -> Section:
    months = report.calendar
    if not months:
        return Section("", ())
    known = any(each.needed_gpus_p95 is not None for each in months)
    rows = []
    for each in months:
        row = [each.month, f"{each.demand_p50:.2f}", f"{each.demand_p95:.2f}", f"{each.gpus_p50:.3g}", f"{each.gpus_p95:.3g}"]
        if known:
            row += [str(each.needed_gpus_p50 or "-"), str(each.needed_gpus_p95 or "-"), each.order_by.isoformat() if each.order_by else ""]
        rows.append(row)
    header = ["demand p50", "p95", "GPUs p50", "p95", *(["needed p50", "p95", "order by"] if known else [])]
    notes = ["Demand over that of the trace; GPUs paid for on average."]
    if known:
        lead = report.lead
        days = "" if lead is None else f", {lead.days:g} days ahead ({'assumed: ' if lead.assumed else ''}{lead.source})"
        notes.append(
            f"Needed: the fewest GPUs that hold the levels at that demand, by replays; order by: when those have to be ordered{days}."
        )
        if any(each.order_by is not None and each.order_by.isoformat() < report.date for each in months):
            notes.append(f"A day before that of the prices, {report.date}, has passed: order at once.")
    return Section("Capacity", rows, header, notes)


def _room(report: PlanReport) -> Section:
    room = report.room
    if room is None:
        return Section("", ())
    text = f"holds at {room.holds:.3g} times the demand of the trace"
    if room.fails is not None:
        text += f"; at {room.fails:.3g} times {brief(room.level or 'a level')} fails first"
    else:
        text += ", the most that was tried"
    return Section("", (("Room to grow", text),), facts=True)


def _left_out(report: PlanReport) -> Section:
    plan = report.plan
    words = {
        "refused": "cannot be made",
        "spare": "cannot spare what may be gone",
        "bound": "by a bound",
        "look": "in a look at the busiest hours",
    }
    counts = Counter(each.by for each in plan.dropped)
    parts = [f"{counts[by]:,} {text}" for by, text in words.items() if counts[by]]
    if plan.unseen:
        parts.append(f"{plan.unseen:,} cost more than what was found and were not replayed")
    if not plan.candidates:
        return Section("", [("Candidates" if i == 0 else "", line) for i, line in enumerate(report.empty)], facts=True)
    text = f"{plan.candidates:,} candidates: {len(plan.judged):,} replayed whole" + "".join(f"; {part}" for part in parts)
    reasons = Counter(each.why for each in plan.dropped if each.by != "look").most_common(_REASONS)
    rows = [("Candidates", text), *(("", f"{count:,}: {why}") for why, count in reasons)]
    if plan.judged:
        rows.append(("How sure", proof(report)))
    rows += [("Noted" if i == 0 else "", note) for i, note in enumerate(report.notes)]
    return Section("", rows, facts=True)


def _header(report: PlanReport) -> tuple[str, ...]:
    return ("USD a month", "room", *(("futures",) if report.months else ()))


def _figures(report: PlanReport, each: Judged) -> list[str]:
    found = [show_usd(report.usd(each)), _room_of(each)]
    if report.months:
        met = report.futures_met(each)
        found.append("-" if met is None else show_share(met))
    return found


def _room_of(each: Judged) -> str:
    return f"{-100 * each.excess:.0f} %" if abs(each.excess) < 10 else f"{-each.excess:.0f}x"
