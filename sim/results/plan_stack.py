"""The cheapest stack of a space for one trace, with its calendar and its room to grow. `sim plan` and the Python call come here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.results.horizon import cores
from sim.results.plan_question import spare_words
from sim.results.plan_result import PlanResult

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.futures.run import Says
    from sim.planning.capacity_calendar import CapacityMonth
    from sim.planning.choice import Question
    from sim.planning.plan import Plan
    from sim.planning.search import Evaluations
    from sim.planning.space_file import SpaceFile
    from sim.report.plan_report import PlanReport
    from sim.results.horizon import Horizon
    from sim.results.stack import Stack
    from sim.trace import Trace


def plan_stack(
    question: Question, asked: Horizon | None, stack: Stack, trace: Trace, space: SpaceFile, *, spare: int, node: bool, lead: int | None,
    workers: int | None, cluster: str | None = None, says: Says | None = None, begins: Callable[[], None] | None = None,
) -> PlanResult:  # fmt: skip
    """The plan; InputError for a space that does not fit the stack, and where nothing of it can be made.

    `spare` replicas may be gone, or with `node` all on one machine; `lead` days pass from an order to GPUs (None: assumed). `begins` is
    called when everything is checked, before anything takes long.
    """
    from sim.planning.candidates import candidates, lists_of, pool_of
    from sim.planning.evaluate import stack_at
    from sim.planning.machines import replicas_a_machine
    from sim.planning.plan import plan
    from sim.planning.point_store import PointStore
    from sim.planning.search import Evaluations
    from sim.planning.space_file import check_space
    from sim.report.plan_files import plan_inputs

    own = stack_at(question.study, ())
    check_space(space, own, stack.books.catalog)
    machine = replicas_a_machine(question.study, pool_of(own, space.space.deployment)) if node else None
    found = () if space.nothing else candidates(space.space, own, spare, machine=machine)
    if begins is not None:
        begins()
    evaluations = Evaluations(workers=workers or cores(), cluster=cluster, store=PointStore.default(), says=says)
    try:
        report = _report(
            plan(question, found, evaluations), question, asked, stack, trace, space, evaluations, lists=lists_of(found),
            spare=spare_words(spare, node=node), lead=lead,
        )  # fmt: skip
    finally:
        evaluations.close()
    return PlanResult(report, stack, space.nothing, plan_inputs(report, space.space.model_dump(mode="json", by_alias=True)))


def _report(
    result: Plan, question: Question, asked: Horizon | None, stack: Stack, trace: Trace, space: SpaceFile, evaluations: Evaluations, *,
    lists: tuple[str, ...], spare: str, lead: int | None,
) -> PlanReport:  # fmt: skip
    """The plan with its calendar, its room to grow and its stack."""
    from sim.planning.capacity_calendar import lead_time
    from sim.planning.chosen import chosen_settings
    from sim.planning.evaluate import stack_at
    from sim.planning.opened import open_study
    from sim.planning.prospects import calendar_of, room_of
    from sim.report.plan_report import ChosenStack, MedianGrowth, PlanReport
    from sim.report.run_record import stack_data, stack_yaml
    from sim.report.run_report import prices_used
    from sim.stack import resolve

    study = question.study
    names = asked.calendar.names if asked is not None else ()
    room, made, days = None, None, None
    calendar: tuple[CapacityMonth, ...] = ()
    if result.chosen is not None:
        opened = open_study(study)
        own = stack_at(study, chosen_settings(study, result.chosen.judged.candidate))
        resolved = resolve(own, opened.catalog, opened.book, opened.facts)
        made = ChosenStack(stack_data(own), stack_yaml(own, resolved), prices_used(resolved))
        room = room_of(question, result.chosen, evaluations)
        if asked is not None:
            days = lead_time(resolved, stack.books.catalog, None if lead is None else float(lead))
            calendar = calendar_of(question, result.chosen, resolved, names, days, evaluations)
    growth = None
    if asked is None and room is not None:
        growth = MedianGrowth(study.outlook, _median_growth(study.outlook, stack.books.catalog))
    info = trace.info
    return PlanReport(
        plan=result, trace_name=info.path.stem, requests=info.rows, duration_s=info.duration_s, date=stack.books.book.date.isoformat(),
        month_names=names, space=space.name, lists=lists, spare=spare, calendar=calendar, lead=days, room=room, stack=made, growth=growth,
        notes=_notes(result, question), empty=tuple(line.partition(": ")[2] for line in space.nothing),
    )  # fmt: skip


def _median_growth(outlook: str, catalog: Catalog) -> float:
    """Of demand a month, as a share."""
    import numpy as np

    from sim.stack.outlook_read import read_outlook

    growth = read_outlook(outlook, catalog).outlook.demand.growth_per_month
    return float(growth.compounded(np.asarray(0.0), np.asarray(1.0))) - 1.0


def _notes(result: Plan, question: Question) -> tuple[str, ...]:
    """What a reader must know of how sure the plan is."""
    from sim.planning.plan import levels_in_replays_only

    study = question.study
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
    return tuple(notes)
