"""report.html of a folder under outputs/, by the command that wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from sim.errors import InputError
from sim.report.export_source import Kind, RunFolder, run_in
from sim.report.html.compare_page import compare_page
from sim.report.html.decision_page import decision_page
from sim.report.html.diff_page import diff_page
from sim.report.html.elastic_page import elastic_page
from sim.report.html.plan_page import plan_page
from sim.report.html.run_page import run_page
from sim.report.html.sweep_page import sweep_page

FILE = "report.html"
_PAGES: Mapping[Kind, Callable[[RunFolder], str]] = MappingProxyType(
    {
        "run": run_page,
        "comparison": compare_page,
        "sweep": sweep_page,
        "plan": plan_page,
        "diff": diff_page,
        "elastic": elastic_page,
        "decision": decision_page,
    }
)
_DAMAGES = (KeyError, TypeError, AttributeError, ValueError, IndexError, ArithmeticError)
"""What is raised where a file does not hold what a page takes from it."""


def report_html(run: RunFolder) -> str:
    """The report of a folder as one HTML file; InputError for files that are damaged."""
    try:
        return _PAGES[run.kind](run)
    except _DAMAGES as error:
        raise InputError(f"{run.folder}: its files are damaged: {error!r} is missing or of another type; run it again") from error


def write_report(folder: Path, name: str) -> str:
    """Put report.html beside the finished files of a folder, which messages call `name`; returns why there is none, where there is none.

    A page that cannot be drawn is no reason to lose a run that has been simulated.
    """
    try:
        text = report_html(run_in(folder, name))
        (folder / FILE).write_text(text, encoding="utf-8")
    except Exception as error:
        (folder / FILE).unlink(missing_ok=True)
        return str(error) if isinstance(error, InputError) else repr(error)
    return ""
