"""A decision as text for a terminal and as a Markdown page: the answer first, then the parts."""

from __future__ import annotations

from sim.errors import visible
from sim.report.decision_answer import decision_answer
from sim.report.decision_report import DecisionReport
from sim.report.decision_sections import decision_sections
from sim.report.section import as_markdown, as_text, escaped, wrapped


def decision_text(report: DecisionReport) -> str:
    """For a terminal of 80 columns, ending with a line break."""
    return "\n".join(wrapped(visible(decision_answer(report)))) + "\n\n" + as_text(decision_sections(report)) + "\n"


def decision_markdown(report: DecisionReport) -> str:
    """As a Markdown page, ending with a line break."""
    title = f"# {escaped(report.decision.file.name)} on {escaped(report.trace.name)}"
    return "\n\n".join([title, f"**{escaped(decision_answer(report))}**", as_markdown(decision_sections(report))]) + "\n"
