"""Azure LLM inference traces (2023 and 2024, Azure/AzurePublicDataset): TIMESTAMP, ContextTokens, GeneratedTokens; UTC without a zone."""

from __future__ import annotations

from types import MappingProxyType

from sim.trace.foreign import Format, Imported, Options, requests
from sim.trace.look import Look

_COLUMNS = MappingProxyType({"arrival_s": "TIMESTAMP", "prompt_tokens": "ContextTokens", "output_tokens": "GeneratedTokens"})


def _matches(found: Look) -> bool:
    return found.layout == "csv" and set(_COLUMNS.values()) <= set(found.columns)


def _read(found: Look, options: Options) -> Imported:
    return requests(found, _COLUMNS, options)


FORMAT = Format("azure", "Azure LLM inference traces", _matches, _read)
