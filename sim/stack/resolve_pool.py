"""A deployment of kind gpu in plain numbers: step time and KV cache, limits of its engine, cold start, price of an hour."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu
from sim.catalog.llm import Llm
from sim.catalog.price_book import GpuHour, PriceBook
from sim.profile import Profile, StepCoefficients, resolve_profile
from sim.profile.memory import default_scheduler
from sim.stack.client import ClientPolicy, load_client
from sim.stack.cold_start import cold_stages, load_defaults
from sim.stack.facts import TraceFacts
from sim.stack.gpu_deployment import GpuDeployment
from sim.stack.ledger import Ledger
from sim.stack.on_premises import ON_PREMISES
from sim.stack.resolve_hour import resolve_hour
from sim.stack.resolved import Label, ResolvedPool

Batching = Literal["continuous", "prefill_first", "static"]
BATCHING: Mapping[str, Batching] = MappingProxyType({"vllm": "continuous", "sglang": "prefill_first", "trtllm": "continuous"})
_MOST_NAMED_BLOCKS = 100_000_000
"""The engine keeps about 100 bytes for each."""


def resolve_pool(
    name: str, spec: GpuDeployment, catalog: Catalog, prices: PriceBook, facts: TraceFacts | None, ledger: Ledger
) -> ResolvedPool | None:
    """The deployment, or None when the ledger has a problem with it."""
    at = ("deployments", name)
    before = len(ledger.problems)
    llm: Llm | None = None
    gpu: Gpu | None = None
    with ledger.refusing(*at, "llm"):
        llm = catalog.llm(spec.llm)
    with ledger.refusing(*at, "gpu"):
        gpu = catalog.gpu(spec.gpu)
    client = resolve_client(name, spec.client, spec.timeout, catalog, ledger)
    if llm is None or gpu is None or client is None:
        return None
    tokens, sequences = _limits(name, spec, gpu, ledger)
    paid = resolve_hour(name, spec, gpu, catalog, prices, ledger)
    profile: Profile | None = None
    if spec.profile is None:
        with ledger.refusing(*at):
            profile = resolve_profile(
                llm=llm, gpu=gpu, tensor_parallel=spec.tensor_parallel, precision=spec.precision, kv_precision=spec.kv_precision,
                engine=spec.engine, engine_era=spec.engine_era, utilisation=spec.gpu_memory_utilization, block_tokens=spec.block_size,
                max_num_batched_tokens=tokens, max_num_seqs=sequences, max_model_len=spec.max_model_len, catalog=catalog,
            )  # fmt: skip
    if len(ledger.problems) > before or paid is None:
        return None
    key = ".".join(at)
    stages, origins = cold_stages(spec.cold_start, llm.weight_bytes(spec.precision), load_defaults(catalog), key)
    ledger.read(spec, at)
    if spec.on_premises is not None:
        ledger.origins = [origin for origin in ledger.origins if origin.key != f"{key}.purchase"]  # nothing is rented
    if spec.replicas.max > spec.at_start() or spec.replicas.min < spec.replicas.max:
        ledger.origins += origins
    if profile is not None:
        step, blocks, longest = profile.step, profile.blocks, profile.max_model_len
        error, front_end_s = profile.error, profile.front_end_s
        _say_profile(key, profile, spec, ledger)
    else:
        assert spec.profile is not None
        given = spec.profile
        step, blocks = given.step.coefficients(), given.kv_capacity_tokens // spec.block_size
        longest = spec.max_model_len or min(llm.max_context_tokens, blocks * spec.block_size)
        if blocks < 1:
            ledger.problem(
                (*at, "profile", "kv_capacity_tokens"),
                f"found {given.kv_capacity_tokens}; at least one block of {spec.block_size} tokens is needed",
            )
            return None
        error = given.error
        front_end_s = given.front_end
    caching = _caching(name, spec, facts, ledger)
    if caching == "blocks" and blocks * spec.replicas.max > _MOST_NAMED_BLOCKS:
        ledger.problem(
            at,
            f"{blocks:,} KV blocks in each of {spec.replicas.max:,} replicas, each followed by its content; at most "
            f"{_MOST_NAMED_BLOCKS:,} in all are; a larger block_size, fewer replicas, or a hit_rate in place of content would do",
        )
    node = _node(name, spec, paid.hour, ledger)
    label: Label = profile.label if profile is not None else given.label
    return ResolvedPool(
        name=name,
        spec=spec,
        step=step,
        blocks=blocks,
        block_tokens=spec.block_size,
        max_model_len=longest,
        max_num_seqs=sequences,
        max_num_batched_tokens=tokens,
        batching=BATCHING[spec.engine] if spec.batching == "auto" else spec.batching,
        prefix_caching=caching,
        cold_start=stages,
        client=client,
        gpu_hour=paid.hour,
        provider=paid.provider,
        gpus_per_node=node,
        payment=paid.payment,
        upkeep=paid.upkeep,
        label=label,
        error=error,
        front_end_s=front_end_s,
    )


def resolve_client(name: str, given: str | ClientPolicy, timeout: float | None, catalog: Catalog, ledger: Ledger) -> ClientPolicy | None:
    """The rule of a deployment's caller, its time-out replaced by the deployment's own; None when the ledger has a problem."""
    key = f"deployments.{name}.client"
    if isinstance(given, ClientPolicy):
        found = given
    else:
        named = None
        with ledger.refusing("deployments", name, "client"):
            named = load_client(catalog, given)
        if named is None:
            return None
        found = named.policy
        for field, unit in (("retries", ""), ("base", "s"), ("cap", "s"), ("jitter", ""), ("timeout", "s")):
            value = getattr(found, field)
            if value is not None and not (field == "timeout" and timeout is not None) and given != "none":
                ledger.origin(f"{key}.{field}", value, unit, "default", named.source, named.as_of)
    return found if timeout is None else found.model_copy(update={"timeout": timeout})


def _limits(name: str, spec: GpuDeployment, gpu: Gpu, ledger: Ledger) -> tuple[int, int]:
    key = f"deployments.{name}"
    usual = default_scheduler(gpu)
    usual_tokens, usual_sequences = usual.max_num_batched_tokens, usual.max_num_seqs
    tokens = spec.max_num_batched_tokens or usual_tokens
    sequences = spec.max_num_seqs or min(usual_sequences, tokens)
    source = f"vLLM 0.33.0 on {gpu.name}"
    if spec.max_num_batched_tokens is None:
        ledger.origin(f"{key}.max_num_batched_tokens", tokens, "tokens", "default", source)
    if spec.max_num_seqs is None:
        ledger.origin(f"{key}.max_num_seqs", sequences, "sequences", "default", source)
    if sequences > tokens:
        ledger.problem(
            ("deployments", name, "max_num_seqs"),
            f"found {sequences}, above max_num_batched_tokens {tokens}; a step has at least a token a sequence",
        )
    return tokens, sequences


def _node(name: str, spec: GpuDeployment, hour: GpuHour, ledger: Ledger) -> int:
    if spec.gpus_per_node is not None:
        return spec.gpus_per_node
    key = f"deployments.{name}.gpus_per_node"
    if hour.gpus_sold_together is not None:
        said = f"a server of {hour.gpu}" if hour.purchase == ON_PREMISES else f"{hour.provider}: {hour.source}"
        ledger.origin(key, hour.gpus_sold_together, "GPUs", "vendor", said, hour.as_of)
        return hour.gpus_sold_together
    ledger.origin(
        key, spec.tensor_parallel, "GPUs", "assumed", f"what {hour.provider} sells together is not known: just what a replica needs"
    )
    return spec.tensor_parallel


def _caching(name: str, spec: GpuDeployment, facts: TraceFacts | None, ledger: Ledger) -> Literal["off", "given", "blocks"]:
    found: Literal["off", "given", "blocks"]
    if spec.prefix_caching == "off":
        found = "off"
    elif spec.hit_rate > 0:
        found = "given"
    elif facts is None:
        found = "blocks" if spec.prefix_caching == "on" else "off"
        if spec.prefix_caching == "auto":
            ledger.note(f"{name}: whether prefixes are cached depends on what the trace says of them")
    elif facts.has_prefix:
        found = "blocks"
    elif facts.has_cached_tokens:
        found = "given"
    else:
        found = "blocks" if spec.prefix_caching == "on" else "off"
        if spec.prefix_caching == "on":
            ledger.note(f"{name}: prefix_caching is on, but the trace has neither prefixes nor sessions: no prompt shares anything")
    return found


def _say_profile(key: str, profile: Profile, spec: GpuDeployment, ledger: Ledger) -> None:
    step: StepCoefficients = profile.step
    if spec.engine_era is None:
        ledger.origin(f"{key}.engine_era", profile.engine_era, "", "default", f"the newest of {profile.engine} that is known")
    where = (profile.label, profile.source, profile.as_of)
    for name, value, unit in (
        ("c", step.c_s, "s"),
        (f"g({step.g_tokens[0]:g} tokens)", step.g_s[0], "s"),
        (f"g({step.g_tokens[-1]:g} tokens)", step.g_s[-1], "s"),
        ("o", step.o_s, "s/sequence"),
        ("f", step.f_s, "s/token"),
        ("h", step.h_s, "s/token^2"),
    ):
        ledger.origin(f"{key}.profile.{name}", value, unit, *where)
    ledger.origin(f"{key}.profile.front_end", profile.front_end_s, "s", *where)
    ledger.origin(f"{key}.profile.error", profile.error, "of ln", *where)
    ledger.origin(f"{key}.profile.prefill_error", profile.prefill_error, "of ln", *where)
    memory = "memory x utilisation x GPUs - weights - reserve, counted from the shape of the model"
    ledger.origin(f"{key}.profile.kv_capacity", profile.kv_capacity_tokens, "tokens", "estimated", memory, profile.as_of)
    if spec.max_model_len is None:
        ledger.origin(
            f"{key}.max_model_len", profile.max_model_len, "tokens", "default", "the model's context or the KV cache, whichever is less"
        )
    for note in profile.notes:
        ledger.note(f"{key.removeprefix('deployments.')}: {note}")
