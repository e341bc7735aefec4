"""The GitHub Action: its shape, that nothing of a pull request is part of a script, and what its steps do, run here with stand-ins for sim and gh."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

STAND_IN = """\
#!/usr/bin/env bash
printf '%s\\n' "$@" > "$SEEN/sim.arguments"
if [ -n "${FAKE_REPORT:-}" ]; then printf '%s\\n' "$FAKE_REPORT"; fi
if [ -n "${FAKE_ERROR:-}" ]; then printf '%s\\n' "$FAKE_ERROR" >&2; fi
exit "${FAKE_CODE:-0}"
"""
GH = """\
#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$SEEN/gh.calls"
case "$*" in
  *--paginate*) printf '%s' "${FAKE_COMMENTS:-}"; exit "${FAKE_LIST_CODE:-0}";;
esac
exit "${FAKE_GH_CODE:-0}"
"""
HOSTILE = "$(touch pwned) `touch pwned` ; touch pwned \" ' && touch pwned"


@pytest.fixture(scope="module")
def action(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((root / "action.yml").read_text())
    return found


def step(action: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in action["runs"]["steps"] if each["name"] == name)
    return found


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for a runner: sim and gh are stand-ins that keep what they are given."""
    if shutil.which("bash") is None:
        pytest.skip("no bash")
    tool = tmp_path / "sim-venv" / "bin" / "sim"
    tool.parent.mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    for path, text in ((tool, STAND_IN), (tmp_path / "bin" / "gh", GH)):
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def run(runner: Path, found: dict[str, Any], **environment: str) -> subprocess.CompletedProcess[str]:
    """One step's script as a runner starts it: bash that ends at the first error."""
    names = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    for name in names:
        (runner / name).touch()
    unset = dict.fromkeys(found.get("env", {}), "")
    own = {"PATH": f"{runner / 'bin'}:{os.environ['PATH']}", "RUNNER_TEMP": str(runner), "SEEN": str(runner), "GITHUB_REPOSITORY": "o/r"}
    given = {**own, **{name: str(runner / name) for name in names}, **unset, **environment}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", found["run"]],
        env=given, cwd=runner, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def outputs(runner: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (runner / "GITHUB_OUTPUT").read_text().splitlines())


# --- shape ---


def test_a_composite_action_whose_inputs_are_explained(action: dict[str, Any], root: Path) -> None:
    assert action["runs"]["using"] == "composite" and action["name"] and action["description"]
    assert set(action["inputs"]) == {"base", "head", "trace", "stack", "fail-if", "months", "futures", "python-version", "comment"}
    for name, each in action["inputs"].items():
        assert each["description"] and (each.get("required") is True) != ("default" in each), name
        assert isinstance(each.get("default", ""), str), name
    page = (root / "docs" / "github-action.md").read_text()
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)) == set(action["inputs"])
    assert all(f"`{name}`" in page for name in action["outputs"])


def test_actions_are_pinned_to_a_major_version(action: dict[str, Any]) -> None:
    used = [each["uses"] for each in action["runs"]["steps"] if "uses" in each]
    assert used and all(re.fullmatch(r"actions/[\w-]+@v\d+", each) for each in used)


def test_nothing_is_written_into_a_script(action: dict[str, Any]) -> None:
    for each in action["runs"]["steps"]:
        assert ("run" in each) != ("uses" in each)
        if "run" in each:
            assert "${{" not in each["run"] and each["shell"] == "bash"
            assert "eval" not in each["run"]
    given = [value for each in action["runs"]["steps"] for value in each.get("env", {}).values()]
    named = {name for value in given for name in re.findall(r"inputs\.([\w-]+)", value)} | {"python-version", "comment"}
    assert named == set(action["inputs"])


# --- the steps ---


def test_sim_gets_what_was_given_word_by_word(action: dict[str, Any], runner: Path) -> None:
    gates = "\n  monthly.tco_usd.p95 > $120k  \n\n\tttft_p99 > 1.5s\r\n" + HOSTILE
    done = run(
        runner, step(action, "sim diff"), SIM_BASE="-base dir/a.yaml", SIM_HEAD=HOSTILE, SIM_TRACE="my trace.parquet", SIM_MONTHS="12", SIM_FUTURES="50",
        SIM_FAIL_IF=gates, FAKE_REPORT="<!-- sim-diff:t -->",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = (runner / "sim.arguments").read_text().splitlines()
    assert found == [
        "diff", "--trace=my trace.parquet", "--months=12", "--format=md", f"--output={runner}/sim-diff", "--force", "--futures=50",
        "--fail-if=monthly.tco_usd.p95 > $120k", "--fail-if=ttft_p99 > 1.5s", f"--fail-if={HOSTILE}", "--", "-base dir/a.yaml", HOSTILE,
    ]  # fmt: skip
    assert not (runner / "pwned").exists()
    assert outputs(runner) == {"exit-code": "0", "report": f"{runner}/sim-diff.md", "folder": f"{runner}/sim-diff"}
    assert (runner / "GITHUB_STEP_SUMMARY").read_text() == "<!-- sim-diff:t -->\n"


def test_a_plan_alone_and_replays_alone(action: dict[str, Any], runner: Path) -> None:
    done = run(
        runner,
        step(action, "sim diff"),
        SIM_BASE="plan.json",
        SIM_TRACE="t",
        SIM_STACK="s.yaml",
        SIM_MONTHS="0",
        SIM_FUTURES="400",
        FAKE_REPORT="x",
    )
    assert done.returncode == 0, done.stderr
    found = (runner / "sim.arguments").read_text().splitlines()
    assert found[-3:] == ["--stack=s.yaml", "--", "plan.json"] and not any(each.startswith(("--futures", "--fail-if")) for each in found)


def test_the_command_takes_what_the_action_gives(action: dict[str, Any], runner: Path) -> None:
    """The arguments of both kinds are ones that `sim diff` knows."""
    from sim.cli.diff import command

    for head, months in (("b.yaml", "12"), ("", "0")):
        run(runner, step(action, "sim diff"), SIM_BASE="a", SIM_HEAD=head, SIM_TRACE="t", SIM_STACK="s", SIM_MONTHS=months, SIM_FUTURES="400",
            SIM_FAIL_IF="load > 1", FAKE_REPORT="x")  # fmt: skip
        found = (runner / "sim.arguments").read_text().splitlines()
        context = command.make_context("diff", found[1:])
        assert context.params["base"] == "a" and context.params["head"] == (head or None) and context.params["fail_if"] == ("load > 1",)
        assert context.params["form"] == "md" and context.params["months"] == int(months) and context.params["force"] is True


@pytest.mark.parametrize("code", ["0", "1", "2", "3"])
def test_the_verdict_is_the_exit_code(action: dict[str, Any], runner: Path, code: str) -> None:
    done = run(
        runner, step(action, "sim diff"), SIM_BASE="a", SIM_TRACE="t", SIM_MONTHS="0", FAKE_CODE=code, FAKE_REPORT="<!-- sim-diff:t -->"
    )
    assert done.returncode == 0 and outputs(runner)["exit-code"] == code
    assert run(runner, step(action, "Verdict"), SIM_EXIT_CODE=code).returncode == int(code)


def test_a_mistake_is_in_the_summary_where_it_can_do_nothing(action: dict[str, Any], runner: Path) -> None:
    error = "error: BASE: </details>: no such file @octocat"
    run(runner, step(action, "sim diff"), SIM_BASE="a", SIM_TRACE="w/my <trace>-.parquet", SIM_MONTHS="0", FAKE_CODE="2", FAKE_ERROR=error)
    summary = (runner / "GITHUB_STEP_SUMMARY").read_text()
    assert summary.startswith("<!-- sim-diff:my-trace -->\n\n### ❌ sim diff ended with exit code 2\n\n")
    assert f"\n    {error}\n" in summary  # a block of code, in which nothing is read as Markdown or a mention


def comment(action: dict[str, Any], runner: Path, **more: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    (runner / "sim-diff.md").write_text("<!-- sim-diff:t -->\n\nreport\n")
    done = run(runner, step(action, "Comment on the pull request"), PULL_REQUEST="7", REPORT=f"{runner}/sim-diff.md", **more)
    return done, (runner / "gh.calls").read_text().splitlines()


def test_a_comment_is_posted_once_and_renewed_then(action: dict[str, Any], runner: Path) -> None:
    found = step(action, "Comment on the pull request")
    assert found["if"] == "inputs.comment == 'true' && github.event.pull_request.number"
    done, calls = comment(action, runner)
    assert done.returncode == 0, done.stderr
    assert calls[-1] == f"api --silent --method POST repos/o/r/issues/7/comments --field body=@{runner}/sim-diff.md"
    assert 'select(.user.login == "github-actions[bot]")' in calls[0] + found["run"] and "startswith(env.MARK)" in found["run"]
    done, calls = comment(action, runner, FAKE_COMMENTS="123\n456\n")
    assert calls[-1] == f"api --silent --method PATCH repos/o/r/issues/comments/123 --field body=@{runner}/sim-diff.md"


def test_a_comment_that_may_not_be_written_is_a_warning(action: dict[str, Any], runner: Path) -> None:
    for more in ({"FAKE_GH_CODE": "1"}, {"FAKE_LIST_CODE": "1", "FAKE_GH_CODE": "1"}):
        done, _ = comment(action, runner, **more)
        assert done.returncode == 0 and "::warning title=sim diff::" in done.stdout
