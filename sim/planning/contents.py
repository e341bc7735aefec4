"""What a row depends on beside the settings of its point, as hashes of contents: the program, the catalogue, an outlook file."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from sim.catalog.catalog import Catalog

if TYPE_CHECKING:
    from sim.planning.points import Study

_NOT_IN_ROWS = frozenset({"cli", "results", "report", "decision", "iac", "calibration"})
"""Rooms that no number of a row comes from."""
_LIBRARIES = ("genai-prices", "numba", "numpy", "scipy", "simpy")


@lru_cache(maxsize=1)
def program_sha256() -> str:
    """A hash of the sources that rows come from and of the libraries they lean on; a process runs one program all its life."""
    digest = hashlib.sha256()
    root = Path(__file__).parent.parent
    for source in sorted(root.rglob("*.py")):
        place = source.relative_to(root)
        if place.parts[0] not in _NOT_IN_ROWS:
            digest.update(f"{place.as_posix()}\0".encode())
            digest.update(hashlib.sha256(source.read_bytes()).digest())
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}\0".encode())
    return digest.hexdigest()


def catalog_sha256(models: Path | None) -> str:
    """A hash of every file of the catalogue that a command with `--models` (None: without) reads, folder by folder in their order."""
    digest = hashlib.sha256()
    for folder in Catalog.load(*([models] if models is not None else [])).folders:
        digest.update(b"folder\0")
        for file in sorted((*folder.glob("*.yaml"), *folder.glob("*/*.yaml"))):
            if file.is_file():
                digest.update(f"{file.relative_to(folder).as_posix()}\0".encode())
                with file.open("rb") as content:
                    digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def outlook_text(study: Study) -> str:
    """The text of the outlook of a study, which may be a file outside of the catalogue; InputError where there is none."""
    from sim.catalog.yaml_file import read_text
    from sim.stack.outlook_read import find_outlook

    path, shown = find_outlook(study.outlook, Catalog.load(*([study.models] if study.models is not None else [])))
    return read_text(path, shown)
