"""The site of docs/: it builds without a warning, its navigation has every page, and it loads nothing from elsewhere.

Skips where Sphinx is not installed (requirements-pages.lock); with SIM_REQUIRE_PAGES=1 that is a failure.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest

MISSING = [each for each in ("sphinx", "myst_parser", "furo") if find_spec(each) is None]
LOADING = ("src", "srcset", "data", "poster")
"""Attributes whose address a browser asks for at once; `href` of a link element besides."""


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if MISSING:
        assert os.environ.get("SIM_REQUIRE_PAGES") != "1", f"{', '.join(MISSING)} must be installed here"
        pytest.skip(f"{', '.join(MISSING)} not installed: requirements-pages.lock")
    made = tmp_path_factory.mktemp("made")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(made / "pages"), "docs", str(made / "site")]
    done = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made / "site"


class _Loaded(HTMLParser):
    """The addresses that a page loads when it is opened, and those that it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (name in LOADING or (tag == "link" and name == "href")):
                self.loaded.append(value)
            elif value and name == "href":
                self.linked.append(value)


def read(page: Path) -> _Loaded:
    found = _Loaded()
    found.feed(page.read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        for address in read(page).loaded:
            if address.startswith(("#", "data:")):
                continue
            assert not re.match(r"(?:[a-z]+:)?//", address), f"{page.name}: {address}"
            path = address.partition("?")[0].partition("#")[0]
            assert (page.parent / path).is_file(), f"{page.name}: {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet.name


@pytest.mark.slow
def test_every_page_is_in_the_navigation_of_the_first(site: Path, root: Path) -> None:
    pages = {path.relative_to(root / "docs").with_suffix(".html").as_posix() for path in (root / "docs").glob("*.md")}
    assert pages | {"decisions/README.html", "reference/README.html"} <= {"README.html", *read(site / "README.html").linked}
    assert "url=README.html" in (site / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_search_is_a_file_beside_the_pages(site: Path) -> None:
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert index.startswith("Search.setIndex(") and "throttl" in index
    assert "searchindex.js" in read(site / "search.html").loaded
