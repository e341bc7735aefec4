"""Frozen records as plain data for JSON: fields by name, lists for tuples, nothing for what does not exist.

Arrays over futures are left out: a file holds what is said of them. Strategies are called by their names.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from sim.decision.facts import StrategyFacts
from sim.decision.strategies import Strategy


def plain_data(value: object) -> Any:
    """A value of a decision as JSON has it; TypeError for what has no such form."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return plain_data(value.item())
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (Strategy, StrategyFacts)):
        return value.name
    if isinstance(value, Mapping):
        return {str(key): plain_data(each) for key, each in value.items() if not isinstance(each, np.ndarray)}
    if isinstance(value, (tuple, list, frozenset)):
        return [plain_data(each) for each in (sorted(value) if isinstance(value, frozenset) else value)]
    if is_dataclass(value) and not isinstance(value, type):
        found = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: plain_data(each) for name, each in found if not isinstance(each, np.ndarray)}
    raise TypeError(f"{type(value).__name__} is no plain data")
