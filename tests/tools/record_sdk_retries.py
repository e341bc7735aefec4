"""Record when the openai and anthropic packages retry and how long they wait: `python -m tests.tools.record_sdk_retries` (tests/tools/README.md).

Each row is one failed attempt of a real client whose transport answers with the given status and headers, whose random draw and clock
are given, and whose sleep is noted instead of slept. The router of litellm is recorded in its own environment (its dependencies differ):
the same script writes the packages it finds installed and keeps the rows of the others.
"""

from __future__ import annotations

import csv
import importlib
import importlib.metadata
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

GOLDEN = Path(__file__).parents[1] / "golden" / "sdk" / "retries.csv"
COLUMNS = [
    "package",
    "version",
    "max_retries",
    "attempt",
    "status",
    "retry_after",
    "retry_after_ms",
    "x_should_retry",
    "healthy",
    "draw",
    "retries",
    "delay_s",
]
NOW = 1_800_000_000.0
"""The clock of the clients: Fri, 15 Jan 2027 08:00:00 GMT."""
DRAWS = [0.0, 0.25, 0.5, 0.9375]
STATUSES = [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529]
RETRY_AFTER = ["", "0", "1", "2.5", "30", "60", "61", "119.5", "120", "120.5", "121", "600", "5000000", "-1", "-0.5", "soon", "nan", "inf"]
DATES = ["Fri, 15 Jan 2027 08:00:30 GMT", "Fri, 15 Jan 2027 07:59:00 GMT", "Fri, 15 Jan 2027 08:10:00 GMT"]
FEW = ["", "0", "7", "121"]


def cases() -> Iterator[tuple[int, int | str, str, str, str, float]]:
    """(attempt, status, retry-after, retry-after-ms, x-should-retry, draw): every status; every header at 429; every attempt and draw at a few headers.

    Besides HTTP statuses: `connect` (no connection) and `timeout` (no answer in time).
    """
    for attempt in range(3):
        yield attempt, "connect", "", "", "", 0.5
        yield attempt, "timeout", "", "", "", 0.5
    for status in STATUSES:
        for header in FEW:
            for order in ("", "true", "false"):
                yield 0, status, header, "", order, 0.5
    for header in RETRY_AFTER + DATES:
        yield 0, 429, header, "", "", 0.5
        yield 1, 503, header, "", "", 0.25
    for milliseconds in ("0", "1", "250", "1500.5", "120000", "120001", "-5", "x"):
        for header in ("", "3"):
            yield 0, 429, header, milliseconds, "", 0.5
    for attempt in range(8):
        for draw in DRAWS:
            for header in FEW:
                yield attempt, 429, header, "", "", draw
            yield attempt, 500, "", "", "", draw


def record_sdk(package: str) -> Iterator[list[Any]]:
    """Drive a client's own loop: it fails for ever, and the sleeps before its retries are what it waits."""
    module = importlib.import_module(package)
    base = importlib.import_module(f"{package}._base_client")
    httpx = base.httpx2 if hasattr(base, "httpx2") else base.httpx
    version = importlib.metadata.version(package)
    slept: list[float] = []
    answers: list[int] = []
    draw = 0.0
    real = base.time
    base.time = SimpleNamespace(**{name: getattr(real, name) for name in dir(real) if not name.startswith("_")})
    base.time.sleep = slept.append
    base.time.time = lambda: NOW
    base.random = lambda: draw
    default = module.DEFAULT_MAX_RETRIES
    for case in dict.fromkeys(cases()):
        attempt, status, retry_after, retry_after_ms, order, draw = case
        headers = {"retry-after": retry_after, "retry-after-ms": retry_after_ms, "x-should-retry": order}
        sent = {name: value for name, value in headers.items() if value}

        def answer(request: Any, status: int | str = status, sent: dict[str, str] = sent, attempt: int = attempt) -> Any:
            # Attempts before the recorded one fail without headers, so that they are always retried.
            answers.append(1)
            early = len(answers) <= attempt
            if not early and status == "connect":
                raise httpx.ConnectError("no connection", request=request)
            if not early and status == "timeout":
                raise httpx.ReadTimeout("no answer", request=request)
            return httpx.Response(
                500 if early else status, headers={} if early else sent, json={"error": {"message": "no"}}, request=request
            )

        # One retry more than the attempt looked at, and never fewer than by default.
        for max_retries in sorted({default, attempt + 1}):
            slept.clear()
            answers.clear()
            key = {"api_key": "none", "max_retries": max_retries, "http_client": httpx.Client(transport=httpx.MockTransport(answer))}
            client = getattr(module, "OpenAI" if package == "openai" else "Anthropic")(**key)
            try:
                client.post("/x", cast_to=object, body={})
            except (module.APIConnectionError, module.APIStatusError) as error:
                ended: int | str = getattr(error, "status_code", "connection")
            assert ended == "connection" if isinstance(status, str) else ended == (500 if attempt > max_retries else status), case
            retried = len(slept) > attempt
            if attempt > max_retries:
                continue
            yield [
                package,
                version,
                max_retries,
                attempt,
                status,
                retry_after,
                retry_after_ms,
                order,
                "",
                draw,
                int(retried),
                repr(float(slept[attempt])) if retried else "",
            ]
    base.time = real


def record_litellm() -> Iterator[list[Any]]:
    """What the router waits before a retry (the decision to retry is its retry policy's); `healthy`: 1 when another deployment of the group is."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would ask the network for prices
    import litellm
    import litellm.utils

    version = importlib.metadata.version("litellm")
    router = litellm.Router(model_list=[])
    draw = 0.0
    litellm.utils.random = SimpleNamespace(random=lambda: draw)
    litellm.utils.time = SimpleNamespace(time=lambda: NOW)
    for attempt, status, retry_after, _, order, draw in dict.fromkeys(
        case for case in cases() if not case[3] and not case[4] and case[1] == 429
    ):
        max_retries = max(2, attempt + 1)
        error = Exception()
        error.response = SimpleNamespace(headers={"retry-after": retry_after} if retry_after else {})
        for healthy in (0, 1):
            others = [{"id": str(k)} for k in range(2)]
            delay = router._time_to_sleep_before_retry(error, max_retries - attempt, max_retries, others[: healthy * 2], others)
            yield ["litellm", version, max_retries, attempt, status, retry_after, "", order, healthy, draw, 1, repr(float(delay))]


def main() -> None:
    rows: dict[str, list[list[Any]]] = {}
    if GOLDEN.exists():
        with GOLDEN.open() as file:
            for row in list(csv.reader(file))[1:]:
                rows.setdefault(row[0], []).append(row)
    for package in sys.argv[1:]:
        rows[package] = list(record_litellm() if package == "litellm" else record_sdk(package))
        print(package, len(rows[package]), sum(int(row[-2]) for row in rows[package]), "retried")
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    with GOLDEN.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for package in sorted(rows):
            writer.writerows(rows[package])


if __name__ == "__main__":
    main()
