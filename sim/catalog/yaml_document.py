"""What a YAML text says, with the place of every key and value.

The reader takes the part of YAML 1.2 that means the same to everyone. Only `true` and `false` are truth values (`no`, `on`
and `off` are texts), `1e3` is a number, `12:30` and `2026-11-21` are texts, `010` is a text. A key given twice, an alias
bomb, a tag, a merge key or a text too large or too deep is refused with its position. Nothing is ever constructed but
dictionaries, lists, texts, numbers, truth values and None, so an untrusted file can do no harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sim.errors import InputError, visible

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_ALIASES = 100
MAX_VALUES = 400_000

KeyPath = tuple[str | int, ...]

_TAGS = (None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_UNREADABLE = re.compile("[^\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*|[1-9][0-9]{0,2}(_[0-9]{3})+)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*|[1-9][0-9]{0,2}(_[0-9]{3})+)\Z")
_SPECIAL = MappingProxyType({
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan"),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mark:
    """Where something was said: a line and column (from 1) of a named text, or an option of the command line."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        source = visible(self.source)
        return source if self.line is None else f"{source}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Document:
    """One YAML document: plain data, and the marks of its keys and values by key path."""

    name: str
    data: Any
    key_marks: Mapping[KeyPath, Mark] = field(repr=False)
    value_marks: Mapping[KeyPath, Mark] = field(repr=False)

    def mark(self, path: KeyPath, *, key: bool = False) -> Mark:
        """Where the value (or key) at a path was said; for what was never said, where its nearest parent was."""
        for length in range(len(path), -1, -1):
            at = path[:length]
            own = length == len(path)
            # A parent is best pointed at by its key: the value of a block mapping begins a line below.
            first, second = (self.key_marks, self.value_marks) if key or not own else (self.value_marks, self.key_marks)
            found = first.get(at) or second.get(at)
            if found is not None:
                return found
        return Mark(self.name)


def show_path(path: KeyPath) -> str:
    """A key path as users write it: `deployments.own.replicas.max`."""

    def shown(part: str | int) -> str:
        plain = visible(str(part))
        return f'"{plain}"' if "." in plain or plain != str(part) else plain

    return ".".join(map(shown, path))


def parse_scalar(text: str, mark: Mark) -> Any:
    """The value of a plain scalar under the rules above.

    Raises InputError for a whole number of more than 300 digits.
    """
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _NUMBER.match(text):
        digits = text.replace("_", "")
        if not _WHOLE.match(text):
            return float(digits)
        if len(digits) > 300:
            raise InputError(f"{mark}: a number of {len(digits)} digits; at most 300 are read")
        return int(digits)
    return text


def parse_documents(text: str, name: str) -> list[Document]:
    """Every document of a YAML text (those between `---` lines); an empty text has none.

    Raises InputError with the position of the first syntax error, or with all keys given twice.
    """
    import yaml

    if len(text) > MAX_BYTES:
        raise InputError(f"{name}: {len(text)} characters; at most {MAX_BYTES} are read")
    unreadable = _UNREADABLE.search(text)
    if unreadable:
        before = text[: unreadable.start()]
        mark = Mark(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise InputError(f"{mark}: control character {unreadable.group()!r}; a YAML text holds none")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return list(_Reader(name, yaml.parse(text, Loader=loader)).documents())
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        mark = Mark(name) if at is None else Mark(name, at.line + 1, at.column + 1)
        what = ", ".join(str(part) for part in (error.problem, error.context) if part)
        raise InputError(f"{mark}: not valid YAML: {what}") from None
    except RecursionError:
        raise InputError(f"{name}: nested more than {MAX_DEPTH} deep") from None


def parse_value(text: str, label: str) -> Any:
    """The plain value of a text on the command line, read by the same rules (`6`, `true`, `[1, 2]`, `fp8`)."""
    documents = parse_documents(text, label)
    return documents[0].data if documents else None


class _Reader:
    """Builds documents out of the parser's events, one pass, keeping marks and counting what is built."""

    def __init__(self, name: str, events: Iterator[Any]) -> None:
        self.name = name
        self.events = events
        self.problems: list[str] = []

    def documents(self) -> Iterator[Document]:
        import yaml

        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors: dict[str, list[Any]] = {}
                self.open_anchors: set[str] = set()
                self.repeating = 0
                self.aliases = self.values = 0
                self.key_marks: dict[KeyPath, Mark] = {}
                self.value_marks: dict[KeyPath, Mark] = {}
                data = self.value(next(self.events), ())
                if self.problems:
                    raise InputError("\n".join(self.problems))
                yield Document(self.name, data, self.key_marks, self.value_marks)

    def mark(self, event: Any) -> Mark:
        return Mark(self.name, event.start_mark.line + 1, event.start_mark.column + 1)

    def value(self, event: Any, path: KeyPath) -> Any:
        """The value that begins with this event; an anchored one is recorded so that an alias can repeat it."""
        import yaml

        mark = self.mark(event)
        if isinstance(event, yaml.AliasEvent):
            return self.repeat(event, path, mark)
        self.count(path, mark)
        if event.anchor is None or self.repeating:
            return self.build(event, path, mark)
        recorded: list[Any] = [event]
        outer, anchor = self.events, event.anchor
        if anchor in self.open_anchors or anchor in self.anchors:
            raise InputError(f"{mark}: anchor &{anchor} given twice; give one of them another name")
        self.open_anchors.add(anchor)

        def record() -> Iterator[Any]:
            for inner in outer:
                recorded.append(inner)
                yield inner

        self.events = record()
        built = self.build(event, path, mark)
        self.events = outer
        self.open_anchors.discard(anchor)
        self.anchors[anchor] = recorded
        return built

    def repeat(self, event: Any, path: KeyPath, mark: Mark) -> Any:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise InputError(f"{mark}: more than {MAX_ALIASES} aliases; write the values out")
        if event.anchor in self.open_anchors:
            raise InputError(f"{mark}: alias *{event.anchor} stands inside the value it repeats")
        if event.anchor not in self.anchors:
            raise InputError(f"{mark}: alias *{event.anchor} has no anchor &{event.anchor} before it")
        recorded = self.anchors[event.anchor]
        outer = self.events
        self.events = iter(recorded[1:])
        self.repeating += 1
        self.count(path, mark)
        built = self.build(recorded[0], path, self.mark(recorded[0]))
        self.repeating -= 1
        self.events = outer
        return built

    def count(self, path: KeyPath, mark: Mark) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            raise InputError(f"{mark}: more than {MAX_VALUES} values, aliases written out; a smaller file is needed")
        if len(path) > MAX_DEPTH:
            raise InputError(f"{mark}: nested more than {MAX_DEPTH} deep")

    def build(self, event: Any, path: KeyPath, mark: Mark) -> Any:
        import yaml

        self.value_marks[path] = mark
        self.check_tag(event, mark)
        if isinstance(event, yaml.ScalarEvent):
            return parse_scalar(event.value, mark) if event.implicit[0] and event.tag is None else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path)
        return self.mapping(path)

    def check_tag(self, event: Any, mark: Mark) -> None:
        if event.tag not in _TAGS:
            raise InputError(f"{mark}: tag {event.tag!r}; no tags are read")

    def sequence(self, path: KeyPath) -> list[Any]:
        import yaml

        items: list[Any] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self.value(event, (*path, len(items))))
        return items

    def mapping(self, path: KeyPath) -> dict[str, Any]:
        import yaml

        entries: dict[str, Any] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            mark = self.mark(event)
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None:
                raise InputError(f"{mark}: {show_path(path) or self.name}: a key that is not a plain text; keys are plain texts")
            self.check_tag(event, mark)
            key = event.value
            if key == "<<" and event.implicit[0]:
                raise InputError(f"{mark}: {show_path(path) or self.name}: merge key <<; write the keys out")
            at = (*path, key)
            if key in entries:
                # The second value is read under a path of its own, so that its marks do not replace the first one's.
                self.problems.append(f"{mark}: {show_path(at)}: key given twice; first at {self.key_marks[at]}; give it once")
                self.value(next(self.events), (*path, key, "(again)"))
                continue
            self.key_marks[at] = mark
            entries[key] = self.value(next(self.events), at)
        return entries
