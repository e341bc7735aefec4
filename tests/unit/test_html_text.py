"""Text into HTML: whatever a name is, it is only text; numbers are shown as a reader wants them."""

from __future__ import annotations

import html
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.report.html.text import code, paragraph, prose, safe, show, signed, table
from tests.made.reports_read import read

NASTY = st.text(max_size=300) | st.sampled_from(["<script>", "</script>", '"', "'", "`a`", "&lt;", "\x00", "\u202e", "<!--", "]]>", "5 %"])


@given(NASTY)
def test_no_text_becomes_markup(text: str) -> None:
    for found in (safe(text), safe(text, whole=True)):
        assert not set(found) & set("<>\"'")
        assert all(each.isprintable() for each in found)
    for found in (prose(text), paragraph(text, "note"), code(text), table([text, text], [[text, text]], caption=text)):
        page = read(f"<div>{found}</div>")
        assert page.problems == [] and page.handlers == []
        assert set(page.tags) <= {"div", "p", "code", "pre", "table", "caption", "thead", "tbody", "tr", "th", "td"}


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=0x24F).filter(str.isprintable), max_size=120))
def test_what_can_be_printed_is_kept(text: str) -> None:
    assert html.unescape(safe(text)) == text


def test_long_words_and_texts_are_shortened_and_code_is_not() -> None:
    word = "x" * 10_000
    assert safe(word) == "x" * 80 + "…" + "x" * 19 + "…"
    assert len(safe("word " * 10_000)) < 4100
    assert code(f"{word}\n{word}") == f"<pre>{word}\n{word}</pre>"


def test_a_number_stays_with_its_unit_and_backticks_are_code() -> None:
    assert prose("in 52 % of 3 days `sim explain x` says 5 seconds") == (
        "in 52&nbsp;% of 3&nbsp;days <code>sim explain x</code> says 5 seconds"
    )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "usd", "-"), (math.nan, "s", "-"), (math.inf, "s", "never"), (-math.inf, "usd", "-"), (0.0, "usd", "$0.00"),
        (7.3e-7, "usd", "<$0.0001"), (81_234.0, "usd", "$81.2 k"), (0.045, "s", "45.0 ms"), (0.995, "share", "99.5 %"),
        (1234.0, "count", "1,234"), (2.0, "number", "2"),
    ],
)  # fmt: skip
def test_a_value(value: float | None, unit: str, text: str) -> None:
    assert show(value, unit) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (math.nan, "-"), (0.0, "="), (1234.0, "+$1,234"), (-81_234.0, "-$81.2 k")])
def test_a_difference(value: float | None, text: str) -> None:
    assert signed(value, "usd") == text
