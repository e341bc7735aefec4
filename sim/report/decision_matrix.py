"""The matrices of a decision: requirements passed and failed, the ranking by performance, and the seven weighted criteria."""

from __future__ import annotations

from sim.decision.decide import Decision
from sim.decision.needs_parts import CRITERIA
from sim.decision.performance import Cell, PerformanceMatrix
from sim.decision.scores import FORMULAS
from sim.decision.weighted import WeightedMatrix
from sim.report.amounts import chance
from sim.report.decision_words import figure, requirement_words
from sim.report.section import Section
from sim.units import show_share

_COLUMNS = 5
"""Requirements beside each other in 80 columns."""
_MARKS = (("pass", "ok"), ("fail", "NO"), ("unknown", "?"))
_SHORT = (
    ("accuracy", "accur."), ("data", "data"), ("time_to_market", "time"), ("budget", "budget"), ("team", "team"),
    ("differentiation", "differ."), ("regulation", "regul."),
)  # fmt: skip
"""Criteria as heads of columns."""


def performance_sections(decision: Decision) -> list[Section]:
    """Every requirement of every strategy, and the ranking by weights where there is one to make."""
    matrix = decision.performance
    found = []
    for k in range(0, len(matrix.requirements), _COLUMNS):
        wanted = matrix.requirements[k : k + _COLUMNS]
        rows = [("  needed", *(_limit(each.limit, each.unit, each.better) for each in wanted))]
        rows += [(row.strategy, *(_cell(cell) for cell in row.cells[k : k + _COLUMNS])) for row in matrix.rows]
        last = k + _COLUMNS >= len(matrix.requirements)
        found.append(Section("Performance", rows, [requirement_words(each.key) for each in wanted], _notes(matrix) if last else ()))
    if not matrix.requirements:
        found.append(Section("Performance", (), (), ["No requirement on performance is given (latency, throughput_per_s, accuracy, ...)."]))
    return [*found, _ranking(matrix)]


def _limit(limit: float, unit: str, better: str) -> str:
    return f"{'<=' if better == 'low' else '>='} {figure(limit, unit)}"


def _cell(cell: Cell) -> str:
    """`780 ms NO`; a `~` behind a verdict that an interval makes unsure."""
    value = figure(None if cell.value is None else cell.value.value, cell.requirement.unit)
    if cell.verdict == "unknown":
        return "?"
    return f"{value} {dict(_MARKS)[cell.verdict]}{'~' if cell.sure is False else ''}"


def _notes(matrix: PerformanceMatrix) -> list[str]:
    notes = ["Of the replay of the trace: ok: met; NO: failed; ?: not known. Costs are what suppliers charge, in the median future."]
    if any(cell.sure is False for row in matrix.rows for cell in row.cells):
        notes.append("~ the interval (of a score by its examples, of a cost over futures) has both sides of the limit in it.")
    return notes


def _ranking(matrix: PerformanceMatrix) -> Section:
    rows = []
    for each in matrix.ranking:
        if each.rank is not None and each.score is not None:
            rows.append((each.strategy, str(each.rank), f"{each.score:.3g}", "-" if each.sum_rank is None else str(each.sum_rank)))
    if not rows:
        return Section("", ())
    weights = ", ".join(f"{key} {show_share(weight)}" for key, weight in matrix.weights.items() if weight > 0)
    notes = [
        f"By weights: {weights}. Score: the weighted geometric mean of E2E p99, invoice for 1,000 requests, errors and seconds a request, "
        "each over its limit or the best; the least is the best. By sum: the rank by the weighted sum of texts, which depends on units."
    ]
    unknown = [f"{each.strategy} ({', '.join(each.unknown)})" for each in matrix.ranking if each.unknown]
    if unknown:
        notes.append(f"Not ranked, as not known: {'; '.join(unknown)}.")
    return Section("Ranking", rows, ("rank", "score", "by sum"), notes)


def weighted_sections(matrix: WeightedMatrix | None) -> list[Section]:
    """The seven criteria, and how far each weight may move before another strategy wins."""
    if matrix is None:
        return []
    heads = dict(_SHORT)
    rows = [("  weight", *(show_share(matrix.weights[key]) if matrix.weights[key] else "-" for key in FORMULAS), "", "")]
    for row in matrix.rows:
        cells = [
            "?" if (value := row.scores[key].value) is None else f"{value:.1f}{'*' if row.scores[key].own else ''}" for key in FORMULAS
        ]
        rows.append((row.strategy, *cells, f"{row.total:.2f}", chance(row.p_wins)))
    notes = ["Scores from 1 to 5; ?: not known, which counts as 1. Best: the share of futures in which the total is the highest."]
    if any(score.own for row in matrix.rows for score in row.scores.values()):
        notes.append("* given by the needs.")
    if matrix.left_out:
        words = ", ".join(CRITERIA[key] for key in matrix.left_out)
        notes.append(f"Left out, as nothing is known of any strategy: {words}; the other weights grow in proportion.")
    return [Section("Criteria", rows, (*(heads[key] for key in FORMULAS), "total", "best"), notes), _formulas(), _moves(matrix)]


def _formulas() -> Section:
    rows = [("Scores", "how each is derived, where the needs do not give it; clipped to 1-5")]
    return Section("Scores", [*rows, *((f"  {CRITERIA[key]}", text) for key, text in FORMULAS.items())], facts=True)


def _moves(matrix: WeightedMatrix) -> Section:
    rows = []
    for each in matrix.moves:
        if each.below is None and each.above is None:
            rows.append((CRITERIA[each.criterion], show_share(each.weight), "any", "", ""))
            continue
        stays = f"{show_share(each.low)} to {show_share(each.high)}"
        rows.append((CRITERIA[each.criterion], show_share(each.weight), stays, each.below or "-", each.above or "-"))
    if not rows:
        return Section("", ())
    notes = [f"How far a weight may move, the others keeping their proportions, before another than {matrix.rows[0].strategy} wins."]
    return Section("Weights", rows, ("weight", "stays from", "below wins", "above wins"), notes)
