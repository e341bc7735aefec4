"""What a file is, told by what is in it, and all that is wrong with it: `sim check FILE`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.price_formats import load_prices, other_format
from sim.catalog.yaml_file import Document, read_document, validate
from sim.errors import InputError, visible
from sim.stack.other_file import option_for

if TYPE_CHECKING:
    import pydantic

    from sim.stack.resolved import ResolvedStack

_PARQUET = b"PAR1"
_WRITTEN = "schema_version"
"""In every JSON file that a command writes, and in none that people write."""
_EVERYWHERE = frozenset({"name", "description", "notes", "source", "sources", "as_of"})
"""Keys that tell no kind of file from another."""


def check_file(
    path: Path, shown: str, catalog: Catalog, prices: PriceBook, *, stack: ResolvedStack | None = None, kind: str | None = None,
    others: Sequence[str] = (),
) -> str:  # fmt: skip
    """A file checked whole, and in words what it is; `kind` skips the guess from its keys, `others` are kinds that are known elsewhere.

    A stack is resolved too, so that a model that does not fit its GPUs shows. Events are checked against the names of a stack
    where one is given. InputError with every problem.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start == _PARQUET or path.suffix == ".parquet":
        from sim.trace import read_trace

        trace = read_trace(path, shown)
        info = trace.info
        notes = "".join(f"\n  {note}" for note in info.notes)
        when = f"in {info.duration_s:,.0f} s" if trace.closed_loop is None else f"of {trace.closed_loop}"
        return f"trace, {info.rows:,} requests {when}{notes}"
    tool = other_format(path, shown) if kind in (None, "prices") else None
    if tool is not None:
        listed = load_prices(path, catalog, shown)
        what = (
            f"{_count(len(listed.by_address), 'address', 'addresses')} of Terraform"
            if listed.by_address
            else _count(len(listed.gpu), "GPU")
        )
        return "".join((f"prices, {tool}, {what}", *(f"\n  {note}" for note in listed.notes)))
    if kind is None and (other := option_for(path, shown)):
        raise InputError(f"{visible(shown)}: {other}, as in sim explain, which says what is made of it")
    document = read_document(path, shown)
    kind = kind or guess_kind(document, others=others)
    if kind == "stack":
        from sim.stack.read import stack_of
        from sim.stack.resolve import resolve

        resolved = resolve(stack_of(document, path.stem), catalog, prices)
        return f"stack, {_count(len(resolved.deployments), 'deployment')}"
    if kind == "events":
        from sim.stack.events import EventFile, check_events, events_for

        events = validate(document, EventFile)
        if stack is not None:
            events_for(document, events, stack)
        elif problems := check_events(document, events):
            raise InputError("\n".join(problems))
        names = "" if stack is not None else "; names of deployments are checked with --stack"
        return f"events, {_count(len(events.events), 'event')}{names}"
    if kind == "outlook":
        from sim.stack.outlook_read import outlook_of

        extends = outlook_of(document, path.stem, catalog).outlook.extends
        return "outlook" if extends is None else f"outlook, over {extends}"
    if kind == "prices":
        from sim.catalog.price_file import load_price_file

        found = load_price_file(path, catalog, shown)
        return f"prices, {_count(len(found.api) + len(found.gpu) + len(found.machine), 'entry', 'entries')}"
    if kind == "machines":
        from sim.catalog.machine import machine_file_of

        machines = machine_file_of(document, catalog)
        return f"machines of {machines.provider}, {_count(len(machines.machines), 'instance type')}"
    entry = validate(document, _schemas()[kind])
    name = getattr(entry, "name", None)
    if name is not None and name != path.stem:
        raise InputError(f"{document.mark(('name',))}: name: found {name!r}; an entry has the name of its file, {path.stem!r}")
    return f"{kind}, {name}" if name else kind


def guess_kind(
    document: Document, more: Mapping[str, type[pydantic.BaseModel]] = MappingProxyType({}), *, others: Sequence[str] = ()
) -> str:
    """The kind of file, of those here and `more`, that has most of a document's top keys; InputError when none has any, or several tie."""
    if not isinstance(document.data, dict):
        raise InputError(f"{document.name}: found no keys; a file of keys and values is needed")
    if _WRITTEN in document.data:
        raise InputError(
            f"{document.name}: written by sim itself, of which there is nothing to check; its folder is read by sim report and sim export"
        )
    keys = set(document.data) - _EVERYWHERE
    scores: dict[str, float] = {}
    for kind, schema in {**_schemas(), **more}.items():
        fields = {info.alias or name for name, info in schema.model_fields.items()}
        required = {info.alias or name for name, info in schema.model_fields.items() if info.is_required()}
        if keys & fields:
            # Of two that know equally many keys, the one that lacks fewer of its own is meant.
            scores[kind] = len(keys & fields) - len(required - keys) / 100
    best = [kind for kind, score in scores.items() if score == max(scores.values())]
    if len(best) != 1:
        known = ", ".join((*_schemas(), *more, *others))
        what = "several kinds of file have these keys" if best else "no kind of file has these keys"
        raise InputError(f"{document.name}: {what}: {', '.join(map(str, list(document.data)[:8]))}; say which with --kind: {known}")
    return best[0]


def kinds() -> tuple[str, ...]:
    """The kinds of YAML file that are known."""
    return tuple(_schemas())


def _schemas() -> dict[str, type[pydantic.BaseModel]]:
    from sim.catalog.api import Api
    from sim.catalog.gpu import Gpu, Provider
    from sim.catalog.llm import Llm
    from sim.catalog.machine import MachineFile
    from sim.catalog.price_file import WrittenPrices
    from sim.profile.coefficients import Coefficients
    from sim.profile.shipped import ProfileFile
    from sim.stack.client import ClientFile
    from sim.stack.cold_start import ColdStartDefaults
    from sim.stack.cost_defaults import DiskDefaults, LeadTimes, OnPremisesDefaults, OwnershipDefaults, PeopleDefaults, RetrainingDefaults
    from sim.stack.events import EventFile
    from sim.stack.outlook import Outlook
    from sim.stack.schema import Stack
    from sim.trace.recipe import Recipe

    return {
        "stack": Stack,
        "events": EventFile,
        "outlook": Outlook,
        "prices": WrittenPrices,
        "recipe": Recipe,
        "api": Api,
        "gpu": Gpu,
        "machines": MachineFile,
        "llm": Llm,
        "provider": Provider,
        "profile": ProfileFile,
        "engines": Coefficients,
        "client": ClientFile,
        "cold-start": ColdStartDefaults,
        "people": PeopleDefaults,
        "ownership": OwnershipDefaults,
        "on-premises": OnPremisesDefaults,
        "retraining": RetrainingDefaults,
        "lead-times": LeadTimes,
        "disks": DiskDefaults,
    }


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
