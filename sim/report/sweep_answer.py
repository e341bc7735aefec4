"""A sweep in plain words: how many points meet the service levels, which of them is the cheapest, and where the knee is."""

from __future__ import annotations

from sim.planning.points import Row
from sim.report.amounts import about
from sim.report.sweep_report import SweepReport
from sim.units import show_seconds, show_share


def sweep_answer(report: SweepReport) -> str:
    """Two or three sentences."""
    made = len(report.rows) - len(report.refused)
    met = sum(report.meets)
    sentences = []
    if report.cheapest is not None and made == 1:
        sentences.append(f"{_count(met, made)} the service levels: {report.place(report.cheapest)}, {_figures(report, report.cheapest)}.")
    elif report.cheapest is not None:
        sentences.append(
            f"{_count(met, made)} the service levels; the cheapest is {report.place(report.cheapest)}: {_figures(report, report.cheapest)}."
        )
    elif met:
        sentences.append(f"{_count(met, made)} the service levels; the trace has no duration, so no month and no cheapest one.")
    else:
        best = report.best_service
        nearest = (
            "" if best is None else f"; most requests are good with {report.place(best)}: {_figures(report, best)}, {_good(report, best)}"
        )
        sentences.append(f"None of {made} points meets every service level{nearest}.")
    knee = report.shown_fronts["ttft_p99"].knee
    if knee is not None and knee != report.cheapest:
        sentences.append(
            f"The knee of cost and TTFT p99, where more money begins to buy less, is {report.place(knee)}: {_figures(report, knee)}."
        )
    if report.refused:
        count = len(report.refused)
        sentences.append(f"{count:,} more {'point' if count == 1 else 'points'} cannot be made.")
    return " ".join(sentences)


def missed(row: Row) -> str:
    """The service levels that a row missed in the replay, by name: `ttft_p95, completed`; nothing where it missed none."""
    return ", ".join(name for name, _, _, met in row.slo if not met)


def _count(met: int, made: int) -> str:
    if made == 1:
        return "The one point meets"
    return f"All {made:,} points meet" if met == made else f"{met:,} of {made:,} points {'meets' if met == 1 else 'meet'}"


def _figures(report: SweepReport, position: int) -> str:
    metrics = report.rows[position].metrics
    cost = metrics[report.cost.name]
    what = f"TCO of {report.study.months} months" if report.study.months else "a month"
    usd = "no month" if cost is None else f"{about(cost)} {what}"
    return f"{usd}, TTFT p99 {show_seconds(metrics['ttft_p99_s'])}"


def _good(report: SweepReport, position: int) -> str:
    share = report.rows[position].metrics["good_share"]
    missing = missed(report.rows[position])
    return f"{show_share(share)} of requests within both latency levels" + (f", missed {missing}" if missing else "")
