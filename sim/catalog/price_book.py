"""The price book of a run: what an API's tokens and an hour of a GPU cost on the simulated day.

Token prices come from genai-prices by reference, GPU prices from the catalogue, and a file of prices (negotiated ones, or the list
of another tool) goes before both. A price nobody knows is an InputError, never zero.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from sim.catalog.machine import compared_machine
from sim.errors import InputError, nearest

if TYPE_CHECKING:
    from sim.catalog.api import Api
    from sim.catalog.gpu import Gpu, GpuPrice, Purchase
    from sim.catalog.machine import Machine
    from sim.catalog.price_file import GpuRate, MachineRate, PriceFile
    from sim.catalog.token_prices import TokenPrices


@dataclass(frozen=True, slots=True)
class GpuHour:
    """USD for one GPU for one hour, as sold by a provider in whole multiples of `gpus_sold_together`."""

    gpu: str
    provider: str
    purchase: str
    region: str | None
    usd_per_gpu_hour: float
    gpus_sold_together: int | None
    source: str
    as_of: str
    assumed: bool
    negotiated: bool = False

    def is_after(self, date: datetime.date) -> bool:
        """Whether it was read after a day, of which it is told as there is no earlier one."""
        return not self.negotiated and _day(self.as_of) > date


class PriceBook:
    """Prices on one day."""

    def __init__(self, date: datetime.date, negotiated: PriceFile | None = None, shown: str = "price file") -> None:
        """`shown` is how the file of prices is named as a source."""
        self.date = date
        self.shown = shown
        self._negotiated = negotiated

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of the file of prices, or read into it."""
        return self._negotiated.notes if self._negotiated else ()

    @property
    def prices_text(self) -> str | None:
        """The file of prices as a text that `price_file_of` reads back; None without one."""
        return self._negotiated.text() if self._negotiated else None

    def tokens(self, api: Api) -> TokenPrices:
        """What tokens of an API cost on the day of the book; InputError where no price is known."""
        return self.tokens_on(api, self.date)

    def tokens_on(self, api: Api, date: datetime.date) -> TokenPrices:
        """The same on another day. Negotiated rates hold on every day; a discount follows the list."""
        from sim.catalog.token_prices import read_list_prices

        rates = self._negotiated.api.get(api.name) if self._negotiated else None
        if rates is not None and rates.discount is None:
            return rates.over(None, api.name, self.shown, date)
        if api.price is None:
            raise InputError(f"no price of {api.name} is known; give one in a price file (--prices)")
        listed = read_list_prices(api.name, api.price.provider, api.price.model, date)
        return listed if rates is None else rates.over(listed, api.name, self.shown, date)

    def scheduled_changes(self, api: Api, until: datetime.date) -> list[tuple[datetime.date, TokenPrices]]:
        """The list-price changes that are already announced, after the day of the book and up to a day."""
        from sim.catalog.token_prices import list_price_dates

        rates = self._negotiated.api.get(api.name) if self._negotiated else None
        if api.price is None or (rates is not None and rates.discount is None):
            return []
        dates = list_price_dates(api.price.provider, api.price.model)
        return [(date, self.tokens_on(api, date)) for date in dates if self.date < date <= until]

    def gpu_price(self, gpu: Gpu, provider: str | None = None, purchase: Purchase = "on_demand", region: str | None = None) -> GpuHour:
        """What an hour of a GPU costs.

        Without a provider: the catalogue's default for this GPU, or else the only one that sells it so. Without a region: the
        provider's first listed. Of several dates the last up to the day of the book, or the first after it. Negotiated prices
        go before list prices. Raises InputError when there is no such offer, naming those there are.
        """
        return self._negotiated_hour(gpu, provider, purchase, region) or self._listed_hour(gpu, provider, purchase, region)

    def machine_price(
        self, machine: Machine, gpu: Gpu, purchase: Purchase = "on_demand", region: str | None = None, address: str | None = None
    ) -> GpuHour:
        """What an hour of one of the GPUs of a machine costs, bought as the whole machine.

        The price that the file of prices has for the Terraform resource at `address`, else for the machine, else for the GPU at the
        machine's provider; then what the catalogue has, of the machine and of the GPU. Raises InputError when there is no such offer,
        naming those there are.
        """
        return (
            self._hour_at(machine, purchase, region, address)
            or self._hour_of_machine(machine, purchase, region)
            or self._negotiated_hour(gpu, machine.provider, purchase, region)
            or _listed_machine_hour(machine, purchase, region)
            or self._listed_hour(gpu, machine.provider, purchase, region)
        )

    def places_of(self, machine: Machine) -> tuple[tuple[Purchase, str | None], ...]:
        """The ways of buying a machine, and the regions, for which there is a price of it, not only of its GPUs."""
        of_file = ((rate.purchase, rate.region) for rate in self._rates_of(machine))
        return (*of_file, *((price.purchase, price.region) for price in machine.prices))

    def _hour_at(self, machine: Machine, purchase: Purchase, region: str | None, address: str | None) -> GpuHour | None:
        found = self._negotiated.by_address.get(address, ()) if self._negotiated and address else ()
        for price in found:
            # A plan that changes the machine of a resource has the prices of both.
            if compared_machine(price.machine) == compared_machine(machine.name) and price.purchase in (None, purchase):
                return self._machine_hour(machine, purchase, region, price.usd_per_machine_hour, None, listed=True)
        return None

    def _hour_of_machine(self, machine: Machine, purchase: Purchase, region: str | None) -> GpuHour | None:
        for rate in self._rates_of(machine):
            if rate.purchase == purchase and _same_place(rate, region):
                usd = rate.usd_per_machine_hour
                return self._machine_hour(machine, purchase, rate.region or region, usd, rate.as_of, listed=rate.listed)
        return None

    def _rates_of(self, machine: Machine) -> tuple[MachineRate, ...]:
        wanted = compared_machine(machine.name)
        given = self._negotiated.machine.items() if self._negotiated else ()
        return tuple(
            rate for name, rates in given if compared_machine(name) == wanted for rate in rates if rate.provider == machine.provider
        )

    def _machine_hour(
        self, machine: Machine, purchase: Purchase, region: str | None, usd_per_machine_hour: float, as_of: str | None, *, listed: bool
    ) -> GpuHour:
        return GpuHour(
            gpu=machine.gpu,
            provider=machine.provider,
            purchase=purchase,
            region=region,
            usd_per_gpu_hour=usd_per_machine_hour / machine.gpus,
            gpus_sold_together=machine.gpus,
            source=self._source(listed=listed),
            as_of=as_of or self._as_of,
            assumed=False,
            negotiated=not listed,
        )

    @property
    def _as_of(self) -> str:
        return (self._negotiated and self._negotiated.as_of) or self.date.isoformat()

    def _source(self, *, listed: bool) -> str:
        """The file of prices as a source; of a list only the name of the file, and the tool that made it."""
        made_by = self._negotiated and self._negotiated.made_by
        return f"{PurePath(self.shown).name}{f' ({made_by})' if made_by else ''}" if listed else self.shown

    def _negotiated_hour(self, gpu: Gpu, provider: str | None, purchase: str, region: str | None) -> GpuHour | None:
        offers = self._negotiated.gpu.get(gpu.name, ()) if self._negotiated else ()
        for offer in offers:
            if offer.purchase == purchase and provider in (None, offer.provider) and _same_place(offer, region):
                return GpuHour(
                    gpu=gpu.name,
                    provider=offer.provider,
                    purchase=purchase,
                    region=offer.region or region,
                    usd_per_gpu_hour=offer.usd_per_gpu_hour,
                    gpus_sold_together=offer.gpus_sold_together,
                    source=self._source(listed=offer.listed),
                    as_of=offer.as_of or self._as_of,
                    assumed=False,
                    negotiated=not offer.listed,
                )
        return None

    def _listed_hour(self, gpu: Gpu, provider: str | None, purchase: str, region: str | None) -> GpuHour:
        offers = [price for price in gpu.prices if price.purchase == purchase]
        sellers = list(dict.fromkeys(price.provider for price in offers))
        if provider is None:
            provider = gpu.default_provider if gpu.default_provider in sellers else None
            if provider is None and len(sellers) == 1:
                provider = sellers[0]
            if provider is None:
                raise InputError(f"{gpu.name}: no provider given to buy it {purchase}; {_offers(gpu)}")
        mine = [price for price in offers if price.provider == provider]
        if not mine:
            known = {price.provider for price in gpu.prices}
            hint = "" if provider in known else nearest(provider, known)
            raise InputError(f"{gpu.name}: no price of {provider} {purchase} is known; {_offers(gpu)}{hint}")
        place = mine[0].region if region is None else region
        here = [price for price in mine if price.region == place]
        if not here:
            of_file = self._negotiated.gpu.get(gpu.name, ()) if self._negotiated else ()
            more = [rate.region for rate in of_file if rate.region and (rate.provider, rate.purchase) == (provider, purchase)]
            regions = [*more, *(price.region or "any" for price in mine)]
            listed = ", ".join(dict.fromkeys(regions))
            raise InputError(
                f"{gpu.name}: no price of {provider} {purchase} in {place} is known; known: {listed}{nearest(str(place), regions)}"
            )
        price = self._of_the_day(here)
        return GpuHour(
            gpu=gpu.name,
            provider=price.provider,
            purchase=price.purchase,
            region=price.region,
            usd_per_gpu_hour=price.usd_per_gpu_hour,
            gpus_sold_together=price.gpus_sold_together,
            source=price.source,
            as_of=price.as_of,
            assumed=price.assumed,
        )

    def _of_the_day(self, prices: list[GpuPrice]) -> GpuPrice:
        dated = sorted(prices, key=lambda price: _day(price.as_of))
        past = [price for price in dated if _day(price.as_of) <= self.date]
        return past[-1] if past else dated[0]


def _listed_machine_hour(machine: Machine, purchase: Purchase, region: str | None) -> GpuHour | None:
    for price in machine.prices:
        if price.purchase == purchase and region in (None, price.region):
            return GpuHour(
                gpu=machine.gpu,
                provider=machine.provider,
                purchase=purchase,
                region=price.region,
                usd_per_gpu_hour=price.usd_per_machine_hour / machine.gpus,
                gpus_sold_together=machine.gpus,
                source=price.source,
                as_of=price.as_of,
                assumed=price.assumed,
            )
    return None


def _same_place(offer: GpuRate | MachineRate, region: str | None) -> bool:
    """Whether an offer holds in a region; where none is asked for, the first offer of a file counts."""
    return offer.region is None or region is None or offer.region == region


def _day(as_of: str) -> datetime.date:
    """The first day that an as_of can mean; `undated` comes before all."""
    if as_of == "undated":
        return datetime.date.min
    parts = [int(part) for part in as_of.split("-")]
    return datetime.date(*[*parts, 1, 1][:3])


def _offers(gpu: Gpu) -> str:
    if not gpu.prices:
        return "none at all is known; give one in a price file (--prices)"
    seen = dict.fromkeys(f"{price.provider} {price.purchase}" for price in gpu.prices)
    return f"known: {', '.join(seen)}; or give one in a price file (--prices)"
