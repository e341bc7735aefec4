"""Finding what models/ holds by name: APIs, GPUs, LLMs, providers of GPUs, and the files of later rooms as plain data.

A file is read when it is asked for. Folders are searched in order: those a user gives (`--models DIR`), a `models/` where the
command is run, the bundled one; the first file of a name wins, so a team can add its own entries or replace ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sim.catalog.location import data_folder
from sim.errors import InputError, nearest

if TYPE_CHECKING:
    import datetime

    import pydantic

    from sim.catalog.api import Api
    from sim.catalog.gpu import Gpu, Provider
    from sim.catalog.llm import Llm
    from sim.catalog.machine import Machine, Machines

    Model = TypeVar("Model", bound=pydantic.BaseModel)

Kind = Literal["api", "gpu", "machine", "llm", "provider", "profile", "stack", "outlook", "need"]

FOLDERS: Mapping[Kind, str] = MappingProxyType(
    {
        "api": "apis",
        "gpu": "gpus",
        "machine": "machines",
        "llm": "llms",
        "provider": "providers",
        "profile": "profiles",
        "stack": "stacks",
        "outlook": "outlooks",
        "need": "needs",
    }
)
"""The folder of models/ for each kind of entry."""


class Catalog:
    """The entries of one or more models/ folders; each is read and checked once, when first asked for."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self.folders = folders
        self._read: dict[Path, Any] = {}
        self._spellings: dict[Kind, Mapping[str, tuple[str, ...]]] = {}
        self._machines: Machines | None = None

    @classmethod
    def load(cls, *extra: str | Path, here: Path | None = None) -> Catalog:
        """The catalogue of the given folders, of `models/` in `here` (the current folder), and of the bundled data.

        Raises InputError when a given folder is missing. Nothing is read yet.
        """
        folders = []
        for folder in map(Path, extra):
            if not folder.is_dir():
                raise InputError(f"{folder}: no such folder of models")
            folders.append(folder)
        bundled = data_folder("models")
        local = (here or Path.cwd()) / "models"
        if local.is_dir() and local.resolve() != bundled.resolve():
            folders.append(local)
        return cls((*folders, bundled))

    @classmethod
    def bundled(cls) -> Catalog:
        """The bundled data alone."""
        return cls((data_folder("models"),))

    def names(self, kind: Kind) -> list[str]:
        """All names of a kind, sorted. An entry is a file, but machines, of which a file holds those of one provider."""
        if kind == "machine":
            return sorted({machine.name for machine in self.machines().all})
        found = {path.stem for folder in self.folders for path in (folder / FOLDERS[kind]).glob("*.yaml") if path.is_file()}
        return sorted(found)

    def path(self, kind: Kind, name: str) -> Path:
        """The file of an entry; InputError with the nearest name when there is none."""
        if kind == "machine":
            from sim.catalog.machine import path_of_machine

            return path_of_machine(self, name)
        for folder in self.folders:
            path = folder / FOLDERS[kind] / f"{name}.yaml"
            # A name is never a way out of the folder.
            if path.is_file() and path.parent == folder / FOLDERS[kind]:
                return path
        known = self.names(kind)
        shown = f"; allowed: {', '.join(known)}" if len(known) <= 12 else ""
        raise InputError(f"unknown {kind} {name!r}{shown}{self._meant(kind, name, known)} (sim catalog list {kind} names them all)")

    def _meant(self, kind: Kind, name: str, known: list[str]) -> str:
        """What may have been meant: of LLMs and GPUs by any name they are known under."""
        from sim.catalog.known_as import meant_by

        return meant_by(self, kind, name) if kind == "llm" or kind == "gpu" else nearest(name, known)

    def shown_path(self, kind: Kind, name: str) -> str:
        """The file of an entry as messages call it: `models/gpus/h100-sxm.yaml` for a bundled one."""
        return self.shown(self.path(kind, name))

    def gpu(self, name: str) -> Gpu:
        """A GPU by name."""
        from sim.catalog.gpu import Gpu

        return self.entry("gpu", name, Gpu)

    def machine(self, name: str, provider: str | None = None) -> Machine:
        """An instance type with GPUs by name; InputError for one that is unknown, not modelled, or without a GPU."""
        from sim.catalog.machine import find_machine
        from sim.errors import visible

        found = find_machine(self, name, provider)
        if found is None:
            raise InputError(f"machine {visible(name)!r} has no GPU; allowed: one that has (sim catalog list machines names them all)")
        return found

    def machines(self) -> Machines:
        """All instance types with GPUs; read once."""
        from sim.catalog.machine import read_machines

        if self._machines is None:
            self._machines = read_machines(self)
        return self._machines

    def provider(self, name: str) -> Provider:
        """A provider of GPUs by name."""
        from sim.catalog.gpu import Provider

        return self.entry("provider", name, Provider)

    def llm(self, name: str) -> Llm:
        """An open-weight model by name."""
        from sim.catalog.llm import Llm

        return self.entry("llm", name, Llm)

    def api(self, name: str) -> Api:
        """An API model by name."""
        from sim.catalog.api import Api

        return self.entry("api", name, Api)

    def spellings(self, kind: Literal["llm", "gpu"]) -> Mapping[str, tuple[str, ...]]:
        """Names of the entries that each name and alias stands for, by the form in which `known_as` compares them; read once."""
        from sim.catalog.known_as import compared

        if kind not in self._spellings:
            names = self.names(kind)
            own: dict[str, tuple[str, ...]] = {}
            others: dict[str, tuple[str, ...]] = {}
            for name in names:
                own[compared(name)] = (*own.get(compared(name), ()), name)
                for alias in (self.llm(name) if kind == "llm" else self.gpu(name)).aliases:
                    form = compared(alias)
                    others[form] = tuple(dict.fromkeys((*others.get(form, ()), name)))
            self._spellings[kind] = MappingProxyType(others | own)
        return self._spellings[kind]

    def entry(self, kind: Kind, name: str, model: type[Model]) -> Model:
        """An entry of any kind, checked against a model; InputError for an unknown name or a wrong file."""
        path = self.path(kind, name)
        entry = self.read(path, model)
        given = getattr(entry, "name", name)
        if given != name:
            raise InputError(f"{self.shown(path)}: name: found {given!r}; it must be the file's name, {name!r}")
        return entry

    def shared(self, place: str, model: type[Model]) -> Model:
        """A file that is no entry, as `defaults/cold-start.yaml`, of the first folder that has it; InputError when it is wrong."""
        path = next(path for folder in self.folders if (path := folder / place).is_file())
        return self.read(path, model)

    def read(self, path: Path, model: type[Model]) -> Model:
        """A file in one of the folders, checked against a model and read once; InputError with every problem of it."""
        from sim.catalog.yaml_file import load_model

        if path not in self._read:
            self._read[path] = load_model(path, model, self.shown(path))
        found = self._read[path]
        assert isinstance(found, model)
        return found

    def shown(self, path: Path) -> str:
        """A file in one of the folders as messages call it: `models/gpus/h100-sxm.yaml` for a bundled one."""
        bundled = self.folders[-1]
        return f"models/{path.relative_to(bundled).as_posix()}" if path.is_relative_to(bundled) else str(path)

    @cached_property
    def date(self) -> datetime.date:
        """The day for which the bundled figures were gathered; a simulation begins then unless it is told otherwise."""
        import datetime

        from sim.catalog.yaml_file import read_document

        return datetime.date.fromisoformat(read_document(self.folders[-1] / "catalog.yaml", "models/catalog.yaml").data["date"])
