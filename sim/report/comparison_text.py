"""A comparison as text for a terminal and as a Markdown page: the answer first, then the parts."""

from __future__ import annotations

from sim.errors import visible
from sim.report.comparison_answer import comparison_answer
from sim.report.comparison_report import ComparisonReport
from sim.report.comparison_sections import comparison_sections
from sim.report.section import as_markdown, as_text, escaped, wrapped


def comparison_text(report: ComparisonReport) -> str:
    """For a terminal of 80 columns, ending with a line break."""
    return "\n".join(wrapped(visible(comparison_answer(report)))) + "\n\n" + as_text(comparison_sections(report)) + "\n"


def comparison_markdown(report: ComparisonReport) -> str:
    """As a Markdown page, ending with a line break."""
    title = f"# {escaped(', '.join(report.names))} on {escaped(report.trace.name)}"
    return "\n\n".join([title, f"**{escaped(comparison_answer(report))}**", as_markdown(comparison_sections(report))]) + "\n"
