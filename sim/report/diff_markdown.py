"""A diff as Markdown for a comment on a pull request: the answer, the gates, one table, and the rest folded.

Names come from files of whoever opened the pull request. In a comment they must not end a table, be HTML, a link, a picture, a mention or a
reference: what could be is written as a character reference, and what a forge looks for in the text that comes of it (`@name`, `#12`,
`https://`) is parted by a space without width.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sim.errors import visible
from sim.planning.effects import Effect
from sim.planning.gates import GateResult
from sim.report.amounts import about, chance
from sim.report.diff_report import DiffReport
from sim.report.diff_rows import change_rows
from sim.report.diff_sections import SIGNS, assumption_words, part_words, signed_usd
from sim.report.diff_words import apart, diff_answer, effect_name, months_apart, relative, shown
from sim.report.gate_report import gate_words, measured, verdict
from sim.report.run_folder import slug
from sim.wide import shortened

MARK = "sim-diff"
_MOST_ROWS = 60
_MOST_NOTES = 20
_LONGEST = 160
_LONGEST_COMMENT = 60_000
"""Characters; GitHub takes 65,536."""
_FOLD = "<details><summary>"
_SPECIAL = re.compile(r"[^A-Za-z0-9 .,;:()%+='\"/?-]", re.ASCII)
_PART = "&#8203;"
_FOUND_IN_TEXT = re.compile(r"(?i)(?<=[:])(?=//)|(?<=www)(?=\.)|(?<=gh)(?=-\d)")
_HASH = re.compile(r"(?i)(?=[0-9]*[a-f])[0-9a-f]{7,}")
"""What a forge takes for the name of a commit. Digits alone are numbers, to be copied as they are."""
_WORST = "monthly."
_OF_NOTE = (
    "ttft_p95", "ttft_p99", "tpot_p95", "e2e_p95", "completed", "good_share", "goodput", "throttled", "load", "gpus", "gpu_hours",
    "p_slo_met", "monthly.load.p95", "usd_per_month",
)  # fmt: skip


def diff_markdown(report: DiffReport) -> str:
    """The comment, ending with a line break. Its first line marks it, so that the next run of the same trace can replace it."""
    blocks = [
        f"<!-- {MARK}:{slug(report.head.report.trace.name)} -->",
        f"### {'❌' if report.failed else '✅' if report.gates else 'ℹ️'} {safe(report.base.label)} → {safe(report.head.label)}",  # noqa: RUF001
        safe(diff_answer(report), 10_000),
        _gates(report.gates),
        _effects(report),
        _folded("What changed", _changes(report)) if report.groups or not report.stacks.same else "",
        _folded("Month by month", _months(report)),
        _folded("All figures", _all(report)),
        _folded("Assumptions that changed", _assumptions(report)),
        _folded("Noted", _bullets(report.notes())),
        f"<sub>{_foot(report)}</sub>",
    ]
    return _joined([block for block in blocks if block])


def _joined(blocks: list[str]) -> str:
    """The blocks, without those folded ones that a comment has no room for; what is left out is said, and the last block is kept."""
    kept, room = [], _LONGEST_COMMENT - len(blocks[-1])
    for block in blocks[:-1]:
        room -= len(block) + 2
        if room < 0 and block.startswith(_FOLD):
            kept.append("Left out, as a comment has no room for it: more, in `diff.json`.")
            break
        kept.append(block)
    return "\n\n".join([*kept, blocks[-1]]) + "\n"


def safe(text: str, longest: int = _LONGEST) -> str:
    """A text of anybody's that a forge shows as it is, on one line: no Markdown, HTML, link, mention or reference comes of it."""
    plain = shortened(visible(text).replace(" -> ", " → "), longest)
    parted = _HASH.sub(lambda found: re.sub(r".{6}(?=.)", "\\g<0>\0", found[0]), plain)
    pieces = _FOUND_IN_TEXT.sub("\0", parted).split("\0")
    return _PART.join("".join(_character(each) for each in piece) for piece in pieces)


def _character(each: str) -> str:
    if not _SPECIAL.match(each) or (ord(each) > 127 and each.isalnum()):
        return each
    return f"&#{ord(each)};{_PART}" if each in "@#" else f"&#{ord(each)};"


def _gates(gates: Sequence[GateResult]) -> str:
    if not gates:
        return ""
    rows = ((f"{'❌' if each.failed else '✅'} {safe(gate_words(each))}", safe(measured(each)), safe(verdict(each))) for each in gates)
    return _table(("gate (fails when it is so)", "measured", ""), rows)


def _effects(report: DiffReport) -> str:
    rows: list[tuple[str, ...]] = []
    if report.comparison is not None:
        for kind, words in (("invoice", "Invoice"), ("tco", "TCO")):
            if kind == "tco" and not report.beyond_invoice:
                continue
            costs = report.costs(kind)
            was, is_ = (getattr(report.summary(each), f"{kind}_usd") for each in (report.base, report.head))
            band = costs.difference_usd
            edges = "=" if costs.tie else f"{signed_usd(band.p50)} ({signed_usd(band.p5)} to {signed_usd(band.p95)})"
            dearer = "tie" if costs.tie else f"dearer in {chance(1.0 - costs.p_a_cheaper)}"
            rows.append((f"**{words}**, {report.span}", about(was.p50), about(is_.p50), safe(edges), safe(dearer)))
    figures = [each for each in (*report.of_replay, *report.of_months) if each.name in _OF_NOTE]
    if report.comparison is not None:
        figures = [each for each in figures if each.name != "usd_per_month"]
    rows += [_effect_row(each) for each in figures if each.difference.value != 0]
    return _table(("", "BASE", "HEAD", "difference", ""), rows) + _of_quantiles(figures)


def _all(report: DiffReport) -> str:
    found = (*report.of_replay, *report.of_months)
    return _table(("", "BASE", "HEAD", "difference", ""), map(_effect_row, found)) + _of_quantiles(found)


def _of_quantiles(found: Sequence[Effect]) -> str:
    """Why figures over futures do not subtract, below a table that has such."""
    told = [each for each in found if each.name.startswith(_WORST) and each.difference.value not in (None, 0.0)]
    if not told:
        return ""
    return (
        f"\n\n<sub>{_WORST} is the worst month of each. Differences are those of each future: a quantile of them is not the difference of "
        "quantiles, and is of the month in which it is worst.</sub>"
    )


def _effect_row(effect: Effect) -> tuple[str, ...]:
    values = [shown(effect, effect.base.value), shown(effect, effect.head.value), apart(effect)]
    if months_apart(effect):
        of = (effect.base.month, effect.head.month, effect.difference.month)
        values = [f"{value} in {month}" if month else value for value, month in zip(values, of, strict=True)]
    return tuple(safe(cell) for cell in (effect_name(effect), *values, relative(effect)))


def _changes(report: DiffReport) -> str:
    rows: list[tuple[str, ...]] = []
    signs = dict(SIGNS)
    for part in (*report.groups, *report.stacks.parts):
        rows.append((f"**{safe(signs[part.state])} {safe(part.name)}**", safe(part_words(part)), ""))
        if part.state == "changed":
            rows += [_change_row(*each, "") for each in change_rows(part, part.changes)]
            rows += [_change_row(*each, "follows: ") for each in change_rows(part, part.follows)]
    left = len(rows) - _MOST_ROWS
    more = f"\n\nand {left} more, in `diff.json`" if left > 0 else ""
    return _table(("part or key", "BASE → HEAD", "from"), rows[:_MOST_ROWS]) + more


def _change_row(key: str, words: str, source: str, before: str) -> tuple[str, str, str]:
    return f"&nbsp;&nbsp;{safe(key, 80)}", safe(words, 80), safe(f"{before}{source}", 100)


def _months(report: DiffReport) -> str:
    if len(report.months) < 2:
        return ""
    kind = "tco" if report.beyond_invoice else "invoice"
    costs, base, head = report.costs(kind), report.summary(report.base), report.summary(report.head)
    was, is_ = (getattr(each, f"{kind}_usd_by_month") for each in (base, head))
    rows = [
        (
            month, about(was[m].p50), about(is_[m].p50), safe(signed_usd(costs.difference_usd_by_month[m].p50)),
            safe(chance(1.0 - costs.p_a_cheaper_by_month[m])), safe(chance(base.p_met_by_month[m])), safe(chance(head.p_met_by_month[m])),
        )
        for m, month in enumerate(report.months)
    ]  # fmt: skip
    words = "TCO" if kind == "tco" else "invoice"
    return _table((f"{words}, p50", "BASE", "HEAD", "difference", "dearer", "BASE levels met", "HEAD levels met"), rows)


def _assumptions(report: DiffReport) -> str:
    added, removed = assumption_words(report)
    # In words: a sign at the beginning of an item would be a list within the list.
    return _bullets([*(f"new: {each}" for each in added), *(f"gone: {each}" for each in removed)])


def _bullets(texts: Sequence[str]) -> str:
    lines = [f"- {safe(text, 300)}" for text in texts[:_MOST_NOTES]]
    if len(texts) > _MOST_NOTES:
        lines.append(f"- {len(texts) - _MOST_NOTES} more, in `diff.json`")
    return "\n".join(lines)


def _foot(report: DiffReport) -> str:
    trace, ahead = report.head.report.trace, report.head.side.ahead
    start = f"{safe(trace.name)}, {trace.requests:,} requests; prices of {report.head.report.date}; "
    if ahead is None:
        return f"{start}one replay each (seed {report.head.report.seed}), no bands"
    return f"{start}{ahead.futures} futures of the outlook {safe(ahead.outlook)}, the same ones for both (seed {ahead.seed})"


def _folded(title: str, body: str) -> str:
    return f"{_FOLD}{title}</summary>\n\n{body}\n\n</details>" if body else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells that are safe already; nothing where there is none."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|", *lines])
