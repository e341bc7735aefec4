"""What keeps answers good: labels for training and testing, and evaluating what they are worth."""

from __future__ import annotations

from sim.cost.amount import Amount, FloatArray, amount, product


def labeling_usd(*, labels: Amount, usd_per_label: Amount | None, overhead_share: Amount = 0.0, factor: Amount = 1.0) -> FloatArray:
    """Labels x USD a label, and the share of that for schema and pilot (10-20 %) on top."""
    quantity = amount(labels, "labels") * (1.0 + amount(overhead_share, "overhead_share"))
    return product(quantity=quantity, usd=usd_per_label, what="a label", factor=factor)


def evaluation_usd(*, usd_per_month: Amount | None, months: Amount = 1.0, factor: Amount = 1.0) -> FloatArray:
    """Test sets, benchmarks and A/B tests that go on: USD a month x months."""
    return product(quantity=months, usd=usd_per_month, what="a month of evaluation", factor=factor)
