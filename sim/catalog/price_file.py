"""A file of negotiated prices (`--prices FILE`): what replaces the list prices, by API and by GPU.

api:
  claude-sonnet-5-5: {discount: 15%}                      # off every list rate, or:
  gpt-6.1-sol: {input_usd_per_mtok: 1.6, output_usd_per_mtok: 8, cached_input_usd_per_mtok: 0.08, batch_discount: 0.5}
gpu:
  h100-sxm:
    - {provider: aws, purchase: reserved_1y, usd_per_gpu_hour: 3.9, gpus_sold_together: 8}
machine:                                                  # goes before the price of its GPUs
  p5.48xlarge:
    - {provider: aws, purchase: reserved_3y, usd_per_machine_hour: 24}

Price lists of other tools (sim/catalog/price_formats) become the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from sim.catalog.gpu import Purchase
from sim.catalog.strict import AsOf, Count, Name, NotNegative, Positive, Share, Strict, parsed
from sim.catalog.token_prices import Rates, TokenPrices, TokenRate
from sim.errors import input_error, nearest
from sim.units import parse_share

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog


Rate = Annotated[NotNegative, Field(le=1e6)]
Discount = Annotated[Share, parsed(parse_share)]


class ApiRates(Strict):
    """What a team pays for tokens of one API: a discount off the list, or rates of its own."""

    discount: Discount | None = None
    input_usd_per_mtok: Rate | None = None
    cached_input_usd_per_mtok: Rate | None = None
    cache_write_usd_per_mtok: Rate | None = None
    output_usd_per_mtok: Rate | None = None
    batch_discount: Discount | None = None
    """Off these rates in the batch lane; without it a batch price is not known."""

    @model_validator(mode="after")
    def _one_way(self) -> ApiRates:
        rates = (self.input_usd_per_mtok, self.output_usd_per_mtok)
        others = (self.cached_input_usd_per_mtok, self.cache_write_usd_per_mtok, self.batch_discount)
        if self.discount is not None and any(value is not None for value in (*rates, *others)):
            raise ValueError("give a discount or rates, not both")
        if self.discount is None and None in rates:
            raise ValueError("give a discount, or input_usd_per_mtok and output_usd_per_mtok")
        return self

    def over(self, listed: TokenPrices | None, api: str, shown: str, date: Any) -> TokenPrices:
        """These rates in place of, or off, the list prices."""
        if self.discount is not None:
            assert listed is not None
            factor = 1.0 - self.discount
            return TokenPrices(
                api=api,
                date=date,
                by_time=tuple((second, rates.scaled(factor)) for second, rates in listed.by_time),
                batch=listed.batch and listed.batch.scaled(factor),
                flex=listed.flex and listed.flex.scaled(factor),
                priority=listed.priority and listed.priority.scaled(factor),
                source=f"{shown}: {self.discount:.4g} off {listed.source}",
                negotiated=True,
                discount=self.discount,
            )
        assert self.input_usd_per_mtok is not None
        assert self.output_usd_per_mtok is not None
        plain = self.input_usd_per_mtok
        cached = plain if self.cached_input_usd_per_mtok is None else self.cached_input_usd_per_mtok
        written = plain if self.cache_write_usd_per_mtok is None else self.cache_write_usd_per_mtok
        rates = Rates((TokenRate(0, plain, cached, self.output_usd_per_mtok, written, written),))
        return TokenPrices(
            api=api,
            date=date,
            by_time=((0.0, rates),),
            batch=None if self.batch_discount is None else rates.scaled(1.0 - self.batch_discount),
            flex=None,
            priority=None,
            source=shown,
            negotiated=True,
        )


class GpuRate(Strict):
    """What a team pays for an hour of one GPU at one provider; without a region it holds for all."""

    provider: Name
    purchase: Purchase = "on_demand"
    usd_per_gpu_hour: Rate
    region: str | None = None
    gpus_sold_together: Count | None = None
    as_of: AsOf | None = None
    listed: bool = False
    """A list price: it moves with the market, where a negotiated one holds."""


class MachineRate(Strict):
    """What an hour of one machine costs at one provider, whatever its GPUs cost in others; without a region it holds for all."""

    provider: Name
    purchase: Purchase = "on_demand"
    usd_per_machine_hour: Rate
    region: str | None = None
    as_of: AsOf | None = None
    listed: bool = False


class MachinePrice(Strict):
    """What an hour of one machine of a Terraform resource costs, by Infracost."""

    machine: str
    """Its instance type, as the provider writes it."""
    purchase: Purchase | None = None
    """None: reserved, for a term that the file does not say."""
    usd_per_machine_hour: Annotated[Positive, Field(le=1e6)]


class WrittenPrices(Strict):
    """Prices as a team writes them down, by catalogue name."""

    api: dict[str, ApiRates] = Field(default_factory=dict)
    gpu: dict[str, tuple[GpuRate, ...]] = Field(default_factory=dict)
    machine: dict[str, tuple[MachineRate, ...]] = Field(default_factory=dict)


class PriceFile(WrittenPrices):
    """Prices that go before the catalogue's: negotiated ones, or the list of another tool."""

    by_address: dict[str, tuple[MachinePrice, ...]] = Field(default_factory=dict)
    """By the address of a Terraform resource, as `aws_autoscaling_group.gpu` or `module.serving.google_container_node_pool.a3[0]`."""
    as_of: AsOf | None = None
    """When the prices held, where the file says so."""
    made_by: str | None = None
    """The tool that made the file; None for one of ours."""
    notes: tuple[str, ...] = ()
    """What was left out of the file of another tool, or read into it."""

    def text(self) -> str:
        """The prices as a text that `price_file_of` reads back, for a machine that has not the file."""
        return self.model_dump_json(exclude_defaults=True)


def load_price_file(path: str | Path, catalog: Catalog, name: str | None = None) -> PriceFile:
    """A price file, checked against the names of the catalogue; InputError with every problem located."""
    from sim.catalog.yaml_file import problem, read_document, validate

    document = read_document(path, name)
    prices = validate(document, WrittenPrices)
    problems = []
    machines = catalog.machines()
    for name_of_machine, rates in prices.machine.items():
        for at, rate in enumerate(rates):
            if machines.get(name_of_machine, rate.provider) is None:
                known = [machine.name for machine in machines.all if machine.provider == rate.provider]
                message = f"unknown machine {name_of_machine!r} of {rate.provider}{nearest(name_of_machine, known)}"
                problems.append(
                    problem(document, ("machine", name_of_machine, at), f"{message} (sim catalog list machines names them all)")
                )
    for kind, given in (("api", prices.api), ("gpu", prices.gpu)):
        known = catalog.names("api" if kind == "api" else "gpu")
        for entry in given:
            if entry not in known:
                message = f"unknown {kind} {entry!r}{nearest(entry, known)} (sim catalog list {kind} names them all)"
                problems.append(problem(document, (kind, entry), message, key=True))
    if problems:
        raise input_error(problems)
    return PriceFile(api=prices.api, gpu=prices.gpu, machine=prices.machine)


def price_file_of(text: str) -> PriceFile:
    """A price file of its text, as `PriceFile.text` wrote it or in YAML; InputError where it is none."""
    from pydantic import ValidationError

    from sim.catalog.yaml_file import load_text

    try:
        return PriceFile.model_validate_json(text)
    except ValidationError:
        prices = load_text(text, "price file", WrittenPrices)
    return PriceFile(api=prices.api, gpu=prices.gpu, machine=prices.machine)
