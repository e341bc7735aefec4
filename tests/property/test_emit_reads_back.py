"""Stacks for other tools read back as themselves: whatever a stack says, its manifests and files say it too."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import Document, parse_documents
from sim.errors import InputError
from sim.iac.emit import KINDS, Kind, emit
from sim.iac.kubernetes import stack_from_kubernetes, stack_text
from sim.iac.tfvars import with_groups
from sim.stack.read import StackFile, read_stack, stack_of
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedPool, ResolvedStack

CATALOG = Catalog.bundled()
BOOK = PriceBook(CATALOG.date)
PAIRS = (
    ("llama-3.1-8b", "h100-sxm", 1), ("llama-3.1-8b", "l4", 1), ("llama-3.1-70b", "h100-sxm", 4), ("gpt-oss-120b", "h200-sxm", 1),
    ("deepseek-v3", "b200", 8), ("qwen3-32b", "mi300x", 1), ("llama-3.1-8b", "h20-141gb", 1), ("mixtral-8x7b", "a100-80gb", 2),
)  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z")), max_size=40) | st.sampled_from(
    ["${path.module}", "{{ .Values.x }}", "a: b # c", "1e3", "on", "'\"\\", "a\nb\n", "- x", "%{ for }", "null"]
)
SECONDS = st.sampled_from([0.5, 1, 15, 30, 60, 90.5, 600, "2 min", "10s"])


def maybe(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the keys, each with a value."""
    return st.fixed_dictionaries({}, optional=values)


POLICIES: dict[str, st.SearchStrategy[Any]] = {
    "metric": st.sampled_from(["waiting", "concurrency", "kv", "busy", "rps"]),
    "target": st.sampled_from([0.1, 0.8, 1, 2.5, 5, 16, 1e-5, 0.1234567890123]),
    "scrape": SECONDS, "lag": SECONDS, "sync": SECONDS, "tolerance": st.sampled_from([0, 0.05, "10%"]),
    "up_pods": st.integers(0, 9), "up_percent": st.sampled_from([0, 50, 100, 33.3]), "up_period": SECONDS, "up_stabilization": SECONDS,
    "down_pods": st.integers(0, 9), "down_percent": st.sampled_from([0, 100]), "down_period": SECONDS, "down_stabilization": SECONDS,
}  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from([0, 3600, 28800, "20h", 30]), st.integers(0, 4)), min_size=1, max_size=3, unique_by=lambda step: str(step[0])
)
LAWS = st.one_of(
    maybe(**POLICIES).map(lambda keys: {"law": "hpa", **keys}),
    maybe(**POLICIES, cooldown=SECONDS, activation=st.sampled_from([0, 0.5, 3])).map(lambda keys: {"law": "keda", **keys}),
    maybe(target=st.sampled_from([0.5, 10])).map(lambda keys: {"law": "knative", **keys}),
    st.just({"law": "target_tracking", "target": 5}),
    STEPS.map(lambda steps: {"law": "schedule", "steps": [{"at": at, "replicas": count} for at, count in steps]}),
    st.just({"law": "plan", "steps": [{"at": 0, "replicas": 1}, {"at": "1mo", "replicas": 2}]}),
)
REPLICAS = st.one_of(
    st.integers(0, 3),
    st.fixed_dictionaries({"min": st.integers(0, 2), "max": st.integers(2, 5)}, optional={"initial": st.just(2)}),
)


@st.composite
def pools(draw: st.DrawFn) -> dict[str, Any]:
    """A gpu deployment."""
    llm, gpu, tensor = draw(st.sampled_from(PAIRS))
    replicas = draw(REPLICAS)
    found: dict[str, Any] = {"kind": "gpu", "llm": llm, "gpu": gpu, "tensor_parallel": tensor, "replicas": replicas}
    if isinstance(replicas, dict):
        found["autoscaler"] = draw(LAWS)
    return found | draw(
        maybe(
            precision=st.sampled_from(["bf16", "fp8", "int8", "int4", "fp4"]), kv_precision=st.sampled_from(["auto", "bf16", "fp8"]),
            engine=st.sampled_from(["vllm", "sglang", "trtllm"]), max_num_seqs=st.sampled_from([1, 64, 512]),
            max_num_batched_tokens=st.sampled_from([512, "8k"]), max_model_len=st.sampled_from([2048, "4k"]),
            gpu_memory_utilization=st.sampled_from([0.9, "95%"]), block_size=st.sampled_from([8, 32]),
            long_prefill_token_threshold=st.sampled_from([0, 256]), watermark=st.just(0.01),
            prefix_caching=st.sampled_from(["auto", "on", "off"]), purchase=st.sampled_from(["on_demand", "spot"]),
            provider=st.sampled_from(["aws", "runpod", "gcp", "azure"]), drain=SECONDS, client=st.sampled_from(["none", {"retries": 1, "timeout": None}]),
            queue_timeout=SECONDS, cold_start=st.just({"pull": "30s", "load": {"median": 60, "sigma": 0.3}}), on_premises=st.just({}),
            routing=st.just("least_kv"), home=st.booleans(), usd_per_gpu_hour=st.just("$2.5"),
        )
    )  # fmt: skip


@st.composite
def stacks(draw: st.DrawFn) -> dict[str, Any]:
    """A stack of pools, and perhaps an API behind them."""
    names = draw(
        st.lists(
            st.sampled_from(["own", "own_2", "own-2", "8b", "a" * 64, "a" * 63 + "b", "configmap", "concurrency"]),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    deployments = {name: draw(pools()) for name in names}
    if draw(st.booleans()):
        deployments["api"] = {"kind": "api", "model": "gpt-6-luna", **draw(maybe(timeout=SECONDS, client=st.just("none")))}
    found = {"deployments": deployments, "routing": [{"to": [*deployments]}]}
    return found | draw(
        maybe(
            description=TEXTS, slo=st.just({"ttft_p95": "2s", "completed": "99%"}), router=st.just({"cooldown": "5s"}),
            costs=st.just({"tooling_usd_per_month": 500}), people=st.just({"devops_engineers": 0.2}),
        )
    )  # fmt: skip


def read_back(kind: str, files: dict[str, str], name: str, under: StackFile) -> StackFile:
    """The stack that emitted files hold; variables of machines are laid under a stack."""
    if kind == "terraform":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sim.auto.tfvars.json"
            path.write_text(files[path.name])
            document, notes = with_groups(under.document, path, path.name, CATALOG)
            assert notes == ()
            return stack_of(document, name)
    documents = [document for file, text in sorted(files.items()) for document in parse_documents(text, file)]
    if kind == "stack":
        return stack_of(documents[0], name)
    made = stack_from_kubernetes(documents, CATALOG)
    assert made.ignored == (), "manifests of ours are understood whole"
    return stack_of(parse_documents(stack_text(made, "manifests"), "made")[0], name)


def known(stack: ResolvedStack) -> tuple[Any, ...]:
    """All of a resolved stack but the places where its numbers were said."""
    pools = [
        dataclasses.replace(each, gpu_hour=dataclasses.replace(each.gpu_hour, source="")) if isinstance(each, ResolvedPool) else each
        for each in stack.deployments
    ]
    fields = [getattr(stack, field.name) for field in dataclasses.fields(stack) if field.name not in ("deployments", "origins")]
    return (pools, *fields, [(origin.key, origin.value, origin.unit) for origin in stack.origins])


@pytest.mark.parametrize("name", CATALOG.names("stack"))
@pytest.mark.parametrize("kind", KINDS)
def test_bundled_stacks_read_back_as_themselves(kind: Kind, name: str) -> None:
    file = read_stack(name, CATALOG)
    found = read_back(kind, emit(kind, file, CATALOG, name=name), name, file)
    assert known(resolve(found, CATALOG, BOOK)) == known(resolve(file, CATALOG, BOOK))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(stacks())
def test_stacks_read_back_as_themselves(data: dict[str, Any]) -> None:
    try:
        file = stack_of(Document("made", data, {}, {}), "made")
        wanted = known(resolve(file, CATALOG, BOOK))
    except InputError:
        assume(False)
    for kind in KINDS:
        found = read_back(kind, emit(kind, file, CATALOG, name="made"), "made", file)
        assert known(resolve(found, CATALOG, BOOK)) == wanted
        found = read_back(kind, emit(kind, file.stack, CATALOG, name="made"), "made", file)
        assert found.stack == file.stack
