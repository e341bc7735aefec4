"""The latency of the bundled APIs against the measurements it was fitted to: the tool makes the same numbers, and they are the better choice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest, norm

from sim.catalog.catalog import Catalog
from tests.tools import fit_api_latency as tool
from tests.tools.api_latency_data import all_pairs, bedrock, pairs, probes
from tests.tools.api_latency_factors import drift_sigma, hour_sigma, level_sigma
from tests.tools.api_latency_shapes import judged, left_out, log_logistic, lognormal, piecewise, pooled, pooled_quantiles
from tests.tools.write_api_latency import quantiles_of

CATALOG = Catalog.load()


@pytest.mark.parametrize("name", CATALOG.names("api"))
def test_the_files_carry_what_was_fitted(shared_data: Path, name: str) -> None:
    latency = CATALOG.api(name).latency
    shapes = {metric: tool.fitted(metric) for metric in tool.METRICS}
    for metric, spread in (("ttft", latency.ttft), ("tpot", latency.tpot)):
        assert spread.over_median is not None
        assert dict(spread.over_median.given()) == quantiles_of(name, metric, shapes)
        line = next(line for line in latency.evidence if line.keys == (f"{metric}.over_median",))
        fitted = shapes[metric]
        assert (line.requests, line.deployments) == (fitted.requests, fitted.deployments)
        assert line.left_out_ks == pytest.approx(fitted.left_out.ks, abs=0.005)
        assert line.left_out_p95_error == pytest.approx(fitted.left_out.p95_error, abs=0.005)
        assert line.p95_sigma == pytest.approx(fitted.between["p95"], abs=0.005)
    hour = tool.fitted_hour()
    line = next(line for line in latency.evidence if line.keys == ("hour_sigma",))
    assert (latency.hour_sigma, line.low, line.high) == (hour.value, hour.low, hour.high)
    assert (latency.ttft_level_sigma, latency.tpot_level_sigma) == (tool.fitted_level("ttft"), tool.fitted_level("tpot"))


def test_the_page_has_the_tables_of_today(shared_data: Path, root: Path) -> None:
    text = (root / "docs" / "api-latency.md").read_text(encoding="utf-8")
    for name, table in tool.tables().items():
        assert f"<!-- table {name} -->\n\n{table}\n\n<!-- end -->" in text, name


@pytest.mark.parametrize("metric", tool.METRICS)
def test_the_shape_says_more_of_pairs_left_out_than_a_bell_does(shared_data: Path, metric: str) -> None:
    known = tool.samples(metric)
    chosen, others = left_out(known, pooled), [left_out(known, family) for family in (lognormal, log_logistic)]
    for other in others:
        assert chosen.ks < other.ks and chosen.crps < other.crps
        assert abs(chosen.beyond_p99 - 0.01) < abs(other.beyond_p99 - 0.01)
    assert abs(chosen.beyond_p95 - 0.05) < 0.01 and chosen.beyond_p99 < 0.02


def test_the_time_per_token_leaves_the_first_token_out(shared_data: Path) -> None:
    """The pairs were sent 150 requests (one 145) each of 550 tokens, most asked for 150; TPOT of Groq's is 3.7 ms, a level known of it then."""
    assert len(all_pairs()) == 19 and len(pairs()) == 13
    assert sum(pair.sent for pair in all_pairs()) == 2845
    groq = next(pair for pair in pairs() if pair.host == "groq")
    assert float(np.median(groq.tpot_s)) == pytest.approx(0.00374, rel=0.01)
    assert bedrock() == pytest.approx((1.89 / 1.21, 2.17 / 1.21))


def test_a_known_hour_is_found_again() -> None:
    """Probes made with a factor of 0.5 an hour are told from probes made without one, and both intervals hold the truth."""
    generator = np.random.default_rng(7)
    samples = [generator.normal(0.0, sigma, 400) for sigma in (0.1, 0.2, 0.3)]
    found = {}
    for truth in (0.0, 0.5):
        made = []
        for k in range(40):
            times = np.exp(generator.choice(samples[k % 3], 6) + truth * generator.standard_normal(6))
            made.append((f"model {k}", 6, float(np.log(times.max() / np.median(times)))))
        found[truth] = hour_sigma(samples, made)
        assert found[truth].low <= truth <= found[truth].high
    assert found[0.5].value > 0.35 and found[0.0].value < 0.15


def test_distances_and_quantiles_are_the_textbooks() -> None:
    generator = np.random.default_rng(3)
    sample = generator.normal(0.0, 0.3, 500)
    shape = lognormal([sample])
    sigma = float(np.sqrt(np.mean(sample**2)))
    score = judged(shape, sample)
    assert score.ks == pytest.approx(kstest(sample, norm(scale=sigma).cdf).statistic)
    assert score.beyond_p95 == np.mean(sample > 1.6448536269514722 * sigma)
    # CRPS of a normal for a normal of the same sigma: sigma / sqrt(pi), less what the sample fits itself; the grid misses the ends
    assert score.crps == pytest.approx(0.3 / np.sqrt(np.pi), rel=0.06)
    # A sample twice as long counts no more
    assert pooled_quantiles([sample, np.repeat(sample - 1.0, 5)]) == pytest.approx(pooled_quantiles([sample, sample - 1.0]), abs=0.02)
    bell = piecewise(0.3 * norm.ppf(np.array([0.01, 0.05, 0.1, 0.25, 0.75, 0.9, 0.95, 0.99])))
    assert bell.quantile(np.array([0.001, 0.4, 0.999])) == pytest.approx(0.3 * norm.ppf([0.001, 0.4, 0.999]), rel=1e-6)
    assert bell.share_below(np.array([-1.0, 0.1, 1.2])) == pytest.approx(norm(scale=0.3).cdf([-1.0, 0.1, 1.2]), rel=1e-6)


def test_levels_that_two_sources_give_a_factor_apart() -> None:
    """Two figures of one model, ln 2 apart: a standard deviation of ln 2 / sqrt 2; more such models do not change it."""
    assert level_sigma({"a": [0.0, np.log(2.0)]}) == pytest.approx(np.log(2.0) / np.sqrt(2.0))
    assert level_sigma({"a": [0.0, np.log(2.0)], "b": [5.0, 5.0 + np.log(2.0)]}) == pytest.approx(np.log(2.0) / np.sqrt(2.0))


def test_runs_hardly_drift_and_the_probe_has_eight_models(shared_data: Path) -> None:
    assert len(probes()) == 8 and all(hours in (5, 6) for _, hours, _ in probes())
    for metric in tool.METRICS:
        found = drift_sigma(pairs(), metric)
        assert found.low <= found.value <= found.high < 0.1
