"""A stack as its file declares it: deployments, routing, service levels. Field descriptions are the manual (docs/stacks.md)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from sim.catalog.strict import Strict
from sim.stack.api_deployment import ApiDeployment
from sim.stack.client import Fault
from sim.stack.costs import Costs, People
from sim.stack.gpu_deployment import GpuDeployment
from sim.stack.quantity import DeploymentName, PositiveSeconds, PositiveWhole, Seconds, Share, Whole
from sim.stack.retraining import Retraining

Deployment = Annotated[ApiDeployment | GpuDeployment, Field(discriminator="kind")]


def _listed(value: Any) -> Any:
    """`class: chat` means `class: [chat]`; a list becomes the tuple that the field holds."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _target(value: Any) -> Any:
    """`- own` means `- deployment: own`."""
    return {"deployment": value} if isinstance(value, str) else value


class PromptTokens(Strict):
    """A range of prompt lengths, both ends included."""

    min: Whole = Field(default=0, le=10**9, description="shortest prompt")
    max: PositiveWhole | None = Field(default=None, le=10**9, description="longest prompt; absent: any")

    @property
    def takes_all(self) -> bool:
        """Whether prompts of every length are in the range."""
        return self.min == 0 and self.max is None


class When(Strict):
    """Which requests a rule takes; what is left out does not matter."""

    class_: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(default=(), alias="class", description="classes of requests")
    prompt_tokens: PromptTokens = Field(default=PromptTokens(), description="range of prompt lengths")


class Target(Strict):
    """One place of a rule's list."""

    deployment: str = Field(description="name of a deployment of this stack")
    pass_on: Annotated[tuple[Fault, ...] | None, BeforeValidator(_listed)] = Field(
        default=None,
        description="what sends a request to the next place: 429, 5xx, timeout; absent: all three, and nothing at the last place",
    )
    max_wait: PositiveSeconds | None = Field(
        default=None, description="expected wait in a gpu deployment's queue above which a request goes to the next place; absent: any"
    )


class Rule(Strict):
    """Which requests go where; of the rules that fit a request the first takes it."""

    when: When = Field(default=When(), description="which requests; absent: all")
    share: Share = Field(default=1.0, description="share of those requests, drawn by chance; the others go on to the next rule")
    to: Annotated[tuple[Annotated[Target, BeforeValidator(_target)], ...], BeforeValidator(_listed)] = Field(
        min_length=1, description="deployments in order: each is tried when the one before passes the request on"
    )


class Router(Strict):
    """What the router remembers between requests."""

    cooldown: Seconds = Field(default=0.0, description="how long a deployment is passed over after a refusal or an error")


class DataHome(Strict):
    """Data that must stay at home: no rule may send these classes to a deployment that is not marked `home`."""

    classes: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(min_length=1, description="classes that must stay")


class Slo(Strict):
    """Service levels that goodput and load are measured against."""

    ttft_p95: PositiveSeconds = Field(default=3.0, description="95 % of requests get their first token within this time")
    tpot_p95: PositiveSeconds = Field(default=0.05, description="95 % of requests get further tokens at least this fast, each")
    completed: Share = Field(default=0.995, description="share of requests that must complete")


class Stack(Strict):
    """What we run: deployments, routing, service levels, and what else they cost."""

    description: str = Field(default="", description="one sentence for people")
    deployments: dict[DeploymentName, Deployment] = Field(
        min_length=1, max_length=64, description="the places that can serve a request, by name"
    )
    routing: tuple[Rule, ...] = Field(default=(), description="ordered rules; may be left out when there is one deployment")
    router: Router = Field(default=Router(), description="settings of the router")
    data_home: DataHome | None = Field(default=None, description="classes of requests that must stay at home")
    slo: Slo = Field(default=Slo(), description="service levels")
    people: People = Field(default=People(), description="who works on it")
    costs: Costs = Field(default=Costs(), description="what it costs beside tokens, GPU-hours and people")
    retraining: tuple[Retraining, ...] = Field(default=(), max_length=64, description="models that are trained again and again")

    @model_validator(mode="after")
    def _rules_exist(self) -> Stack:
        if not self.routing and len(self.deployments) > 1:
            raise ValueError(f"key routing missing; with {len(self.deployments)} deployments it is required")
        return self

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules; with one deployment and none given, everything goes there."""
        return self.routing or (Rule(to=(Target(deployment=next(iter(self.deployments))),)),)
