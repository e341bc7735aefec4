"""Price lists of other tools on the command line: what a run, a sweep and `sim check` say of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.planning.point_store import PointStore
from tests.made import command
from tests.made.command import Capture
from tests.made.world import write_world

VMS = """InstanceType,AcceleratorName,AcceleratorCount,Price,SpotPrice,Region
p5.48xlarge,H100,8,44,12,us-east-1
p2.xlarge,K80,1,0.9,,us-east-1
"""


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """trace.parquet, a stack that rents its H100 at AWS, and aws/vms.csv."""
    write_world(tmp_path)
    stack = tmp_path / "small.yaml"
    stack.write_text(stack.read_text().replace("usd_per_gpu_hour: 3.6", "provider: aws").replace("    gpus_per_node: 1\n", ""))
    (tmp_path / "aws").mkdir()
    (tmp_path / "aws" / "vms.csv").write_text(VMS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_says_from_which_list_a_price_came(capsys: Capture) -> None:
    asked = ("run", "trace.parquet", "--stack", "small.yaml", "--months", "0", "--prices", "aws/vms.csv", "--format", "json", "-o", "out")
    code, out, err = command.run(capsys, *asked)
    assert code == 0, err
    (used,) = [use for use in json.loads(out)["prices"]["used"] if use["kind"] == "gpu"]
    assert used["price"] == "5.5 USD per GPU-hour"
    assert (used["source"], used["as_of"], used["negotiated"]) == ("vms.csv (SkyPilot catalogue)", "undated", False)
    said = " ".join(err.split())
    assert "note: vms.csv: list prices of aws, undated: 1 GPUs in 1 regions (SkyPilot catalogue)" in said
    assert "accelerators that are not in the catalogue: K80 (1)" in said
    assert "vms.csv (SkyPilot catalogue)" in Path("out/stack.resolved.yaml").read_text()


def test_a_sweep_takes_the_prices_to_its_points(
    capsys: Capture, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = PointStore(tmp_path_factory.mktemp("points"))
    monkeypatch.setattr(PointStore, "default", staticmethod(lambda: found))
    asked = ("sweep", "trace.parquet", "--stack", "small.yaml", "--over", "deployments.own.replicas.count=1:2", "--format", "json")
    code, dear, err = command.run(capsys, *asked, "-o", "dear")
    assert code == 0, err
    code, cheap, err = command.run(capsys, *asked, "--prices", "aws/vms.csv", "-o", "cheap")
    assert code == 0, err
    for one, other in zip(json.loads(dear)["rows"], json.loads(cheap)["rows"], strict=True):
        assert other["metrics"]["usd_per_month"] < one["metrics"]["usd_per_month"]


def test_check_says_what_is_read(capsys: Capture) -> None:
    code, out, _ = command.run(capsys, "check", "aws/vms.csv")
    assert code == 0
    assert out.splitlines()[0] == "aws/vms.csv: OK: prices, a SkyPilot catalogue, 1 GPU"
    Path("other.csv").write_text("a,b\n1,2\n")
    assert "other.csv: a table, of which sim check says nothing" in command.refused(capsys, "check", "other.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (VMS.replace("44", "-44"), "error: aws/vms.csv:2: Price: found '-44'; allowed: a plain number at least 0"),
        (VMS.replace("Region", "Place"), "error: aws/vms.csv:1: no column Region of a SkyPilot catalogue"),
        ("gpu;usd\nh100;3\n", "error: aws/vms.csv:1: found the columns gpu, usd; allowed: those of a SkyPilot catalogue"),
        ("<html>", "error: aws/vms.csv:1: found a page of a web site"),
        ("", "error: aws/vms.csv:1: found the columns none"),
    ],
)
def test_a_wrong_list_is_refused(capsys: Capture, text: str, said: str) -> None:
    Path("aws/vms.csv").write_text(text)
    assert said in command.refused(capsys, "run", "trace.parquet", "--stack", "small.yaml", "--prices", "aws/vms.csv")
