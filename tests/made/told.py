"""Stands for the forecast of a stack in tests of commands: keeps what it was asked, and gives months made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sim.futures.forecast import Forecast
from sim.futures.run import Question

Made = Callable[[str, Question], Forecast]
"""A forecast for the name of a stack and a question."""


class Told:
    """`questions` and `stacks` are what was asked, in the order of the calls; `more` is what else came with the last one."""

    def __init__(self, made: Made) -> None:
        self._made = made
        self.questions: list[Question] = []
        self.stacks: list[Any] = []
        self.more: dict[str, Any] = {}

    def forecast(self, resolved: Any, _trace: object, question: Question, **more: Any) -> Forecast:
        """As sim/futures/run.py has it, at once."""
        self.questions.append(question)
        self.stacks.append(resolved)
        self.more = more
        for done in range(3):
            more["says"]("replaying days", done, 3)
        return self._made(resolved.name, question)


def tell(monkeypatch: pytest.MonkeyPatch, made: Made) -> Told:
    """Forecasts are those that `made` gives."""
    told = Told(made)
    monkeypatch.setattr("sim.futures.run.forecast", told.forecast)
    return told
