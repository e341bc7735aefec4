"""How wide a text is on a terminal, and tables that fit 80 columns whatever names are in them."""

from __future__ import annotations

import textwrap
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.report.bars import BLOCKS, PLAIN, bars
from sim.report.section import WIDTH, Section, as_text
from sim.wide import beginning, columns, left, right, shortened, wrap

NAMES = st.text(st.sampled_from("abc -_.漢字かなカナ한é\u0301\uff21\uff22🙂\x1b\n"), max_size=90)
FIGURES = st.sampled_from(["$1,234", "12 %", "0.51", "-", ""])


@pytest.mark.parametrize(
    ("text", "wide"),
    [("", 0), ("abc", 3), ("漢字", 4), ("カナ", 4), ("e\u0301", 1), ("é", 1), ("\uff21\uff22", 4), ("🙂", 2), ("—…▁█", 4), ("a\u200bb", 2)],
)
def test_columns_of_a_text(text: str, wide: int) -> None:
    assert columns(text) == wide


def test_columns_are_filled() -> None:
    assert (left("漢", 4), right("漢", 4), left("ab", 4), right("ab", 4)) == ("漢  ", "  漢", "ab  ", "  ab")


@given(NAMES, st.integers(2, 40))
def test_a_shortened_name_fits_and_is_no_shorter_than_it_must(text: str, width: int) -> None:
    found = shortened(text, width)
    assert columns(found) <= width
    if columns(text) <= width:
        assert found == text
    else:
        assert columns(found) >= width - 2 and "…" in found
        assert text.startswith(found.partition("…")[0]) and text.endswith(found.rpartition("…")[2])


@given(NAMES, st.integers(1, 40))
def test_the_beginning_is_the_longest_that_fits(text: str, width: int) -> None:
    found = beginning(text, width)
    rest = text[len(found) :]
    assert text.startswith(found) and columns(found) <= width
    assert not rest or columns(found + rest[0]) > width


@given(NAMES.map(lambda text: text.replace("\x1b", "").replace("\n", " ")), st.integers(8, 60))
def test_a_paragraph_fits_and_loses_nothing(text: str, width: int) -> None:
    found = wrap(text, width, later="  ")
    assert all(columns(line) <= width for line in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_accents_do_not_make_up_for_wide_characters() -> None:
    text = "\u0301a\u0301b\u0301c\u0301d 漢字漢字"
    assert columns(text) == len(text) == 13
    assert wrap(text, 9) == ["\u0301a\u0301b\u0301c\u0301d", "漢字漢字"]
    assert wrap("漢字漢字漢 a\u0301\u0301\u0301\u0301\u0301", 9) == ["漢字漢字", "漢 a\u0301\u0301\u0301\u0301\u0301"]


def test_narrow_text_is_wrapped_as_ever() -> None:
    text = "a paragraph-of words that " * 9
    assert wrap(text, 40, later="  ") == textwrap.wrap(text, 40, subsequent_indent="  ", break_on_hyphens=False)
    assert wrap(text, 20, break_hyphens=True) == textwrap.wrap(text, 20)
    assert wrap("x" * 30, 20, break_words=False) == ["x" * 30]
    assert wrap("漢字 " * 6, 10) == ["漢字 漢字"] * 3


@st.composite
def sections(draw: st.DrawFn) -> Section:
    count = draw(st.integers(1, 9))
    cells = st.one_of(FIGURES, NAMES)
    rows = draw(st.lists(st.tuples(NAMES, *[cells] * count), min_size=1, max_size=4))
    notes = draw(st.lists(NAMES, max_size=2))
    if draw(st.booleans()):
        return Section("t", [row[:2] for row in rows], notes=notes, facts=True)
    return Section("t", rows, draw(st.tuples(*[FIGURES] * count)), notes)


@settings(max_examples=60, deadline=None)
@given(sections())
def test_every_part_fits_80_columns_with_any_name_in_any_column(section: Section) -> None:
    for line in as_text([section]).split("\n"):
        assert columns(line) <= WIDTH
        assert all(unicodedata.category(each) != "Cc" for each in line)


def test_a_name_in_a_column_of_its_own_gives_way_before_figures_do() -> None:
    rows = [("x" * 60, "y" * 60, "$1,234,567"), ("short", "漢" * 40, "$1")]
    lines = as_text([Section("t", rows, ("name", "USD"))]).split("\n")
    assert all(columns(line) <= WIDTH for line in lines)
    assert lines[1].endswith("$1,234,567") and lines[1].count("…") == 2
    assert {columns(line) for line in lines} == {max(columns(line) for line in lines)}


def test_bars_are_from_nothing_to_the_most() -> None:
    assert bars((0.0, 1e-9, 0.5, 1.0, float("nan"), -1.0), 1.0) == "▁▂▅█ ▁"
    assert bars((0.0, 0.0), 0.0) == "▁▁"
    assert len(BLOCKS) == len(PLAIN) == 8 and PLAIN.isascii() and len(set(PLAIN)) == 8
