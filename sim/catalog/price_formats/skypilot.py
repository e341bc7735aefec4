"""The layout of SkyPilot's catalogues (`vms.csv` of github.com/skypilot-org/skypilot-catalog) as prices of GPUs and machines.

A row is an instance type in a zone: `Price` and `SpotPrice` are USD for one machine for one hour, whatever number of GPUs it has,
so an hour of a GPU is that over `AcceleratorCount`. Of several instance types with a GPU the cheapest stands for it, and the
others keep prices of their own. Zones: on demand the lowest price (they are equal, as a rule), spot the median.

Google's file has machines and the GPUs in them in rows of their own, which are added up; a GPU for n1 machines (T4, V100) stands
alone. A price of 0 is one that nobody found. Whose prices they are, the folder says (aws/vms.csv), or the file's name
(vms-aws.csv), or the instance types; the day, a date in the name (aws-2026-11-20.csv), or nobody.
"""

from __future__ import annotations

import csv
import datetime
import re
import statistics
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from sim.catalog.places import Place, number, raise_all
from sim.catalog.price_formats.look import Look, PriceFormat
from sim.errors import InputError, Problem, visible

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.gpu import Purchase
    from sim.catalog.price_file import GpuRate, MachineRate, PriceFile
    from sim.catalog.price_formats.skypilot_gpus import SkyPilotGpus

NEEDED = ("InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "Region")
_SIGNS = ("instancetype", "acceleratorname")
_MOST_USD = 1e5
"""No machine costs more an hour."""
_MOST_COUNT = 1024
_MOST_ROWS = 2_000_000
_NAMED = 5
_NO_NUMBER = ("nan", "null", "none")
_DAY = re.compile(r"(20[0-9]{2})-?([01][0-9])-?([0-3][0-9])")


class Offer(NamedTuple):
    """What the rows of one machine in one region, over all zones, are prices of."""

    machine: str
    """Empty for a GPU that is sold apart from its machine."""
    gpu: str
    gpus: int
    region: str
    purchase: Purchase


class _Row(NamedTuple):
    machine: str
    accelerator: str
    gpus: float | None
    on_demand_usd: float | None
    spot_usd: float | None
    region: str
    zone: str
    about: str


@dataclass
class _Tally:
    """What was left out, for the notes."""

    unknown: Counter[str] = field(default_factory=Counter)
    shares: int = 0
    unpriced: int = 0


def _matches(found: Look) -> bool:
    names = {name.lower() for name in found.header}
    return all(sign in names for sign in _SIGNS)


def _read(found: Look, catalog: Catalog) -> PriceFile:
    from sim.catalog.price_file import PriceFile
    from sim.catalog.price_formats.skypilot_gpus import SkyPilotGpus

    rows = _rows(found)
    provider = _provider(found, rows, catalog)
    gpus = SkyPilotGpus(catalog, provider, frozenset(row.accelerator for row in rows))
    tally = _Tally()
    zones = _by_machine(rows, gpus, catalog, provider, tally)
    offers = {offer: min(usd) if offer.purchase == "on_demand" else statistics.median(usd) for offer, usd in zones.items()}
    day = _day(found.path.stem)
    if not offers:
        left = [f"without a price or with a price of 0: {tally.unpriced:,}"] if tally.unpriced else []
        left += [f"of shares of a GPU: {tally.shares:,}"] if tally.shares else []
        unknown = ", ".join(visible(name[:40]) for name, _ in tally.unknown.most_common(_NAMED))
        left += [f"of accelerators that are not in the catalogue: {unknown}"] if unknown else []
        why = f"; rows {'; '.join(left)}" if left else ""
        raise InputError(f"{found.name}: no price of a GPU of the catalogue in {len(rows):,} rows{why}")
    return PriceFile(
        gpu=_gpu_rates(offers, provider, day, gpus.home_regions),
        machine=_machine_rates(offers, provider, day, gpus.home_regions),
        as_of=day,
        made_by="SkyPilot catalogue",
        notes=_notes(found, provider, day, offers, zones, tally),
    )


def _rows(found: Look) -> list[_Row]:
    columns = {name.lower(): at for at, name in reversed(list(enumerate(found.header)))}
    missing = [name for name in NEEDED if name.lower() not in columns]
    if missing:
        names = ", ".join(visible(name[:40]) for name in found.header)
        raise InputError(f"{found.name}:1: no column {', '.join(missing)} of a SkyPilot catalogue; found: {names}")
    problems: list[Problem] = []
    rows: list[_Row] = []
    lines = csv.reader(found.text.splitlines(), delimiter=found.delimiter)
    try:
        next(lines)
        for cells in lines:
            if len(rows) > _MOST_ROWS:
                raise InputError(f"{found.name}:{lines.line_num}: more than {_MOST_ROWS:,} rows")
            if cells:
                rows.append(
                    _row({name: cells[at] for name, at in columns.items() if at < len(cells)}, found.name, lines.line_num, problems)
                )
    except csv.Error as error:
        raise InputError(f"{found.name}:{lines.line_num}: not a table: {error}") from None
    raise_all(problems)
    return rows


def _row(cells: dict[str, str], file: str, line: int, problems: list[Problem]) -> _Row:
    def text(name: str) -> str:
        return cells.get(name.lower(), "").strip()

    def usd(name: str) -> float | None:
        place = Place(file, name, line)
        if text(name).lower() == "nan":
            problems.append(place.problem(f"found {text(name)!r}", "a plain number of USD an hour, or nothing"))
            return None
        return number(text(name), place, problems, most=_MOST_USD, above=False) or None

    at = Place(file, "AcceleratorCount", line)
    count = number(text("AcceleratorCount"), at, problems, most=_MOST_COUNT)
    if count is None and text("AcceleratorName") and text("AcceleratorCount").lower() in _NO_NUMBER:
        problems.append(at.problem(f"found {text('AcceleratorCount')!r}", "a number of GPUs"))
    where = (visible(text("Region")[:60]), text("AvailabilityZone"))
    return _Row(text("InstanceType"), text("AcceleratorName"), count, usd("Price"), usd("SpotPrice"), *where, text("GpuInfo"))


def _provider(found: Look, rows: list[_Row], catalog: Catalog) -> str:
    """Whose prices these are: by the folder, by a word of the file's name, or by instance types that only one provider has."""
    known = catalog.names("provider")
    folder = found.path.resolve().parent.name.lower()
    if folder in known:
        return folder
    words = [word for word in re.split(r"[^a-z0-9]+", found.path.stem.lower()) if word in known]
    if len(set(words)) == 1:
        return words[0]
    machines = catalog.machines()
    names = {row.machine for row in rows if row.machine}
    sellers = [provider for provider in machines.providers if any(machines.get(name, provider) for name in names)]
    if len(sellers) == 1:
        return sellers[0]
    raise InputError(
        f"{found.name}: whose prices these are is not known; name its folder or the file after the provider, as aws/vms.csv or "
        f"vms-aws.csv; allowed: {', '.join(known)} (others as a file in models/providers)"
    )


def _by_machine(rows: list[_Row], gpus: SkyPilotGpus, catalog: Catalog, provider: str, tally: _Tally) -> dict[Offer, list[float]]:
    """The prices of every zone, by machine, region and purchase, in USD for the whole machine for an hour."""
    machines = catalog.machines()
    zones: dict[Offer, list[float]] = {}
    cards: dict[tuple[str, int, str], list[_Row]] = {}
    hosts: list[_Row] = []
    for row in rows:
        if not row.accelerator:
            if machines.get(row.machine, provider):
                hosts.append(row)
            continue
        gpu = gpus.gpu(row.machine, row.accelerator, row.about)
        if gpu is None:
            tally.unknown[row.accelerator] += 1
        elif row.gpus is None or row.gpus != int(row.gpus):
            tally.shares += 1
        elif row.machine:
            _add(zones, row.machine, gpu, int(row.gpus), row, (row.on_demand_usd, row.spot_usd), tally)
        else:
            cards.setdefault((gpu, int(row.gpus), row.zone), []).append(row)
    used = set()
    for host in hosts:
        machine = machines.get(host.machine, provider)
        assert machine is not None
        found = cards.get((machine.gpu, machine.gpus, host.zone), [])
        # The H100 of a "mega" machine has rows, and may have a price, of its own.
        own = [card for card in found if ("mega" in card.accelerator.lower()) == ("mega" in host.machine.lower())] or found
        used.add(machine.gpu)
        if own:
            sums = (_sum(host.on_demand_usd, own[0].on_demand_usd), _sum(host.spot_usd, own[0].spot_usd))
            _add(zones, host.machine, machine.gpu, machine.gpus, host, sums, tally)
        else:
            tally.unpriced += 1
    for (gpu, count, _), found in cards.items():
        if gpu not in used:
            for card in found:
                _add(zones, "", gpu, count, card, (card.on_demand_usd, card.spot_usd), tally)
    return zones


def _add(
    zones: dict[Offer, list[float]], machine: str, gpu: str, gpus: int, row: _Row, usd: tuple[float | None, float | None], tally: _Tally
) -> None:
    purchase: Purchase = "on_demand_community" if machine.lower().endswith("_community") else "on_demand"
    on_demand, spot = usd
    if on_demand:
        zones.setdefault(Offer(machine, gpu, gpus, row.region, purchase), []).append(on_demand)
    if spot:
        zones.setdefault(Offer(machine, gpu, gpus, row.region, "spot"), []).append(spot)
    if not on_demand and not spot:
        tally.unpriced += 1


def _sum(host_usd: float | None, cards_usd: float | None) -> float | None:
    """Both parts of a machine; where one has no price the whole has none."""
    return host_usd + cards_usd if host_usd and cards_usd else None


def _gpu_rates(offers: dict[Offer, float], provider: str, day: str | None, home: tuple[str, ...]) -> dict[str, tuple[GpuRate, ...]]:
    from sim.catalog.price_file import GpuRate

    best: dict[tuple[str, str, Purchase], Offer] = {}
    for offer in sorted(offers):
        key = (offer.gpu, offer.region, offer.purchase)
        if key not in best or offers[offer] / offer.gpus < offers[best[key]] / best[key].gpus:
            best[key] = offer
    rates: dict[str, list[GpuRate]] = {}
    for gpu, region, purchase in sorted(best, key=lambda key: (key[0], *_nearness(key[1], home), key[2])):
        offer = best[gpu, region, purchase]
        rates.setdefault(gpu, []).append(
            GpuRate(
                provider=provider, purchase=purchase, usd_per_gpu_hour=offers[offer] / offer.gpus, region=region or None,
                gpus_sold_together=offer.gpus, as_of=day or "undated", listed=True,
            )
        )  # fmt: skip
    return {gpu: tuple(found) for gpu, found in rates.items()}


def _machine_rates(offers: dict[Offer, float], provider: str, day: str | None, home: tuple[str, ...]) -> dict[str, tuple[MachineRate, ...]]:
    """Of each machine its own price, as dear as its GPUs may be in another one."""
    from sim.catalog.price_file import MachineRate

    rates: dict[str, list[MachineRate]] = {}
    for offer in sorted((each for each in offers if each.machine), key=lambda each: (*_nearness(each.region, home), each)):
        rates.setdefault(offer.machine, []).append(
            MachineRate(
                provider=provider, purchase=offer.purchase, usd_per_machine_hour=offers[offer], region=offer.region or None,
                as_of=day or "undated", listed=True,
            )
        )  # fmt: skip
    return {machine: tuple(found) for machine, found in rates.items()}


def _nearness(region: str, home: tuple[str, ...]) -> tuple[int, str]:
    """Where no region is said, the first counts: one that our own prices are of."""
    return (home.index(region) if region in home else len(home), region)


def _notes(
    found: Look, provider: str, day: str | None, offers: dict[Offer, float], zones: dict[Offer, list[float]], tally: _Tally
) -> tuple[str, ...]:
    name = PurePath(found.name).name
    gpus, regions = {offer.gpu for offer in offers}, {offer.region for offer in offers}
    when = f"of {day}" if day else "undated"
    notes = [f"{name}: list prices of {provider}, {when}: {len(gpus)} GPUs in {len(regions)} regions (SkyPilot catalogue)"]
    spread = max((each for each in zones if each.purchase == "spot"), key=lambda each: max(zones[each]) / min(zones[each]), default=None)
    if spread and min(zones[spread]) < max(zones[spread]):
        low, high = min(zones[spread]), max(zones[spread])
        notes.append(
            f"{name}: a spot price is the median of a region's zones; they differ most for {visible(spread.machine or spread.gpu)} in "
            f"{visible(spread.region)}, {low:,.4g} to {high:,.4g} USD an hour"
        )
    alone = sorted({offer.gpu for offer in offers if not offer.machine})
    if alone:
        notes.append(f"{name}: {', '.join(alone)}: the price of the GPU alone, without that of the machine it is attached to")
    if tally.unknown:
        most = ", ".join(f"{visible(accelerator[:40])} ({rows:,})" for accelerator, rows in tally.unknown.most_common(_NAMED))
        more = f" and {len(tally.unknown) - _NAMED} more" if len(tally.unknown) > _NAMED else ""
        notes.append(f"{name}: rows left out, of accelerators that are not in the catalogue: {most}{more}")
    if tally.shares:
        notes.append(f"{name}: rows left out, of shares of a GPU: {tally.shares:,}")
    if tally.unpriced:
        notes.append(f"{name}: rows left out, without a price or with a price of 0: {tally.unpriced:,}")
    return tuple(notes)


def _day(stem: str) -> str | None:
    said = _DAY.search(stem)
    try:
        return datetime.date(*map(int, said.groups())).isoformat() if said else None
    except ValueError:
        return None


FORMAT = PriceFormat("skypilot", "a SkyPilot catalogue", _matches, _read)
