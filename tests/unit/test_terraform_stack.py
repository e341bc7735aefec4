"""Groups of machines as a stack: replicas, laws, purchase, what runs on them, and how requests are shared among them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.price_file import MachinePrice, PriceFile, load_price_file
from sim.catalog.yaml_document import parse_documents
from sim.errors import InputError
from sim.iac.groups import Group, GroupsFound, Law
from sim.iac.opened import opened
from sim.iac.shares import Placed, replaced
from sim.iac.terraform import Laid, Template, stack_from_terraform
from sim.stack.read import StackFile, stack_of
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedPool
from tests.made.terraform import plan, provider, resource, write

CATALOG = Catalog.bundled()
BOOK = PriceBook(CATALOG.date)
OWN = """\
deployments:
  own: {kind: gpu, llm: llama-3.1-70b, precision: fp8, gpu: h100-sxm, tensor_parallel: 2, replicas: 2}
"""


def group(name: str = "pool", **keys: Any) -> Group:
    usual: dict[str, Any] = {
        "address": f"aws_instance.{name}", "name": name, "provider": "aws", "machine": "p5.48xlarge", "gpu": "h100-sxm",
        "gpus_per_machine": 8, "region": "us-east-1", "purchase": "on_demand", "min": 1, "desired": 1, "max": 1,
    }  # fmt: skip
    return Group(**(usual | keys))


def laid(*groups: Group, stack: str = OWN, told: bool = True, labels: Any = None, bounded: bool = False, book: PriceBook = BOOK) -> Laid:
    (document,) = parse_documents(stack, "mine.yaml")
    template = Template(document, told=told, labels=labels or {}, bounded=bounded)
    return stack_from_terraform(GroupsFound("plan.json", groups), CATALOG, template, book)


def file_of(found: Laid, *settings: str) -> StackFile:
    return stack_of(found.document, "plan", settings, assumed=found.assumed, remarks=found.remarks)


def deployment(found: Laid, name: str = "pool") -> dict[str, Any]:
    spec: dict[str, Any] = found.document.data["deployments"][name]
    return spec


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


TWO = """\
deployments:
  chat: {kind: gpu, llm: llama-3.1-8b, gpu: l40s}
  big: {kind: gpu, llm: llama-3.1-70b, precision: fp8, gpu: h100-sxm, tensor_parallel: 2}
  spill: {kind: api, model: gpt-6-luna}
routing:
  - {when: {class: chat}, to: [{deployment: chat, max_wait: 2s}, spill]}
  - to: [big, spill]
slo: {ttft_p95: 1s}
"""


@pytest.mark.parametrize(
    ("keys", "llm"),
    [
        ({"name": "chat"}, "llama-3.1-8b"),
        ({"name": "x", "labels": {"sim-deployment": "chat"}}, "llama-3.1-8b"),
        ({"name": "x", "labels": {"llm": "llama-3.1-8b"}}, "llama-3.1-8b"),
        ({"name": "x"}, "llama-3.1-70b"),
    ],
)
def test_a_group_runs_what_its_name_its_labels_or_its_gpu_point_to(keys: dict[str, Any], llm: str) -> None:
    found = laid(group(**keys), stack=TWO)
    assert deployment(found, keys["name"])["llm"] == llm


def test_node_labels_that_a_deployment_asks_for_join_it_to_a_group() -> None:
    wanted = {"chat": {"team": ("a", "b")}, "big": {"node.kubernetes.io/instance-type": ("p4d.24xlarge",)}}
    found = laid(group("one", labels={"team": "b"}), group("two", machine="p4d.24xlarge", gpu="a100-40gb"), stack=TWO, labels=wanted)
    assert (deployment(found, "one")["llm"], deployment(found, "two")["llm"]) == ("llama-3.1-8b", "llama-3.1-70b")


def test_what_the_plan_cannot_say_is_the_stacks(tmp_path: Path) -> None:
    del tmp_path
    found = laid(group("chat", gpu="l40s", machine="g6e.xlarge", gpus_per_machine=1), group("other"), stack=TWO)
    data = found.document.data
    assert data["slo"] == {"ttft_p95": "1s"}
    assert data["deployments"]["spill"] == {"kind": "api", "model": "gpt-6-luna"}
    assert data["routing"] == [
        {"when": {"class": "chat"}, "to": [{"deployment": "chat", "max_wait": "2s"}, "spill"]}, {"to": ["other", "spill"]},
    ]  # fmt: skip


def test_a_deployment_without_machines_is_left_out_and_told() -> None:
    found = laid(group("big"), stack=TWO)
    assert list(found.document.data["deployments"]) == ["big", "spill"]
    assert found.document.data["routing"] == [{"when": {"class": "chat"}, "to": ["spill"]}, {"to": ["big", "spill"]}]
    assert any("chat" in note and "without machines" in note for note in found.remarks)


def test_bought_machines_of_the_stack_stay() -> None:
    stack = TWO.replace("gpu: l40s}", "gpu: l40s, on_premises: {}}")
    found = laid(group("big"), stack=stack)
    assert list(found.document.data["deployments"]) == ["chat", "big", "spill"]


def test_a_pool_that_may_be_at_none_is_woken() -> None:
    """A rule that passes on by the wait before a pool would never send anything to one without replicas."""
    found = laid(group("chat", gpu="l40s", machine="g6e.xlarge", gpus_per_machine=1, min=0, max=4), group("big"), stack=TWO)
    assert found.document.data["routing"][0]["to"] == ["chat", "spill"]
    assert deployment(found, "chat")["gateway_queue_limit"] == 4
    assert ("deployments", "chat", "gateway_queue_limit") in found.assumed


def test_a_stack_without_gpus_says_nothing_of_what_runs() -> None:
    with pytest.raises(InputError, match=r"mine\.yaml: no deployment of kind gpu"):
        laid(group(), stack="deployments: {a: {kind: api, model: gpt-6-luna}}")


def test_names_are_those_of_the_resources_and_never_the_same() -> None:
    several = [
        group("gpu", address="module.a.aws_instance.gpu"), group("gpu", address="module.b.aws_instance.gpu"),
        group("gpu", address='aws_instance.gpu["Big One"]'), group("spill", address="aws_instance.spill"), group("\x1b[1m", address="aws_instance.x"),
    ]  # fmt: skip
    names = list(laid(*several, stack=TWO).document.data["deployments"])
    assert names[:2] == ["gpu", "b-aws_instance-gpu"] and "gpu-big-one" in names
    assert len(set(names)) == 6 and "spill" in names


def test_too_many_groups_and_none_at_all_are_refused() -> None:
    with pytest.raises(InputError, match="at most 64"):
        laid(*(group(f"g{k}", address=f"aws_instance.g{k}") for k in range(65)))
    with pytest.raises(InputError, match=r"plan\.json: no machines with GPUs: it has no resources at all"):
        laid()


@pytest.mark.parametrize("share", [1.0, 0.5, "25%"])
def test_shares_of_the_rules_are_those_of_the_weights(share: Any) -> None:
    """Of all requests each place gets its weight's part of the rule's share, though each rule counts what those before it left."""
    rule: Mapping[str, Any] = {"share": share, "to": ["own"]}
    stack = {"deployments": {"own": {}, "api": {}}, "routing": [rule, {"to": ["api"]}]}
    weights = {"a": 1.0, "b": 2.0, "c": 5.0}
    found = replaced(stack, [Placed(name, {}, "own", weight) for name, weight in weights.items()], (), [])
    left, got = 1.0, {}
    for each in found["routing"]:
        taken = left * each.get("share", 1.0)
        got[each["to"][0]] = taken
        left -= taken
    whole = 0.25 if share == "25%" else float(share)
    for name, weight in weights.items():
        assert got[name] == pytest.approx(whole * weight / 8.0, rel=1e-9)
    assert sum(got.values()) + left == pytest.approx(1.0)
    assert found["routing"][0]["to"] == ["a", "b", "c"]
    assert found["routing"][1]["to"] == ["b", "a", "c"]


def test_a_model_is_retrained_once() -> None:
    stack = {"deployments": {"own": {}}, "retraining": [{"deployment": "own"}]}
    notes: list[str] = []
    found = replaced(stack, [Placed("a", {}, "own"), Placed("b", {}, "own")], (), notes)
    assert found["retraining"] == [{"deployment": "a"}]
    assert notes


def test_bounds_of_kubernetes_hold_within_those_of_the_machines() -> None:
    stack = OWN.replace("replicas: 2", "replicas: {min: 2, max: 6}, autoscaler: {law: hpa, metric: waiting, target: 3}")
    found = laid(group(min=0, desired=1, max=8), stack=stack, bounded=True)
    assert deployment(found)["replicas"] == {"min": 2, "max": 6, "initial": 4}
    assert deployment(found)["autoscaler"] == {"law": "hpa", "metric": "waiting", "target": 3}
    assert laid(group(min=0, max=8), stack=stack).document.data["deployments"]["pool"]["replicas"]["max"] == 32


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


def test_what_asks_for_labels_runs_only_where_they_are() -> None:
    stack = OWN.replace("own:", "vllm:")
    found = laid(group("one", labels={"team": "a"}), group("two", max=2), stack=stack, labels={"vllm": {"team": ("a",)}})
    assert found.document.data["routing"] == [{"to": ["one"]}]
    assert set(found.document.data["deployments"]) == {"one", "two"}
    assert any("two" in note and "nothing is sent there" in note for note in found.remarks)
    everywhere = laid(group("one"), group("two"), stack=stack, labels={"vllm": {"team": ("a",)}})
    assert len(everywhere.document.data["routing"]) == 2


SERVERS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm}
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai
          args: [--model, meta-llama/Llama-3.1-8B-Instruct, --max-num-seqs, "128"]
          resources: {limits: {nvidia.com/gpu: "1"}}
"""


def test_manifests_say_what_runs_on_the_machines_of_a_plan(tmp_path: Path) -> None:
    values = {
        "instance_types": ["p5.48xlarge"], "scaling_config": [{"min_size": 0, "desired_size": 1, "max_size": 8}],
    }  # fmt: skip
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "vllm.yaml").write_text(SERVERS)
    file = write(tmp_path, plan(resource("aws_eks_node_group.h100", values)))
    found = opened(None, CATALOG, BOOK, terraform=str(file), kubernetes=(str(tmp_path / "k8s"),))
    spec = found.document.data["deployments"]["h100"]
    assert (spec["llm"], spec["gpu"], spec["tensor_parallel"], spec["max_num_seqs"]) == ("llama-3.1-8b", "h100-sxm", 1, 128)
    assert spec["replicas"] == {"min": 0, "max": 64, "initial": 3}
    assert not any("does not say which GPU" in note for note in found.remarks)
    with_api = opened("hybrid", CATALOG, BOOK, terraform=str(file), kubernetes=(str(tmp_path / "k8s"),))
    assert next(iter(with_api.document.data["deployments"])) == "h100"
    assert with_api.document.data["deployments"]["h100"]["llm"] == "llama-3.1-8b"
    assert {"spill", "reserve"} <= set(with_api.document.data["deployments"])
    stack = stack_of(with_api.document, with_api.name, assumed=with_api.assumed, remarks=with_api.remarks)
    assert resolve(stack, CATALOG, BOOK).name == "plan"


def test_manifests_alone_are_a_stack_and_take_the_place_of_a_stacks_own(tmp_path: Path) -> None:
    (tmp_path / "vllm.yaml").write_text(SERVERS)
    alone = opened(None, CATALOG, BOOK, terraform=None, kubernetes=(str(tmp_path / "vllm.yaml"),))
    assert alone.name == "vllm"
    assert alone.document.data["deployments"]["vllm"]["replicas"] == 3
    assert any("gpu h100-sxm" in note for note in alone.remarks)
    within = opened("hybrid", CATALOG, BOOK, terraform=None, kubernetes=(str(tmp_path / "vllm.yaml"),))
    assert list(within.document.data["deployments"]) == ["vllm", "spill", "reserve"]
    with pytest.raises(InputError, match="no deployment of kind gpu"):
        opened("api-first", CATALOG, BOOK, terraform=None, kubernetes=(str(tmp_path / "vllm.yaml"),))


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
