"""What a plan is asked: levels, how sure, what may be gone, over which months; each read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError
from sim.results.horizon import cores
from sim.units import parse_share

if TYPE_CHECKING:
    from sim.planning.choice import Question
    from sim.planning.levels import ServiceLevel
    from sim.results.horizon import Horizon
    from sim.results.stack import Stack
    from sim.trace import Trace

_MOST_REDUNDANCY = 100
MOST_LEAD_DAYS = 3650
_LEAD = re.compile(r"(?P<count>\d{1,6})\s*(?P<unit>d|days?|w|weeks?)?", re.ASCII)
_GROWTH = "outlook.demand.growth_per_month"


def redundancy_of(given: str | int) -> tuple[int, bool]:
    """How many replicas may be gone, or whether all on one machine; InputError for anything else."""
    text = str(given)
    if text.strip() == "node":
        return 0, True
    if not text.strip().isascii() or not text.strip().isdigit() or int(text) > _MOST_REDUNDANCY:
        raise InputError(f"--redundancy: found {text[:40]!r}; allowed: replicas that may be gone, 0 to {_MOST_REDUNDANCY}, or node")
    return int(text), False


def lead_days_of(given: str | None) -> int | None:
    """Days from an order to GPUs, as `45`, `45d` or `6w`; None for none. InputError for anything else."""
    if given is None:
        return None
    match = _LEAD.fullmatch(given.strip())
    days = -1 if match is None else int(match["count"]) * (7 if (match["unit"] or "").startswith("w") else 1)
    if not 0 <= days <= MOST_LEAD_DAYS:
        raise InputError(f"--lead-time: found {given[:40]!r}; allowed: days up to {MOST_LEAD_DAYS:,}, as 45, 45d or 6 weeks")
    return days


def spare_words(spare: int, *, node: bool) -> str:
    """What may be gone, as a report says it."""
    if node:
        return "one machine"
    return "" if not spare else "one replica" if spare == 1 else f"{spare} replicas"


def confidence_of(given: str | float) -> float:
    """The share of futures; InputError for what is none from half up and below 1."""
    try:
        found = parse_share(given)
    except InputError as error:
        raise InputError(f"--confidence: {error}") from None
    if not 0.5 <= found < 1.0:
        raise InputError(f"--confidence: found {str(given)[:40]!r}; allowed: from 50 % to below 100 %, as no number of futures makes sure")
    return found


def with_growth(outlook_settings: tuple[str, ...], growth: str | float | None) -> tuple[str, ...]:
    """Settings of an outlook with a growth of demand a month of one's own."""
    return outlook_settings if growth is None else (*outlook_settings, f"{_GROWTH}={growth}")


@contextmanager
def naming_growth(growth: str | float | None) -> Iterator[None]:
    """Within this block an InputError about the growth that was given names it as it was given."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(f"--set {_GROWTH}", "--growth").replace(f"--growth={growth}", f"--growth {growth}")) from None


def question_of(
    stack: Stack, trace: Trace, file: Path, levels: Sequence[ServiceLevel], confidence: float, asked: Horizon | None, *, seed: int,
    months: int, outlook: str, outlook_settings: tuple[str, ...], futures: int, start: str | None, workers: int | None,
) -> Question:  # fmt: skip
    """What is asked of a stack to begin with; `asked` is the horizon where there are months, `file` where the trace lies."""
    from sim.planning.assess import PlanStudy, slo_settings
    from sim.planning.choice import Question
    from sim.planning.demand_ahead import demand_ahead
    from sim.planning.levels import with_own

    every = with_own(levels, stack.file.stack.slo)
    models = stack.books.models
    study = PlanStudy(
        trace=file.resolve(),
        trace_sha256=trace.info.sha256,
        stack_text=stack.text,
        stack_name=stack.name,
        settings=(*stack.settings, *slo_settings(every)),
        models=None if models is None else models.resolve(),
        prices_text=stack.books.book.prices_text,
        date=stack.books.date,
        seed=seed,
        months=months,
        outlook=outlook,
        outlook_settings=outlook_settings,
        futures=futures,
        start=None if start is None else start.strip(),
        trace_rows=trace.info.rows,
        levels=every,
        threads=workers or cores(),
    )
    if asked is None:
        return Question(study, confidence)
    held, costs = demand_ahead(asked.outlook.outlook.demand.growth_per_month, months, confidence, trace.info.rows)
    return Question(study, confidence, held, costs)
