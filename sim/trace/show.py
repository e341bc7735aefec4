"""A description of a trace as text: at most 80 columns, the last part a plot of the rate over the trace's duration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sim.errors import visible
from sim.trace.describe import Description, Lengths
from sim.units import SECONDS_PER_MINUTE, show_count, show_seconds, show_share
from sim.wide import beginning, columns, left, wrap

_WIDTH = 78
_PLOT_ROWS = 5
_PLOT_COLUMNS = 64
_EIGHTHS = " ▁▂▃▄▅▆▇█"


def show(name: str, found: Description) -> str:
    """The whole text, without a line break at its end."""
    if found.closed_loop is None:
        lines = [f"{_cut(name, 40)}: {_number(found.rows, 'request')} over {show_seconds(found.duration_s)}", "", *_rate(found)]
    else:
        lines = [f"{_cut(name, 40)}: {_number(found.rows, 'request')}", "", f"{'sent by':<14}{found.closed_loop}"]
        lines.append(f"{'rate':<14}none of its own: each client sends its next request when its last one has ended")
    lines += ["", f"{'tokens':<14}{'mean':>9}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>10}{'total':>12}"]
    lines += [_lengths("prompt", found.prompt_tokens), _lengths("output", found.output_tokens)]
    if found.log_correlation is not None:
        lines.append(f"{'correlation':<14}{found.log_correlation:.2f} of the logarithms of prompt and output")
    if len(found.classes) > 1 or found.classes[0].name != "default":
        lines += ["", f"{'class':<24}{'requests':>12}{'share':>9}{'mean prompt':>14}{'mean output':>14}"]
        for part in sorted(found.classes, key=lambda part: -part.requests)[:20]:
            share = show_share(part.requests / found.rows)
            means = f"{part.prompt_tokens_mean:>14,.0f}{part.output_tokens_mean:>14,.0f}"
            lines.append(f"{left(_cut(part.name, 23), 24)}{part.requests:>12,}{share:>9}{means}")
    lines += ["", *_senders(found), *_plot(found.rate_series_per_s, found.duration_s)]
    for note in found.notes:
        lines += wrap(_cut(f"note: {note}", 600), _WIDTH, later="      ", break_hyphens=True)
    return "\n".join(lines).rstrip()


def _rate(found: Description) -> list[str]:
    idc = ", ".join(f"{value:.3g} at {width}" for width, value in found.idc.items() if value is not None)
    rate = f"{'rate':<14}{_rate_text(found.rate_per_s)} on average"
    if found.duration_s > SECONDS_PER_MINUTE:
        rate += f", {_rate_text(found.peak_minute_per_s)} in the busiest minute ({found.peak_to_mean:.1f}x)"
    lines = [rate]
    if idc:
        lines.append(f"{'dispersion':<14}IDC {idc} (Poisson: 1)")
    if found.cv_gap is not None:
        lines.append(f"{'gaps':<14}coefficient of variation {found.cv_gap:.2f} (Poisson: 1)")
    return lines


def _rate_text(rate: float, beside: float | None = None) -> str:
    """A rate a second, or an hour when it is low (or the one `beside` it is)."""
    return f"{rate:.3g}/s" if (beside or rate) >= 0.1 else f"{rate * 3600:.3g}/h"


def _lengths(name: str, lengths: Lengths) -> str:
    cells = "".join(f"{value:>9,.0f}" for value in (lengths.mean, lengths.p50, lengths.p95, lengths.p99))
    return f"{name:<14}{cells}{lengths.max:>10,.0f}{show_count(lengths.total):>12}"


def _senders(found: Description) -> list[str]:
    lines = []
    if found.top_clients_share:
        top, tokens = found.top_clients_share, found.top_clients_token_share
        if found.clients == 1:
            lines.append(f"{'clients':<14}1")
        else:
            lines.append(f"{'clients':<14}{found.clients:,}")
            lines += [f"{'  requests':<14}{_top(top, found.clients)}", f"{'  tokens':<14}{_top(tokens, found.clients)}"]
    if found.sessions and found.requests_per_session:
        lines.append(f"{'sessions':<14}{found.sessions:,}, {found.requests_per_session:.2f} requests each")
    if found.prefix_block_rows:
        lines.append(f"{'prefixes':<14}{show_share(found.prefix_block_rows / found.rows)} of the requests name prefix blocks")
    return [*lines, ""] if lines else []


def _top(shares: Mapping[str, float], clients: int) -> str:
    ten = f", {show_share(shares['top_10'])} from the 10 largest" if clients > 10 else ""
    return f"{show_share(shares['top_1'])} from the largest{ten}"


def _plot(series: Sequence[float], duration_s: float) -> list[str]:
    """The rate as columns of eighths, the top of the axis being its greatest value."""
    if not series:
        return []
    rates = np.asarray(series)
    means = np.array([part.mean() for part in np.array_split(rates, _PLOT_COLUMNS)])
    top = float(means.max())
    heights = np.rint(means / top * _PLOT_ROWS * 8).astype(int)
    lines = []
    for row in range(_PLOT_ROWS - 1, -1, -1):
        label = _rate_text(top / _PLOT_ROWS * (row + 1), top) if row in (0, _PLOT_ROWS - 1) else ""
        cells = "".join(_EIGHTHS[min(max(height - 8 * row, 0), 8)] for height in heights)
        lines.append(f"{label:>11} |{cells}".rstrip())
    axis = "0" + show_seconds(duration_s).rjust(_PLOT_COLUMNS - 1)
    return [*lines, f"{'':>11} +{'-' * _PLOT_COLUMNS}", f"{'':>13}{axis}", ""]


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _cut(text: str, width: int) -> str:
    text = visible(text)
    return text if columns(text) <= width else beginning(text, width - 1) + "…"
