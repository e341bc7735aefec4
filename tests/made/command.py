"""Running the command in this process, and what must hold whatever comes of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.cli.main import exit_code

Capture = pytest.CaptureFixture[str]
OUTCOMES = ("completed", "rejected", "timed_out", "failed", "unfinished")
_COUNTED_BOTH_WAYS = 1e-9


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `sim` with these arguments."""
    capsys.readouterr()
    code = exit_code(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def listing() -> list[Path]:
    """Everything in the current folder."""
    return sorted(Path().rglob("*"))


def refused(capsys: Capture, *arguments: str) -> str:
    """What a command line that must be refused says: exit code 2, nothing on stdout, nothing written, no traceback, no steering."""
    before = listing()
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, ""), err
    assert listing() == before
    lines = err.splitlines()
    assert lines and all(line.startswith(("error: ", "try: ")) for line in lines), err
    assert "Traceback" not in err and "site-packages" not in err
    assert all(line.isprintable() for line in lines)
    return err


def replayed(capsys: Capture, *arguments: str) -> dict[str, Any]:
    """The summary of a plain replay with these arguments, checked; nothing is written but the folder `r`."""
    code, out, err = run(capsys, "run", *arguments, "--months", "0", "--format", "json", "-o", "r", "--force")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    check_summary(found)
    return found


def numbers(data: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number of nested data with its path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from numbers(value, f"{path}.{key}")
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from numbers(value, f"{path}[{i}]")
    elif isinstance(data, (int, float)) and not isinstance(data, bool):
        yield path, data


def check_summary(found: dict[str, Any]) -> None:
    """What holds of every run: each request has one outcome, lines add up, times are in order, shares are shares."""
    requests, bill = found["requests"], found["bill"]
    assert sum(requests[name] for name in OUTCOMES) == requests["total"]
    assert sum(requests["reasons"].values()) == requests["total"] - requests["completed"]
    assert sum(each["completed"] for each in found["deployments"].values()) == requests["completed"]
    assert sum(each["requests"] for each in found["deployments"].values()) <= requests["total"]
    for path, value in numbers(found):
        assert math.isfinite(value) and value >= 0, f"{path}: {value}"
        name = path.rsplit(".", 1)[-1]
        if name.endswith("share") or name == "occupancy":
            assert value <= 1 + 1e-12, f"{path}: {value}"
    total = bill["total_usd"]
    for parts in (
        [line["usd"] for line in bill["lines"]],
        *(bill[key].values() for key in ("by_deployment", "by_class", "by_client") if bill[key]),
    ):
        assert math.isclose(math.fsum(parts), total, rel_tol=1e-9, abs_tol=1e-9)
    places = [found["latency"], *(each["latency"] for each in found["deployments"].values())]
    for place in places:
        for metric in place.values():
            if metric["count"]:
                quantiles = [metric[name] for name in ("p50", "p90", "p95", "p99")]
                assert quantiles == sorted(quantiles)
                assert metric["p99"] <= metric["max"] * 1.005
    assert found["latency"]["ttft_s"]["count"] == found["latency"]["e2e_s"]["count"] == requests["completed"]
