"""The pages: links lead somewhere, files that are named exist, commands that are shown can be given, and indexes are complete."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest

from sim.cli.main import exit_code, main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "outputs" / "README.md", *(ROOT / "tests").rglob("*.md")]
)  # fmt: skip
SOURCES = sorted([*(ROOT / "sim").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "models").rglob("*.yaml")])
ours = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED = re.compile(r"(?<![\w/.<-])(?:sim|docs|tests|models|workloads|outputs|\.ci)/(?:[\w./*-]*[\w*/])?")
MODULE = re.compile(r"python -m (tests(?:\.\w+)+)")
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCED = re.compile(r"^```(?:\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)


def headings(text: str) -> list[str]:
    """The headings of a page, those in code left out."""
    return re.findall(r"^#+ .+$", FENCED.sub("", text), re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """What a link may name behind #, as GitHub makes it of headings."""
    found: list[str] = []
    for heading in headings(page.read_text()):
        text = re.sub(r"\]\([^)]*\)", "", heading.lstrip("# ").lower())
        name = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        found.append(f"{name}-{found.count(name)}" if name in found else name)
    return set(found)


@ours
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(INLINE.sub("", FENCED.sub("", page.read_text()))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        assert there.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(there), f"{page.name}: {target}"


def names(text: str) -> Iterator[str]:
    """Paths of this repository that a text names; those with a placeholder in capitals are no names."""
    for found in NAMED.findall(text):
        if not any(part.isupper() and part != "README" for part in re.split(r"[/.-]", found)):
            yield found


@ours
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    for name in names(text):
        assert any(ROOT.glob(name.rstrip("/"))), f"{page.name}: {name}"
    for module in MODULE.findall(text):
        assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file(), f"{page.name}: {module}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(ROOT)))
def test_pages_that_sources_name_exist(source: Path) -> None:
    for name in re.findall(r"(?<![\w/])docs/[\w/-]+\.md", source.read_text()):
        assert (ROOT / name).is_file(), f"{source.name}: {name}"


def test_what_is_a_name() -> None:
    text = "`sim/engine/run.py`, models/profiles/*.yaml; workloads/recipes/NAME.yaml, ../shared/data/perf, `docs/`, outputs/README.md."
    assert list(names(text)) == ["sim/engine/run.py", "models/profiles/*.yaml", "docs/", "outputs/README.md"]


def commands(text: str) -> list[list[str]]:
    """The `sim` command lines of a page, in code blocks and in the text, as words; what is optional is taken, dots are left out."""
    blocks = [line for found in FENCED.findall(text) for line in found.splitlines()]
    prose = FENCED.sub("", text)
    found = [line.strip() for line in (*blocks, *INDENTED.findall(prose), *INLINE.findall(prose)) if line.strip().startswith("sim ")]
    plain = (re.sub(r" {2,}\S.*$", "", re.sub(r"\s*#.*$|[\[\]]|\.\.\.", "", line)) for line in found)
    return [shlex.split(line)[1:] for line in plain]


def leaf(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that a command line calls, and the words that it is given."""
    command: click.Command = main
    rest = list(words)
    while isinstance(command, click.Group) and rest and rest[0] not in {"--help", "--version"}:
        name = rest.pop(0)
        if name in {"-q", "--quiet"}:
            continue
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"no command {name!r}"
        command = found
    return command, rest


def parse(words: list[str]) -> None:
    """Read a command line as click does, without running it. In a choice, a word in capitals stands for any of them."""
    command, rest = leaf(words)
    choices = {
        name: each.type.choices
        for each in command.params
        if isinstance(each.type, click.Choice)
        for name in (each.opts if isinstance(each, click.Option) else [(each.name or "").upper()])
    }
    given = [
        choices[before if before in choices else word][0] if word.isupper() and {before, word} & choices.keys() else word
        for before, word in pairwise(["", *rest])
    ]
    if given:  # without words it is only mentioned
        with contextlib.suppress(click.exceptions.Exit):
            command.make_context("sim", given)


@ours
def test_commands_can_be_given(page: Path) -> None:
    for words in commands(page.read_text()):
        try:
            parse(words)
        except click.UsageError as error:
            pytest.fail(f"{page.name}: sim {shlex.join(words)}: {error.format_message()}")


def cheap() -> list[list[str]]:
    """The commands on all pages that only look at what is here: no placeholder, no file of the reader's. Pages made from the code
    speak of commands by their names alone."""
    found: dict[str, list[str]] = {}
    for page in (page for page in PAGES if page.parent.name != "reference"):
        for words in commands(page.read_text()):
            looks = words[:1] in (["catalog"], ["explain"], ["check"], ["--help"]) or words[:2] == ["trace", "describe"]
            whole = "--help" in words or len(words) > 1
            bare = all((ROOT / word).exists() or not re.search(r"[A-Z/]|\.(ya?ml|parquet)$", word) for word in words)
            if looks and whole and bare:
                found[shlex.join(words)] = words
    return [found[line] for line in sorted(found)]


def test_some_commands_are_cheap() -> None:
    assert {"catalog", "trace"} <= {words[0] for words in cheap()}


@pytest.mark.parametrize("words", cheap(), ids=shlex.join)
def test_cheap_commands_run(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert exit_code(words) == 0, capsys.readouterr().err
    assert capsys.readouterr().out


def test_what_is_a_command() -> None:
    text = "Use `sim check FILE [--stack S]`, `-q`.\n\n    sim run a.parquet   # one\n\n```\nsim trace import F --format X --map a=b ...\n```\n"
    assert commands(text) == [
        ["trace", "import", "F", "--format", "X", "--map", "a=b"], ["run", "a.parquet"], ["check", "FILE", "--stack", "S"],
    ]  # fmt: skip
    for words in commands(text):
        parse(words)
    for wrong in (["rnu"], ["run", "x", "--no-such-option"], ["trace", "import", "x", "--format", "nonsense"]):
        with pytest.raises((click.UsageError, AssertionError)):
            parse(wrong)


@pytest.mark.parametrize("folder", ["docs", "docs/decisions"])
def test_an_index_names_every_page(folder: str) -> None:
    index = (ROOT / folder / "README.md").read_text()
    linked = {(ROOT / folder / target).resolve() for target in LINK.findall(index)}
    assert {page.resolve() for page in (ROOT / folder).glob("*.md") if page.name != "README.md"} <= linked


@ours
def test_a_page_has_one_title_and_no_gap_in_its_headings(page: Path) -> None:
    levels = [len(heading) - len(heading.lstrip("#")) for heading in headings(page.read_text())]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
