"""What all tests share: hypothesis profiles, the measured data beside the repository, and the marks that follow from them.

SIM_REQUIRE_SHARED=1 makes a test fail that would otherwise skip because the measured data are absent; SIM_SHARED names their folder.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SIM_SHARED", ROOT.parent / "shared"))

settings.register_profile("test", max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("nightly", max_examples=5000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of measured data; a test that asks for it is marked `shared` and skips where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("shared: the measured data are not beside the repository")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared)


def _must_run(report: pytest.TestReport | pytest.CollectReport, *, marked: bool) -> bool:
    about_shared = marked or "shared" in str(report.longrepr)
    return bool(os.environ.get("SIM_REQUIRE_SHARED")) and report.outcome == "skipped" and about_shared


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _must_run(report, marked=item.get_closest_marker("shared") is not None):
        report.outcome = "failed"
        report.longrepr = f"skipped although SIM_REQUIRE_SHARED is set: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if _must_run(report, marked=False):
        report.outcome = "failed"
        report.longrepr = f"skipped although SIM_REQUIRE_SHARED is set: {report.longrepr}"
    return report
