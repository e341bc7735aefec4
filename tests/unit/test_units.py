"""Quantities as people write them, to base units and back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import units
from sim.errors import InputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("800ms", 0.8),
        ("3s", 3),
        ("5 min", 300),
        ("2h", 7200),
        ("1.5 h", 5400),
        ("1d", 86400),
        ("1 month", 730 * 3600),
        (" 250 us ", 250e-6),
        ("1e-3 s", 0.001),
        ("1e3", 1000),
        (".5s", 0.5),
        ("-3s", -3),
        (12, 12),
        (0.25, 0.25),
    ],
)
def test_durations(text: str | float, seconds: float) -> None:
    assert units.parse_seconds(text) == pytest.approx(seconds, rel=1e-15)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (units.parse_bytes, "80GB", 80e9),
        (units.parse_bytes, "80 GiB", 80 * 2**30),
        (units.parse_bytes, "2TB", 2e12),
        (units.parse_usd, "$5", 5),
        (units.parse_usd, "5 USD", 5),
        (units.parse_usd, "$1.2k", 1200),
        (units.parse_usd, "$1,250,000", 1_250_000),
        (units.parse_usd, "-$3", -3),
        (units.parse_number, "30k", 30_000),
        (units.parse_number, "2M", 2_000_000),
        (units.parse_number, "1_000", 1000),
        (units.parse_share, "99.5%", 0.995),
        (units.parse_share, "0.995", 0.995),
        (units.parse_share, "100 %", 1),
    ],
)
def test_other_quantities(parse: object, text: str, value: float) -> None:
    assert callable(parse)
    assert parse(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [("99.9%", "share", 0.999), ("57%", "share", 0.57), ("57ms", "duration", 0.057), ("1.1k", "number", 1100.0), ("1e-400%", "share", 0.0)],
)
def test_a_quantity_is_what_it_would_be_written_out(text: str, kind: units.Kind, value: float) -> None:
    """To the last bit: products of floats give 0.9990000000000001 and 0.5700000000000001."""
    assert units.parse_quantity(text, kind) == value
    assert units.share_of_percent(57) == 0.57 and units.scaled(0.57, 100.0) == 57.0


@pytest.mark.parametrize(
    ("value", "plain"),
    [(0.9990000000000001, 0.999), (13.770000000000001, 13.77), (1 / 3, 1 / 3), (2.0**60 + 256, 2.0**60 + 256), (0.1, 0.1)],
)
def test_what_floats_leave_behind_is_cut(value: float, plain: float) -> None:
    assert units.tidy(value) == plain
    assert units.tidy(float("inf")) == float("inf")


@pytest.mark.parametrize("kind", ["duration", "memory", "money", "number", "share"])
@pytest.mark.parametrize(
    "text",
    ["", "fast", "ms", "$", "1,2", "1 2", "nan", "inf", "1e999", "--1", "5 5s", "0x10", "1__", "_1", ".", "e5", "1,000,00", "٣", "12:30"],
)
def test_what_is_no_quantity_is_refused_with_examples(text: str, kind: units.Kind) -> None:
    with pytest.raises(InputError, match="allowed: "):
        units.parse_quantity(text, kind)


@pytest.mark.parametrize(("text", "kind"), [("5GB", "duration"), ("$5", "duration"), ("3s", "money"), ("5%", "number"), ("3 h", "memory")])
def test_units_of_another_kind_are_refused(text: str, kind: units.Kind) -> None:
    with pytest.raises(InputError, match="which is not a"):
        units.parse_quantity(text, kind)


@pytest.mark.parametrize("text", ["101%", "1.5", "-1%"])
def test_a_share_lies_between_0_and_1(text: str) -> None:
    with pytest.raises(InputError, match="a share between 0 and 1"):
        units.parse_share(text)


def test_the_nearest_unit_is_named() -> None:
    with pytest.raises(InputError, match="did you mean 'min'"):
        units.parse_seconds("5 mins")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (1e-5, "10.0 us"),
        (0.045, "45.0 ms"),
        (0.9996, "1.00 s"),
        (3.2149, "3.21 s"),
        (750, "12.5 min"),
        (9000, "2.50 h"),
        (200_000, "2.31 d"),
        (math.nan, "-"),
        (None, "-"),
    ],
)
def test_durations_are_shown_in_the_unit_a_reader_wants(seconds: float | None, text: str) -> None:
    assert units.show_seconds(seconds) == text


@pytest.mark.parametrize(
    ("usd", "text"),
    [(12345.4, "$12,345"), (999.999, "$1,000"), (3.2, "$3.20"), (0.0125, "$0.0125"), (0.99951, "$1.00"), (0, "$0.00"), (-3.2, "-$3.20")],
)
def test_money(usd: float, text: str) -> None:
    assert units.show_usd(usd) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (9876, "9,876"), (12345, "12.3 k"), (999_999, "1.00 M"), (1.2e9, "1.20 B"), (3.14159, "3.14")]
)
def test_counts(count: float, text: str) -> None:
    assert units.show_count(count) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.5, "50.0 %"), (1, "100 %"), (0.99996, "99.996 %"), (0.9999999, ">99.999 %"), (0, "0 %"), (1e-7, "<0.001 %"), (0.123456, "12.3 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share: float, text: str) -> None:
    assert units.show_share(share) == text


@given(st.floats(min_value=1e-6, max_value=1e7))
def test_what_is_shown_reads_back_to_three_digits(seconds: float) -> None:
    assert units.parse_seconds(units.show_seconds(seconds)) == pytest.approx(seconds, rel=5.1e-3)
    assert units.parse_seconds(units.show_ms(seconds)) == pytest.approx(seconds, rel=5.1e-3)


@given(st.floats(min_value=1e-4, max_value=1e12))
def test_money_and_counts_read_back(value: float) -> None:
    assert units.parse_usd(units.show_usd(value)) == pytest.approx(value, rel=5.1e-3)
    assert units.parse_number(units.show_count(value)) == pytest.approx(value, rel=5.1e-3)
