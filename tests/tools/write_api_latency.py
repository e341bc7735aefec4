"""Writes what fit_api_latency.py found: the `latency` block of each API's file, and the tables of docs/api-latency.md.

Of the block, the medians and the lines of `sources` about them are kept as they are: levels are looked up, shapes are fitted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tests.tools.api_latency_data import PROBE, REQUESTS, bedrock
from tests.tools.api_latency_factors import Estimate
from tests.tools.api_latency_shapes import Score

ROOT = Path(__file__).resolve().parents[2]
APIS = ROOT / "models" / "apis"
PAGE = ROOT / "docs" / "api-latency.md"

REASONING = (
    ("gpt-5-mini", "reasoning", 14.94, "o3-mini", "2025"),
    ("azure-gpt-5-mini", "reasoning", 14.94, "o3-mini", "2025"),
    ("azure-gpt-5.4", "reasoning-xhigh", 35.2, "gpt-5.2 (xhigh)", "2025-12"),
)
"""API, name of its mode, median TTFT in seconds, and the model it was recorded of: Artificial Analysis records in a public repository."""
LEVELS_OF = "published medians of claude-sonnet-4.6, gemini-2.5-flash and (TTFT) claude-haiku-4.5, two or three each: Artificial Analysis, kunalganglani.com, callsphere.ai, Jwrede/llm-bench-data"
BEDROCK = "claude-instant on Bedrock, 1024 tokens in, 100 out (ssong1/llmperf-bedrock)"


class Shape(Protocol):
    """What is written of a fitted shape."""

    @property
    def requests(self) -> int: ...
    @property
    def deployments(self) -> int: ...
    @property
    def over_median(self) -> dict[str, float]: ...
    @property
    def between(self) -> dict[str, float]: ...
    @property
    def left_out(self) -> Score: ...


def write_models(shapes: Mapping[str, Shape], hour: Estimate, level: Mapping[str, float]) -> None:
    """Rewrites the latency block of every API's file."""
    for path in sorted(APIS.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        start = text.index("latency:\n")
        after = re.compile(r"^\S", re.MULTILINE).search(text, start + 1)
        end = after.start() if after else len(text)
        block = _block(path.stem, text[start:end], shapes, hour, level)
        path.write_text(text[:start] + block + text[end:], encoding="utf-8")


def write_tables(tables: Mapping[str, str]) -> None:
    """Puts each table between the markers of its name."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in tables.items():
        marked = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, n = marked.subn(lambda found, table=table: f"{found[1]}\n{table}\n\n{found[2]}", text)  # type: ignore[misc]
        assert n == 1, name
    PAGE.write_text(text, encoding="utf-8")


def quantiles_of(name: str, metric: str, shapes: Mapping[str, Shape]) -> dict[str, float]:
    """Quantiles over the median that an API's file carries: the fitted ones, but Bedrock's own tail of TTFT."""
    found = dict(shapes[metric].over_median)
    if name.startswith("bedrock") and metric == "ttft":
        found["p95"], found["p99"] = (float(f"{each:.3g}") for each in bedrock())
    return found


def _block(name: str, old: str, shapes: Mapping[str, Shape], hour: Estimate, level: Mapping[str, float]) -> str:
    lines, evidence = ["latency:"], []
    for metric, shape in shapes.items():
        median = re.search(rf"^  {metric}:.*?median_s: ([0-9.]+)", old, re.MULTILINE | re.DOTALL)
        assert median is not None, name
        speed = f"  # {1.0 / float(median[1]):.0f} tokens/s" if metric == "tpot" else ""
        lines += [f"  {metric}:", f"    median_s: {median[1]}{speed}"]
        lines.append(f"    over_median: {_flow(quantiles_of(name, metric, shapes))}")
        evidence.append(
            f"{{keys: [{metric}.over_median], label: fitted, requests: {shape.requests}, deployments: {shape.deployments}, "
            f"left_out_ks: {shape.left_out.ks:.2f}, left_out_p95_error: {shape.left_out.p95_error:.2f}, p95_sigma: {shape.between['p95']:.2f}, "
            f'source: "{REQUESTS}", as_of: 2023-12}}'
        )
    if name.startswith("bedrock"):
        evidence.append(
            f'{{keys: [ttft.over_median.p95, ttft.over_median.p99], label: measured, requests: 100, deployments: 1, source: "{BEDROCK}", as_of: 2024}}'
        )
    lines += [f"  hour_sigma: {hour.value:g}", f"  ttft_level_sigma: {level['ttft']:g}", f"  tpot_level_sigma: {level['tpot']:g}"]
    evidence.append(
        f'{{keys: [hour_sigma], label: fitted, low: {hour.low:g}, high: {hour.high:g}, source: "{PROBE}; of the time to first token, '
        'taken for the time per token too", as_of: 2026-06-10}'
    )
    evidence.append(f'{{keys: [ttft_level_sigma, tpot_level_sigma], label: fitted, source: "{LEVELS_OF}", as_of: 2026-06}}')
    for api, mode, median_s, model, as_of in REASONING:
        if api == name:
            lines += ["  modes:", f"    - name: {mode}", "      ttft:", f"        median_s: {median_s:g}"]
            lines.append(f"        over_median: {_flow(shapes['ttft'].over_median)}")
            evidence.append(
                f'{{keys: [modes], label: assumed, source: "median of {model}, one Artificial Analysis record; the shape of requests '
                f'without reasoning, as none with it is known", as_of: {as_of}}}'
            )
    lines += ["  evidence:", *(f"    - {line}" for line in evidence), "  sources:"]
    lines += re.findall(r"^    - \{keys: \[(?:ttft|tpot)\.median_s\].*$", old, re.MULTILINE)
    return "\n".join(lines) + "\n"


def _flow(quantiles: Mapping[str, float]) -> str:
    return "{" + ", ".join(f"{key}: {value:g}" for key, value in quantiles.items()) + "}"
