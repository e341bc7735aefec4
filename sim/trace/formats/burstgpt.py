"""BurstGPT (HPMLL/BurstGPT): seconds from the first midnight; failed requests have zero response tokens; later files have sessions."""

from __future__ import annotations

from types import MappingProxyType

from sim.trace.foreign import Format, Imported, Options, requests
from sim.trace.look import Look

_COLUMNS = MappingProxyType(
    {"arrival_s": "Timestamp", "prompt_tokens": "Request tokens", "output_tokens": "Response tokens", "class": "Log Type"}
)
_SESSION = "Session ID"


def _matches(found: Look) -> bool:
    return {"Timestamp", "Request tokens", "Response tokens"} <= set(found.columns)


def _read(found: Look, options: Options) -> Imported:
    columns = {native: source for native, source in _COLUMNS.items() if native != "class" or source in found.columns}
    if _SESSION in found.columns:
        columns["session_id"] = _SESSION
    return requests(found, columns, options, unit="s")


FORMAT = Format("burstgpt", "BurstGPT", _matches, _read)
