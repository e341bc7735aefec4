"""Reading a YAML file into a checked, frozen model, with every mistake located.

`load_model` is how all files of the project are read: the text is parsed by `yaml_document`, checked against a pydantic
model, and all that is wrong is reported in one InputError, a line a problem:

    file:line:column: key.path: what was found; what is allowed; did you mean ...

A stack with overlays is checked the same way: `overlay` lays a value over a document and remembers where it came from
(`--set a.b.c`), `merge` lays one document over another, `validate` checks the result.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sim.catalog.file_content import read_content, utf8_text
from sim.catalog.yaml_document import (
    MAX_BYTES,
    Document,
    KeyPath,
    Mark,
    parse_documents,
    parse_value,
    show_path,
)
from sim.errors import InputError, visible

if TYPE_CHECKING:
    import pydantic

    Model = TypeVar("Model", bound=pydantic.BaseModel)

__all__ = [
    "Document", "KeyPath", "Mark", "comment", "load_model", "load_text", "merge", "overlay", "parse_value",
    "problem", "read_document", "read_documents", "read_text", "show_path", "validate",
]  # fmt: skip


def problem(document: Document, path: KeyPath, message: str, *, key: bool = False) -> str:
    """One line about the value (or key) at a path of a document, in the form all problems have."""
    mark = document.mark(path, key=key)
    shown = show_path(path)
    return f"{mark}: {shown}: {message}" if shown and mark.source != f"--set {shown}" else f"{mark}: {message}"


def read_text(path: str | Path, name: str | None = None) -> str:
    """The text of a file in UTF-8, at most 4 MiB; InputError when it cannot be read."""
    name = name or str(path)
    return utf8_text(read_content(Path(path), name, MAX_BYTES), name)


def read_documents(path: str | Path, name: str | None = None) -> list[Document]:
    """Every document of a YAML file, as for Kubernetes manifests; `name` is shown in messages instead of the path."""
    name = name or str(path)
    return parse_documents(read_text(path, name), name)


def read_document(path: str | Path, name: str | None = None) -> Document:
    """The one document of a YAML file; InputError when it is empty or holds several."""
    name = name or str(path)
    return _only(read_documents(path, name), name)


def load_model(path: str | Path, model: type[Model], name: str | None = None) -> Model:
    """A YAML file checked against a model; InputError with every problem of the file."""
    return validate(read_document(path, name), model)


def load_text(text: str, name: str, model: type[Model]) -> Model:
    """A YAML text checked against a model; `name` stands for the file in messages."""
    return validate(_only(parse_documents(text, name), name), model)


def validate(document: Document, model: type[Model]) -> Model:
    """A document, merged and overlaid or not, checked against a model; InputError with every problem located."""
    from sim.catalog.validation import check

    return check(document, model)


def overlay(document: Document, path: KeyPath, value: Any, label: str) -> Document:
    """The document with a value laid over the one at a path; its place is from then on `label`, say `--set a.b.c`.

    Missing mappings on the way are made. Raises InputError when the path leads through a value that has no keys, or to a
    list item that is not there (the item after the last one may be set).
    """
    data = _laid(document.data, path, value, (), label)
    return Document(
        document.name,
        data,
        {**_without(document.key_marks, path), path: Mark(label)},
        {**_without(document.value_marks, path), path: Mark(label)},
    )


def merge(under: Document, over: Document) -> Document:
    """One document laid over another: mappings are merged key by key, everything else is replaced."""
    merged = under
    for path, value in _leaves(under.data, over.data, ()):
        if not path:
            return over
        merged = overlay(merged, path, value, "")
        merged = Document(
            under.name,
            merged.data,
            {**merged.key_marks, **_within(over.key_marks, path)},
            {**merged.value_marks, **_within(over.value_marks, path)},
        )
    return merged


def comment(text: str) -> str:
    """A comment line of a file that is written, whatever the text: it cannot end before its line does."""
    return f"# {visible(' '.join(text.split()))}".rstrip()


def _only(documents: list[Document], name: str) -> Document:
    if len(documents) > 1:
        raise InputError(f"{documents[1].mark(())}: {len(documents)} documents in one file; one is needed")
    if not documents or documents[0].data is None:
        raise InputError(f"{name}: empty; keys and values are needed")
    return documents[0]


def _laid(data: Any, path: KeyPath, value: Any, done: KeyPath, label: str) -> Any:
    if not path:
        return value
    part, rest = path[0], path[1:]
    here = show_path(done) or "the top"
    if data is None or isinstance(data, dict):
        entries = dict(data or {})
        entries[str(part)] = _laid(entries.get(str(part)), rest, value, (*done, str(part)), label)
        return entries
    if isinstance(data, list):
        if not str(part).isdigit() or int(part) > len(data):
            raise InputError(f"{label}: {part!r} in the list {here}; an item number from 0 to {len(data)} is needed")
        items = [*data, None] if int(part) == len(data) else list(data)
        items[int(part)] = _laid(items[int(part)], rest, value, (*done, int(part)), label)
        return items
    raise InputError(f"{label}: {here} is {data!r} and has no key {part!r}")


def _leaves(under: Any, over: Any, path: KeyPath) -> Iterable[tuple[KeyPath, Any]]:
    if isinstance(under, dict) and isinstance(over, dict):
        for key, value in over.items():
            yield from _leaves(under.get(key), value, (*path, key))
    else:
        yield path, over


def _within(marks: Any, path: KeyPath) -> dict[KeyPath, Mark]:
    return {at: mark for at, mark in marks.items() if at[: len(path)] == path}


def _without(marks: Any, path: KeyPath) -> dict[KeyPath, Mark]:
    return {at: mark for at, mark in marks.items() if at[: len(path)] != path}
