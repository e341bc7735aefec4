"""Where data are found: here, in the checkout, or in the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.catalog import location
from sim.catalog.location import data_folder, find_input
from sim.errors import InputError


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two workloads, seen from an empty folder."""
    traces = tmp_path / "checkout" / "workloads"
    traces.mkdir(parents=True)
    for name in ("bursty.parquet", "steady.parquet"):
        (traces / name).write_text(name)
    (tmp_path / "checkout" / "sim").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(location, "_PACKAGE", tmp_path / "checkout" / "sim")
    return tmp_path / "checkout"


def test_the_data_of_the_checkout(root: Path) -> None:
    assert data_folder("models") == root / "models"
    assert (data_folder("models") / "gpus" / "h100-sxm.yaml").is_file()


def test_the_data_of_a_wheel_come_first(checkout: Path) -> None:
    assert data_folder("workloads") == checkout / "workloads"
    (checkout / "sim" / "_data" / "workloads").mkdir(parents=True)
    assert data_folder("workloads") == checkout / "sim" / "_data" / "workloads"


def test_a_bundled_file_is_found_from_anywhere(checkout: Path) -> None:
    assert find_input("workloads/bursty.parquet") == checkout / "workloads" / "bursty.parquet"


@pytest.mark.usefixtures("checkout")
def test_a_file_of_ones_own_comes_first() -> None:
    Path("workloads").mkdir()
    Path("workloads/bursty.parquet").write_text("my own")
    assert find_input("workloads/bursty.parquet").read_text() == "my own"
    assert find_input("workloads/steady.parquet").read_text() == "steady.parquet"


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("workloads/burst.parquet", "workloads/burst.parquet: no such file; did you mean 'bursty.parquet'?"),
        ("mine.parqet", "mine.parqet: no such file; did you mean 'mine.parquet'?"),
        ("nowhere/x.parquet", "nowhere/x.parquet: no such file"),
        ("workloads/../workloads/bursty.parquet", "workloads/../workloads/bursty.parquet: no such file"),
        (".", ".: a folder; a file is needed"),
    ],
)
def test_what_is_not_there(path: str, message: str) -> None:
    Path("mine.parquet").touch()
    with pytest.raises(InputError) as caught:
        find_input(path)
    assert str(caught.value) == message
