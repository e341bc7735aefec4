"""Stands for the forecast of a stack in tests of commands: keeps what it was asked, and gives months made by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sim.futures.forecast import Forecast

Made = Callable[[str, Any], Forecast]
"""A forecast for the name of a stack and a question."""


class Told:
    """`questions` and `stacks` are what was asked, in the order of the calls; `more` is what else came with the last one."""

    def __init__(self, made: Made) -> None:
        self._made = made
        self.questions: list[Any] = []
        self.stacks: list[Any] = []
        self.more: dict[str, Any] = {}

    def forecast(self, resolved: Any, _trace: object, question: Any, **more: Any) -> Forecast:
        """As sim/futures/run.py has it, at once."""
        self.questions.append(question)
        self.stacks.append(resolved)
        self.more = more
        for done in range(3):
            more["says"]("replaying days", done, 3)
        return self._made(resolved.name, question)


def question(*values: object) -> SimpleNamespace:
    """As sim/futures/run.py has it, without importing the engine."""
    names = ("outlook_name", "outlook", "calendar", "futures", "seed", "strict")
    return SimpleNamespace(**dict(zip(names, values, strict=True)))


def tell(monkeypatch: pytest.MonkeyPatch, made: Made) -> Told:
    """Forecasts are those that `made` gives."""
    told = Told(made)
    monkeypatch.setitem(sys.modules, "sim.futures.run", SimpleNamespace(Question=question, forecast=told.forecast))
    return told
