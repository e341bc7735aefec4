"""Traces of vllm-sr-sim, the fleet simulator of vLLM's semantic router: CSV or JSON lines with times in seconds.

The class is the model that the router chose (`selected_model`, else `model`), for that is what a stack's rules route by; `--map
class=category` takes the kind of the prompt instead.
"""

from __future__ import annotations

from sim.trace.foreign import Format, Imported, Options, requests
from sim.trace.look import Look

_NEEDED = frozenset({"timestamp", "prompt_tokens", "generated_tokens"})
_CLASS = ("selected_model", "model", "pool", "category")


def _matches(found: Look) -> bool:
    return found.layout in ("csv", "lines") and set(found.columns) >= _NEEDED


def _read(found: Look, options: Options) -> Imported:
    columns = {"arrival_s": "timestamp", "prompt_tokens": "prompt_tokens", "output_tokens": "generated_tokens"}
    class_ = next((name for name in _CLASS if name in found.columns), None)
    if class_ is not None:
        columns["class"] = class_
    return requests(found, columns, options)


FORMAT = Format("vllm-sr-sim", "vllm-sr-sim's traces and router decisions", _matches, _read)
