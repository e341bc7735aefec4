"""Moving from one model or provider to another: prompts, tests and code adapted, evaluated and rolled out."""

from __future__ import annotations

from sim.cost.amount import Amount, FloatArray, product


def migration_usd(*, migrations: Amount, usd_each: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Migrations of the month x USD each (an amount, or hours of people: `hours_usd` of sim/cost/people.py)."""
    return product(quantity=migrations, usd=usd_each, what="a migration", factor=factor)
