"""The changes of a part as a reader wants them: what nobody wrote and came or went as a whole is one line; every key is in diff.json."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from sim.planning.stack_diff import Change, Part
from sim.report.diff_words import change_words, plain

_FEWEST = 3
"""So many values of one section are told as one."""
_LAW = "law"
_ASSUMED = re.compile(r"((?:deployments\.[^.]+|[a-z_]+)\.[a-z_]+)\.[^ ]+ = .+ \((assumed|estimated)\)")


def change_rows(part: Part, changes: Sequence[Change]) -> list[tuple[str, str, str]]:
    """Key within the part, what it was and is, and where that comes from, of each change."""
    sections = {each.key: _section(part, each) for each in changes}
    counts = Counter((sections[each.key], _way(each)) for each in changes if sections[each.key] and _unsaid(each))
    rows: list[tuple[str, str, str]] = []
    told = set()
    for each in changes:
        section = (sections[each.key], _way(each))
        if not (_unsaid(each) and section[1] and counts[section] >= _FEWEST):
            rows.append((each.key.removeprefix(f"{part.name}."), change_words(each), each.new_from or each.old_from))
        elif section not in told:
            told.add(section)
            rows.append(_whole([other for other in changes if _unsaid(other) and (sections[other.key], _way(other)) == section], *section))
    return rows


def assumption_rows(texts: Sequence[str]) -> tuple[str, ...]:
    """What is assumed, the values of one section as one."""
    found = [_ASSUMED.fullmatch(text) for text in texts]
    counts = Counter(match[1] for match in found if match)
    rows: dict[str, None] = {}
    for text, match in zip(texts, found, strict=True):
        if match and counts[match[1]] >= _FEWEST:
            rows[f"{counts[match[1]]} values of {match[1]}"] = None
        else:
            rows[text] = None
    return tuple(rows)


def _whole(changes: Sequence[Change], section: str, way: str) -> tuple[str, str, str]:
    """One line of a section that came or went."""
    labels = dict.fromkeys((each.new_from or each.old_from).partition(":")[0] for each in changes)
    law = next((each for each in changes if each.key.endswith(f"{section}.{_LAW}")), None)
    if law is None:
        words = f"{len(changes)} values {way} along"
    else:
        words = f"{plain(law.old)} -> {plain(law.new)}, with {len(changes) - 1} values that nobody wrote"
    return section, words, f"{' and '.join(labels)}; each is in diff.json"


def _section(part: Part, change: Change) -> str:
    """`autoscaler` of `deployments.own.autoscaler.law`; empty for a key that is in no section of its part."""
    inside = change.key.removeprefix(f"{part.name}.")
    return inside.partition(".")[0] if "." in inside else ""


def _way(change: Change) -> str:
    return "came" if change.old is None else "went" if change.new is None else ""


def _unsaid(change: Change) -> bool:
    source = change.new_from or change.old_from
    return bool(source) and not source.startswith("given")
