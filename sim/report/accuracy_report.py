"""What `sim accuracy` reports, as text and Markdown: every row predicted and measured, the errors of all, and what they rest on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from types import MappingProxyType

from sim.calibration.errors import ErrorSummary, Quantity, quantity_name, shown_value, summaries
from sim.calibration.saturation import RunOut, run_outs
from sim.calibration.table import AccuracyTable, PredictedRow
from sim.errors import visible
from sim.report.section import Section, as_markdown, as_text, escaped, wrapped

_WORDS = MappingProxyType({"ttft_s": "TTFT", "tpot_s": "TPOT", "itl_s": "ITL", "e2e_s": "E2E", "throughput_tok_s": "tok/s"})
_BESIDE = 2
"""Metrics beside each other on a terminal: a predicted, a measured and an off each."""
_GROUPS = (
    ("llm", "LLM"),
    ("gpu", "GPU"),
    ("tensor_parallel", "Tensor parallel"),
    ("precision", "Precision"),
    ("engine", "Engine"),
    ("label", "Profile"),
)
_LISTED = 20
_ANOTHER_UNIT = 100.0
"""Measurements that are so many times the predictions throughout, or as small a share of them, are in another unit."""
KV_MARK = "kv"


@dataclass(frozen=True)
class AccuracyReport:
    """A table of measurements held against predictions."""

    name: str
    """Of the file."""
    table: AccuracyTable
    seed: int = 0
    estimated: bool = False
    """Whether profiles that were calibrated on one configuration were left out."""
    limit: float | None = None
    """Of the median absolute error of every metric."""
    notes: tuple[str, ...] = ()
    """What the reader of the file said."""
    ignored: tuple[str, ...] = ()
    """Columns that nothing was made of."""

    @cached_property
    def metrics(self) -> Mapping[Quantity, ErrorSummary]:
        """One summary a quantity."""
        return self.table.metrics

    @cached_property
    def run_outs(self) -> tuple[RunOut, ...]:
        """Where the KV cache runs out, for shapes with several concurrencies."""
        return run_outs(self.table.rows)

    @property
    def over(self) -> tuple[Quantity, ...]:
        """What is above the limit."""
        return () if self.limit is None else tuple(each for each, found in self.metrics.items() if found.median_abs_error > self.limit)


def accuracy_text(report: AccuracyReport) -> str:
    """For a terminal of 80 columns, ending with a line break."""
    parts = ["\n".join(wrapped(visible(accuracy_answer(report))))]
    for title, sections in accuracy_configurations(report):
        parts += ["\n".join([*wrapped(visible(title)), "", as_text(sections)])]
    return "\n\n".join([*parts, as_text(accuracy_sections(report))]) + "\n"


def accuracy_markdown(report: AccuracyReport) -> str:
    """As a Markdown page, ending with a line break."""
    parts = [f"# Accuracy on {escaped(report.name)}", f"**{escaped(accuracy_answer(report))}**", as_markdown(accuracy_sections(report))]
    for title, sections in accuracy_configurations(report):
        tables = [Section("", each.rows, each.header, each.notes) for each in sections]
        parts += [f"## {escaped(title)}", as_markdown(tables)]
    return "\n\n".join(parts) + "\n"


def accuracy_answer(report: AccuracyReport) -> str:
    """Two to four sentences, and one for each metric that seems to be in another unit."""
    servers = len({_title(row) for row in report.table.rows})
    runs = f"{_count(len(report.table.rows), 'measured run')} of {_count(servers, 'configuration')}"
    errors = [f"{metric_words(each)} by {percent(found.median_abs_error)}" for each, found in report.metrics.items()]
    sentences = [f"{runs}: predictions are off in the median {_listed(errors)}.", *map(_unit_doubt, *_factors(report))]
    if report.run_outs:
        agree = sum(each.agrees for each in report.run_outs)
        short = sum(each.predicted is not None for each in report.run_outs)
        held = f"it runs out in {short}" if short else "it holds in all"
        sentences.append(
            f"Whether and where the KV cache runs out is as measured for {agree} of {_count(len(report.run_outs), 'shape')} "
            f"of requests ({held})."
        )
    if report.limit is not None:
        over = [metric_words(each) for each in report.over]
        verdict = f"{_listed(over)} {'is' if len(over) == 1 else 'are'} above" if over else "All are within"
        sentences.append(f"{verdict} the limit of {percent(report.limit)}.")
    return " ".join(sentences)


def _factors(report: AccuracyReport) -> tuple[list[Quantity], list[float]]:
    """Metrics that were measured far from what is predicted, and how many times the prediction, in the median."""
    medians = {
        each: median(row.measured[each] / row.predicted[each] for row in report.table.rows if row.predicted.get(each))
        for each in report.metrics
        if any(row.predicted.get(each) for row in report.table.rows)
    }
    far = {each: factor for each, factor in medians.items() if not 1.0 / _ANOTHER_UNIT < factor < _ANOTHER_UNIT}
    return list(far), list(far.values())


def _unit_doubt(quantity: Quantity, factor: float) -> str:
    times = f"{factor:,.0f} times" if factor > 1.0 else f"1/{1.0 / factor:,.0f} of"
    return f"Measured {metric_words(quantity)} is {times} what is predicted: is it in another unit?"


def metric_words(quantity: Quantity) -> str:
    """A quantity in words: `TTFT`, `TPOT p99`, `tok/s`."""
    metric, statistic = quantity
    return _WORDS[metric] if statistic == "mean" else f"{_WORDS[metric]} {statistic}"


def percent(share: float, *, signed: bool = False) -> str:
    """A fraction in percent with one digit behind the point: `3.2 %`."""
    if abs(share) >= 99.995:
        return f"x {1 + share:,.3g}" if signed else f"{share * 100:,.0f} %"
    return f"{share * 100:+.1f} %" if signed else f"{share * 100:.1f} %"


def accuracy_configurations(report: AccuracyReport) -> list[tuple[str, list[Section]]]:
    """What each configuration is, and its rows, two metrics beside each other."""
    configurations: dict[str, list[PredictedRow]] = {}
    for row in report.table.rows:
        configurations.setdefault(_title(row), []).append(row)
    return [(title, _tables(rows)) for title, rows in configurations.items()]


def _title(row: PredictedRow) -> str:
    profile = row.profile
    server = f"{profile.llm} {profile.precision} on {profile.tensor_parallel} x {profile.gpu}, {profile.engine} {profile.engine_era}"
    source = "estimated by physics" if profile.label == "estimated" else f"{profile.label} ({profile.source})"
    return f"{server}, KV cache {profile.kv_precision}, {profile.kv_capacity_tokens:,} tokens; {source}"


def _tables(rows: Sequence[PredictedRow]) -> list[Section]:
    measured = list(summaries(row.errors for row in rows))
    tables = []
    for start in range(0, len(measured), _BESIDE):
        shown = measured[start : start + _BESIDE]
        header = [text for each in shown for text in (_unit_words(each), "measured", "off")]
        lines = [
            (load_words(row), *(cell for each in shown for cell in _cells(row, each)))
            for row in rows
            if any(q in row.errors for q in shown)
        ]
        tables.append(Section("prompt/output", lines, header))
    return tables


def _unit_words(quantity: Quantity) -> str:
    return metric_words(quantity) + ("" if quantity[0] == "throughput_tok_s" else " ms")


def load_words(row: PredictedRow) -> str:
    """What was sent: `1024/128 x8`, prompt and output tokens and clients; `2/s` is a rate."""
    load = row.point.load
    if load.concurrency is not None:
        sent = f"x{load.concurrency}"
    elif load.request_rate_per_s is not None:
        sent = f"{load.request_rate_per_s:g}/s"
    else:
        sent = "recorded"
    return f"{load.prompt_tokens:g}/{load.output_tokens:g} {sent}{f' {KV_MARK}' if row.short_of_kv else ''}"


def _cells(row: PredictedRow, quantity: Quantity) -> tuple[str, str, str]:
    if quantity not in row.errors:
        return "-", "-", "-"
    predicted, measured = (_figure(shown_value(quantity, values[quantity])) for values in (row.predicted, row.measured))
    return predicted, measured, percent(row.errors[quantity], signed=True)


def _figure(value: float) -> str:
    """Four significant digits, whole from 1,000 on."""
    places = max(0, 3 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{min(places, 4)}f}"


def accuracy_sections(report: AccuracyReport) -> list[Section]:
    """Errors in all and by what rows differ in, what they rest on, and what was left out."""
    return [_summary(report), *_groups(report), _kv(report), _profiles(report), _rests_on(report), *_left_out(report)]


_HEADER = ("runs", "median", "mean", "p90", "bias")


def _error_cells(found: ErrorSummary) -> tuple[str, ...]:
    shares = (found.median_abs_error, found.mean_abs_error, found.p90_abs_error)
    return (str(found.n), *(percent(each) for each in shares), percent(found.bias, signed=True))


def _summary(report: AccuracyReport) -> Section:
    rows = [(metric_words(each), *_error_cells(found)) for each, found in report.metrics.items()]
    notes = ["Predicted over measured, less 1: median, mean and p90 of its absolute value; bias is its mean with the sign."]
    return Section("Errors", rows, _HEADER, notes)


def _groups(report: AccuracyReport) -> list[Section]:
    """Errors by what the rows differ in."""
    sections = []
    for group, words in _GROUPS:
        groups = report.table.by(group)
        if len(groups) > 1:
            rows = [
                (f"{name} {metric_words(each)}", *_error_cells(found))
                for name, metrics in groups.items()
                for each, found in metrics.items()
            ]
            sections.append(Section(words, rows, _HEADER))
    return sections


def _kv(report: AccuracyReport) -> Section:
    short = [each for each in report.run_outs if each.predicted is not None or each.measured is not None]
    rows = [(_shape(each), *("-" if at is None else f"x{at}" for at in (each.predicted, each.measured))) for each in short]
    mark = f"Rows marked {KV_MARK}: requests wait for KV cache, or lose theirs to others, in the simulation."
    notes = [mark] if any(row.short_of_kv for row in report.table.rows) else []
    if not rows:
        return Section("", [("KV cache", text) for text in notes], facts=True)
    notes.append("As measured: the concurrency at which TTFT grows more than twice as fast as the number of clients.")
    return Section("KV cache runs out at", rows, ("predicted", "measured"), notes)


def _shape(found: RunOut) -> str:
    profile, load = found.of.profile, found.of.point.load
    return f"{profile.llm} {profile.precision} {profile.tensor_parallel} x {profile.gpu} {load.prompt_tokens:g}/{load.output_tokens:g}"


def _profiles(report: AccuracyReport) -> Section:
    labels = [row.profile.label for row in report.table.rows]
    rows = [(label, str(labels.count(label))) for label in dict.fromkeys(sorted(labels))]
    notes = []
    if any(label != "estimated" for label in labels):
        notes.append(
            "calibrated: fitted to measurements of that very configuration (source above); where the table is among them its error is that "
            "of a fit. --estimated predicts every row by physics alone."
        )
    else:
        notes.append("estimated: by the physics and the coefficients of the engine; no profile of one configuration was used.")
    return Section("Profiles", rows, ("runs",), notes)


def _rests_on(report: AccuracyReport) -> Section:
    texts = [*(f"assumed: {text}" for text in report.table.assumed), *report.notes, *_noted(report)]
    if report.ignored:
        texts.append(f"columns not used: {', '.join(report.ignored)}")
    return _facts("Rests on", texts)


def _noted(report: AccuracyReport) -> list[str]:
    """What was noted of single rows and of their profiles, each once."""
    noted = Counter(note for row in report.table.rows for note in (*row.point.notes, *row.profile.notes))
    return [f"{note} ({_count(runs, 'run')})" for note, runs in noted.items()]


def _left_out(report: AccuracyReport) -> list[Section]:
    unfit = [f"{Path(where).name}: {why}" for where, why in report.table.unfit]
    more = [f"and {len(unfit) - _LISTED} more"] if len(unfit) > _LISTED else []
    missing = dict.fromkeys(quantity_name(each) for row in report.table.rows for each in row.unpredicted)
    return [_facts("Left out", [*unfit[:_LISTED], *more]), _facts("Not predicted", list(missing))]


def _facts(name: str, texts: Sequence[str]) -> Section:
    return Section("", [(name if k == 0 else "", text) for k, text in enumerate(texts)], facts=True)


def _listed(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
