"""Finished rows on disk: the same bits back, and nothing that is torn, foreign or another's."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.planning.point_store import PointStore, row_of, row_text
from sim.planning.points import Point, Row
from tests.made.points import computes, point_of, study_of

KEY = "k" * 40


@pytest.fixture
def row(tmp_path: Path) -> Row:
    return computes(study_of(tmp_path / "trace"), point_of(1))


@pytest.fixture
def store(tmp_path: Path) -> PointStore:
    (tmp_path / "store").mkdir()
    return PointStore(tmp_path / "store")


def test_a_row_comes_back_with_the_same_bits(store: PointStore, row: Row) -> None:
    store.put(KEY, row_text(KEY, row))
    assert store.get(KEY, row.point) == row


@given(
    st.dictionaries(st.text(max_size=9), st.none() | st.floats(allow_nan=False)),
    st.lists(st.tuples(st.text(max_size=9), st.floats(allow_nan=False), st.none() | st.floats(allow_nan=False), st.booleans()), max_size=3),
    st.none() | st.text(),
)
def test_any_row_survives_its_text(
    metrics: dict[str, float | None], slo: list[tuple[str, float, float | None, bool]], refused: str | None
) -> None:
    row = Row(point_of(0), metrics, tuple(slo), refused)
    found = row_of(row_text(KEY, row), KEY, row.point)
    assert found == row
    assert found is not None
    for name, value in metrics.items():
        again = found.metrics[name]
        assert value is None or (again is not None and math.copysign(1, again) == math.copysign(1, value))


def test_not_a_number_comes_back() -> None:
    row = row_of(row_text(KEY, Row(point_of(0), {"x": math.nan}, ())), KEY, point_of(0))
    assert row is not None
    assert row.metrics["x"] is not None
    assert math.isnan(row.metrics["x"])


def test_a_row_is_given_to_the_point_that_asks(store: PointStore, row: Row) -> None:
    """Two grids number the same stack differently."""
    store.put(KEY, row_text(KEY, row))
    other = Point(99, (("y", 2),), row.point.settings)
    found = store.get(KEY, other)
    assert found is not None
    assert found.point is other


def test_every_torn_file_counts_as_absent(store: PointStore, row: Row) -> None:
    store.put(KEY, row_text(KEY, row))
    (path,) = store.folder.iterdir() if store.folder else ()
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert store.get(KEY, row.point) is None, length


def test_every_changed_byte_counts_as_absent(store: PointStore, row: Row) -> None:
    store.put(KEY, row_text(KEY, row))
    (path,) = store.folder.iterdir() if store.folder else ()
    whole = bytearray(path.read_bytes())
    for place in range(len(whole)):
        whole[place] ^= 1
        path.write_bytes(whole)
        assert store.get(KEY, row.point) is None, place
        whole[place] ^= 1


def test_the_row_of_another_key_counts_as_absent(store: PointStore, row: Row) -> None:
    """A file that was renamed."""
    store.put(KEY, row_text(KEY, row))
    assert store.folder is not None
    (store.folder / f"{KEY}.json").rename(store.folder / f"{'o' * 40}.json")
    assert store.get("o" * 40, row.point) is None


@pytest.mark.parametrize(
    "change",
    [
        {"metrics": []}, {"metrics": {"a": "1"}}, {"metrics": {"a": True}}, {"metrics": {"a": 1}}, {"slo": 1}, {"slo": [[1, 1.0, None, True]]},
        {"slo": [["a", 1.0, None, 1]]}, {"slo": [["a", 1.0]]}, {"refused": 5}, {"more": 1}, {"metrics": None},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_another_shape_counts_as_absent(row: Row, change: dict[str, object]) -> None:
    content = json.loads(row_text(KEY, row)) | change
    assert row_of(json.dumps(content), KEY, row.point) is None


@pytest.mark.parametrize("text", ["", "[]", "null", "NaN", "{", "[" * 100_000, '{"key": Infinity}'])
def test_other_texts_count_as_absent(text: str) -> None:
    assert row_of(text, KEY, point_of(0)) is None


def test_a_file_that_is_too_large_or_a_folder_counts_as_absent(store: PointStore) -> None:
    assert store.folder is not None
    (store.folder / f"{KEY}.json").write_bytes(b"x" * (2 << 20))
    assert store.get(KEY, point_of(0)) is None
    (store.folder / f"{'f' * 40}.json").mkdir()
    assert store.get("f" * 40, point_of(0)) is None


def test_nothing_is_left_of_what_cannot_be_written(store: PointStore, row: Row) -> None:
    assert store.folder is not None
    (store.folder / f"{KEY}.json").mkdir()
    with pytest.raises(OSError, match="director"):
        store.put(KEY, row_text(KEY, row))
    assert [path.name for path in store.folder.iterdir()] == [f"{KEY}.json"]


def test_the_oldest_go_when_there_are_too_many(store: PointStore, row: Row) -> None:
    """What is read counts as new; what a killed run was writing goes like the rest."""
    folder = store.folder
    assert folder is not None
    text = row_text(KEY, row)
    size = len(text.encode()) + 65
    keys = [f"{number:040d}" for number in range(80)]
    old = [(f"{key}.json", 1000.0 + number) for number, key in enumerate(keys[:10])]
    (folder / ".torn").write_bytes(b"x" * size)
    os.utime(folder / ".torn", (1.0, 1.0))
    for key in keys[:10]:
        store.put(key, row_text(key, row))
    for name, mtime in old:
        os.utime(folder / name, (mtime, mtime))
    small = PointStore(folder, most_bytes=8 * size)
    assert small.get(keys[0], row.point) is not None
    small.put(keys[10], row_text(keys[10], row))
    left = {path.name for path in folder.iterdir()}
    assert left == {f"{keys[number]}.json" for number in (0, 4, 5, 6, 7, 8, 9, 10)}


def test_a_store_without_a_folder_keeps_nothing(row: Row) -> None:
    store = PointStore(None)
    store.put(KEY, row_text(KEY, row))
    assert store.get(KEY, row.point) is None
