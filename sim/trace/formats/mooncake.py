"""Mooncake traces (kvcache-ai/Mooncake, FAST'25): milliseconds, and the ids of 512-token prefix blocks."""

from __future__ import annotations

from dataclasses import replace

from sim.trace.foreign import Format, Imported, Options, requests
from sim.trace.look import Look

_BLOCK_TOKENS = 512


def _matches(found: Look) -> bool:
    return found.layout == "lines" and {"timestamp", "input_length", "output_length"} <= set(found.columns)


def _read(found: Look, options: Options) -> Imported:
    columns = {"arrival_s": "timestamp", "prompt_tokens": "input_length", "output_tokens": "output_length"}
    for native, source in (("prefix_block_ids", "hash_ids"), ("session_id", "session_id")):
        if source in found.columns:
            columns[native] = source
    read = requests(found, columns, options, unit="ms")
    return replace(read, metadata={**read.metadata, "sim.prefix_block_tokens": str(_BLOCK_TOKENS)})


FORMAT = Format("mooncake", "Mooncake", _matches, _read)
