"""What a caller does after a refusal, an error or a time-out: the rule of its SDK by name, or one given in the stack."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from sim.catalog.catalog import Catalog
from sim.catalog.strict import AsOf, Name, Source, Strict
from sim.errors import InputError, nearest
from sim.stack.quantity import PositiveSeconds, Seconds, Share, Whole


def _fault(value: Any) -> Any:
    """429 without quotes is a number in YAML."""
    return str(value) if value == 429 and not isinstance(value, bool) else value


Fault = Annotated[Literal["429", "5xx", "timeout"], BeforeValidator(_fault)]


class ClientPolicy(Strict):
    """Retries of a caller at one deployment: before retry n it waits min(base x 2^n, cap) x (1 - jitter x U) + jitter_add x U."""

    defaults_from: ClassVar[str] = "openai-python 3.52.0"

    retries: Whole = Field(default=2, le=100, description="how often an attempt is repeated at the same deployment")
    base: Seconds = Field(default=0.5, description="wait before the first retry")
    cap: Seconds = Field(default=8.0, description="longest wait of its own")
    jitter: Share = Field(default=0.25, description="share of the wait taken off at random")
    jitter_add: Seconds = Field(default=0.0, description="wait added at random, at most")
    retry_after_max: Seconds | None = Field(default=None, description="longest Retry-After that is honoured; absent: any")
    give_up_above: bool = Field(default=False, description="whether a longer Retry-After ends the attempt")
    retry_on: tuple[Fault, ...] = Field(default=("429", "5xx", "timeout"), description="what is tried again")
    timeout: PositiveSeconds | None = Field(default=600.0, description="when an attempt is given up; null: never")


Client = Annotated[
    Annotated[str, Tag("name")] | Annotated[ClientPolicy, Tag("rule")],
    Discriminator(lambda value: "rule" if isinstance(value, (dict, ClientPolicy)) else "name"),
]
"""What a stack may say under `client`: the name of a file of models/clients/, `none`, or the rule itself."""


class ClientFile(ClientPolicy):
    """A file of models/clients/: the rule of one SDK or router, and where it was read."""

    name: Name
    version: str
    sources: tuple[Source, ...] = Field(min_length=1)


class NamedClient(Strict):
    """A client by the name of its file, or `none`: no retries and no time-out."""

    policy: ClientPolicy
    source: str
    as_of: AsOf


NO_CLIENT = ClientPolicy(retries=0, base=0.0, cap=0.0, jitter=0.0, timeout=None)


def client_names(catalog: Catalog) -> list[str]:
    """Names of the clients known, `none` among them."""
    return sorted({path.stem for folder in catalog.folders for path in (folder / "clients").glob("*.yaml")} | {"none"})


def load_client(catalog: Catalog, name: str) -> NamedClient:
    """The rule of a client by name; InputError with the nearest name."""
    if name == "none":
        return NamedClient(policy=NO_CLIENT, source="no retries, no time-out", as_of="undated")
    names = client_names(catalog)
    if name not in names:
        raise InputError(f"found {name!r}; allowed: {', '.join(names)}, or the rule itself{nearest(name, names)}")
    file = catalog.shared(f"clients/{name}.yaml", ClientFile)
    rule = ClientPolicy(**{key: getattr(file, key) for key in ClientPolicy.model_fields})
    return NamedClient(policy=rule, source=f"{file.sources[0].source} ({file.name} {file.version})", as_of=file.sources[0].as_of)
