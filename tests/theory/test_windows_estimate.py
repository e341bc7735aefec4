"""Windows as a sample of a trace: unbiased before calibration, exact in the totals after it, and as far off as they say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.futures.cells import Cells
from sim.futures.curve import Curve
from sim.futures.day_spread import day_spread, sample_sigma
from sim.futures.rule_state import NORMAL
from sim.futures.usage import ALL
from sim.futures.window_draw import Frame, calibrated, chances_of, draw_windows, systematic
from sim.futures.window_plan import Window, WindowPlan
from sim.futures.windows import plan_windows
from sim.measure.histogram import quantile_s
from sim.sampling import stream
from sim.trace.synthesise import load_recipe, synthesise
from sim.trace.trace import Trace
from tests.made.days import resolved_for

Floats = npt.NDArray[np.float64]

HOURS = 30 * 24


def frame_of(seed: int) -> tuple[Frame, Floats]:
    """A month of counts by minute with bursts, and an amount of each hour that follows demand with noise and bends upwards."""
    random = np.random.default_rng(seed)
    rate = np.repeat(random.gamma(4.0, 1.0, HOURS * 4), 15) * np.where(random.random(HOURS * 60) < 0.02, 10.0, 1.0)
    requests = random.poisson(rate).astype(float)
    counts = np.stack([requests, requests * random.gamma(20.0, 30.0, HOURS * 60), requests * random.gamma(20.0, 10.0, HOURS * 60)])
    frame = Frame.from_counts(counts, 3600.0)
    demand = frame.facts[:, 1] / frame.facts[:, 1].mean()
    return frame, 3.0 + demand + 0.5 * demand**2 + random.normal(0.0, 0.2, HOURS)


def test_every_window_has_exactly_its_chance() -> None:
    score = np.array([1.0, 2.0, 3.0, 4.0, 10.0, 0.5, 0.5])
    chance = chances_of(score, 4)
    assert chance.sum() == pytest.approx(4.0) and chance[[3, 4]].tolist() == [1.0, 1.0]
    assert chance[2] / chance[1] == pytest.approx(1.5)
    generator, draws = stream(1, "test"), 20_000
    seen = np.zeros(7)
    for _ in range(draws):
        seen[systematic(chance, generator)] += 1
    assert np.abs(seen / draws - chance).max() < 4.5 * 0.5 / draws**0.5


def test_weighted_by_chance_the_total_is_unbiased() -> None:
    frame, amount = frame_of(1)
    chance = chances_of(frame.score, 48)
    generator = stream(2, "test")
    totals = []
    for _ in range(4000):
        places = systematic(chance, generator)
        totals.append(float((amount[places] / chance[places]).sum()))
    error = np.std(totals) / len(totals) ** 0.5
    assert np.mean(totals) == pytest.approx(amount.sum(), abs=4 * error)
    assert error < 0.005 * amount.sum()


def test_calibrated_weights_add_up_to_what_is_known() -> None:
    frame, _ = frame_of(2)
    whole = frame.facts.sum(axis=0)
    chosen = draw_windows(frame, budget_rows=0.1 * whole[1], most_rows=whole[1], least_s=86_400.0, seed=3)
    assert chosen.weights @ frame.facts[chosen.places] == pytest.approx(whole)
    assert (chosen.weights > 0).all() and chosen.known.shape[1] == 4
    # Moved as little as possible: already right, they stay.
    again, _ = calibrated(chosen.weights, frame.facts[chosen.places], whole)
    assert again == pytest.approx(chosen.weights)


def test_the_standard_error_is_that_of_many_samples() -> None:
    frame, amount = frame_of(3)
    whole = frame.facts.sum(axis=0)
    off, said = [], []
    for seed in range(100):
        chosen = draw_windows(frame, budget_rows=0.1 * whole[1], most_rows=whole[1], least_s=86_400.0, seed=seed)
        windows = tuple(
            Window(3600.0 * place, 3600.0, 0.0, weight, chance=chance)
            for place, weight, chance in zip(chosen.places, chosen.weights, chosen.chances, strict=True)
        )
        count = len(windows)
        plan = WindowPlan(windows, 30.0, HOURS * 3600.0, "", False, np.inf, count, np.zeros(count, np.int64), frame.facts[chosen.places],
                          chosen.known, True, seed)  # fmt: skip
        off.append(float(chosen.weights @ amount[chosen.places]) - float(amount.sum()))
        said.append(float(plan.sampling_se(amount[chosen.places][:, None])[0]))
    actual = float(np.sqrt(np.mean(np.square(off))))
    assert 0.8 < float(np.sqrt(np.mean(np.square(said)))) / actual < 1.25
    assert abs(np.mean(off)) < 0.2 * actual + 4 * actual / 100**0.5
    # Uniform windows without calibration would be twice as bad.
    plain = amount.std() * HOURS / count**0.5
    assert actual < plain / 2


def test_the_spread_of_a_sample_is_seen_in_second_differences() -> None:
    random = np.random.default_rng(4)
    hours = 100.0 * (1.5 + np.sin(np.arange(720) / 72 * 2 * np.pi))  # ten days of 20-minute blocks, up and down
    said, totals = [], []
    for _ in range(400):
        blocks = random.poisson(hours).astype(float)
        said.append(sample_sigma(blocks))
        totals.append(blocks.sum())
    actual = np.std(totals) / np.mean(totals)
    assert np.mean(said) == pytest.approx(actual, rel=0.1)
    assert sample_sigma(np.linspace(100.0, 400.0, 72)) == pytest.approx(0.0, abs=1e-9)  # a slope is no chance
    assert sample_sigma(np.zeros(72)) == 0.0


def test_two_weeks_say_how_days_differ() -> None:
    random = np.random.default_rng(5)
    weekday = np.array([1.2, 1.2, 1.1, 1.1, 1.0, 0.6, 0.8])
    days = np.concatenate([np.full(random.poisson(600 * weekday[day % 7] * random.lognormal(0.0, 0.2)), day) for day in range(28)])
    arrival = np.sort((days + random.random(len(days))) * 86_400.0)
    trace = Trace.from_arrays(
        arrival_s=arrival, prompt_tokens=np.full(len(days), 100), output_tokens=np.full(len(days), 10),
        metadata={"sim.duration_s": repr(28 * 86_400.0)},
    )  # fmt: skip
    resolved = resolved_for(_POOL)
    found = day_spread(trace, plan_windows(trace, resolved))
    assert found.week is not None and found.day_sigma is not None
    # 21 degrees of freedom: the chi distribution's 3 standard errors are 0.2 * 3 / sqrt(42).
    assert found.day_sigma == pytest.approx(0.2, abs=0.1)
    assert np.array(found.week) == pytest.approx(weekday / weekday.mean(), abs=0.35)
    assert found.week[5] == min(found.week)
    day = day_spread(trace_of_a_day(), plan_windows(trace_of_a_day(), resolved))
    assert day.day_sigma is None and day.week is None and 0 < day.sample_sigma < 0.2


_POOL = "deployments: {own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, usd_per_gpu_hour: 3}}\nrouting: [{to: [own]}]"
_SCALED = """\
deployments:
  own:
    kind: gpu
    llm: llama-3.1-8b
    gpu: h100-sxm
    replicas: {min: 1, max: 4}
    autoscaler: {law: hpa, metric: concurrency, target: 8}
    usd_per_gpu_hour: 3
    gpus_per_node: 1
    max_num_seqs: 8
routing: [{to: [own]}]
"""


def trace_of_a_day() -> Trace:
    random = np.random.default_rng(6)
    return Trace.from_arrays(
        arrival_s=np.sort(random.random(2000)) * 86_400.0, prompt_tokens=random.integers(1, 500, 2000),
        output_tokens=np.full(2000, 10), metadata={"sim.duration_s": "86400"},
    )  # fmt: skip


def traffic(name: str, days: float, scale: float, root: object) -> Trace:
    recipe = load_recipe(f"{root}/workloads/recipes/{name}.yaml")
    each = {key: part.model_copy(update={"requests_per_s": part.requests_per_s * scale}) for key, part in recipe.traffic.items()}
    return synthesise(recipe.model_copy(update={"duration_s": days * 86_400.0, "traffic": each}))


def compared(name: str, days: float, scale: float, budget_rows: int, root: object, seeds: int) -> None:
    """p99 TTFT, the share of requests within their levels, and cost: windows against all of the trace, within what the sample says."""
    trace = traffic(name, days, scale, root)
    resolved = resolved_for(_SCALED, trace)
    catalog = Catalog.load()

    def curve(rows: int, seed: int) -> tuple[Cells, Curve]:
        plan = plan_windows(trace, resolved, budget_rows=rows, seed=seed)
        cells = Cells(resolved, trace, catalog=catalog, book=PriceBook(catalog.date), plan=plan)
        return cells, cells.curve(NORMAL, 1.0, 1.0)

    whole, full = curve(trace.info.rows, 0)
    assert whole.plan.contiguous
    truth = p99_s(full.histogram[0, 0])
    held, met = (whole.layout.at(ALL, item) for item in ("held", "met"))
    paid = whole.layout.at("own", "paid_gpu_hours")
    off = []
    for seed in range(seeds):
        cells, part = curve(budget_rows, seed)
        assert not cells.plan.contiguous and cells.plan.tail_resolved
        off.append(p99_s(part.histogram[0, 0]) / truth - 1.0)
        share = part.amounts[0, met] / part.amounts[0, held] - full.amounts[0, met] / full.amounts[0, held]
        error = part.se[0, met] / part.amounts[0, held]
        assert abs(share) < 4.0 * error + 0.003
        assert part.amounts[0, held] == pytest.approx(full.amounts[0, held], rel=0.02)
        assert part.amounts[0, paid] == pytest.approx(full.amounts[0, paid], abs=4.0 * part.se[0, paid] + 0.005 * full.amounts[0, paid])
    # Uniform windows are off by 165 % on bursty traffic.
    assert float(np.sqrt(np.mean(np.square(off)))) < 0.25


def p99_s(histogram: Floats) -> float:
    found = quantile_s(np.rint(histogram * 1000).astype(np.int64), 0.99, 1e9)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["bursty", "steady", "diurnal"])
def test_windows_see_the_tail_of_the_whole(name: str, root: object) -> None:
    compared(name, days=3.0, scale=0.06 if name != "diurnal" else 0.6, budget_rows=1000, root=root, seeds=1)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["bursty", "steady", "diurnal"])
def test_windows_see_the_tail_of_a_whole_month(name: str, root: object) -> None:
    compared(name, days=30.0, scale=0.5, budget_rows=100_000, root=root, seeds=5)
