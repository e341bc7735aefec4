"""Published traffic on every bundled stack: it ends well, every request has one outcome, and the figures hold together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.made.command import Capture, replayed

ROWS = {"azure_conv_2023": 19_366, "mooncake_synthetic": 3_993, "ragpulse": 7_106, "servegen_deepseek_r1_day_derived": 1_392_937}
SMALL = ("azure_conv_2023", "mooncake_synthetic", "ragpulse")
LARGE = "servegen_deepseek_r1_day_derived"
BUNDLED = (
    "api-first", "autoscaled-hpa", "fallback-chain", "hybrid", "multi-vendor", "on-premises", "own-fine-tune", "rag", "scale-to-zero",
    "self-hosted", "spot", "task-routing", "vendor-fine-tune",
)  # fmt: skip


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_no_stack_is_left_out(root: Path) -> None:
    assert {path.stem for path in (root / "models" / "stacks").glob("*.yaml")} == set(BUNDLED)


def check_log(rows: int, found: dict[str, object]) -> None:
    """The log: one row a request of the trace, in its order; the first token between arrival and the last."""
    log = pq.read_table("r/requests.parquet")
    assert log["row"].to_pylist() == list(range(rows))
    arrival, first, finish = (log[name].to_numpy() for name in ("arrival_s", "first_token_s", "finish_s"))
    completed = np.asarray(log["outcome"].to_pylist()) == "completed"
    assert completed.sum() == found["completed"]
    assert np.all(arrival[completed] <= first[completed]) and np.all(first[completed] <= finish[completed])
    assert np.isnan(first[~completed]).all()


@pytest.mark.parametrize("stack", BUNDLED)
@pytest.mark.parametrize("name", SMALL)
def test_published_traces(capsys: Capture, shared_data: Path, name: str, stack: str) -> None:
    found = replayed(capsys, str(shared_data / "traces" / f"{name}.parquet"), "--stack", stack, "--log-requests")
    assert found["requests"]["total"] == ROWS[name]
    check_log(ROWS[name], found["requests"])
    pools = [each for each in found["deployments"].values() if each["kind"] == "gpu"]
    assert all(each["gpu_hours"] > 0 for each in pools)
    assert found["bill"]["total_usd"] > 0 and found["bill"]["api_only"]["total_usd"] > 0


def _large(capsys: Capture, shared_data: Path, stack: str) -> None:
    found = replayed(capsys, str(shared_data / "traces" / f"{LARGE}.parquet"), "--stack", stack)
    assert found["requests"]["total"] == ROWS[LARGE]
    assert found["bill"]["total_usd"] > 0


def test_a_published_day_of_a_million_requests(capsys: Capture, shared_data: Path) -> None:
    _large(capsys, shared_data, "hybrid")


@pytest.mark.nightly
@pytest.mark.parametrize("stack", [name for name in BUNDLED if name != "hybrid"])
def test_that_day_on_the_other_stacks(capsys: Capture, shared_data: Path, stack: str) -> None:
    _large(capsys, shared_data, stack)
