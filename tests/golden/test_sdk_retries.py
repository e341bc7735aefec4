"""The retry rule with the settings of models/clients equals what the openai and anthropic packages and LiteLLM's router computed.

tests/golden/sdk/retries.csv was recorded from the packages themselves (tests/tools/record_sdk_retries.py): same attempt, status, headers and
random draw. Rows with headers that no simulated provider sends are left out by rule: x-should-retry, and a Retry-After that is a date or not a
number. A connection error and a time-out are the faults `5xx` and `timeout` here; so are 408 and 409, which have no fault of their own.
"""

import csv
import math
from pathlib import Path

import pytest

from sim.catalog.catalog import Catalog
from sim.engine.retry import GIVE_UP, retry_delay
from sim.stack.client import load_client

TABLE = Path(__file__).parent / "sdk" / "retries.csv"


def recorded() -> list[dict[str, str]]:
    with TABLE.open() as file:
        return list(csv.DictReader(file))


def seconds(row: dict[str, str]) -> float | None:
    """The Retry-After the client reads from the row's headers: -1 if none, None if the row is outside what is modelled."""
    if row["x_should_retry"]:
        return None
    if row["retry_after_ms"]:
        try:
            return float(row["retry_after_ms"]) / 1000 if row["package"] != "litellm" else None
        except ValueError:
            return None
    if not row["retry_after"]:
        return -1.0
    try:
        value = float(row["retry_after"])
    except ValueError:
        return None
    if row["package"] == "litellm" and not row["retry_after"].lstrip("-").isdigit():
        return -1.0  # only whole numbers are read
    return value if value < 4_294_967 else None  # 50 days: the anthropic package waits 2**32 ms at most


def retried(status: str) -> bool:
    return status in ("connect", "timeout", "408", "409", "429") or (status.isdigit() and int(status) >= 500)


@pytest.mark.parametrize("package", ["openai", "anthropic", "litellm"])
def test_delays(package: str) -> None:
    policy = load_client(Catalog.load(), package).policy
    longest = math.inf if policy.retry_after_max is None else policy.retry_after_max
    compared = 0
    for row in recorded():
        after = seconds(row)
        if row["package"] != package or after is None:
            continue
        if package == "litellm" and row["healthy"] != "0":
            # With another deployment healthy the router goes there at once: in a stack that is the next target, not a retry here.
            assert float(row["delay_s"]) == 0.0
            continue
        expected = float(row["delay_s"]) if row["retries"] == "1" else GIVE_UP
        delay = GIVE_UP
        if retried(row["status"]):
            delay = retry_delay(
                int(row["attempt"]), int(row["max_retries"]), after, policy.base, policy.cap, policy.jitter, policy.jitter_add, longest,
                policy.give_up_above, float(row["draw"]),
            )  # fmt: skip
        assert delay == pytest.approx(expected, rel=1e-15, abs=0), row
        compared += 1
    assert compared > 40
