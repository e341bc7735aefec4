"""A diff as text for a terminal of 80 columns: the answer first, then the parts."""

from __future__ import annotations

from sim.errors import visible
from sim.report.diff_report import DiffReport
from sim.report.diff_sections import diff_sections
from sim.report.diff_words import diff_answer
from sim.report.section import as_text, wrapped


def diff_text(report: DiffReport) -> str:
    """Ending with a line break."""
    return "\n".join(wrapped(visible(diff_answer(report)))) + "\n\n" + as_text(diff_sections(report)) + "\n"
