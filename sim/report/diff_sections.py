"""The parts of a diff for a terminal, in the order of a reader: gates, what changed, what it costs, what it does, what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from sim.futures.forecast import Band
from sim.planning.comparison import PairCosts
from sim.planning.effects import Effect
from sim.planning.stack_diff import Part
from sim.report.amounts import about, chance
from sim.report.diff_report import DiffReport
from sim.report.diff_rows import assumption_rows, change_rows
from sim.report.diff_words import apart, effect_name, months_apart, relative, shown
from sim.report.gate_report import gates_section
from sim.report.section import Section
from sim.units import show_count
from sim.wide import shortened

SIGNS = (("added", "+"), ("changed", "~"), ("removed", "-"))
_MOST_CHANGES = 20
_MOST_FOLLOWS = 6
_MOST_WORDS = 8
_SOURCE = 60
_COLUMNS = 12
_NAME = 36
_TELLING = (
    "kind", "llm", "model", "machine", "gpu", "tensor_parallel", "replicas.min", "replicas.max", "min", "max", "purchase", "tier",
)  # fmt: skip
"""Keys that say what a part is."""
_KINDS = (("invoice", "invoice"), ("tco", "TCO"))


def diff_sections(report: DiffReport) -> list[Section]:
    """All parts; what a diff has nothing for is empty."""
    months = [_costs(report), _by_month(report)] if report.comparison is not None else []
    return [
        gates_section(report.gates, named=False), _changes(report), *months, effect_table("Replay", report.of_replay),
        *_over_months(report), _assumptions(report), _notes(report), _rests_on(report),
    ]  # fmt: skip


def _changes(report: DiffReport) -> Section:
    """Parts with their keys, as a diff marks them."""
    rows: list[tuple[str, str]] = []
    signs = dict(SIGNS)
    for part in (*report.groups, *report.stacks.parts):
        rows.append((f"{signs[part.state]} {shortened(part.name, _NAME)}", part_words(part)))
        if part.state == "changed":
            changes, follows = change_rows(part, part.changes), change_rows(part, part.follows)
            rows += [(f"    {_short(key)}", f"{words}{_from(source)}") for key, words, source in changes[:_MOST_CHANGES]]
            rows += [(f"    {_short(key)}", f"{words} (follows{_from(source, ', ')})") for key, words, source in follows[:_MOST_FOLLOWS]]
            left = max(0, len(changes) - _MOST_CHANGES) + max(0, len(follows) - _MOST_FOLLOWS)
            if left:
                rows.append(("", f"and {left} more, in diff.json"))
    if report.stacks.unchanged:
        rows.append(("  unchanged", ", ".join(report.stacks.unchanged)))
    return Section("Changes", [("Changes", f"{report.base.label} -> {report.head.label}"), *rows], facts=True)


def part_words(part: Part) -> str:
    """What a part is, in a phrase: the values of its keys that tell most, or how many keys differ."""
    if part.state == "changed":
        count, more = len(part.changes), len(part.follows)
        words = [f"{count} {'key' if count == 1 else 'keys'}"] if count else []
        words += [f"{more} that {'follows' if more == 1 else 'follow'}"] if more else []
        return f"{part.state}: {', '.join(words)}"
    said = {each.key.removeprefix(f"{part.name}."): each.new if part.state == "added" else each.old for each in part.changes}
    found = [f"{key} {said[key]}" for key in _TELLING if key in said]
    return f"{part.state}: {', '.join(found)}" if found else part.state


def _short(key: str) -> str:
    return shortened(key, _NAME - 2)


def _from(source: str, before: str = "; ") -> str:
    return f"{before}{shortened(source, _SOURCE)}" if source else ""


def _costs(report: DiffReport) -> Section:
    rows = []
    for kind, words in _KINDS:
        if kind == "tco" and not report.beyond_invoice:
            continue
        costs = report.costs(kind)
        was, is_ = (getattr(report.summary(each), f"{kind}_usd") for each in (report.base, report.head))
        rows += [
            (f"{words}, BASE", *_edges(was), ""),
            (f"{words}, HEAD", *_edges(is_), ""),
            ("  difference", *map(signed_usd, edges_of(costs.difference_usd)), _dearer(costs)),
        ]
    notes = [
        f"USD over {report.span}. The difference is HEAD less BASE in each future, which are the same ones for both; dearer: the share of "
        "futures in which HEAD costs more."
    ]
    return Section("Cost", rows, ("p5", "p50", "p95", "dearer"), notes)


def _edges(band: Band) -> tuple[str, ...]:
    return tuple(map(about, edges_of(band)))


def edges_of(band: Band) -> tuple[float, float, float]:
    """p5, p50 and p95."""
    return band.p5, band.p50, band.p95


def signed_usd(usd: float) -> str:
    """`+$1.2 k`; `=` for less than half a cent."""
    if abs(usd) < 0.005:
        return "="
    return f"{'+' if usd > 0 else ''}{about(usd)}"


def _dearer(costs: PairCosts) -> str:
    return "tie" if costs.tie else chance(1.0 - costs.p_a_cheaper)


def _by_month(report: DiffReport) -> Section:
    months = report.months
    if len(months) < 2:
        return Section("", ())
    step = -(-len(months) // _COLUMNS)
    kind = "tco" if report.beyond_invoice else "invoice"
    costs, head, base = report.costs(kind), report.summary(report.head), report.summary(report.base)
    was, is_ = (getattr(each, f"{kind}_usd_by_month") for each in (base, head))
    rows = [
        (
            months[m], about(was[m].p50), about(is_[m].p50), signed_usd(costs.difference_usd_by_month[m].p50),
            chance(1.0 - costs.p_a_cheaper_by_month[m]), chance(base.p_met_by_month[m]), chance(head.p_met_by_month[m]),
        )
        for m in range(step - 1, len(months), step)
    ]  # fmt: skip
    words = "TCO" if kind == "tco" else "Invoice"
    notes = [f"{words} of the month, p50; met: the share of futures in which the month meets every service level."]
    return Section("Month", rows, ("BASE", "HEAD", "diff. p50", "dearer", "BASE met", "HEAD met"), notes)


def effect_table(title: str, found: Sequence[Effect], notes: Sequence[str] = ()) -> Section:
    """Figures of BASE and HEAD and their differences."""
    rows = [(effect_name(each), shown(each, each.base.value), shown(each, each.head.value), apart(each), relative(each)) for each in found]
    return Section(title, rows, ("BASE", "HEAD", "difference", ""), notes)


def _over_months(report: DiffReport) -> list[Section]:
    if not report.of_months:
        return []
    notes = [
        "Names are those of gates; monthly. is the worst month of each. Differences are those of each future: a quantile of them is not "
        "the difference of quantiles; of monthly. they are of the month in which the difference is worst."
    ]
    notes += [f"{effect_name(each)}: {words}." for each in report.of_months if (words := months_apart(each))]
    return [effect_table("Months", report.of_months, notes)]


def assumption_words(report: DiffReport) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What HEAD assumes more than BASE, and what it no longer does."""
    more, fewer = report.outlook_changes()
    return assumption_rows((*report.stacks.assumptions_added, *more)), assumption_rows((*report.stacks.assumptions_removed, *fewer))


def _assumptions(report: DiffReport) -> Section:
    added, removed = assumption_words(report)
    rows = [("Assumed", "what HEAD rests on and BASE does not (+), or no longer (-)")] if added or removed else []
    for sign, texts in (("+", added), ("-", removed)):
        rows += [(f"  {sign}", text) for text in texts[:_MOST_WORDS]]
        if len(texts) > _MOST_WORDS:
            rows.append((f"  {sign}", f"{len(texts) - _MOST_WORDS} more, in diff.json"))
    return Section("Assumed", rows, facts=True)


def _notes(report: DiffReport) -> Section:
    return Section("Noted", [("Noted" if k == 0 else "", text) for k, text in enumerate(report.notes()[:_MOST_WORDS])], facts=True)


def _rests_on(report: DiffReport) -> Section:
    trace, ahead = report.head.report.trace, report.head.side.ahead
    rows = [("Traffic", f"{trace.name}, {show_count(trace.requests)} requests; prices of {report.head.report.date}")]
    if ahead is not None:
        text = f"{ahead.futures} of the outlook {ahead.outlook}, the same ones for both (seed {ahead.seed})"
        rows.append(("Futures", text))
    else:
        rows.append(("Futures", f"none: one replay of the trace each (seed {report.head.report.seed}), so that differences have no bands"))
    return Section("Rests on", list(chain(rows)), facts=True)
