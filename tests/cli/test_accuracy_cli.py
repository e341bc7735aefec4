"""`sim accuracy`: what a table may hold, what is printed, the limit and its exit code, what is refused."""

from __future__ import annotations

import csv
import io
import json
import resource
import signal
from pathlib import Path

import pytest

from tests.made import command
from tests.made.command import Capture

HEADER = "llm,precision,gpu,engine,tensor_parallel,prompt_tokens,output_tokens,concurrency,ttft_ms,tpot_ms\n"
ROW = "llama-3.1-8b,bf16,h100-sxm,vllm,1,512,64,{clients},{ttft},{tpot}\n"
FIGURES = ("n", "median_abs_error", "mean_abs_error", "p90_abs_error", "bias")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(name: str = "t.csv", *, scale: float = 1.0, text: str | None = None) -> str:
    """A small table; its latencies are not what any server measured."""
    rows = [ROW.format(clients=4, ttft=30 * scale, tpot=8 * scale), ROW.format(clients=16, ttft=60 * scale, tpot=9 * scale)]
    Path(name).write_text(text if text is not None else HEADER + "".join(rows))
    return name


def summary(capsys: Capture, *arguments: str, code: int = 0) -> dict:
    found, out, err = command.run(capsys, "accuracy", *arguments, "--format", "json")
    assert found == code, err
    return json.loads(out)


def made_by_the_simulation(capsys: Capture, scale: float = 1.0) -> str:
    """A table whose measured values are the predictions, times `scale`."""
    rows = summary(capsys, table())["rows"]
    text = HEADER
    for row in rows:
        predicted = row["predicted"]
        text += ROW.format(clients=row["concurrency"], ttft=predicted["ttft_ms"] * scale, tpot=predicted["tpot_ms"] * scale)
    return table("made.csv", text=text)


def test_json_has_the_errors_of_every_metric_and_every_row(folder: Path, capsys: Capture) -> None:
    found = summary(capsys, table())
    assert set(found["metrics"]) == {"ttft_ms", "tpot_ms"}
    for metric, figures in found["metrics"].items():
        assert tuple(figures) == FIGURES
        errors = [row["error"][metric] for row in found["rows"]]
        assert figures["n"] == 2
        assert figures["bias"] == pytest.approx(sum(errors) / 2)
        assert figures["median_abs_error"] == pytest.approx(sum(map(abs, errors)) / 2)
    row = found["rows"][1]
    named = {"llm": "llama-3.1-8b", "precision": "bf16", "gpu": "h100-sxm", "engine": "vllm", "tensor_parallel": 1}
    load = {"prompt_tokens": 512, "output_tokens": 64, "concurrency": 16, "request_rate": None, "requests": 160}
    assert {key: row[key] for key in (*named, *load)} == {**named, **load}
    assert row["measured"] == {"ttft_ms": pytest.approx(60.0), "tpot_ms": pytest.approx(9.0)}
    for metric in ("ttft_ms", "tpot_ms"):
        assert row["error"][metric] == pytest.approx(row["predicted"][metric] / row["measured"][metric] - 1.0, rel=1e-12)
    assert (row["row"], row["label"]) == ("t.csv:3", "calibrated")
    assert found["limit"] is None
    assert {row["label"] for row in summary(capsys, table(), "--estimated")["rows"]} == {"estimated"}


def test_what_the_simulation_made_is_predicted_and_the_limit_is_held(folder: Path, capsys: Capture) -> None:
    made = made_by_the_simulation(capsys)
    found = summary(capsys, made, "--max-median-error", "1e-9")
    assert found["limit"] == {"max_median_error": 1e-9, "above": [], "passed": True}
    off = made_by_the_simulation(capsys, 0.8)
    code, out, err = command.run(capsys, "accuracy", off, "--max-median-error", "0.05")
    assert code == 1
    assert "TTFT and TPOT are above the limit of 5.0 %." in " ".join(out.split())
    assert err.startswith("failed: median absolute error above 0.05: TTFT 0.2500, TPOT 0.2500")
    assert summary(capsys, off, "--max-median-error", "5%", code=1)["limit"]["above"] == ["ttft_ms", "tpot_ms"]
    assert summary(capsys, off, "--max-median-error", "26%")["limit"]["passed"]
    assert set(summary(capsys, off, "--metric", "tpot")["metrics"]) == {"tpot_ms"}


def test_one_metric_above_the_limit_is_enough(folder: Path, capsys: Capture) -> None:
    rows = summary(capsys, table())["rows"]
    text = HEADER + "".join(
        ROW.format(clients=row["concurrency"], ttft=row["predicted"]["ttft_ms"], tpot=2 * row["predicted"]["tpot_ms"]) for row in rows
    )
    found = summary(capsys, table(text=text), "--max-median-error", "0.4", code=1)
    assert found["limit"]["above"] == ["tpot_ms"]


def test_the_text_fits_a_terminal_and_is_the_same_again(folder: Path, capsys: Capture) -> None:
    first = command.run(capsys, "accuracy", table())
    assert first[0] == 0, first[2]
    assert first == command.run(capsys, "accuracy", table())
    assert all(len(line) <= 80 for line in first[1].splitlines())
    lines = [" ".join(line.split()) for line in first[1].splitlines()]
    assert any(line.startswith("512/64 x16 ") for line in lines)
    assert "Errors runs median mean p90 bias" in lines
    assert str(folder) not in first[1]


def test_a_table_that_is_written_can_be_read_again(folder: Path, capsys: Capture) -> None:
    first = summary(capsys, table(), "-o", "out.csv")
    again = summary(capsys, "out.csv")
    for metric, figures in first["metrics"].items():
        assert again["metrics"][metric] == pytest.approx(figures, rel=1e-12)
    code, out, _ = command.run(capsys, "accuracy", "t.csv", "--format", "csv")
    assert code == 0
    assert out == Path("out.csv").read_text()
    (row, _) = csv.DictReader(io.StringIO(out))
    assert float(row["ttft_ms_error"]) == first["rows"][0]["error"]["ttft_ms"]
    said = command.refused(capsys, "accuracy", "t.csv", "-o", "out.csv")
    assert "out.csv: already there; give another file with -o, or --force to replace it" in said
    assert command.run(capsys, "accuracy", "t.csv", "-o", "out.csv", "--force")[0] == 0
    assert "ends in .json, .csv, .md" in command.refused(capsys, "accuracy", "t.csv", "-o", "out.xlsx")
    assert "no folder nowhere" in command.refused(capsys, "accuracy", "t.csv", "-o", "nowhere/out.csv")


def test_throughput_alone_a_rate_and_missing_cells_are_enough(folder: Path, capsys: Capture) -> None:
    text = (
        "llm,precision,gpu,engine,tensor_parallel,prompt_tokens,output_tokens,concurrency,request_rate,throughput_tok_s,e2e_ms\n"
        "llama-3.1-8b,bf16,h100-sxm,vllm,1,512,64,8,,900,\n"
        "llama-3.1-8b,bf16,h100-sxm,vllm,1,512,64,,2,120,600\n"
    )
    found = summary(capsys, table(text=text))
    assert {metric: figures["n"] for metric, figures in found["metrics"].items()} == {"e2e_ms": 1, "throughput_tok_s": 2}
    # at a rate that the server can serve, what comes out is what goes in
    assert found["rows"][1]["predicted"]["throughput_tok_s"] == pytest.approx(2 * 64, rel=0.05)
    assert command.run(capsys, "accuracy", "t.csv")[0] == 0


def test_more_metrics_than_a_terminal_is_wide(folder: Path, capsys: Capture) -> None:
    text = (
        "llm,precision,gpu,engine,tensor_parallel,prompt_tokens,output_tokens,concurrency,ttft_ms,ttft_p99_ms,tpot_ms,e2e_ms,throughput_tok_s\n"
        "llama-3.1-8b,bf16,h100-sxm,vllm,1,512,64,8,40,90,8,550,900\n"
    )
    code, out, err = command.run(capsys, "accuracy", table(text=text))
    assert code == 0, err
    assert all(len(line) <= 80 for line in out.splitlines())
    assert [out.count(name) for name in ("TTFT p99 ms", "E2E ms")] == [1, 1]


def test_names_that_are_not_known_are_all_named(folder: Path, capsys: Capture) -> None:
    text = HEADER + "llama-3.1-8x,bf16,h100-sxm,vllm,1,512,64,4,30,8\nllama-3.1-8b,bf16,h1000,vllm,1,512,64,4,30,8\n"
    said = command.refused(capsys, "accuracy", table(text=text)).splitlines()
    assert [line.split(": ")[1] for line in said] == ["t.csv:2:1", "t.csv:3:19"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty file"),
        (HEADER, "no rows"),
        (HEADER.replace("prompt_tokens,", "") + "llama-3.1-8b,bf16,h100-sxm,vllm,1,64,4,30,8\n", "prompt_tokens: no such column"),
        (HEADER.replace("ttft_ms,tpot_ms", "a,b") + ROW.format(clients=4, ttft=1, tpot=1), "no column holds anything measured"),
        (HEADER + ROW.format(clients=4, ttft="NaN", tpot=""), "nothing measured in this row"),
        (HEADER + ROW.format(clients=4, ttft="-1", tpot=1), "ttft_ms: found '-1'"),
        (HEADER + ROW.format(clients=4, ttft="0", tpot=1), "ttft_ms: found '0'"),
        (HEADER + ROW.format(clients=4, ttft="inf", tpot=1), "ttft_ms: found 'inf'"),
        (HEADER + ROW.format(clients="1e5.5", ttft=1, tpot=1), "concurrency: found '1e5.5'"),
        (HEADER + ROW.format(clients=200_000, ttft=1, tpot=1), "t.csv:2: concurrency: found 200000; allowed: 1 to 100,000"),
        (HEADER + ROW.format(clients=4, ttft=1, tpot=1).replace("h100-sxm", "l4").replace("-8b", "-70b"), "t.csv:2: llama-3.1-70b bf16 does not fit"),
        (HEADER + ROW.format(clients=4, ttft=1, tpot=1).replace(",512,", ",200000,"), "max_model_len: found 200064"),
    ],
)  # fmt: skip
def test_a_table_that_makes_no_sense_is_refused(folder: Path, capsys: Capture, text: str, said: str) -> None:
    assert said in command.refused(capsys, "accuracy", table(text=text))


def test_rows_that_do_not_fit_are_left_out_and_no_gate_lets_them_pass(folder: Path, capsys: Capture) -> None:
    text = (
        HEADER
        + ROW.format(clients=4, ttft=30, tpot=8)
        + ROW.format(clients=4, ttft=1, tpot=1).replace("h100-sxm", "l4").replace("-8b", "-70b")
    )
    path = table(text=text)
    found = summary(capsys, path)
    assert found["metrics"]["ttft_ms"]["n"] == 1
    assert [each["row"] for each in found["left_out"]] == ["t.csv:3"]
    code, _, err = command.run(capsys, "accuracy", path, "--max-median-error", "1000%")
    assert code == 1 and "rows that cannot be predicted: 1" in err


@pytest.mark.parametrize("limit", ["x", "-1", "nan", "inf", "1e9%", ""])
def test_a_limit_is_a_fraction(folder: Path, capsys: Capture, limit: str) -> None:
    assert "--max-median-error: found" in command.refused(capsys, "accuracy", table(), "--max-median-error", limit)


def test_many_clients_and_long_outputs_take_their_time_in_the_simulation_only(folder: Path, capsys: Capture) -> None:
    text = HEADER + ROW.format(clients=4096, ttft=1000, tpot=50).replace(",64,", ",8192,")
    found = summary(capsys, table(text=text))
    assert found["rows"][0]["requests"] == 40_960
    assert found["rows"][0]["short_of_kv"]


def test_names_of_the_file_cannot_steer_a_terminal_or_a_spreadsheet(folder: Path, capsys: Capture) -> None:
    name = table("=a\x1b[31m.csv")
    code, out, err = command.run(capsys, "accuracy", name)
    assert code == 0, err
    assert "\x1b" not in out + err
    code, out, _ = command.run(capsys, "accuracy", name, "--format", "md")
    assert "\x1b" not in out


def test_a_file_is_written_whole_or_left_as_it_was(folder: Path, capsys: Capture) -> None:
    kept, name = Path("out.csv"), table()
    kept.write_text("kept\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))  # as a disk that is full
    try:
        said = command.refused(capsys, "accuracy", name, "-o", "out.csv", "--force")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert "out.csv: cannot be written: File too large" in said
    assert kept.read_text() == "kept\n"
    assert {path.name for path in folder.iterdir()} == {"t.csv", "out.csv"}


def test_the_table_itself_and_links_are_never_replaced(folder: Path, capsys: Capture) -> None:
    Path("link.csv").symlink_to(table())
    before = Path("t.csv").read_text()
    for name in ("t.csv", "link.csv"):
        assert "is the table of measurements" in command.refused(capsys, "accuracy", "t.csv", "-o", name, "--force")
    Path("other.csv").symlink_to("elsewhere.csv")
    assert "already there and not a file" in command.refused(capsys, "accuracy", "t.csv", "-o", "other.csv", "--force")
    assert Path("t.csv").read_text() == before


def test_another_unit_is_suspected_aloud(folder: Path, capsys: Capture) -> None:
    milli = summary(capsys, made_by_the_simulation(capsys, 1e-3))["answer"]
    assert "Measured TTFT is 1/1,000 of what is predicted: is it in another unit?" in milli
    assert "Measured TPOT is 1/1,000 of what is predicted: is it in another unit?" in milli
    assert "unit" not in summary(capsys, made_by_the_simulation(capsys, 0.1))["answer"]
