"""`sim calibrate`: benchmark files in, a profile that `sim run` takes out; what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.catalog.catalog import Catalog
from sim.profile.shipped import ProfileFile
from tests.made.command import Capture, numbers, refused, run
from tests.made.world import write_world

SERVER = ("--llm", "llama-3.1-8b", "--gpu", "h100-sxm", "--tensor-parallel", "1", "--engine", "vllm", "--precision", "bf16")
STEPS = "kind,batch_size,context_tokens,step_ms\n"
FAST = [(1, 7.0), (4, 7.3), (16, 8.6), (64, 13.5)]
"""Sequences and milliseconds of a decode step with 500 tokens of context a sequence."""


def steps(rows: list[tuple[int, float]], server: str = "", header: str = "") -> str:
    return STEPS.replace("\n", header + "\n") + "".join(f"decode,{b},500,{ms}{server}\n" for b, ms in rows)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "steps.csv").write_text(steps(FAST))
    return tmp_path


def good(capsys: Capture, *arguments: str) -> tuple[str, str]:
    code, out, err = run(capsys, "calibrate", *arguments)
    assert code == 0, err
    return out, err


def profile(path: Path) -> ProfileFile:
    return Catalog((path.parent, *Catalog.bundled().folders)).read(path, ProfileFile)


def test_the_report_and_the_file(here: Path, capsys: Capture) -> None:
    out, err = good(capsys, "steps.csv", *SERVER, "-o", "own.yaml", "--as-of", "2026-11")
    assert out.startswith("llama-3.1-8b bf16, 1 x h100-sxm, vllm 2025: 4 measured numbers of 4 different\nloads.")
    for word in ("held out", "kept", "Measure next", "vllm bench serve", "b64 step", "steps.csv; seed 0"):
        assert word in out, word
    assert str(here) not in out and all(len(line) <= 80 for line in out.splitlines())
    assert "the profiles are in own.yaml" in err
    (found,) = profile(here / "own.yaml").profiles
    assert (found.llm, found.label, found.as_of, found.points) == ("llama-3.1-8b", "calibrated", "2026-11", 4)
    assert "steps.csv" in found.source and found.decode_error >= 0.03
    assert not [each for each in here.iterdir() if each.name.startswith(".")]


def test_json_says_what_the_text_says(capsys: Capture) -> None:
    text, _ = good(capsys, "steps.csv", *SERVER)
    found = json.loads(good(capsys, "steps.csv", *SERVER, "--format", "json")[0])
    (own,) = found["configurations"]
    assert "".join(own["answer"].split()) in "".join(text.split())
    assert {"estimated", "calibrated", "held_out", "where"} <= set(own["rows"][0]) and len(own["rows"]) == 4
    assert own["rows"][0]["where"] == "steps.csv:2"
    assert {c["name"] for c in own["coefficients"]} == {"c", "g_small", "g_large", "g_long", "launch", "o", "f", "h", "front_end"}
    assert all(value == value for _, value in numbers(found))
    markdown, _ = good(capsys, "steps.csv", *SERVER, "--format", "md")
    assert markdown.startswith("# Calibration from steps.csv") and "## Point" in markdown


def test_the_same_again(capsys: Capture) -> None:
    assert good(capsys, "steps.csv", *SERVER)[0] == good(capsys, "steps.csv", *SERVER)[0]


def test_sim_run_takes_the_profile(here: Path, capsys: Capture) -> None:
    write_world(here)
    stack = """deployments:
  own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, precision: bf16, replicas: 1}
routing:
  - to: [own]
"""
    (here / "own.yaml").write_text(stack)

    def ttft() -> float:
        code, out, err = run(capsys, "run", "trace.parquet", "--stack", "own.yaml", "--months", "0", "--format", "json")
        assert code == 0, err
        return float(json.loads(out)["latency"]["tpot_s"]["p50"])

    before = ttft()
    (here / "models" / "profiles").mkdir(parents=True)
    slow = [(b, ms * 1.5) for b, ms in FAST]
    (here / "slow.csv").write_text(steps(slow))
    _, err = good(capsys, "slow.csv", *SERVER, "-o", "models/profiles/own.yaml")
    assert "sim run takes them for stacks" in " ".join(err.split())
    assert ttft() > 1.2 * before
    code, out, _ = run(capsys, "explain", "own.yaml")
    assert code == 0 and "calibrated" in out and "slow.csv" in out


def test_two_files_of_two_configurations(here: Path, capsys: Capture) -> None:
    (here / "two.csv").write_text(steps([(b, 0.6 * ms) for b, ms in FAST], ",2", ",tp"))
    (here / "four.csv").write_text(steps(FAST[:1], ",4", ",tp"))
    (here / "one.csv").write_text(steps(FAST, ",1", ",tp"))
    out, err = good(capsys, "one.csv", "two.csv", "four.csv", *SERVER, "-o", "own.yaml")
    assert [each.tensor_parallel for each in profile(here / "own.yaml").profiles] == [1, 2]
    assert "4 x h100-sxm, vllm 2025: measured at 1 load" in " ".join(out.split())
    assert "no profile of llama-3.1-8b" in err
    assert "one.csv, two.csv, four.csv" in out


def test_serving_points_are_simulated(here: Path, capsys: Capture) -> None:
    rows = "".join(f"{p},32,{n},{4 * n},{t},{d}\n" for p, n, t, d in ((128, 8, 60, 7.6), (2048, 4, 150, 8.0), (128, 1, 45, 7.1)))
    (here / "serve.csv").write_text("prompt_tokens,output_tokens,concurrency,requests,ttft_ms,tpot_ms\n" + rows)
    out, _ = good(capsys, "serve.csv", *SERVER, "--format", "json")
    (own,) = json.loads(out)["configurations"]
    assert own["metrics"]["ttft_s_mean"]["calibrated"]["n"] == own["metrics"]["tpot_s_mean"]["calibrated"]["n"] == 3
    assert own["metrics"]["ttft_s_mean"]["batch_out"] is not None and own["measure_next"]
    assert any("least_length_share" in text for text in own["assumed"])
    text, _ = good(capsys, "serve.csv", *SERVER)
    assert " ".join(text.split()).count("Said assumed: lengths even from 80% of the nominal ones") == 1
    both, _ = good(capsys, "serve.csv", "steps.csv", *SERVER, "--format", "json")
    assert json.loads(both)["configurations"][0]["loads"] == 7


def test_a_file_is_not_replaced_unasked(here: Path, capsys: Capture) -> None:
    good(capsys, "steps.csv", *SERVER, "-o", "own.yaml")
    before = (here / "own.yaml").read_bytes()
    assert "already there" in refused(capsys, "calibrate", "steps.csv", *SERVER, "-o", "own.yaml")
    (here / "steps.csv").write_text(steps([(b, ms * 2) for b, ms in FAST]))
    good(capsys, "steps.csv", *SERVER, "-o", "own.yaml", "--force")
    assert (here / "own.yaml").read_bytes() != before


def test_a_configuration_has_one_profile_in_a_folder(here: Path, capsys: Capture) -> None:
    (here / "models" / "profiles").mkdir(parents=True)
    good(capsys, "steps.csv", *SERVER, "-o", "models/profiles/own.yaml")
    said = refused(capsys, "calibrate", "steps.csv", *SERVER, "-o", "models/profiles/again.yaml")
    assert "own.yaml beside it has a profile of llama-3.1-8b h100-sxm 1 bf16 bf16 vllm 2025 already" in said
    good(capsys, "steps.csv", *SERVER, "-o", "models/profiles/own.yaml", "--force")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.csv", *SERVER), "no such file"),
        (("steps.csv", "steps.csv", *SERVER), "given twice"),
        (("steps.csv",), "--llm"),
        (("steps.csv", *SERVER[:-2], "--precision", "fp7"), "--precision"),
        (("steps.csv", *SERVER[2:], "--llm", "lama-3.1-8b"), "--llm"),
        (("steps.csv", *SERVER, "--engine", "vlm"), "--engine"),
        (("steps.csv", *SERVER, "--engine-era", "1999"), "engine_era: found '1999'"),
        (("steps.csv", *SERVER, "--free", "c,gg"), "--free: found 'gg'; allowed: c, g_small"),
        (("steps.csv", *SERVER, "--free", "h"), "the measurements do not tell h"),
        (("steps.csv", *SERVER, "-o", "own.txt"), ".yaml"),
        (("steps.csv", *SERVER, "-o", "no/own.yaml"), "no folder"),
        (("steps.csv", *SERVER, "-o", "engines.yaml"), "coefficients of the physics"),
        (("steps.csv", *SERVER, "--as-of", "yesterday"), "--as-of"),
        (("steps.csv", *SERVER[:3], "l4", *SERVER[4:], "--llm", "llama-3.1-70b"), "llama-3.1-70b"),
    ],
)
def test_what_is_refused(capsys: Capture, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(capsys, "calibrate", *arguments)


def test_another_unit_is_refused(here: Path, capsys: Capture) -> None:
    (here / "steps.csv").write_text(steps([(b, ms / 1000) for b, ms in FAST]))
    assert "another unit" in refused(capsys, "calibrate", "steps.csv", *SERVER)


def test_too_few_loads_are_refused(here: Path, capsys: Capture) -> None:
    (here / "steps.csv").write_text(steps(FAST[:1] * 5))
    assert "measured at 1 load; at least 2 different ones are needed" in refused(
        capsys, "calibrate", "steps.csv", *SERVER, "-o", "own.yaml"
    )


def test_a_hostile_name_stays_a_text(here: Path, capsys: Capture) -> None:
    name = 'a": [x], {b\x1b[31m}.csv'
    (here / name).write_text(steps(FAST))
    out, _ = good(capsys, name, *SERVER, "-o", "own.yaml")
    assert "\x1b" not in out
    (found,) = profile(here / "own.yaml").profiles
    assert '"' in found.source and "\x1b" not in found.source
