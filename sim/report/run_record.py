"""What a run was: run.json, and stack.resolved.yaml, a stack file that runs again with every default written out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sim.report.run_report import RunReport

if TYPE_CHECKING:
    from sim.stack import ResolvedStack, StackFile
    from sim.stack.events import ScriptedEvent
    from sim.stack.outlook_read import OutlookFile

LIBRARIES = ("genai-prices", "numba", "numpy", "pandas", "pyarrow", "pydantic", "scipy", "simpy")
_WIDTH = 140


def own_version() -> str:
    """The version of this package; `uninstalled` when it runs from a checkout that was never installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("llm-serving-cost-sim")
    except PackageNotFoundError:
        return "uninstalled"


def inputs(
    report: RunReport,
    stack: StackFile,
    resolved: ResolvedStack,
    events: Sequence[ScriptedEvent],
    outlook: OutlookFile | None = None,
    *,
    exact: bool = False,
) -> dict[str, Any]:
    """Everything that the results of a run depend on: equal inputs mean equal results, and the same default folder.

    `outlook` is that of the months, where there are any.
    """
    given: dict[str, Any] = {
        "version": own_version(),
        "trace_sha256": report.trace.sha256,
        "stack": stack_data(stack),
        "seed": report.seed,
        "months": 0,
        "events": [event_data(event) for event in events],
        "prices": [[use.kind, use.name, use.detail, use.price, use.as_of] for use in report.prices],
        "date": report.date,
        "numbers": [[origin.key, origin.value] for origin in resolved.origins],
    }
    if stack.notes:
        # What was guessed and left out when the stack was made of infrastructure code.
        given["infrastructure"] = list(stack.notes)
    if report.trace.closed_loop is not None:
        given["closed_loop"] = asdict(report.trace.closed_loop)
    if report.ahead is not None and outlook is not None:
        found = report.ahead.found
        values = outlook.outlook.plain()
        given["months"] = len(found.months)
        given["forecast"] = {
            "start": found.months[0],
            "months": len(found.months),
            "futures": found.futures,
            "outlook": found.outlook,
            "outlook_sha256": hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest(),
            "outlook_values": values,
            "exact": exact,
            "budget_usd": report.ahead.budget_usd,
        }
    return given


def event_data(event: ScriptedEvent) -> dict[str, Any]:
    """A scripted event as plain data."""
    return {name: getattr(event, name) for name in event.__slots__}


def record(report: RunReport, given: dict[str, Any], argv: Sequence[str]) -> str:
    """run.json: version, command line, seed, hashes of the inputs, date of the prices, versions of libraries."""
    content = {
        "schema_version": 1,
        "version": given["version"],
        "argv": list(argv),
        "seed": report.seed,
        "trace": {"name": report.trace.name, "sha256": report.trace.sha256, "requests": report.trace.requests},
        "stack": report.stack,
        "events": given["events"],
        "price_date": report.date,
        "prices": given["prices"],
        **environment(),
    }
    for name in ("closed_loop", "forecast", "infrastructure"):
        if name in given:
            content[name] = given[name]
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"


def environment() -> dict[str, Any]:
    """What a run ran with: the version of Python, and of the libraries that its results could depend on."""
    from importlib.metadata import version
    from platform import python_version

    return {"python": python_version(), "libraries": {name: version(name) for name in LIBRARIES}}


def stack_data(stack: StackFile) -> dict[str, Any]:
    """The stack with `--set` and all defaults in it, as the file format has it."""
    return stack.stack.plain()


def stack_yaml(stack: StackFile, resolved: ResolvedStack) -> str:
    """A stack file that gives the same run, with every number that resolution found as a comment."""
    import yaml

    from sim.catalog.yaml_file import comment

    lines = [
        comment(f"{resolved.name}, with all defaults; prices of {resolved.date.isoformat()}. It runs as it is: sim run TRACE --stack FILE"),
        *(comment(f"note: {note}") for note in resolved.notes),
        comment(""),
    ]
    for origin in resolved.origins:
        unit = f" {origin.unit}" if origin.unit else ""
        as_of = f", {origin.as_of}" if origin.as_of else ""
        lines.append(comment(f"{origin.key} = {origin.value}{unit}  [{origin.label}: {origin.source}{as_of}]"))
    text = yaml.safe_dump(stack_data(stack), sort_keys=False, allow_unicode=True, width=_WIDTH)
    return "\n".join(lines) + "\n\n" + str(text)
