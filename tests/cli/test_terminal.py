"""A command on a real terminal, in a pipe and in a log: colours, what is said and what not, and bytes that nothing of that changes."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest

from sim.cli.main import COMMANDS, exit_code
from sim.cli.painting import painted
from sim.report.warning_list import WARNINGS, Code
from tests.made.command import Capture, refused, run
from tests.made.world import write_world

CODES = re.compile(r"\x1b\[[0-9;]*m")
RED, GREEN, YELLOW = "\x1b[31m", "\x1b[32m", "\x1b[33m"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    return folder


@pytest.fixture
def replay(world: Path, tmp_path: Path) -> list[str]:
    """A plain replay of a small world."""
    return [
        "run",
        str(world / "trace.parquet"),
        "--stack",
        str(world / "small.yaml"),
        "--months",
        "0",
        "-o",
        str(tmp_path / "r"),
        "--force",
    ]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the terminal that the tests run on."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def on_terminal(root: Path, code: str, *arguments: str, interrupt: str = "", **environment: str) -> tuple[int, str]:
    """Exit code and everything that a program writes to a terminal; once `interrupt` is read, Ctrl-C is pressed."""
    ours, theirs = pty.openpty()
    script = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{code}"
    child = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(root), **environment},
    )  # fmt: skip
    os.close(theirs)
    read, begun = b"", time.monotonic()
    try:
        while time.monotonic() - begun < 30:
            if not select.select([ours], [], [], 0.2)[0]:
                if child.poll() is not None:
                    break
                continue
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            read += part
            if interrupt and interrupt.encode() in read:
                os.kill(child.pid, signal.SIGINT)
                interrupt = ""
        return child.wait(10), read.decode().replace("\r\n", "\n")
    finally:
        child.kill()
        os.close(ours)


SIM = "from sim.cli.main import run; run()"


def test_a_terminal_gets_colours_and_the_same_text(root: Path) -> None:
    plain = subprocess.run(
        [sys.executable, "-m", "sim", "warnings", "few_futures"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=60,
    ).stdout
    assert not CODES.search(plain)
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        code, shown = on_terminal(root, SIM, "warnings", "few_futures", **environment)
        assert (code, bool(CODES.search(shown))) == (0, coloured), shown
        assert CODES.sub("", shown) == plain


def test_control_c_in_a_bar_leaves_a_clean_line(root: Path) -> None:
    code = """
import time
from types import SimpleNamespace
import click
from sim.cli import main as cli, progress
progress._PATIENCE_S = 0.0
def body():
    with progress.Progress(quiet=False) as shown:
        for done in range(400):
            shown.part("replaying", done, 400)
            time.sleep(0.05)
cli.import_module = lambda _: SimpleNamespace(command=click.command("run")(body))
cli.run()
"""
    status, shown = on_terminal(root, code, "run", interrupt="[█")
    assert status == 130
    before, bar, after = shown.rpartition("\r\x1b[K")
    assert "replaying [█" in before or "replaying [░" in before
    assert bar and after == "interrupted\n"


@pytest.mark.parametrize(
    ("options", "environment", "coloured"),
    [
        ([], {}, False),
        (["--color"], {}, True),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "0"}, False),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color"], {"NO_COLOR": "1"}, True),
        (["--no-color"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_who_decides_about_colours(
    replay: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch, options: list[str], environment: dict[str, str], coloured: bool
) -> None:
    _, plain, plain_said = run(capsys, *replay)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for arguments in ([*options, *replay], [*replay, *options]):
        code, out, err = run(capsys, *arguments)
        assert (code, CODES.sub("", out), CODES.sub("", err)) == (0, plain, plain_said)
        assert (bool(CODES.search(out)), f"{YELLOW}warning:" in err) == (coloured, coloured)
    assert not CODES.search(plain + plain_said) and "warning:" in plain_said


def test_json_and_markdown_have_no_colours(replay: list[str], capsys: Capture) -> None:
    for form in ("json", "md"):
        assert not CODES.search(run(capsys, "--color", *replay, "--format", form)[1])


def test_an_error_is_red_where_it_is_asked_for(capsys: Capture) -> None:
    assert run(capsys, "--color", "run", "absent.parquet")[2].startswith("\x1b[1;31merror:\x1b[0m ")
    assert "\x1b" not in run(capsys, "run", "absent.parquet")[2]


TEXT = """The answer of two
lines.

Service level  measured           wanted
TTFT p95         1.20 s   at most 3.00 s     met
TPOT p95        80.0 ms  at most 50.0 ms  MISSED

Month    invoice mean  SLO missed
2026-11        $6,303        <1 %
2026-12        $6,303         5 %
2027-01        $6,303        31 %

Gates        each fails when what it says is so
gpus > 64    72; FAILS by 8
load > 0.8   0.5; holds

autoscaler      GPU-h  ttft p95  met
perfect no        1.2       met  yes
fixed             2.4    no met   no

Run  a fact that was met"""


def test_what_is_painted() -> None:
    found = painted(TEXT)
    assert CODES.sub("", found) == TEXT
    lines = found.split("\n")
    bold = [CODES.sub("", each) for each in re.findall(r"\x1b\[1m.*?\x1b\[0m", found)]
    assert bold == ["The answer of two", "lines.", "Service level", "Month", "Gates", "autoscaler", "Run"]
    assert [CODES.sub("", each) for each in re.findall(r"\x1b\[31m.*?\x1b\[0m", found)] == ["MISSED", "31 %", "FAILS", "no"]
    assert [CODES.sub("", each) for each in re.findall(r"\x1b\[32m.*?\x1b\[0m", found)] == ["met", "holds", "yes"]
    assert not CODES.search(lines[-1].partition("  ")[2])


def test_quiet_before_and_after_the_command(replay: list[str], capsys: Capture) -> None:
    loud = run(capsys, *replay)
    assert "warning: " in loud[2] and "note: " in loud[2]
    for arguments in (["-q", *replay], [*replay, "-q"], [*replay, "--quiet"]):
        assert run(capsys, *arguments) == (0, loud[1], "")


def test_options_after_a_command_of_a_group(world: Path, capsys: Capture, tmp_path: Path) -> None:
    trace = str(world / "trace.parquet")
    for arguments in (
        ["trace", "scale", trace, "-o", str(tmp_path / "a"), "-q"],
        ["trace", "-q", "scale", trace, "-o", str(tmp_path / "b")],
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, err) == (0, "") and "requests" in out


def test_verbose_says_files_and_seconds_and_changes_no_result(replay: list[str], world: Path, capsys: Capture) -> None:
    _, out, _ = run(capsys, *replay)
    for arguments in (["-v", *replay], [*replay, "--verbose"]):
        code, same, err = run(capsys, *arguments)
        assert (code, same) == (0, out)
        said = " ".join(err.split())
        assert f"detail: read {world / 'small.yaml'}" in said and f"detail: read {world / 'trace.parquet'}: " in said
        assert re.search(r"detail: replaying trace\.parquet: \d+\.\d s", said) and re.search(r"detail: \d+\.\d s in all", said)
    assert "detail" not in run(capsys, *replay)[2]


def test_quiet_and_verbose_exclude_each_other(replay: list[str], capsys: Capture) -> None:
    assert "found both --quiet and --verbose" in refused(capsys, "-q", *replay, "-v")


def test_an_encoding_without_blocks_gets_ascii(root: Path, world: Path) -> None:
    code = """
import sys
from sim.cli.progress import printed
printed("a ▁▂▃▄▅▆▇█ long…name — 漢\\n")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "ascii"},
        timeout=60,
    )
    assert done.stdout == b"a _.-:=+*# long~name ? ?\n"


@pytest.mark.parametrize(
    ("locale", "blocks"), [({"LANG": "C"}, False), ({"LC_ALL": "POSIX"}, False), ({"LANG": "de_DE.UTF-8"}, True), ({}, True)]
)
def test_a_terminal_in_the_c_locale_gets_ascii(root: Path, locale: dict[str, str], blocks: bool) -> None:
    environment = dict.fromkeys(("LANG", "LC_ALL", "LC_CTYPE"), "") | locale
    code, shown = on_terminal(root, "from sim.cli.progress import printed; printed('▁█\\n')", **environment)
    assert (code, shown) == (0, "▁█\n" if blocks else "_#\n")


def test_help_fits_80_columns(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in ([], *([name] for name in COMMANDS), *(["trace", name] for name in ("import", "synth", "scale", "describe"))):
        code, out, _ = run(capsys, *words, "--help")
        assert (code, max(map(len, out.splitlines())) <= 80) == (0, True), words


@pytest.mark.parametrize("code", get_args(Code))
def test_every_warning_is_explained(capsys: Capture, code: Code) -> None:
    for name in (code, code.replace("_", "-")):
        status, out, err = run(capsys, "warnings", name)
        assert (status, err) == (0, "")
        assert all(
            " ".join(text.split()) in " ".join(out.split())
            for text in (code, WARNINGS[code].when, WARNINGS[code].meaning, WARNINGS[code].remedy)
        )
        assert max(map(len, out.splitlines())) <= 80


def test_the_list_of_warnings(capsys: Capture) -> None:
    _, out, _ = run(capsys, "warnings")
    assert all(f"{code} " in out for code in get_args(Code))
    found = json.loads(run(capsys, "warnings", "--format", "json")[1])["warnings"]
    assert [each["code"] for each in found] == list(get_args(Code))
    assert "did you mean 'unstable_queue'" in refused(capsys, "warnings", "unstable_que")


def test_every_warning_of_a_run_ends_with_its_code(replay: list[str], tmp_path: Path, capsys: Capture) -> None:
    _, _, err = run(capsys, *replay)
    said = re.findall(
        r"^warning: .*?\[(\w+)\]$", " ".join(err.split()).replace(" warning:", "\nwarning:").replace(" note:", "\nnote:"), re.MULTILINE
    )
    known = json.loads((tmp_path / "r" / "summary.json").read_text())["warnings"]
    assert said == [each["code"] for each in known] and said


def test_nothing_is_kept_from_one_command_to_the_next(replay: list[str], capsys: Capture) -> None:
    assert exit_code(["--color", "-v", *replay]) == 0
    code, out, err = run(capsys, *replay)
    assert (code, CODES.search(out + err)) == (0, None) and "detail" not in err
