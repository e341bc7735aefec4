"""A decision: which strategy to take, how sure that is, and everything that it rests on."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.results.result import Result
from sim.results.tables import of_columns, stacked

if TYPE_CHECKING:
    import pandas as pd

    from sim.decision.decide import Decision
    from sim.decision.record import Held, Record
    from sim.report.decision_report import DecisionReport
    from sim.results.run_result import ForecastResult


@dataclass(frozen=True, eq=False, repr=False)
class DecideResult(Result):
    """Strategies on paired futures, held against what is needed. Money is USD, shares are of one."""

    report: DecisionReport
    """All that is reported, as plain data."""
    runs: Mapping[str, ForecastResult]
    """The replay and the months of every stack, by its strategy; what a strategy goes over to has `then` behind it."""
    given: Mapping[str, Any]
    """Everything that the result depends on: equal inputs mean an equal result."""
    held: Held | None = None
    """An earlier decision held against this one, where there is one; it is printed, and is in no file."""

    @property
    def decision(self) -> Decision:
        """Gates, matrices, recommendation, signals and advice."""
        return self.report.decision

    @property
    def decided(self) -> bool:
        """Whether any strategy passes; where none does the command ends with exit code 1."""
        return self.decision.recommendation is not None

    @property
    def answer(self) -> str:
        """What to take, how sure that is, what comes second, and what would change it; or what to relax."""
        from sim.report.decision_answer import decision_answer

        return decision_answer(self.report)

    @property
    def record(self) -> Record:
        """The decision as its record, which a later one is held against."""
        from sim.report.decision_record import record_of

        return record_of(self.report, self.given, dict(zip(self.runs, self.given["stacks"], strict=True)))

    def against(self, record: Record, name: str) -> DecideResult:
        """This decision with an earlier one held against it, as of the day of the prices; `name` is the file of its record."""
        from sim.decision.record import held_against

        date = datetime.date.fromisoformat(self.report.date)
        return replace(self, held=held_against(record, self.record, name=name, date=date))

    @property
    def summary(self) -> dict[str, Any]:
        """decision.json; docs/decide.md says what each key means."""
        from sim.report.decision_summary import decision_summary
        from sim.report.plain_data import plain_data

        found = decision_summary(self.report)
        return found if self.held is None else {**found, "check": {"holds": self.held.holds, **plain_data(self.held)}}

    @property
    def text(self) -> str:
        from sim.report.decision_record import held_words
        from sim.report.decision_text import decision_text
        from sim.report.section import wrapped

        first = "" if self.held is None else "\n".join(wrapped(held_words(self.held))) + "\n\n"
        return first + decision_text(self.report)

    @property
    def markdown(self) -> str:
        from sim.report.decision_record import held_words
        from sim.report.decision_text import decision_markdown
        from sim.report.section import escaped

        last = "" if self.held is None else f"\n## Check\n\n{escaped(held_words(self.held))}\n"
        return decision_markdown(self.report) + last

    @property
    def notes(self) -> tuple[str, ...]:
        of_stacks = tuple(f"{name}: {note}" for name, run in self.runs.items() for note in run.stack.notes)
        return (*self.report.notes, *of_stacks)

    @property
    def strategies(self) -> pd.DataFrame:
        """strategies.csv: one row a strategy: what it costs and does, and what became of it."""
        from sim.report.decision_files import strategies_table

        return of_columns(strategies_table(self.report))

    @property
    def monthly(self) -> pd.DataFrame:
        """monthly.parquet of every stack, one below the other, with a first column `stack`."""
        return stacked({name: run.monthly for name, run in self.runs.items()})

    @property
    def default_folder(self) -> Path:
        from sim.report.run_folder import default_folder

        return default_folder(self.report.trace.name, "decide", self.given)

    def write(self, folder: Path, *, argv: Sequence[str], replace: bool) -> str | None:
        from sim.report.decision_files import write_decision

        return write_decision(folder, self.report, self.record, given=self.given, argv=argv, replace=replace)

    def _repr_html_(self) -> str:
        from sim.report.html.text import safe

        return f"<p>{safe(self.answer)}</p><pre>{safe(self.text)}</pre>"
