"""What a forecast says of its own errors against what they are: bands from seed to seed, cells and library against every day in full."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2

from sim.futures.accuracy import accuracy_of
from sim.futures.bands import band
from sim.futures.calendar import Calendar
from sim.futures.cells import Cells
from sim.futures.combine import Part, Source, month_amounts
from sim.futures.draw import draw
from sim.futures.draws import Draws
from sim.futures.evaluate import Evaluator, LibraryPart
from sim.futures.exact import exact_months
from sim.futures.library import build_library
from sim.futures.service_levels import service_levels
from sim.futures.surfaces import surfaces
from sim.futures.windows import plan_windows
from sim.trace.trace import Trace
from tests.made.days import day_trace
from tests.made.draws import BOOK, CATALOG, outlook, resolved
from tests.theory.forecasts import FREE, START, even_trace, whole_forecast

Floats = npt.NDArray[np.float64]

SEEDS = 200
EDGES = (("mean", "se"), ("p5", "se_p5"), ("p50", "se_p50"), ("p95", "se_p95"))
WILD = """
demand: {growth_per_month: {p5: 0%, p50: 3%, p95: 8%}, day_to_day_sigma: 0.1}
api_prices: {own_models: {changes_per_year: 2, rise_share: 0.5, rise_ln: {median: 0.1, sigma: 0.5}, cut_ln: {median: 0.2, sigma: 0.5}}}
bill: {people: {p5: 0.7, p50: 1, p95: 1.5}}
"""
INCIDENTS = (
    "api_incidents: {default: {per_30_days: 4, gap_shape: 0.8, duration_h: {median: 1, sigma: 1}, outage_share: 50%, error_rate: 5%}}"
)
MANNED = FREE + "\npeople: {devops_engineers: 0.001, devops_engineer_usd_per_month: 10000}\n"
SMALL = """\
deployments:
  own:
    kind: gpu
    llm: llama-3.1-8b
    gpu: h100-sxm
    replicas: 1
    usd_per_gpu_hour: 3.6
    gpus_per_node: 1
    client: none
    max_num_seqs: 2
    profile:
      error: 0.1
      step: {c_ms: 40, g_ms_at_tokens: [[1, 4], [256, 6], [8192, 120]], o_us_per_sequence: 20, f_ns_per_context_token: 10, h_ns_per_token_pair: 0.1}
      kv_capacity_tokens: 200000
  out: {kind: api, model: gpt-6.1-sol, client: none, limits: [{law: token_bucket, unit: requests, limit: 4, window_s: 60}]}
routing: [{to: [{deployment: own, max_wait: 1s}, out]}]
"""
LIKELY = """
demand: {growth_per_month: {p5: 0%, p50: 5%, p95: 10%}, day_to_day_sigma: 0.1}
profile: {error_factor: 1}
api_incidents: {default: {per_30_days: 4, gap_shape: 0.8, duration_h: {median: 2, sigma: 0.5}, outage_share: 50%, error_rate: 20%, latency_factor: 2}}
gpu_failures: {per_1000_node_days: {default: 100}, whole_node_share: 40%, rented_repair_h: 4}
"""


def made(stack: str, says: str, trace: Trace, months: int, futures: int, seed: int = 1) -> tuple[Evaluator, Draws, Any]:
    """All replays for the futures of one seed, those futures, and what draws them for another seed."""
    found, calendar = resolved(stack), Calendar(START, months)

    def futures_of(seed: int) -> Draws:
        return draw(
            outlook(says), found, catalog=CATALOG, calendar=calendar, futures=futures, seed=seed, sample_sigma=0.0, trace_days=1.0,
            weekday_of_trace=None, running={"own": 1.0},
        )  # fmt: skip

    draws = futures_of(seed)
    cells = Cells(found, trace, catalog=CATALOG, book=BOOK, seed=seed, plan=plan_windows(trace, found, seed=seed), calendar=calendar)
    return Evaluator(found, CATALOG, BOOK, cells, surfaces(cells, draws), build_library(cells, draws)), draws, futures_of


def paid(lines: Any) -> Floats:
    """[F, M] everything but what stands apart."""
    return np.asarray(sum(usd for name, usd in lines if name.kind != "apart"), np.float64)


def assert_errors_are_right(totals: list[Floats]) -> None:
    """Reported errors of the total's band, in the mean, against what the band does from seed to seed."""
    found = [band(total) for total in totals]
    for edge, error in EDGES:
        deviation = float(np.std([getattr(each, edge) for each in found], ddof=1))
        reported = float(np.mean([getattr(each, error) for each in found]))
        print(f"{edge}: reported over deviation {reported / deviation:.2f}")
        assert 0.8 <= reported / deviation <= 1.25, edge


def test_errors_of_a_total_are_those_from_seed_to_seed() -> None:
    evaluator, _, futures_of = made(MANNED, WILD, even_trace(1800.0), months=6, futures=200)
    totals = []
    for seed in range(SEEDS):
        draws = futures_of(seed)
        sources, incidents = evaluator.parts(draws, slice(0, draws.futures))
        totals.append(paid(evaluator.lines(draws, (*sources, incidents), {})).sum(axis=1))
    assert_errors_are_right(totals)


@pytest.mark.nightly
def test_errors_of_whole_forecasts_are_those_from_seed_to_seed() -> None:
    trace = day_trace(rows=300)
    totals = [
        whole_forecast(WILD + INCIDENTS, MANNED, trace, months=3, futures=200, seed=seed).total("tco").sum(axis=1) for seed in range(SEEDS)
    ]
    assert_errors_are_right(totals)


def against_exact(futures: int, rows: int, months: int) -> tuple[Floats, Floats, Any]:
    """[F, M] relative errors of a month's cost, absolute ones of its share of good requests, and what the forecast says of its errors."""
    evaluator, draws, _ = made(SMALL, LIKELY, day_trace(rows=rows), months, futures)
    made_of: tuple[tuple[tuple[Source, ...], LibraryPart | None], ...] = (
        evaluator.parts(draws, slice(0, futures)),
        ((exact_months(evaluator.cells, draws),), None),
    )
    usd, good = [], []
    for sources, library in made_of:
        parts: tuple[Part, ...] = sources if library is None else (*sources, library)
        usage = np.maximum(month_amounts(parts, draws.calendar, slice(None)), 0.0)
        usd.append(paid(evaluator.lines(draws, parts, {})))
        good.append(service_levels(sources, library, usage, evaluator.cells.layout, evaluator.resolved.slo, None).good_share)
    return usd[0] / usd[1] - 1.0, good[0] - good[1], accuracy_of(evaluator, draws, seed=1, workers=1)


def assert_within(errors: Floats, bias: float, rms: float, days: int) -> None:
    """Months are off by no more than what some days say: the mean within their bias and its error, single months within the rms of days.

    What is said rests on few days: a mean square of so many is chi-square distributed, and taken at its 1 % quantile.
    """
    print(f"months: mean {errors.mean():+.4f}, rms {np.sqrt((errors**2).mean()):.4f}; days said {bias:+.4f}, {rms:.4f}")
    assert abs(errors.mean()) <= abs(bias) + 3 * rms / math.sqrt(days)
    assert float(np.sqrt((errors**2).mean())) <= rms * math.sqrt(days / chi2.ppf(0.01, days))


def test_cells_and_library_are_off_by_no_more_than_they_say() -> None:
    usd, good, said = against_exact(futures=6, rows=3000, months=2)
    assert_within(usd, said.usd_bias, said.usd_rms, said.days)
    assert_within(good, said.slo_bias, said.slo_rms, said.days)


@pytest.mark.nightly
def test_cells_and_library_of_more_futures_are_off_by_no_more_than_they_say() -> None:
    usd, good, said = against_exact(futures=20, rows=4000, months=4)
    assert_within(usd, said.usd_bias, said.usd_rms, said.days)
    assert_within(good, said.slo_bias, said.slo_rms, said.days)
