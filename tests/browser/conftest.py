"""A browser for the whole session, and the reports that it opens. SIM_REQUIRE_BROWSER=1 makes a test fail that would otherwise skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.made.browser import chromium, why_not
from tests.made.reports import write_reports
from tests.made.reports_hostile import make_hostile


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    """Chromium; a test that asks for it skips where there is none."""
    reason = why_not()
    if reason and os.environ.get("SIM_REQUIRE_BROWSER"):
        pytest.fail(f"SIM_REQUIRE_BROWSER is set, and {reason}")
    if reason:
        pytest.skip(f"browser: {reason}")
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def reports(driver: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of every kind with their reports; none are made where there is no browser."""
    folder = tmp_path_factory.mktemp("reports")
    write_reports(folder)
    return folder


@pytest.fixture(scope="session")
def hostile(reports: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with names that want harm."""
    from sim.report.export_source import read_run
    from sim.report.html.build import FILE, report_html

    folder = tmp_path_factory.mktemp("hostile")
    for each in sorted(reports.glob("*/run.json")):
        to = folder / each.parent.name
        make_hostile(each.parent, to)
        (to / FILE).write_text(report_html(read_run(str(to))), encoding="utf-8")
    return folder
