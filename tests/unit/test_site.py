"""docs/conf.py: what the site makes of the pages, as far as it can be told without Sphinx."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def conf(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("conf", root / "docs" / "conf.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("folder", ["", "decisions", "reference"])
def test_every_page_has_one_place_in_the_navigation(conf: ModuleType, root: Path, folder: str) -> None:
    docs = root / "docs" / folder
    listed = Counter(page for _, pages in conf.parts((docs / "README.md").read_text(encoding="utf-8")) for page in pages)
    here = {page.stem for page in docs.glob("*.md")} - {"README"}
    below = {f"{inner.parent.name}/README" for inner in docs.glob("*/README.md")}
    below |= {f"{inner.parent.name}/{inner.stem}" for inner in docs.glob("notebooks/*.ipynb")}
    assert {page: count for page, count in listed.items() if not page.startswith("..")} == dict.fromkeys(here | below, 1)


def test_sections_become_parts_of_the_navigation(conf: ModuleType) -> None:
    text = "# Pages\n\n| page | x |\n|---|---|\n| [a](a.md) | y |\n\n## More\n\n| [b](in/b.md#c) | z |\n| [d](in/d.md) | [e](e.md) |\n| [f](../f.md) | |\n"
    assert list(conf.parts(text)) == [("", ["a"]), ("More", ["in/d", "../f"])]
    assert conf.navigation(text) == (
        "```{toctree}\n:hidden:\n:maxdepth: 1\n\na\n```\n\n```{toctree}\n:hidden:\n:maxdepth: 1\n:caption: More\n\nin/d\n```\n"
    )


def test_links_name_pages_by_their_titles(conf: ModuleType) -> None:
    text = "[plan.md](plan.md#spaces), [words](plan.md), [read](../README.md#start), [o](https://example.org/a.md)"
    assert conf.on_the_site(text, "page") == "[](plan.md#spaces), [words](plan.md), read (`README.md`), [o](https://example.org/a.md)"
    assert conf.on_the_site("[x.md](../plan.md)", "decisions/page") == "[](../plan.md)"


def test_a_notebook_is_its_text_its_code_and_what_it_gave(conf: ModuleType) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Worked\n", "by hand"]},
        {
            "cell_type": "code",
            "source": ["1 + 1"],
            "outputs": [
                {"output_type": "stream", "text": ["said\n"]},
                {"output_type": "execute_result", "data": {"text/plain": ["2"], "text/html": ["<b>2</b>"]}},
                {"output_type": "display_data", "data": {"image/png": "aGk="}},
            ],
        },
    ]
    assert conf.notebook(json.dumps({"cells": cells})).split("\n\n") == [
        "---\norphan: true\n---",
        "# Worked\nby hand",
        "````python\n1 + 1\n````",
        "````text\nsaid\n````",
        "````{raw} html\n<b>2</b>\n````",
        '````{raw} html\n<img alt="what the cell above draws" src="data:image/png;base64,aGk=">\n````\n',
    ]
