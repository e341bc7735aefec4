"""What a file says of the server it measured, by the names of its tool, as a `Server` of the catalogue.

The user's own words (`Given`) fill what the file leaves out. A name that a table gives must be known; the free name under which an
endpoint serves its model may be anything, and `--llm` then says what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from sim.calibration.points import Given, Server
from sim.catalog import known_as
from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu, Precision
from sim.catalog.llm import KvPrecision, Llm
from sim.catalog.places import Place, is_missing, number, shown, truth, whole
from sim.errors import InputError, Problem

Found = TypeVar("Found")

OPTIONS = ("utilisation", "max_num_batched_tokens", "max_num_seqs", "max_model_len", "prefix_caching")
"""Fields of `Server` that set the engine up, by name."""
MOST_GPUS = 1024


@dataclass(frozen=True)
class Said:
    """What a file says of its server, as it says it; missing values where it is silent."""

    llm: object = None
    gpu: object = None
    tensor_parallel: object = None
    precision: object = None
    kv_precision: object = None
    engine: object = None
    engine_era: object = None
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    llm_is_free: bool = False
    """The name of the model is whatever its operator chose to serve it as."""
    where_to_say: str = ""
    """Where a file can say what is missing, for messages: "give it there"."""


@dataclass
class ServerNames:
    """Names of one file to servers; look-ups are kept, so that a table of many rows asks once a name."""

    catalog: Catalog
    given: Given
    options: bool = True
    """Whether the command has options that say what a file does not."""
    notes: dict[str, None] = field(default_factory=dict)
    """What was taken for what, each once."""
    _known: dict[tuple[str, str], Any] = field(default_factory=dict)

    def server(self, said: Said, place: Callable[[str], Place], problems: list[Problem]) -> Server | None:
        """The server, or None with problems added; `place` says where a field stands."""
        before = len(problems)
        llm = self._llm(said, place, problems)
        gpu: Gpu | None = self._named(
            "gpu", said.gpu, self.given.gpu, lambda name: known_as.find_gpu(self.catalog, name), said, place, problems
        )
        precision = self._precision(said, place, problems)
        tensor_parallel = whole(said.tensor_parallel, place("tensor_parallel"), problems, most=MOST_GPUS)
        if is_missing(said.tensor_parallel):
            tensor_parallel = self.given.tensor_parallel
            if tensor_parallel is None:
                problems.append(self._missing("tensor_parallel", said, place))
        engine, era = self._engine(said, place, problems)
        kv_precision = self._kv_precision(said, place, problems)
        options = {name: self._option(name, said.options.get(name), place(name), problems) for name in OPTIONS}
        if len(problems) > before or llm is None or gpu is None or tensor_parallel is None or precision is None:
            return None
        known: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        return Server(
            llm=llm, gpu=gpu, tensor_parallel=tensor_parallel, precision=precision,
            kv_precision=kv_precision, engine=engine, engine_era=era, **known,
        )  # fmt: skip

    def _llm(self, said: Said, place: Callable[[str], Place], problems: list[Problem]) -> Llm | None:
        if said.llm_is_free and self.given.llm is not None and not is_missing(said.llm):
            name = str(said.llm).strip()
            try:
                found = self._kept("llm", name, lambda name: known_as.find_llm(self.catalog, name))
            except InputError:
                self.notes[f"the model served as {shown(name)} is {self.given.llm.name}, as --llm says"] = None
                return self.given.llm
            if found.name != self.given.llm.name:
                self.notes[f"the model is {found.name}, as the file says; --llm {self.given.llm.name} is for files that do not say"] = None
            return found
        return self._named("llm", said.llm, self.given.llm, lambda name: known_as.find_llm(self.catalog, name), said, place, problems)

    def _precision(self, said: Said, place: Callable[[str], Place], problems: list[Problem]) -> Precision | None:
        if is_missing(said.precision) and not is_missing(said.llm):
            try:
                named = known_as.precision_in_name(str(said.llm))
            except InputError as error:
                problems.append(place("llm").wraps(error))
                return None
            if named is not None:
                self.notes[f"weights in {named}, by the name {shown(said.llm)}"] = None
                return named
        return self._named("precision", said.precision, self.given.precision, known_as.find_precision, said, place, problems)

    def _engine(self, said: Said, place: Callable[[str], Place], problems: list[Problem]) -> tuple[str, str | None]:
        found: tuple[str, str | None] | None = None
        if is_missing(said.engine):
            if self.given.engine is not None:
                found = (self.given.engine, self.given.engine_era)
            else:
                problems.append(self._missing("engine", said, place))
        else:
            names = list(dict.fromkeys(engine.name for engine in self._coefficients.engines))
            try:
                found = self._kept("engine", str(said.engine).strip(), lambda name: known_as.find_engine(names, name))
            except InputError as error:
                problems.append(place("engine").wraps(error))
        if found is None:
            return "", None
        name, era = found
        if not is_missing(said.engine_era):
            era = str(said.engine_era).strip()
        elif era is None and self.given.engine == name:
            era = self.given.engine_era
        try:
            self._kept("era", f"{name} {era}", lambda _: self._coefficients.engine(name, era))
        except InputError as error:
            problems.append(place("engine_era" if not is_missing(said.engine_era) else "engine").wraps(error))
        return name, era

    @cached_property
    def _coefficients(self) -> Any:
        from sim.profile.coefficients import load_coefficients

        return load_coefficients(self.catalog)

    def _kv_precision(self, said: Said, place: Callable[[str], Place], problems: list[Problem]) -> KvPrecision | Literal["auto"]:
        if is_missing(said.kv_precision):
            return self.given.kv_precision or "auto"
        name = str(said.kv_precision).strip()
        if name.lower() == "auto":
            return "auto"
        try:
            found = self._kept("kv_precision", name, known_as.find_precision)
        except InputError as error:
            problems.append(place("kv_precision").wraps(error))
            return "auto"
        if found == "bf16" or found == "fp8":
            return found
        problems.append(place("kv_precision").problem(f"found {shown(name)}", "auto, bf16, fp8"))
        return "auto"

    def _option(self, name: str, value: object, place: Place, problems: list[Problem]) -> int | float | bool | None:
        if is_missing(value):
            return self.given.options.get(name)
        if name == "prefix_caching":
            return truth(value, place, problems)
        if name == "utilisation":
            return number(value, place, problems, most=1.0)
        return whole(value, place, problems, most=1e9)

    def _named(
        self,
        what: str,
        name: object,
        given: Found | None,
        find: Callable[[str], Found],
        said: Said,
        place: Callable[[str], Place],
        problems: list[Problem],
    ) -> Found | None:
        if is_missing(name):
            if given is None:
                problems.append(self._missing(what, said, place))
            return given
        try:
            return self._kept(what, str(name).strip(), find)
        except InputError as error:
            problems.append(place(what).wraps(error))
            return None

    def _kept(self, kind: str, name: str, find: Callable[[str], Found]) -> Found:
        if (kind, name) not in self._known:
            try:
                self._known[kind, name] = find(name)
            except InputError as error:
                self._known[kind, name] = error
        found: Any = self._known[kind, name]
        if isinstance(found, InputError):
            raise found
        kept: Found = found
        return kept

    def _missing(self, what: str, said: Said, place: Callable[[str], Place]) -> Problem:
        ways = [said.where_to_say] if said.where_to_say else []
        ways += [f"say --{what.replace('_', '-')}"] if self.options else []
        return place(what).problem(f"the file does not say it; {', or '.join(ways)}")
