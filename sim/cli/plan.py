"""`sim plan`: the cheapest stack of a space that meets the service levels, and how sure that is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli import emitting, options
from sim.cli.horizon import FEWEST_FUTURES, FUTURES, MOST_MONTHS, OUTLOOK, cores, refuse_about_months
from sim.cli.plan_question import confidence_of, question_of, redundancy_of, spare_words

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.cli.horizon import Horizon
    from sim.planning.capacity_calendar import CapacityMonth
    from sim.planning.choice import Question
    from sim.planning.plan import Plan
    from sim.planning.search import Evaluations
    from sim.report.plan_report import PlanReport

INFEASIBLE = 1
MONTHS = 0
_MOST_LEAD_DAYS = 3650


@click.command(name="plan")
@click.argument("trace")
@click.option("--stack", default="hybrid", show_default=True, help="The stack to begin with, by name or file.")
@options.infrastructure
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
@emitting.option
@options.form("table", "json", "md")
@click.pass_context
def command(
    ctx: click.Context,
    trace: str,
    stack: str,
    terraform: str | None,
    kubernetes: tuple[str, ...],
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
    emitted: emitting.Wishes,
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
    from sim.cli.opening import open_books, stack_as_text
    from sim.cli.progress import Progress, printed, say
    from sim.cli.writing import say_where, write_files
    from sim.planning.levels import parse_levels
    from sim.planning.space_file import check_space, read_space
    from sim.report.run_folder import check_folder

    if given is not None:
        check_folder(given, force=force)
    emitting.check_emitted(emitted, force=force)
    levels = parse_levels(slo)
    spare, node = redundancy_of(redundancy)
    sure = confidence_of(confidence)
    file = find_input(trace)
    catalog, book = open_books(folder, date, prices)
    chosen_from = read_space(space, catalog)

    from sim.planning.candidates import candidates, lists_of, pool_of
    from sim.planning.evaluate import stack_at
    from sim.planning.machines import replicas_a_machine
    from sim.planning.plan import plan
    from sim.planning.point_store import PointStore
    from sim.planning.search import Evaluations
    from sim.report.plan_files import plan_inputs, write_plan
    from sim.report.plan_summary import plan_json
    from sim.report.plan_text import plan_markdown, plan_text
    from sim.report.run_folder import default_folder
    from sim.stack.outlook_read import split_settings

    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    with Progress(quiet=quiet) as progress:
        begun = stack_as_text(ctx, stack, catalog, book, split_settings(settings)[0], terraform, kubernetes)
        question, asked, rows, duration_s = question_of(
            trace, file, begun, levels, sure, catalog, book, months=months, growth=growth, outlook=outlook, futures=futures, start=start,
            workers=workers, seed=seed, settings=settings, folder=folder, prices=prices, date=date, progress=progress,
        )  # fmt: skip
        own = stack_at(question.study, ())
        check_space(chosen_from, own, catalog)
        machine = replicas_a_machine(question.study, pool_of(own, chosen_from.space.deployment)) if node else None
        found = () if chosen_from.nothing else candidates(chosen_from.space, own, spare, machine=machine)
        progress.announce_compilation()
        evaluations = Evaluations(workers=workers or cores(), cluster=cluster, store=PointStore.default(), says=progress.part)
        ctx.call_on_close(evaluations.close)
        result = plan(question, found, evaluations)
        report = _report(
            result, question, asked, catalog, evaluations, trace_name=file.stem, rows=rows, duration_s=duration_s,
            date=book.date.isoformat(), space=chosen_from.name, lists=lists_of(found), spare=spare_words(spare, node), lead=lead,
            empty=tuple(line.partition(": ")[2] for line in chosen_from.nothing),
        )  # fmt: skip
        record = plan_inputs(report, chosen_from.space.model_dump(mode="json", by_alias=True))
        progress.says("writing files")
        target, refused = write_files(
            given,
            default_folder(report.trace_name, "plan", record),
            lambda place: write_plan(place, report, given=record, argv=sys.argv[1:], replace=given is None or force),
        )
    printed({"table": plan_text, "json": plan_json, "md": plan_markdown}[form](report))
    if not quiet:
        for note in (*begun[0].notes, *chosen_from.nothing, *report.notes):
            say("note", note)
        say_where(target, refused)
    if result.chosen is not None:
        chosen = stack_at(question.study, result.chosen.judged.candidate.settings)
        for written in emitting.write_emitted(emitted, chosen, catalog, name=f"chosen for {file.stem}", force=force):
            if not quiet:
                say("note", written)
    if result.chosen is None:
        ctx.exit(INFEASIBLE)


def _report(
    result: Plan, question: Question, asked: Horizon | None, catalog: Catalog, evaluations: Evaluations, *, trace_name: str, rows: int,
    duration_s: float, date: str, space: str, lists: tuple[str, ...], spare: str, lead: int | None,
    empty: tuple[str, ...],
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
        spare=spare, calendar=calendar, lead=days, room=room, stack=made, notes=tuple(notes), empty=empty,
    )  # fmt: skip
