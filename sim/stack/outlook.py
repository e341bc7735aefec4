"""An outlook as its file declares it: what may happen over the months, each number with its spread.

A key that is left out means that this does not happen or does not vary, so that an empty outlook is one without chance. `extends` names
an outlook whose keys hold where a file says nothing. Field descriptions are the manual (docs/outlooks.md); durations and rates carry
their unit in the key.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from sim.catalog.strict import Name, NotNegative, Positive, Source, Strict, parsed
from sim.stack.outlook_quantity import Amount, Change, PartAmount, Rate, Uncertain, UncertainChange, UncertainPart, UncertainRate
from sim.units import parse_share

Part = Annotated[float, parsed(parse_share), Field(ge=0, le=1)]
"""A share of one: `15%` or 0.15."""
Shape = tuple[Positive, ...]

NOTHING = Amount(p50=0.0)
NEVER = Rate(p50=0.0)
NONE = PartAmount(p50=0.0)
ONCE = Amount(p50=1.0)
STEADY = Change(p50=0.0)
_TOLERANCE = 0.005
_LEAST_TIMES = 0.3
"""Of factors on costs: `20%`, meant as 20 % more, is refused."""


def _mean_one(name: str, shape: Shape, length: int) -> None:
    if len(shape) != length:
        raise ValueError(f"found {len(shape)} numbers in {name}; {length} are needed")
    mean = sum(shape) / length
    if abs(mean - 1.0) > _TOLERANCE:
        raise ValueError(f"found {name} with mean {mean:.4g}; its mean must be 1")


class DayShape(Strict):
    """How demand is spread over the hours of a day, by name."""

    name: Name = Field(description="what the shape is called in reports")
    hours: Shape = Field(description="24 numbers with mean 1, from midnight UTC on")

    @model_validator(mode="after")
    def _whole_day(self) -> DayShape:
        _mean_one("hours", self.hours, 24)
        return self


class Demand(Strict):
    """What is asked over the months, against the trace."""

    growth_per_month: UncertainChange = Field(
        default=STEADY, description="growth of demand: one rate a future; month m has (1 + rate)^m times the trace, m from 0"
    )
    prompt_growth_per_month: UncertainChange = Field(default=STEADY, description="growth of prompt lengths: one rate a future")
    weekly_shape: Shape = Field(
        default=(1.0,) * 7, description="demand by weekday from Monday, with mean 1; for traces of less than seven days"
    )
    day_to_day_sigma: NotNegative = Field(
        default=0.0, le=3, description="sigma of a lognormal factor of every day, mean 1; for traces of less than 14 days"
    )
    day_shape: DayShape | None = Field(default=None, description="demand by hour, for traces of less than a day; absent: none is assumed")
    trace_sample: bool = Field(
        default=False, description="whether the mean demand of the trace is uncertain, as of a sample of its days and requests"
    )

    @model_validator(mode="after")
    def _growth_in_bounds(self) -> Demand:
        for name, found in (("growth_per_month", self.growth_per_month), ("prompt_growth_per_month", self.prompt_growth_per_month)):
            for value in (found.p5, found.p50, found.p95):
                if value is not None and value > 1.0:
                    raise ValueError(
                        f"found {name} {value:g}, which is {value:.0%} a month; at most 100% is allowed: {value:g} percent is {value:g}%"
                    )
        return self

    @model_validator(mode="after")
    def _whole_week(self) -> Demand:
        _mean_one("weekly_shape", self.weekly_shape, 7)
        return self


class ProfileError(Strict):
    """How wrong step times may be."""

    error_factor: NotNegative = Field(
        default=0.0,
        le=10,
        description="times each pool's own cross-validated error: sigma of a factor on step time, one a future and profile",
    )


class VendorIncidents(Strict):
    """Incidents of one vendor's APIs; what is left out is as in `default`."""

    per_30_days: UncertainRate | None = Field(default=None, description="incidents, in the mean; one rate a future")
    gap_shape: Positive | None = Field(
        default=None, ge=0.2, le=20, description="Weibull shape of the time between starts; below 1: clustered, 1: Poisson"
    )
    duration_h: Uncertain | None = Field(default=None, description="how long an incident lasts")
    outage_share: Part | None = Field(default=None, description="share of incidents in which every request fails; the others degrade")
    latency_factor: Uncertain | None = Field(default=None, description="times the latency while degraded; one draw an incident")
    error_rate: UncertainPart | None = Field(
        default=None, description="share of attempts that fail while degraded, at most 1; one draw an incident"
    )

    def over(self, under: VendorIncidents) -> VendorIncidents:
        """These, and those of another where nothing is said."""
        said = {name: value for name in VendorIncidents.model_fields if (value := getattr(self, name)) is not None}
        return under.model_copy(update=said)


QUIET = VendorIncidents(per_30_days=NEVER, gap_shape=1.0, duration_h=ONCE, outage_share=0.0, latency_factor=ONCE, error_rate=NONE)


class ApiIncidents(Strict):
    """Outages and degradations, independent across vendors; all models of a vendor suffer together."""

    default: VendorIncidents = Field(default=QUIET, description="of vendors that are not named")
    vendors: dict[Name, VendorIncidents] = Field(default_factory=dict, description="by vendor")

    def of(self, vendor: str) -> VendorIncidents:
        """All that holds for a vendor."""
        known = self.vendors.get(vendor, VendorIncidents())
        return known.over(self.default).over(QUIET)


class GpuFailures(Strict):
    """Failures of GPUs and machines."""

    per_1000_node_days: dict[Name, UncertainRate] = Field(
        default_factory=dict, description="failures per 1,000 days of a machine of 8 GPUs, by GPU; `default` for others"
    )
    whole_node_share: Part = Field(default=0.0, description="share that takes all replicas of a machine; the others take one")
    rented_repair_h: Uncertain = Field(default=ONCE, description="until a rented GPU is usable again, or another in its place")
    owned_repair_h: Uncertain = Field(default=ONCE, description="the same where GPUs are reserved or on premises")

    def rate(self, gpu: str) -> Rate:
        """Failures per 1,000 days of a machine of 8 GPUs."""
        return self.per_1000_node_days.get(gpu, self.per_1000_node_days.get("default", NEVER))


class Spot(Strict):
    """Interruptions of pools that are bought as spot."""

    interrupted_per_30_days: dict[Name, UncertainPart] = Field(
        default_factory=dict, description="share of machines that are taken back within 30 days, by GPU; `default` for others"
    )
    notice_s: NotNegative = Field(default=30.0, le=86_400, description="warning before, where the provider's is not known")

    def share(self, gpu: str) -> Amount:
        """Share of machines taken back within 30 days."""
        return self.interrupted_per_30_days.get(gpu, self.interrupted_per_30_days.get("default", NONE))


class NoCapacity(Strict):
    """Episodes in which no further machine of a pool can be had; for pools that are neither reserved nor on premises."""

    per_30_days: UncertainRate = Field(default=NEVER, description="episodes, in the mean, for pools bought on demand")
    spot_factor: NotNegative = Field(default=1.0, le=1000, description="times as many for spot pools")
    duration_h: Uncertain = Field(default=ONCE, description="how long one lasts")


class LimitChanges(Strict):
    """Rate limits that a vendor tightens for all of its models, at most once a future."""

    tightened_per_year: NotNegative = Field(default=0.0, le=365, description="how often a vendor does, in the mean")
    factor: Positive = Field(default=1.0, le=1, description="what limits are multiplied by from then on")


class PriceSteps(Strict):
    """Changes of a list price that nobody has announced: steps at random times."""

    changes_per_year: UncertainRate = Field(
        default=NEVER, description="steps of one model's price, in the mean; one rate a future and model"
    )
    rise_share: Part = Field(default=0.0, description="share of steps that go up")
    rise_ln: Uncertain = Field(default=NOTHING, description="size of a step up: logarithm of new over old")
    cut_ln: Uncertain = Field(default=NOTHING, description="size of a step down: logarithm of old over new")
    largest_rise_ln: Positive = Field(default=1.32, le=10, description="the largest that can be drawn: 1.32 is 275 % more")
    largest_cut_ln: Positive = Field(default=1.61, le=10, description="the largest that can be drawn: 1.61 is 80 % less")


class ApiPrices(Strict):
    """List prices of tokens; announced changes come on their dates whatever the outlook, negotiated rates do not change."""

    own_models: PriceSteps = Field(default=PriceSteps(), description="of vendors' own models")
    open_models: PriceSteps = Field(default=PriceSteps(), description="of open models that a vendor hosts")
    hosts: tuple[Name, ...] = Field(default=(), description="vendors all of whose models are open ones")


class GpuPrices(Strict):
    """Prices of rented GPU-hours; those of reserved GPUs change when the term ends, those on premises never."""

    drift_per_month: UncertainChange = Field(default=STEADY, description="trend of all GPUs together: one rate a future")
    monthly_sigma: NotNegative = Field(default=0.0, le=3, description="sigma of a further lognormal step of every month, mean 1, by GPU")
    jumps_per_year: NotNegative = Field(default=0.0, le=365, description="jumps, in the mean, by GPU")
    rise_share: Part = Field(default=0.0, description="share of jumps that go up")
    rise_ln: Uncertain = Field(default=NOTHING, description="size of a jump up: logarithm of new over old")
    cut_ln: Uncertain = Field(default=NOTHING, description="size of a jump down: logarithm of old over new")
    largest_rise_ln: Positive = Field(default=1.32, le=10, description="the largest that can be drawn: 1.32 is 275 % more")
    largest_cut_ln: Positive = Field(default=1.61, le=10, description="the largest that can be drawn: 1.61 is 80 % less")


class Retirement(Strict):
    """Retirement of models whose date is not announced; announced ones come on their dates whatever the outlook."""

    lifetime_days: Uncertain | None = Field(
        default=None,
        description="how long a model is offered; its age, if not known, is taken as random. Absent: none retires unannounced",
    )
    notice_days: dict[Name, NotNegative] = Field(
        default_factory=dict, description="notice that a vendor gives: none retires sooner; `default` for others"
    )

    def notice(self, vendor: str) -> float:
        """Days of notice."""
        return self.notice_days.get(vendor, self.notice_days.get("default", 0.0))


class Bill(Strict):
    """What money depends on beside prices."""

    people: Uncertain = Field(default=ONCE, description="times the cost of people: 1.2 is a fifth dearer")
    hidden_spread: NotNegative = Field(
        default=0.0, le=10, description="times the stack's own spread of hidden costs around their middle; one draw a future"
    )
    migration: Uncertain = Field(default=ONCE, description="times the cost of a migration to another model")
    labels: Uncertain = Field(default=ONCE, description="times the cost of a label")
    response_hours: Uncertain = Field(default=ONCE, description="times the hours of work that an incident takes")

    @model_validator(mode="after")
    def _times(self) -> Bill:
        for name in ("people", "labels"):
            middle = getattr(self, name).middle
            if middle < _LEAST_TIMES:
                raise ValueError(f"found {name} {middle:g}: it is a factor, and this one would leave {middle:.0%}; a fifth dearer is 1.2")
        return self


class Retraining(Strict):
    """Chance in the retraining that a stack declares."""

    drift_time: Uncertain = Field(default=ONCE, description="times the time until accuracy has drifted; one draw a run")
    may_fail: bool = Field(
        default=False, description="whether evaluations fail and new models are taken back, as often as the stack says; else never"
    )


class Outlook(Strict):
    """What may happen over the months ahead."""

    description: str = Field(default="", description="one sentence for people")
    extends: Name | None = Field(default=None, description="name of an outlook whose keys hold where this one says nothing")
    demand: Demand = Field(default=Demand(), description="what is asked")
    profile: ProfileError = Field(default=ProfileError(), description="how wrong step times may be")
    api_incidents: ApiIncidents = Field(default=ApiIncidents(), description="outages and degradations of APIs")
    gpu_failures: GpuFailures = Field(default=GpuFailures(), description="failures of GPUs and machines")
    spot: Spot = Field(default=Spot(), description="interruptions of spot pools")
    no_capacity: NoCapacity = Field(default=NoCapacity(), description="no further machines to be had")
    limits: LimitChanges = Field(default=LimitChanges(), description="rate limits that are tightened")
    api_prices: ApiPrices = Field(default=ApiPrices(), description="prices of tokens")
    gpu_prices: GpuPrices = Field(default=GpuPrices(), description="prices of GPU-hours")
    retirement: Retirement = Field(default=Retirement(), description="retirement of models")
    retraining: Retraining = Field(default=Retraining(), description="retraining")
    bill: Bill = Field(default=Bill(), description="what money depends on beside prices")
    sources: tuple[Source, ...] = Field(default=(), description="where the numbers come from")

    def source_of(self, key: str) -> Source | None:
        """The first source that speaks of a key, of a part of it or of the whole that it is part of."""
        for source in self.sources:
            if any(key == each or key.startswith(f"{each}.") or each.startswith(f"{key}.") for each in source.keys):
                return source
        return None

    def assumed(self, *sections: str) -> tuple[str, ...]:
        """The keys of some sections that nobody could source."""
        keys = dict.fromkeys(key for source in self.sources for key in source.keys if key.split(".")[0] in sections)
        return tuple(key for key in keys if (source := self.source_of(key)) is not None and source.assumed)
