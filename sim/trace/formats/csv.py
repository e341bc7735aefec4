"""CSV or JSON lines with a header of any names: common names are known, others are mapped by the user."""

from __future__ import annotations

from types import MappingProxyType

from sim.trace.columns import OPTIONAL, REQUIRED
from sim.trace.foreign import Format, Imported, Options, requests
from sim.trace.look import Look

KNOWN = MappingProxyType({
    "arrival_s": ("arrival_s", "timestamp", "time", "arrival", "arrival_time", "arrived_at", "created_at", "start_time", "starttime", "ts"),
    "prompt_tokens": (
        "prompt_tokens", "input_tokens", "num_prompt_tokens", "prompt_len", "input_length", "contexttokens", "request_tokens",
        "num_prefill_tokens", "input_len",
    ),
    "output_tokens": (
        "output_tokens", "completion_tokens", "generated_tokens", "generatedtokens", "output_len", "output_length", "response_tokens",
        "num_decode_tokens",
    ),
    "class": ("class", "request_class"),
    "session_id": ("session_id", "conversation_id"),
    "client_id": ("client_id", "tenant_id", "customer_id", "end_user"),
    "cached_tokens": ("cached_tokens", "cached_input_tokens", "input_cached_tokens"),
    "max_tokens": ("max_tokens", "max_completion_tokens", "max_output_tokens"),
    "prefix_block_ids": ("prefix_block_ids",),
})  # fmt: skip


def known_columns(found: Look, options: Options) -> dict[str, str]:
    """Native = foreign for the columns whose names are common, unless the user maps them."""
    folded: dict[str, str] = {}
    for column in found.columns:
        folded.setdefault(column.strip().lower().replace(" ", "_").replace("-", "_"), column)
    columns = {}
    for native in (*REQUIRED, *OPTIONAL):
        source = next((folded[name] for name in KNOWN[native] if name in folded), None)
        if source is not None and source not in options.mapping.values():
            columns[native] = source
    return columns


def _matches(found: Look) -> bool:
    return found.layout in ("csv", "lines")


def _read(found: Look, options: Options) -> Imported:
    return requests(found, known_columns(found, options), options)


FORMAT = Format("csv", "CSV or JSON lines with any columns (--map)", _matches, _read)
