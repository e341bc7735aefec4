"""report.html of a folder under outputs/, by the command that wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from sim.errors import InputError
from sim.report.export_source import Kind, RunFolder, run_in
from sim.report.html.compare_page import compare_page
from sim.report.html.plan_page import plan_page
from sim.report.html.run_page import run_page
from sim.report.html.sweep_page import sweep_page

FILE = "report.html"
_PAGES: Mapping[Kind, Callable[[RunFolder], str]] = MappingProxyType(
    {"run": run_page, "comparison": compare_page, "sweep": sweep_page, "plan": plan_page}
)


def report_html(run: RunFolder) -> str:
    """The report of a folder as one HTML file; InputError for a kind of folder that has none, or files that are damaged."""
    if run.kind not in _PAGES:
        raise InputError(f"{run.folder}: no report is made of a folder of this kind ({run.kind}); allowed: {', '.join(_PAGES)}")
    try:
        return _PAGES[run.kind](run)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{run.folder}: its files are damaged: {error!r} is missing or of another type; run it again") from error


def write_report(folder: Path, name: str) -> None:
    """Put report.html beside the finished files of a folder, which messages call `name`."""
    (folder / FILE).write_text(report_html(run_in(folder, name)), encoding="utf-8")
