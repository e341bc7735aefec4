"""Traces that hold mistakes: what cannot be read is refused in one clear line a mistake, what can is replayed with a note or a warning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.made.command import Capture, refused, replayed, run
from tests.made.world import write_world

ROWS = 600


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with trace.parquet and small.yaml, in which the command is run."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def changed(**columns: Any) -> None:
    """t.parquet: the trace with other columns."""
    table = pq.read_table("trace.parquet")
    for name, values in columns.items():
        column = values if isinstance(values, pa.Array) else pa.array(values)
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, column)
        else:
            table = table.append_column(name, column)
    pq.write_table(table, "t.parquet")


def one(value: object, others: Any) -> pa.Array:
    """A column whose row 5 alone is this value."""
    values = list(others) if not isinstance(others, (int, float)) else [others] * ROWS
    values[5] = value
    return pa.array(values)


def arrivals() -> Any:
    return pq.read_table("trace.parquet")["arrival_s"].to_numpy()


def test_what_is_no_parquet_file(capsys: Capture) -> None:
    whole = Path("trace.parquet").read_bytes()
    Path("empty.parquet").write_bytes(b"")
    Path("cut.parquet").write_bytes(whole[: len(whole) // 2])
    Path("damaged.parquet").write_bytes(whole[:20] + bytes(200) + whole[220:])
    Path("t.csv").write_text("arrival_s,prompt_tokens,output_tokens\n0,1,2\n")
    Path("dangling.parquet").symlink_to("nothing")
    for name, said in {
        "nowhere.parquet": "nowhere.parquet: no such file",
        "trace.parque": "did you mean 'trace.parquet'?",
        "dangling.parquet": "dangling.parquet: no such file",
        "empty.parquet": "empty.parquet: an empty file; a Parquet file with the columns arrival_s, prompt_tokens, output_tokens is needed",
        "cut.parquet": "cut.parquet: a truncated Parquet file (its end is missing); copy or write it again",
        "damaged.parquet": "damaged.parquet: a damaged Parquet file",
        "t.csv": "t.csv: not a Parquet file; other formats are read by `sim trace import t.csv",
        "small.yaml": "small.yaml: not a Parquet file",
        ".": ".: a folder; a file is needed",
        "": "found an empty name; the name of a file is needed",
        "~nobody-here/t.parquet": "~nobody-here/t.parquet: no such file",
        "x" * 5000: "File name too long",
        "a\x1b[31m\nb.parquet": "a\\x1b[31m",
    }.items():
        assert said in refused(capsys, "run", name, "--stack", "small.yaml"), name


@pytest.mark.parametrize(
    ("drop", "said"),
    [
        (["output_tokens"], "output_tokens: column missing; the file has arrival_s, prompt_tokens, class, client_id; columns of other names are mapped by"),
        (["arrival_s", "prompt_tokens", "output_tokens"], "arrival_s: column missing"),
    ],
)  # fmt: skip
def test_missing_columns(capsys: Capture, drop: list[str], said: str) -> None:
    pq.write_table(pq.read_table("trace.parquet").drop_columns(drop), "t.parquet")
    err = refused(capsys, "run", "t.parquet", "--stack", "small.yaml")
    assert said in err
    assert len(err.splitlines()) == len(drop)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"arrival_s": one(float("nan"), 1.0)}, "arrival_s: request 6: found nothing or NaN; finite seconds from 0 are allowed"),
        ({"arrival_s": one(float("inf"), 1.0)}, "arrival_s: request 6: found inf"),
        ({"arrival_s": one(-1.0, 1.0)}, "arrival_s: request 6: found -1.0"),
        ({"arrival_s": one(None, 1.0)}, "arrival_s: request 6: found nothing or NaN"),
        ({"arrival_s": [f"{i}" for i in range(ROWS)]}, "arrival_s: found string; seconds from the start are needed"),
        ({"arrival_s": pa.array(range(ROWS), pa.timestamp("us"))}, "wall-clock times are read by `sim trace import`"),
        ({"arrival_s": [1.7e12 + i for i in range(ROWS)]}, "these look like milliseconds or smaller units"),
        ({"prompt_tokens": one(1.5, 1.0)}, "prompt_tokens: request 6: found 1.5; whole numbers from 1 to 100000000 are allowed"),
        ({"prompt_tokens": one(float("nan"), 1.0)}, "prompt_tokens: request 6: found NaN"),
        ({"prompt_tokens": one(-5, 1)}, "prompt_tokens: request 6: found -5"),
        ({"prompt_tokens": one(10**12, 1)}, "prompt_tokens: request 6: found 1000000000000;"),
        (
            {"output_tokens": one(0, 1)},
            "output_tokens: request 6: found 0; whole numbers from 1 to 100000000 are allowed (a request that failed",
        ),
        ({"output_tokens": pa.array([2**64 - 1] * ROWS, pa.uint64())}, "found 18446744073709551615 (and 599 more)"),
        ({"output_tokens": [True] * ROWS}, "output_tokens: found bool; whole numbers are needed"),
        ({"cached_tokens": [10**6] * ROWS}, "cached_tokens: request 1: found 1000000 of a prompt of"),
        ({"class": [0.5] * ROWS}, "class: found double; texts or whole numbers are needed"),
        ({"class": [f"c{i}" for i in range(ROWS)]}, "class: more than 256 different values; use client_id or session_id for them"),
        ({"arrival_s": one(-1.0, 1.0), "prompt_tokens": one(0, 1)}, "prompt_tokens: request 6: found 0"),
    ],
    ids=lambda part: next(iter(part)) if isinstance(part, dict) else "",
)
def test_values_that_no_request_has(capsys: Capture, columns: dict[str, Any], said: str) -> None:
    changed(**columns)
    err = refused(capsys, "run", "t.parquet", "--stack", "small.yaml")
    assert said in err
    assert len(err.splitlines()) == len(columns)
    assert all(line.startswith("error: t.parquet: ") for line in err.splitlines())


def test_no_rows(capsys: Capture) -> None:
    pq.write_table(pq.read_table("trace.parquet").slice(0, 0), "t.parquet")
    assert "t.parquet: no requests; at least one row is needed" in refused(capsys, "run", "t.parquet", "--stack", "small.yaml")


@pytest.mark.parametrize("stated", ["nan", "-5", "soon", "1", "1e300"])
def test_a_duration_that_cannot_be(capsys: Capture, stated: str) -> None:
    pq.write_table(pq.read_table("trace.parquet").replace_schema_metadata({"sim.duration_s": stated}), "t.parquet")
    assert f"sim.duration_s: found {stated!r}" in refused(capsys, "run", "t.parquet", "--stack", "small.yaml")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda times: times[::-1], "note: arrivals were not in order: sorted on reading"),
        (lambda times: times * 1000, "if arrival_s is in milliseconds, divide it by 1000"),
        (lambda times: times + 1.7e9, "note: arrival_s held Unix times: shifted by 1700000000"),
        (lambda times: times * 0, "all requests arrive at the same moment: is arrival_s in seconds?"),
    ],
    ids=["unsorted", "milliseconds", "unix", "simultaneous"],
)
def test_odd_clocks_are_read_and_said(capsys: Capture, change: Any, said: str) -> None:
    changed(arrival_s=np.ascontiguousarray(change(arrivals())))
    code, _, err = run(capsys, "run", "t.parquet", "--stack", "small.yaml", "--months", "0")
    assert code == 0
    assert said in " ".join(err.split())
    assert all(line.isprintable() for line in err.splitlines())


def test_a_prompt_that_fits_nowhere_is_counted_with_its_reason(capsys: Capture) -> None:
    changed(prompt_tokens=one(2_000_000, 500))
    found = replayed(capsys, "t.parquet", "--stack", "small.yaml", "--log-requests")
    assert found["requests"]["completed"] == ROWS - 1
    assert found["requests"]["reasons"] == {"too_long": 1}
    log = pq.read_table("r/requests.parquet")
    assert (log["outcome"][5].as_py(), log["reason"][5].as_py()) == ("rejected", "too_long")
    assert "reasons: too long 1" in run(capsys, "run", "t.parquet", "--stack", "small.yaml", "--months", "0")[1]


def test_a_prompt_beyond_the_kv_cache_goes_where_it_fits(capsys: Capture) -> None:
    changed(prompt_tokens=one(150_000, 500))
    setting = "deployments.own.profile.kv_capacity_tokens=100000"
    found = replayed(capsys, "t.parquet", "--stack", "small.yaml", "--set", setting)
    assert found["requests"]["completed"] == ROWS
    assert found["deployments"]["spill"]["completed"] == 1


HOSTILE = (
    "=cmd|' /C calc'!A0", "+1", "-1", "@x", "\x1b[31mred\x1b]0;t\x07", "a\nb\r\nc", "\u202eevil", "x" * 5000, "", "  ", '"quote"', "a,b",
    "|pipe|", "<script>alert(1)</script>", "\t=1", "日本語" * 20, "🎉", "`ls`", "[b]bold[/b]", "{x}", "%s", "\u2028ls", "*star*", "all", "default",
)  # fmt: skip


@pytest.mark.parametrize("form", ["table", "md"])
def test_hostile_names_of_classes_and_clients(capsys: Capture, form: str) -> None:
    names = [HOSTILE[i % len(HOSTILE)] for i in range(ROWS)]
    changed(**{"class": names, "client_id": names})
    words = ("run", "t.parquet", "--stack", "small.yaml", "--months", "0", "--log-requests")
    code, out, err = run(capsys, *words, "--format", form, "-o", "r")
    assert code == 0, err
    for text in (out, err):
        assert all(line.isprintable() for line in text.split("\n"))
    if form == "table":
        assert max(map(len, out.split("\n"))) <= 80
    else:
        assert "<script>" not in out and "\\*star\\*" in out
    assert len(out.split("\n")) < 200
    assert pq.read_table("r/requests.parquet")["class"].to_pylist() == names
    for table in ("monthly.csv", "capacity.csv"):
        assert not [
            cell for line in Path("r", table).read_text().splitlines() for cell in line.split(",") if cell.startswith(("=", "+", "@", "\t"))
        ]


@pytest.mark.parametrize("name", ["=cmd", "\x1b[31m", "a\nb", "x" * 240, "..", "ü", "[b]", "-x"])
def test_hostile_names_of_files(capsys: Capture, name: str) -> None:
    Path(f"{name}.parquet").write_bytes(Path("trace.parquet").read_bytes())
    Path(f"{name}.yaml").write_bytes(Path("small.yaml").read_bytes())
    code, out, err = run(capsys, "run", f"./{name}.parquet", "--stack", f"./{name}.yaml", "--months", "0")
    assert code == 0, err
    for text in (out, err):
        assert all(line.isprintable() and len(line) <= 300 for line in text.split("\n"))
    (folder,) = Path("outputs").iterdir()
    assert all(each in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-" for each in folder.name)
    resolved = str(folder / "stack.resolved.yaml")
    again = run(capsys, "run", f"./{name}.parquet", "--stack", resolved, "--months", "0", "--format", "json")
    assert again[0] == 0, again[2]
