"""Groups of machines as a stack: replicas, laws, purchase, prices, disks, what labels say, what is assumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.catalog.price_book import PriceBook
from sim.catalog.price_file import MachinePrice, PriceFile, load_price_file
from sim.errors import InputError
from sim.iac.groups import Disk, Law
from sim.iac.opened import opened
from sim.iac.terraform import Laid
from sim.stack.read import stack_of
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedPool
from tests.made.laid import BOOK, CATALOG, OWN, deployment, file_of, group, laid
from tests.made.terraform import plan, provider, resource, write


@pytest.mark.parametrize(
    ("low", "desired", "high", "gpus", "tensor", "replicas"),
    [
        (2, 2, 2, 8, 2, 8),
        (0, 1, 8, 8, 2, {"min": 0, "max": 32, "initial": 4}),
        (0, 0, 8, 8, 8, {"min": 0, "max": 8, "initial": 0}),
        (1, 3, 5, 8, 4, {"min": 2, "max": 10, "initial": 6}),
    ],
)
def test_machines_become_replicas(low: int, desired: int, high: int, gpus: int, tensor: int, replicas: Any) -> None:
    found = laid(group(min=low, desired=desired, max=high, gpus_per_machine=gpus), stack=OWN.replace("parallel: 2", f"parallel: {tensor}"))
    assert deployment(found)["replicas"] == replicas
    assert deployment(found)["gpus_per_node"] == gpus
    pool = resolve(file_of(found), CATALOG, BOOK).deployments[0]
    assert isinstance(pool, ResolvedPool)
    assert pool.spec.replicas.max * tensor // gpus == high


@pytest.mark.parametrize(("low", "law"), [(0, "keda"), (1, "hpa")])
def test_a_law_that_nobody_gives_is_assumed_and_told(low: int, law: str) -> None:
    found = laid(group(min=low, max=4))
    assert deployment(found)["autoscaler"] == {"law": law}
    assert "pool: autoscaler law" in "\n".join(file_of(found).notes)


def test_the_law_of_the_plan_goes_before_that_of_the_stack_and_this_before_an_assumption() -> None:
    stack = OWN.replace("replicas: 2", "replicas: {min: 1, max: 2}, autoscaler: {law: hpa, metric: kv, target: 0.8}")
    assert deployment(laid(group(max=4), stack=stack))["autoscaler"] == {"law": "hpa", "metric": "kv", "target": 0.8}
    of_plan = Law({"law": "target_tracking", "metric": "rps", "target": 12.0}, per_machine=True)
    # Four replicas share what is asked of a machine.
    assert deployment(laid(group(max=4, law=of_plan), stack=stack))["autoscaler"] == {
        "law": "target_tracking", "metric": "rps", "target": 3.0,
    }  # fmt: skip


@pytest.mark.parametrize("law", ["hpa", "target_tracking"])
def test_a_law_that_cannot_start_from_none_becomes_keda(law: str) -> None:
    found = laid(group(min=0, max=4, law=Law({"law": law, "metric": "waiting", "target": 8.0})))
    assert deployment(found)["autoscaler"] == {"law": "keda", "metric": "waiting", "target": 8.0}
    assert any("from none" in why for why in found.assumed.values())
    resolve(file_of(found), CATALOG, BOOK)


def test_the_warm_up_of_a_machine_is_its_cold_start_after_it_runs() -> None:
    found = laid(group(max=2, warm_up_s=480.0))
    stages = {stage.name: stage.median_s for stage in _pool(found).cold_start}
    assert (stages["pull"], stages["load"], stages["warmup"]) == (0.0, 480.0, 0.0)
    assert stages["provision"] > 0
    kept = laid(group(max=2, warm_up_s=480.0), stack=OWN.replace("replicas: 2", "replicas: 2, cold_start: {load: 90s}"))
    assert {stage.name: stage.median_s for stage in _pool(kept).cold_start}["load"] == 90.0


def _pool(found: Laid, book: PriceBook = BOOK) -> ResolvedPool:
    pool = resolve(file_of(found), CATALOG, book).deployments[0]
    assert isinstance(pool, ResolvedPool)
    return pool


def test_what_the_plan_says_of_the_price_is_taken_and_what_the_stack_says_of_other_machines_is_not() -> None:
    stack = OWN.replace("replicas: 2", "replicas: 2, provider: runpod, usd_per_gpu_hour: 1.0")
    hour = _pool(laid(group(purchase="capacity_block"), stack=stack)).gpu_hour
    assert (hour.provider, hour.purchase, hour.region) == ("aws", "capacity_block", "us-east-1")
    assert hour.usd_per_gpu_hour == BOOK.gpu_price(CATALOG.gpu("h100-sxm"), "aws", "capacity_block", "us-east-1").usd_per_gpu_hour
    own = OWN.replace("replicas: 2", "replicas: 2, provider: aws, usd_per_gpu_hour: 1.0")
    assert _pool(laid(group(), stack=own)).gpu_hour.usd_per_gpu_hour == 1.0


def test_a_reservation_of_the_stack_is_kept_where_the_plan_says_on_demand(tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("gpu: {h100-sxm: [{provider: aws, purchase: reserved_1y, usd_per_gpu_hour: 4}]}")
    book = PriceBook(CATALOG.date, load_price_file(prices, CATALOG), "prices.yaml")
    stack = OWN.replace("replicas: 2", "replicas: 2, purchase: reserved_1y, commitment: {upfront_share: 50%}")
    found = laid(group(), stack=stack, book=book)
    assert (deployment(found)["purchase"], deployment(found)["commitment"]) == ("reserved_1y", {"upfront_share": "50%"})
    # A spot machine is no reservation.
    assert deployment(laid(group(purchase="spot"), stack=stack, book=book))["purchase"] == "spot"
    assert "commitment" not in deployment(laid(group(purchase="spot"), stack=stack, book=book))


def test_a_region_without_a_price_takes_one_that_has_and_says_so() -> None:
    found = laid(group(region="ap-south-2"))
    assert deployment(found)["region"] != "ap-south-2"
    assert "no price in ap-south-2" in "\n".join(file_of(found).notes)


def test_spot_without_a_price_costs_at_most_its_limit_or_else_as_on_demand() -> None:
    azure = {"provider": "azure", "region": "eastus", "purchase": "spot", "machine": "Standard_ND96isr_H100_v5"}
    on_demand = BOOK.gpu_price(CATALOG.gpu("h100-sxm"), "azure", "on_demand", "eastus").usd_per_gpu_hour
    limited = laid(group(**azure, spot_max_usd_per_hour=20.0))
    free = laid(group(**azure))
    try:
        listed = BOOK.gpu_price(CATALOG.gpu("h100-sxm"), "azure", "spot", "eastus").usd_per_gpu_hour
    except InputError:
        assert _pool(limited).gpu_hour.usd_per_gpu_hour == pytest.approx(20.0 / 8)
        assert _pool(free).gpu_hour.usd_per_gpu_hour == pytest.approx(on_demand)
        assert ("deployments", "pool", "usd_per_gpu_hour") in free.assumed
    else:
        assert _pool(free).gpu_hour.usd_per_gpu_hour == listed


def test_a_price_that_nobody_knows_is_an_error_with_the_address_and_never_zero() -> None:
    found = laid(group(provider="gcp", gpu="mi300x", machine="x", region="us-central1"))
    with pytest.raises(InputError, match=r"plan\.json: aws_instance\.pool: .*no price") as error:
        resolve(file_of(found), CATALOG, BOOK)
    assert "--prices" in str(error.value)
    given = resolve(file_of(found, "deployments.pool.usd_per_gpu_hour=2"), CATALOG, BOOK).deployments[0]
    assert isinstance(given, ResolvedPool)
    assert given.gpu_hour.usd_per_gpu_hour == 2.0


def test_a_replica_is_as_large_as_its_machine_allows() -> None:
    small = laid(group(gpu="l40s", machine="g6e.xlarge", gpus_per_machine=1), stack=OWN.replace("70b", "8b"))
    assert deployment(small)["tensor_parallel"] == 1
    assert "fewer GPUs than the 2" in small.assumed["deployments", "pool", "tensor_parallel"]
    larger = laid(group(gpu="a100-40gb", machine="p4d.24xlarge"))
    assert deployment(larger)["tensor_parallel"] == 4
    assert _pool(laid(group())).spec.tensor_parallel == 2


def test_a_model_that_does_not_fit_is_an_error_where_it_was_said_and_another_where_it_was_assumed() -> None:
    one = group(gpu="a100-40gb", machine="p4d.24xlarge", gpus_per_machine=1)
    with pytest.raises(InputError, match="does not fit"):
        resolve(file_of(laid(one)), CATALOG, BOOK)
    assumed = laid(one, told=False)
    assert deployment(assumed)["llm"] == "llama-3.1-8b"
    assert "llama-3.1-70b does not fit" in assumed.assumed["deployments", "pool", "llm"]


@pytest.mark.parametrize(
    ("labels", "keys"),
    [
        ({"llm": "llama-3.1-8b"}, {"llm": "llama-3.1-8b", "precision": "bf16"}),
        ({"sim-llm": "meta-llama/Llama-3.1-8B-Instruct"}, {"llm": "llama-3.1-8b"}),
        ({"model": "llama-3-1-70b"}, {"llm": "llama-3.1-70b", "precision": "fp8"}),
        ({"model": "something-else", "precision": "high"}, {"llm": "llama-3.1-70b", "precision": "fp8"}),
        ({"precision": "int4"}, {"precision": "int4"}),
        ({"llm": "llama-3.1-8b"}, {"tensor_parallel": 1}),
        ({"sim-llm": "llama-3.1-8b", "sim-precision": "fp8", "sim-tensor-parallel": "1"}, {"precision": "fp8", "tensor_parallel": 1}),
        ({"sim-engine": "sglang"}, {"engine": "sglang"}),
    ],
)
def test_labels_say_what_runs(labels: dict[str, str], keys: dict[str, Any]) -> None:
    spec = deployment(laid(group(labels=labels)))
    assert {key: spec[key] for key in keys} == keys


@pytest.mark.parametrize(
    "labels", [{"sim-llm": "lama-3.1-8b"}, {"sim-tensor-parallel": "16"}, {"sim-deployment": "owm"}, {"sim-precision": "x"}]
)
def test_labels_of_ours_that_mean_nothing_are_refused(labels: dict[str, str]) -> None:
    with pytest.raises(InputError, match=r"plan\.json: aws_instance\.pool: label sim-"):
        laid(group(labels=labels))


def test_a_stack_without_gpus_says_nothing_of_what_runs() -> None:
    with pytest.raises(InputError, match=r"mine\.yaml: no deployment of kind gpu"):
        laid(group(), stack="deployments: {a: {kind: api, model: gpt-6-luna}}")


def test_too_many_groups_and_none_at_all_are_refused() -> None:
    with pytest.raises(InputError, match="at most 64"):
        laid(*(group(f"g{k}", address=f"aws_instance.g{k}") for k in range(65)))
    with pytest.raises(InputError, match=r"plan\.json: no machines with GPUs: it has no resources at all"):
        laid()


def test_a_setting_goes_before_a_guess_which_is_then_none() -> None:
    found = laid(group(min=0, max=4), told=False)
    before = file_of(found)
    after = file_of(found, "deployments.pool.autoscaler.law=knative", "deployments.pool.llm=llama-3.1-8b")
    assert "autoscaler" in "\n".join(before.notes) and "autoscaler" not in "\n".join(after.notes)
    labels = {origin.key: origin.label for origin in resolve(before, CATALOG, BOOK).origins}
    assert (labels["deployments.pool.llm"], labels["deployments.pool.gpu"]) == ("assumed", "given")
    labels = {origin.key: origin.label for origin in resolve(after, CATALOG, BOOK).origins}
    assert labels["deployments.pool.llm"] == "given"


def test_origins_name_the_resource(tmp_path: Path) -> None:
    file = write(tmp_path, plan(resource("aws_instance.gpu", {"instance_type": "p5.48xlarge"}), configuration=provider("aws", "us-east-1")))
    found = opened(None, CATALOG, BOOK, terraform=str(file), kubernetes=())
    stack = stack_of(found.document, found.name, assumed=found.assumed, remarks=found.remarks)
    origins = {origin.key: origin for origin in resolve(stack, CATALOG, BOOK).origins}
    assert origins["deployments.gpu.gpus_per_node"].source == "plan.json: aws_instance.gpu"
    assert str(tmp_path) not in "\n".join((*stack.notes, *(origin.source for origin in origins.values())))


DISKS = ({"volume_type": "gp3", "volume_size": 500}, {"volume_type": "holographic", "volume_size": 10})


def test_disks_are_paid_where_their_price_is_known(tmp_path: Path) -> None:
    values = {
        "instance_type": "p5.48xlarge",
        "availability_zone": "us-east-1a",
        "root_block_device": [DISKS[0]],
        "ebs_block_device": [DISKS[1]],
    }
    data = plan(*(resource(f"aws_instance.gpu[{k}]", values) for k in range(2)))
    found = opened(None, CATALOG, BOOK, terraform=str(write(tmp_path, data)), kubernetes=())
    costs = found.document.data["costs"]["storage"]
    assert costs["gb"] == 1000.0
    assert costs["usd_per_gb_month"] == pytest.approx(0.08)
    assert any("holographic" in note and "no price" in note for note in found.remarks)
    origins = {each.key: each for each in resolve(stack_of(found.document, "plan", assumed=found.assumed), CATALOG, BOOK).origins}
    assert "plan.json: disks of aws_instance.gpu" in origins["costs.storage.gb"].source
    assert "models/defaults/disks.yaml" in origins["costs.storage.usd_per_gb_month"].source


def test_disks_of_machines_that_may_come_are_told() -> None:
    found = laid(
        group(min=1, desired=2, max=8, disks=(Disk("gp3", 500.0),)), stack=OWN + "costs: {storage: {gb: 100, usd_per_gb_month: 0.08}}\n"
    )
    storage = found.document.data["costs"]["storage"]
    assert storage["gb"] == 1100.0
    (note,) = (each for each in found.remarks if "of disks" in each)
    assert "1000 GB of disks for $80.00 a month" in note and "$320.00 with all that it may come to have, which is not in the bill" in note
    (none,) = (each for each in laid(group(min=0, desired=0, max=4, disks=(Disk("gp3", 500.0),))).remarks if "disks" in each)
    assert "$160.00 a month" in none


def test_prices_of_infracost_lie_over_the_group_of_their_address() -> None:
    address = "aws_instance.pool"
    prices = PriceFile(by_address={address: (MachinePrice(machine="p5.48xlarge", purchase="on_demand", usd_per_machine_hour=40.0),)})
    book = PriceBook(CATALOG.date, prices, "infracost.json")
    hour = _pool(laid(group(address=address), book=book), book).gpu_hour
    assert hour.usd_per_gpu_hour == pytest.approx(5.0)
    assert address in hour.source and "infracost.json" in hour.source
    other = _pool(laid(group(address="aws_instance.other"), book=book), book).gpu_hour
    assert other.usd_per_gpu_hour != pytest.approx(5.0)


def test_a_price_that_was_guessed_is_neither_negotiated_nor_known() -> None:
    found = laid(group(provider="azure", region="eastus", purchase="spot", machine="x", gpu="a100-80gb", spot_max_usd_per_hour=16.0))
    hour = _pool(found).gpu_hour
    if ("deployments", "pool", "usd_per_gpu_hour") in found.assumed:
        assert (hour.assumed, hour.negotiated) == (True, False)
    # A setting is a price of one's own.
    own = resolve(file_of(found, "deployments.pool.usd_per_gpu_hour=3"), CATALOG, BOOK).deployments[0]
    assert isinstance(own, ResolvedPool)
    assert (own.gpu_hour.assumed, own.gpu_hour.negotiated) == (False, True)
