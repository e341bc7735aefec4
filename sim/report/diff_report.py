"""What `sim diff` reports, as plain data: text, JSON and Markdown are made from this. Differences are HEAD less BASE; money is USD."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sim.futures.forecast import Forecast
from sim.planning.comparison import Comparison, PairCosts, StackSummary, compare
from sim.planning.effects import OF_MONTHS, OF_REPLAY, Effect, effects
from sim.planning.gate_values import Side
from sim.planning.gates import GateResult
from sim.planning.stack_diff import Part, Read, StackDiff, diff_stacks
from sim.report.run_report import RunReport
from sim.wide import shortened

_LONGEST_NAME = 40


@dataclass(frozen=True)
class DiffSide:
    """BASE or HEAD: how it is called, what it was read as, and its run."""

    name: str
    read: Read
    report: RunReport
    side: Side

    @property
    def label(self) -> str:
        """Its name where room is short."""
        return shortened(self.name, _LONGEST_NAME)


@dataclass(frozen=True)
class DiffReport:
    """Two stacks, what differs between them, what that does, and the gates. Months are absent from a diff of plain replays."""

    base: DiffSide
    head: DiffSide
    stacks: StackDiff
    groups: tuple[Part, ...]
    """Groups of machines that differ between two plans, or two states of one."""
    gates: tuple[GateResult, ...]
    comparison: Comparison | None
    """HEAD first, BASE second."""
    of_replay: tuple[Effect, ...]
    of_months: tuple[Effect, ...]

    @property
    def months(self) -> tuple[str, ...]:
        """Names of the months; empty for plain replays."""
        return () if self.comparison is None else self.comparison.months

    @property
    def span(self) -> str:
        """`12 months, 2026-11 to 2027-10`."""
        months = self.months
        return f"{len(months)} months, {months[0]} to {months[-1]}" if len(months) > 1 else f"1 month, {months[0]}"

    @property
    def failed(self) -> tuple[GateResult, ...]:
        """Gates that failed."""
        return tuple(each for each in self.gates if each.failed)

    @cached_property
    def tie(self) -> bool:
        """Whether both cost the same, to the cent in every future; of plain replays, to the cent."""
        if self.comparison is not None:
            return self.comparison.pairs[0].tco.tie and self.comparison.pairs[0].invoice.tie
        return all(each.difference.value in (0.0, None) for each in self.of_replay if each.gate.figure.kind == "money")

    @property
    def unchanged(self) -> bool:
        """Whether nothing differs: neither what was declared nor what comes of it."""
        return (
            self.stacks.same
            and not self.groups
            and self.tie
            and all(each.difference.value in (0.0, None) for each in (*self.of_replay, *self.of_months))
        )

    def costs(self, kind: str) -> PairCosts:
        """HEAD against BASE by `invoice` or `tco`."""
        assert self.comparison is not None
        pair = self.comparison.pairs[0]
        return pair.invoice if kind == "invoice" else pair.tco

    def summary(self, side: DiffSide) -> StackSummary:
        """The months of one side."""
        assert self.comparison is not None
        return self.comparison.stacks[0 if side is self.head else 1]

    @property
    def beyond_invoice(self) -> bool:
        """Whether either costs something that suppliers do not charge."""
        return any(_beyond(each.side.ahead) for each in (self.base, self.head))

    def outlook_changes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the months of HEAD assume and those of BASE do not, and the other way round."""
        was, is_ = (_by_words(each.side.ahead) for each in (self.base, self.head))
        return tuple(text for words, text in is_.items() if words not in was), tuple(
            text for words, text in was.items() if words not in is_
        )

    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the runs, each told once."""
        found: dict[str, list[str]] = {}
        for name, side in (("BASE", self.base), ("HEAD", self.head)):
            for each in side.report.cautions:
                found.setdefault(f"{each.cause}; {each.remedy}", []).append(name)
        return tuple(text if len(names) > 1 else f"{names[0]}: {text}" for text, names in found.items())


def diff_report(base: DiffSide, head: DiffSide, gates: Sequence[GateResult], groups: Sequence[Part] = ()) -> DiffReport:
    """The report of two sides that have run alike: both with the same months, or both without."""
    ahead = [each.side.ahead for each in (head, base) if each.side.ahead is not None]
    return DiffReport(
        base=base,
        head=head,
        stacks=diff_stacks(base.read, head.read),
        groups=tuple(groups),
        gates=tuple(gates),
        comparison=compare(ahead) if ahead else None,
        of_replay=effects(base.side, head.side, OF_REPLAY),
        of_months=effects(base.side, head.side, OF_MONTHS) if ahead else (),
    )


def _by_words(forecast: Forecast | None) -> dict[str, str]:
    """What months assume, by its words alone: how many replays something is said of differs by chance."""
    texts = () if forecast is None else (*forecast.assumed, *forecast.notes)
    return {re.sub(r"[\d.,]+", "", text): text for text in texts}


def _beyond(forecast: Forecast | None) -> bool:
    return forecast is not None and any(line.kind == "tco" and forecast.usd[:, :, k].any() for k, line in enumerate(forecast.lines))
