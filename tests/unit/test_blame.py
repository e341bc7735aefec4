"""Whose mistake it is: settings one by one, several together, the file itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sim.errors import InputError
from sim.stack.blame import blaming


def made(settings: Sequence[str]) -> str:
    """A world of its own: `a` breaks one thing, `b` and `c` together another, `d` says its own, and the file has one of its own."""
    problems = ["f.yaml:9:9: own"] if "e" in settings or "a" in settings else []
    problems += ["f.yaml:1:1: one"] * ("a" in settings)
    problems += ["f.yaml:2:2: both"] * ("b" in settings and "c" in settings)
    problems += ["--set d: itself"] * ("d" in settings)
    if problems:
        raise InputError("\n".join(problems))
    return "made"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("a", "x"), ["--set a: f.yaml:9:9: own", "--set a: f.yaml:1:1: one"]),
        (("a",), ["--set a: f.yaml:9:9: own", "--set a: f.yaml:1:1: one"]),
        (("x", "b", "c"), ["--set b, --set c: f.yaml:2:2: both"]),
        (("d",), ["--set d: itself"]),
        (("d", "a"), ["--set a: f.yaml:9:9: own", "--set a: f.yaml:1:1: one", "--set d: itself"]),
        (("a", "e"), ["--set a, --set e: f.yaml:9:9: own", "--set a: f.yaml:1:1: one"]),
    ],
)
def test_each_line_names_its_setting(settings: tuple[str, ...], said: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        blaming(made, settings)
    assert str(refused.value).split("\n") == said


def test_what_is_wrong_without_any_stays() -> None:
    def always(settings: Sequence[str]) -> str:
        raise InputError("\n".join(["f.yaml:3:3: own", *(f"f.yaml:4:4: {each}" for each in settings)]))

    with pytest.raises(InputError) as refused:
        blaming(always, ("a", "b"))
    assert str(refused.value).split("\n") == ["f.yaml:3:3: own", "--set a: f.yaml:4:4: a", "--set b: f.yaml:4:4: b"]


def test_nothing_is_asked_twice_where_nothing_is_wrong() -> None:
    asked: list[tuple[str, ...]] = []

    def one(settings: Sequence[str]) -> str:
        asked.append(tuple(settings))
        return made(settings)

    assert blaming(one, ("x", "y")) == "made" and asked == [("x", "y")]
