"""The tables of a plan: the chosen stack, the ranking, what was cheaper and failed, the frontier, the calendar, room to grow."""

from __future__ import annotations

from collections import Counter

from sim.planning.search import Judged
from sim.report.plan_report import RANKED, PlanReport
from sim.report.section import Section, brief
from sim.units import show_share, show_usd

_REASONS = 6
_CHEAPER = 4
_FRONTIER = 6


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
    rows = [(name.replace("_", " "), str(value)) for name, value in chosen.judged.candidate.values]
    return Section("", rows, facts=True, notes=("stack.yaml in the folder of this plan runs as it is.",))


def _ranking(report: PlanReport) -> Section:
    if report.plan.chosen is None:
        return Section("", ())
    rows = [[report.words(each), *_figures(report, each)] for each in report.ranked[:RANKED]]
    more = len(report.ranked) - len(rows)
    cost = "USD of a month"
    if report.months:
        cost = "USD a month: mean invoice over months and futures; where no share of futures stands, estimated from replays"
    notes = [f"{cost}; room: how far the tightest level is from its limit, in the replay that levels must hold in."]
    if more > 0:
        notes.append(f"{more} more that meet the levels are in plan.json.")
    return Section("Meets the levels", rows, _header(report), notes)


def _cheaper(report: PlanReport) -> Section:
    if report.plan.chosen is None:
        rows = [[report.words(each), show_usd(report.usd(each)), report.why_not(each)] for each in report.cheaper[:RANKED]]
        return Section("Comes closest", [[each[0], each[1]] for each in rows], ("USD a month",), [f"{each[0]}: {each[2]}" for each in rows])
    rows = [[report.words(each), show_usd(report.usd(each)), report.why_not(each)] for each in report.cheaper[:_CHEAPER]]
    return Section(
        "Cheaper, and fails", [[each[0], each[1]] for each in rows], ("USD a month",), [f"{each[0]}: {each[2]}" for each in rows]
    )


def _frontier(report: PlanReport) -> Section:
    some = report.frontier
    if report.plan.chosen is None or len(some) < 2:
        return Section("", ())
    begin = max(0, next((i for i, each in enumerate(some) if each.met), 0) - 2)
    rows: list[list[str]] = []
    for each in some[begin:]:
        row = [report.words(each), show_usd(each.usd_per_month), _room_of(each)]
        # What differs in nothing that is printed would only be read twice.
        if not rows or row[1:] != rows[-1][1:]:
            rows.append(row)
    return Section(
        "Frontier",
        rows[:_FRONTIER],
        ("USD a month", "room"),
        ("What more money buys in room, by replays; below 0 a level fails.",),
    )


def _calendar(report: PlanReport) -> Section:
    months = report.calendar
    if not months:
        return Section("", ())
    known = any(each.needed_p95 is not None for each in months)
    rows = []
    for each in months:
        row = [each.month, f"{each.demand_p50:.2f}", f"{each.demand_p95:.2f}", f"{each.gpus_p50:.3g}", f"{each.gpus_p95:.3g}"]
        if known:
            row += [str(each.needed_p50 or "-"), str(each.needed_p95 or "-"), each.order_by.isoformat() if each.order_by else ""]
        rows.append(row)
    header = ["demand p50", "p95", "GPUs p50", "p95", *(["needed p50", "p95", "order by"] if known else [])]
    notes = ["Demand over that of the trace; GPUs paid for on average."]
    if known:
        lead = report.lead
        days = "" if lead is None else f", {lead.days:g} days ahead ({'assumed: ' if lead.assumed else ''}{lead.source})"
        notes.append(
            f"Needed: the fewest GPUs that hold the levels at that demand, by replays; order by: when those have to be ordered{days}."
        )
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
    words = {"refused": "cannot be made", "bound": "by a bound", "look": "in a look at the busiest hours"}
    counts = Counter(each.by for each in plan.dropped)
    parts = [f"{counts[by]:,} {text}" for by, text in words.items() if counts[by]]
    if plan.unseen:
        parts.append(f"{plan.unseen:,} cost more than what was found and were not replayed")
    text = f"{plan.candidates:,} candidates: {len(plan.judged):,} replayed whole" + "".join(f"; {part}" for part in parts)
    reasons = Counter(each.why for each in plan.dropped if each.by != "look").most_common(_REASONS)
    rows = [("Candidates", text), *(("", f"{count:,}: {why}") for why, count in reasons)]
    rows += [("Noted" if i == 0 else "", note) for i, note in enumerate(report.notes)]
    return Section("", rows, facts=True)


def _header(report: PlanReport) -> tuple[str, ...]:
    return ("USD a month", "room", *(("futures",) if report.months else ()))


def _figures(report: PlanReport, each: Judged) -> list[str]:
    found = [show_usd(report.usd(each)), _room_of(each)]
    if report.months:
        seen = report.foreseen(each)
        found.append("-" if seen is None else show_share(seen.p_met))
    return found


def _room_of(each: Judged) -> str:
    return f"{-100 * each.excess:.0f} %" if abs(each.excess) < 10 else f"{-each.excess:.0f}x"
