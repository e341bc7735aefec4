"""What keeps answers good: labels for training and testing, and evaluating what they are worth."""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray, amount, product


def labels_usd(*, labels: Amount, usd_per_label: Amount | None, overhead_share: Amount = 0.0, factor: Amount = 1.0) -> FloatArray:
    """A set of labels: labels x USD a label, and the share of that for schema and pilot (10-20 %) on top."""
    quantity = amount(labels, "labels") * (1.0 + amount(overhead_share, "overhead_share"))
    return product(quantity=quantity, usd=usd_per_label, what="a label", factor=factor)


def labeling_usd(
    *,
    usd_per_month: Amount | None,
    retrainings: Amount = 0.0,
    labels_usd_each: Amount | None = None,
    months: Amount = 1.0,
    factor: Amount = 1.0,
) -> FloatArray:
    """Labels bought every month, and a set (`labels_usd`) for each retraining, however many attempts it takes."""
    running = product(quantity=months, usd=usd_per_month, what="a month of labelling", factor=factor)
    return np.asarray(running + product(quantity=retrainings, usd=labels_usd_each, what="the labels of a retraining", factor=factor))


def evaluation_usd(
    *,
    usd_per_month: Amount | None,
    attempts: Amount = 0.0,
    usd_per_attempt: Amount | None = None,
    months: Amount = 1.0,
    factor: Amount = 1.0,
) -> FloatArray:
    """Test sets, benchmarks and A/B tests that go on, and the evaluation of each attempt at retraining."""
    running = product(quantity=months, usd=usd_per_month, what="a month of evaluation", factor=factor)
    return np.asarray(running + product(quantity=attempts, usd=usd_per_attempt, what="evaluating an attempt at retraining", factor=factor))
