"""What a comparison rests on: futures, traffic, prices, how exact it is, what was noted and what is assumed."""

from __future__ import annotations

from collections.abc import Sequence

from sim.futures.bands import FEWEST_FUTURES
from sim.futures.forecast import Accuracy
from sim.report.amounts import about
from sim.report.comparison_report import ComparisonReport
from sim.report.section import KEYS, Section, brief_list
from sim.units import show_count

_LINES_NAMED = 4
_SMALL = 0.01
"""Assumed lines below this share of a stack's TCO are counted, not named."""


def basis_sections(report: ComparisonReport) -> list[Section]:
    """Futures, traffic, prices, accuracy; what was noted; what is assumed."""
    found, first = report.found, report.forecasts[0]
    needed = max(FEWEST_FUTURES, *(each.futures_needed for each in report.forecasts))
    enough = "would do" if found.futures >= needed else "are needed"
    rows = [
        (
            "Futures",
            f"{found.futures} of the outlook {first.outlook}, the same ones for every stack (seed {first.seed}); {needed} {enough} for a "
            "standard error of 2 % at the p95 of every TCO",
        ),
        ("Traffic", f"{report.trace.name}, {show_count(report.trace.requests)} requests; the first month has its level, then it grows"),
        ("Prices", f"of {report.date}"),
    ]
    checked = [_accuracy(name, each.accuracy) for name, each in zip(report.names, report.forecasts, strict=True)]
    if any(checked):
        rows.append(("Accuracy", f"cost of days against days replayed exactly: {'; '.join(each for each in checked if each)}"))
    notes = [f"{text}{_of(report, names)}" for text, names in report.notes().items()]
    return [Section("Futures", rows, facts=True), _listed("Noted", notes), _listed("Assumed", _assumed(report))]


def _accuracy(name: str, found: Accuracy) -> str:
    if found.usd_bias is None or found.usd_rms is None:
        return ""
    return f"{name} off by {found.usd_bias * 100:+.2f} % on average, {found.usd_rms * 100:.2f} % rms"


def _assumed(report: ComparisonReport) -> list[str]:
    texts = [f"{text}{_of(report, names)}" for text, names in _shared(report).items()]
    for each in report.cheapest_first:
        lines = report.assumed_lines(each.name)
        large = [line for line in lines if line[2] >= _SMALL * each.tco_usd.mean][:_LINES_NAMED]
        parts = [f"{name} {about(usd)} ({words})" for name, words, usd in large]
        rest = len(lines) - len(large)
        if rest:
            left = sum(usd for _, _, usd in lines) - sum(usd for _, _, usd in large)
            parts.append(f"{rest} {'line' if rest == 1 else 'lines'} more, {about(left)}")
        if parts:
            texts.append(f"{each.name}: {'; '.join(parts)}")
    return texts


def _shared(report: ComparisonReport) -> dict[str, list[str]]:
    """What the outlook assumes, lists of keys cut: those of the same group are told once, with all stacks that they are assumed of."""
    found: dict[str, list[str]] = {}
    groups: dict[str, set[str]] = {}
    for text, names in report.assumptions().items():
        group, colon, items = text.partition(": ")
        if colon and KEYS.fullmatch(items):
            groups.setdefault(group, set()).update(items.split(", "))
            shown = group
        else:
            shown = text
        found.setdefault(shown, []).extend(names)
    return {
        brief_list(f"{text}: {', '.join(sorted(groups[text]))}") if text in groups else text: list(dict.fromkeys(names))
        for text, names in found.items()
    }


def _of(report: ComparisonReport, names: Sequence[str]) -> str:
    """Of which stacks something is said, unless of all."""
    others = [name for name in report.names if name not in names]
    if not others:
        return ""
    return f" (all but {', '.join(others)})" if len(others) < len(names) - 1 else f" ({', '.join(names)})"


def _listed(name: str, texts: Sequence[str]) -> Section:
    return Section(name, [(name if k == 0 else "", text) for k, text in enumerate(texts)], facts=True)
