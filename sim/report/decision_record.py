"""The decision record: a Markdown page that says what was asked, chosen and assumed, with front matter that `--check` reads again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sim.decision.facts import StrategyFacts
from sim.decision.record import Answer, Figures, Held, Inputs, Record, ReviewOn, Winner, front_matter
from sim.errors import visible
from sim.report.amounts import about, chance
from sim.report.decision_advice import advice_sections
from sim.report.decision_answer import decision_answer
from sim.report.decision_report import DecisionReport
from sim.report.decision_words import figure, requirement_words
from sim.report.run_record import own_version
from sim.report.section import Section, as_markdown, brief_list, escaped

_MOST = 4000
_NAME = 300
_LIKELY = 0.1
"""Signals that fire in fewer futures call for no review of their own."""


def record_of(report: DecisionReport, given: Mapping[str, Any], stacks: Mapping[str, Mapping[str, Any]]) -> Record:
    """A decision as its record. `given` and `stacks`, by strategy, are everything that it and its forecasts depend on."""
    decision = report.decision
    found, needs = decision.recommendation, decision.file.needs
    winner = None
    if found is not None:
        winner = Winner(
            strategy=found.strategy, probability=found.probability, se=found.se, runner_up=found.runner_up,
            runner_up_probability=found.runner_up_probability,
        )  # fmt: skip
    review = None if decision.triggers is None else decision.triggers.review
    return Record(
        question=_cut(needs.description or f"How is {report.trace.name} served best?"),
        trace=_cut(report.trace.name, _NAME),
        needs=_cut(decision.file.name, _NAME),
        outlook=_cut(report.outlook, _NAME),
        start=report.months[0],
        months=len(report.months),
        price_date=report.date,
        recommendation=winner,
        strategies={each.name: _figures(report, each) for each in report.in_order},
        gates={
            step.name: Answer(
                answer=_cut(f"{step.answer}: {step.why}"), ruled_out={name: _cut(reason) for name, reason in step.ruled_out.items()}
            )
            for step in decision.tree.steps
        },
        review=None if review is None else ReviewOn(date=review.date.isoformat(), why=_cut(review.why)),
        inputs=Inputs(
            trace=report.trace.sha256,
            needs=given["needs_sha256"],
            outlook=given["outlook_sha256"],
            prices=_hash([each["prices"] for each in stacks.values()]),
            stacks={name: _hash([each["stack"], each["numbers"]]) for name, each in stacks.items()},
            futures=report.futures,
            seed=report.seed,
            version=own_version(),
        ),
    )


def record_page(report: DecisionReport, record: Record) -> str:
    """The page, ending with a line break: front matter, then question, recommendation, options, figures, gates, review, assumptions."""
    title = f"# Decision: {escaped(record.needs)} on {escaped(record.trace)}"
    body = as_markdown([_question(report, record), *_parts(report, record)])
    return f"{front_matter(record)}\n{title}\n\n**{escaped(decision_answer(report))}**\n\n{body}\n"


def held_words(held: Held) -> str:
    """What became of an earlier decision, in sentences."""
    what = "that nothing passes" if held.strategy is None else f"to take {held.strategy}"
    if held.holds:
        first = f"{held.record}: the decision {what} still holds."
    else:
        first = f"{held.record}: the decision {what} no longer holds: {'; '.join(held.because)}."
    changed = f" Not as in the record: {', '.join(held.changed)}." if held.changed else " All inputs are those of the record."
    return visible(first + changed)


def _figures(report: DecisionReport, each: StrategyFacts) -> Figures:
    found, tree = report.decision.recommendation, report.decision.tree
    passes = found is not None and each.name in found.passing
    if found is not None and each.name == found.strategy:
        state = "recommended"
    elif passes:
        state = "passes"
    else:
        state = "fails" if each.name in tree.left else "ruled out"
    return Figures.model_validate(
        {
            "kind": each.strategy.kind,
            "state": state,
            "probability": found.p_best[each.name] if found is not None and passes else None,
            "invoice_usd_p50": each.invoice_usd.p50,
            "tco_usd_p5": each.tco_usd.p5,
            "tco_usd_p50": each.tco_usd.p50,
            "tco_usd_p95": each.tco_usd.p95,
            "months_to_production": each.months_to_production,
            "why": "" if passes else _cut("; ".join(_why(report, each.name))),
        }
    )


def _why(report: DecisionReport, name: str) -> list[str]:
    """Why a strategy does not pass: gates, and requirements that it fails."""
    decision = report.decision
    row = next(each for each in decision.performance.rows if each.strategy == name)
    failed = [
        f"{requirement_words(cell.requirement.key)} {figure(None if cell.value is None else cell.value.value, cell.requirement.unit)}, "
        f"needed {figure(cell.requirement.limit, cell.requirement.unit)}"
        for cell in row.cells
        if cell.verdict == "fail"
    ]
    return [*decision.tree.reasons(name), *failed]


def _question(report: DecisionReport, record: Record) -> Section:
    needs = report.decision.file.needs
    asked = [f"{requirement_words(each.key)} {figure(each.limit, each.unit)}" for each in report.decision.performance.requirements]
    if needs.budget_usd is not None:
        asked.append(f"budget {about(needs.budget_usd)}")
    if needs.time_to_market_months is not None:
        asked.append(f"in production within {needs.time_to_market_months:g} months")
    rows = [
        ("Asked", record.question),
        ("Over", f"{report.span}; prices of {report.date}"),
        ("Needed", "; ".join(asked) or "no figure is required"),
        ("Data", needs.data.sensitivity.replace("_", " ") + (", stays home" if needs.data.must_stay_home else "")),
    ]
    return Section("Question", rows, facts=True)


def _parts(report: DecisionReport, record: Record) -> list[Section]:
    decision, winner = report.decision, record.recommendation
    options = [(name, f"{each.kind.replace('_', ' ')}, {each.state}{f': {each.why}' if each.why else ''}")
               for name, each in record.strategies.items()]  # fmt: skip
    figures = [
        (
            name, about(each.invoice_usd_p50), about(each.tco_usd_p5), about(each.tco_usd_p50), about(each.tco_usd_p95),
            "-" if each.probability is None else chance(each.probability),
        )
        for name, each in record.strategies.items()
    ]  # fmt: skip
    notes = [f"USD over {report.span}. Invoice: what suppliers charge; TCO: with people and all else; best: share of futures."]
    return [
        Section("Options", options, facts=True),
        Section("Figures", figures, ("invoice p50", "TCO p5", "TCO p50", "TCO p95", "best"), notes),
        Section("Gates", [(name, _gate(each)) for name, each in record.gates.items()], facts=True),
        Section("Would change it", [("", each.says) for each in decision.would_change], facts=True),
        *advice_sections(decision.advice, decision.checklist, decision.clouds, taken=None if winner is None else winner.strategy),
        _review(report, record),
        Section("Assumptions", [("", text) for text in _assumed(report)], facts=True),
    ]


def _gate(gate: Answer) -> str:
    """The branch that is taken, and who is out for what."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in gate.ruled_out.items():
        by_reason.setdefault(reason, []).append(name)
    return ". ".join([gate.answer, *(f"Out: {', '.join(names)} ({reason})" for reason, names in by_reason.items())])


def _review(report: DecisionReport, record: Record) -> Section:
    if record.review is None:
        return Section("Review", ())
    fired = () if report.decision.triggers is None else report.decision.triggers.fired
    likely = sorted((each for each in fired if each.p_fires >= _LIKELY and not each.standing), key=lambda each: -each.p_fires)
    rows = [("On", f"{record.review.date}: {record.review.why}")]
    rows += [("Or when", f"{each.what} ({each.name}, in {chance(each.p_fires)} of futures): {each.do}") for each in likely]
    return Section("Review", rows, facts=True)


def _assumed(report: DecisionReport) -> list[str]:
    outlook = f"{report.futures:,} futures of the outlook {report.outlook}, the same ones for every strategy (seed {report.seed})"
    months = [
        f"{each.name}: months to production: {each.months_to_production_assumed}"
        for each in report.in_order
        if each.months_to_production_assumed
    ]
    return [outlook, *report.notes, *(f"{brief_list(text)} ({', '.join(names)})" for text, names in report.assumed.items()), *months]


def _cut(text: str, most: int = _MOST) -> str:
    text = visible(text)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _hash(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()
