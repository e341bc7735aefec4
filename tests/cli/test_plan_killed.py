"""A plan that is killed at any moment goes on from the candidates that were finished, and ends with the same bytes as one that never was."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests.cli.test_sweep_killed import ended, files, finished, started, world
from tests.made.world import write_trace

SPACE = "replicas: 1:4\nmax_num_seqs: [2, 4, 8, 16]\nfallback: [stack, none]\n"
PLAN = (
    "plan", "trace.parquet", "--stack", "small.yaml", "--space", "space.yaml", "--slo", "ttft_p95 <= 500ms", "--slo", "tpot_p95 <= 20ms",
    "--slo", "completed >= 99%",
)  # fmt: skip
MONTHS = ("--months", "2", "--futures", "20", "--outlook", "certain", "--redundancy", "1")


def planned(folder: Path, *, hours: bool = False) -> Path:
    """The world of a sweep with a space; its trace lasts for hours where months are made of it."""
    made = world(folder)
    if hours:
        write_trace(made / "trace.parquet", rows=900, rate=0.02)
    (made / "space.yaml").write_text(SPACE)
    return made


def written(folder: Path) -> dict[str, int]:
    """The file of each finished point, which is another one when it is written again."""
    return {path.name: path.stat().st_ino for path in (folder / "cache").glob("*/points/*.json")}


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), pytest.param(MONTHS, marks=pytest.mark.nightly)])
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path: Path, root: Path, more: tuple[str, ...]) -> None:
    whole = planned(tmp_path / "whole", hours=bool(more))
    code, out, err = ended(whole, root, *PLAN, *more)
    assert code == 0, err
    killed = planned(tmp_path / "killed", hours=bool(more))
    moments = random.Random(8 + len(more))
    for _ in range(3):
        before = finished(killed)
        ahead = moments.randrange(0, max(len(finished(whole)) // 6, 2))
        with started(killed, root, *PLAN, *more) as process:
            until = time.monotonic() + 60
            while len(finished(killed)) <= len(before) + ahead and process.poll() is None and time.monotonic() < until:
                time.sleep(0.001)
            time.sleep(moments.random() * 0.05)
            process.kill()
            process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0)
        assert finished(killed) >= before
    kept = written(killed)
    assert len(kept) > 3 and set(kept) <= finished(whole)
    code, again, err = ended(killed, root, *PLAN, *more)
    assert code == 0, err
    assert again == out
    assert files(killed) == files(whole)
    assert finished(killed) == finished(whole)
    assert kept.items() <= written(killed).items(), "what was finished was not computed again"


@pytest.mark.slow
def test_what_is_kept_is_of_these_inputs_alone(tmp_path: Path, root: Path) -> None:
    """Other levels, another seed or stack find nothing that was kept, and say what they say without it."""
    folder = planned(tmp_path / "world")
    code, _, err = ended(folder, root, *PLAN)
    assert code == 0, err
    kept = written(folder)
    other = (*PLAN, "--seed", "5", "--set", "deployments.own.usd_per_gpu_hour=7")
    code, warm, err = ended(folder, root, *other)
    assert code == 0, err
    alone = planned(tmp_path / "alone")
    code, cold, err = ended(alone, root, *other)
    assert code == 0, err
    assert warm == cold
    assert finished(folder) - set(kept) == finished(alone)
