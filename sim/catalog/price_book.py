"""The price book of a run: what an API's tokens and an hour of a GPU cost on the simulated day.

Token prices come from genai-prices by reference, GPU prices from the catalogue, and a file of negotiated prices goes before
both. A price nobody knows is an InputError, never zero.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.errors import InputError, nearest

if TYPE_CHECKING:
    from sim.catalog.api import Api
    from sim.catalog.gpu import Gpu, GpuPrice, Purchase
    from sim.catalog.price_file import PriceFile
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


class PriceBook:
    """Prices on one day."""

    def __init__(self, date: datetime.date, negotiated: PriceFile | None = None, shown: str = "price file") -> None:
        """`shown` is how the file of negotiated prices is named as a source."""
        self.date = date
        self.shown = shown
        self._negotiated = negotiated

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

    def _negotiated_hour(self, gpu: Gpu, provider: str | None, purchase: str, region: str | None) -> GpuHour | None:
        offers = self._negotiated.gpu.get(gpu.name, ()) if self._negotiated else ()
        for offer in offers:
            same_place = offer.region is None or region is None or offer.region == region
            if offer.purchase == purchase and provider in (None, offer.provider) and same_place:
                return GpuHour(
                    gpu=gpu.name,
                    provider=offer.provider,
                    purchase=purchase,
                    region=offer.region or region,
                    usd_per_gpu_hour=offer.usd_per_gpu_hour,
                    gpus_sold_together=offer.gpus_sold_together,
                    source=self.shown,
                    as_of=offer.as_of or self.date.isoformat(),
                    assumed=False,
                    negotiated=True,
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
            regions = [price.region or "any" for price in mine]
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
