"""Names of the Hugging Face hub as catalogue names: which open model a repository holds, and in which precision."""

from __future__ import annotations

import re

from pydantic import Field

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Precision
from sim.catalog.strict import Name, Source, Strict
from sim.errors import InputError, nearest

_SUFFIXES: tuple[tuple[str, Precision], ...] = (
    (r"[-.](fp8|w8a8-fp8)(-(dynamic|static|block))?(-kv)?", "fp8"),
    (r"[-.](quantized\.)?(w4a16|int4|4bit)", "int4"),
    (r"[-.](awq|gptq|autoround|autogptq)(-(int4|4bit|marlin))?", "int4"),
    (r"[-.](quantized\.)?(w8a8|int8|8bit|gptq-int8)", "int8"),
    (r"[-.](bf16|fp16)", "bf16"),
)


class HubNames(Strict):
    """The file of names: repositories by catalogue name."""

    repositories: dict[Name, tuple[str, ...]]
    native_fp8: tuple[Name, ...] = ()
    sources: tuple[Source, ...] = Field(min_length=1)


def load_names(catalog: Catalog) -> HubNames:
    """The names, from the first folder of the catalogue that has them."""
    return catalog.shared("defaults/hugging-face.yaml", HubNames)


def find_llm(repository: str, catalog: Catalog) -> tuple[str, Precision]:
    """The catalogue name and precision of a repository, or of a catalogue name itself; InputError with the nearest name."""
    names = load_names(catalog)
    known = {repo.lower(): llm for llm, repos in names.repositories.items() for repo in repos}
    wanted = repository.removeprefix("hf://").rstrip("/").split("/")[-1].split(":")[0].lower()
    precision: Precision | None = None
    for pattern, meant in _SUFFIXES:
        shorter = re.sub(rf"{pattern}$", "", wanted)
        if shorter != wanted:
            wanted, precision = shorter, precision or meant
    llm = known.get(wanted) or (wanted if wanted in catalog.names("llm") else None)
    if llm is None:
        close = nearest(wanted, known)
        raise InputError(f"no catalogue entry for the model {repository!r}{close} (sim catalog list llm names them all)")
    return llm, precision or ("fp8" if llm in names.native_fp8 else "bf16")
