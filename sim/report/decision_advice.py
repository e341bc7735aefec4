"""Advice, the architect's checklist and the clouds' names of services, as parts of a decision."""

from __future__ import annotations

from collections.abc import Sequence

from sim.decision.advice_case import Advice
from sim.decision.checklist import Item
from sim.decision.clouds import CloudTrack
from sim.report.amounts import about
from sim.report.section import Section


def advice_sections(
    advice: Sequence[Advice], checklist: Sequence[Item], clouds: Sequence[CloudTrack], *, taken: str | None
) -> list[Section]:
    """What stops or warns, what concerns the strategy `taken`, and the other notes by number; then the checklist, and its clouds."""
    told = [each for each in advice if each.severity != "note" or each.strategy == taken]
    rows = []
    for each in told:
        rows.append((each.code.replace("_", " "), f"{each.severity}: {each.says}. Then: {each.do}."))
        if each.usd_at_stake > 0:
            rows.append(("", f"at stake: {about(each.usd_at_stake)} over all months ({each.source})"))
        else:
            rows.append(("", f"({each.source})"))
    others = dict.fromkeys(f"{each.strategy} ({each.code.replace('_', ' ')})" for each in advice if each not in told)
    if others:
        rows.append(("other notes", f"on strategies that are not recommended: {', '.join(others)}"))
    left = [each for each in checklist if each.state == "open"]
    items = [(f"  {each.code.replace('_', ' ')}", f"{each.state}: {each.asks} {each.says}") for each in checklist]
    head = [("Checklist", f"{len(checklist) - len(left)} of {len(checklist)} settled, {len(left)} open")] if items else []
    names = [(each.track.replace("_", " "), each.gcp, each.aws, each.azure) for each in clouds if each.strategy == taken]
    source = next((each.source for each in clouds), "")
    notes = [f"Services that {taken} would use there. Source: {source}."] if names else []
    return [
        Section(
            "", [("Advice", "the most money at stake first"), *((f"  {a}" if a else "", b) for a, b in rows)] if rows else [], facts=True
        ),
        Section("", [*head, *items], facts=True),
        Section("Clouds", names, ("GCP", "AWS", "Azure"), notes),
    ]
