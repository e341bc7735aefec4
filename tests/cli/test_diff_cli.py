"""`sim diff` and `--fail-if`: what is asked and refused before anything runs, exit codes, files, plans before and after, manifests."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from sim.futures.forecast import Forecast
from sim.futures.run import Question
from tests.made import command
from tests.made.ahead import ahead
from tests.made.command import Capture
from tests.made.told import Told, tell
from tests.made.world import STACK, write_trace, write_world

HEAD = STACK.replace("replicas: 1", "replicas: 2")
SHORT = ("--months", "2", "--futures", "20")
REPLAY = ("--months", "0")
GATE = "--fail-if"


def months(name: str, question: Question) -> Forecast:
    """The head costs a third more."""
    return ahead(
        question.calendar.months, question.futures, start=question.calendar.start, outlook=question.outlook_name, stack=name,
        scale=4 / 3 if name == "head" else 1.0, seed=question.seed,
    )  # fmt: skip


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with trace.parquet, small.yaml and head.yaml."""
    write_world(tmp_path)
    (tmp_path / "head.yaml").write_text(HEAD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def asked(world: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """The same, and a forecast that answers at once."""
    return tell(monkeypatch, months)


def diff(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    return command.run(capsys, "diff", *arguments, "--trace", "trace.parquet")


def data(capsys: Capture, *arguments: str, code: int = 0) -> dict[str, Any]:
    got, out, err = diff(capsys, *arguments, "--format", "json")
    assert got == code, err
    found: dict[str, Any] = json.loads(out)
    return found


def refused(capsys: Capture, *arguments: str) -> str:
    return command.refused(capsys, "diff", *arguments, "--trace", "trace.parquet")


def test_a_change_and_its_gates(asked: Told, capsys: Capture) -> None:
    code, out, err = diff(capsys, "small.yaml", "head.yaml", *SHORT, GATE, "delta.total.tco_usd.p50 > 5%", GATE, "gpus > 64")
    assert code == 1 and out.startswith("1 deployment changed. Over 2 months, 2026-11 to 2026-12, the TCO is $")
    assert max(map(len, out.splitlines())) <= 80
    assert "delta.total.tco_usd.p50 > 5%  +33.3 %; FAILS by 28.3 pp" in out and "gpus > 64" in out
    assert "failed: delta.total.tco_usd.p50 > 5%: measured +33.3 %; FAILS by 28.3 pp" in " ".join(err.split())
    assert [each.name for each in asked.stacks] == ["small", "head"]


def test_gates_that_hold_end_with_0_and_quiet_says_nothing(asked: Told, capsys: Capture) -> None:
    code, _, err = command.run(capsys, "-q", "diff", "small.yaml", "head.yaml", "--trace", "trace.parquet", *SHORT, GATE, "p_dearer < 1")
    assert (code, err) == (0, "")
    code, _, err = command.run(capsys, "-q", "diff", "small.yaml", "head.yaml", "--trace", "trace.parquet", *SHORT, GATE, "p_dearer > 99%")
    assert code == 1 and err.startswith("failed: p_dearer > 99%: measured 100 %")


def test_the_same_is_a_tie_to_the_cent_and_forecast_once(asked: Told, capsys: Capture) -> None:
    shutil.copy("small.yaml", "copy.yaml")
    gates = (GATE, "delta.total.tco_usd.p95 > 0", GATE, "delta.ttft_p99 > 0", GATE, "delta.gpu_hours > 0%")
    for head in ("small.yaml", "copy.yaml"):
        found = data(capsys, "small.yaml", head, *SHORT, *gates)
        assert found["unchanged"] and found["costs"]["tco"]["tie"] and found["parts"] == []
        assert found["costs"]["tco"]["difference_usd"]["p95"] == 0
        assert [(each["measured"], each["failed"]) for each in found["gates"]] == [(0, False)] * 3
    assert len(asked.stacks) == 3


def test_replays_alone(world: Path, capsys: Capture) -> None:
    found = data(capsys, "small.yaml", "head.yaml", *REPLAY, GATE, "ttft_p99.9 > 0ms", GATE, "delta.usd_per_month > 99%", code=1)
    assert found["costs"] is None and found["months"] == []
    rows = {each["figure"]: each for each in found["replay"]}
    assert (rows["gpus"]["base"], rows["gpus"]["head"], rows["gpus"]["relative"]) == (1, 2, 1)
    assert rows["usd_per_month"]["base"] == pytest.approx(3.6 * 730, rel=1e-9)
    assert found["gates"][1]["measured"] == pytest.approx(1.0, rel=1e-6)
    alone = command.replayed(capsys, "trace.parquet", "--stack", "head.yaml")
    for name in ("ttft", "tpot", "e2e"):
        for quantile in ("p50", "p95", "p99"):
            assert rows[f"{name}_{quantile}"]["head"] == alone["latency"][f"{name}_s"][quantile]
    assert rows["load"]["head"] == alone["deployments"]["own"]["load"]
    assert rows["busy_share"]["head"] == pytest.approx(alone["deployments"]["own"]["busy_share"])


def test_real_months(world: Path, capsys: Capture) -> None:
    """One real pair: figures of gates are those of the summaries, and the difference that of the draws."""
    import pyarrow.parquet as pq

    write_trace(Path("trace.parquet"), rows=60, rate=0.1)
    arguments = ("--outlook", "certain", "--months", "1", "--futures", "20", "--workers", "1", "-o", "r")
    found = data(capsys, "small.yaml", "head.yaml", *arguments, GATE, "monthly.invoice_usd.p95 > 1", code=1)
    summary = json.loads(Path("r/head/summary.json").read_text())
    (gate,) = found["gates"]
    assert gate["measured"] == summary["monthly"][0]["invoice_usd"]["p95"] and gate["se"] == summary["monthly"][0]["invoice_usd"]["se_p95"]
    draws = [pq.read_table(f"r/{side}/draws.parquet")["tco_usd"].to_pylist() for side in ("base", "head")]
    apart = [head - base for base, head in zip(*draws, strict=True)]
    assert found["costs"]["tco"]["difference_usd"]["mean"] == pytest.approx(math.fsum(apart) / 20, rel=1e-9)
    assert found["costs"]["tco"]["p_dearer"] == 1.0


def test_files(asked: Told, capsys: Capture) -> None:
    code, out, _ = diff(capsys, "small.yaml", "head.yaml", *SHORT, "--format", "md", "-o", "r", GATE, "gpus > 64")
    assert code == 0 and Path("r/diff.md").read_text() == out and out.startswith("<!-- sim-diff:trace -->\n")
    assert {each.name for each in Path("r").iterdir()} == {"run.json", "diff.json", "diff.md", "report.html", "base", "head"}
    tables = {"stack.resolved.yaml", "summary.json", "monthly.csv", "monthly.parquet", "capacity.csv", "draws.parquet"}
    for side in ("base", "head"):
        assert tables <= {each.name for each in Path("r", side).iterdir()}
    record = json.loads(Path("r/run.json").read_text())
    assert record["gates"] == ["gpus > 64"] and record["base"]["forecast"]["months"] == 2 and "head" in record
    assert "already there" in refused(capsys, "small.yaml", "head.yaml", *SHORT, "-o", "r")


def test_the_folder_is_named_by_all_that_it_depends_on(asked: Told, capsys: Capture) -> None:
    diff(capsys, "small.yaml", "head.yaml", *SHORT)
    diff(capsys, "small.yaml", "head.yaml", *SHORT, "--workers", "1")
    (folder,) = Path("outputs").iterdir()
    assert folder.name.startswith("trace-diff-")
    diff(capsys, "head.yaml", "small.yaml", *SHORT)
    diff(capsys, "small.yaml", "head.yaml", *SHORT, GATE, "gpus > 1")
    assert len(list(Path("outputs").iterdir())) == 3


def test_output_is_the_same_to_the_byte(asked: Told, capsys: Capture) -> None:
    for form in ("table", "md"):
        first, second = (diff(capsys, "small.yaml", "head.yaml", *SHORT, "--format", form)[1] for _ in range(2))
        assert first == second and "outputs" not in first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*REPLAY, GATE, "monthly.tco_usd.p95 > 3"), "is a figure of months, and with --months 0 there are none"),
        ((*REPLAY, GATE, "tfft_p99 > 3s"), "did you mean 'ttft_p99'?"),
        ((GATE, "load.p95 > 3"), "column 5"),
        ((*REPLAY, "--outlook", "stress"), "--outlook: is about months"),
        ((*REPLAY, "--set", "deployments.own.replicsa=2"), "BASE: "),
        (("--stack", "hybrid"), "--stack: says what a plan or manifests cannot"),
        (("--kubernetes", "k8s"), "--kubernetes: says what a plan or manifests cannot"),
    ],
)
def test_what_is_refused_before_anything_runs(
    world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr("sim.cost.replay.replay", lambda *_args, **_more: pytest.fail("it ran"))
    assert said in refused(capsys, "small.yaml", "head.yaml", *arguments)


def test_a_figure_that_a_side_will_not_have(world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.cost.replay.replay", lambda *_args, **_more: pytest.fail("it ran"))
    assert "load of api-first is a figure of GPUs, and there are none" in refused(
        capsys, "small.yaml", "api-first", *REPLAY, GATE, "load > 80%"
    )
    assert "load of api-first" in refused(capsys, "api-first", "small.yaml", *REPLAY, GATE, "delta.load > 0")
    monkeypatch.undo()


def test_base_need_not_have_what_a_gate_on_head_is_about(world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world)
    assert diff(capsys, "api-first", "small.yaml", *REPLAY, GATE, "load > 80%")[0] == 0


def test_both_sides_are_told_what_is_wrong(world: Path, capsys: Capture) -> None:
    err = refused(capsys, "smal.yaml", "hybird")
    assert "BASE: smal.yaml: no such file; did you mean 'small.yaml'?" in err and "HEAD: no stack 'hybird'" in err
    assert "HEAD: missing; small.yaml is a stack" in refused(capsys, "small.yaml")


def test_a_gate_the_wrong_way_round_is_noted(world: Path, capsys: Capture) -> None:
    _, _, err = diff(capsys, "small.yaml", "head.yaml", *REPLAY, GATE, "completed > 0.5")
    assert "fails where that is so, and completed_share is better high" in " ".join(err.split())


# --- plans and manifests ---

GROUP = "aws_instance.h100"


def plan(before: int, after: int) -> dict[str, Any]:
    """A plan of so many instances of eight H100 each, before and after."""

    def instances(count: int) -> list[dict[str, Any]]:
        return [
            {
                "address": f"{GROUP}[{k}]", "mode": "managed", "type": "aws_instance", "name": "h100", "index": k,
                "provider_name": "registry.terraform.io/hashicorp/aws", "schema_version": 1,
                "values": {"instance_type": "p5.48xlarge", "availability_zone": "us-east-1a", "ami": "ami-1", "tags": None, "user_data": "SECRET"},
                "sensitive_values": {},
            }
            for k in range(count)
        ]  # fmt: skip

    def values(count: int) -> dict[str, Any]:
        return {"root_module": {"resources": instances(count)}}

    changes = [
        {
            "address": each["address"], "mode": "managed", "type": "aws_instance", "name": "h100", "index": each["index"],
            "provider_name": each["provider_name"],
            "change": {"actions": ["create"] if each["index"] >= before else ["no-op"], "before": None, "after": each["values"], "after_unknown": {}},
        }
        for each in instances(after)
    ]  # fmt: skip
    prior = {"format_version": "1.0", "terraform_version": "1.9.0", "values": values(before)} if before else None
    return {
        "format_version": "1.2", "terraform_version": "1.9.0", "planned_values": values(after), "resource_changes": changes,
        **({"prior_state": prior} if prior else {}),
    }  # fmt: skip


def test_a_plan_alone_is_before_against_after(world: Path, capsys: Capture) -> None:
    Path("plan.json").write_text(json.dumps(plan(1, 2)))
    found = data(capsys, "plan.json", *REPLAY, "-o", "r", GATE, "gpus > 8", code=1)
    (group,) = found["groups"]
    assert (group["name"], group["state"]) == (GROUP, "changed")
    assert {("max", 1, 2), ("min", 1, 2)} <= {
        (each["key"].removeprefix(f"{GROUP}."), each["old"], each["new"]) for each in group["changes"]
    }
    rows = {each["figure"]: each for each in found["replay"]}
    assert (rows["gpus"]["base"], rows["gpus"]["head"]) == (8, 16)
    assert found["base"]["name"] == "plan (prior)" and found["head"]["name"] == "plan (planned)"
    assert any("assumed" in note for note in found["head"]["notes"])
    assert not any("SECRET" in each.read_text(errors="replace") for each in Path("r").rglob("*") if each.is_file())


def test_a_plan_against_a_stack_with_a_stack_that_says_what_runs(world: Path, capsys: Capture) -> None:
    Path("plan.json").write_text(json.dumps(plan(0, 1)))
    found = data(capsys, "small.yaml", "plan.json", "--stack", "small.yaml", *REPLAY)
    assert [(each["name"], each["state"]) for each in found["groups"]] == [(GROUP, "added")]
    assert found["unchanged_deployments"] == ["spill"]
    Path("bin").write_bytes(b"PK\x03\x04")
    assert len(refused(capsys, "bin", *REPLAY).splitlines()) == 1  # wrong with both states, told once
    err = refused(capsys, "plan.json", *REPLAY)
    assert (
        "BASE (prior state): plan.json: the prior state has no machines with GPUs" in err and "sim run TRACE --terraform plan.json" in err
    )


def test_manifests(world: Path, capsys: Capture) -> None:
    Path("k8s").mkdir()
    Path("k8s/server.yaml").write_text(
        """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: llama}
spec:
  replicas: 1
  selector: {matchLabels: {app: llama}}
  template:
    metadata: {labels: {app: llama}}
    spec:
      nodeSelector: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}
      containers:
      - name: vllm
        image: vllm/vllm-openai:v0.33.0
        args: [--model, meta-llama/Llama-3.1-8B-Instruct]
        resources: {limits: {nvidia.com/gpu: 1}}
"""
    )
    text = Path("k8s/server.yaml").read_text()
    Path("more.yaml").write_text(text.replace("replicas: 1", "replicas: 3"))
    found = data(capsys, "k8s", "more.yaml", *REPLAY)
    (part,) = found["parts"]
    assert part["name"] == "deployments.llama" and ("deployments.llama.replicas.max", 1, 3) in [
        (each["key"], each["old"], each["new"]) for each in part["changes"]
    ]


# --- sim compare ---


def compared(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    return command.run(capsys, "compare", "trace.parquet", "--stack", "small.yaml", "--stack", "head.yaml", *SHORT, *arguments)


def test_compare_takes_gates_for_every_stack_and_for_one(asked: Told, capsys: Capture) -> None:
    code, out, err = compared(capsys, GATE, "gpus > 1", GATE, "small: gpus > 1", "--format", "json")
    assert code == 1
    found = json.loads(out)["gates"]
    assert [(each["gate"], each["stack"], each["failed"]) for each in found] == [
        ("gpus > 1", "small", False), ("gpus > 1", "head", True), ("small: gpus > 1", "small", False),
    ]  # fmt: skip
    assert "failed: head: gpus > 1: measured 2; FAILS by 1" in err
    code, out, _ = compared(capsys, GATE, "gpus > 2")
    assert code == 0 and "\nGates " in out


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("hed: gpus > 1", "no stack 'hed'; allowed: small, head; did you mean 'head'?"),
        ("delta.gpus > 1", "in sim diff, which has a BASE and a HEAD"),
        ("gpu > 1", "did you mean 'gpus'?"),
    ],
)
def test_compare_refuses_gates_before_it_runs(world: Path, capsys: Capture, gate: str, said: str) -> None:
    command_line = ("compare", "trace.parquet", "--stack", "small.yaml", "--stack", "head.yaml", GATE, gate)
    assert said in command.refused(capsys, *command_line)


def test_a_closed_loop_has_no_months_and_its_replay_has_gates(world: Path, capsys: Capture) -> None:
    Path("loop.yaml").write_text(
        """\
about: A load generator.
source: made up
as_of: 2026-11-21
traffic:
  chat:
    closed_loop: {clients: 4, think_s: {law: exponential, mean: 1}, requests: 60}
    prompt_tokens: {law: lognormal, median: 300, sigma: 0.5}
    output_tokens: {law: geometric, mean: 60}
"""
    )
    code, _, err = command.run(capsys, "trace", "synth", "loop.yaml")
    assert code == 0, err
    asked = ("small.yaml", "head.yaml", "--trace", "loop.parquet", GATE, "usd_per_month > 1")
    assert "allowed: --months 0, the replay alone" in command.refused(capsys, "diff", *asked)
    assert command.run(capsys, "diff", *asked, *REPLAY)[0] == 1
