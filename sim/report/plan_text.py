"""A plan as text for a terminal and as a Markdown page: the answer first, then the parts."""

from __future__ import annotations

from sim.errors import visible
from sim.report.plan_answer import plan_answer
from sim.report.plan_report import PlanReport
from sim.report.plan_sections import plan_sections
from sim.report.section import as_markdown, as_text, escaped, wrapped


def plan_text(report: PlanReport) -> str:
    """For a terminal of 80 columns, ending with a line break."""
    return "\n".join(wrapped(visible(plan_answer(report)))) + "\n\n" + as_text(plan_sections(report)) + "\n"


def plan_markdown(report: PlanReport) -> str:
    """As a Markdown page, ending with a line break."""
    title = f"# Plan of {escaped(report.plan.question.study.stack_name)} for {escaped(report.trace_name)}"
    return "\n\n".join([title, f"**{escaped(plan_answer(report))}**", as_markdown(plan_sections(report))]) + "\n"
