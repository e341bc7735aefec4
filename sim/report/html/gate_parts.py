"""Gates: what was asked, what was measured, and whether it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.report.html.text import Unit, show, table


def unit_of(kind: str) -> Unit:
    """How a figure of gates is shown, by its kind."""
    units: dict[str, Unit] = {"money": "usd_exact", "duration": "s", "share": "share", "ratio": "share", "share of BASE": "share"}
    return units.get(kind, "number")


def gates(found: Sequence[Mapping[str, Any]], *, named: bool) -> str:
    """Every gate with its verdict, `named` with the stack that it is about; nothing for none."""
    rows = []
    for each in found:
        unit = unit_of(each["limit_is"])
        verdict = "fails" if each["failed"] else "holds"
        if each["noisy"]:
            verdict += ", decided by noise: more --futures would tell"
        when = f" ({each['month']})" if each["month"] else ""
        measured = "no such figure in this run" if each["measured"] is None else f"{show(each['measured'], unit)}{when}"
        name = f"{each['stack']}: {each['gate']}" if named and not str(each["gate"]).startswith(f"{each['stack']}:") else each["gate"]
        rows.append([name, measured, show(each["by"], unit), show(each["se"], unit), verdict])
    return table(["Gate: fails when this is so", "measured", "by", "standard error", ""], rows, numbers_from=9) if rows else ""
