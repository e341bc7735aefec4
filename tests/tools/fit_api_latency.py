"""Re-makes the latency of models/apis/*.yaml and the tables of docs/api-latency.md: python -m tests.tools.fit_api_latency [--write]

From the measured latency of APIs beside the repository (api_latency_data.py): the shape of TTFT and of TPOT about their medians, chosen by
how well it says what a deployment does that it was not fitted to; the factor that an hour has in common; how far published levels lie
apart. Without --write it prints the tables and what a model file would carry.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from math import exp

import numpy as np
from numpy.typing import NDArray

from tests.tools.api_latency_data import AT_ONCE, Pair, all_pairs, levels, pairs, probes
from tests.tools.api_latency_factors import (
    Estimate,
    drift_sigma,
    hour_sigma,
    level_sigma,
    moment_share,
    rank_correlation,
    run_s,
)
from tests.tools.api_latency_shapes import (
    FAMILIES,
    KEYS,
    Score,
    by_halves,
    left_out,
    own,
    pooled,
    pooled_quantiles,
    quantiles,
    resampled,
    siblings,
    tail_index,
)
from tests.tools.write_api_latency import write_models, write_tables

METRICS = ("ttft", "tpot")


@dataclass(frozen=True)
class Fitted:
    """The shape of one metric: quantiles over the median by key, their errors, and what it missed where it was not fitted."""

    requests: int
    deployments: int
    over_median: dict[str, float]
    standard_errors: dict[str, float]
    between: dict[str, float]
    """Of the logarithm: by resampling deployments; and the standard deviation from deployment to deployment."""
    left_out: Score


@cache
def samples(metric: str) -> tuple[NDArray[np.float64], ...]:
    """ln(time / median) of each pair's requests."""
    return tuple(pair.known(metric)[0] for pair in pairs())


@cache
def fitted(metric: str) -> Fitted:
    """The shape that the catalogue carries."""
    known = samples(metric)
    at = pooled_quantiles(known)
    return Fitted(
        requests=sum(map(len, known)),
        deployments=len(known),
        over_median={key: float(f"{exp(each):.3g}") for key, each in zip(KEYS, at, strict=True)},
        standard_errors=dict(zip(KEYS, map(float, resampled(known, 1000, seed=1).std(axis=0)), strict=True)),
        between=dict(zip(KEYS, map(float, np.std([quantiles(each) for each in known], axis=0, ddof=1)), strict=True)),
        left_out=left_out(known, pooled),
    )


@cache
def fitted_hour() -> Estimate:
    """Sigma of the factor of an hour."""
    return hour_sigma(samples("ttft"), probes())


def fitted_level(metric: str) -> float:
    """Sigma of published levels of one model, two digits."""
    return float(f"{level_sigma(levels(metric)):.2g}")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table of Markdown; all columns but the first are numbers."""
    lines = [head, ("---", *["---:"] * (len(head) - 1)), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def pair_table(metric: str) -> str:
    """Each pair's own quantiles, those left out of the fit last."""
    kept = pairs()

    def row(pair: Pair, note: str) -> tuple[str, ...]:
        y, _ = pair.known(metric)
        times = pair.ttft_s if metric == "ttft" else pair.tpot_s
        middle = float(np.median(times[pair.long_enough]))
        ratios = np.exp(quantiles(y, (0.05, 0.25, 0.75, 0.95, 0.99)))
        return (
            f"{pair.host} {pair.model}{note}",
            str(len(y)),
            f"{1000 * middle:.0f}" if middle > 0.1 else f"{1000 * middle:.3g}",
            *(f"{each:.3g}" for each in ratios),
        )

    rows = [row(pair, "") for pair in kept]
    rows += [row(pair, " (left out)") for pair in all_pairs() if pair not in kept]
    return table(("host and model", "n", "p50 (ms)", "p5/p50", "p25/p50", "p75/p50", "p95/p50", "p99/p50"), rows)


def shape_table() -> str:
    """The fitted quantiles over the median."""
    rows = []
    for metric in METRICS:
        found = fitted(metric)
        rows.append((metric.upper(), *(f"{each:g}" for each in found.over_median.values())))
        rows.append(("standard error of its logarithm", *(f"{each:.3f}" for each in found.standard_errors.values())))
        rows.append(("from deployment to deployment", *(f"{each:.2f}" for each in found.between.values())))
        every = np.exp(pooled_quantiles([pair.known(metric)[0] for pair in all_pairs()]))
        rows.append(("were all 19 pairs taken", *(f"{each:.3g}" for each in every)))
    return table(("", *KEYS), rows)


def choice_table(metric: str) -> str:
    """How each family does: on its own pair, on the second half of a run by its first, and on pairs and hosts left out."""
    known, hosts = samples(metric), [pair.host for pair in pairs()]

    def cells(score: Score) -> tuple[str, ...]:
        errors = (f"{each:.3f}" for each in (score.ks, score.crps, score.p95_error, score.p99_error))
        return (*errors, f"{100 * score.beyond_p95:.1f} %", f"{100 * score.beyond_p99:.1f} %")

    rows: list[tuple[str, ...]] = []
    for name, fit in FAMILIES:
        rows.append((f"{name}, the pair's own", *cells(own(known, fit))))
    for name, fit in FAMILIES[:3]:
        rows.append((f"{name.split(',')[0]}, second half by the first", *cells(by_halves(known, fit))))
    for name, fit in FAMILIES:
        rows.append((f"{name}, pair left out", *cells(left_out(known, fit))))
    rows.append((f"{FAMILIES[-1][0]}, host left out", *cells(left_out(known, pooled, hosts))))
    near, far = siblings(known, pooled, hosts)
    rows.append(("same host's other models (11 pairs)", *cells(near)))
    rows.append(("all others, the same 11 pairs", *cells(far)))
    return table(("shape", "KS", "CRPS", "ln p95/p50", "ln p99/p50", "beyond p95", "beyond p99"), _without_twins(rows))


def _without_twins(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Quantiles of one sample are the same however samples are combined: only the first of such rows is kept."""
    kept: list[tuple[str, ...]] = []
    for row in rows:
        name = row[0].replace("quantiles, mean of pairs, the", "quantiles, the")
        if not any(word in row[0] for word in ("median of pairs, the pair's own", "all requests, the pair's own")):
            kept.append((name, *row[1:]))
    return kept


def dependence_table() -> str:
    """What goes together: within requests, within rounds, within runs."""
    rows = []
    for pair in pairs():
        chosen = pair.long_enough
        ttft, tpot, tokens = (each[chosen] for each in (pair.ttft_s, pair.tpot_s, pair.output_tokens))
        ranks = (rank_correlation(ttft, tpot), rank_correlation(ttft, tokens), rank_correlation(tpot, tokens))
        shares = (moment_share(pair, metric) for metric in METRICS)
        first = float(np.median(ttft[pair.place[chosen] % AT_ONCE == 0]) / np.median(ttft))
        rows.append(
            (f"{pair.host} {pair.model}", f"{run_s(pair):.0f}", *("" if np.isnan(each) else f"{each:.2f}" for each in ranks),
             *(f"{each:.2f}" for each in shares), f"{first:.2f}")
        )  # fmt: skip
    rows.append(("median", *(f"{np.median([float(row[k]) for row in rows if row[k]]):.2f}" for k in range(1, 8))))
    head = (
        "host and model",
        "run (s)",
        "TTFT, TPOT",
        "TTFT, tokens",
        "TPOT, tokens",
        "round's share, TTFT",
        "round's share, TPOT",
        "first of five",
    )
    return table(head, rows)


def factor_table() -> str:
    """Factors in common: of a run of minutes, of an hour; and published levels."""
    rows: list[tuple[str, ...]] = []
    for metric in METRICS:
        found = drift_sigma(pairs(), metric)
        rows.append((f"drift within a run of minutes, {metric.upper()}", f"{found.value:.3f}", f"{found.low:.3f} to {found.high:.3f}"))
    hour = fitted_hour()
    rows.append(("hour, TTFT", f"{hour.value:.2f}", f"{hour.low:.2f} to {hour.high:.2f}"))
    for metric in METRICS:
        rows.append((f"level, from one published figure to the next, {metric.upper()}", f"{fitted_level(metric):g}", ""))
    for metric in METRICS:
        rows.append((f"mean excess of the largest 2 % (Hill), {metric.upper()}", f"{tail_index(samples(metric), 0.02):.2f}", ""))
    return table(("sigma of the logarithm", "fitted", "95 % interval"), rows)


def tables() -> dict[str, str]:
    """All tables of the page, by the name that its markers have."""
    found = {"shape": shape_table(), "dependence": dependence_table(), "factors": factor_table()}
    for metric in METRICS:
        found[f"pairs-{metric}"] = pair_table(metric)
        found[f"choice-{metric}"] = choice_table(metric)
    return found


def main(arguments: list[str]) -> None:
    """Prints, or with --write rewrites the model files and the page."""
    shapes = {metric: fitted(metric) for metric in METRICS}
    level = {metric: fitted_level(metric) for metric in METRICS}
    if "--write" in arguments:
        write_models(shapes, fitted_hour(), level)
        write_tables(tables())
        return
    for name, text in tables().items():
        print(f"{name}\n\n{text}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
