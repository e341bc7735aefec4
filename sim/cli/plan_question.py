"""What `sim plan` is asked, its options read and its inputs checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim.cli.horizon import cores, horizon

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook
    from sim.cli.horizon import Horizon
    from sim.cli.progress import Progress
    from sim.planning.choice import Question
    from sim.planning.levels import ServiceLevel
    from sim.stack import StackFile

_MOST_REDUNDANCY = 100


def redundancy_of(text: str) -> tuple[int, bool]:
    """How many replicas may be gone, or whether all on one machine; InputError for anything else."""
    from sim.errors import InputError

    if text.strip() == "node":
        return 0, True
    if not text.strip().isascii() or not text.strip().isdigit() or int(text) > _MOST_REDUNDANCY:
        raise InputError(f"--redundancy: found {text[:40]!r}; allowed: replicas that may be gone, 0 to {_MOST_REDUNDANCY}, or node")
    return int(text), False


def spare_words(spare: int, node: bool) -> str:
    """What may be gone, as a report says it."""
    if node:
        return "one machine"
    return "" if not spare else "one replica" if spare == 1 else f"{spare} replicas"


def confidence_of(text: str) -> float:
    """The share of futures; InputError for what is none from half up and below 1."""
    from sim.errors import InputError
    from sim.units import parse_share

    try:
        found = parse_share(text)
    except InputError as error:
        raise InputError(f"--confidence: {error}") from None
    if not 0.5 <= found < 1.0:
        raise InputError(f"--confidence: found {text[:40]!r}; allowed: from 50 % to below 100 %, as no number of futures makes sure")
    return found


def question_of(
    trace: str, file: Path, begun: tuple[StackFile, str, str], levels: tuple[ServiceLevel, ...], confidence: float, catalog: Catalog,
    book: PriceBook, *, months: int, growth: str | None, outlook: str, futures: int, start: str | None, workers: int | None, seed: int,
    settings: tuple[str, ...], folder: Path | None, prices: Path | None, date: str | None, progress: Progress,
) -> tuple[Question, Horizon | None, int, float]:  # fmt: skip
    """What is asked, its inputs checked: with the horizon, the requests of the trace and its seconds. `begun` is the stack to begin
    with, its text and its name."""
    from sim.cli.opening import trace_for_months
    from sim.planning.assess import PlanStudy, slo_settings
    from sim.planning.choice import Question
    from sim.planning.demand_ahead import demand_ahead
    from sim.stack.outlook_read import split_settings

    of_stack, of_outlook = split_settings(settings)
    if growth is not None:
        of_outlook = (*of_outlook, f"outlook.demand.growth_per_month={growth}")
    stack, text, name = begun
    every = with_own(levels, stack)
    asked = None
    if months:
        asked = horizon(
            months, date=book.date, catalog=catalog, settings=of_outlook, outlook=outlook, futures=futures, start=start, workers=workers,
            strict=False,
        )  # fmt: skip
    progress.says(f"reading {file.name}")
    requests = trace_for_months(file, trace)
    study = PlanStudy(
        trace=file.resolve(),
        trace_sha256=requests.info.sha256,
        stack_text=text,
        stack_name=name,
        settings=(*of_stack, *slo_settings(every)),
        models=None if folder is None else folder.resolve(),
        prices_text=None if prices is None else book.prices_text,
        date=date,
        seed=seed,
        months=months,
        outlook=outlook,
        outlook_settings=of_outlook,
        futures=futures,
        start=None if start is None else start.strip(),
        trace_rows=requests.info.rows,
        levels=every,
        threads=workers or cores(),
    )
    question = Question(study, confidence)
    if asked is not None:
        held, costs = demand_ahead(asked.outlook.outlook.demand.growth_per_month, months, confidence, requests.info.rows)
        question = Question(study, confidence, held, costs)
    return question, asked, requests.info.rows, requests.info.duration_s


def with_own(levels: tuple[ServiceLevel, ...], stack: StackFile) -> tuple[ServiceLevel, ...]:
    """The levels that were given, and those of the stack that were not."""
    from sim.planning.levels import ServiceLevel

    slo = stack.stack.slo
    own = (
        ServiceLevel("ttft_p95", "<=", slo.ttft_p95, "duration"),
        ServiceLevel("tpot_p95", "<=", slo.tpot_p95, "duration"),
        ServiceLevel("completed", ">=", slo.completed, "share"),
    )
    return (*levels, *(each for each in own if each.metric not in {level.metric for level in levels}))
