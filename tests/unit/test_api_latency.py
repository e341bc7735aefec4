"""Latency of APIs: tables of quantiles, their mean, what the engine makes of them, modes, and what the catalogue says it knows."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import ndtri

from sim.catalog.api_latency import NORMAL_SCORES, Latency, Spread
from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import parse_documents
from sim.catalog.yaml_file import load_text
from sim.engine.assemble import assemble
from sim.engine.run import simulate
from sim.errors import InputError
from sim.stack.read import stack_of
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedStack
from sim.trace import Trace

CATALOG = Catalog.load()
APIS = CATALOG.names("api")
SHARES = {key: float(key[1:].replace("_", ".")) / 100.0 for key in NORMAL_SCORES}

FIVE = "{median_s: 0.4, quantiles_s: {p5: 0.3, p25: 0.36, p75: 0.48, p95: 0.9, p99: 1.6}}"


def spread(text: str) -> Spread:
    return load_text(text, "latency.yaml", Spread)


def resolved(latency: str, model: str = "gpt-5-mini") -> ResolvedStack:
    text = f"deployments: {{a: {{kind: api, model: {model}, limits: none, latency: {latency}}}}}\n"
    return resolve(stack_of(parse_documents(text, "stack.yaml")[0], "stack", ()), CATALOG, PriceBook(CATALOG.date), None)


def test_normal_scores_are_those_of_their_keys() -> None:
    assert list(NORMAL_SCORES.values()) == pytest.approx([float(ndtri(share)) for share in SHARES.values()], rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        FIVE,
        "{median_s: 0.4, over_median: {p1: 0.6, p10: 0.8, p90: 1.5, p99_9: 9.0}}",
        "{median_s: 0.4, over_median: {p5: 0.7}}",
        "{median_s: 0.4, p95_s: 0.9, p99_s: 1.6}",
        "{median_s: 0.4, p95_s: 0.9}",
        "{median_s: 0.4, sigma: 0.5}",
        "{median_s: 0.4, sigma: 0}",
    ],
)
def test_the_mean_is_that_of_the_quantile_function(text: str) -> None:
    """In closed form, against the integral of the quantile function by the midpoint rule in z."""
    given = spread(text)
    z, ln_s = given.points()
    x, step = np.linspace(-9.0, 9.0, 180_001, retstep=True)
    k = np.clip(np.searchsorted(z, x) - 1, 0, len(z) - 2)
    left, right = np.array(z)[k], np.array(z)[k + 1]
    ln = np.array(ln_s)[k] + (np.array(ln_s)[k + 1] - np.array(ln_s)[k]) * (x - left) / (right - left)
    density = np.exp(-(x**2) / 2.0) / math.sqrt(2.0 * math.pi)
    assert given.mean_s() == pytest.approx(float(np.sum(np.exp(ln) * density) * step), rel=1e-6)


def test_a_table_over_the_median_is_the_table_in_seconds() -> None:
    over = spread("{median_s: 0.4, over_median: {p5: 0.75, p25: 0.9, p75: 1.2, p95: 2.25, p99: 4}}")
    z, ln_s = spread(FIVE).points()
    assert over.points()[0] == z and over.points()[1] == pytest.approx(ln_s)
    assert math.exp(ln_s[z.index(0.0)]) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{median_s: 0.4}", "give one of sigma, p95_s"),
        ("{median_s: 0.4, sigma: 0.3, over_median: {p95: 2}}", "give one of sigma, p95_s"),
        ("{median_s: 0.4, sigma: 30}", "found 30; it should be less than or equal to 5"),
        ("{median_s: 0.4, p99_s: 0.9, sigma: 0.3}", "p99_s needs p95_s"),
        ("{median_s: 0.4, over_median: {p75: 0.9}}", "quantiles must rise"),
        ("{median_s: 0.4, over_median: {p25: 1.1}}", "quantiles must rise"),
        ("{median_s: 0.4, quantiles_s: {p5: 0.3, p25: 0.3}}", "quantiles must rise"),
        ("{median_s: 0.4, p95_s: 0.4}", "quantiles must rise"),
        ("{median_s: 0.4, quantiles_s: {}}", "give at least one of p1, p5"),
        ("{median_s: 0.4, quantiles_s: {p50: 0.4}}", "p50"),
        ("{median_s: 0.4, quantiles_s: {p95: -1}}", "latency.yaml:1:"),
    ],
)
def test_what_is_no_distribution_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InputError, match=r"latency\.yaml:1:") as caught:
        spread(text)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", APIS)
def test_every_shape_of_the_catalogue_is_evidence(name: str) -> None:
    """Shapes are tables that rise, at least one of them fitted, and every line of evidence that is fitted says what it was fitted to or its interval."""
    latency = CATALOG.api(name).latency
    for each in (latency.ttft, latency.tpot, *(mode.ttft for mode in latency.modes)):
        z, ln_s = each.points()
        assert len(z) == 9 and z[0] < 0 < z[-1]
        assert all(later > earlier for earlier, later in pairwise(ln_s))
        assert each.median_s < each.mean_s() < 1.6 * each.median_s
    for key in ("ttft.over_median", "tpot.over_median", "hour_sigma", "ttft_level_sigma", "tpot_level_sigma"):
        assert latency.source_of(key)[0] == "fitted"
    for line in latency.evidence:
        if any("over_median" in key for key in line.keys):
            assert line.requests is not None and line.deployments is not None
        if line.keys == ("hour_sigma",):
            assert line.low is not None and line.high is not None and line.low <= latency.hour_sigma <= line.high
    assert latency.ttft_level_sigma is not None and latency.tpot_level_sigma is not None


def test_what_is_said_of_a_key_is_said_by_the_line_that_names_it_or_its_whole() -> None:
    text = """
ttft: {median_s: 1, over_median: {p5: 0.8, p95: 1.5}}
tpot: {median_s: 0.01, sigma: 0.1}
evidence:
  - {keys: [ttft], label: assumed, source: all of it, as_of: 2024}
  - {keys: [ttft.over_median], label: fitted, source: the table, as_of: 2025}
  - {keys: [ttft.over_median.p95], label: measured, source: its tail, as_of: 2026}
sources:
  - {keys: [tpot.sigma], source: nobody, as_of: 2023, assumed: true}
"""
    latency = load_text(text, "latency.yaml", Latency)
    assert latency.source_of("ttft.over_median.p95") == ("measured", "its tail", "2026")
    assert latency.source_of("ttft.over_median.p5") == ("fitted", "the table", "2025")
    assert latency.source_of("ttft.median_s") == ("assumed", "all of it", "2024")
    assert latency.source_of("tpot.sigma") == ("assumed", "nobody", "2023")
    assert latency.source_of("tpot.median_s") == ("assumed", "no source found", "")


def test_a_stack_takes_the_shape_and_says_where_it_is_from() -> None:
    found = resolved("{hour_sigma: 0}")
    (api,) = (found.deployments[0],)
    latency = CATALOG.api("gpt-5-mini").latency
    assert (api.ttft_z, api.ttft_ln_s) == latency.ttft.points() and (api.tpot_z, api.tpot_ln_s) == latency.tpot.points()
    said = {origin.key: origin for origin in found.origins}
    shape = said["deployments.a.latency.ttft.over_median"]
    assert shape.label == "estimated" and shape.as_of == "2023-12" and "p95 " in str(shape.value)
    assert said["deployments.a.latency.tpot.median_s"].unit == "s"


def test_reasoning_has_a_first_token_of_its_own() -> None:
    usual, thinking = (resolved(text).deployments[0] for text in ("{}", "{mode: reasoning}"))
    apart = np.array(thinking.ttft_ln_s) - np.array(usual.ttft_ln_s)
    known = CATALOG.api("gpt-5-mini").latency
    assert apart == pytest.approx(math.log(known.ttft_in("reasoning").median_s / known.ttft.median_s))
    assert thinking.tpot_ln_s == usual.tpot_ln_s
    with pytest.raises(
        InputError, match=r"stack.yaml:1:\d+: deployments.a.latency.mode: found 'reasonin'; allowed: reasoning; did you mean 'reasoning'"
    ):
        resolved("{mode: reasonin}")
    with pytest.raises(InputError, match="this model has none"):
        resolved("{mode: reasoning}", "gpt-4o")
    with pytest.raises(InputError, match="give mode or ttft"):
        resolved("{mode: reasoning, ttft: {median_s: 1, sigma: 0.1}}")


def test_simulated_quantiles_are_those_of_the_file() -> None:
    """Requests below each stated quantile are as many as it says, to four standard errors; TTFT and TPOT are independent."""
    count, tokens = 30_000, 101
    found = assemble(resolved("{hour_sigma: 0}"), ("all",))
    trace = Trace.from_arrays(arrival_s=np.arange(count) * 0.01, prompt_tokens=np.full(count, 10), output_tokens=np.full(count, tokens))
    log = simulate(found, trace, seed=5, log=True, timeline_s=0).log
    assert log is not None and len(log) == count
    ttft = log["first_token_s"] - np.arange(count) * 0.01
    tpot = (log["finish_s"] - log["first_token_s"]) / (tokens - 1)
    latency = CATALOG.api("gpt-5-mini").latency
    for known, times in ((latency.ttft, ttft), (latency.tpot, tpot)):
        for z, ln_s in zip(*known.points(), strict=True):
            share = 0.5 * math.erfc(-z / math.sqrt(2.0))
            assert float(np.mean(times < math.exp(ln_s))) == pytest.approx(share, abs=4.0 * math.sqrt(share * (1.0 - share) / count))
        assert times.mean() == pytest.approx(known.mean_s(), abs=4.0 * float(times.std()) / math.sqrt(count))
    ranks = [np.argsort(np.argsort(times)) for times in (ttft, tpot)]
    assert abs(np.corrcoef(ranks[0], ranks[1])[0, 1]) < 4.0 / math.sqrt(count)
