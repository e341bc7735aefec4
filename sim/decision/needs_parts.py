"""The parts of a needs file: requirements, data, team, quality and strategies. Field descriptions are the manual (docs/decide.md)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sim.catalog.strict import Strict
from sim.stack.quantity import Number, PositiveNumber, PositiveSeconds, PositiveWhole, Share, Usd, Whole

Sensitivity = Literal["public", "internal", "pii", "phi", "classified", "trade_secret"]
Term = Literal["baa", "soc2", "dpa", "residency"]
Customisation = Literal["none", "prompting", "rag", "vendor_fine_tune", "own_fine_tune", "continued_pretraining", "from_scratch"]
CUSTOMISATIONS: tuple[Customisation, ...] = (
    "none", "prompting", "rag", "vendor_fine_tune", "own_fine_tune", "continued_pretraining", "from_scratch",
)  # fmt: skip
"""From what is done in a day to what takes a year: each is more control over the model than the one before."""
Kind = Literal[
    "api", "multi_vendor", "rag", "vendor_fine_tune", "self_hosted", "on_premises", "own_fine_tune", "continued_pretraining",
    "from_scratch", "hybrid",
]  # fmt: skip
"""What a strategy is; a progression has the kind of what it begins with."""
Criterion = Literal["accuracy", "data", "time_to_market", "budget", "team", "differentiation", "regulation"]
CRITERIA = MappingProxyType(
    {
        "accuracy": "accuracy requirements",
        "data": "data availability",
        "time_to_market": "time to market",
        "budget": "budget",
        "team": "team skills",
        "differentiation": "differentiation needs",
        "regulation": "regulatory constraints",
    }
)
"""The seven criteria of the weighted decision matrix, in words."""
Measure = Literal["latency", "cost", "accuracy", "throughput"]
"""What the performance requirements matrix weighs."""
CONTROL_NEEDED: frozenset[Sensitivity] = frozenset({"pii", "phi", "classified", "trade_secret"})
"""Data that may go to a vendor only where its terms allow it."""
MOST_MONTHS = 120


def _listed(value: Any) -> Any:
    """`terms_needed: baa` means `[baa]`; a list becomes the tuple that the field holds."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _plan(value: Any) -> Any:
    """`api: api-first` means `api: {stack: api-first}`."""
    return {"stack": value} if isinstance(value, str) else value


Terms = Annotated[tuple[Term, ...], BeforeValidator(_listed)]


class Accuracy(Strict):
    """How good answers must be."""

    target: Share = Field(description="the score that is needed, as a share of one")
    metric: str = Field(default="accuracy", max_length=200, description="what the score is, for people: `F1 on 500 tickets`")


class Latency(Strict):
    """How fast answers must be: each is an upper limit of a quantile over the requests of the trace."""

    ttft_p50: PositiveSeconds | None = Field(default=None, description="half of the requests get their first token within this time")
    ttft_p95: PositiveSeconds | None = Field(default=None, description="95 % of them")
    ttft_p99: PositiveSeconds | None = Field(default=None, description="99 % of them")
    tpot_p50: PositiveSeconds | None = Field(default=None, description="half of the requests get further tokens at least this fast, each")
    tpot_p95: PositiveSeconds | None = Field(default=None, description="95 % of them")
    tpot_p99: PositiveSeconds | None = Field(default=None, description="99 % of them")
    e2e_p50: PositiveSeconds | None = Field(default=None, description="half of the requests have their whole answer within this time")
    e2e_p95: PositiveSeconds | None = Field(default=None, description="95 % of them")
    e2e_p99: PositiveSeconds | None = Field(default=None, description="99 % of them")


class Volume(Strict):
    """How much is asked, where it is not what the trace has: the trace is then thinned or grown to it, its times and sizes kept."""

    tokens_per_month: PositiveNumber | None = Field(default=None, le=1e18, description="prompt and output tokens a month")
    requests_per_month: PositiveNumber | None = Field(default=None, le=1e15, description="or requests a month")
    growth_per_month: Share | None = Field(default=None, description="growth of demand a month, for certain; absent: the outlook's")

    @model_validator(mode="after")
    def _one_way(self) -> Volume:
        if self.tokens_per_month is not None and self.requests_per_month is not None:
            raise ValueError("tokens_per_month and requests_per_month both say how much; one of them is needed")
        return self


class Data(Strict):
    """What the requests hold, and where it may go."""

    sensitivity: Sensitivity = Field(default="internal", description="the most sensitive data in the requests")
    must_stay_home: bool = Field(
        default=False, description="whether no vendor may see the data whatever its terms: only deployments marked `home` may"
    )
    terms_needed: Terms = Field(default=(), description="terms without which a vendor may not see the data: baa, soc2, dpa, residency")
    residency: str | None = Field(default=None, max_length=100, description="where data must stay, for people: `EU`")


class Team(Strict):
    """Who is there to run a model; what is left out is not known."""

    developers: Number | None = Field(default=None, le=10_000, description="developers who can call an API")
    ml_engineers: Number | None = Field(default=None, le=10_000, description="ML engineers")
    devops_engineers: Number | None = Field(default=None, le=10_000, description="DevOps engineers")
    security: bool | None = Field(default=None, description="whether someone can secure and audit own machines")
    pretraining_experience: bool | None = Field(default=None, description="whether the ML engineers have pre-trained a model")
    can_hire: bool = Field(default=True, description="whether those who are missing can be hired")
    hiring_months: Number | None = Field(default=None, le=120, description="months until they are; absent: assumed")


class DataAvailable(Strict):
    """Data to tune or train on."""

    examples: Whole | None = Field(default=None, le=10**12, description="labelled examples; absent: not known")
    tokens: Whole | None = Field(default=None, le=10**15, description="tokens of text of the domain; absent: not known")
    unique: bool | None = Field(default=None, description="whether nobody else has such data; absent: not known")


class Evaluation(Strict):
    """A score of the user's own evaluation."""

    score: Share = Field(description="share of answers that are right, or another score between 0 and 1")
    n: PositiveWhole | None = Field(default=None, le=10**9, description="examples it was measured on; absent: how sure it is is not known")
    source: str = Field(default="", max_length=300, description="who measured it, when, on what; for people")
    outcomes: str | None = Field(
        default=None, max_length=1000, description="a CSV file with a column `score` (0 to 1) of each example, in the order of the test set"
    )


class Agreed(Strict):
    """What is settled already, for the architect's checklist; left out means open."""

    evaluation_metrics: bool = Field(default=False, description="whether all options are held to the same test set and metric")
    before_after: bool = Field(default=False, description="whether the base model is measured before it is tuned, on the same test set")
    ip_and_privacy: bool = Field(default=False, description="whether it is known what data goes to third parties, and who owns the results")
    labelling_effort: bool = Field(default=False, description="whether quality and labelling effort of the data are assessed")


class Then(Strict):
    """What a strategy goes over to, and when."""

    stack: str = Field(max_length=1000, description="name or file of the stack that follows")
    when: PositiveWhole | str = Field(
        description="month from which traffic goes over (1: the first), or the name of a trigger that must fire"
    )
    not_before: PositiveWhole = Field(default=1, le=MOST_MONTHS, description="of a trigger: the first month in which it counts")
    ramp_months: Number | None = Field(default=None, le=24, description="months over which traffic goes over; absent: assumed")
    parallel_months: Number | None = Field(default=None, le=24, description="months in which both run; absent: assumed")
    rollback_share: Share | None = Field(default=None, description="how likely the move is taken back; absent: assumed")
    migration_usd: Usd | None = Field(default=None, description="what the move itself costs; absent: assumed, in weeks of engineers")


class StrategyPlan(Strict):
    """One way to do it."""

    stack: str | None = Field(
        default=None, max_length=1000, description="name or file of its stack; only continued_pretraining and from_scratch may have none"
    )
    kind: Kind | None = Field(default=None, description="what it is; absent: told by its stack")
    then: Then | None = Field(default=None, description="what it goes over to later")

    @model_validator(mode="after")
    def _served(self) -> StrategyPlan:
        if self.stack is None and self.kind not in ("continued_pretraining", "from_scratch"):
            raise ValueError("key stack missing; only kind: continued_pretraining and kind: from_scratch can do without")
        if self.stack is None and self.then is not None:
            raise ValueError("found then without stack; what goes over must run first")
        return self


Plan = Annotated[StrategyPlan, BeforeValidator(_plan)]


class TriggerSetting(Strict):
    """One switch signal, otherwise than by default."""

    threshold: Number | None = Field(default=None, description="the level from which it fires, in the unit of its rule")
    months: PositiveWhole | None = Field(default=None, le=MOST_MONTHS, description="months in a row that it must hold")
    ignored: bool = Field(default=False, description="whether it is left out")


class Routing(Strict):
    """Models between which traffic could be divided; what is left out is taken from the stacks or assumed."""

    dearer: str | None = Field(default=None, max_length=100, description="catalogue name of the API model for what is hard")
    cheaper: str | None = Field(default=None, max_length=100, description="catalogue name of the API model for what is simple")
    simple_share: Share | None = Field(
        default=None, description="share of requests that the cheaper one answers as well; absent: not known"
    )
    router_usd_per_1000_requests: Usd | None = Field(default=None, description="what the router itself costs; absent: assumed")
    router_error_share: Share | None = Field(default=None, description="share of requests it sends to the wrong model; absent: assumed")
    challenger: str | None = Field(
        default=None, max_length=100, description="catalogue name of the API model to try on a part of the traffic"
    )
    challenger_share: Share | None = Field(default=None, description="that part; absent: assumed")
