"""`sim plan`: the cheapest stack of a space that meets the service levels, and how sure that is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli import options
from sim.cli.horizon import FEWEST_FUTURES, FUTURES, MOST_MONTHS, OUTLOOK, cores, horizon, refuse_about_months

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook
    from sim.cli.horizon import Horizon
    from sim.cli.progress import Progress
    from sim.planning.capacity_calendar import CapacityMonth
    from sim.planning.choice import Question
    from sim.planning.levels import ServiceLevel
    from sim.planning.plan import Plan
    from sim.planning.search import Evaluations
    from sim.report.plan_report import PlanReport
    from sim.stack import StackFile

INFEASIBLE = 1
MONTHS = 0
_MOST_REDUNDANCY = 100
_MOST_LEAD_DAYS = 3650


@click.command(name="plan")
@click.argument("trace")
@click.option("--stack", default="hybrid", show_default=True, help="The stack to begin with, by name or file.")
@click.option(
    "--slo", "slo", multiple=True, metavar="LEVEL", help="A level, as 'ttft_p95 <= 3s'; what is not given is the stack's.  [repeatable]"
)
@click.option("--space", metavar="FILE", help="What may be chosen: lists and ranges (docs/plan.md).  [default: models/spaces/default.yaml]")
@click.option("--confidence", default="95%", show_default=True, metavar="SHARE", help="Of futures that must meet the levels in each month.")
@click.option(
    "--months", type=click.IntRange(0, MOST_MONTHS), default=MONTHS, show_default=True, help="To hold for; 0: for the trace as it is."
)
@click.option("--growth", metavar="RATE", help="Of demand a month, as 5%, in place of the outlook's.")
@click.option("--redundancy", default="0", show_default=True, metavar="K|node", help="Replicas that may be gone, or all on one machine.")
@click.option(
    "--lead-time", "lead", type=click.IntRange(0, _MOST_LEAD_DAYS), metavar="DAYS", help="From order to GPUs.  [default: assumed]"
)
@click.option("--outlook", default=OUTLOOK, show_default=True, metavar="NAME|FILE", help="What may happen over the months.")
@click.option("--futures", type=click.IntRange(min=FEWEST_FUTURES), default=FUTURES, show_default=True, help="How often it is drawn.")
@click.option("--start", metavar="YYYY-MM", help="The first month.  [default: that of the prices]")
@click.option("--workers", type=click.IntRange(min=1), help="Processes at work; results are the same.  [default: all cores]")
@click.option("--cluster", metavar="URL", help="Compute on a cluster in place of here: dask://host:port or ray://host:port.")
@options.seed
@options.settings
@options.prices
@options.date
@options.models
@options.output("outputs/TRACE-plan-HASH")
@options.force
@options.form("table", "json", "md")
@click.pass_context
def command(
    ctx: click.Context,
    trace: str,
    stack: str,
    slo: tuple[str, ...],
    space: str | None,
    confidence: str,
    months: int,
    growth: str | None,
    redundancy: str,
    lead: int | None,
    outlook: str,
    futures: int,
    start: str | None,
    workers: int | None,
    cluster: str | None,
    seed: int,
    settings: tuple[str, ...],
    prices: Path | None,
    date: str | None,
    folder: Path | None,
    given: Path | None,
    force: bool,
    form: str,
) -> None:
    """Find the cheapest stack for TRACE (Parquet) that meets the service levels: GPUs, replicas, how they are bought, which API helps out.

    Candidates share their luck and are dropped as soon as it is sure that they fail; the one that is chosen is held against futures that
    the search has not used. The result goes to stdout and, with the stack as YAML, into a folder under outputs/. Exit code 1: none meets
    the levels.
    """
    if not months:
        refuse_about_months(ctx, settings, "--months 0", "--months 1 or more")
        if growth is not None:
            raise click.UsageError(f"--growth {growth}: is about months, and with --months 0 there are none; allowed: --months 1 or more")
    from sim.catalog.location import find_input
    from sim.cli.opening import open_books
    from sim.cli.progress import Progress, printed, say
    from sim.cli.writing import say_where, write_files
    from sim.planning.levels import parse_levels
    from sim.planning.space import read_space
    from sim.report.run_folder import check_folder

    if given is not None:
        check_folder(given, force=force)
    levels = parse_levels(slo)
    spare, node = _redundancy(redundancy)
    sure = _confidence(confidence)
    file = find_input(trace)
    catalog, book = open_books(folder, date, prices)
    space_name, chosen_from = read_space(space, catalog)

    from sim.planning.candidates import candidates, lists_of
    from sim.planning.evaluate import stack_at
    from sim.planning.plan import plan
    from sim.planning.point_store import PointStore
    from sim.planning.search import Evaluations
    from sim.report.plan_files import plan_inputs, write_plan
    from sim.report.plan_summary import plan_json
    from sim.report.plan_text import plan_markdown, plan_text
    from sim.report.run_folder import default_folder

    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    with Progress(quiet=quiet) as progress:
        question, asked, rows, duration_s = _question(
            trace, file, stack, levels, sure, catalog, book, months=months, growth=growth, outlook=outlook, futures=futures, start=start,
            workers=workers, seed=seed, settings=settings, folder=folder, prices=prices, date=date, progress=progress,
        )  # fmt: skip
        own = stack_at(question.study, ())
        found = candidates(chosen_from, own, spare, node=node)
        progress.announce_compilation()
        evaluations = Evaluations(workers=workers or cores(), cluster=cluster, store=PointStore.default(), says=progress.part)
        result = plan(question, found, evaluations)
        report = _report(
            result, question, asked, catalog, evaluations, trace_name=file.stem, rows=rows, duration_s=duration_s,
            date=book.date.isoformat(), space=space_name, lists=lists_of(found), spare=_spare_words(spare, node), lead=lead,
        )  # fmt: skip
        record = plan_inputs(report, chosen_from.model_dump(mode="json", by_alias=True))
        progress.says("writing files")
        target, refused = write_files(
            given,
            default_folder(report.trace_name, "plan", record),
            lambda place: write_plan(place, report, given=record, argv=sys.argv[1:], replace=given is None or force),
        )
    printed({"table": plan_text, "json": plan_json, "md": plan_markdown}[form](report))
    if not quiet:
        for note in report.notes:
            say("note", note)
        say_where(target, refused)
    if result.chosen is None:
        ctx.exit(INFEASIBLE)


def _redundancy(text: str) -> tuple[int, bool]:
    """How many replicas may be gone, or whether all on one machine; InputError for anything else."""
    from sim.errors import InputError

    if text.strip() == "node":
        return 0, True
    if not text.strip().isascii() or not text.strip().isdigit() or int(text) > _MOST_REDUNDANCY:
        raise InputError(f"--redundancy: found {text[:40]!r}; allowed: replicas that may be gone, 0 to {_MOST_REDUNDANCY}, or node")
    return int(text), False


def _spare_words(spare: int, node: bool) -> str:
    if node:
        return "one machine"
    return "" if not spare else "one replica" if spare == 1 else f"{spare} replicas"


def _confidence(text: str) -> float:
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


def _question(
    trace: str, file: Path, stack: str, levels: tuple[ServiceLevel, ...], confidence: float, catalog: Catalog, book: PriceBook, *,
    months: int, growth: str | None, outlook: str, futures: int, start: str | None, workers: int | None, seed: int,
    settings: tuple[str, ...], folder: Path | None, prices: Path | None, date: str | None, progress: Progress,
) -> tuple[Question, Horizon | None, int, float]:  # fmt: skip
    """What is asked, its inputs checked: with the horizon, the requests of the trace and its seconds."""
    from sim.catalog.yaml_file import read_text
    from sim.cli.opening import trace_for_months
    from sim.planning.assess import PlanStudy, slo_settings
    from sim.planning.choice import Question
    from sim.planning.demand_ahead import demand_ahead
    from sim.stack.outlook_read import split_settings
    from sim.stack.read import find_stack, read_stack

    of_stack, of_outlook = split_settings(settings)
    if growth is not None:
        of_outlook = (*of_outlook, f"outlook.demand.growth_per_month={growth}")
    path, shown = find_stack(stack, catalog)
    every = _with_own(levels, read_stack(stack, catalog, of_stack))
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
        stack_text=read_text(path, shown),
        stack_name=Path(stack).stem,
        settings=(*of_stack, *slo_settings(every)),
        models=None if folder is None else folder.resolve(),
        prices_text=None if prices is None else read_text(prices),
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


def _with_own(levels: tuple[ServiceLevel, ...], stack: StackFile) -> tuple[ServiceLevel, ...]:
    """The levels that were given, and those of the stack that were not."""
    from sim.planning.levels import ServiceLevel

    slo = stack.stack.slo
    own = (
        ServiceLevel("ttft_p95", "<=", slo.ttft_p95, "duration"),
        ServiceLevel("tpot_p95", "<=", slo.tpot_p95, "duration"),
        ServiceLevel("completed", ">=", slo.completed, "share"),
    )
    return (*levels, *(each for each in own if each.metric not in {level.metric for level in levels}))


def _report(
    result: Plan, question: Question, asked: Horizon | None, catalog: Catalog, evaluations: Evaluations, *, trace_name: str, rows: int,
    duration_s: float, date: str, space: str, lists: tuple[str, ...], spare: str, lead: int | None,
) -> PlanReport:  # fmt: skip
    """The plan with its calendar, its room to grow and its stack."""
    from sim.planning.capacity_calendar import lead_time
    from sim.planning.evaluate import stack_at
    from sim.planning.opened import open_study
    from sim.planning.plan import levels_in_replays_only
    from sim.planning.prospects import calendar_of, room_of
    from sim.report.plan_report import ChosenStack, PlanReport
    from sim.report.run_record import stack_data, stack_yaml
    from sim.stack import resolve

    study = question.study
    names = asked.calendar.names if asked is not None else ()
    room, made, days = None, None, None
    calendar: tuple[CapacityMonth, ...] = ()
    if result.chosen is not None:
        opened = open_study(study)
        own = stack_at(study, result.chosen.judged.candidate.settings)
        resolved = resolve(own, opened.catalog, opened.book, opened.facts)
        made = ChosenStack(stack_data(own), stack_yaml(own, resolved))
        room = room_of(question, result.chosen, evaluations)
        if asked is not None:
            days = lead_time(resolved, catalog, None if lead is None else float(lead))
            calendar = calendar_of(question, result.chosen, resolved, names, days, evaluations)
    notes = list(result.notes)
    only = levels_in_replays_only(study.levels, study.months)
    if only:
        held = ", ".join(level.metric for level in only)
        notes.append(f"{held}: held in replays, at the demand of the last month; not known of every month of every future")
    sure = None if result.chosen is None else result.chosen.confidence
    if sure is not None and sure.kind != "certain" and sure.low < question.confidence:
        notes.append(
            f"{100 * sure.share:.1f} % of {sure.of} {sure.kind} met the levels; with 5 % chance the true share is below "
            f"{100 * sure.low:.1f} %: more futures (--futures) say it more surely"
        )
    return PlanReport(
        plan=result, trace_name=trace_name, requests=rows, duration_s=duration_s, date=date, month_names=names, space=space, lists=lists,
        spare=spare, calendar=calendar, lead=days, room=room, stack=made, notes=tuple(notes),
    )  # fmt: skip
