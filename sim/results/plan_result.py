"""The cheapest stack of a space that meets the service levels, what came second, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.results.result import Result
from sim.results.tables import of_columns

if TYPE_CHECKING:
    import pandas as pd

    from sim.planning.confidence import Confidence
    from sim.planning.points import Value
    from sim.report.plan_report import PlanReport
    from sim.results.stack import Stack


@dataclass(frozen=True, eq=False, repr=False)
class PlanResult(Result):
    """A plan. Money is USD, shares are of one."""

    report: PlanReport
    """All that is reported, as plain data."""
    begun: Stack
    """The stack that the plan began with."""
    nothing: tuple[str, ...]
    """Where the space leaves nothing to choose from, in words."""
    given: Mapping[str, Any]
    """Everything that the result depends on: equal inputs mean an equal result."""

    @property
    def answer(self) -> str:
        """What is chosen, what it costs, and how sure that is; or what comes closest where nothing holds."""
        from sim.report.plan_answer import plan_answer

        return plan_answer(self.report)

    @property
    def summary(self) -> dict[str, Any]:
        """plan.json; docs/plan.md says what each key means."""
        from sim.report.plan_summary import plan_summary

        return plan_summary(self.report)

    @property
    def text(self) -> str:
        """What the command prints on a terminal of 80 columns."""
        from sim.report.plan_text import plan_text

        return plan_text(self.report)

    @property
    def markdown(self) -> str:
        """What the command prints with `--format md`."""
        from sim.report.plan_text import plan_markdown

        return plan_markdown(self.report)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed, mended or left out on the way, in words."""
        return (*self.begun.notes, *self.nothing, *self.report.notes)

    @property
    def feasible(self) -> bool:
        """Whether any stack of the space meets the levels; where none does the command ends with exit code 1."""
        return self.report.plan.chosen is not None

    @property
    def chosen(self) -> dict[str, Value] | None:
        """What was chosen in each list of the space; None where nothing holds."""
        found = self.report.plan.chosen
        return None if found is None else dict(found.judged.candidate.values)

    @property
    def usd_per_month(self) -> float | None:
        """The invoice of a month of the chosen stack; None where there is none."""
        found = self.report.plan.chosen
        return None if found is None else found.usd_per_month

    @property
    def confidence(self) -> Confidence | None:
        """In which share of futures, or of fresh replays, the chosen stack met its levels; None where there is none."""
        found = self.report.plan.chosen
        return None if found is None else found.confidence

    @property
    def stack(self) -> Stack | None:
        """The chosen stack, ready for simulate(), forecast() and the others; None where there is none."""
        from sim.planning.assess import slo_settings
        from sim.planning.chosen import chosen_settings

        found = self.report.plan.chosen
        if found is None:
            return None
        levels = slo_settings(self.report.plan.question.study.levels)
        return self.begun.with_settings((*levels, *chosen_settings(self.report.plan.question.study, found.judged.candidate)))

    @property
    def stack_yaml(self) -> str | None:
        """stack.yaml: the chosen stack as a file; None where there is none."""
        return None if self.report.stack is None else self.report.stack.yaml

    @property
    def candidates(self) -> pd.DataFrame:
        """candidates.csv: every candidate that was replayed or left out, with what became of it."""
        from sim.report.plan_files import candidates_table

        return of_columns(candidates_table(self.report))

    @property
    def calendar(self) -> pd.DataFrame:
        """calendar.csv: demand, GPUs and order dates by month; no rows without months."""
        from sim.report.plan_files import calendar_table

        return of_columns(calendar_table(self.report))

    @property
    def default_folder(self) -> Path:
        """Where `save()` writes: outputs/ and a name with a hash of everything that the result depends on."""
        from sim.report.run_folder import default_folder

        return default_folder(self.report.trace_name, "plan", self.given)

    def write(self, folder: Path, *, argv: Sequence[str], replace: bool) -> str | None:
        """Write the files of the command; says why there is no report.html among them, where there is none."""
        from sim.report.plan_files import write_plan

        return write_plan(folder, self.report, given=self.given, argv=argv, replace=replace)

    def _repr_html_(self) -> str:
        from sim.results.view import plan_view

        return plan_view(self)
