"""`sim check`, `sim explain`, `sim init`: what they print and write, and how they answer a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.catalog.catalog import Catalog
from sim.cli.main import exit_code

STACK = """\
deployments:
  own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, replicas: 2}
"""
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: chat}
spec:
  template:
    spec:
      containers:
        - image: vllm/vllm-openai
          args: [--model, meta-llama/Llama-3.1-8B-Instruct]
          resources: {limits: {nvidia.com/gpu: 1}}
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    assert exit_code(list(arguments)) == code
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_check_says_what_each_file_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text(STACK)
    (tmp_path / "events.yaml").write_text("events:\n  - {at: 1h, kind: gpu_failure, deployment: own, duration: 1h}\n")
    (tmp_path / "prices.yaml").write_text("api:\n  gpt-6-luna: {discount: 10%}\n")
    out, err = run(
        capsys, "check", "stack.yaml", "prices.yaml", "workloads/steady.parquet", "workloads/recipes/bursty.yaml", "models/gpus/l4.yaml"
    )
    assert err == ""
    lines = [line for line in out.splitlines() if not line.startswith("  ")]
    assert lines[0] == "stack.yaml: OK: stack, 1 deployment"
    assert lines[1] == "prices.yaml: OK: prices, 1 entry"
    assert lines[2].startswith("workloads/steady.parquet: OK: trace, ")
    assert lines[3] == "workloads/recipes/bursty.yaml: OK: recipe"
    assert lines[4] == "models/gpus/l4.yaml: OK: gpu, l4"
    assert "OK: events, 1 event;" in run(capsys, "check", "events.yaml")[0]
    assert run(capsys, "check", "events.yaml", "--stack", "stack.yaml")[0] == "events.yaml: OK: events, 1 event\n"


def test_check_of_a_space(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("gpu: [stack, h200-sxm]\nreplicas: 1:8\nmax_num_seqs: [0]\n")
    assert run(capsys, "check", "space.yaml", code=2)[1] == (
        "error: space.yaml:3:16: max_num_seqs.0: found 0; allowed: stack or a whole number from 1 to 16,384\n"
    )
    (tmp_path / "space.yaml").write_text("gpu: [stack, h200-sxm]\nreplicas: 1:8\n")
    assert run(capsys, "check", "space.yaml")[0] == "space.yaml: OK: space, of gpu, replicas\n"
    (tmp_path / "space.yaml").write_text("replicas: 1:8\ngpu: []\n")
    assert run(capsys, "check", "space.yaml")[0].startswith("space.yaml: OK: space, empty: gpu: found no values")
    (tmp_path / "one.yaml").write_text("replica: 1\n")
    assert "did you mean 'replicas'" in run(capsys, "check", "one.yaml", "--kind", "space", code=2)[1]


def test_check_passes_every_bundled_file(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    for kind in ("stacks", "clients", "defaults", "providers"):
        for path in sorted((root / "models" / kind).glob("*.yaml")):
            assert ": OK: " in run(capsys, "check", str(path))[0]


def test_check_reports_all_problems_of_all_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(STACK)
    (tmp_path / "bad.yaml").write_text(STACK.replace("h100-sxm", "h100-smx").replace("llama-3.1-8b", "llama-3.1-9b"))
    (tmp_path / "events.yaml").write_text("events:\n  - {at: 1h, kind: gpu_failure, deployment: owm, duration: 1h}\n")
    out, err = run(capsys, "check", "bad.yaml", "good.yaml", "events.yaml", "none.yaml", "--stack", "good.yaml", code=2)
    assert out == "good.yaml: OK: stack, 1 deployment\n"
    assert [line.split(": ")[1] for line in err.splitlines()] == ["bad.yaml:2:25", "bad.yaml:2:44", "events.yaml:2:45", "none.yaml"]
    assert "did you mean 'llama-3.1-8b'" in err and "did you mean 'h100-sxm'" in err and "did you mean 'own'" in err


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "x.yaml: empty"),
        ("- 1\n", "found no keys"),
        ("colour: red\n", "no kind of file has these keys: colour"),
        ("a: 1\na: 2\n", "x.yaml:2:1: a: key given twice"),
        ("deployments: &a [*a]\n", "alias"),
    ],
)
def test_check_of_what_is_no_file_of_ours(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    out, err = run(capsys, "check", "x.yaml", code=2)
    assert out == "" and what in err


def test_check_takes_a_kind(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(STACK)
    assert "events.yaml" not in run(capsys, "check", "x.yaml", "--kind", "stack")[0]
    assert "did you mean 'stack'" in run(capsys, "check", "x.yaml", "--kind", "stak", code=2)[1]


@pytest.mark.parametrize("name", Catalog.load().names("stack"))
def test_explain_fits_a_terminal(capsys: pytest.CaptureFixture[str], name: str) -> None:
    out, err = run(capsys, "explain", name)
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    for title in ("deployments", "routing", "numbers", "sources"):
        assert any(line.startswith(title) for line in out.splitlines()), title


def test_explain_never_cuts_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    """Each stands whole in the table, so that no two look alike and each can be given to --set."""
    out, _ = run(capsys, "explain", "hybrid")
    data = json.loads(run(capsys, "explain", "hybrid", "--format", "json")[0])
    group, seen = "", []
    for line in out.split("numbers (the last")[1].split("\nsources")[0].splitlines()[1:]:
        if line and not line.startswith(" "):
            group = line
        elif line.startswith("  ") and line[2] != " ":
            seen.append(f"{group}.{line.strip().split('  ')[0]}")
    keys = [entry["key"] for entry in data["numbers"]]
    assert any(len(key) > 60 for key in keys)
    shown = [each.partition(" ")[0] if "(" not in each else each for each in seen]
    wanted = [key if "(" in key else key.partition(" ")[0] for key in keys]
    assert sorted(shown) == sorted(wanted)


def test_explain_says_where_numbers_come_from(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(STACK)
    data = json.loads(run(capsys, "explain", "mine.yaml", "--set", "deployments.own.timeout=9s", "--format", "json")[0])
    numbers = {entry["key"]: entry for entry in data["numbers"]}
    assert data["schema_version"] == 1
    assert numbers["deployments.own.timeout"] == {
        "key": "deployments.own.timeout", "value": 9.0, "unit": "s", "label": "given", "source": "--set deployments.own.timeout", "as_of": "",
    }  # fmt: skip
    assert numbers["deployments.own.replicas.max"]["source"] == "mine.yaml:2:54"
    assert {entry["label"] for entry in data["numbers"]} <= {"given", "default", "measured", "calibrated", "estimated", "vendor", "assumed"}
    out = run(capsys, "explain", "mine.yaml", "--set", "deployments.own.timeout=9s")[0]
    assert "  timeout                                      9 s            given      --set" in out
    markdown = run(capsys, "explain", "mine.yaml", "--format", "md")[0]
    assert markdown.startswith("# mine\n") and "| deployments.own.replicas.max | 2 |  | given | mine.yaml:2:54 |  |" in markdown


def test_a_text_of_the_stack_steers_neither_terminal_nor_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(r'description: "red \e[31m <script>"' + "\n" + STACK)
    assert "\x1b" not in run(capsys, "explain", "mine.yaml")[0]
    page = run(capsys, "explain", "mine.yaml", "--format", "md")[0]
    assert "\x1b" not in page and "<script>" not in page and "script" in page


def test_explain_with_a_trace_chooses_tiers(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "explain", "api-first", "--trace", "workloads/batch-nightly.parquet", "--format", "json")[0]
    data = json.loads(out)
    assert any("holds the forecast" in note for note in data["notes"])
    assert "main:batch" in data["deployments"]


def test_explain_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = run(capsys, "explain", "hybrd", code=2)
    assert out == "" and "did you mean 'hybrid'" in err
    assert "unknown key" in run(capsys, "explain", "--set", "slo.ttft=1s", code=2)[1]


def test_init_writes_a_folder_that_checks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out, _ = run(capsys, "init", "mine")
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["README.md", "recipe.yaml", "stack.yaml"]
    assert [Path(line).name for line in out.splitlines()] == ["stack.yaml", "recipe.yaml", "README.md"]
    run(capsys, "check", "mine/stack.yaml", "mine/recipe.yaml")
    assert (tmp_path / "mine" / "README.md").read_text().startswith("# mine\n")


def test_init_names_no_schema_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run(capsys, "init", "mine", "--stack", "self-hosted")
    for name in ("stack.yaml", "recipe.yaml"):
        assert "$schema" not in (tmp_path / "mine" / name).read_text()
    assert "sim schema stack > stack.schema.json" in (tmp_path / "mine" / "README.md").read_text()


def test_an_export_is_no_file_to_check(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text('{"schema_version": 1, "kind": "run", "trace": "x", "version": "1", "tables": []}')
    err = run(capsys, "check", "export.json", code=2)[1]
    assert "export.json: written by sim itself, of which there is nothing to check" in err and "base" not in err


def test_init_never_replaces_unasked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "stack.yaml").write_text("precious")
    _, err = run(capsys, "init", "mine", code=2)
    assert "mine/stack.yaml: already there; --force replaces it" in err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["stack.yaml"]
    assert (tmp_path / "mine" / "stack.yaml").read_text() == "precious"
    run(capsys, "init", "mine", "--force", "--stack", "spot")
    assert "Spot GPUs" in (tmp_path / "mine" / "stack.yaml").read_text()


def test_init_from_kubernetes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "chat.yaml").write_text(MANIFEST)
    out, err = run(capsys, "init", "--from-kubernetes", "chat.yaml")
    assert out.startswith("# Made from chat.yaml.\n") and "llm: llama-3.1-8b" in out
    assert "assumed: chat: gpu h100-sxm" in err
    run(capsys, "init", "--from-kubernetes", "chat.yaml", "--gpu", "l40s", "-o", "stack.yaml")
    assert ": OK: stack, 1 deployment" in run(capsys, "check", "stack.yaml")[0]
    assert "gpu: l40s" in (tmp_path / "stack.yaml").read_text()
    assert "already there" in run(capsys, "init", "--from-kubernetes", "chat.yaml", "-o", "stack.yaml", code=2)[1]


def test_init_says_what_keeps_manifests_from_a_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_text(MANIFEST.replace("3.1-8B", "3.1-70B"))
    _, err = run(capsys, "init", "--from-kubernetes", "big.yaml")
    assert "to be mended before a run" in err and "does not fit" in err


def test_init_names_the_manifest_that_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "less.yaml").write_text(MANIFEST.replace("  template:", "  replicas: -2\n  template:", 1))
    _, err = run(capsys, "init", "--from-kubernetes", "less.yaml", code=2)
    assert err.startswith("error: less.yaml: chat: deployments.chat.replicas: found -2")


@pytest.mark.parametrize("arguments", [(), ("--gpu", "l4"), ("mine", "-o", "x.yaml"), ("mine", "--gpu", "l4")])
def test_init_asks_for_what_it_needs(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], tmp_path: Path) -> None:
    out, err = run(capsys, "init", *arguments, code=2)
    assert out == "" and err.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["bench.csv", "bench.TSV", "log.jsonl"])
def test_check_says_who_reads_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("llm,gpu\n")
    _, err = run(capsys, "check", name, code=2)
    assert f"sim accuracy {name}" in " ".join(err.split()) and f"sim trace import {name}" in " ".join(err.split())


def test_mistakes_of_form_and_of_names_are_told_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text(STACK.replace("replicas", "replica") + "routing:\n  - to: [own, {deployment: owm}, owns]\n")
    err = run(capsys, "check", "stack.yaml", code=2)[1]
    assert [line.split(": ")[1] for line in err.splitlines()] == ["stack.yaml:2:54", "stack.yaml:4:28", "stack.yaml:4:34"]
    assert "unknown key 'replica'" in err and err.count("did you mean 'own'?") == 2
    (tmp_path / "space.yaml").write_text("gpu: [h100, stack]\nreplicas: 1-3\n")
    for err in (
        run(capsys, "check", "space.yaml", "--kind", "space", code=2)[1],
        run(capsys, "plan", "workloads/steady.parquet", "--space", "space.yaml", code=2)[1],
    ):
        assert "space.yaml:2:11: replicas: found the text '1-3'" in err and "did you mean '1:3'?" in err
        assert "space.yaml:1:7: gpu.0: found 'h100'" in err and "did you mean 'h100-sxm'?" in err
