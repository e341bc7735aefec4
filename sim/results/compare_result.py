"""Several stacks side by side: the months of each, and what is said of every pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.results.result import Result
from sim.results.tables import of_columns, stacked

if TYPE_CHECKING:
    import pandas as pd

    from sim.planning.gates import GateResult
    from sim.report.comparison_report import ComparisonReport
    from sim.results.run_result import ForecastResult


@dataclass(frozen=True, eq=False, repr=False)
class CompareResult(Result):
    """Stacks on paired futures: the same traffic, prices and incidents happen to all of them. Money is USD, shares are of one."""

    report: ComparisonReport
    """All that is reported, as plain data."""
    runs: Mapping[str, ForecastResult]
    """The replay and the months of each stack, by its name; one that comes again has a number behind it."""
    given: Mapping[str, Any]
    """Everything that the result depends on: equal inputs mean an equal result."""
    gate_texts: tuple[str, ...] = ()
    """The gates as they were asked for."""

    @property
    def answer(self) -> str:
        """Which stack is cheaper, how likely, from when, and whether levels are met."""
        from sim.report.comparison_answer import comparison_answer

        return comparison_answer(self.report)

    @property
    def summary(self) -> dict[str, Any]:
        """comparison.json; docs/compare.md says what each key means."""
        from sim.report.comparison_summary import comparison_summary

        return comparison_summary(self.report)

    @property
    def text(self) -> str:
        """What the command prints on a terminal of 80 columns."""
        from sim.report.comparison_text import comparison_text

        return comparison_text(self.report)

    @property
    def markdown(self) -> str:
        """What the command prints with `--format md`."""
        from sim.report.comparison_text import comparison_markdown

        return comparison_markdown(self.report)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed, mended or left out on the way, in words."""
        return tuple(f"{name}: {note}" for name, run in self.runs.items() for note in run.stack.notes)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the stacks, in the order given."""
        return self.report.names

    @property
    def cheapest(self) -> str:
        """The stack with the smallest mean TCO over all months."""
        return self.report.cheapest_first[0].name

    @property
    def gates(self) -> tuple[GateResult, ...]:
        """Every gate and what became of it, stack by stack."""
        return self.report.gates

    @property
    def failed(self) -> bool:
        """Whether any gate failed: where the command ends with exit code 1."""
        return any(each.failed for each in self.report.gates)

    @property
    def pairs(self) -> pd.DataFrame:
        """pairs.csv: one row a pair and kind of cost: how likely a is cheaper, a less b in USD, when and at how much traffic that turns."""
        from sim.report.comparison_files import pairs_table

        return of_columns(pairs_table(self.report))

    @property
    def pairs_monthly(self) -> pd.DataFrame:
        """pairs_monthly.csv: the same by month, the whole horizon last as `all`."""
        from sim.report.comparison_files import pairs_monthly_table

        return of_columns(pairs_monthly_table(self.report))

    @property
    def monthly(self) -> pd.DataFrame:
        """monthly.parquet of every stack, one below the other, with a first column `stack`."""
        return stacked({name: run.monthly for name, run in self.runs.items()})

    @property
    def draws(self) -> pd.DataFrame:
        """draws.parquet of every stack: future n is the same traffic, prices and incidents in each of them."""
        return stacked({name: run.draws for name, run in self.runs.items()})

    @property
    def capacity(self) -> pd.DataFrame:
        """capacity.csv of every stack."""
        return stacked({name: run.capacity for name, run in self.runs.items()})

    @property
    def charges(self) -> pd.DataFrame:
        """charges.parquet of every stack."""
        return stacked({name: run.charges for name, run in self.runs.items()})

    @property
    def latency(self) -> pd.DataFrame:
        """The latency of the replay of every stack, as `sim run` writes it to latency.parquet."""
        return stacked({name: run.latency for name, run in self.runs.items()})

    @property
    def default_folder(self) -> Path:
        """Where `save()` writes: outputs/ and a name with a hash of everything that the result depends on."""
        from sim.report.run_folder import default_folder

        depends = {**self.given, "gates": list(self.gate_texts)} if self.gate_texts else self.given
        return default_folder(self.report.trace.name, "compare", depends)

    def write(self, folder: Path, *, argv: Sequence[str], replace: bool) -> str | None:
        """Write the files of the command; says why there is no report.html among them, where there is none."""
        from sim.report.comparison_files import Compared, write_comparison

        runs = [Compared(run.report, run.stack.file, run.resolved) for run in self.runs.values()]
        return write_comparison(folder, self.report, runs, given=self.given, argv=argv, replace=replace)

    def _repr_html_(self) -> str:
        from sim.results.view import compare_view

        return compare_view(self)
