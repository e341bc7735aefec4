"""Whether bands hold what comes as often as they say, in worlds that the forecast knows by one sample day and its outlook alone."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom, chisquare

from sim.futures import run
from sim.futures.bands import bands
from sim.futures.calendar import Calendar
from sim.futures.combine import Source
from sim.futures.forecast import Accuracy
from sim.futures.service_levels import block_weights, sample_dof
from sim.futures.usage import SLO_ITEMS
from sim.trace.trace import Trace
from tests.made.draws import BOOK, CATALOG
from tests.theory.forecasts import DAY_S, whole_forecast
from tests.theory.worlds import Ahead, Endpoint, Recipe, Server, Truth, api_world, outlook_text, server_text, server_world, stack_text

Floats = npt.NDArray[np.float64]

START = datetime.date(2027, 2, 1)
MONTH_DAYS = (28, 31)
LEVEL = 0.9
QUANTITIES = ("total", "first month", "last month", "good share of the first month", "good share of the last month")
CALM = Ahead(incidents_per_30_days=0.0)


@dataclass(frozen=True)
class Held:
    """What came of W worlds, by quantity."""

    inside: npt.NDArray[np.bool_]
    """[W, Q] whether the truth lies between p5 and p95."""
    rank: Floats
    """[W, Q] share of futures below the truth."""
    futures: int

    def show(self) -> None:
        """Prints how often bands held, and the histograms of ranks."""
        for number, name in enumerate(QUANTITIES):
            counts = np.histogram(self.rank[:, number], 10, (0.0, 1.0))[0]
            print(f"{name}: inside {self.inside[:, number].mean():.3f}, ranks {counts.tolist()}")

    def uniform(self, number: int, bins: int) -> float:
        """The probability of ranks as uneven as those of a quantity, if all ranks were alike."""
        # A rank is one of futures + 1: bins hold a whole number of them.
        assert (self.futures + 1) % bins == 0
        counts = np.bincount(np.rint(self.rank[:, number] * self.futures).astype(np.int64) * bins // (self.futures + 1), minlength=bins)
        return float(chisquare(counts).pvalue)


def sample_day(seed: int, recipe: Recipe) -> Trace:
    """One day of the recipe, of a stream of its own, as the trace that the forecast is given."""
    arrival, prompt, output = recipe.day(np.random.default_rng([seed, 99]), 1.0)
    return Trace.from_arrays(arrival_s=arrival, prompt_tokens=prompt, output_tokens=output, metadata={"sim.duration_s": repr(DAY_S)})


def forecast_of(kind: Literal["api", "server"], seed: int, recipe: Recipe, ahead: Ahead, futures: int) -> Floats:
    """[F, Q] what the forecast of a world says."""
    stack = stack_text(Endpoint()) if kind == "api" else server_text(Server(), ahead)
    found = whole_forecast(
        outlook_text(recipe, ahead), stack, sample_day(seed, recipe), months=len(MONTH_DAYS), futures=futures, seed=seed, start=START
    )
    invoice = found.total("invoice")
    return np.column_stack([invoice.sum(axis=1), invoice, found.slo.good_share])


def truth_of(kind: Literal["api", "server"], seed: int, recipe: Recipe, ahead: Ahead) -> Floats:
    """[Q] what comes of it."""
    truth: Truth
    if kind == "api":
        truth = api_world(seed, recipe, Endpoint(), ahead, MONTH_DAYS)
    else:
        truth = server_world(seed, recipe, Server(), ahead, MONTH_DAYS)
    return np.concatenate([[truth.invoice_usd.sum()], truth.invoice_usd, truth.good_share])


def held(kind: Literal["api", "server"], seeds: Iterable[int], recipe: Recipe, ahead: Ahead, futures: int) -> Held:
    """Worlds by their seeds."""
    inside, rank = [], []
    for seed in seeds:
        said, came = forecast_of(kind, seed, recipe, ahead, futures), truth_of(kind, seed, recipe, ahead)
        inside.append([band.p5 <= value <= band.p95 for band, value in zip(bands(said), came, strict=True)])
        rank.append((said < came).mean(axis=0))
    return Held(np.array(inside), np.array(rank), futures)


@pytest.fixture
def bands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out what does not enter the bands: which streams drive them, and days replayed exactly to see how far they are off."""
    monkeypatch.setattr(run, "_drivers", lambda *_: (((), ()), (None, None)))
    monkeypatch.setattr(run, "accuracy_of", lambda *_, **__: Accuracy(0, None, None, None, None))


def test_the_truth_pays_list_prices() -> None:
    rates = BOOK.tokens(CATALOG.api("claude-sonnet-5-5")).standard.at(0)
    assert (Endpoint().input_usd * 1e6, Endpoint().output_usd * 1e6) == (rates.input_usd_per_mtok, rates.output_usd_per_mtok)


@pytest.mark.usefixtures("bands_alone")
def test_bands_hold_what_comes() -> None:
    worlds = 48
    found = held("api", range(worlds), Recipe(), CALM, 59)
    found.show()
    low, high = binom.ppf([0.001, 0.999], worlds, LEVEL)
    for number, name in enumerate(QUANTITIES):
        assert low <= found.inside[:, number].sum() <= high, name
        assert found.uniform(number, 4) > 0.001, name


def test_weighted_blocks_hold_the_share_they_are_a_sample_of() -> None:
    random, calendar = np.random.default_rng(3), Calendar(START, 1)
    strata, inside = np.repeat(np.arange(24), 6), []
    # Blocks in which much goes wrong are few; a month of so many days adds next to nothing to the error of the sample.
    for seed in range(500):
        held = random.poisson(6.0, 144)
        bad = random.binomial(held, np.where(random.random(144) < 0.2, 0.5, 0.05))
        table = np.zeros((1, 144, len(SLO_ITEMS)))
        table[0, :, 0], table[0, :, -1] = held, held - bad
        node = np.zeros((1, 28, 1), np.int64)
        source = Source(calendar, np.zeros((1, 1)), np.zeros((1, 3, 1)), table, node, np.ones((1, 28, 1)))
        weight = block_weights(144, strata, calendar, 99, seed, 0, sample_dof(source))[:, 0]
        band = bands(((weight @ (held - bad)) / (weight @ held))[:, None])[0]
        inside.append(band.p5 <= 1.0 - (0.2 * 0.5 + 0.8 * 0.05) <= band.p95)
    low, high = binom.ppf([0.001, 0.999], len(inside), LEVEL)
    assert low <= sum(inside) <= high, sum(inside)


@pytest.mark.nightly
@pytest.mark.usefixtures("bands_alone")
def test_bands_of_an_api_hold_what_comes_in_a_thousand_worlds() -> None:
    found = held("api", range(1000), Recipe(), Ahead(), 99)
    found.show()
    for number in (0, 1, 2):
        assert 0.875 <= found.inside[:, number].mean() <= 0.925, QUANTITIES[number]
        assert found.uniform(number, 10) > 0.001, QUANTITIES[number]
    # Of what seldom goes wrong one day says less than any weighing of its blocks can know, and growth of a sparse trace softens its bursts.
    for number in (3, 4):
        assert 0.8 <= found.inside[:, number].mean() <= 0.925, QUANTITIES[number]


@pytest.mark.nightly
@pytest.mark.usefixtures("bands_alone")
def test_bands_of_a_replica_hold_what_comes() -> None:
    worlds = 200
    found = held("server", range(worlds), Recipe(), Ahead(), 99)
    found.show()
    low, high = binom.ppf([0.001, 0.999], worlds, LEVEL)
    # The first month is paid at the price of its first day, which everybody knows.
    for number in (0, 2, 3, 4):
        assert low <= found.inside[:, number].sum() <= high, QUANTITIES[number]
        assert found.uniform(number, 10) > 0.001, QUANTITIES[number]
