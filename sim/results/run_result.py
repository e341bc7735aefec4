"""What became of one stack: the replay of a trace, and the months that follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.results.result import Result
from sim.results.tables import of_arrow, of_columns

if TYPE_CHECKING:
    import pandas as pd

    from sim.cost.replay import Replay
    from sim.futures.forecast import Band, Forecast
    from sim.report.cautions import Caution
    from sim.report.forecast_report import ForecastReport
    from sim.report.run_report import RunReport
    from sim.results.stack import Stack
    from sim.stack import ResolvedStack
    from sim.trace import Trace

BILL = ("deployment", "item", "quantity", "unit", "usd", "month_usd")
"""The columns of a bill."""


@dataclass(frozen=True, eq=False, repr=False)
class SimulateResult(Result):
    """One replay of a trace through a stack. Times are seconds, money USD, shares of one."""

    report: RunReport
    """All that is reported, as plain data."""
    replay: Replay
    """The run itself: measures, bill, timeline and, where it was asked for, the log."""
    trace: Trace
    stack: Stack
    resolved: ResolvedStack
    """The stack as plain numbers, each with where it comes from."""
    given: Mapping[str, Any]
    """Everything that the result depends on: equal inputs mean an equal result."""

    @property
    def answer(self) -> str:
        """What it costs against the API alone, and whether the service levels are met."""
        from sim.report.forecast_answer import answer_of

        return answer_of(self.report)

    @property
    def summary(self) -> dict[str, Any]:
        """summary.json; docs/output.md says what each key means."""
        from sim.report.summary import summary

        return summary(self.report)

    @property
    def text(self) -> str:
        """What the command prints on a terminal of 80 columns."""
        from sim.report.run_text import run_text

        return run_text(self.report)

    @property
    def markdown(self) -> str:
        """What the command prints with `--format md`."""
        from sim.report.run_text import run_markdown

        return run_markdown(self.report)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed, mended or left out on the way, in words."""
        return self.report.notes

    @property
    def warnings(self) -> tuple[Caution, ...]:
        """What to be careful about, each with its code, its cause and a remedy."""
        return self.report.cautions

    @property
    def usd_per_month(self) -> float | None:
        """The invoice of the replay, scaled to a month of 730 hours; None for a run without duration."""
        return self.report.month_usd

    @property
    def slo_met(self) -> bool:
        """Whether the replay met every service level."""
        return self.report.measures.slo_met

    @property
    def latency(self) -> pd.DataFrame:
        """latency.parquet: count, mean, quantiles and maximum of TTFT, TPOT and E2E by deployment and class; `all` stands for any."""
        from sim.report.run_tables import latency

        return of_arrow(latency(self.report))

    @property
    def latency_curves(self) -> pd.DataFrame:
        """latency_curves.parquet: which share of requests is within so many seconds of TTFT, TPOT and E2E, by deployment and class."""
        from sim.report.run_tables import latency_curves

        return of_arrow(latency_curves(self.replay, self.trace.classes))

    @property
    def timeline(self) -> pd.DataFrame:
        """timeline.parquet: one row an interval and deployment."""
        from sim.report.run_tables import timeline

        return of_arrow(timeline(self.replay))

    @property
    def events(self) -> pd.DataFrame:
        """events.parquet: what the control plane did or was told, in order of time."""
        from sim.report.run_tables import happenings

        return of_arrow(happenings(self.replay))

    @property
    def requests(self) -> pd.DataFrame | None:
        """requests.parquet: one row a request; None unless the run was asked to keep a log (`log=True`)."""
        from sim.report.run_tables import requests

        found = requests(self.replay, self.trace.classes, self.trace.clients)
        return None if found is None else of_arrow(found)

    @property
    def bill(self) -> pd.DataFrame:
        """The lines of the replay's invoice, as `bill.lines` of the summary: quantity, unit, USD, and USD of a month of 730 hours."""
        return of_columns({name: [line[name] for line in self.summary["bill"]["lines"]] for name in BILL})

    @property
    def monthly(self) -> pd.DataFrame:
        """monthly.parquet: the bill by month and line; of a plain replay one month at its rate, without bands."""
        from sim.report.run_tables import monthly, monthly_table

        return of_arrow(monthly_table(monthly(self.report)))

    @property
    def charges(self) -> pd.DataFrame:
        """charges.parquet: the invoice by month, statistic and line, with what is bought of whom."""
        from sim.report.charges import charges

        return of_arrow(charges(self.report, self.resolved, self.report.ahead))

    @property
    def capacity(self) -> pd.DataFrame:
        """capacity.csv: replicas, GPUs, GPU-hours, tokens, load and service level by deployment."""
        from sim.report.run_tables import capacity

        return of_columns(capacity(self.report, self.replay))

    @property
    def default_folder(self) -> Path:
        """Where `save()` writes: outputs/ and a name with a hash of everything that the result depends on."""
        from sim.report.run_folder import default_folder

        return default_folder(self.report.trace.name, self.report.stack, self.given)

    def write(self, folder: Path, *, argv: Sequence[str], replace: bool) -> str | None:
        """Write the files of the command; says why there is no report.html among them, where there is none."""
        from sim.report.run_files import write_run

        return write_run(
            folder, self.report, self.replay, trace=self.trace, stack=self.stack.file, resolved=self.resolved, given=dict(self.given),
            argv=argv, replace=replace,
        )  # fmt: skip

    def _repr_html_(self) -> str:
        from sim.results.view import run_view

        return run_view(self)


@dataclass(frozen=True, eq=False, repr=False)
class ForecastResult(SimulateResult):
    """One replay and the months that follow it, with bands over futures. What `SimulateResult` has is that of the replay."""

    @property
    def ahead(self) -> ForecastReport:
        """The months, with every band and probability."""
        assert self.report.ahead is not None
        return self.report.ahead

    @property
    def found(self) -> Forecast:
        """Every future of every month as arrays."""
        return self.ahead.found

    @property
    def months(self) -> tuple[str, ...]:
        """`2026-11` and those that follow."""
        return self.found.months

    @property
    def invoice_usd(self) -> Band:
        """What suppliers charge over all months."""
        return self.ahead.total["invoice"]

    @property
    def tco_usd(self) -> Band:
        """The invoice, people, compliance and everything else over all months."""
        return self.ahead.total["tco"]

    @property
    def p_over_budget(self) -> float | None:
        """In which share of futures the invoices of all months exceed the budget; None without one."""
        budgets = self.ahead.budgets
        return None if budgets is None else budgets["invoice"].p_exceed

    @property
    def monthly(self) -> pd.DataFrame:
        """monthly.parquet: mean, p5, p50, p95 by month and line, `invoice` and `tco`; the whole horizon comes last as `all`."""
        from sim.report.forecast_tables import monthly, monthly_table

        return of_arrow(monthly_table(monthly(self.ahead)))

    @property
    def draws(self) -> pd.DataFrame:
        """draws.parquet: one row a future and month: invoice, TCO, service levels, requests, demand over that of the trace."""
        from sim.report.forecast_tables import draws

        return of_arrow(draws(self.report, self.ahead))

    @property
    def capacity(self) -> pd.DataFrame:
        """capacity.csv: p50 and p95 over futures of all that a capacity plan takes, by month and deployment."""
        from sim.report.forecast_tables import capacity

        return of_columns(capacity(self.report, self.ahead))
