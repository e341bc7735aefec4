"""A group of machines as a gpu deployment: what the group says of its GPUs and their number, laid over what is to run on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu, Precision, Purchase
from sim.catalog.known_as import find_precision
from sim.catalog.machine import Machine
from sim.catalog.price_book import GpuHour, PriceBook
from sim.errors import InputError, visible
from sim.iac.groups import Group
from sim.iac.hugging_face import find_llm
from sim.profile import resolve_profile
from sim.units import show_usd

_OF_MACHINES = (
    "gpu", "replicas", "autoscaler", "provider", "region", "usd_per_gpu_hour", "gpus_per_node", "on_premises", "profile", "tensor_parallel",
)  # fmt: skip
"""Keys that follow from the machines: those of what ran on others are not kept."""
SMALL_LLM = "llama-3.1-8b"
"""Taken where nobody says what runs and the model that is assumed elsewhere does not fit."""
_ROOM_TOKENS = 32_768
"""Least KV cache of a replica whose tensor parallelism is chosen here; assumed."""
WAKING = 4
"""Requests that may wait for a pool of none to start, as in models/stacks/scale-to-zero.yaml."""


@dataclass
class Pool:
    """A deployment as plain data, its keys that were assumed with the reason, and the keys that the group says."""

    name: str
    group: Group
    keys: dict[str, Any] = field(default_factory=dict)
    assumed: dict[str, str] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    sources: dict[str, str] = field(default_factory=dict)
    """Of keys that another file says."""
    notes_apart: list[str] = field(default_factory=list)

    def say(self, **keys: Any) -> None:
        """What the group says."""
        self.keys |= keys
        self.said |= set(keys)
        for key in keys:
            self.assumed.pop(key, None)

    def guess(self, why: str, **keys: Any) -> None:
        """What nobody says."""
        self.keys |= keys
        self.assumed |= dict.fromkeys(keys, why)

    @property
    def replicas_per_machine(self) -> int:
        """Replicas that one machine holds."""
        return max(1, self.group.gpus_per_machine // int(self.keys["tensor_parallel"]))


def pool_of(name: str, group: Group, template: Mapping[str, Any], catalog: Catalog, book: PriceBook, *, told: bool) -> Pool:
    """The deployment of a group that runs what `template`, a gpu deployment, runs; `told` is whether the user named the template.

    InputError for labels of the group that name what does not exist.
    """
    pool = Pool(name, group)
    pool.keys = {key: value for key, value in template.items() if key not in _OF_MACHINES}
    same_gpu = template.get("gpu") == group.gpu
    if not told:
        why = "neither the plan nor its labels say what runs; say it with --stack, --kubernetes or a label sim-llm"
        pool.guess(why, **{key: pool.keys[key] for key in ("llm", "precision") if key in pool.keys})
    pool.say(gpu=group.gpu, gpus_per_node=group.gpus_per_machine)
    _labelled(pool, group, catalog)
    tensor = _whole(template.get("tensor_parallel"), 1)
    if not pool.said & {"tensor_parallel"}:
        if pool.keys.get("llm") != template.get("llm"):
            _fitted(pool, 1, catalog, told=told)
        elif same_gpu and tensor <= group.gpus_per_machine:
            pool.keys["tensor_parallel"] = tensor
        else:
            _fitted(pool, tensor, catalog, told=told)
    if same_gpu and "profile" in template and pool.keys["tensor_parallel"] == tensor:
        pool.keys["profile"] = template["profile"]
    _bought(pool, template, catalog, book, same_gpu=same_gpu)
    _counted(pool, template)
    _started(pool)
    return pool


def _labelled(pool: Pool, group: Group, catalog: Catalog) -> None:
    """What tags and labels of the resource say of the model."""
    labels = group.labels
    given = labels.get("sim-llm")
    name = given or labels.get("llm") or labels.get("model")
    if name:
        try:
            llm, precision = find_llm(name, catalog)
            if llm != pool.keys.get("llm"):
                pool.guess("that of the weights as they are published", precision=precision)
            pool.say(llm=llm)
        except InputError as error:
            if given:
                raise InputError(f"{group.address}: label sim-llm: {error}") from None
    for key in ("sim-precision", "precision"):
        if key in labels:
            try:
                pool.say(precision=find_precision(labels[key]))
                break
            except InputError as error:
                if key.startswith("sim-"):
                    raise InputError(f"{group.address}: label {key}: {error}") from None
    if "sim-engine" in labels:
        pool.say(engine=labels["sim-engine"])
    tensor = labels.get("sim-tensor-parallel") or labels.get("tensor-parallel") or labels.get("tensor-parallel-size")
    if tensor and tensor.isdigit() and 1 <= int(tensor) <= group.gpus_per_machine:
        pool.say(tensor_parallel=int(tensor))
    elif tensor and labels.get("sim-tensor-parallel"):
        raise InputError(
            f"{group.address}: label sim-tensor-parallel: found {visible(tensor[:40])!r}; allowed: 1 to {group.gpus_per_machine}, the GPUs "
            f"of a {group.machine}"
        )


def _fitted(pool: Pool, wanted: int, catalog: Catalog, *, told: bool) -> None:
    """The smallest tensor parallelism from the one wanted on that holds the model and has room for its requests, else the largest that
    holds it; the machine's largest where none does."""
    most = pool.group.gpus_per_machine
    sizes = sorted({size for size in (1, 2, 4, 8, 16, 32, 64, wanted, most) if size <= most})
    allowed = [size for size in sizes if size >= min(wanted, most)]
    fitting = _roomy(pool, allowed, catalog)
    if fitting is None and not told and "llm" in pool.assumed:
        first = pool.keys["llm"]
        pool.guess(f"nobody says what runs here, and {first} does not fit", llm=SMALL_LLM)
        fitting = _roomy(pool, sizes, catalog)
        wanted = 1
    chosen = fitting or most
    pool.keys["tensor_parallel"] = chosen
    if wanted > most:
        pool.guess(f"one {pool.group.machine} has fewer GPUs than the {wanted} of a replica", tensor_parallel=chosen)
    elif chosen != wanted or not told:
        pool.guess(f"the fewest GPUs of one {pool.group.machine} with room for {pool.keys['llm']} and its requests", tensor_parallel=chosen)


def _roomy(pool: Pool, sizes: list[int], catalog: Catalog) -> int | None:
    """The first of some sizes whose KV cache holds enough, else the last that holds the model at all."""
    fitting = {size: tokens for size in sizes if (tokens := _kv_tokens(pool, size, catalog)) > 0}
    return next((size for size, tokens in fitting.items() if tokens >= _ROOM_TOKENS), max(fitting, default=None))


def _kv_tokens(pool: Pool, tensor: int, catalog: Catalog) -> int:
    """Tokens that the KV cache of a replica holds; 0 where the model does not fit."""
    keys = pool.keys
    precision: Precision = keys.get("precision", "bf16")

    def limit(key: str) -> int | None:
        return keys[key] if isinstance(keys.get(key), int) else None

    try:
        return resolve_profile(
            llm=catalog.llm(str(keys.get("llm"))), gpu=catalog.gpu(pool.group.gpu), tensor_parallel=tensor, precision=precision,
            engine=str(keys.get("engine", "vllm")), max_num_batched_tokens=limit("max_num_batched_tokens"),
            max_num_seqs=limit("max_num_seqs"), max_model_len=limit("max_model_len"), catalog=catalog,
        ).kv_capacity_tokens  # fmt: skip
    except InputError:
        return 0


def _bought(pool: Pool, template: Mapping[str, Any], catalog: Catalog, book: PriceBook, *, same_gpu: bool) -> None:
    """Who rents the machines, where and how; where no price of that is known, the nearest that is, listed."""
    group = pool.group
    said = str(template.get("purchase", "on_demand"))
    purchase: Purchase = group.purchase
    if purchase == "on_demand" and said.startswith("reserved"):
        # A plan has no word for a discount on machines that run anyway.
        purchase = "reserved_1y" if said == "reserved_1y" else "reserved_3y"
    else:
        pool.keys.pop("commitment", None)
    pool.say(provider=group.provider, purchase=purchase)
    if purchase == "capacity_block" and group.min < group.max:
        pool.notes_apart.append(f"a capacity block is paid whatever runs in it: for all {group.max} machines, all the time")
    if group.region is not None:
        pool.say(region=group.region)
    if same_gpu and "usd_per_gpu_hour" in template and said == purchase and template.get("provider") in (None, group.provider):
        pool.keys["usd_per_gpu_hour"] = template["usd_per_gpu_hour"]
        return
    gpu = catalog.gpu(group.gpu)
    known = catalog.machines().get(group.machine, group.provider)
    if known is None or (known.gpu, known.gpus) != (group.gpu, group.gpus_per_machine):
        # GPUs attached by name to a machine that has none of its own.
        known = Machine(group.machine, group.provider, group.gpu, group.gpus_per_machine, None, None, group.address, "undated", "")
    machine = known

    def hour(how: Purchase, place: str | None) -> GpuHour | None:
        for address in (group.address, *group.members[:1]):
            try:
                found = book.machine_price(machine, gpu, how, place, address)
            except InputError:
                continue
            if not _same_as_gpu(found, book, gpu, group.provider, how, place):
                return found
        try:
            return book.gpu_price(gpu, group.provider, how, place)
        except InputError:
            return None

    listed = hour(purchase, group.region)
    most = group.spot_max_usd_per_hour / group.gpus_per_machine if group.spot_max_usd_per_hour else None
    if listed is not None:
        if not _same_as_gpu(listed, book, gpu, group.provider, purchase, group.region):
            pool.keys["usd_per_gpu_hour"] = listed.usd_per_gpu_hour
            pool.sources["usd_per_gpu_hour"] = f"{listed.source}: {group.address}"
        elif group.region is None and listed.region is not None:
            pool.guess("the plan does not say where: the first region whose price is listed", region=listed.region)
        if most is not None and most < listed.usd_per_gpu_hour:
            pool.notes_apart.append(
                f"its limit of {show_usd(most)} a GPU-hour is below the listed {show_usd(listed.usd_per_gpu_hour)}: it would wait"
            )
    elif purchase == "spot" and most is not None:
        pool.guess("no spot price is known there: the most that may be paid by the plan", usd_per_gpu_hour=most)
    elif elsewhere := hour(purchase, None):
        _elsewhere(pool, elsewhere.region)
        if not _same_as_gpu(elsewhere, book, gpu, group.provider, purchase, elsewhere.region):
            pool.keys["usd_per_gpu_hour"] = elsewhere.usd_per_gpu_hour
            pool.sources["usd_per_gpu_hour"] = f"{elsewhere.source}: {group.address}"
    elif purchase == "spot" and (on_demand := hour("on_demand", group.region) or hour("on_demand", None)):
        place = "" if on_demand.region in (None, group.region) else f" in {on_demand.region}"
        pool.guess(f"no spot price is known: that on demand{place}, the most that it costs", usd_per_gpu_hour=on_demand.usd_per_gpu_hour)


def _same_as_gpu(found: GpuHour, book: PriceBook, gpu: Gpu, provider: str, how: Purchase, place: str | None) -> bool:
    """Whether a price is that of the GPU in any machine, which resolution finds by itself."""
    try:
        return book.gpu_price(gpu, provider, how, place) == found
    except InputError:
        return False


def _elsewhere(pool: Pool, region: str | None) -> None:
    where = pool.keys.get("region")
    if region is None:
        pool.keys.pop("region", None)
        pool.said.discard("region")
    else:
        why = "the plan does not say where" if where is None else f"no price in {where} is known"
        pool.guess(f"{why}: the first region whose price is listed", region=region)


def _counted(pool: Pool, template: Mapping[str, Any]) -> None:
    """Replicas, and what moves them: what the plan says, else what runs there brings, else an assumed law."""
    group, each = pool.group, pool.replicas_per_machine
    low, high, first = group.min * each, group.max * each, group.desired * each
    if low == high:
        pool.say(replicas=high)
        return
    pool.say(replicas={"min": low, "max": high, "initial": first})
    law = template.get("autoscaler")
    own = dict(law) if isinstance(law, Mapping) and law.get("law") not in (None, "fixed") else None
    if group.law is not None:
        own = dict(group.law.keys)
        if group.law.per_machine:
            own["target"] = own["target"] / each
        pool.said.add("autoscaler")
    if own is None:
        pool.guess("neither the plan nor what runs there says what moves it", autoscaler={"law": "hpa" if low else "keda"})
    elif low == 0 and own["law"] in ("hpa", "target_tracking"):
        kept = ("metric", "target") if own["law"] == "target_tracking" else tuple(key for key in own if key != "law")
        pool.guess(
            f"{own['law']} cannot start a pool from none", autoscaler={"law": "keda", **{key: own[key] for key in kept if key in own}}
        )
    else:
        pool.keys["autoscaler"] = own


def _started(pool: Pool) -> None:
    """The warm-up of a machine takes the place of the stages after it runs, where what runs there does not say how long they take."""
    given = pool.keys.get("cold_start")
    stages = dict(given) if isinstance(given, Mapping) else {}
    if pool.group.warm_up_s and not {"pull", "load", "warmup"} & set(stages):
        pool.say(cold_start={**stages, "pull": 0.0, "load": pool.group.warm_up_s, "warmup": 0.0})


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else otherwise
