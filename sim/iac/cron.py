"""KEDA's cron triggers and the schedule of an autoscaler: replicas by the time of the day, each way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sim.errors import visible
from sim.iac.reading import Reading
from sim.units import SECONDS_PER_DAY

if TYPE_CHECKING:
    from sim.iac.scalers import Scaler

_UTC = ("UTC", "Etc/UTC", "GMT", "Etc/GMT", "Zulu")


def schedule_of(scaler: Scaler, triggers: Sequence[Reading]) -> None:
    """The schedule of the `metadata` of cron triggers into a scaler: where windows overlap the most replicas, outside them the fewest.

    A trigger that cannot be told in times of the day is left out with a remark.
    """
    windows: list[tuple[int, int, int]] = []
    for trigger in triggers:
        start, end = trigger.text("start"), trigger.text("end")
        zone, wanted = trigger.text("timezone") or "UTC", trigger.count("desiredReplicas")
        first, last, offset_s = _second_of_day(start), _second_of_day(end), _offset_s(zone)
        if first is None or last is None or first == last or wanted is None or wanted < 0 or offset_s is None:
            scaler.remarks.append(f"trigger cron {visible(start)!r} to {visible(end)!r} ({visible(zone)}) is left out: no times of a day")
            continue
        if not all(re.search(r"\* \* \*$", " ".join(each.split())) for each in (start, end)):
            scaler.guesses.append(f"trigger cron {visible(start)!r} to {visible(end)!r}: taken for every day")
        if zone not in _UTC:
            scaler.guesses.append(f"trigger cron in {visible(zone)}: taken at UTC{offset_s / 3600:+g} h, its winter time")
        windows.append((int((first - offset_s) % SECONDS_PER_DAY), int((last - offset_s) % SECONDS_PER_DAY), wanted))
    if not windows:
        return
    steps = []
    for moment in sorted({moment for first, last, _ in windows for moment in (first, last)}):
        open_now = [wanted for first, last, wanted in windows if (moment - first) % SECONDS_PER_DAY < (last - first) % SECONDS_PER_DAY]
        high = max(scaler.low, *open_now, 0)
        steps.append({"at": moment, "replicas": high if scaler.high is None else min(high, scaler.high)})
    scaler.autoscaler = {"law": "schedule", "steps": steps}


def cron_triggers(steps: Sequence[tuple[float, int]], low: int) -> list[dict[str, Any]]:
    """The triggers of a schedule of (second of the day, replicas); none where crons cannot say it: seconds, or a single step."""
    if len(steps) < 2 or any(at % 60 or at >= SECONDS_PER_DAY for at, _ in steps):
        return []
    ends = [*(at for at, _ in steps[1:]), steps[0][0]]
    return [
        {
            "type": "cron",
            "metadata": {"timezone": "UTC", "start": _cron(at), "end": _cron(end), "desiredReplicas": str(replicas)},
        }
        for (at, replicas), end in zip(steps, ends, strict=True)
        if replicas > low
    ]


def _cron(second: float) -> str:
    minutes = int(second) // 60
    return f"{minutes % 60} {minutes // 60} * * *"


def _second_of_day(expression: str) -> int | None:
    """The one time of the day that a cron expression names; None where it names none or several."""
    match = re.fullmatch(r"\s*([0-9]{1,2})\s+([0-9]{1,2})(\s+\S+){3}\s*", expression)
    if match is None or int(match[1]) > 59 or int(match[2]) > 23:
        return None
    return int(match[2]) * 3600 + int(match[1]) * 60


def _offset_s(zone: str) -> float | None:
    """How far a zone is ahead of UTC in winter, in seconds; None for an unknown one."""
    if zone in _UTC:
        return 0.0
    import datetime
    import zoneinfo

    try:
        there = zoneinfo.ZoneInfo(zone)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return None
    offset = datetime.datetime(2026, 1, 1, tzinfo=there).utcoffset()
    return None if offset is None else offset.total_seconds()
