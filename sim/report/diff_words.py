"""A change in words: the answer of a diff, one changed key."""

from __future__ import annotations

import math

from sim.planning.effects import Effect
from sim.planning.stack_diff import Change, State, Value
from sim.report.amounts import about, chance, from_to
from sim.report.comparison_answer import difference
from sim.report.diff_report import DiffReport

_TOLD = ("ttft_p99", "load")
_DIGITS = 6
_LEAST = 1e-5
"""A smaller share of BASE is not worth a word."""


def diff_answer(report: DiffReport) -> str:
    """Two to five sentences: what changes, what that costs, what it does to the service, which gates fail."""
    sentences = [_changes(report), _cost(report), _service(report), _gates(report)]
    return " ".join(each for each in sentences if each)


def _changes(report: DiffReport) -> str:
    found = report.stacks
    if found.same and not report.groups:
        return "Unchanged: both stacks say the same."
    words = []
    states: tuple[State, ...] = ("added", "changed", "removed")
    for state in states:
        count = sum(each.state == state for each in report.groups)
        if count:
            words.append(f"{count} {'group' if count == 1 else 'groups'} of machines {state}")
    for state in states:
        count = found.count(state)
        if count:
            words.append(f"{count} {'deployment' if count == 1 else 'deployments'} {state}")
    sections = [part.name for part in found.parts if not part.name.startswith("deployments.")]
    if sections:
        one = len(sections) == 1 and not sections[0].endswith("s")
        words.append(f"{', '.join(sections)} {'differs' if one else 'differ'}")
    return f"{_listed(words)}."[0].upper() + f"{_listed(words)}."[1:]


def _cost(report: DiffReport) -> str:
    if report.comparison is None:
        row = next((each for each in report.of_replay if each.name == "usd_per_month"), None)
        if row is None or row.base.value is None or row.head.value is None or row.difference.value is None:
            return ""
        if row.difference.value == 0:
            return f"Both cost the same to the cent: {about(row.base.value)} a month as replayed."
        return f"The invoice is {difference(row.difference.value)} a month as replayed: {from_to(row.base.value, row.head.value)}."
    tco, invoice = report.costs("tco"), report.costs("invoice")
    if report.tie:
        return f"Both cost the same to the cent in every future: {about(report.summary(report.head).tco_usd.mean)} over {report.span}."
    kind, costs = ("TCO", tco) if report.beyond_invoice and not tco.tie else ("invoice", invoice)
    was, is_ = (getattr(report.summary(each), f"{kind.lower()}_usd").p50 for each in (report.base, report.head))
    band = costs.difference_usd
    edges = "" if about(band.p5) == about(band.p95) else f" (p5 {difference(band.p5)}, p95 {difference(band.p95)})"
    start = f"Over {report.span}, the {kind} is {difference(band.p50)} in the median future{edges}: {from_to(was, is_)}"
    return f"{start}; HEAD is dearer in {chance(1.0 - costs.p_a_cheaper)} of futures."


def _service(report: DiffReport) -> str:
    parts = []
    for each in report.of_replay:
        if each.name in _TOLD and each.difference.value not in (None, 0.0):
            parts.append(f"{effect_name(each)} {shown(each, each.base.value)} -> {shown(each, each.head.value)}")
    gpus = next((each for each in report.of_replay if each.name == "gpus"), None)
    if gpus is not None and gpus.difference.value not in (None, 0.0):
        parts.append(f"GPUs at most {shown(gpus, gpus.base.value)} -> {shown(gpus, gpus.head.value)}")
    met = next((each for each in report.of_months if each.name == "p_slo_met"), None)
    if met is not None and met.base.value is not None and met.head.value is not None and met.difference.value != 0:
        parts.append(f"every level met in every month in {chance(met.base.value)} -> {chance(met.head.value)} of futures")
    return f"{'; '.join(parts)}." if parts else ""


def _gates(report: DiffReport) -> str:
    if not report.gates:
        return ""
    count, failed = len(report.gates), len(report.failed)
    if not failed:
        return "The gate holds." if count == 1 else f"All {count} gates hold."
    if count == 1:
        return "The gate fails."
    return f"{failed} of {count} gates {'fails' if failed == 1 else 'fail'}."


def effect_name(effect: Effect) -> str:
    """`TTFT p99`, `GPUs at most`; others by the name that gates have for them."""
    name = effect.name
    latency, _, quantile = name.partition("_p")
    if latency in ("ttft", "tpot", "e2e"):
        return f"{latency.upper()} p{quantile}"
    return name


def shown(effect: Effect, value: float | None) -> str:
    """A value of a figure for people."""
    return effect.gate.shown(None if value is None or math.isnan(value) else value)


def apart(effect: Effect) -> str:
    """A difference with its sign: `+1.2 s`; `=` for none."""
    value = effect.difference.value
    if value is None:
        return "-"
    if value == 0:
        return "="
    return f"{'+' if value > 0 else '-'}{effect.gate.room(abs(value))}"


def relative(effect: Effect) -> str:
    """A difference over BASE: `+12 %`; nothing where there is none."""
    value = effect.relative
    if value is None or value == 0 or not math.isfinite(value):
        return ""
    return f"{value * 100:+.3g} %" if abs(value) >= _LEAST else ""


def months_apart(effect: Effect) -> str:
    """Of which months a figure of the worst month is, where these differ: `BASE 2026-11, HEAD 2026-11, difference 2027-01`."""
    sides = (("BASE", effect.base.month), ("HEAD", effect.head.month), ("difference", effect.difference.month))
    found = [(name, month) for name, month in sides if month]
    return ", ".join(f"{name} {month}" for name, month in found) if len({month for _, month in found}) > 1 else ""


def plain(value: Value) -> str:
    """A value of a key as a file would have it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    return "absent" if value is None else str(value)


def change_words(change: Change) -> str:
    """`2 -> 4`, with the unit."""
    unit = f" {change.unit}" if change.unit and change.new is not None else ""
    return f"{plain(change.old)} -> {plain(change.new)}{unit}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
