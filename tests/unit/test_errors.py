"""Errors of the user: their form, several at once, and the nearest name."""

from __future__ import annotations

import pickle

import pytest

from sim.errors import InputError, Problem, input_error, nearest, nearest_name, visible

GPUS = ("h100-sxm", "h200-sxm", "a100-80gb")


def test_a_problem_has_place_key_what_was_found_what_is_allowed_and_the_nearest_name() -> None:
    problem = Problem("s.yaml", "unknown GPU 'h100-smx'", "deployments.own.gpu", 6, 12, ", ".join(GPUS), "h100-sxm")
    assert str(problem) == (
        "s.yaml:6:12: deployments.own.gpu: unknown GPU 'h100-smx'; allowed: h100-sxm, h200-sxm, a100-80gb; did you mean 'h100-sxm'?"
    )


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("t.parquet", "no rows"), "t.parquet: no rows"),
        (Problem("t.csv", "not a number", line=3), "t.csv:3: not a number"),
        (Problem("", "unknown", "--set a.b"), "--set a.b: unknown"),
    ],
)
def test_parts_that_are_not_known_leave_no_trace(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_an_error_holds_all_problems_one_a_line() -> None:
    error = input_error([Problem("a.yaml", "first"), "b.yaml: second"])
    assert str(error).splitlines() == ["a.yaml: first", "b.yaml: second"]


def test_an_error_survives_the_way_from_a_worker_process() -> None:
    error = pickle.loads(pickle.dumps(InputError("a\nb")))  # noqa: S301 - made on this line
    assert isinstance(error, InputError)
    assert str(error) == "a\nb"


@pytest.mark.parametrize(("given", "found"), [("h100", "h100-sxm"), ("H200_SXM", "h200-sxm"), ("a100-80", "a100-80gb"), ("quantum", "")])
def test_the_nearest_name(given: str, found: str) -> None:
    assert nearest_name(given, GPUS) == found
    assert nearest(given, GPUS) == (f"; did you mean {found!r}?" if found else "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain ü 日本", "plain ü 日本"), ("a\x1b[31m\nb", "a\\x1b[31m\\nb"), ("\u202egnp\u2028", "\\u202egnp\\u2028"), ("", "")],
)
def test_a_text_of_the_user_cannot_steer_a_terminal(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(text).isprintable()
