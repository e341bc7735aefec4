"""Infracost's JSON as prices of machines by the address of a Terraform resource."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.price_file import PriceFile, price_file_of
from sim.catalog.price_formats import load_prices
from sim.errors import InputError
from sim.stack.check import check_file

CATALOG = Catalog.bundled()
TODAY = datetime.date(2026, 11, 21)


def prices(folder: Path, name: str, text: str) -> PriceFile:
    (folder / name).write_text(text)
    return load_prices(folder / name, CATALOG, name)


def refusal(folder: Path, name: str, text: str) -> str:
    with pytest.raises(InputError) as told:
        prices(folder, name, text)
    return str(told.value)


def component(name: str, price: str | None, count: str, unit: str = "hours", **more: Any) -> dict[str, Any]:
    cost = None if price is None else str(float(price) * float(count))
    return {"name": name, "unit": unit, "hourlyQuantity": count, "price": price, "hourlyCost": cost, "priceNotFound": False, **more}


def resource(name: str, *components: dict[str, Any], parts: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"name": name, "resourceType": name.split(".")[0], "costComponents": list(components), "subresources": list(parts)}


def infracost(*resources: dict[str, Any], past: tuple[dict[str, Any], ...] = (), **root: Any) -> str:
    project = {"name": "main", "breakdown": {"resources": list(resources)}, "pastBreakdown": {"resources": list(past)}}
    whole = {"version": "0.2", "currency": "USD", "projects": [project], "timeGenerated": "2026-11-20T10:00:00Z"}
    return json.dumps(whole | root)


def test_what_a_machine_costs_now_goes_before_what_it_cost(tmp_path: Path) -> None:
    """`infracost diff` of a group that moves to a cheaper region, and of one that is no more."""
    before = component("Instance usage (Linux/UNIX, on-demand, p4d.24xlarge)", "30", "1")
    past = (resource("aws_instance.a", before), resource("aws_instance.gone", before))
    file = prices(tmp_path, "diff.json", infracost(resource("aws_instance.a", P4D), past=past))
    assert at(file, "aws_instance.a") == [("p4d.24xlarge", "on_demand", 21.9576)]
    assert at(file, "aws_instance.gone") == [("p4d.24xlarge", "on_demand", 30.0)]
    assert not any("several projects" in note for note in file.notes)


P4D = component("Instance usage (Linux/UNIX, on-demand, p4d.24xlarge)", "21.9576", "1")
DISK = {"name": "root_block_device", "costComponents": [component("Storage (general purpose SSD, gp2)", "0.1", "0.07", "GB")]}


def at(file: PriceFile, address: str) -> list[tuple[str, str | None, float]]:
    return [(each.machine, each.purchase, round(each.usd_per_machine_hour, 9)) for each in file.by_address[address]]


def test_infracost_prices_machines_by_their_address(tmp_path: Path) -> None:
    template = component("Instance usage (Linux/UNIX, on-demand, p5.48xlarge)", "55.04", "3")
    file = prices(
        tmp_path,
        "costs.json",
        infracost(
            resource("aws_instance.one", P4D, parts=(DISK,)),
            resource("module.serving.aws_autoscaling_group.gpu", parts=(resource("aws_launch_template.gpu", template),)),
            resource(
                "google_compute_instance.t4",
                component("Instance usage (Linux/UNIX, preemptible, n1-standard-16)", "0.76", "2"),
                component("NVIDIA Tesla T4 (preemptible)", "0.35", "8"),
            ),
            resource(
                "azurerm_kubernetes_cluster.aks",
                parts=(
                    resource("default_node_pool", component("Instance usage (Linux, pay as you go, Standard_D2_v2)", "0.146", "1")),
                    resource("gpu", component("Instance usage (Linux, pay as you go, Standard_NC24ads_A100_v4)", "3.673", "2")),
                ),
            ),
            resource("aws_lambda_function.f", component("Requests", None, "1", "1M requests", usageBased=True)),
        ),
    )
    assert at(file, "aws_instance.one") == [("p4d.24xlarge", "on_demand", 21.9576)]
    assert at(file, "module.serving.aws_autoscaling_group.gpu") == [("p5.48xlarge", "on_demand", 55.04)]
    # Two machines with four GPUs each.
    assert at(file, "google_compute_instance.t4") == [("n1-standard-16", "spot", 0.76 + 4 * 0.35)]
    assert at(file, "azurerm_kubernetes_cluster.aks.gpu") == [("Standard_NC24ads_A100_v4", "on_demand", 3.673)]
    assert "azurerm_kubernetes_cluster.aks" not in file.by_address
    assert "aws_lambda_function.f" not in file.by_address
    assert (file.as_of, file.made_by) == ("2026-11-20", "Infracost")
    assert price_file_of(file.text()) == file

    book = PriceBook(TODAY, file, "runs/costs.json")
    machine, gpu = CATALOG.machine("p4d.24xlarge"), CATALOG.gpu("a100-40gb")
    hour = book.machine_price(machine, gpu, address="aws_instance.one")
    assert hour.usd_per_gpu_hour == pytest.approx(21.9576 / 8)
    assert (hour.gpus_sold_together, hour.as_of) == (8, "2026-11-20")
    assert hour.source == "costs.json (Infracost)"
    # Another address, another purchase or another machine at the address: the catalogue's.
    for other in ({"address": "aws_instance.two"}, {"address": "aws_instance.one", "purchase": "capacity_block"}):
        assert book.machine_price(machine, gpu, **other).source != hour.source  # type: ignore[arg-type]
    p5 = CATALOG.machine("p5.48xlarge")
    assert book.machine_price(p5, CATALOG.gpu("h100-sxm"), address="aws_instance.one").usd_per_gpu_hour == pytest.approx(6.88)


def test_a_machine_without_a_price_in_infracost_is_never_free(tmp_path: Path) -> None:
    reserved = component("Instance usage (Linux/UNIX, reserved, p5.48xlarge)", "0", "1")
    missing = component("Instance usage (Linux/UNIX, on-demand, p5.48xlarge)", "0", "1") | {"priceNotFound": True}
    bare = (component("Instance usage (Linux/UNIX, on-demand, g2-standard-4)", "0.7", "1"), component("NVIDIA L4 (on-demand)", None, "1"))
    file = prices(
        tmp_path,
        "c.json",
        infracost(
            resource("aws_instance.a", P4D), resource("aws_instance.b", reserved), resource("aws_instance.c", missing),
            resource("google_compute_instance.d", *bare),
        ),
    )  # fmt: skip
    assert list(file.by_address) == ["aws_instance.a"]
    assert any("aws_instance.b, aws_instance.c, google_compute_instance.d" in note for note in file.notes)


def test_a_group_of_none_still_has_the_price_of_one(tmp_path: Path) -> None:
    idle = component("Instance usage (Linux/UNIX, on-demand, p5.48xlarge)", "55.04", "0")
    assert at(prices(tmp_path, "c.json", infracost(resource("aws_autoscaling_group.g", idle))), "aws_autoscaling_group.g") == [
        ("p5.48xlarge", "on_demand", 55.04)
    ]


def test_a_diff_has_the_prices_of_what_was_there_before(tmp_path: Path) -> None:
    p5 = component("Instance usage (Linux/UNIX, on-demand, p5.48xlarge)", "55.04", "1")
    spot = component("Instance usage (Linux/UNIX, spot, p5.48xlarge)", "16", "1")
    file = prices(tmp_path, "d.json", infracost(resource("aws_instance.x", p5, spot), past=(resource("aws_instance.x", P4D),)))
    assert at(file, "aws_instance.x") == [
        ("p5.48xlarge", "on_demand", 55.04),
        ("p5.48xlarge", "spot", 16.0),
        ("p4d.24xlarge", "on_demand", 21.9576),
    ]
    book = PriceBook(TODAY, file)
    assert (
        book.machine_price(CATALOG.machine("p4d.24xlarge"), CATALOG.gpu("a100-40gb"), address="aws_instance.x").usd_per_gpu_hour * 8
        == 21.9576
    )


def test_of_several_projects_the_highest_price_counts(tmp_path: Path) -> None:
    projects = [
        {
            "breakdown": {
                "resources": [resource("aws_instance.x", component("Instance usage (Linux/UNIX, on-demand, p5.48xlarge)", usd, "1"))]
            }
        }
        for usd in ("55.04", "58", "57")
    ]
    file = prices(tmp_path, "c.json", infracost(projects=projects))
    assert at(file, "aws_instance.x") == [("p5.48xlarge", "on_demand", 58.0)]
    assert any("several projects have different prices" in note for note in file.notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (infracost(resource("aws_instance.a", P4D), currency="EUR"), "c.json: currency: found 'EUR'; allowed: USD"),
        (infracost(resource("aws_instance.a", P4D), version="3"), "c.json: version: found '3'; allowed: 0.1, 0.2"),
        (infracost(projects={}), "c.json: projects: found '{}'; allowed: a list of projects"),
        (infracost(), "c.json: found no resources"),
        (infracost(resource("aws_s3_bucket.b")), "c.json: found no machine with a price by the hour among 1 resources"),
        (
            infracost(resource("aws_instance.a", P4D | {"price": "-3"})),
            "projects[0].breakdown.resources[0].costComponents[0].price: found '-3'",
        ),
        (infracost(resource("aws_instance.a", P4D | {"price": float("nan")})), "costComponents[0].price: found"),
        (infracost(resource("aws_instance.a", P4D | {"price": "$3"})), "costComponents[0].price: found '$3'"),
        (infracost({"name": 3, "costComponents": [P4D]}), "resources[0].name: found '3'"),
        ('{"format_version": "1.2", "planned_values": {}}', "c.json: found a Terraform plan, which has no prices"),
        ('{"version": 4, "terraform_version": "1.9"}', "c.json: found a Terraform state, which has no prices"),
        ('{"projects": [', "c.json:1:15: not valid JSON"),
    ],
    ids=lambda part: part[-30:],
)
def test_a_wrong_infracost_file_is_told(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, "c.json", text)


def test_sim_check_knows_them(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(infracost(resource("aws_instance.a", P4D)))
    assert check_file(path, "c.json", CATALOG, PriceBook(TODAY)).startswith("prices, Infracost, 1 address of Terraform")
    path.write_text(infracost(currency="EUR"))
    with pytest.raises(InputError, match="currency"):
        check_file(path, "c.json", CATALOG, PriceBook(TODAY))
