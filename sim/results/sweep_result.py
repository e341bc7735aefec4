"""Every combination of the values of some keys: what each costs and does, and which are worth choosing from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.results.result import Result
from sim.results.tables import of_arrow

if TYPE_CHECKING:
    import pandas as pd

    from sim.planning.axes import Value
    from sim.report.sweep_report import SweepReport
    from sim.results.stack import Stack

_MOST_REASONS = 12


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult(Result):
    """A grid of points, each replayed with the same seed, so with the same luck."""

    report: SweepReport
    """All that is reported, as plain data."""
    stack: Stack
    """What values were laid over."""
    kept: int
    """Points that were finished before, by this sweep or another one, and not computed again."""
    given: Mapping[str, Any]
    """Everything that the result depends on: equal inputs mean an equal result."""

    @property
    def answer(self) -> str:
        """How many points meet the service levels, and which is the cheapest of them."""
        from sim.report.sweep_answer import sweep_answer

        return sweep_answer(self.report)

    @property
    def summary(self) -> dict[str, Any]:
        """sweep.json; docs/sweep.md says what each key means."""
        from sim.report.sweep_summary import sweep_summary

        return sweep_summary(self.report)

    @property
    def text(self) -> str:
        """What the command prints on a terminal of 80 columns."""
        from sim.report.sweep_text import sweep_text

        return sweep_text(self.report)

    @property
    def markdown(self) -> str:
        """What the command prints with `--format md`."""
        from sim.report.sweep_text import sweep_markdown

        return sweep_markdown(self.report)

    @property
    def csv(self) -> str:
        """sweep.csv as text."""
        from sim.report.run_tables import csv_text
        from sim.report.sweep_tables import sweep_table

        return csv_text(sweep_table(self.report))

    def shown(self, form: str) -> str:
        """As the command prints it with `--format`: `table`, `json`, `csv` or `md`."""
        return self.csv if form == "csv" else super().shown(form)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed of the stack, and how many points were there before, in words."""
        count = len(self.report.rows)
        kept = [f"{self.kept:,} of {count:,} points were finished before and kept"] if self.kept else []
        return (*self.stack.notes, *kept)

    @property
    def rows(self) -> pd.DataFrame:
        """sweep.parquet: one row a point: axes, every metric with its unit in its name, levels, fronts, and why it was refused."""
        from sim.report.sweep_tables import sweep_arrow

        return of_arrow(sweep_arrow(self.report))

    @property
    def cheapest(self) -> dict[str, Value] | None:
        """The values of the cheapest point that meets the service levels, by key; None where none does."""
        at = self.report.cheapest
        return None if at is None else dict(self.report.rows[at].point.values)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Values that are wrong by themselves, as names with a slip in them: no point has them, and the reason is their key's."""
        said = []
        for k, axis in enumerate(self.report.axes):
            of_key = f"--set {axis.setting_key}:"
            having: dict[Value, list[str | None]] = {}
            for row in self.report.rows:
                having.setdefault(row.point.values[k][1], []).append(row.refused)
            for refused in having.values():
                reason = next((each for each in refused if each is not None and of_key in each), None)
                if reason is not None and None not in refused:
                    why = reason[reason.index(of_key) + len(of_key) :].strip()
                    count = f"the {len(refused):,} points" if len(refused) > 1 else "the point"
                    said.append(f"--over {axis.key}: {why}; {count} with it cannot be made")
        more = len(said) - _MOST_REASONS
        return (*said[:_MOST_REASONS], *([f"and {more:,} more values of which no point can be made"] if more > 0 else []))

    @property
    def default_folder(self) -> Path:
        """Where `save()` writes: outputs/ and a name with a hash of everything that the result depends on."""
        from sim.report.run_folder import default_folder

        return default_folder(self.report.trace_name, "sweep", self.given)

    def write(self, folder: Path, *, argv: Sequence[str], replace: bool) -> str | None:
        """Write the files of the command; says why there is no report.html among them, where there is none."""
        from sim.report.sweep_files import write_sweep

        return write_sweep(folder, self.report, given=self.given, argv=argv, replace=replace)

    def _repr_html_(self) -> str:
        from sim.results.view import sweep_view

        return sweep_view(self)
