"""Machines: which GPUs, and how many, an instance type of a provider has (`models/machines/*.yaml`, one file a provider).

A machine costs its GPUs x what the price book says of an hour of one at this provider; where the machine around the GPUs is larger
than in the price of the GPU, and a source says what it costs, the file has a price of its own (`prices`). Names are compared without
case, Azure's also without `Standard_`, Google's also as the last part of a URL. A name is one of:

- a machine;
- of a family, or itself, known to compute with what is not modelled, as Trainium or a share of a GPU: an InputError says with what;
- of a family without a GPU (m5, n2, Standard_D): `find_machine` gives None;
- unknown: an InputError with the nearest name. It is never taken for a machine without GPUs, and never for one that is free.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sim.catalog.gpu import Purchase
from sim.catalog.strict import AsOf, Count, Name, Positive, Source, Strict, formed
from sim.errors import InputError, nearest, nearest_name, visible

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.yaml_document import Document, KeyPath

MachineName = Annotated[
    str, formed(r"[A-Za-z0-9]+([._-][A-Za-z0-9]+)*", "a machine has letters, digits, and single . _ or - between them in its name")
]
_LONGEST = 200
_SHAPES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "aws": re.compile(r"(?P<family>[a-z0-9]+(-[a-z0-9]+)*)\.(nano|micro|small|medium|large|[0-9]*xlarge|metal(-[0-9a-z]+)?)"),
        "gcp": re.compile(r"(?P<family>[a-z]+[0-9]*[a-z]*)-[a-z0-9]+(-[a-z0-9]+)*"),
        "azure": re.compile(r"(basic_)?(?P<family>[a-z]+)[0-9][a-z0-9]*(-[0-9]+[a-z0-9]*)?(_[a-z0-9]+)*"),
    }
)
"""How the providers build their names, in the compared form. Others have names one by one and no families."""


class MachineSpec(Strict):
    """The GPUs of one instance type; vCPUs and memory of the machine where a source says them."""

    gpu: Name
    gpus: Count
    vcpus: Count | None = None
    memory_gib: Positive | None = None


class MachineListPrices(Strict):
    """What machines cost by the hour in one region, bought in one way, where that is not what their GPUs cost."""

    purchase: Purchase = "on_demand"
    region: str
    usd_per_machine_hour: dict[MachineName, Positive]
    source: str = Field(min_length=3)
    as_of: AsOf
    assumed: bool = False


class MachineFile(Strict):
    """The instance types of one provider that have GPUs, and what is known of the others."""

    provider: Name
    machines: dict[MachineName, MachineSpec]
    prices: tuple[MachineListPrices, ...] = ()
    accelerators: dict[MachineName, Name] = Field(default_factory=dict)
    """GPUs that are attached to a machine by a name of their own (Google's guest accelerators)."""
    not_modelled: dict[MachineName, str] = Field(default_factory=dict)
    """Families, machines and accelerators that the simulator has no model of, and what they have."""
    without_gpu: tuple[MachineName, ...] = ()
    """Families that have no GPU."""
    sources: tuple[Source, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class MachineListPrice:
    """A list price of one machine for one hour."""

    purchase: Purchase
    region: str
    usd_per_machine_hour: float
    source: str
    as_of: str
    assumed: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """One instance type: `gpus` GPUs (whole ones) of a catalogue name, rented from a provider as one."""

    name: str
    provider: str
    gpu: str
    gpus: int
    vcpus: int | None
    memory_gib: float | None
    source: str
    as_of: str
    file: str
    """The file that says so, as messages call it."""
    prices: tuple[MachineListPrice, ...] = ()
    """Its own list prices; empty where it costs what its GPUs cost."""


class Machines:
    """All machines of a catalogue by provider and name; of a name that several files give, the first counts."""

    def __init__(self, files: Iterable[tuple[MachineFile, str]]) -> None:
        """`files` come with the names that messages have for them, one's own before the bundled ones."""
        self._machines: dict[tuple[str, str], Machine] = {}
        self._accelerators: dict[str, str] = {}
        self._not_modelled: dict[tuple[str, str], str] = {}
        self._without_gpu: set[tuple[str, str]] = set()
        for file, shown in files:
            for name, spec in file.machines.items():
                said = _source(file, name)
                machine = Machine(
                    name, file.provider, spec.gpu, spec.gpus, spec.vcpus, spec.memory_gib, said.source, said.as_of, shown,
                    _prices(file, name),
                )  # fmt: skip
                self._machines.setdefault((file.provider, compared_machine(name)), machine)
            for name, gpu in file.accelerators.items():
                self._accelerators.setdefault(compared_machine(name), gpu)
            for name, what in file.not_modelled.items():
                self._not_modelled.setdefault((file.provider, compared_machine(name)), what)
            self._without_gpu.update((file.provider, compared_machine(name)) for name in file.without_gpu)

    def __len__(self) -> int:
        return len(self._machines)

    @property
    def all(self) -> tuple[Machine, ...]:
        """Every machine, by name."""
        return tuple(sorted(self._machines.values(), key=lambda machine: (machine.name, machine.provider)))

    @property
    def providers(self) -> tuple[str, ...]:
        """Those whose machines are known."""
        return tuple(sorted({provider for provider, _ in self._machines}))

    def get(self, name: str, provider: str) -> Machine | None:
        """A machine of a provider, None where none is known by that name."""
        return self._machines.get((provider, compared_machine(name)))

    def find(self, name: str, provider: str | None = None) -> Machine | None:
        """A machine, or None for one of a family without a GPU; InputError for one that is unknown or not modelled."""
        form = compared_machine(name)
        found = [machine for (sold_by, known), machine in self._machines.items() if known == form and provider in (None, sold_by)]
        if len(found) > 1:
            sellers = " and of ".join(machine.provider for machine in found)
            raise InputError(f"machine {_shown(name)!r} is one of {sellers}; name the provider")
        if found:
            return found[0]
        without = False
        for sold_by in dict.fromkeys(key[0] for key in (*self._machines, *self._not_modelled, *self._without_gpu)):
            if provider not in (None, sold_by):
                continue
            family = _family(sold_by, form)
            what = self._not_modelled.get((sold_by, form)) or self._not_modelled.get((sold_by, family))
            if what:
                raise InputError(f"machine {_shown(name)!r} has {what}")
            without = without or (sold_by, family) in self._without_gpu
        if without:
            return None
        raise InputError(f"unknown machine {_shown(name)!r}{self._meant(form, provider)} (sim catalog list machines names them all)")

    def accelerator(self, name: str) -> str:
        """The GPU that a guest accelerator stands for; InputError for one that is unknown or not modelled."""
        form = compared_machine(name)
        if form in self._accelerators:
            return self._accelerators[form]
        for (_, known), what in self._not_modelled.items():
            if known == form:
                raise InputError(f"accelerator {_shown(name)!r} is {what}")
        names = sorted(self._accelerators)
        raise InputError(f"unknown accelerator {_shown(name)!r}; allowed: {', '.join(names)}{nearest(form, names)}")

    def _meant(self, form: str, provider: str | None) -> str:
        names = {known: machine.name for (sold_by, known), machine in self._machines.items() if provider in (None, sold_by)}
        near = nearest_name(form, names)
        return f"; did you mean {names[near]!r}?" if near else ""


def read_machines(catalog: Catalog) -> Machines:
    """The machines of all folders of a catalogue; InputError with every problem of the first file that is wrong."""
    from sim.catalog.yaml_file import read_document

    files = []
    for folder in catalog.folders:
        for path in sorted((folder / "machines").glob("*.yaml"), key=lambda path: path.name):
            shown = catalog.shown(path)
            files.append((machine_file_of(read_document(path, shown), catalog), shown))
    return Machines(files)


def machine_file_of(document: Document, catalog: Catalog) -> MachineFile:
    """A file of machines, checked against its schema and the GPUs of the catalogue; InputError with every problem located."""
    from sim.catalog.yaml_file import problem, validate

    file = validate(document, MachineFile)
    gpus = catalog.names("gpu")
    named: list[tuple[KeyPath, str]] = [(("machines", name, "gpu"), spec.gpu) for name, spec in file.machines.items()]
    named += [(("accelerators", name), gpu) for name, gpu in file.accelerators.items()]
    unknown = [
        (("prices", at, "usd_per_machine_hour", name), name) for at, each in enumerate(file.prices) for name in each.usd_per_machine_hour
    ]
    problems = [
        problem(document, path, f"unknown machine {name!r}; allowed: one of the same file{nearest(name, file.machines)}", key=True)
        for path, name in unknown
        if name not in file.machines
    ]
    problems += [
        problem(document, path, f"unknown gpu {gpu!r}{nearest(gpu, gpus)} (sim catalog list gpu names them all)")
        for path, gpu in named
        if gpu not in gpus
    ]
    if problems:
        raise InputError("\n".join(problems))
    return file


def find_machine(catalog: Catalog, name: str, provider: str | None = None) -> Machine | None:
    """The machine of a name, or None for one known to have no GPU; InputError for one that is unknown or that is not modelled."""
    return catalog.machines().find(name, provider)


def gpu_of_accelerator(catalog: Catalog, name: str) -> str:
    """The catalogue's name of the GPU that Google calls `nvidia-tesla-t4`, `nvidia-h100-80gb` and so on, also as the end of a URL."""
    return catalog.machines().accelerator(name)


def path_of_machine(catalog: Catalog, name: str) -> Path:
    """The file that a machine is in."""
    machine = catalog.machine(name)
    paths = (path for folder in catalog.folders for path in (folder / "machines").glob("*.yaml"))
    return next(path for path in paths if catalog.shown(path) == machine.file)


def compared_machine(name: str) -> str:
    """The form in which two spellings of one machine are the same: lower case, the last part of a URL, without `Standard_`."""
    if len(name) > _LONGEST:
        raise InputError(f"machine {_shown(name)!r}...: a name of {len(name)} characters; allowed: at most {_LONGEST}")
    return name.strip().lower().rsplit("/", 1)[-1].removeprefix("standard_")


def _family(provider: str, form: str) -> str:
    shape = _SHAPES.get(provider)
    matched = shape.fullmatch(form) if shape else None
    return matched["family"] if matched else ""


def _source(file: MachineFile, name: str) -> Source:
    """The line of the sources that speaks of a machine: by its name, by its family, or of all."""
    form = compared_machine(name)
    wanted: Sequence[str] = (form, _family(file.provider, form), "machines")
    for key in wanted:
        for source in file.sources:
            if key in map(compared_machine, source.keys):
                return source
    return file.sources[0]


def _prices(file: MachineFile, name: str) -> tuple[MachineListPrice, ...]:
    return tuple(
        MachineListPrice(each.purchase, each.region, each.usd_per_machine_hour[name], each.source, each.as_of, each.assumed)
        for each in file.prices
        if name in each.usd_per_machine_hour
    )


def _shown(name: str) -> str:
    return visible(name[:80])
