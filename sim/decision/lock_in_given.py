"""What it takes to leave a vendor, as the needs state it, and what is assumed where they do not: models/defaults/lock-in.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from sim.catalog.catalog import Catalog
from sim.catalog.strict import NotNegative, Strict
from sim.stack.cost_defaults import Sourced
from sim.stack.quantity import Number, Usd


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Weeks = Annotated[Number, Field(le=520)]


class LeavingGiven(Strict):
    """What it takes to leave one vendor, in weeks of one engineer and USD; what is left out is assumed, or told by the stack."""

    prompts_weeks: Weeks | None = Field(default=None, description="weeks until prompts work with another model")
    evaluation_weeks: Weeks | None = Field(default=None, description="weeks to run the evaluation anew and put right what it finds")
    features: Annotated[tuple[str, ...], BeforeValidator(_listed)] | None = Field(
        default=None, max_length=64, description="features of this vendor alone that code uses; an empty list: none"
    )
    code_weeks: Weeks | None = Field(default=None, description="weeks to take them out of the code")
    abstraction_layer: bool | None = Field(
        default=None, description="whether calls go through a layer that hides the vendor; absent: told by the stack"
    )
    fine_tunes: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        default=None, description="models tuned at this vendor; absent: those that the stack retrains there"
    )
    fine_tune_weeks: Weeks | None = Field(default=None, description="weeks to make one of them again elsewhere")
    fine_tune_usd: Usd | None = Field(default=None, description="compute of that, for one; absent: as the stack pays for it now")
    weights_exportable: bool = Field(default=False, description="whether tuned weights may be taken along: nothing is then made again")
    export_weeks: Weeks | None = Field(default=None, description="weeks to take logs and stored data along")
    export_usd: Usd = Field(default=0.0, description="what the vendor charges for that")


class WeeksRange(Strict):
    """From one number of weeks to another; the middle is half-way."""

    low: NotNegative
    high: NotNegative

    @model_validator(mode="after")
    def _in_order(self) -> WeeksRange:
        if self.low > self.high:
            raise ValueError(f"found low {self.low:g} above high {self.high:g}")
        return self


class LockInDefaults(Sourced):
    """Weeks of one engineer by what is done in them."""

    prompts_weeks: WeeksRange
    evaluation_weeks: NotNegative
    code_weeks: NotNegative
    layer_weeks: NotNegative
    fine_tune_weeks: NotNegative
    export_weeks: NotNegative


def lock_in_defaults(catalog: Catalog) -> LockInDefaults:
    """The assumptions from the first folder of the catalogue that has them."""
    return catalog.shared("defaults/lock-in.yaml", LockInDefaults)
