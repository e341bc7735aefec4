"""What a plan may choose from, as a file declares it: lists and ranges over a pool of GPUs, how it is bought, and what helps it out.

What a space does not name stays as in the stack. `stack` stands for what the stack has, too, among other values. Every list is tried with
every other: the product is the set of candidates (docs/plan.md).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Precision, Purchase
from sim.catalog.strict import Count, Name, Strict
from sim.catalog.yaml_file import load_model
from sim.errors import InputError, nearest
from sim.planning.axes import axis_of
from sim.stack.quantity import DeploymentName, PositiveNumber, PositiveSeconds, Share, Usd, Whole

DEFAULT = "default"
"""The name of the bundled space."""
_FOLDER = "spaces"
As = Literal["stack"]
"""As the stack has it."""
Law = Literal["hpa", "keda", "knative", "target_tracking"]


def _listed(value: Any) -> Any:
    """One value is a list of one; a text as `1:8` or `2:32:2` is a range, both ends included."""
    if isinstance(value, str) and ":" in value:
        try:
            return axis_of("", value, "range").values
        except InputError as error:
            raise ValueError(str(error).removeprefix("range: ")) from None
    return tuple(value) if isinstance(value, list) else value if value is None else (value,)


def _bought(value: Any) -> Any:
    """`spot` means `{purchase: spot}`."""
    return {"purchase": value} if isinstance(value, str) and value != "stack" else value


def _each(read: Callable[[Any], Any]) -> BeforeValidator:
    """A list whose values may be written short."""

    def values(value: Any) -> Any:
        found = _listed(value)
        return tuple(map(read, found)) if isinstance(found, tuple) else found

    return BeforeValidator(values)


_values = BeforeValidator(_listed)
Counts = Annotated[tuple[Whole, ...], _values, Field(min_length=1, max_length=10_000)]
Limits = Annotated[tuple[As | Count, ...], _values, Field(min_length=1, max_length=1000)]


class Bought(Strict):
    """How the GPUs' hours are bought; what is left out is as the stack says for on-demand hours, else the catalogue's."""

    purchase: Purchase = Field(description="on_demand, spot, reserved_1y and so on, as far as a price is known")
    provider: Name | None = Field(default=None, description="who rents them; absent: the GPU's default provider")
    region: str | None = Field(default=None, max_length=100, description="region of the price; absent: the provider's first")
    usd_per_gpu_hour: Usd | None = Field(default=None, description="a price of one's own")

    @property
    def words(self) -> str:
        """As a table shows it."""
        usd = None if self.usd_per_gpu_hour is None else f"{self.usd_per_gpu_hour:g} USD"
        return " ".join(each for each in (self.purchase, self.provider, self.region, usd) if each is not None)


class Reserved(Bought):
    """Hours that are paid whatever stands, for a part of the replicas."""

    share: Annotated[tuple[Share, ...], _values, Field(min_length=1, max_length=100)] = Field(
        description="shares of the replicas (of the most, where they move) that are bought so; the others as `purchase` says"
    )
    max_wait: PositiveSeconds = Field(
        default=0.5, description="expected wait at the reserved replicas above which a request goes to the others"
    )


class Scaled(Strict):
    """Replicas that a law moves between two bounds."""

    law: Law = Field(description="the autoscaler: hpa, keda, knative or target_tracking, with the settings of `with` and its own defaults")
    metric: str | None = Field(default=None, description="what it measures; absent: the law's default")
    target: Annotated[tuple[PositiveNumber, ...], _values, Field(min_length=1, max_length=100)] = Field(description="values to keep")
    min: Counts = Field(description="fewest replicas")
    max: Counts = Field(description="most replicas; pairs with max not above min are left out")
    with_: dict[str, Any] = Field(default={}, alias="with", max_length=30, description="other keys of the autoscaler, as in a stack")


class Overflow(Strict):
    """Where a request goes that would wait too long."""

    to: Name = Field(description="an API model of the catalogue, or an API deployment of the stack")
    max_wait: PositiveSeconds = Field(default=2.0, description="expected wait above which a request goes there")


class Space(Strict):
    """Lists of what a plan may choose; the candidates are all combinations."""

    description: str = Field(default="", max_length=1000, description="one sentence for people")
    deployment: DeploymentName | None = Field(default=None, description="the pool of the stack that is varied; absent: the only one")
    gpu: Annotated[tuple[As | Name, ...], _values] = Field(default=(), max_length=100, description="catalogue names of GPUs")
    tensor_parallel: Annotated[tuple[As | Count, ...], _values] = Field(default=(), max_length=100, description="GPUs of one replica")
    precision: Annotated[tuple[As | Precision, ...], _values] = Field(default=(), max_length=10, description="of the weights")
    replicas: Annotated[tuple[As | Whole, ...], _values] = Field(
        default=(), max_length=10_000, description="so many replicas always; `stack`: those of the stack with its autoscaler"
    )
    autoscaled: tuple[Scaled, ...] = Field(default=(), max_length=100, description="replicas that a law moves, beside `replicas`")
    max_num_seqs: Annotated[tuple[As | Count, ...], _values] = Field(default=(), max_length=1000, description="most sequences in a step")
    max_num_batched_tokens: Annotated[tuple[As | Count, ...], _values] = Field(
        default=(), max_length=1000, description="most tokens in a step"
    )
    purchase: Annotated[tuple[As | Bought, ...], _each(_bought)] = Field(
        default=(), max_length=100, description="how hours are bought: a name, or purchase with provider, region, usd_per_gpu_hour"
    )
    reserved: Reserved | None = Field(default=None, description="a base that is reserved, in shares of the replicas")
    overflow: Annotated[tuple[Literal["stack", "none"] | Overflow, ...], _values] = Field(
        default=(), max_length=100, description="where requests go that would wait too long: none, stack, or {to: API, max_wait: 2s}"
    )
    fallback: Annotated[tuple[str, ...], _values] = Field(
        default=(), max_length=100, description="where requests go that are refused or fail: none, stack, or an API"
    )
    api_share: Annotated[tuple[Share, ...], _values] = Field(
        default=(),
        max_length=100,
        description="shares of the pool's requests that go straight to the API of overflow, else of fallback",
    )
    settings: dict[str, Annotated[tuple[Any, ...], _values, Field(min_length=1, max_length=1000)]] = Field(
        default={}, max_length=50, description="any other key of the stack, as `deployments.own.queue_limit`, with its values"
    )

    @model_validator(mode="after")
    def _every_list_has_values(self) -> Space:
        empty = [name for name in self.model_fields_set if name not in ("description", "deployment") and not getattr(self, name)]
        if empty:
            raise ValueError(f"{', '.join(sorted(empty))}: a list of no values: there is nothing to choose from; leave it out")
        if not self.model_fields_set - {"description", "deployment"}:
            raise ValueError("nothing is varied; give at least one list, as replicas: 1:8")
        return self


def read_space(name: str | None, catalog: Catalog) -> tuple[str, Space]:
    """A space by file, or a bundled one by name (None: the default), with its name; InputError with every problem."""
    path = Path(os.path.expanduser(name or DEFAULT))  # noqa: PTH111  (Path.expanduser raises where there is no such user)
    looks_like_path = path.suffix in (".yaml", ".yml") or len(path.parts) > 1
    if looks_like_path:
        return path.stem, load_model(path, Space, name)
    for folder in catalog.folders:
        found = folder / _FOLDER / f"{path.name}.yaml"
        if found.is_file():
            return path.name, catalog.read(found, Space)
    known = sorted({each.stem for folder in catalog.folders for each in (folder / _FOLDER).glob("*.yaml")})
    raise InputError(f"no space {name!r}; allowed: {', '.join(known)}, or a file{nearest(path.name, known)}")
