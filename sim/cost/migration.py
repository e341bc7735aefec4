"""Moving from one model or provider to another: prompts, tests and code adapted, evaluated and rolled out."""

from __future__ import annotations

from sim.cost.amount import Amount, FloatArray, amount, product


def migration_usd(*, migrations: Amount, hours_each: Amount, usd_per_hour: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Migrations of the month x hours of people each x USD an hour."""
    quantity = amount(migrations, "migrations") * amount(hours_each, "hours_each")
    return product(quantity=quantity, usd=usd_per_hour, what="an hour of migration", factor=factor)
