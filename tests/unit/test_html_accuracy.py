"""The page of `sim accuracy`: every measured run is a dot with what was predicted of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.cli.main import exit_code
from sim.report.html.text import show
from tests.made.reports_read import read

TABLE = """\
llm,precision,gpu,engine,tensor_parallel,prompt_tokens,output_tokens,concurrency,ttft_ms,tpot_ms
llama-3.1-8b,bf16,h100-sxm,vllm,1,512,64,4,30,8
llama-3.1-8b,bf16,h100-sxm,vllm,1,512,64,16,60,9
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("accuracy")
    (folder / "t.csv").write_text(TABLE)
    for ending in ("html", "json"):
        assert exit_code(["-q", "accuracy", str(folder / "t.csv"), "-o", str(folder / f"a.{ending}")]) == 0
    return folder


def test_each_run_is_a_row_with_its_prediction(made: Path) -> None:
    page = (made / "a.html").read_text()
    found = read(page)
    assert found.problems == [] and len(found.ids) == len(set(found.ids)) and found.links and len(page) < 300_000
    rows = json.loads((made / "a.json").read_text())["rows"]
    head, *drawn = found.tables["scatter-ttft-s-mean"]
    assert head == ["TTFT, measured", "off", "load", "of", "as measured", "TTFT predicted"]
    assert [row[0] for row in drawn] == [show(0.03, "s"), show(0.06, "s")]
    assert [row[-1] for row in drawn] == [show(each["predicted"]["ttft_ms"] / 1000, "s") for each in rows]
    assert [row[2] for row in drawn] == ["512/64 x4", "512/64 x16"]


def test_nothing_else_may_end_its_name(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["-q", "accuracy", str(made / "t.csv"), "-o", str(made / "a.pdf")]) == 2
    assert "allowed: a file that ends in .json, .csv, .md, .html" in capsys.readouterr().err


def test_a_calibration_has_its_benchmark_before_and_after(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "steps.csv").write_text("kind,batch_size,context_tokens,step_ms\ndecode,1,500,7.0\ndecode,16,500,8.6\ndecode,64,500,13.5\n")
    server = ("--llm", "llama-3.1-8b", "--gpu", "h100-sxm", "--tensor-parallel", "1", "--engine", "vllm", "--precision", "bf16")
    asked = ["-q", "calibrate", str(tmp_path / "steps.csv"), *server, "--report", str(tmp_path / "c.html")]
    assert exit_code([*asked, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["configurations"][0]["rows"]
    found = read((tmp_path / "c.html").read_text())
    assert found.problems == [] and len(found.ids) == len(set(found.ids))
    head, *drawn = found.tables["scatter-1-step-s-mean"]
    assert head == ["step, measured", "of", "as measured", "estimate", "calibrated"]
    assert [row[0] for row in drawn] == [show(value, "s") for value in (0.007, 0.0086, 0.0135)]
    wanted = [[float(show(float(each[name]) / 1000, "s").split()[0]) for name in ("estimated", "calibrated")] for each in rows]
    assert [[float(text.split()[0]) for text in row[3:]] for row in drawn] == wanted
    assert exit_code(asked) == 2 and "already there" in capsys.readouterr().err
    assert (
        exit_code([*asked[:-1], "c.pdf"]) == 2 and "--report: found 'c.pdf'; allowed: a file that ends in .html" in capsys.readouterr().err
    )
