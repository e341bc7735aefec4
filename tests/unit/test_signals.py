"""Events of APIs by future: the month in which a model is gone, and the longest outage that begins in a month."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.futures.calendar import Calendar
from sim.futures.hazard import Hazard, Incidents
from sim.futures.signals import signals
from tests.made.draws import START, drawn

HOUR, DAY = 3600.0, 86_400.0
TWO = "deployments: {out: {kind: api, model: gpt-6.1-sol}, own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm}}\nrouting: [{to: [out, own]}]"


def test_a_model_is_gone_in_the_month_of_its_last_day_and_pools_never() -> None:
    made = drawn("{}", TWO, months=3, futures=4)
    days = len(Calendar(START, 3).month_of_day)  # December, January, February: 31, 31 and 28 days
    gone = np.full((4, 2), days)
    gone[:, 0] = [0, 30, 31, days]
    assert signals(replace(made, retired_from=gone)).retired_month.tolist() == [[0, 3], [0, 3], [1, 3], [3, 3]]


def test_the_longest_outage_of_a_vendor_counts_in_the_month_in_which_it_begins() -> None:
    hazards = (Hazard("api_outage", "openai", (0,)), Hazard("degradation", "openai", (0,)), Hazard("gpu_failure", "own", (1,)))
    starts = np.array([1.0, 5.0, 30.99, 32.0, 3.0, 2.0]) * DAY
    hours = np.array([2.0, 5.0, 9.0, 1.0, 40.0, 50.0])
    future = np.array([0, 0, 0, 0, 1, 1])
    hazard = np.array([0, 0, 0, 0, 1, 2])
    n = len(hours)
    found = Incidents(future, hazard, starts, hours * HOUR, np.ones(n), np.zeros(n), np.ones(n, np.int64))
    made = replace(drawn("{}", TWO, months=3, futures=2), hazards=hazards, incidents=found)
    longest = signals(made).longest_outage_h
    assert longest.shape == (2, 3, 2)
    assert longest[:, :, 0].tolist() == [[9.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    assert not longest[:, :, 1].any()
