"""A sweep as text for a terminal and as a Markdown page: the answer first, then the table."""

from __future__ import annotations

from sim.errors import visible
from sim.report.section import as_text, escaped, wrapped
from sim.report.sweep_answer import sweep_answer
from sim.report.sweep_report import SweepReport
from sim.report.sweep_sections import sweep_sections


def sweep_text(report: SweepReport) -> str:
    """For a terminal of 80 columns, ending with a line break."""
    return "\n".join(wrapped(visible(sweep_answer(report)))) + "\n\n" + as_text(sweep_sections(report)) + "\n"


def sweep_markdown(report: SweepReport) -> str:
    """As a Markdown page, ending with a line break."""
    lines = [f"# Sweep of {escaped(report.study.stack_name)} on {escaped(report.trace_name)}", "", f"**{escaped(sweep_answer(report))}**"]
    table, refused = sweep_sections(report)
    lines += [
        "",
        "| " + " | ".join(escaped(cell) for cell in (table.title, *table.header)) + " |",
        "|---" + "|---:" * len(table.header) + "|",
    ]
    lines += ["| " + " | ".join(escaped(cell) for cell in row) + " |" for row in table.rows]
    for section, title in ((table, ""), (refused, "## Cannot be made")):
        if section.notes:
            lines += ["", *([title, ""] if title else []), *(f"- {escaped(note)}" for note in section.notes)]
    return "\n".join(lines) + "\n"
