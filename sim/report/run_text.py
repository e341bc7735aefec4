"""A run's report as text for a terminal and as a Markdown page: the answer first, then the parts."""

from __future__ import annotations

from sim.errors import visible
from sim.report.forecast_answer import answer_of
from sim.report.forecast_sections import forecast_sections
from sim.report.run_report import RunReport
from sim.report.run_sections import run_sections
from sim.report.section import Section, as_markdown, as_text, escaped, wrapped


def run_text(report: RunReport) -> str:
    """For a terminal of 80 columns, ending with a line break."""
    return "\n".join(wrapped(visible(answer_of(report)))) + "\n\n" + as_text(_sections(report)) + "\n"


def run_markdown(report: RunReport) -> str:
    """As a Markdown page, with the warnings, ending with a line break."""
    title = f"# {escaped(report.stack)} on {escaped(report.trace.name)}"
    parts = [title, f"**{escaped(answer_of(report))}**", as_markdown(_sections(report))]
    if report.cautions:
        said = [(each.code, f"{each.cause}. {each.remedy[0].upper()}{each.remedy[1:]}.") for each in report.cautions]
        parts.append("## Warnings\n\n" + "\n".join(f"- `{code}`: {escaped(text)}" for code, text in said))
    return "\n\n".join(parts) + "\n"


def _sections(report: RunReport) -> list[Section]:
    replayed = run_sections(report)
    return replayed if report.ahead is None else forecast_sections(report, report.ahead, replayed)
