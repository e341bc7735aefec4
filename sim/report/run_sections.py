"""The parts of a run's report in the order in which a reader wants them."""

from __future__ import annotations

from collections.abc import Mapping

from sim.cost.bill import Bill, Line
from sim.cost.share import NOBODY
from sim.engine.result import METRICS
from sim.measure.latency import ALL, LatencyRow
from sim.report.amounts import chance, item_name, loaded, money
from sim.report.answer import METRIC_NAMES, level_name, show_level
from sim.report.bars import bars
from sim.report.cautions import month_caveat
from sim.report.run_report import RunReport
from sim.report.section import Section, brief
from sim.units import show_count, show_ms, show_seconds, show_share, show_usd

_MOST_CLIENTS = 5
_MOST_CLASSES = 12


def run_sections(report: RunReport) -> list[Section]:
    """All parts; those that a run has nothing for are empty."""
    return [
        _overview(report),
        _service_level(report),
        _latency(report),
        _deployments(report),
        _pools(report),
        _replicas(report),
        _bill(report),
        _causes(report, "Cost by class", report.by_class, _MOST_CLASSES),
        _causes(report, "Cost by client", report.by_client, _MOST_CLIENTS, explained=len(report.by_class) > 1),
        _basis(report),
    ]


def _rate(per_s: float | None) -> str:
    if per_s is None:
        return "-"
    return f"{_three(per_s)}/s" if per_s >= 0.1 or per_s == 0 else f"{_three(per_s * 3600)}/h"


def _three(value: float) -> str:
    return "0" if value == 0 else f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def _overview(report: RunReport) -> Section:
    trace, outcomes = report.trace, report.measures.outcomes
    requests, lasted_s = (trace.requests, trace.duration_s) if trace.closed_loop is None else (outcomes.total, report.measures.window_s)
    rate = _rate(requests / lasted_s if lasted_s > 0 else None)
    of = "" if trace.closed_loop is None else f" of {brief(str(trace.closed_loop))}"
    what = f"{requests:,} request{'' if requests == 1 else 's'}{of} in {brief(show_seconds(lasted_s))} ({rate})"
    if requests:
        what += f"; mean {trace.prompt_tokens / requests:,.0f} tokens in, {trace.output_tokens / requests:,.0f} out"
    rows = [("Traffic", what), ("Outcome", _outcome(report))]
    on_the_way = [
        (outcomes.fallback_completed, f"{show_share(outcomes.fallback_share)} served by a fallback"),
        (outcomes.spilled, f"{outcomes.spilled:,} passed on for a long wait"),
        (outcomes.throttled, f"{outcomes.throttled:,} refusals by rate limits"),
        (outcomes.retries, f"{outcomes.retries:,} retries"),
    ]
    if any(count for count, _ in on_the_way):
        rows.append(("On the way", "; ".join(text for count, text in on_the_way if count)))
    if report.measures.good_share is not None:
        held = f"{show_share(report.measures.good_share)} of requests{' outside batch lanes' if report.measures.lanes else ''}"
        rows.append(("Goodput", f"{_rate(report.measures.goodput_per_s)}: {held} were within both latency levels"))
    return Section("Run", rows, facts=True)


def _service_level(report: RunReport) -> Section:
    rows = []
    for level in report.measures.levels:
        bound = "at least" if level.name == "completed" else "at most"
        wanted = f"{bound} {brief(show_level(level, level.limit))}"
        rows.append((level_name(level), show_level(level, level.measured), wanted, "met" if level.met else "MISSED"))
    lanes = ", ".join(report.measures.lanes)
    notes = [f"Nobody waits for requests of {lanes}: the latency levels leave them out."] if lanes else []
    return Section("Service level", rows, ("measured", "wanted", ""), notes)


def _outcome(report: RunReport) -> str:
    outcomes = report.measures.outcomes
    if not outcomes.total:
        return "no requests"
    parts = []
    for name in ("completed", "rejected", "timed_out", "failed", "unfinished"):
        count = getattr(outcomes, name)
        if count or name == "completed":
            parts.append(f"{show_share(count / outcomes.total)} {name.replace('_', ' ')}{'' if name == 'completed' else f' ({count:,})'}")
    why = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in outcomes.reasons.items())
    return ", ".join(parts) + (f"; reasons: {why}" if why else "")


def _latency(report: RunReport) -> Section:
    rows = []
    deployments = {row.deployment for row in report.measures.latency} - {ALL}
    whole_rows = [row for row in report.measures.latency if row.deployment == ALL and row.metric == METRICS[0]]
    counts = {row.class_name: row.spread.count for row in whole_rows if row.class_name is not None}
    classes = sorted(counts, key=lambda name: (-counts[name], name))
    largest = classes[:_MOST_CLASSES]
    # Deployments before classes: the table of measures has them the other way round.
    for row in sorted(report.measures.latency, key=lambda row: (METRICS.index(row.metric), row.class_name != ALL)):
        whole = row.deployment == ALL and row.class_name == ALL
        by_deployment = row.class_name == ALL and len(deployments) > 1
        by_class = row.deployment == ALL and row.class_name in largest and len(classes) > 1
        if whole or by_deployment or by_class:
            rows.append(_latency_row(row))
    more = len(classes) - len(largest)
    notes = (f"{more} smaller classes more are in latency.parquet.",) if more else ()
    return Section("Latency", rows, ("requests", "p50", "p90", "p95", "p99", "max"), notes)


def _latency_row(row: LatencyRow) -> tuple[str, ...]:
    show = show_ms if row.metric == "tpot" else show_seconds
    if row.deployment == ALL and row.class_name == ALL:
        name = METRIC_NAMES[row.metric]
    else:
        name = f"  {row.deployment}" if row.deployment != ALL else f"  class {row.class_name}"
    found = row.spread
    return (name, show_count(found.count), *(show(value) for value in (found.p50, found.p90, found.p95, found.p99, found.max)))


def _deployments(report: RunReport) -> Section:
    rows = []
    for use, load in zip(report.measures.uses, report.measures.loads, strict=True):
        counts = (show_count(use.requests), show_count(use.throttled), show_count(use.retries))
        rates = (_tokens(use.input_tokens_per_s), _tokens(use.output_tokens_per_s), _rate(use.goodput_per_s))
        rows.append((use.name, *counts, *rates, loaded(load.mean), loaded(load.peak)))
    return Section(
        "Deployments", rows, ("requests", "throttled", "retries", "tok/s in", "out", "goodput", "load", "peak")
    )  # fmt: skip


def _tokens(per_s: float | None) -> str:
    return "-" if per_s is None else "0" if per_s == 0 else show_count(per_s) if per_s >= 9_999.5 else _three(per_s)


def _pools(report: RunReport) -> Section:
    rows = []
    found = report.measures
    for use, load, fleet in zip(found.uses, found.loads, found.fleets, strict=True):
        if fleet is None:
            continue
        count = f"{fleet.least}" if fleet.least == fleet.most else f"{fleet.least}-{fleet.most}"
        mean = "-" if use.ready_replicas is None else f"{use.ready_replicas:.2f}"
        batch = "-" if use.mean_batch is None else f"{use.mean_batch:.1f}"
        carries = "none" if load.saturation_per_s is None and use.attempts else _rate(load.saturation_per_s)
        hits = show_share(use.prefix_hit_share)
        rows.append(
            (
                use.name,
                count,
                mean,
                show_share(use.busy_share),
                batch,
                show_share(use.occupancy),
                hits,
                show_count(use.preemptions),
                carries,
            )
        )
    notes = []
    if rows:
        notes.append(
            "load: offered work over what the ready replicas carry within the service level (each `carries` so much of this mix); "
            "peak: in the busiest five minutes. Plan with load: one running sequence makes a replica busy."
        )
    return Section("Pools", rows, ("replicas", "mean", "busy", "batch", "KV used", "hits", "preempted", "carries"), notes)


def _replicas(report: RunReport) -> Section:
    rows = []
    for use, fleet in zip(report.measures.uses, report.measures.fleets, strict=True):
        if fleet is not None and fleet.parts and fleet.least != fleet.most:
            rows.append((use.name, f"{bars(fleet.parts, fleet.most)} at most {fleet.most} ready"))
    if rows:
        rows.insert(0, ("Replicas", f"ready over time, 0 to {brief(show_seconds(report.measures.window_s))}"))
    return Section("Replicas over time", rows, facts=True)


def _bill(report: RunReport) -> Section:
    replayed = report.bill
    rows = []
    for line in replayed.lines:
        if line.quantity:
            rows.append((f"{line.deployment} {item_name(line.item)}", _quantity(line), money(line.usd), _month(report, line.usd)))
    unused = [use for use in report.measures.uses if not any(line.quantity for line in replayed.lines if line.deployment == use.name)]
    for use in unused:
        why = "no duration" if use.kind == "gpu" and replayed.window_s <= 0 else "not used"
        rows.append((f"{use.name} ({why})", "", money(0.0), _month(report, 0.0)))
    rows.append(("Total", "", money(replayed.total_usd), _month(report, replayed.total_usd)))
    notes = [f"{_unit_costs(replayed)}, idle included."]
    caveat = month_caveat(replayed.window_s, report.trace.closed_loop)
    if caveat:
        notes.append(f"The month is {caveat}." if replayed.window_s > 0 else f"{caveat[0].upper()}{caveat[1:]}.")
    alone = report.api_only_month_usd
    notes.append(
        f"API only, same traffic: {show_usd(report.api_only.usd if alone is None else alone)}{'' if alone is None else ' a month'} "
        f"at {report.api_only.model}, every token paid, rate limits not applied."
    )
    return Section("Bill", rows, ("quantity", "replay", "month (730 h)"), notes)


def _quantity(line: Line) -> str:
    unit = {"GPU-hours": "GPU-h", "tokens": "tokens", "requests": "requests"}.get(line.unit, line.unit)
    return f"{show_count(line.quantity)} {unit}"


def _month(report: RunReport, usd: float) -> str:
    factor = report.bill.month_factor
    return "-" if factor is None else money(usd * factor)


def _unit_costs(bill: Bill) -> str:
    return (
        f"{show_usd(bill.usd_per_million_tokens)} per million tokens, {show_usd(bill.usd_per_1000_requests)} per 1,000 completed requests"
    )


def _causes(report: RunReport, title: str, usd: Mapping[str, float], most: int, *, explained: bool = False) -> Section:
    if len(usd) < 2:
        return Section(title, ())
    total = report.bill.total_usd
    ranked = sorted(usd.items(), key=lambda item: -item[1])
    shown, rest = (ranked, []) if len(ranked) <= most else (ranked[: most - 1], ranked[most - 1 :])
    named = [("of no request" if name == NOBODY else name, value) for name, value in shown]
    if rest:
        named.append((f"{len(rest):,} more", sum(value for _, value in rest)))
    rows = [(name, money(value), _month(report, value), chance(value / total) if total else "-") for name, value in named]
    notes = ["GPU cost, idle included, is shared by tokens processed."] if not explained and report.has_gpus else []
    return Section(title, rows, ("replay", "month (730 h)", "share"), notes)


def _basis(report: RunReport) -> Section:
    prices = "; ".join(
        f"{use.name} {use.price}{f' ({use.detail})' if use.detail else ''}{', negotiated' if use.negotiated else ''}"
        f"{', assumed' if use.assumed else ''}" for use in report.prices
    )  # fmt: skip
    profiles = [("" if number else "Profile", str(use)) for number, use in enumerate(report.profiles)]
    return Section("Basis", [("Prices", f"of {report.date}: {prices}"), *profiles, ("Seed", str(report.seed))], facts=True)
