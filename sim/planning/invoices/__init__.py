"""Bills that were paid, one file a format. A new one is a file here and its line in FORMATS.

The order is that in which a file is asked for: the particular before the general.
"""

from __future__ import annotations

from pathlib import Path

from sim.errors import InputError, visible
from sim.planning.invoices import (
    anthropic_costs,
    aws_cost_explorer,
    aws_cur,
    azure_costs,
    focus,
    google_billing,
    litellm_spend,
    openai_costs,
    own,
)
from sim.planning.invoices.lines import Lines
from sim.planning.invoices.paid import Format, Invoice, Meaning, Paid
from sim.planning.invoices.sheet import open_sheet

__all__ = ["FORMATS", "Invoice", "Meaning", "Paid", "read_bill", "read_invoice"]

FORMATS: tuple[Format, ...] = (
    own.FORMAT,
    focus.FORMAT,
    aws_cur.FORMAT,
    aws_cost_explorer.FORMAT,
    azure_costs.FORMAT,
    google_billing.FORMAT,
    openai_costs.FORMAT,
    anthropic_costs.FORMAT,
    litellm_spend.FORMAT,
)


def read_invoice(path: str | Path) -> Invoice:
    """A bill of any format that is known, recognised by its content; InputError with every problem of the file (the first twenty)."""
    sheet = open_sheet(path)
    chosen = next((each for each in FORMATS if each.matches(sheet)), None)
    if chosen is None:
        known = "; ".join(each.about for each in FORMATS[1:])
        if sheet.layout == "json":
            has = visible(", ".join(sorted(sheet.keys)[:12]))[:200]
            raise InputError(f"{sheet.name}: no bill of a format that is known (it has {has or 'nothing'}); known: {known}")
        own.refuse(sheet, f"an export of {known}")
    assert chosen is not None
    lines = Lines(sheet.name)
    chosen.read(sheet, lines)
    paid = lines.paid()
    return Invoice(paid, chosen.name, tuple(lines.notes), lines.known())


def read_bill(path: str | Path) -> tuple[Paid, ...]:
    """The lines of a bill in order of month and name."""
    return read_invoice(path).paid
