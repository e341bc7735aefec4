"""The catalogue in the words a reader asks for: a line an entry for lists, and every figure of one with its source."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sim.catalog.catalog import FOLDERS, Catalog, Kind
from sim.catalog.known_as import find_gpu, find_llm
from sim.errors import InputError, nearest

if TYPE_CHECKING:
    from sim.catalog.api import Api
    from sim.catalog.gpu import Gpu, Provider, Purchase
    from sim.catalog.llm import Llm
    from sim.catalog.machine import Machine
    from sim.catalog.price_book import GpuHour, PriceBook


def find_kind(text: str) -> Kind:
    """The kind a user names, singular or plural; InputError with the nearest."""
    for kind in FOLDERS:
        if text.lower() in (kind, FOLDERS[kind]):
            return kind
    raise InputError(f"unknown kind {text!r}; allowed: {', '.join(FOLDERS.values())}{nearest(text, FOLDERS.values())}")


def list_entries(catalog: Catalog, kind: Kind, book: PriceBook) -> list[dict[str, Any]]:
    """One row an entry, with the figures one compares by; columns carry their units, unknown figures are None."""
    rows = []
    for name in catalog.names(kind):
        if kind == "api":
            rows.append(_api_row(catalog.api(name), book))
        elif kind == "gpu":
            rows.append(_gpu_row(catalog.gpu(name), book))
        elif kind == "llm":
            rows.append(_llm_row(catalog.llm(name)))
        elif kind == "provider":
            rows.append(_provider_row(catalog.provider(name)))
        elif kind == "machine":
            rows.append(_machine_row(catalog, catalog.machine(name), book))
        else:
            rows.append({"name": name, "file": catalog.shown_path(kind, name)})
    return rows


def find_entry(catalog: Catalog, name: str) -> list[tuple[Kind, str]]:
    """The kinds under which a name is known, other names of LLMs and GPUs too; InputError with the nearest name of any kind."""
    found = [(kind, name) for kind in FOLDERS if name in catalog.names(kind)]
    if not found:
        for find in (find_llm, find_gpu):
            with suppress(InputError):
                entry = find(catalog, name)
                return [("llm" if find is find_llm else "gpu", entry.name)]
        with suppress(InputError):
            return [("machine", catalog.machine(name).name)]
        known = [known for kind in FOLDERS for known in catalog.names(kind)]
        raise InputError(f"unknown name {name!r}{nearest(name, known)} (sim catalog list names them all)")
    return found


def show_entry(catalog: Catalog, kind: Kind, name: str, book: PriceBook) -> dict[str, Any]:
    """Everything the file of an entry says, checked, and what follows from it (`derived`)."""
    from sim.catalog.yaml_file import read_document

    file = catalog.shown_path(kind, name)
    given: dict[str, Any] = {"kind": kind, "file": file}
    if kind == "api":
        api = catalog.api(name)
        return given | api.model_dump(mode="json", exclude_none=True) | {"derived": _api_derived(api, book)}
    if kind == "gpu":
        return given | catalog.gpu(name).model_dump(mode="json", exclude_none=True)
    if kind == "llm":
        llm = catalog.llm(name)
        return given | llm.model_dump(mode="json", exclude_none=True) | {"derived": _llm_derived(llm)}
    if kind == "machine":
        return given | _machine_shown(catalog, catalog.machine(name), book)
    if kind == "provider":
        return given | catalog.provider(name).model_dump(mode="json", exclude_none=True)
    data = read_document(catalog.path(kind, name), file).data
    return given | (data if isinstance(data, dict) else {"content": data})


def _api_row(api: Api, book: PriceBook) -> dict[str, Any]:
    row: dict[str, Any] = {"name": api.name, "vendor": api.vendor, "size": api.size}
    try:
        rate = book.tokens(api).standard.at(0)
    except InputError:
        rate = None
    row["input_usd_per_mtok"] = rate and rate.input_usd_per_mtok
    row["cached_input_usd_per_mtok"] = rate and rate.cached_input_usd_per_mtok
    row["output_usd_per_mtok"] = rate and rate.output_usd_per_mtok
    row["context_tokens"] = api.context_tokens
    row["tiers"] = ", ".join(tier.name for tier in api.tiers)
    row["retires"] = api.retirement_date.isoformat() if api.retirement_date else None
    return row


def _api_derived(api: Api, book: PriceBook) -> dict[str, Any]:
    try:
        prices = book.tokens(api)
    except InputError as error:
        return {"price": str(error)}
    lanes = {"batch": prices.batch, "flex": prices.flex, "priority": prices.priority}
    standard = {f"from second {start:.0f} of the UTC day": rates for start, rates in prices.by_time}
    if len(prices.by_time) == 1:
        standard = {"standard": prices.standard}
    return {
        "prices_on": prices.date.isoformat(),
        "prices_source": prices.source,
        "prices_usd_per_mtok": {
            lane: [
                {
                    "from_input_tokens": rate.from_input_tokens,
                    "input": rate.input_usd_per_mtok,
                    "cached_input": rate.cached_input_usd_per_mtok,
                    "cache_write": rate.cache_write_usd_per_mtok,
                    "output": rate.output_usd_per_mtok,
                }
                for rate in rates.by_input_tokens
            ]
            for lane, rates in (standard | lanes).items()
            if rates is not None
        },
    }


def _gpu_row(gpu: Gpu, book: PriceBook) -> dict[str, Any]:
    try:
        hour = book.gpu_price(gpu)
    except InputError:
        hour = None
    return {
        "name": gpu.name,
        "memory_gib": gpu.memory_gib,
        "bandwidth_tb_per_s": gpu.memory_bandwidth_tb_per_s,
        "bf16_tflops": gpu.peak_bf16_tflops,
        "fp8_tflops": gpu.peak_fp8_tflops,
        "fp4_tflops": gpu.peak_fp4_tflops,
        "power_w": gpu.power_w,
        "gpus_per_node": gpu.gpus_per_node,
        "usd_per_gpu_hour": hour and hour.usd_per_gpu_hour,
        "provider": hour and hour.provider,
    }


def _machine_row(catalog: Catalog, machine: Machine, book: PriceBook) -> dict[str, Any]:
    hour = _machine_hour(catalog, machine, book, "on_demand", None)
    return {
        "name": machine.name,
        "provider": machine.provider,
        "gpu": machine.gpu,
        "gpus": machine.gpus,
        "vcpus": machine.vcpus,
        "memory_gib": machine.memory_gib,
        "usd_per_machine_hour": hour and hour.usd_per_gpu_hour * machine.gpus,
        "region": hour and hour.region,
    }


def _machine_shown(catalog: Catalog, machine: Machine, book: PriceBook) -> dict[str, Any]:
    """A machine, and what an hour of it costs wherever a price of it, or of its GPU at its provider, is known."""
    offers = (price for price in catalog.gpu(machine.gpu).prices if price.provider == machine.provider)
    places = dict.fromkeys((*book.places_of(machine), *((price.purchase, price.region) for price in offers)))
    hours = [hour for purchase, region in places if (hour := _machine_hour(catalog, machine, book, purchase, region))]
    said = {name: value for name, value in asdict(machine).items() if value is not None and name not in ("file", "prices")}
    return said | {
        "derived": {
            "prices_on": book.date.isoformat(),
            "prices": [
                {
                    "purchase": hour.purchase,
                    "region": hour.region,
                    "usd_per_machine_hour": hour.usd_per_gpu_hour * machine.gpus,
                    "usd_per_gpu_hour": hour.usd_per_gpu_hour,
                    "as_of": hour.as_of,
                }
                for hour in hours
            ],
        }
    }


def _machine_hour(catalog: Catalog, machine: Machine, book: PriceBook, purchase: Purchase, region: str | None) -> GpuHour | None:
    with suppress(InputError):
        return book.machine_price(machine, catalog.gpu(machine.gpu), purchase, region)
    return None


def _llm_row(llm: Llm) -> dict[str, Any]:
    return {
        "name": llm.name,
        "params_b": round(llm.total_params / 1e9, 1),
        "active_params_b": round(llm.active_params / 1e9, 1),
        "weights_bf16_gb": round(llm.weight_bytes("bf16") / 1e9, 1),
        "weights_fp8_gb": round(llm.weight_bytes("fp8") / 1e9, 1),
        "published": llm.published_precision,
        "kv_bf16_kib_per_token": round(llm.kv_bytes_per_token("bf16") / 1024, 1),
        "max_context_tokens": llm.max_context_tokens,
    }


def _llm_derived(llm: Llm) -> dict[str, Any]:
    return {
        "weight_bytes": {p: llm.weight_bytes(p) for p in ("bf16", "fp8", "int4", "fp4")},
        "kv_bytes_per_token": {p: llm.kv_bytes_per_token(p) for p in ("bf16", "fp8")},
    }


def _provider_row(provider: Provider) -> dict[str, Any]:
    return {
        "name": provider.name,
        "billing_unit_s": provider.billing_unit_s,
        "minimum_s": provider.minimum_s,
        "spot_notice_s": provider.spot_notice_s,
    }
