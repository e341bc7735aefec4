"""The answer of `sim elastic` in words, and its tables for a terminal and a page."""

from __future__ import annotations

from collections.abc import Sequence

from sim.errors import visible
from sim.planning.elastic import SEEDS, Tried
from sim.planning.elastic_pool import Verdict
from sim.report.elastic_report import ElasticReport, called, clock
from sim.report.section import Section, as_markdown, as_text, brief, escaped, wrapped
from sim.units import show_count, show_seconds, show_usd

_MOST_STEPS = 24


def answer(report: ElasticReport) -> str:
    """The first sentence."""
    found = report.found
    if found.schedule is None:
        return (
            f"No count of replicas up to {found.standing.most_replicas:,} meets the service levels of {found.deployment} for "
            f"{report.trace_name}: {report.missed(found.standing)}."
        )
    fixed, best = found.fixed, found.recommended
    said = f"With perfect foresight {found.deployment} needs {_hours(found.schedule.verdict)} GPU-hours for {report.trace_name}"
    if fixed is not None:
        standing = "one replica" if fixed.low == 1 else f"{fixed.low} replicas"
        takes = "takes" if fixed.low == 1 else "take"
        said += f"; {standing} all the time {takes} {_hours(fixed.verdict)}{_times(report, fixed.verdict)}"
    if best is None:
        return f"{said}; nothing that was tried meets the service levels with other seeds too."
    if best is fixed:
        return f"{said}, and no autoscaler that was tried meets the service levels with fewer."
    name = f"the stack as it is ({called(best)})" if best.own else f"the best autoscaler that was tried, {called(best)},"
    return f"{said}; {name} takes {_hours(best.verdict)}{_times(report, best.verdict)}."


def _hours(verdict: Verdict) -> str:
    return show_count(verdict.gpu_hours)


def _times(report: ElasticReport, verdict: Verdict) -> str:
    over = report.found.over_perfect(verdict)
    return "" if over is None else f" ({over:.2f} times)"


def sections(report: ElasticReport) -> list[Section]:
    """The autoscalers side by side, the schedule, and what to paste into a stack."""
    found = report.found
    facts = [
        ("service levels", ", ".join(str(level) for level in found.levels)),
        ("one replica", f"{found.gpus_per_replica} GPUs, carries {found.carried_per_s:.3g} requests a second within them"),
        ("cold start", f"{brief(show_seconds(found.cold_start_s))} in the mean, part of the GPU-hours"),
        ("the work alone", f"about {found.bound_gpu_hours:,.3g} GPU-hours at full throughput, replicas in parts"),
    ]
    facts.append(("in dollars", _dollars(report)))
    return [Section("", facts, facts=True), _table(report), _schedule(report), _paste(report)]


def _dollars(report: ElasticReport) -> str:
    """What the answer comes to at the price of the stack."""
    found = report.found
    verdicts = [
        ("perfect foresight", None if found.schedule is None else found.schedule.verdict),
        ("always as many", None if found.fixed is None else found.fixed.verdict),
        ("recommended", None if found.recommended is None else found.recommended.verdict),
    ]
    said = ", ".join(f"{name} {show_usd(report.usd(each))}" for name, each in verdicts if each is not None)
    price = f"{show_usd(found.usd_per_gpu_hour)} a GPU-hour, as the stack pays it"
    return f"{said or 'nothing that holds'} for this trace, at {price}; billing units and whole machines left out"


def _table(report: ElasticReport) -> Section:
    found = report.found
    rows: list[list[str]] = []
    if found.schedule is not None:
        rows.append(_row(report, "perfect foresight", found.schedule.verdict))
    if found.fixed is not None:
        rows.append(_row(report, called(found.fixed), found.fixed.verdict))
    own = [row for row in found.tried if row.own]
    groups: list[tuple[str, Sequence[Tried]]] = [
        ("in the stack", own),
        ("with defaults", report.defaults),
        ("best tried", report.best_by_law),
    ]
    for title, group in groups:
        if group:
            rows.append([title, *[""] * (len(found.levels) + 3)])
            rows += [_row(report, f"  {called(row, brief=True)}", row.verdict) for row in group]
    header = ("GPU-h", "times", *(level.metric.replace("_", " ") for level in found.levels), "met")
    notes = ["GPU-hours are those provisioned, cold starts included; laws.csv has every autoscaler that was tried."]
    return Section("autoscaler", rows, header, notes)


def _row(report: ElasticReport, name: str, verdict: Verdict) -> list[str]:
    over = report.found.over_perfect(verdict)
    values = [level.shown(value) if value is not None else "-" for level, value in zip(report.found.levels, verdict.measured, strict=True)]
    return [name, _hours(verdict), "-" if over is None else f"{over:.2f}", *values, "yes" if verdict.holds else "no"]


def _schedule(report: ElasticReport) -> Section:
    found = report.found
    if found.schedule is None:
        return Section("", ())
    steps = found.steps
    listed = ", ".join(f"{clock(at)}={count}" for at, count in steps[:_MOST_STEPS])
    more = f" and {len(steps) - _MOST_STEPS} more in schedule.csv" if len(steps) > _MOST_STEPS else ""
    proof = (
        "no interval can do with one replica less, the others as they are; that no other schedule takes less is not proved"
        if found.schedule.minimal
        else "the search was ended at its bound: fewer may do"
    )
    facts = [
        ("replicas", f"{listed}{more}"),
        (
            "how",
            f"intervals of {brief(show_seconds(found.interval_s))}, ordered a cold start ahead; {found.schedule.replays} replays",
        ),
        ("how good", proof),
    ]
    return Section("perfect foresight", facts, facts=True)


def _paste(report: ElasticReport) -> Section:
    best = report.found.recommended
    if best is None:
        return Section("", ())
    settings = " ".join(f"--set '{each}'" for each in best.settings)
    facts = [("recommended", called(best)), ("settings", settings or "none: the stack as it is")]
    notes = [f"It meets the levels with {SEEDS} other seeds too. It was chosen on this trace: try it on another day before you rely on it."]
    return Section("recommended", facts, notes=notes, facts=True)


def elastic_text(report: ElasticReport) -> str:
    """For a terminal of 80 columns, ending with a line break."""
    return "\n".join(wrapped(visible(answer(report)))) + "\n\n" + as_text(sections(report)) + "\n"


def elastic_markdown(report: ElasticReport) -> str:
    """As a Markdown page, ending with a line break."""
    title = f"# GPUs over time of {escaped(report.study.stack_name)} on {escaped(report.trace_name)}"
    return f"{title}\n\n**{escaped(answer(report))}**\n\n{as_markdown(sections(report))}\n"
