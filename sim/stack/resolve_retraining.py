"""Retraining in plain numbers: GPU-hours from the model's shape or a vendor's price, where it runs, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu
from sim.catalog.price_book import PriceBook
from sim.errors import nearest
from sim.stack.cost_defaults import RetrainingDefaults, retraining_defaults
from sim.stack.ledger import Ledger
from sim.stack.resolved import Label, ResolvedApi, ResolvedPool
from sim.stack.resolved_costs import ResolvedRetraining
from sim.stack.retraining import AtVendor, OnOwn, OnRented, Retraining, training_gpu_hours
from sim.stack.schema import Stack
from sim.units import GIB, MILLION, SECONDS_PER_DAY, SECONDS_PER_HOUR, show_seconds

_STATE_BYTES_PER_PARAMETER = 16.0
"""Weights, gradients and Adam's state in mixed precision (ZeRO, arXiv 1910.02054)."""


def resolve_retraining(
    stack: Stack, deployments: Sequence[ResolvedPool | ResolvedApi], catalog: Catalog, prices: PriceBook, ledger: Ledger
) -> tuple[ResolvedRetraining, ...]:
    """The retraining of each deployment that has any; what is wrong goes to the ledger."""
    names = list(stack.deployments)
    seen: set[str] = set()
    found = []
    for number, entry in enumerate(stack.retraining):
        at = ("retraining", number)
        name = entry.deployment
        if name not in names:
            ledger.problem((*at, "deployment"), f"unknown deployment {name!r}; allowed: {', '.join(names)}{nearest(name, names)}")
            continue
        if name in seen:
            ledger.problem((*at, "deployment"), f"{name} is retrained by an entry above already; one entry a deployment is allowed")
            continue
        seen.add(name)
        index = next((k for k, each in enumerate(deployments) if each.name == name), None)
        # A deployment that is itself wrong has been reported already.
        resolved = None if index is None else _entry(number, entry, index, deployments[index], catalog, prices, ledger)
        if resolved is not None:
            found.append(resolved)
    return tuple(found)


def _entry(
    number: int,
    entry: Retraining,
    index: int,
    each: ResolvedPool | ResolvedApi,
    catalog: Catalog,
    prices: PriceBook,
    ledger: Ledger,
) -> ResolvedRetraining | None:
    at, key, where = ("retraining", number), f"retraining.{number}", entry.where
    defaults = retraining_defaults(catalog)
    before = len(ledger.problems)
    if isinstance(each, ResolvedApi) and not isinstance(where, AtVendor):
        ledger.problem(
            (*at, "where"), f"{each.name} is of kind api: only its vendor can train it; say where: {{kind: vendor, usd_per_mtok: ...}}"
        )
        return None
    ledger.read(entry, at)
    gpus = replicas = 0
    market_gpu = ""
    gpu_hours = duration_s = usd_per_gpu_hour = mfu = 0.0
    if not isinstance(where, AtVendor):
        assert isinstance(each, ResolvedPool)
        gpu = catalog.gpu(each.spec.gpu)
        if isinstance(where, OnOwn):
            replicas, gpus = where.replicas, where.replicas * each.spec.tensor_parallel
            if replicas > each.spec.replicas.max:
                ledger.problem((*at, "where", "replicas"), f"found {replicas}; {each.name} has at most {each.spec.replicas.max}")
        else:
            gpus = where.gpus
            rented = _rented(number, where, catalog, prices, ledger)
            if rented is None:
                return None
            gpu, usd_per_gpu_hour, agreed = rented
            # A price of one's own is an agreement, except where hours are bought as the market has them.
            if not agreed or where.purchase in ("spot", "marketplace"):
                market_gpu = gpu.name
        llm = catalog.llm(each.spec.llm)
        mfu = _assumed(entry.mfu, "mfu", f"{key}.mfu", defaults, ledger)
        gpu_hours = training_gpu_hours(
            method=entry.method, active_params=llm.active_params, tokens=entry.tokens, mfu=mfu, peak_flops=gpu.peak_flops("bf16")
        )
        duration_s = gpu_hours / gpus * SECONDS_PER_HOUR
        operations = "6 N D (arXiv 2001.08361)" if entry.method == "full" else "4 N D: frozen weights need no gradients"
        ledger.origin(f"{key}.gpu_hours", gpu_hours, "h", "estimated", f"{operations}, over MFU x dense bf16 peak of {gpu.name}")
        ledger.origin(f"{key}.duration", duration_s, "s", "estimated", f"{gpus} GPUs at once")
        days = duration_s / (where.night_s if isinstance(where, OnOwn) else SECONDS_PER_DAY)
        if entry.every is not None and days * SECONDS_PER_DAY > entry.every:
            ledger.problem((*at, "every"), f"found {show_seconds(entry.every)}; one attempt takes {days:,.1f} days on {gpus} GPUs")
        _note_memory(each.name, entry, llm.total_params, gpus, gpu, ledger)
    drift = entry.drift
    if len(ledger.problems) > before:
        return None
    drift_months = drift.threshold / drift.accuracy_loss_per_month if drift else None
    if drift_months is not None:
        ledger.origin(f"{key}.drift.time", drift_months, "months", "estimated", "threshold over loss a month, in the middle")
    labels_usd = 0.0
    if entry.labels is not None:
        share = _assumed(entry.labels.overhead_share, "label_overhead_share", f"{key}.labels.overhead_share", defaults, ledger)
        labels_usd = entry.labels.count * entry.labels.usd_per_label * (1.0 + share)
    vendor_usd = max(entry.tokens / MILLION * where.usd_per_mtok, where.minimum_usd) if isinstance(where, AtVendor) else 0.0
    return ResolvedRetraining(
        deployment=index,
        name=each.name,
        every_s=entry.every,
        drift_months=drift_months,
        where=where.kind,
        gpu_hours=gpu_hours,
        duration_s=duration_s,
        gpus=gpus,
        replicas=replicas,
        from_s=where.from_ if isinstance(where, OnOwn) else 0.0,
        night_s=where.night_s if isinstance(where, OnOwn) else SECONDS_PER_DAY,
        usd_per_gpu_hour=usd_per_gpu_hour,
        market_gpu=market_gpu,
        purchase=where.purchase if isinstance(where, OnRented) else "",
        vendor_usd=vendor_usd,
        labels_usd=labels_usd,
        evaluation_usd=entry.evaluation_usd,
        engineer_hours=entry.engineer_hours,
        failure_share=_assumed(entry.failure_share, "failure_share", f"{key}.failure_share", defaults, ledger),
        rollback_share=_assumed(entry.rollback_share, "rollback_share", f"{key}.rollback_share", defaults, ledger),
        assumed=f"training reaches {mfu:.0%} of its GPUs' peak" if gpu_hours and entry.mfu is None else "",
    )


def _assumed(given: float | None, field: str, key: str, defaults: RetrainingDefaults, ledger: Ledger) -> float:
    if given is not None:
        return given
    source = defaults.source(field)
    value = float(getattr(defaults, field))
    ledger.origin(key, value, "", "assumed", source.source, source.as_of)
    return value


def _rented(number: int, where: OnRented, catalog: Catalog, prices: PriceBook, ledger: Ledger) -> tuple[Gpu, float, bool] | None:
    """The GPU, the price of an hour of it, and whether that is one's own."""
    at = ("retraining", number, "where")
    with ledger.refusing(*at, "gpu"):
        gpu = catalog.gpu(where.gpu)
        if where.usd_per_gpu_hour is not None:
            return gpu, where.usd_per_gpu_hour, True
        hour = prices.gpu_price(gpu, where.provider, where.purchase, where.region)
        label: Label = "given" if hour.negotiated else "assumed" if hour.assumed else "vendor"
        said = f"{hour.provider} {hour.purchase}: {hour.source}"
        ledger.origin(f"retraining.{number}.where.usd_per_gpu_hour", hour.usd_per_gpu_hour, "USD", label, said, hour.as_of)
        return gpu, hour.usd_per_gpu_hour, hour.negotiated
    return None


def _note_memory(name: str, entry: Retraining, params: float, gpus: int, gpu: Gpu, ledger: Ledger) -> None:
    """Says so where training does not fit the memory of its GPUs; it is priced all the same, as if it did."""
    needed = params * (_STATE_BYTES_PER_PARAMETER if entry.method == "full" else 2.0)
    if needed > gpus * gpu.memory_bytes:
        ledger.note(
            f"{name}: {entry.method} training holds {needed / GIB:,.0f} GiB, and {gpus} x {gpu.name} have {gpus * gpu.memory_gib:,.0f}: "
            "it would need more GPUs, offloading or a quantised copy; its time is computed without"
        )
