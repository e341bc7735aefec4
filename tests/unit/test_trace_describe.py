"""The statistics of a trace, against their definitions written out, and against the published figures of public traces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.trace import Trace, read_trace
from sim.trace.describe import describe
from sim.trace.show import show


def random_trace(rows: int = 5000, duration_s: float = 7777.7) -> tuple[Trace, dict[str, np.ndarray]]:
    generator = np.random.default_rng(3)
    columns = {
        "arrival_s": np.sort(np.concatenate([generator.random(rows - rows // 3) * duration_s, 300 + generator.random(rows // 3) * 200])),
        "prompt_tokens": np.minimum(np.rint(generator.lognormal(6, 1.5, rows)).astype(int) + 1, 900_000),
        "output_tokens": np.rint(generator.lognormal(4, 1, rows)).astype(int) + 1,
        "client_id": generator.zipf(1.5, rows) % 300,
    }
    columns["prompt_tokens"][7] = 900_000
    trace = Trace.from_arrays(
        **columns, class_=np.where(columns["client_id"] % 2, "odd", "even").tolist(), metadata={"sim.duration_s": repr(duration_s)}
    )
    return trace, columns


def test_every_figure_is_that_of_its_definition() -> None:
    duration_s = 7777.7
    trace, columns = random_trace(duration_s=duration_s)
    found = describe(trace)
    arrival = columns["arrival_s"]
    for width, name in ((1, "1s"), (10, "10s"), (60, "60s")):
        bins = int(duration_s // width)
        counts = np.bincount((arrival // width).astype(int), minlength=bins)[:bins]
        assert found.idc[name] == pytest.approx(counts.var() / counts.mean(), rel=1e-9)
    gaps = np.diff(arrival)
    assert found.cv_gap == pytest.approx(gaps.std() / gaps.mean(), rel=1e-9)
    assert found.rate_per_s == pytest.approx(len(arrival) / duration_s)
    assert found.peak_minute_per_s == pytest.approx(np.bincount((arrival // 60).astype(int)).max() / 60)
    for name, lengths in (("prompt_tokens", found.prompt_tokens), ("output_tokens", found.output_tokens)):
        expected = [columns[name].mean(), *np.quantile(columns[name], [0.5, 0.95, 0.99, 1.0])]
        assert [lengths.mean, lengths.p50, lengths.p95, lengths.p99, lengths.max] == pytest.approx(expected, rel=1e-9)
        assert lengths.total == columns[name].sum()
    logs = np.corrcoef(np.log(columns["prompt_tokens"]), np.log(columns["output_tokens"]))[0, 1]
    assert found.log_correlation == pytest.approx(logs, abs=1e-9)
    counts = np.sort(np.unique(columns["client_id"], return_counts=True)[1])[::-1]
    assert found.top_clients_share["top_1"] == pytest.approx(counts[0] / len(arrival))
    assert found.top_clients_share["top_10"] == pytest.approx(counts[:10].sum() / len(arrival))
    assert sum(part.requests for part in found.classes) == len(arrival)
    odd = columns["client_id"] % 2 == 1
    shares = {part.name: part for part in found.classes}
    assert shares["odd"].requests == odd.sum()
    assert shares["odd"].prompt_tokens_mean == pytest.approx(columns["prompt_tokens"][odd].mean())
    series = np.asarray(found.rate_series_per_s)
    assert series.mean() * duration_s == pytest.approx(len(arrival))


def test_one_request_has_few_statistics() -> None:
    found = describe(Trace.from_arrays(arrival_s=[0.0], prompt_tokens=[5], output_tokens=[6]))
    assert found.rows == 1
    assert found.idc == {"1s": None, "10s": None, "60s": None}
    assert found.cv_gap is None
    assert found.log_correlation is None
    assert show("t", found).startswith("t: 1 request over 0 s")


def test_the_text_fits_a_terminal_and_shows_no_control_characters() -> None:
    trace, _ = random_trace()
    lines = show("workload.parquet", describe(trace)).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert sum("█" in line for line in lines) >= 4
    evil = Trace.from_arrays(arrival_s=[0.0, 1.0], prompt_tokens=[5, 5], output_tokens=[6, 6], class_=["a\x1b[31m", "b" * 90])
    text = show("t", describe(evil))
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()) <= 80


PUBLISHED = {
    # rows, requests/s, peak/mean of a minute, CV of gaps, IDC at 1, 10 and 60 s
    "azure_conv_2023": (19366, 5.5304, 1.53, 1.09, 1.39, 3.86, 16.13),
    "mooncake_synthetic": (3993, 3.9069, 1.16, 1.01, 1.09, 1.18, 1.19),
    "ragpulse": (7106, 0.0118, 14.18, 3.06, 1.01, 1.07, 1.73),
    "servegen_deepseek_r1_day_derived": (1392937, 16.122, 2.91, 1.62, 7.44, 48.05, 262.14),
}
TOKENS = {
    "azure_conv_2023": ((1154.7, 1020, 4083, 4142, 14050), (211.1, 129, 451, 601, 1000), 0.088),
    "mooncake_synthetic": ((15325.5, 11587, 48904, 66456, 191378), (149.1, 69, 519, 768, 893), -0.494),
    "ragpulse": ((2943.6, 3139, 4425, 5438, 7712), (283.2, 234, 670, 891, 2183), 0.489),
    "servegen_deepseek_r1_day_derived": ((1274.1, 208, 6763, 23508, 57284), (1523.9, 791, 5685, 12485, 32768), -0.304),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_public_traces_have_their_published_figures(shared_data: Path, name: str) -> None:
    found = describe(read_trace(shared_data / "traces" / f"{name}.parquet"))
    rows, rate, peak, cv, *idc = PUBLISHED[name]
    assert found.rows == rows
    assert found.rate_per_s == pytest.approx(rate, rel=5e-3)
    assert found.peak_to_mean == pytest.approx(peak, rel=5e-3)
    assert found.cv_gap == pytest.approx(cv, abs=6e-3)
    # Published values count the last, broken bin too: with 17 bins of a minute that shows.
    assert list(found.idc.values()) == pytest.approx(idc, rel=0.02, abs=6e-3)
    prompt, output, correlation = TOKENS[name]
    for published, lengths in ((prompt, found.prompt_tokens), (output, found.output_tokens)):
        assert (lengths.mean, lengths.p50, lengths.p95, lengths.p99, lengths.max) == pytest.approx(published, rel=5e-4, abs=0.6)
    # The published ones are of log(1 + x), which differs where outputs are of a few tokens.
    assert found.log_correlation == pytest.approx(correlation, abs=4e-3)


def even(seconds: np.ndarray) -> Trace:
    ones = np.ones(len(seconds), dtype=int)
    return Trace.from_arrays(arrival_s=seconds, prompt_tokens=ones, output_tokens=ones)


def test_the_busiest_minute_is_no_slower_than_the_mean() -> None:
    """Whole minutes from the start hold less than the mean where the rest of a minute is busier."""
    busy = describe(even(np.concatenate([np.linspace(0.0, 60.0, 60), np.linspace(60.1, 61.0, 50)])))
    assert busy.peak_minute_per_s >= busy.rate_per_s and busy.peak_to_mean >= 1
    assert "busiest minute" in show("long", busy)
    assert "busiest minute" not in show("short", describe(even(np.linspace(0.0, 30.0, 60))))
