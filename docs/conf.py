"""How Sphinx makes a website of these pages: `make site`.

The pages are written for GitHub. What the site needs beside them is made here: README.md of a folder is its first page, each of its
sections a part of the navigation, and the links in the first column of its tables the pages of that part, in their order.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

from sim import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "sim"
release = __version__
root_doc = "README"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown", ".ipynb": "markdown"}
myst_heading_anchors = 6
highlight_language = "text"
smartquotes = False  # -- begins an option

html_theme = "furo"
html_title = f"sim {release}"
html_use_index = False
html_copy_source = False
html_show_copyright = False
html_show_search_summary = False  # it would fetch pages, which a browser does not do for files

_ENTRY = re.compile(r"^\| \[[^\]]*\]\(([^)#\s]+)\.(?:md|ipynb)\)", re.MULTILINE)
_LINK = re.compile(r"\[([^\]\n]*)\]\(([^)#\s:]+\.md)(#[^)\s]*)?\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_SHOWN = ("image/svg+xml", "image/png", "text/html", "text/plain")
"""The forms of what a cell of a notebook gave, the best first."""
_FIRST = '<!doctype html><meta charset="utf-8"><title>sim</title><meta http-equiv="refresh" content="0; url={0}"><a href="{0}">sim</a>\n'


def parts(text: str) -> Iterator[tuple[str, list[str]]]:
    """The sections of an index with the pages that they list, without endings; the first has no heading."""
    heading, *others = re.split(r"^## +", _FENCE.sub("", text), flags=re.MULTILINE)
    for title, section in (("", heading), *(each.partition("\n")[::2] for each in others)):
        pages = _ENTRY.findall(section)
        if pages:
            yield title, pages


def navigation(text: str) -> str:
    """An index as toctrees that show in the navigation alone. What lies outside its folder has its place in another."""
    trees = []
    for title, pages in parts(text):
        caption = f":caption: {title}\n" if title else ""
        inside = "\n".join(page for page in pages if not page.startswith(".."))
        trees.append(f"```{{toctree}}\n:hidden:\n:maxdepth: 1\n{caption}\n{inside}\n```\n")
    return "\n".join(trees)


def on_the_site(text: str, name: str) -> str:
    """A page whose links are as a reader of the site wants them: pages by their titles, and of Markdown outside docs/ the path alone."""

    def told(link: re.Match[str]) -> str:
        words, target, place = link.groups(default="")
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(name), target))
        if not path.startswith("docs/"):
            return f"{words} (`{path}`)"
        return f"[]({target}{place})" if words.endswith(".md") else link[0]

    return _LINK.sub(told, text)


def notebook(text: str) -> str:
    """A notebook as a page: its text, its code, and what the code gave when it was last run. It need not be in the navigation."""
    parts = ["---\norphan: true\n---"]
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else _fenced("python", source))
        for output in cell.get("outputs", []):
            parts.append(_given(output.get("data") or {"text/plain": output.get("text", [])}))
    return "\n\n".join(parts) + "\n"


def _given(data: dict[str, list[str] | str]) -> str:
    kind = next((each for each in _SHOWN if each in data), "")
    text = "".join(data.get(kind, "")).rstrip("\n")
    if kind == "image/png":
        text = f'<img alt="what the cell above draws" src="data:image/png;base64,{text}">'
    return _fenced("text" if kind == "text/plain" else "{raw} html", text) if text else ""


def _fenced(kind: str, text: str) -> str:
    return f"````{kind}\n{text}\n````"


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    if Path(app.env.doc2path(name)).suffix == ".ipynb":
        source[0] = notebook(source[0])
    source[0] = on_the_site(source[0], name)
    if PurePosixPath(name).name == "README":
        source[0] += "\n" + navigation(source[0])


def _finished(app: Sphinx, error: Exception | None) -> None:
    """A folder is opened at index.html."""
    if error is None:
        (Path(app.outdir) / "index.html").write_text(_FIRST.format(f"{root_doc}.html"), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", _read)
    app.connect("build-finished", _finished)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
