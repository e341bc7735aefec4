"""When what is not paid every month falls due: shares of an amount by month, to be multiplied with it.

Months count from 0, the first of the forecast; what began before has a negative month. All arguments may be arrays that fit
together: `month` [M] and `at_month` [F, 1] give [F, M].
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.cost.amount import Amount, FloatArray, above_zero

Month = int | npt.NDArray[np.int64]
"""A month by its number, or many."""


def once(*, month: Month, at_month: Month = 0) -> FloatArray:
    """All of it in one month."""
    return np.asarray(np.asarray(month) == np.asarray(at_month), np.float64)


def spread(*, month: Month, over_months: Amount, from_month: Month = 0) -> FloatArray:
    """Equal parts over so many months, nothing before and after: a part is 1 / over_months, the last one what is left of it."""
    over = above_zero(over_months, "over_months")
    since = np.asarray(month) - np.asarray(from_month)
    return np.asarray(np.where(since >= 0, np.clip(over - since, 0.0, 1.0), 0.0) / over, np.float64)
