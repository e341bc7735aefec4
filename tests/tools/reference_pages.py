"""The pages of docs/reference/ again, from the code: python -m tests.tools.reference_pages

tests/unit/test_reference_pages.py holds them equal to what this writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from tests.conftest import ROOT
from tests.tools.reference_cli import cli_page
from tests.tools.reference_keys import GUIDES, keys_page
from tests.tools.reference_warnings import warnings_page

FOLDER = ROOT / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {"cli.md": cli_page, **{f"{kind}-keys.md": partial(keys_page, kind) for kind in GUIDES}, "warnings.md": warnings_page}
)
"""By file name, what makes it."""
NOTE = "<!-- made by: python -m tests.tools.reference_pages -->\n\n"
"""In front of each, for who would edit it."""


def page(name: str) -> str:
    """The text of one file."""
    return NOTE + PAGES[name]()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in PAGES:
        (FOLDER / each).write_text(page(each), encoding="utf-8")
