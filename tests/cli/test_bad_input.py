"""Mistakes in stacks, settings, events, prices and options: one clear line each, exit code 2, nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.made.command import Capture, refused, run
from tests.made.world import STACK, write_world

BASE = ("run", "trace.parquet", "--stack", "small.yaml", "--months", "0")


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with trace.parquet and small.yaml, in which the command is run."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stack(capsys: Capture, text: str) -> str:
    """What is said of a stack in s.yaml."""
    Path("s.yaml").write_text(text)
    return refused(capsys, "run", "trace.parquet", "--stack", "s.yaml")


def with_file(capsys: Capture, option: str, text: str) -> str:
    """What is said of the file f.yaml given with an option."""
    Path("f.yaml").write_text(text)
    return refused(capsys, *BASE, option, "f.yaml")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("llama-3.1-8b", "llama-3.1-8", "s.yaml:5:10: deployments.own.llm: unknown llm 'llama-3.1-8'; did you mean 'llama-3.1-8b'?"),
        ("h100-sxm", "h100", "s.yaml:6:10: deployments.own.gpu: unknown gpu 'h100'; did you mean 'h100-sxm'?"),
        ("gpt-6.1-sol", "gpt-6.1-so", "s.yaml:16:12: deployments.spill.model: unknown api 'gpt-6.1-so'; did you mean 'gpt-6.1-sol'?"),
        ("replicas: 1", "replica: 1", "s.yaml:7:5: deployments.own.replica: unknown key 'replica'; allowed: "),
        ("replicas: 1", "replicas: no", "s.yaml:7:15: deployments.own.replicas: found 'no'; a number is needed, or min, max and initial"),
        ("replicas: 1", "replicas: 12:30", "found '12:30'; a number is needed"),
        ("replicas: 1", "replicas: 1.5", "found 1.5; a whole number is needed"),
        ("replicas: 1", "replicas: 1e9", "found 1000000000; it should be less than or equal to 10000"),
        ("client: none", "home: no", "deployments.own.home: found the text 'no'; true or false is needed"),
        ("client: none", "timeout: 12:30", "found '12:30', which is not a duration; allowed: 800ms, 3s, 5 min, 2h, 1d"),
        ("client: none", "client: opnai", "found 'opnai'; allowed: anthropic, litellm, none, openai, or the rule itself; did you mean 'openai'?"),
        ("usd_per_gpu_hour: 3.6", "usd_per_gpu_hour: -1", "found -1; it should be greater than or equal to 0"),
        ("usd_per_gpu_hour: 3.6", "usd_per_gpu_hour: .nan", "found 'nan', which is not an amount of money"),
        ("usd_per_gpu_hour: 3.6", "provider: akash\n    purchase: reserved_1y", "s.yaml:8:15: deployments.own.provider: h100-sxm: no price of akash reserved_1y is known; known: runpod on_demand, "),
        ("replicas: 1", "replicas: 1\n    replicas: 2", "s.yaml:8:5: deployments.own.replicas: key given twice; first at s.yaml:7:5"),
        ("{deployment: own, max_wait: 2s}, spill", "own, spill, own", "routing.0.to.2.deployment: routing loop: own -> spill -> own"),
        ("{deployment: own, max_wait: 2s}, spill", "spill, spil", "unknown deployment 'spil'; allowed: own, spill; did you mean 'spill'?"),
        ("{deployment: own, max_wait: 2s}, spill", "", "s.yaml:18:9: routing.0.to: found an empty list; at least 1 needed"),
        ("model: gpt-6.1-sol", "model: gpt-6.1-sol\n    spend_cap_usd: 0", "deployments.spill.spend_cap_usd: found 0; it should be greater than 0"),
        ("usd_per_gpu_hour: 3.6", "usd_per_gpu_hour: 1e308", "it should be less than or equal to 1000000000000"),
        ("kind: gpu", "kind: gpus", "s.yaml:4:5: deployments.own: found kind 'gpus'; allowed: api, gpu; did you mean 'gpu'?"),
        ("    kind: gpu\n", "", "deployments.own: key 'kind' missing; it is required"),
        ("own", '"own\\e[31m"', "found 'own\\x1b[31m'; a name has lower case letters, digits, - and _"),
        ("gpt-6.1-sol", '"gpt\\e[31m\\nfoo"', "found 'gpt\\x1b[31m\\nfoo'; a name has lower case letters"),
        ("description: one", '"\\e]0;t\\a\\nb": one', '"\\x1b]0;t\\x07\\nb": unknown key'),
    ],
    ids=lambda part: part[:30].strip() if isinstance(part, str) else "",
)  # fmt: skip
def test_stacks(capsys: Capture, old: str, new: str, said: str) -> None:
    assert said in stack(capsys, STACK.replace(old, new, -1 if old == "own" else 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "s.yaml: empty; keys and values are needed"),
        ("# nothing but this\n", "s.yaml: empty"),
        ("[]", "s.yaml:1:1: found an empty list; keys and values are needed"),
        ("deployments: 5", "s.yaml:1:14: deployments: found 5; keys and values are needed"),
        ("deployments: {}", "deployments: found an empty mapping; at least 1 needed"),
        ("deployments:\n\t- x", "s.yaml:2:1: not valid YAML: "),
        ("{", "not valid YAML"),
        (STACK + "---\n" + STACK, "2 documents in one file; one is needed"),
        (STACK + 'x: !!python/object/apply:os.system ["echo hi"]\n', "no tags are read"),
        (BOMB, "more than 100 aliases; write the values out"),
        ("a: &a [*a]", "alias *a stands inside the value it repeats"),
        ("x" * 5_000_000, "s.yaml: more than 4194304 bytes"),
        ("x: " + "[" * 200 + "]" * 200, "nested more than 64 deep"),
        ("\0", "s.yaml:1:1: control character '\\x00'"),
        ("deployments: \x1b[31m", "s.yaml:1:14: control character '\\x1b'"),
        ("deployments:\n  own: {kind: gpu, llm: llama-3.1-405b, gpu: h100-sxm}\n", "precision fp8 with tensor_parallel 8 (8 GPUs) would do"),
        ("deployments:\n  own: {kind: gpu, llm: llama-3.1-70b, gpu: h100-sxm}\n", "tensor_parallel 2 (2 GPUs) would do; precision fp8 would do on 1 GPU"),
        ("deployments:\n  own: {kind: gpu, llm: llama-3.1-70b, gpu: h100-sxm, tensor_parallel: 3}\n", "tensor_parallel: found 3; allowed for llama-3.1-70b"),
        ("deployments:\n  own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, replicas: 0}\n", "s.yaml:2:64: deployments.own.replicas: own has zero replicas and there is no fallback"),
        ("deployments:\n  own: {kind: gpu, llm: llama-3.1-8b, gpu: a30}\n", "deployments.own.gpu: a30: no provider given to buy it on_demand"),
    ],
    ids=lambda part: part[:40].strip() if len(part) < 4000 else "long",
)  # fmt: skip
def test_files_that_are_no_stack(capsys: Capture, text: str, said: str) -> None:
    assert said in stack(capsys, text)


def test_a_stack_is_named_by_file_or_name(capsys: Capture) -> None:
    Path("latin.yaml").write_bytes(b"deployments: \xe9")
    for name, said in {
        "hybird": "no stack 'hybird'; allowed: api-first, ",
        "nope.yaml": "nope.yaml: no such file",
        "trace.parquet": "trace.parquet: not a stack; a YAML file (.yaml or .yml) is needed, or a name: api-first, ",
        "latin.yaml": "latin.yaml:1:14: not UTF-8 text (byte 0xe9)",
        "~nobody-here/s.yaml": "~nobody-here/s.yaml: no such file",
        "y" * 5000 + ".yaml": "File name too long",
        ".": ".: a folder; a stack is a YAML file",
    }.items():
        assert said in refused(capsys, "run", "trace.parquet", "--stack", name)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        *[(each, f"--set {each}: found no key and value; allowed: key.path=value") for each in ("", "=", "=5", "a", "deployments..own=1", "deployments.own.replicas: 2")],
        ("a=1", "--set a: unknown key 'a'; allowed: description, deployments, routing, router, data_home, slo"),
        ("deployments=5", "--set deployments: found 5; keys and values are needed"),
        ("deployments.own.replicas=", "--set deployments.own.replicas: found nothing; a number is needed"),
        ("deployments.won.replicas=2", "--set deployments.won.replicas: unknown deployment 'won'; allowed: own, spill; did you mean 'own'?"),
        ("deployments.own.replicas.max=[", "--set deployments.own.replicas.max:2:1: not valid YAML"),
        ("deployments.own.replicas.max=*a", "alias *a has no anchor"),
        ("deployments.own.replicas.max=!!int 3", "no tags are read"),
        (f"deployments.own.replicas={'9' * 5000}", "a number of 5000 digits; at most 300 are read"),
        ("routing.5.to=own", "--set routing.5.to: '5' in the list routing; an item number from 0 to 1 is needed"),
        ("routing.-1.to=own", "an item number from 0 to 1 is needed"),
        ("deployments.own.kind=api", "error: --set deployments.own.kind=api: small.yaml:7:5: deployments.own.replicas: unknown key 'replicas'"),
        ("deployments.own.llm=\u202eevil", "found '\\u202eevil'; a name has lower case letters"),
        ("deployments.own.\x1b[31m=1", "unknown key '\\x1b[31m'"),
        ("slo.completed=101%", "found '101%', which is not a share between 0 and 1"),
    ],
    ids=lambda part: part[:30],
)  # fmt: skip
def test_settings(capsys: Capture, setting: str, said: str) -> None:
    assert said in refused(capsys, *BASE, "--set", setting)


@pytest.mark.parametrize(
    ("command", "given", "said"),
    [
        ("run", ("--set", "deployments.own.tensor_parallel=3"), "--set deployments.own.tensor_parallel=3: models/stacks/self-hosted.yaml:5:5: "),
        ("run", ("--set", "deployments.own.replicas=0"), "--set deployments.own.replicas=0: models/stacks/self-hosted.yaml:12:10: routing"),
        ("run", ("--set", "outlook.demand.growth_per_month=2"), "--set outlook.demand.growth_per_month=2: models/outlooks/base.yaml:4:3: "),
        ("plan", ("--months", "2", "--growth", "5"), "--growth 5: models/outlooks/base.yaml:4:3: demand: found growth_per_month 5"),
        ("compare", ("--set", "deployments.own.replicas=0"), "--set deployments.own.replicas=0: models/stacks/self-hosted.yaml:12:10: "),
    ],
)  # fmt: skip
def test_what_a_setting_breaks_in_a_file_is_said_of_the_setting(capsys: Capture, command: str, given: tuple[str, ...], said: str) -> None:
    stack = ("--stack", "self-hosted", "--stack", "autoscaled-hpa") if command == "compare" else ("--stack", "self-hosted")
    assert said in refused(capsys, command, "trace.parquet", *stack, *given)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("at: 10s, kind: api_outage, deployment: nope, duration: 1h", "f.yaml:2:45: events.0.deployment: unknown deployment 'nope'; allowed: spill"),
        ("at: -5s, kind: api_outage, duration: 1h", "f.yaml:2:10: events.0.at: found the text '-5s'; it should be greater than or equal to 0"),
        ("at: 5s, kind: api_outage, deployment: own, duration: 1h", "api_outage happens to deployments of kind api, which own is not"),
        ("at: 5s, kind: api_outag, duration: 1h", "did you mean 'api_outage'?"),
        ("at: 5s, kind: api_outage", "f.yaml:2:5: events.0: api_outage needs duration"),
        ("at: 5s, at: 6s, kind: api_outage", "events.0.at: key given twice"),
        ("at: 5s, kind: demand_factor, factor: 1e9", "events.0.factor: found 1000000000"),
        ("at: .inf, kind: price_change, factor: 2", "found 'inf', which is not a duration"),
    ],
    ids=lambda part: part[:40],
)  # fmt: skip
def test_events(capsys: Capture, event: str, said: str) -> None:
    err = with_file(capsys, "--events", f"events:\n  - {{{event}}}\n")
    assert said in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f.yaml: empty"),
        ("api:\n  gpt-6.1-so: {input_usd_per_mtok: 1, output_usd_per_mtok: 2}\n", "f.yaml:2:3: api.\"gpt-6.1-so\": unknown api 'gpt-6.1-so'; did you mean 'gpt-6.1-sol'?"),
        ("api:\n  gpt-6.1-sol: {input_usd_per_mtok: -1, output_usd_per_mtok: 2}\n", "found -1; it should be greater than or equal to 0"),
        ("api:\n  gpt-6.1-sol: {input_usd_per_mtok: 1}\n", "give a discount, or input_usd_per_mtok and output_usd_per_mtok"),
        ("api:\n  gpt-6.1-sol: {input_usd_mtok: 1}\n", "did you mean 'input_usd_per_mtok'?"),
        ("api:\n  gpt-6.1-sol: {input_usd_per_mtok: '=1+1', output_usd_per_mtok: 2}\n", "found the text '=1+1'; a number is needed"),
        ("api:\n  gpt-6.1-sol: {discount: 150%}\n", "found '150%', which is not a share between 0 and 1"),
        ("api:\n  gpt-6.1-sol: {discount: 10%, input_usd_per_mtok: 1}\n", "give a discount or rates, not both"),
        ("gpu:\n  h100-sxm: 3\n", "gpu.h100-sxm: found 3; a list is needed"),
        ("api:\n  gpt-6.1-sol: {input_usd_per_mtok: 1e308, output_usd_per_mtok: 2}\n", "it should be less than or equal to 1000000"),
        ("gpus: 3\n", "f.yaml:1:1: gpus: unknown key 'gpus'; allowed: api, gpu, machine; did you mean 'gpu'?"),
    ],
    ids=lambda part: part[:30].strip(),
)  # fmt: skip
def test_prices(capsys: Capture, text: str, said: str) -> None:
    assert said in with_file(capsys, "--prices", text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--events", "none.yaml"], "none.yaml: no such file"),
        (["--events", "."], ".: a folder; a file is needed"),
        (["--events", "small.yaml"], "small.yaml:1:1: events: key missing; it is required"),
        (["--prices", "none.yaml"], "none.yaml: no such file"),
        (["--prices", "y" * 5000], "File name too long"),
        (["--models", "none"], "none: no such folder of models"),
        (["--models", "y" * 5000], "File name too long"),
        (["--date", ""], "--date: found ''; a day as 2026-11-21 is needed"),
        (["--date", "2026-13-01"], "--date: found '2026-13-01'"),
        (["--date", "9999-12-31"], "--date: found '9999-12-31'; allowed: a day from 2000 to 2099, as 2026-11-21"),
        (["--seed", "abc"], "--seed"),
        (["--format", "xml"], "--format"),
        (["--no-such-option"], "--no-such-option"),
        (["another"], "another"),
        (["-o", "."], ".: already there; give another folder with -o, or --force to replace it"),
        (["-o", "small.yaml"], "small.yaml: already there"),
        (["-o", "small.yaml", "--force"], "small.yaml: is not a folder; it is left as it is"),
        (["-o", ".", "--force"], ".: holds something else than a run (no run.json); it is left as it is"),
        (["-o", "small.yaml/r"], "small.yaml/r: small.yaml is a file, not a folder"),
        (["-o", "r" * 300], "File name too long"),
        (["-o", "r" * 250], "could not be written: File name too long; nothing was left there"),
    ],
    ids=lambda part: " ".join(part)[:30] if isinstance(part, list) else "",
)  # fmt: skip
def test_options(capsys: Capture, options: list[str], said: str) -> None:
    assert said in refused(capsys, *BASE, *options)


def test_other_commands_refuse_alike(capsys: Capture) -> None:
    for arguments, said in {
        ("trace", "describe", "y" * 5000): "File name too long",
        (
            "trace",
            "import",
            "trace.parquet",
            "-o",
            "none/t.parquet",
        ): "none/t.parquet: cannot be written: there is no folder none; make it first",
        ("check", "y" * 5000): "File name too long",
        ("explain", "small.yaml", "--trace", "y" * 5000): "File name too long",
        ("init", "y" * 5000): "File name too long",
        ("catalog", "show", "../../x"): "unknown name '../../x'",
    }.items():
        assert said in refused(capsys, *arguments)


def test_events_that_come_too_late_are_told(capsys: Capture) -> None:
    Path("f.yaml").write_text("events:\n  - {at: 9d, kind: api_outage, duration: 1h}\n")
    code, _, err = run(capsys, *BASE, "--events", "f.yaml")
    assert code == 0
    assert "note: api_outage at 9.00 d comes after the end of the trace, at 2.44 min" in " ".join(err.split())


def started(root: Path, *arguments: str, **given: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "sim", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **given)  # type: ignore[call-overload, no-any-return]


def test_the_process_itself_refuses_alike(root: Path) -> None:
    process = started(root, "run", "none.parquet")
    assert process.communicate(timeout=60) == ("", "error: none.parquet: no such file; did you mean 'trace.parquet'?\n")
    assert process.returncode == 2


@pytest.mark.parametrize(("name", "code", "said"), [("SIGINT", 130, "interrupted\n"), ("SIGTERM", 143, "")])
def test_a_process_that_is_stopped_leaves_nothing(root: Path, name: str, code: int, said: str) -> None:
    """While its files are being written, which a slow disk is made of here."""
    import signal

    slow = "import sys, time; from sim.report import run_tables; run_tables.write_csv = lambda *_: (open('here', 'w').close(), time.sleep(60)); from sim.cli.main import run; run()"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen(
        [sys.executable, "-c", slow, *BASE, "-o", "r"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs start with SIGINT ignored
    )  # fmt: skip
    until = time.monotonic() + 200
    while not Path("here").exists() and time.monotonic() < until and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.removeprefix("note: compiling")) == (code, "", said)
    assert {each.name for each in Path().iterdir()} == {"here", "small.yaml", "trace.parquet"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_under_stdout(root: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        process = subprocess.Popen(
            [sys.executable, "-m", "sim", "trace", "describe", "trace.parquet"], stdout=full, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )  # fmt: skip
        assert process.communicate(timeout=60)[1] == "error: the result could not be written: No space left on device\n"
    assert process.returncode == 2
