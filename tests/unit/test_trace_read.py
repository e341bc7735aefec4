"""Reading a trace: what comes out is what is in the file, batch by batch, and every mistake a file can hold is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.errors import InputError
from sim.trace import Trace, TraceChunk, metadata_of, read_trace, table_of, write_trace
from sim.trace import source as sources

GOOD = {"arrival_s": [0.0, 0.5, 0.5, 3.0], "prompt_tokens": [10, 20, 30, 40], "output_tokens": [1, 2, 3, 4]}


def stored(path: Path, columns: dict[str, Any], metadata: dict[str, str] | None = None, **options: Any) -> Path:
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path, **options)
    return path


def whole(trace: Trace, rows: int = 65536) -> TraceChunk:
    chunks = list(trace.chunks(rows))
    joined = {
        name: np.concatenate([getattr(chunk, name) for chunk in chunks])
        for name in TraceChunk.__dataclass_fields__
        if name not in ("first_row", "block_offsets")
    }
    lengths = np.concatenate([np.diff(chunk.block_offsets) for chunk in chunks])
    return TraceChunk(0, block_offsets=np.concatenate([[0], np.cumsum(lengths)]), **joined)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace.parquet"


def test_required_columns_alone(path: Path) -> None:
    trace = read_trace(stored(path, GOOD))
    assert trace.info.rows == 4
    assert trace.info.duration_s == 3.0
    assert trace.info.columns == ("arrival_s", "prompt_tokens", "output_tokens")
    assert trace.classes == ("default",)
    assert trace.clients == ()
    assert trace.info.notes == ()
    assert len(trace.info.sha256) == 64
    chunk = whole(trace)
    assert chunk.arrival_s.tolist() == GOOD["arrival_s"]
    assert chunk.prompt_tokens.tolist() == GOOD["prompt_tokens"]
    assert chunk.output_tokens.tolist() == GOOD["output_tokens"]
    assert chunk.class_id.tolist() == [0] * 4
    for absent in (chunk.client_id, chunk.session_id, chunk.cached_tokens, chunk.max_tokens):
        assert absent.tolist() == [-1] * 4
    assert chunk.block_offsets.tolist() == [0] * 5
    assert chunk.block_ids.tolist() == []


def test_types_are_those_of_the_interface(path: Path) -> None:
    chunk = whole(read_trace(stored(path, {**GOOD, "class": list("abab"), "client_id": [7, 7, 8, 8]})))
    kinds = {name: getattr(chunk, name).dtype.name for name in TraceChunk.__dataclass_fields__ if name != "first_row"}
    assert kinds == {
        "arrival_s": "float64", "prompt_tokens": "int64", "output_tokens": "int64", "class_id": "int32", "client_id": "int32",
        "session_id": "int64", "cached_tokens": "int64", "max_tokens": "int64", "block_offsets": "int64", "block_ids": "int64",
    }  # fmt: skip
    assert all(getattr(chunk, name).flags["C_CONTIGUOUS"] for name in kinds)


def test_every_optional_column_with_nulls(path: Path) -> None:
    columns = {
        **GOOD,
        "class": ["chat", None, "batch", "chat"],
        "session_id": ["s1", "s1", None, "s2"],
        "client_id": [None, "b", "a", "b"],
        "cached_tokens": [0, None, 30, 5],
        "prefix_block_ids": [[1, 2], None, [], [1, 3, 9]],
        "max_tokens": [None, 100, 200, 300],
    }
    trace = read_trace(stored(path, columns, {"sim.prefix_block_tokens": "16"}))
    chunk = whole(trace)
    assert [trace.classes[i] for i in chunk.class_id] == ["chat", "default", "batch", "chat"]
    assert [None if i < 0 else trace.clients[i] for i in chunk.client_id] == [None, "b", "a", "b"]
    assert chunk.session_id[0] == chunk.session_id[1] >= 0
    assert chunk.session_id[2] == -1
    assert chunk.session_id[3] not in (-1, chunk.session_id[0])
    assert chunk.cached_tokens.tolist() == [0, -1, 30, 5]
    assert chunk.max_tokens.tolist() == [-1, 100, 200, 300]
    assert chunk.block_offsets.tolist() == [0, 2, 2, 2, 5]
    assert chunk.block_ids.tolist() == [1, 2, 1, 3, 9]
    assert trace.info.sessions == 2
    assert trace.prefix_block_tokens == 16


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_texts_of_any_kind_are_the_same(path: Path, kind: pa.DataType) -> None:
    names = pa.array(["b", None, "a", "b"]).cast(kind)
    trace = read_trace(stored(path, {**GOOD, "class": names, "client_id": names, "session_id": names}))
    chunk = whole(trace)
    assert [trace.classes[i] for i in chunk.class_id] == ["b", "default", "a", "b"]
    assert [None if i < 0 else trace.clients[i] for i in chunk.client_id] == ["b", None, "a", "b"]
    plain = whole(read_trace(stored(path, {**GOOD, "session_id": ["b", None, "a", "b"]})))
    assert chunk.session_id.tolist() == plain.session_id.tolist()


def test_whole_numbers_name_classes_clients_and_sessions(path: Path) -> None:
    trace = read_trace(stored(path, {**GOOD, "class": [3, None, 3, 5], "client_id": [9, 9, None, 4], "session_id": [12, 12, None, 0]}))
    chunk = whole(trace)
    assert [trace.classes[i] for i in chunk.class_id] == ["3", "default", "3", "5"]
    assert [None if i < 0 else trace.clients[i] for i in chunk.client_id] == ["9", "9", None, "4"]
    assert chunk.session_id.tolist() == [12, 12, -1, 0]


def test_whole_floats_are_whole_numbers(path: Path) -> None:
    chunk = whole(read_trace(stored(path, {**GOOD, "prompt_tokens": [10.0, 20.0, 30.0, 40.0], "cached_tokens": [0.0, None, 3.0, 4.0]})))
    assert chunk.prompt_tokens.tolist() == [10, 20, 30, 40]
    assert chunk.cached_tokens.tolist() == [0, -1, 3, 4]


@pytest.mark.parametrize("rows", [1, 7, 64, 1000])
def test_batches_of_any_size_join_to_the_same_rows(path: Path, rows: int) -> None:
    generator = np.random.default_rng(1)
    n = 500
    columns = {
        "arrival_s": np.sort(generator.random(n) * 100),
        "prompt_tokens": generator.integers(1, 50, n),
        "output_tokens": generator.integers(1, 50, n),
        "class": generator.choice(["x", "y", "z"], n),
        "session_id": [f"s{k}" for k in generator.integers(0, 40, n)],
        "prefix_block_ids": [list(range(k)) for k in generator.integers(0, 4, n)],
    }
    trace = read_trace(stored(path, columns, row_group_size=90))
    chunks = list(trace.chunks(rows))
    assert max(len(chunk) for chunk in chunks) <= rows
    assert [chunk.first_row for chunk in chunks] == np.cumsum([0] + [len(chunk) for chunk in chunks])[:-1].tolist()
    one, many = whole(trace, 10_000), whole(trace, rows)
    for name in TraceChunk.__dataclass_fields__:
        assert np.array_equal(getattr(one, name), getattr(many, name)), name
    assert one.arrival_s.tolist() == columns["arrival_s"].tolist()
    assert trace.info.sessions == len(set(columns["session_id"]))


def test_sessions_of_many_names_are_told_apart() -> None:
    names = [f"{k:x}-{k * 7919 % 1000003}" for k in range(50_000)] + ["", "a", "aa", "aaa", "ab", "ba", "é"]
    n = len(names)
    trace = Trace.from_arrays(arrival_s=np.arange(n), prompt_tokens=np.ones(n, int), output_tokens=np.ones(n, int), session_id=names)
    chunk = whole(trace)
    assert len(np.unique(chunk.session_id)) == trace.info.sessions == n
    assert chunk.session_id.min() >= 0


def test_the_duration_that_the_file_states(path: Path) -> None:
    assert read_trace(stored(path, GOOD, {"sim.duration_s": "60"})).info.duration_s == 60.0
    for wrong in ("1e300", "2.9", "soon", "nan", "inf"):
        with pytest.raises(InputError, match=r"sim\.duration_s: found"):
            read_trace(stored(path, GOOD, {"sim.duration_s": wrong}))


def test_notes_of_the_file_come_first(path: Path) -> None:
    stored(path, {**GOOD, "arrival_s": [1.0, 0.0, 2.0, 3.0]}, {"sim.notes": json.dumps(["arrivals assumed"])})
    assert read_trace(path).info.notes == ("arrivals assumed", "arrivals were not in order: sorted on reading")


@pytest.mark.parametrize("range_rows", [4_000_000, 37])
def test_unsorted_arrivals_are_sorted_and_that_is_said(path: Path, range_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "RANGE_ROWS", range_rows)
    generator = np.random.default_rng(2)
    n = 400
    # Twenty times only, so that many are equal: those keep the order of the file.
    arrival = generator.integers(0, 20, n) / 4
    columns = {
        "arrival_s": arrival, "prompt_tokens": np.arange(1, n + 1), "output_tokens": np.ones(n, int),
        "class": generator.choice(["x", "y"], n),
    }  # fmt: skip
    trace = read_trace(stored(path, columns, row_group_size=50))
    assert any("sorted on reading" in note for note in trace.info.notes)
    chunk = whole(trace, 13)
    order = np.argsort(arrival, kind="stable")
    assert chunk.arrival_s.tolist() == arrival[order].tolist()
    assert (chunk.prompt_tokens - 1).tolist() == order.tolist()
    assert [trace.classes[i] for i in chunk.class_id] == columns["class"][order].tolist()


def test_a_file_is_read_range_by_range_and_never_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "RANGE_ROWS", 1000)
    n = 20_000
    arrival = np.arange(n, dtype=float).reshape(-1, 2)[:, ::-1].ravel()
    trace = read_trace(stored(path, {"arrival_s": arrival, "prompt_tokens": np.ones(n, int), "output_tokens": np.ones(n, int)}))
    sizes = [len(chunk) for chunk in trace.chunks(10**6)]
    assert sum(sizes) == n
    assert max(sizes) < 4000


def test_a_trace_from_arrays_is_like_one_from_a_file(path: Path) -> None:
    columns: dict[str, Any] = {
        "class_": ["a", "b", "a", None], "client_id": ["c", "c", None, "d"], "session_id": [1, 1, 2, None],
        "cached_tokens": [1, None, 2, 3], "max_tokens": [None, 9, 9, 9], "prefix_block_ids": [[1], [1, 2], [], [3]],
    }  # fmt: skip
    made = Trace.from_arrays(**GOOD, **columns, metadata=metadata_of(duration_s=10, prefix_block_tokens=16, notes=["n"]))
    assert made.info.notes[0] == "n"
    read = read_trace(write_trace(path, made))
    for name in TraceChunk.__dataclass_fields__:
        assert np.array_equal(getattr(whole(made), name), getattr(whole(read), name)), name
    assert (read.classes, read.clients, read.info.duration_s, read.prefix_block_tokens) == (made.classes, made.clients, 10.0, 16)
    assert table_of(read).equals(table_of(made))


def test_columns_of_different_length() -> None:
    with pytest.raises(InputError, match="different length"):
        Trace.from_arrays(arrival_s=[0.0], prompt_tokens=[1, 2], output_tokens=[1])


def test_an_existing_file_is_kept(path: Path) -> None:
    stored(path, GOOD)
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        write_trace(path, read_trace(path))
    assert path.read_bytes() == before
    write_trace(path, Trace.from_arrays(**{**GOOD, "prompt_tokens": [1, 1, 1, 1]}), force=True)
    assert whole(read_trace(path)).prompt_tokens.tolist() == [1, 1, 1, 1]
    assert list(path.parent.iterdir()) == [path]


def test_two_that_write_one_trace_do_not_meet(path: Path) -> None:
    mine = table_of(Trace.from_arrays(**GOOD))

    def while_another_writes() -> Iterator[pa.Table]:
        yield mine.slice(0, 2)
        write_trace(path, Trace.from_arrays(**{**GOOD, "prompt_tokens": [1, 1, 1, 1]}))
        yield mine.slice(2)

    write_trace(path, while_another_writes())
    assert whole(read_trace(path)).prompt_tokens.tolist() == GOOD["prompt_tokens"]
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_trace(tmp_path / "no" / "t.parquet", Trace.from_arrays(**GOOD))
    assert list(tmp_path.iterdir()) == []


# What a file can get wrong.


def missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def folder(path: Path) -> None:
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_parquet(path: Path) -> None:
    path.write_text("arrival_s,prompt_tokens,output_tokens\n0,1,1\n")


def truncated(path: Path) -> None:
    stored(path, GOOD)
    path.write_bytes(path.read_bytes()[:-20])


def damaged_footer(path: Path) -> None:
    stored(path, GOOD)
    content = bytearray(path.read_bytes())
    content[-60:-8] = b"\xff" * 52
    path.write_bytes(bytes(content))


def damaged_pages(path: Path) -> None:
    stored(path, {"arrival_s": np.arange(1e4), "prompt_tokens": np.arange(1, 10_001), "output_tokens": np.ones(10_000, int)})
    content = bytearray(path.read_bytes())
    content[200:20_000] = bytes(19_800)
    path.write_bytes(bytes(content))


def no_rows(path: Path) -> None:
    stored(path, {name: pa.array([], pa.float64()) for name in GOOD})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (missing, "no such file"),
        (folder, "a folder; a Parquet file is needed"),
        (empty, "an empty file"),
        (no_parquet, "not a Parquet file; other formats are read by `sim trace import"),
        (truncated, "a truncated Parquet file"),
        (damaged_footer, "a damaged Parquet file"),
        (damaged_pages, "a damaged Parquet file"),
        (no_rows, "no requests"),
    ],
)
def test_what_is_no_trace(path: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(path)
    with pytest.raises(InputError, match=message) as caught:
        read_trace(path, "t.parquet")
    assert str(caught.value).startswith("t.parquet: ")
    assert "\n" not in str(caught.value)


def test_damaged_bytes_anywhere_are_wrong_input_and_never_a_crash(path: Path) -> None:
    generator = np.random.default_rng(5)
    n = 300
    columns = {
        "arrival_s": np.arange(n) / 2, "prompt_tokens": generator.integers(1, 99, n), "output_tokens": generator.integers(1, 99, n),
        "class": generator.choice(["a", "b"], n), "session_id": [f"s{k}" for k in range(n)], "prefix_block_ids": [[1, 2]] * n,
    }  # fmt: skip
    good = stored(path, columns).read_bytes()
    refused = 0
    for _ in range(300):
        content = bytearray(good)
        for place in generator.integers(4, len(good) - 4, 3):
            content[place] = generator.integers(256)
        path.write_bytes(bytes(content))
        try:
            assert sum(len(chunk) for chunk in read_trace(path).chunks()) > 0
        except InputError:
            refused += 1
    assert refused > 100


def test_text_that_is_not_utf8_is_named(path: Path) -> None:
    stored(path, {**GOOD, "class": pa.array([b"a", b"b", b"\xff", b"c"])})
    with pytest.raises(InputError, match="class: found binary"):
        read_trace(path)


ABSURD = 10**12


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("arrival_s", [0.0, np.nan, 2.0, 3.0], "arrival_s: request 2: found nothing or NaN; finite seconds from 0 are allowed"),
        ("arrival_s", [0.0, None, 2.0, 3.0], "arrival_s: request 2: found nothing or NaN"),
        ("arrival_s", [0.0, 1.0, np.inf, 3.0], "arrival_s: request 3: found inf"),
        ("arrival_s", [-1.0, 1.0, 2.0, 3.0], "arrival_s: request 1: found -1.0"),
        (
            "prompt_tokens",
            [10, -5, -6, 40],
            "prompt_tokens: request 2: found -5 (and 1 more); whole numbers from 1 to 100000000 are allowed",
        ),
        ("prompt_tokens", [10.0, 20.0, 30.5, 40.0], "prompt_tokens: request 3: found 30.5"),
        ("prompt_tokens", [10.0, np.nan, 30.0, 40.0], "prompt_tokens: request 2: found NaN"),
        ("prompt_tokens", [10, None, 30, 40], "prompt_tokens: request 2: found nothing"),
        ("prompt_tokens", [10, 20, 30, ABSURD], f"prompt_tokens: request 4: found {ABSURD}"),
        ("prompt_tokens", [10.0, np.inf, 30.0, 40.0], "prompt_tokens: request 2: found inf"),
        ("output_tokens", [1, 0, 3, 4], "output_tokens: request 2: found 0"),
        ("output_tokens", [None, None, None, None], "output_tokens: found null; whole numbers are needed"),
        ("output_tokens", ["1", "2", "3", "4"], "output_tokens: found string; whole numbers are needed"),
        ("output_tokens", [True, True, True, True], "output_tokens: found bool"),
        ("cached_tokens", [0, 21, 0, 0], "cached_tokens: request 2: found 21 of a prompt of 20"),
        ("cached_tokens", [0, -3, 0, 0], "cached_tokens: request 2: found -3"),
        ("max_tokens", [1, 0, 1, 1], "max_tokens: request 2: found 0"),
        ("class", [0.5, 1.0, 1.0, 1.0], "class: found double; texts or whole numbers are needed"),
        ("prefix_block_ids", [1, 2, 3, 4], "prefix_block_ids: found int64; lists of whole numbers are needed"),
        ("prefix_block_ids", [[1], [2, None], [], []], "prefix_block_ids: request 2: found an empty id"),
        ("prefix_block_ids", [["a"], [], [], []], "prefix_block_ids: found list"),
    ],
)
def test_a_wrong_value_is_named_with_its_row(path: Path, column: str, values: list[Any], message: str) -> None:
    stored(path, {**GOOD, column: values})
    with pytest.raises(InputError) as caught:
        read_trace(path, "t.parquet")
    assert f"t.parquet: {message}" in str(caught.value)


def test_a_row_far_into_the_file_is_counted_from_its_start(path: Path) -> None:
    n = 600_000
    prompt = np.ones(n, np.int32)
    prompt[500_123] = -1
    stored(path, {"arrival_s": np.arange(n, dtype=float), "prompt_tokens": prompt, "output_tokens": np.ones(n, np.int32)})
    with pytest.raises(InputError, match="request 500,124: found -1;"):
        read_trace(path)


def test_all_problems_of_a_file_at_once(path: Path) -> None:
    stored(path, {"arrival_s": [0.0, np.nan], "prompt_tokens": [0, 1], "output_tokens": [1.5, 1.0]})
    with pytest.raises(InputError) as caught:
        read_trace(path)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["arrival_s", "prompt_tokens", "output_tokens"]


def test_all_missing_columns_at_once(path: Path) -> None:
    stored(path, {"timestamp": [0.0], "prompt_tokens": [1]})
    with pytest.raises(InputError) as caught:
        read_trace(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "arrival_s: column missing; the file has timestamp, prompt_tokens" in lines[0]
    assert "--map arrival_s=COLUMN" in lines[0]


def test_times_of_day_are_for_the_importer(path: Path) -> None:
    stored(path, {**GOOD, "arrival_s": pa.array([0, 1, 2, 3], pa.timestamp("s"))})
    with pytest.raises(InputError, match=r"arrival_s: found timestamp\[.*sim trace import"):
        read_trace(path)


def test_too_many_classes_are_clients_or_sessions(path: Path) -> None:
    n = 300
    columns = {"arrival_s": np.arange(n), "prompt_tokens": np.ones(n, int), "output_tokens": np.ones(n, int)}
    with pytest.raises(InputError, match="class: more than 256 different values; use client_id or session_id"):
        read_trace(stored(path, {**columns, "class": [f"c{k}" for k in range(n)]}))


def test_unix_times_are_shifted_and_milliseconds_of_them_refused(path: Path) -> None:
    unix = [1.7e9, 1.7e9 + 1, 1.7e9 + 2, 1.7e9 + 8.5]
    trace = read_trace(stored(path, {**GOOD, "arrival_s": unix}))
    assert whole(trace).arrival_s.tolist() == [0.0, 1.0, 2.0, 8.5]
    assert trace.info.duration_s == 8.5
    assert any("Unix times" in note for note in trace.info.notes)
    with pytest.raises(InputError, match="look like milliseconds"):
        read_trace(stored(path, {**GOOD, "arrival_s": [time * 1000 for time in unix]}))


def of_rate(rate: float, rows: int = 2000) -> Trace:
    return Trace.from_arrays(arrival_s=np.arange(rows) / rate, prompt_tokens=np.ones(rows, int), output_tokens=np.ones(rows, int))


def test_milliseconds_by_mistake_are_warned_of_from_the_rate() -> None:
    in_ms = of_rate(5.5 / 1000)
    assert any("warning" in note and "divide it by 1000 (5.50 requests/s" in note for note in in_ms.info.notes)
    assert any("is arrival_s in seconds?" in note for note in of_rate(1e6).info.notes)
    for rate in (0.05, 5.5, 2000.0):
        assert of_rate(rate).info.notes == ()


def test_outputs_beyond_their_limit_and_blocks_beyond_the_prompt_are_noted() -> None:
    trace = Trace.from_arrays(
        **GOOD, max_tokens=[1, 1, 1, 1], prefix_block_ids=[[], [1, 2], [], []], metadata={"sim.prefix_block_tokens": "20"}
    )
    assert "warning: output_tokens exceed max_tokens in 3 rows" in trace.info.notes
    assert any("reach beyond the prompt in 1 rows" in note for note in trace.info.notes)


def test_clients_beyond_the_most_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.trace import check

    monkeypatch.setattr(check, "MOST_CLIENTS", 3)
    trace = Trace.from_arrays(
        arrival_s=np.arange(6), prompt_tokens=np.ones(6, int), output_tokens=np.ones(6, int), client_id=["a", "b", None, "c", "d", "e"]
    )
    assert trace.clients == ("a", "b", "c", "other clients")
    assert whole(trace).client_id.tolist() == [0, 1, -1, 2, 3, 3]
    assert any("more than 3 clients" in note for note in trace.info.notes)


def test_the_number_of_very_many_sessions_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.trace import check

    monkeypatch.setattr(check, "_SKETCH", 4096)
    n = 200_000
    trace = Trace.from_arrays(arrival_s=np.arange(n), prompt_tokens=np.ones(n, int), output_tokens=np.ones(n, int), session_id=np.arange(n))
    # The k smallest of n hashes give n within 1/sqrt(k).
    assert abs(trace.info.sessions / n - 1) < 5 / np.sqrt(4096)
    assert any("estimated" in note for note in trace.info.notes)


@pytest.mark.parametrize(
    ("name", "rows", "hours"),
    [
        ("azure_conv_2023", 19366, 0.973),
        ("mooncake_synthetic", 3993, 0.284),
        ("ragpulse", 7106, 167.945),
        ("servegen_deepseek_r1_day_derived", 1392937, 24.0),
    ],
)
def test_public_traces_are_read(shared_data: Path, name: str, rows: int, hours: float) -> None:
    trace = read_trace(shared_data / "traces" / f"{name}.parquet")
    assert trace.info.rows == rows == sum(len(chunk) for chunk in trace.chunks())
    assert trace.info.duration_s / 3600 == pytest.approx(hours, abs=6e-4)


def test_a_recipe_is_told_what_makes_a_trace_of_it(tmp_path: Path) -> None:
    path = tmp_path / "busy.yaml"
    path.write_text("description: x\ntraffic:\n  clients: 3\n")
    with pytest.raises(InputError, match=r"a recipe, of which a trace is made: `sim trace synth busy.yaml -o busy.parquet`"):
        read_trace(path)


@pytest.mark.parametrize("name", ["x.csv", "x.JSONL", "x.json"])
def test_a_trace_is_not_written_under_the_name_of_another_format(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"a trace is written as Parquet; allowed: x\.parquet"):
        write_trace(tmp_path / name, {"arrival_s": [0.0], "prompt_tokens": [1], "output_tokens": [1]})
    assert not (tmp_path / name).exists()
