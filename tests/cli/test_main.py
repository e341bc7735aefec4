"""The command `sim` itself: it starts at once, and each kind of error ends with its own exit code."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from sim.cli import main as cli
from sim.errors import InputError

HEAVY = ("genai_prices", "numba", "pandas", "pyarrow", "pydantic", "scipy", "numpy", "simpy", "joblib", "yaml")
SLOW_TO_IMPORT = ("genai_prices", "numba", "pandas", "scipy")


def sim(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run([sys.executable, "-m", "sim", *arguments], capture_output=True, text=True, env=environment, timeout=60)


def imported_by(root: Path, *arguments: str) -> set[str]:
    """The packages in memory after a command line."""
    code = (
        "import sys; from sim.cli.main import exit_code; code = exit_code(sys.argv[1:]);"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)}, timeout=60
    )
    assert done.returncode in {0, cli.WRONG_INPUT}, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["rnu"], ["--no-such-option"]], ids=" ".join)
def test_help_and_mistakes_wait_for_nothing(root: Path, arguments: list[str]) -> None:
    assert not imported_by(root, *arguments) & set(HEAVY)


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_the_help_of_a_command_does_not_wait(root: Path, command: str) -> None:
    assert not imported_by(root, command, "--help") & set(SLOW_TO_IMPORT)


def test_help_takes_a_moment(root: Path) -> None:
    def seconds() -> float:
        start = time.perf_counter()
        assert sim(root, "--help").returncode == 0
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.3


def test_help_lists_every_command(root: Path) -> None:
    shown = sim(root, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert [line.split()[0] for line in shown.stdout.partition("Commands:\n")[2].splitlines() if line[2:3].strip()] == list(cli.COMMANDS)


def test_every_command_of_the_table_exists_and_no_other() -> None:
    group = cli.main
    context = click.Context(group)
    assert isinstance(group, click.Group)
    for name in cli.COMMANDS:
        command = group.get_command(context, name)
        assert isinstance(command, click.Command)
        assert command.name == name
    assert group.get_command(context, "main") is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], f"error: no command 'rnu'; allowed: {', '.join(cli.COMMANDS)}; did you mean 'run'?"),
        (["--xyzzy"], "error: No such option '--xyzzy'."),
    ],
)
def test_a_wrong_command_line_exits_with_2(root: Path, arguments: list[str], message: str) -> None:
    done = sim(root, *arguments)
    assert done.returncode == cli.WRONG_INPUT
    assert done.stdout == ""
    assert done.stderr.splitlines() == [message, "try: sim --help"]


def test_the_choices_of_what_is_missing_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["schema"]) == cli.WRONG_INPUT
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("Choose from: stack, outlook, space, needs, recipe, events, prices") and second == "try: sim schema --help"


def ends(monkeypatch: pytest.MonkeyPatch, body: Callable[[], object]) -> int:
    """The exit code when the command `run` does this."""

    @click.command("run")
    def command() -> object:
        return body()

    monkeypatch.setattr(cli, "import_module", lambda _name: SimpleNamespace(command=command))
    return cli.exit_code(["run"])


def raising(error: BaseException) -> Callable[[], None]:
    def body() -> None:
        raise error

    return body


def test_wrong_input_exits_with_2_and_every_problem(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(monkeypatch, raising(InputError("a.yaml:1:2: x: first\na.yaml:3:4: y: second"))) == 2
    assert capsys.readouterr() == ("", "error: a.yaml:1:2: x: first\nerror: a.yaml:3:4: y: second\n")


def test_a_bug_exits_with_3_a_traceback_and_a_request(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(monkeypatch, raising(ZeroDivisionError("of ours"))) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" in shown.err
    assert "ZeroDivisionError: of ours" in shown.err
    assert "please report" in shown.err.splitlines()[-1]


@pytest.mark.parametrize(("name", "code", "said"), [("SIGINT", 130, "interrupted\n"), ("SIGTERM", 143, "")])
def test_a_library_that_makes_an_error_of_a_signal_does_not_hide_it(root: Path, name: str, code: int, said: str) -> None:
    """As numba does, which fails with `no compiled object yet` when a signal comes while it loads machine code."""
    script = f"""
import os, signal
from types import SimpleNamespace
import click
from sim.cli import main as cli
def body():
    try:
        os.kill(os.getpid(), signal.{name})
    except BaseException:
        raise RuntimeError("no compiled object yet")
cli.import_module = lambda _: SimpleNamespace(command=click.command("run")(body))
cli.run()
"""
    done = subprocess.run(
        [sys.executable, "-c", script, "run"], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)}, timeout=60,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs start with SIGINT ignored
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_library_that_goes_on_after_a_signal_is_stopped_again_but_no_cleaning_up_is(root: Path, name: str, code: int) -> None:
    script = f"""
import os, signal, time
from types import SimpleNamespace
import click
from sim.cli import main as cli
def body():
    try:
        os.kill(os.getpid(), signal.{name})
    except BaseException:
        pass
    try:
        time.sleep(20)
    finally:
        time.sleep(1.2)
        print("cleaned up")
cli.import_module = lambda _: SimpleNamespace(command=click.command("run")(body))
cli.run()
"""
    done = subprocess.run(
        [sys.executable, "-c", script, "run"], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)}, timeout=15,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, "cleaned up\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "secret/t.parquet"), "error: secret/t.parquet: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), "error: the result could not be written: No space left on device"),
        (MemoryError("Unable to allocate 74.5 GiB"), "error: not enough memory (Unable to allocate 74.5 GiB); fewer replicas or"),
        (InputError("a\x1b[31m: first\nb\u2028: second"), "error: a\\x1b[31m: first\nerror: b\\u2028: second\n"),
    ],
)
def test_what_the_machine_refuses_is_no_bug_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    assert ends(monkeypatch, raising(error)) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.startswith(said)
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_exits_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException) -> None:
    assert ends(monkeypatch, raising(error)) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"


def test_a_command_says_itself_that_a_gate_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ends(monkeypatch, lambda: click.get_current_context().exit(1)) == 1
    assert ends(monkeypatch, lambda: None) == 0


def test_a_reader_that_leaves_is_no_error(root: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "sim", "--help"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=60,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_shell_completes_commands_without_waiting(root: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(root), "_SIM_COMPLETE": "bash_complete", "COMP_WORDS": "sim cat", "COMP_CWORD": "1"}
    done = subprocess.run([sys.executable, "-m", "sim"], capture_output=True, text=True, env=environment, timeout=60)
    assert (done.stdout, done.stderr) == ("plain,catalog\n", "")
