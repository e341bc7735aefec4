"""Numbers that lines of a bill are computed from: plain ones, or arrays of any shapes that fit together, [F, M] futures x months mostly.

What is no number (none given, NaN, infinite, negative) is refused by name. A price that is not known is an error as soon as something
is to be paid at it, never zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.cost.price import known_usd
from sim.errors import InputError

FloatArray = npt.NDArray[np.float64]
Amount = float | FloatArray | npt.NDArray[np.int64]
"""A number, or one for every future, month, or both."""


def amount(value: Amount | None, name: str) -> FloatArray:
    """Finite numbers of at least 0 as an array (of no dimension for a plain number); InputError that says which `name` is none."""
    numbers = _numbers(value, name)
    if (numbers < 0.0).any():
        raise InputError(f"{name}: found {float(numbers.min())}; allowed: 0 or more")
    return numbers


def above_zero(value: Amount | None, name: str) -> FloatArray:
    """Finite numbers above 0: what is divided by, or lasts."""
    numbers = _numbers(value, name)
    if (numbers <= 0.0).any():
        raise InputError(f"{name}: found {float(numbers.min())}; allowed: more than 0")
    return numbers


def share(value: Amount | None, name: str) -> FloatArray:
    """Numbers from 0 to 1."""
    numbers = _numbers(value, name)
    if ((numbers < 0.0) | (numbers > 1.0)).any():
        wrong = float(numbers.min()) if (numbers < 0.0).any() else float(numbers.max())
        raise InputError(f"{name}: found {wrong}; allowed: a share from 0 to 1")
    return numbers


def price(value: Amount | None, *, of: FloatArray, what: str) -> FloatArray:
    """A price at which the quantity `of` is paid; InputError that names `what` has none where something is to be paid at it."""
    if value is None:
        return np.asarray(known_usd(None, what) if of.any() else 0.0)
    return amount(value, f"price of {what}")


def product(*, quantity: Amount, usd: Amount | None, what: str, factor: Amount = 1.0) -> FloatArray:
    """USD for a quantity of `what`: quantity x USD for one x factor on the price, multiplied in this order."""
    of = amount(quantity, f"quantity of {what}")
    return np.asarray(of * price(usd, of=of, what=what) * amount(factor, f"factor on the price of {what}"), np.float64)


def _numbers(value: Amount | None, name: str) -> FloatArray:
    if value is None:
        raise InputError(f"{name}: found none; allowed: a number")
    numbers = np.asarray(value, np.float64)
    if not np.isfinite(numbers).all():
        raise InputError(f"{name}: found {float(numbers[~np.isfinite(numbers)].flat[0])}; allowed: finite numbers")
    return numbers
