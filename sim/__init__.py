"""The front page: what to read in which order, and the public API.

`READING_ORDER` lists the rooms from the ground floor up; each imports only from rooms before it. The public names are imported
when first used, so that `import sim` and `sim --help` wait for nothing.
"""

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.errors import InputError as InputError
    from sim.results.compare import compare as compare
    from sim.results.load import load_stack as load_stack
    from sim.results.plan import plan as plan
    from sim.results.simulate import forecast as forecast
    from sim.results.simulate import simulate as simulate
    from sim.results.sweep import sweep as sweep
    from sim.results.traffic import read_trace as read_trace

__version__ = "0.1.0"

READING_ORDER = (
    "errors",
    "units",
    "wide",
    "sampling",
    "catalog",
    "profile",
    "trace",
    "stack",
    "iac",
    "engine",
    "measure",
    "calibration",
    "cost",
    "futures",
    "planning",
    "decision",
    "report",
    "results",
    "cli",
)

_HOME = MappingProxyType(
    {
        "InputError": "sim.errors",
        "load_stack": "sim.results.load",
        "read_trace": "sim.results.traffic",
        "simulate": "sim.results.simulate",
        "forecast": "sim.results.simulate",
        "compare": "sim.results.compare",
        "sweep": "sim.results.sweep",
        "plan": "sim.results.plan",
    }
)

__all__ = ["READING_ORDER", "InputError", "load_stack", "read_trace", "simulate", "forecast", "compare", "sweep", "plan"]


if not TYPE_CHECKING:  # so that a slip in a name is an error to mypy, too

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
