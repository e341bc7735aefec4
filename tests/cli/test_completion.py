"""What a shell is told: names and keys, by click's own way of asking, without anything heavy being imported."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import CompletionItem, ShellComplete

from sim.catalog.catalog import Catalog
from sim.cli.completion import SHELLS
from sim.cli.main import COMMANDS, exit_code, main
from tests.made.command import Capture, refused


def asked(line: str, incomplete: str = "") -> list[CompletionItem]:
    """What could stand at the end of a command line."""
    return ShellComplete(main, {}, "sim", "_SIM_COMPLETE").get_completions(line.split(), incomplete)


def names(line: str, incomplete: str = "") -> set[str]:
    return {item.value for item in asked(line, incomplete) if item.type == "plain"}


def stems(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.yaml")}


@pytest.mark.parametrize("line", ["run --stack", "sweep t --stack", "compare t --stack", "explain", "elastic t --stack", "diff"])
def test_stacks(root: Path, line: str) -> None:
    assert names(line) == stems(root / "models" / "stacks")
    assert names(line, "auto") == {"autoscaled-hpa"}
    assert all(item.help for item in asked(line, "hyb"))


def test_stacks_of_one_s_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "stacks").mkdir(parents=True)
    (tmp_path / "models" / "stacks" / "ours.yaml").write_text(
        "description: all ours\ndeployments: {main: {kind: api, model: gpt-6.1-sol}}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert [(item.value, item.help) for item in asked("run --stack", "ou")] == [("ours", "all ours")]
    assert "deployments.main.tier=" in names("run t --stack ours --set", "deployments.")
    assert not any(".gpu" in name for name in names("run t --stack ours --set", "deployments."))


def test_workloads_models_and_other_names(root: Path) -> None:
    traces = {f"workloads/{path.name}" for path in (root / "workloads").glob("*.parquet")}
    assert names("run") == names("sweep") == names("diff --trace") == traces
    assert names("trace synth") == stems(root / "workloads" / "recipes")
    assert names("run t --outlook") == stems(root / "models" / "outlooks")
    assert names("plan t --space") == stems(root / "models" / "spaces")
    assert names("catalog show", "h100") == {name for name in stems(root / "models" / "gpus") if name.startswith("h100")}
    assert names("catalog show", "llama-3.1-8b") == {"llama-3.1-8b"}
    machines = {each.name for each in Catalog.bundled().machines().all}
    assert {name for name in names("catalog show", "") if name in machines} == machines
    assert names("catalog show", "p5.48") == {name for name in machines if name.startswith("p5.48")}
    assert names("export") >= {"latest"}


def test_what_is_not_known_is_a_file() -> None:
    for line in ("run", "run --stack", "check", "run t --kubernetes", "run t --events", "backtest t --actual", "trace import"):
        (item,) = asked(line, "/home/me/sta")
        assert (item.type, item.value) == ("file", "/home/me/sta")


def test_keys_are_those_of_the_stack(root: Path) -> None:
    found = names("run t --stack hybrid --set")
    assert found >= {
        "deployments.own.replicas=", "deployments.own.replicas.max=", "deployments.own.autoscaler.target=", "deployments.spill.model=",
        "routing.0.to.0.max_wait=", "slo.ttft_p95=", "costs.storage.gb=", "outlook.demand.growth_per_month=", "deployments.own.home=true",
    }  # fmt: skip
    assert not found & {"deployments.own.model=", "deployments.spill.gpu=", "deployments.own.autoscaler.steps="}
    assert not any("outlook." in name for name in names("sweep t --stack hybrid --over"))
    assert names("sweep t --over", "deployments.own.repl") == names("sweep t --stack hybrid --over", "deployments.own.repl")


def test_values_of_a_short_list() -> None:
    key = "deployments.own.precision="
    assert names("run t --set", key) == {key, *(f"{key}{value}" for value in ("bf16", "fp8", "int8", "int4", "fp4"))}


def test_every_key_that_is_offered_can_be_set(root: Path) -> None:
    """A wrong value of a key that exists is refused for the value; of one that does not, as unknown."""
    from sim.catalog.catalog import Catalog
    from sim.errors import InputError
    from sim.stack.outlook_read import read_outlook
    from sim.stack.read import read_stack

    found = sorted(name for name in names("run t --stack own-fine-tune --set") if name.endswith("="))
    assert len(found) > 100
    for name in found[::8]:
        read = read_outlook if name.startswith("outlook.") else read_stack
        try:
            read("base" if name.startswith("outlook.") else "own-fine-tune", Catalog.bundled(), [f"{name}{{nothing: 1}}"])
        except InputError as error:
            said = str(error)
            assert "unknown key 'nothing'" in said or "unknown key" not in said, f"{name}: {said}"


def test_figures_of_gates_and_levels() -> None:
    assert names("compare t --fail-if", "monthly.tco_usd") == {f"monthly.tco_usd.{edge}" for edge in ("p5", "p50", "p95", "mean")}
    assert names("plan t --slo", "ttft_p9") >= {"ttft_p90", "ttft_p95", "ttft_p99"}
    assert names("elastic t --slo", "comp") >= {"completed"}


def test_commands_and_options() -> None:
    assert names("", "comp") == {"compare", "completion"}
    assert names("") == set(COMMANDS)
    assert "--stack" in names("run", "--st")
    assert names("schema") == {"stack", "outlook", "space", "needs", "recipe", "events", "prices"}


def test_a_broken_stack_completes_nothing_and_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("deployments: [: {")
    Path("b.yaml").write_bytes(b"\xff\xfe")
    Path("c.yaml").write_text("deployments: 5\nrouting: {own: 3}\n")
    for name in ("a.yaml", "b.yaml", "c.yaml", "none.yaml"):
        assert "slo.ttft_p95=" in names(f"run t --stack {name} --set")


def test_a_command_reads_what_it_is_given_after_a_shell_has_asked(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert names("explain")
    assert "no stack 'hybird'" in refused(capsys, "explain", "hybird")


@pytest.mark.parametrize("words", ["sim run --stack ", "sim run t --set deployments.", "sim compare t --fail-if month"])
def test_nothing_heavy_is_imported(root: Path, words: str) -> None:
    """A shell asks at every press of a key."""
    count = len(words.split()) - (not words.endswith(" "))
    environment = {**os.environ, "PYTHONPATH": str(root), "_SIM_COMPLETE": "zsh_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sim"], capture_output=True, text=True, env=environment, timeout=60, cwd=root
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert done.returncode == 0 and done.stdout
    assert not imported & {"numba", "numpy", "pandas", "scipy", "pyarrow", "pydantic", "simpy", "genai_prices"}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_each_shell(shell: str, capsys: Capture) -> None:
    assert exit_code(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"_SIM_COMPLETE={shell}_complete" in script and "_sim_completion" in script
    if shutil.which(shell) and shell != "fish":
        assert subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, timeout=60).stderr == ""


def test_bash_completes(root: Path, tmp_path: Path, capsys: Capture) -> None:
    """The script in a bash, with a `sim` of this checkout."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    assert exit_code(["completion", "bash"]) == 0
    (tmp_path / "sim").write_text(f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" -m sim "$@"\n')
    (tmp_path / "sim").chmod(0o755)
    script = capsys.readouterr().out
    line = 'COMP_WORDS=(sim run --stack hyb); COMP_CWORD=3; compopt() { :; }; _sim_completion sim; echo "${COMPREPLY[@]}"'
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([bash, "-c", f"{script}\n{line}"], capture_output=True, text=True, env=environment, timeout=60)
    assert (done.stdout, done.stderr) == ("hybrid\n", "")


def test_an_unknown_shell(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in refused(capsys, "completion", "tcsh")
