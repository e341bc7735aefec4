"""Foreign trace formats, one file each. A new one is a file here and its line in FORMATS.

The order is that in which `auto` asks: the particular before the general.
"""

from __future__ import annotations

from pathlib import Path

from sim.errors import InputError, nearest
from sim.trace.foreign import Format, Imported, Options
from sim.trace.formats import (
    aiperf,
    anthropic_usage,
    azure,
    blis,
    burstgpt,
    csv,
    guidellm,
    inference_perf,
    litellm,
    mooncake,
    openai_usage,
    otel_genai,
    parquet,
    totals,
    vllm_bench,
    vllm_sr_sim,
)
from sim.trace.look import Look, look
from sim.trace.usage import Usage

FORMATS: tuple[Format, ...] = (
    parquet.FORMAT,
    azure.FORMAT,
    burstgpt.FORMAT,
    mooncake.FORMAT,
    litellm.FORMAT,
    openai_usage.FORMAT,
    anthropic_usage.FORMAT,
    totals.FORMAT,
    otel_genai.FORMAT,
    vllm_bench.FORMAT,
    guidellm.FORMAT,
    aiperf.FORMAT,
    inference_perf.FORMAT,
    vllm_sr_sim.FORMAT,
    blis.FORMAT,
    csv.FORMAT,
)


def read_foreign(path: str | Path, form: str = "auto", options: Options | None = None, name: str | None = None) -> Imported | Usage:
    """A file of a foreign format: requests or totals. InputError when its format is not known or it is not of it."""
    names = [known.name for known in FORMATS]
    if form != "auto" and form not in names:
        raise InputError(f"format {form!r}; allowed: auto, {', '.join(names)}{nearest(form, names)}")
    found = look(path, name)
    chosen = next((known for known in FORMATS if (known.matches(found) if form == "auto" else known.name == form)), None)
    if chosen is None and found.layout == "yaml" and "traffic" in found.columns:
        raise InputError(f"{found.name}: a recipe, from which `sim trace synth` makes a trace")
    if chosen is None:
        raise InputError(f"{found.name}: of no format that is known; say --format, or convert it to CSV; known: {', '.join(names)}")
    if form != "auto":
        _suits(chosen, found)
    return chosen.read(found, options or Options())


def _suits(chosen: Format, found: Look) -> None:
    """A named format may be overridden by --map, but a Parquet file cannot be read as text, nor text as Parquet."""
    binary = found.layout == "parquet"
    if binary != (chosen.name == "parquet"):
        raise InputError(f"{found.name}: {'a' if binary else 'not a'} Parquet file; it cannot be read as {chosen.name}")
