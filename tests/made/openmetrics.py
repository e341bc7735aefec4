"""A strict reader of the text format of OpenMetrics 1.0, written from the specification: what it does not allow is an AssertionError.

https://prometheus.io/docs/specs/om/open_metrics_spec/ : metadata before samples, families in one piece, units that end names, suffixes
by type, no duplicate samples, no blank lines, `# EOF` at the end. Exemplars and timestamps are not read: none are written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|(?=\}))')
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|[Ii]nf(inity)?)|NaN", re.ASCII)
SUFFIXES = {"gauge": ("",), "unknown": ("",)}
RESERVED = ("_total", "_created", "_count", "_sum", "_bucket", "_gcount", "_gsum")
TEXT_TYPES = ("counter", "gauge", "histogram", "summary", "untyped")
"""Of the text format of Prometheus, 0.0.4."""
Labels = frozenset[tuple[str, str]]


@dataclass
class Family:
    """A metric family as it was read."""

    name: str
    kind: str = "unknown"
    unit: str = ""
    words: str = ""
    samples: dict[Labels, float] = field(default_factory=dict)


def unescaped(text: str) -> str:
    """A label value or help text as it was meant."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), text)


def read(text: str) -> dict[str, Family]:
    """All families of an exposition by name."""
    assert text.endswith("# EOF\n") and text.count("\n# EOF") + text.startswith("# EOF") == 1
    families: dict[str, Family] = {}
    current: Family | None = None
    said: set[str] = set()
    for line in text.split("\n")[:-2]:
        assert line and line == line.strip(" "), repr(line)
        if line.startswith("#"):
            hash_, keyword, name, rest = (*line.split(" ", 3), "")[:4]
            assert hash_ == "#" and keyword in ("TYPE", "UNIT", "HELP") and NAME.fullmatch(name), line
            if current is None or current.name != name:
                assert name not in families, f"{name} comes in two pieces"
                current = families[name] = Family(name)
                said = set()
            assert keyword not in said and not current.samples, f"{keyword} of {name} comes twice, or after samples"
            said.add(keyword)
            if keyword == "TYPE":
                assert rest in SUFFIXES, line
                assert not name.endswith(RESERVED), f"{name} ends as a sample of another type does"
                current.kind = rest
            elif keyword == "UNIT":
                assert name.endswith(f"_{rest}") and rest, f"{name} does not end with its unit {rest!r}"
                current.unit = rest
            else:
                assert re.fullmatch(r'(?:[^\\\n"]|\\[\\n"])*', rest), line
                current.words = unescaped(rest)
        else:
            name, labels, value = sample(line)
            assert current is not None, "a sample before its metadata"
            assert name in [current.name + suffix for suffix in SUFFIXES[current.kind]], f"{name} among samples of {current.name}"
            assert labels not in current.samples, f"twice: {line}"
            if current.name.endswith("_info"):
                assert value == 1 and not current.unit
            current.samples[labels] = value
    return families


def read_text_format(text: str) -> int:
    """How many samples the textfile collector of the node exporter finds, which reads the text format 0.0.4 and nothing newer: types that it
    does not know, and escapes in a help text but of backslash and line feed, are errors there. Other comments are passed over."""
    count, name, seen = 0, "", set()
    for line in text.splitlines():
        if line.startswith(("# TYPE ", "# HELP ")):
            _, keyword, name, rest = line.split(" ", 3)
            if keyword == "TYPE":
                assert rest in TEXT_TYPES and name not in seen, f"unknown metric type, or type after samples: {line}"
            else:
                assert re.fullmatch(r"(?:[^\\]|\\[\\n])*", rest), f"invalid escape sequence: {line}"
        elif not line.startswith("#"):
            of, _, _ = sample(line)
            assert of == name, f"{of} among samples of {name}"
            seen.add(of)
            count += 1
    return count


def sample(line: str) -> tuple[str, Labels, float]:
    """Name, labels and value of a sample."""
    match = NAME.match(line)
    assert match, line
    rest, labels = line[match.end() :], []
    if rest.startswith("{"):
        at = 1
        while rest[at] != "}":
            found = LABEL.match(rest, at)
            assert found, line
            assert not found[1].startswith("__"), line
            labels.append((found[1], unescaped(found[2])))
            at = found.end()
        assert not rest[:at].endswith(","), line
        rest = rest[at + 1 :]
    assert len({name for name, _ in labels}) == len(labels), f"a label twice: {line}"
    assert rest.startswith(" ") and NUMBER.fullmatch(rest[1:]), line
    for name, value in labels:
        if name == "quantile":
            assert 0 <= float(value) <= 1
    return match[0], frozenset(labels), float(rest[1:])
