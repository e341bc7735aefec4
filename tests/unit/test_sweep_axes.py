"""What `--over` and `--gpus` mean: lists, ranges, and the mistakes in them."""

from __future__ import annotations

import pytest

from sim.errors import InputError
from sim.planning.axes import MOST_POINTS, Axis, parse_gpus, parse_over


def values(spec: str) -> tuple[object, ...]:
    return parse_over(f"key={spec}").values


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("1:4", (1, 2, 3, 4)),
        ("1:4,8,16", (1, 2, 3, 4, 8, 16)),
        ("2:9:3", (2, 5, 8)),
        ("4:1:-1", (4, 3, 2, 1)),
        ("7:7", (7,)),
        ("0.1:0.7:0.1", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)),
        ("-1:1", (-1, 0, 1)),
        ("0.5:2.5", (0.5, 1.5, 2.5)),
        ("h100-sxm, a100-80gb", ("h100-sxm", "a100-80gb")),
        ("500ms,1s,2", ("500ms", "1s", 2)),
        ("true,false", ("true", "false")),
        ("1e3,30k", (1000.0, "30k")),
        ('"a,b",c', ("a,b", "c")),
        ("'12:30',18", ("12:30", 18)),
        ("'1-6',2", ("1-6", 2)),
        ("2027-03,2027-06", ("2027-03", "2027-06")),
        ("[1, 2],[3, 4]", ("[1, 2]", "[3, 4]")),
        ("{min: 1, max: 2},3", ("{min: 1, max: 2}", 3)),
    ],
)
def test_lists_and_ranges(spec: str, wanted: tuple[object, ...]) -> None:
    found = values(spec)
    assert found == wanted
    assert [type(each) for each in found] == [type(each) for each in wanted]


def test_a_range_of_decimals_is_set_as_written() -> None:
    assert parse_over("key=0.1:0.3:0.1").texts == ("0.1", "0.2", "0.3")
    assert parse_over("key=1:3").texts == ("1", "2", "3")
    assert parse_over("key='12:30',fp8").texts == ("'12:30'", "fp8")


def test_so_many_replicas_always() -> None:
    assert parse_over("deployments.own.replicas.count=1:2").setting_key == "deployments.own.replicas"
    assert parse_over("deployments.own.replicas.max=1:2").setting_key == "deployments.own.replicas.max"
    assert parse_over("deployments.count.gpu=a,b") == Axis("deployments.count.gpu", ("a", "b"), ("a", "b"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("key", "found no key and values"),
        ("=1", "found no key and values"),
        ("a..b=1", "found no key and values"),
        ("key=", "found no values"),
        ("key=1,,2", "found nothing between two commas"),
        ("key=1,2,", "found nothing between two commas"),
        ("key=3:1", "a range of no values, from 3 by 1 to 1; allowed: start:stop[:step] that ends where it leads to, as 1:3"),
        ("key=1:3:-1", "a range of no values"),
        ("key=1:3:0", "a range with a step of 0"),
        ("key=1:", "a range is start:stop[:step] of plain numbers"),
        ("key=1:2:3:4", "a range is start:stop[:step] of plain numbers"),
        ("key=1-6", "found '1-6'; a range is start:stop[:step], as 1:6;"),
        ("key=1..6", "found '1..6'; a range is start:stop[:step], as 1:6;"),
        ("key=8,0.5-2.5", "found '0.5-2.5'; a range is start:stop[:step], as 0.5:2.5;"),
        ("key=1,2,1", "found '1' twice"),
        ("key=1:4,2", "found '2' twice"),
        ("key=1,1.0", "found '1.0' twice"),
        ("key=a,a", "found 'a' twice"),
        ("key='a", "where a comma or the end is needed"),
        ("key=c,[a", "where a comma or the end is needed"),
        ("key='a'b", "not valid YAML"),
        ("key=1:1000000", "a range of 1,000,000 values; at most 100,000"),
        ("key=0:1:0.000000000001", "a range of 1,000,000,000,001 values"),
        ("key=" + ",".join(map(str, range(MOST_POINTS + 1))), "more than 100,000 values"),
    ],
)  # fmt: skip
def test_mistakes(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        parse_over(text)
    assert said in str(error.value)
    assert str(error.value).startswith("--over ") and len(str(error.value)) < 300


def test_gpus_are_whole_numbers() -> None:
    assert parse_gpus("2:8:2").values == (2, 4, 6, 8)
    for spec in ("0:4", "2.5", "many", "-2", "4,8.0"):
        with pytest.raises(InputError, match="--gpus: found"):
            parse_gpus(spec)


def test_what_is_shown_cannot_steer_a_terminal() -> None:
    with pytest.raises(InputError) as error:
        parse_over("key\x1b[31m=\x1b[2J'")
    assert "\x1b" not in str(error.value)
