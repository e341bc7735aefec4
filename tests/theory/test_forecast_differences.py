"""Differences that changed rules and longer prompts make, in whole forecasts whose demand hardly moves."""

from __future__ import annotations

import numpy as np
import pytest

from sim.futures.forecast import Forecast
from tests.theory.forecasts import OUTPUT, PROMPT, START, even_trace, whole_forecast

RETIRES = "deployments: {api: {kind: api, model: gpt-4o-mini, limits: [], client: none}}"
"""An API that takes everything, and whose model is retired on 2027-01-14."""


def a_day(found: Forecast, item: str) -> np.ndarray:
    return np.asarray(found.usage[0, :, found.layout.at("api", item)] / np.array(found.month_days))


@pytest.mark.parametrize("prompts", [0.0, 0.01])
def test_a_successor_and_longer_prompts_are_paid_at_the_demand_there_is(prompts: float) -> None:
    """Between 1 and 1.06 times the trace lies no level at which differences are replayed, and hardly one of the curve itself."""
    trace = even_trace()
    found = whole_forecast(
        f"demand: {{growth_per_month: 2%, prompt_growth_per_month: {prompts}}}", RETIRES, trace, months=4, futures=20, start=START
    )
    months, requests = np.arange(4), trace.info.rows
    assert a_day(found, "requests") == pytest.approx(requests * 1.02**months, rel=1e-9)
    assert a_day(found, "output_tokens") == pytest.approx(requests * OUTPUT * 1.02**months, rel=1e-9)
    # Prompts are whole tokens, and those of a month lie between the lengths that are replayed.
    assert a_day(found, "input_tokens") == pytest.approx(requests * PROMPT * (1.02 * (1 + prompts)) ** months, rel=2e-3)
    assert np.ptp(found.total("invoice"), axis=0) == pytest.approx(np.zeros(4), abs=1e-9)
