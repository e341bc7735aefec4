"""What tokens of an API cost on a day: list rates by length of prompt and time of day, batch and service tiers.

Rates are read from the package genai-prices by reference. It falls back without a word where it does not know: an unknown
context or a date before its first record gets the standard price, a peak hour that is not dated holds for all dates, and a free
entry has no price at all. Each of these is an error or an absent rate here.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from sim.errors import InputError, nearest

UTC = datetime.UTC


@dataclass(frozen=True, slots=True)
class TokenRate:
    """USD per million tokens of a request whose input has at least `from_input_tokens` tokens (cached ones included)."""

    from_input_tokens: int
    input_usd_per_mtok: float
    cached_input_usd_per_mtok: float
    """The input rate where no cached rate is listed."""
    output_usd_per_mtok: float
    cache_write_usd_per_mtok: float
    """Of input tokens written into the provider's cache for minutes; the input rate where none is listed."""
    cache_write_1h_usd_per_mtok: float

    def usd(self, *, input_tokens: float, output_tokens: float, cached_tokens: float = 0.0, written_tokens: float = 0.0) -> float:
        """The price of one request in USD; `input_tokens` counts cached and written ones too."""
        plain = input_tokens - cached_tokens - written_tokens
        return (
            plain * self.input_usd_per_mtok
            + cached_tokens * self.cached_input_usd_per_mtok
            + written_tokens * self.cache_write_usd_per_mtok
            + output_tokens * self.output_usd_per_mtok
        ) / 1e6


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates by length of input: the last that applies holds for every token of the request."""

    by_input_tokens: tuple[TokenRate, ...]

    def at(self, input_tokens: float) -> TokenRate:
        """The rate of a request with so many input tokens."""
        found = self.by_input_tokens[0]
        for rate in self.by_input_tokens[1:]:
            if input_tokens >= rate.from_input_tokens:
                found = rate
        return found

    def scaled(self, factor: float) -> Rates:
        """All rates times a factor."""
        return Rates(
            tuple(
                TokenRate(
                    rate.from_input_tokens,
                    rate.input_usd_per_mtok * factor,
                    rate.cached_input_usd_per_mtok * factor,
                    rate.output_usd_per_mtok * factor,
                    rate.cache_write_usd_per_mtok * factor,
                    rate.cache_write_1h_usd_per_mtok * factor,
                )
                for rate in self.by_input_tokens
            )
        )


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """All that tokens of one API cost on one day, and where it was read."""

    api: str
    date: datetime.date
    by_time: tuple[tuple[float, Rates], ...]
    """(second of the UTC day, rates from then on), the first at 0; one entry where hours make no difference."""
    batch: Rates | None
    """Of the batch lane; none where there is none or its rates of that day are not known."""
    flex: Rates | None
    priority: Rates | None
    source: str
    negotiated: bool = False
    discount: float | None = None
    """Of negotiated prices that follow the list: the share that is off it. None: they do not follow it, or are the list's own."""

    @property
    def standard(self) -> Rates:
        """The rates at the beginning of the UTC day, outside peak hours at every provider known."""
        return self.by_time[0][1]

    def at(self, second_of_day: float) -> Rates:
        """The rates at a second of the UTC day."""
        return [rates for start, rates in self.by_time if start <= second_of_day % 86_400.0][-1]

    def batch_rates(self) -> Rates:
        """The rates of the batch lane; InputError where they are not known."""
        if self.batch is None:
            raise InputError(f"no batch price of {self.api} is known on {self.date}; give one in a price file (--prices)")
        return self.batch


def read_list_prices(api: str, provider: str, model: str, date: datetime.date) -> TokenPrices:
    """The list prices of a day from genai-prices' bundled data.

    Raises InputError for an unknown provider or model, with the nearest name, and for a price that is not known.
    """
    import genai_prices
    from genai_prices import data_snapshot

    snapshot = data_snapshot.get_snapshot()
    seller = next((each for each in snapshot.providers if each.id == provider), None)
    if seller is None:
        raise InputError(f"{api}: unknown price provider {provider!r}{nearest(provider, [each.id for each in snapshot.providers])}")
    entry = _find(seller, model, snapshot.providers)
    if entry is None:
        known = [each.id for each in seller.models]
        raise InputError(f"{api}: no price of {provider}/{model} is known; give one in a price file (--prices){nearest(model, known)}")
    own = any(entry is each for each in seller.models)
    _refuse_undated_hours(api, entry, date)
    source = f"genai-prices {genai_prices.__version__}, {seller.id}/{entry.id}"
    if not own:
        lender = next(each.id for each in snapshot.providers if any(entry is other for other in each.models))
        source = f"genai-prices {genai_prices.__version__}, {lender}/{entry.id} for {seller.id}"
    since = max((start for start in _start_dates(entry) if start <= date), default=None)
    if since is not None:
        source += f", price of {since}"
    by_time = _by_time(api, entry, date)
    return TokenPrices(
        api=api,
        date=date,
        by_time=by_time,
        # The package ignores contexts for borrowed entries: a lender's batch price is not the borrower's.
        batch=_variant(api, entry, date, {"processing": "batch"}) if own else None,
        flex=_variant(api, entry, date, {"service_tier": "flex"}) if own else None,
        priority=_variant(api, entry, date, {"service_tier": "priority"}) if own else None,
        source=source,
    )


def list_price_dates(provider: str, model: str) -> list[datetime.date]:
    """The days on which the recorded list price of a model changes, past and scheduled, sorted."""
    from genai_prices import data_snapshot

    snapshot = data_snapshot.get_snapshot()
    seller = next((each for each in snapshot.providers if each.id == provider), None)
    entry = _find(seller, model, snapshot.providers) if seller else None
    return sorted(set(_start_dates(entry))) if entry is not None else []


def _find(seller: Any, model: str, providers: list[Any]) -> Any:
    """The entry of exactly that name before any that the package's patterns match to it, a cousin perhaps."""
    exact = next((each for each in seller.models if each.id == model), None)
    return exact or seller.find_model(model, all_providers=providers)


def _start_dates(entry: Any) -> list[datetime.date]:
    prices = entry.prices if isinstance(entry.prices, list) else []
    return [each.constraint.start_date for each in prices if hasattr(each.constraint, "start_date")]


def _hours(entry: Any) -> list[datetime.time]:
    """Begins and ends of daily windows, as UTC times (a time without a zone is UTC in the package)."""
    prices = entry.prices if isinstance(entry.prices, list) else []
    windows = [each.constraint for each in prices if hasattr(each.constraint, "start_time")]
    return [time for window in windows for time in (window.start_time, window.end_time)]


def _refuse_undated_hours(api: str, entry: Any, date: datetime.date) -> None:
    """Daily windows carry no date in the package, so they are right only since the last dated change."""
    starts = _start_dates(entry)
    if _hours(entry) and starts and date < max(starts):
        raise InputError(
            f"{api}: prices by the hour are recorded only from {max(starts)} on, not for {date}; "
            "start later or give a price file (--prices)"
        )


def _by_time(api: str, entry: Any, date: datetime.date) -> tuple[tuple[float, Rates], ...]:
    midnight = datetime.datetime.combine(date, datetime.time(0), UTC)
    seconds = {0.0}
    for time in _hours(entry):
        moment = datetime.datetime.combine(date, time if time.tzinfo else time.replace(tzinfo=UTC))
        seconds.add((moment - midnight).total_seconds() % 86_400.0)
    found: list[tuple[float, Rates]] = []
    for second in sorted(seconds):
        rates = _rates(api, entry.get_prices(midnight + datetime.timedelta(seconds=second)))
        if not found or found[-1][1] != rates:
            found.append((second, rates))
    return tuple(found)


def _variant(api: str, entry: Any, date: datetime.date, context: dict[str, str]) -> Rates | None:
    """The rates in a context, where a variant for it is recorded as in force on that day."""
    noon = datetime.datetime.combine(date, datetime.time(12), UTC)
    for variant in entry.price_variants or ():
        if variant.when == context and (variant.constraint is None or variant.constraint.active(noon)):
            return _rates(api, entry.get_prices(noon, context))
    return None


def _rates(api: str, price: Any) -> Rates:
    input_price, output_price = price.input_mtok, price.output_mtok
    if input_price is None or output_price is None:
        raise InputError(f"{api}: the price book has no token price for it; give one in a price file (--prices)")
    keys = (
        input_price,
        _first(price.cache_read_mtok, input_price),
        output_price,
        _first(price.cache_write_mtok, price.cache_write_5m_mtok, input_price),
        _first(price.cache_write_1h_mtok, price.cache_write_mtok, input_price),
    )
    # The package takes a tier when the input has *more* tokens than its start.
    starts = sorted({0} | {tier.start + 1 for key in keys for tier in getattr(key, "tiers", ())})
    return Rates(tuple(TokenRate(start, *(_at(key, start) for key in keys)) for start in starts))


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)


def _at(key: Any, input_tokens: int) -> float:
    value = getattr(key, "base", key)
    for tier in getattr(key, "tiers", ()):
        if input_tokens > tier.start:
            value = tier.price
    return float(value)
