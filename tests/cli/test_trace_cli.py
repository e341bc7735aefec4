"""`sim trace`: what each command prints and writes, and how it answers a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sim.cli.main import exit_code
from sim.trace import read_trace

AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(f"2023-11-16 18:15:{k:02d}.5,{100 + k},{10 + k}\n" for k in range(30))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    assert exit_code(["trace", *arguments]) == code
    printed = capsys.readouterr()
    if code:
        assert printed.out == ""
        assert "Traceback" not in printed.err
    return printed.out, printed.err


def test_describe_a_bundled_workload_from_any_folder(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = run(capsys, "describe", "workloads/bursty.parquet")
    assert err == ""
    assert out.startswith("bursty.parquet: 100,702 requests over 24.0 h\n")
    assert max(map(len, out.splitlines())) <= 80
    assert out == run(capsys, "describe", "workloads/bursty.parquet")[0]


def test_describe_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, "describe", "workloads/steady.parquet", "--format", "json")[0])
    assert found["schema_version"] == 1
    assert found["idc"]["60s"] == pytest.approx(1.0, abs=0.15)
    assert {"rate_per_s", "peak_to_mean", "prompt_tokens", "output_tokens", "top_clients_share"} <= set(found)


def test_import_writes_beside_and_says_so_on_stderr(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    (elsewhere / "a.csv").write_text(AZURE)
    out, err = run(capsys, "import", "a.csv")
    assert out.startswith("a.parquet: 30 requests")
    assert "note: times without a zone: taken as UTC" in out
    assert err == "wrote a.parquet\n"
    assert read_trace(elsewhere / "a.parquet").info.rows == 30
    assert run(capsys, "import", "a.csv", code=2)[1].startswith("error: a.parquet: exists already")
    run(capsys, "import", "a.csv", "--force")
    run(capsys, "import", "a.csv", "--format", "azure", "-o", "b.parquet")
    assert pq.read_table("a.parquet").equals(pq.read_table("b.parquet"))


def test_import_with_a_mapping(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    (elsewhere / "x.csv").write_text("t,p,o,m\n1,2,3,a\n2,4,5,b\n")
    options = ("--map", "arrival_s=t", "--map", "prompt_tokens=p", "--map", "output_tokens=o", "--map", "class=m")
    run(capsys, "import", "x.csv", "--format", "csv", *options)
    assert read_trace(elsewhere / "x.parquet").classes == ("a", "b")
    for wrong, message in (("p", "NAME=VALUE is needed"), ("client_id=q", "no column 'q'"), ("arrival_s=p", "is given twice")):
        assert message in run(capsys, "import", "x.csv", *options, "--map", wrong, "--force", code=2)[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "an empty file"),
        (b"PAR1 and nothing more", "truncated Parquet file"),
        (b"\x00\x01\xff\xfe", "neither Parquet nor UTF-8"),
    ],
)
def test_bad_files_end_with_two_and_write_nothing(
    capsys: pytest.CaptureFixture[str], elsewhere: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (elsewhere / "bad.parquet").write_bytes(content)
    before = sorted(elsewhere.iterdir())
    assert message in run(capsys, "import", "bad.parquet", "-o", "out.parquet", code=2)[1]
    assert run(capsys, "describe", "bad.parquet", code=2)[1].startswith("error: bad.parquet: ")
    assert sorted(elsewhere.iterdir()) == before


def test_synth_a_recipe_of_ones_own_and_a_bundled_one(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    (elsewhere / "mine.yaml").write_text(
        "about: x\nsource: x\nas_of: '2026-01-01'\nduration_s: 600\ntraffic:\n  a:\n    requests_per_s: 1\n"
        "    prompt_tokens: {law: constant, value: 10}\n    output_tokens: {law: constant, value: 5}\n"
    )
    run(capsys, "synth", "mine.yaml")
    assert read_trace("mine.parquet").info.duration_s == 600
    run(capsys, "synth", "mine.yaml", "--seed", "2", "-o", "other.parquet")
    assert not pq.read_table("mine.parquet").equals(pq.read_table("other.parquet"))
    out, _ = run(capsys, "synth", "steady", "-o", "s.parquet")
    assert out.startswith("s.parquet: 51,880 requests")
    assert "did you mean 'steady'" in run(capsys, "synth", "stedy", code=2)[1]
    text = (elsewhere / "mine.yaml").read_text()
    (elsewhere / "mine.yaml").write_text(text.replace("duration_s: 600\n", "").replace("source: x\n", ""))
    said = run(capsys, "synth", "mine.yaml", code=2)[1]
    assert "mine.yaml:1:1: duration_s: key missing" in said
    assert "mine.yaml:1:1: source: key missing" in said


def test_synth_from_totals_alone(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    (elsewhere / "u.csv").write_text(
        "start,requests,prompt_tokens,output_tokens\n2026-10-05,3000,4000000,600000\n2026-10-06,2000,1000000,1000\n"
    )
    out, _ = run(capsys, "synth", "--from-usage", "u.csv", "--shape", "bursty")
    # A day whose outputs are fewer than its requests had failures among them.
    assert "u.parquet: 4,000 requests over 2.00 d" in out
    assert "arrivals assumed: 2 buckets of totals spread with the shape bursty" in " ".join(out.split())
    table = pq.read_table("u.parquet")
    assert sum(table["prompt_tokens"].to_pylist()) == 5_000_000
    assert sum(table["output_tokens"].to_pylist()) == 601_000
    (elsewhere / "a.csv").write_text(AZURE)
    assert "holds single requests, not totals" in run(capsys, "synth", "--from-usage", "a.csv", code=2)[1]
    assert "either a RECIPE or --from-usage" in run(capsys, "synth", code=2)[1]


def test_scale_cut_repeat_and_grow(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = run(capsys, "scale", "workloads/bursty.parquet", "--from", "8h", "--to", "10h", "--factor", "2", "-o", "w.parquet")
    trace = read_trace("w.parquet")
    assert trace.info.duration_s == 7200.0
    assert trace.info.notes[-2:] == ("window from 28800 s to 36000 s", "scaled by 2 with the law clients")
    assert "note: scaled by 2 with the law clients" in out
    run(capsys, "scale", "w.parquet", "--days", "0.25", "--factor", "0.1", "--law", "thin", "-o", "t.parquet")
    assert read_trace("t.parquet").info.duration_s == 21_600.0
    assert "compressing time is not growth" in run(capsys, "scale", "w.parquet", "--law", "compress", "--factor", "2", code=2)[1]
    assert "did you mean 'chat-1'" in run(capsys, "scale", "w.parquet", "--client", "chat1=2", code=2)[1]
    assert "not a duration" in run(capsys, "scale", "w.parquet", "--from", "tomorrow", code=2)[1]


def test_help_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ((), ("describe",), ("import",), ("synth",), ("scale",)):
        out, err = run(capsys, *command, "--help")
        assert "Usage: sim trace" in out
        assert err == ""


@pytest.mark.parametrize("factor", ["2", "2x", "200%", " 2 x"])
def test_a_factor_as_people_write_it(capsys: pytest.CaptureFixture[str], factor: str) -> None:
    out, _ = run(capsys, "scale", "workloads/bursty.parquet", "--from", "8h", "--to", "9h", "--factor", factor, "-o", "f.parquet")
    assert "note: scaled by 2 with the law clients" in out


def test_a_factor_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = run(capsys, "scale", "workloads/bursty.parquet", "--factor", "2y", code=2)
    assert "--factor: found '2y'; allowed: how many times the demand, as 2, 2x or 150%" in err


def test_the_help_of_every_command_stands_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["trace", "--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]
