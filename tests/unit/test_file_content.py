"""What anybody may have written is read up to a size, and why it cannot be read is said in one way."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.catalog.file_content import read_content, utf8_text
from sim.errors import InputError


def test_a_file_is_read_whole_up_to_its_size(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(b"12345")
    assert read_content(file, "plan.json", 5) == b"12345"
    with pytest.raises(InputError, match=r"^plan\.json: more than 4 bytes; at most that many are read$"):
        read_content(file, "plan.json", 4)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plam.json", "x: no such file; did you mean 'plan.json'?"),
        ("none/plan.json", "x: no such file"),
        (".", "x: a folder; a plan is needed"),
        ("plan.json/x", "x: cannot be read: Not a directory"),
    ],
)
def test_why_a_file_is_not_read(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "plan.json").write_bytes(b"1")
    with pytest.raises(InputError) as error:
        read_content(tmp_path / name, "x", 5, wanted="a plan is needed")
    assert str(error.value) == said


def test_a_byte_that_is_no_text_has_its_place() -> None:
    assert utf8_text(b"\xef\xbb\xbfa", "x") == "a"
    with pytest.raises(InputError, match=r"^x:2:3: not UTF-8 text \(byte 0xff\)$"):
        utf8_text(b"a\nbc\xff", "x")
