"""What `sim run` reports, as plain data: every table, file and format is made from this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from sim.cost.bill import Bill
from sim.measure.measures import Measures
from sim.report.cautions import Caution, cautions
from sim.report.run_profiles import ProfileUse, profiles_used
from sim.report.section import brief
from sim.units import show_seconds

if TYPE_CHECKING:
    from sim.cost.replay import Replay
    from sim.report.forecast_report import ForecastReport
    from sim.stack.events import ScriptedEvent
    from sim.stack.resolved import Origin, ResolvedStack
    from sim.trace.closed_loop import ClosedLoop
    from sim.trace.trace import Trace


@dataclass(frozen=True)
class TraceSummary:
    """What was asked: tokens are those of the trace, whatever became of them."""

    name: str
    sha256: str
    requests: int
    duration_s: float
    prompt_tokens: int
    output_tokens: int
    classes: tuple[str, ...]
    clients: int
    closed_loop: ClosedLoop | None = None
    """The clients that sent the requests, where arrival times are not the trace's; tokens are then those of the requests sent."""


@dataclass(frozen=True, slots=True)
class PriceUse:
    """One price that a run used: of what, in words, and where it was read."""

    kind: str
    name: str
    detail: str
    price: str
    source: str
    as_of: str
    assumed: bool
    negotiated: bool


@dataclass(frozen=True)
class ApiOnly:
    """The same traffic at an API alone: list or negotiated price, limits not applied."""

    model: str
    usd: float
    source: str


@dataclass(frozen=True)
class RunReport:
    """One replay: what was asked, what happened, what it cost, and what to make of it. Times in seconds, money in USD."""

    trace: TraceSummary
    stack: str
    description: str
    date: str
    """The day of the prices."""
    seed: int
    measures: Measures
    bill: Bill
    """Of the replay; `bill.month()` is that of a month."""
    by_class: Mapping[str, float]
    by_client: Mapping[str, float]
    api_only: ApiOnly
    prices: tuple[PriceUse, ...]
    profiles: tuple[ProfileUse, ...]
    assumed: tuple[Origin, ...]
    cautions: tuple[Caution, ...]
    notes: tuple[str, ...]
    ahead: ForecastReport | None = None
    """The months ahead; None for a plain replay."""

    @property
    def has_gpus(self) -> bool:
        """Whether any deployment runs on GPUs."""
        return any(use.kind == "gpu" for use in self.measures.uses)

    @property
    def api_only_month_usd(self) -> float | None:
        """The API alone for a month of 730 hours; None for a run without duration."""
        factor = self.bill.month_factor
        return None if factor is None else self.api_only.usd * factor

    @property
    def month_usd(self) -> float | None:
        """The bill of a month of 730 hours; None for a run without duration."""
        factor = self.bill.month_factor
        return None if factor is None else self.bill.total_usd * factor


def price_list(date: str, used: Sequence[PriceUse]) -> dict[str, Any]:
    """Prices as plain data, with the day whose prices they are."""
    return {"date": date, "used": [asdict(each) for each in used]}


def prices_used(resolved: ResolvedStack) -> tuple[PriceUse, ...]:
    """The price of every deployment, with where it was read; of a file of the user only the name is kept."""
    from sim.stack.resolved import ResolvedApi

    found = {}
    for each in resolved.deployments:
        if isinstance(each, ResolvedApi):
            rate = each.rates.by_input_tokens[0]
            found["api", each.model.name, "batch" if each.lane_of else ""] = PriceUse(
                kind="api",
                name=each.model.name,
                detail="batch" if each.lane_of else "",
                price=f"{rate.input_usd_per_mtok:g} in, {rate.cached_input_usd_per_mtok:g} cached, {rate.output_usd_per_mtok:g} out "
                "USD per million tokens",
                source=PurePath(each.prices.source).name if each.prices.negotiated else each.prices.source,
                as_of=each.prices.date.isoformat(),
                assumed=False,
                negotiated=each.prices.negotiated,
            )
        else:
            hour = each.gpu_hour
            detail = " ".join(part for part in (hour.provider, hour.purchase, hour.region) if part)
            found["gpu", hour.gpu, detail] = PriceUse(
                kind="gpu",
                name=hour.gpu,
                detail=detail,
                price=f"{hour.usd_per_gpu_hour:g} USD per GPU-hour",
                source=PurePath(hour.source).name if hour.negotiated else hour.source,
                as_of=hour.as_of,
                assumed=hour.assumed,
                negotiated=hour.negotiated,
            )
    return tuple(found.values())


def _not_as_asked(found: Replay, trace: Trace, loop: ClosedLoop | None) -> list[str]:
    """Where the clients of a closed loop found no request left to send, or had no time to send them all."""
    if loop is None or loop.until_s is None:
        return []
    sent, rows = found.measures.outcomes.total, trace.info.rows
    if sent < rows:
        return [f"{sent:,} of the trace's {rows:,} requests were sent: the clients stop after {brief(show_seconds(loop.until_s))}"]
    return [
        f"all {rows:,} requests of the trace were sent, and the last answered at {brief(show_seconds(found.measures.window_s))}: give the "
        f"trace more of them if its clients are to go on for {brief(show_seconds(loop.until_s))}"
    ]


def _notes_of_used(found: Replay, resolved: ResolvedStack) -> tuple[str, ...]:
    """The notes of a stack without the guesses about tiers of APIs that no request tried."""
    unused = tuple(f"{use.name}: tier " for use in found.measures.uses if not use.attempts)
    return tuple(note for note in resolved.notes if not note.startswith(unused))


def report_of(
    found: Replay,
    resolved: ResolvedStack,
    trace: Trace,
    *,
    seed: int,
    events: Sequence[ScriptedEvent] = (),
    ahead: ForecastReport | None = None,
    closed_loop: ClosedLoop | None = None,
) -> RunReport:
    """The report of a replay, with the months `ahead` of it if there are any; `events` are those that were scripted.

    `closed_loop` is that of the replay where it is not the trace's own.
    """
    from sim.stack.events import late_events

    loop = closed_loop or trace.closed_loop
    lasted_s = trace.info.duration_s if loop is None else found.measures.window_s
    assumed = tuple(origin for origin in resolved.origins if origin.label in ("assumed", "estimated"))
    warned = tuple(note.removeprefix("warning: ") for note in trace.info.notes if note.startswith("warning: "))
    plain = tuple(note for note in trace.info.notes if not note.startswith("warning: "))
    summary = TraceSummary(
        name=trace.info.path.stem,
        sha256=trace.info.sha256,
        requests=trace.info.rows,
        duration_s=trace.info.duration_s,
        prompt_tokens=found.prompt_tokens,
        output_tokens=found.output_tokens,
        classes=trace.classes,
        clients=len(trace.clients),
        closed_loop=loop,
    )
    return RunReport(
        trace=summary,
        stack=resolved.name,
        description=resolved.description,
        date=resolved.date.isoformat(),
        seed=seed,
        measures=found.measures,
        bill=found.bill,
        by_class=found.by_class,
        by_client=found.by_client,
        api_only=ApiOnly(
            found.api_only_model,
            found.api_only_usd,
            PurePath(found.api_only_source).name if found.api_only_negotiated else found.api_only_source,
        ),
        prices=prices_used(resolved),
        profiles=profiles_used(resolved),
        assumed=assumed,
        cautions=cautions(found.measures, found.bill, assumed, warned, stack=resolved.options or resolved.name, ahead=ahead, loop=loop),
        notes=(*plain, *_notes_of_used(found, resolved), *_not_as_asked(found, trace, loop), *late_events(events, lasted_s)),
        ahead=ahead,
    )
