"""The points of a grid, total GPUs as replicas on whole machines, and keys that lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.errors import InputError
from sim.planning.axes import parse_gpus, parse_over
from sim.planning.grid import grid
from sim.planning.points import Point, Study
from sim.trace import read_trace
from tests.made.world import STACK, write_trace

OWN = "deployments.own."


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trace(tmp_path_factory.mktemp("grid") / "trace.parquet", rows=50)


def study(trace: Path, text: str = STACK, months: int = 0, settings: tuple[str, ...] = ()) -> Study:
    return Study(trace, read_trace(trace).info.sha256, text, "small", settings, months=months)


def points(given: Study, *overs: str, gpus: str = "") -> tuple[Point, ...]:
    return grid(given, [parse_over(over) for over in overs], parse_gpus(gpus) if gpus else None)


def said(given: Study, *overs: str, gpus: str = "") -> str:
    with pytest.raises(InputError) as error:
        points(given, *overs, gpus=gpus)
    return str(error.value)


def test_every_combination_once_the_last_axis_fastest(trace: Path) -> None:
    found = points(study(trace), f"{OWN}max_num_seqs=8,16", f"{OWN}replicas.count=1:3")
    assert [point.number for point in found] == list(range(6))
    assert [tuple(value for _, value in point.values) for point in found] == [(8, 1), (8, 2), (8, 3), (16, 1), (16, 2), (16, 3)]
    assert found[4].values == ((f"{OWN}max_num_seqs", 16), (f"{OWN}replicas.count", 2))
    assert found[4].settings == (f"{OWN}max_num_seqs=16", f"{OWN}replicas=2")
    assert all(point.refused is None for point in found)


def test_gpus_are_whole_replicas(trace: Path) -> None:
    text = STACK.replace("kv_capacity_tokens: 200000\n", "kv_capacity_tokens: 200000\n    tensor_parallel: 2\n")
    found = points(study(trace, text, settings=(f"{OWN}gpus_per_node=1",)), gpus="1:4")
    assert [point.settings for point in found] == [(), (f"{OWN}replicas=1",), (), (f"{OWN}replicas=2",)]
    assert found[0].refused == "1 GPU: no whole number of replicas of 2 GPUs"
    assert found[2].refused == "3 GPUs: no whole number of replicas of 2 GPUs"
    assert found[3].values == (("gpus", 4),)


def test_gpus_are_whole_machines(trace: Path) -> None:
    found = points(study(trace), f"{OWN}gpus_per_node=1,4", gpus="2:8:2")
    assert [point.refused for point in found[:4]] == [None] * 4
    assert [point.refused for point in found[4:]] == [
        "2 GPUs: 2 replicas of 1 GPU take 1 whole machine of 4, 4 in all",
        None,
        "6 GPUs: 6 replicas of 1 GPU take 2 whole machines of 4, 8 in all",
        None,
    ]
    assert found[5].settings == (f"{OWN}gpus_per_node=4", f"{OWN}replicas=4")


def test_a_value_that_does_not_resolve_refuses_its_gpus(trace: Path) -> None:
    found = points(study(trace), f"{OWN}gpu=h100-sxm,h100-smx", gpus="1,2")
    assert [point.refused is None for point in found] == [True, True, False, False]
    assert "unknown gpu 'h100-smx'; did you mean 'h100-sxm'?" in str(found[2].refused)


def test_gpus_need_one_deployment_on_gpus(trace: Path) -> None:
    alone = "deployments: {only: {kind: api, model: gpt-6.1-sol}}\n"
    assert "no deployment of kind gpu" in said(study(trace, alone), gpus="1:2")
    two = (
        "deployments:\n" + "".join(f"  {name}: {{kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm}}\n" for name in "ab") + "routing: [{to: a}]\n"
    )
    assert "2 deployments of kind gpu (a, b); vary each with --over deployments.a.replicas.count=SPEC" in said(
        study(trace, two), gpus="1:2"
    )


@pytest.mark.parametrize(
    ("overs", "words"),
    [
        ((f"{OWN}replcas=1:2",), f"--over {OWN}replcas: unknown key 'replcas'"),
        ((f"{OWN}replcas=1:2",), "did you mean 'replicas'?"),
        (("deployments.won.replicas.count=1:2",), "unknown deployment 'won'; allowed: own, spill; did you mean 'own'?"),
        (("slo.ttft=1,2",), "--over slo.ttft: unknown key 'ttft'; allowed: ttft_p95, tpot_p95, completed"),
        (("routing.5.share=0.5",), "an item number from 0 to 1 is needed"),
        (("outlook.demand.growth_per_month=1%,2%",), "is about months, and with --months 0 there are none"),
        ((f"{OWN}replicas=1", f"{OWN}replicas.count=2"), f"sets what --over {OWN}replicas sets"),
        ((f"{OWN}replicas.max=1", f"{OWN}replicas.count=2"), f"sets what --over {OWN}replicas.max sets"),
        ((f"{OWN}drain=1", f"{OWN}drain=2"), f"sets what --over {OWN}drain sets"),
        ((f"{OWN}max_num_seqs=1:400", f"{OWN}replicas=1:400"), "400 x 400 = 160,000 points; at most 100,000 are swept"),
    ],
)
def test_axes_that_cannot_be(trace: Path, overs: tuple[str, ...], words: str) -> None:
    assert words in said(study(trace), *overs)


def test_every_mistake_at_once(trace: Path) -> None:
    assert len(said(study(trace), f"{OWN}replcas=1", "slo.ttft=1", "deployments.won.gpu=a").split("\n")) == 3


def test_what_is_set_is_not_varied(trace: Path) -> None:
    given = study(trace, settings=(f"{OWN}replicas.max=4",))
    assert (
        said(given, f"{OWN}replicas.count=1:2") == f"--over {OWN}replicas.count: sets what --set {OWN}replicas.max sets; give one of them"
    )
    assert f"--gpus: sets {OWN}replicas, which {OWN}replicas.max sets too" in said(given, gpus="1:2")
    assert "found nothing to vary" in said(given)


def test_a_key_of_the_outlook_that_does_not_exist(trace: Path) -> None:
    given = study(trace, months=2)
    assert "unknown key 'growth_per_mont'" in said(given, "outlook.demand.growth_per_mont=1%,2%")
    assert len(points(given, "outlook.demand.growth_per_month=1%,2%")) == 2


def test_a_value_that_fits_no_key_is_for_its_row(trace: Path) -> None:
    assert [point.refused for point in points(study(trace), f"{OWN}replicas.count=0:1", f"{OWN}precision=bf16,fp9")] == [None] * 4
