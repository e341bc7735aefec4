"""Finished cells on disk, so that a run that was interrupted, or the next one alike, does not replay them again.

A file is named by a hash of everything that its numbers depend on. It is written under another name and then renamed, so that no reader
sees half a file; one that cannot be read, or is of another shape, is as good as absent. Where nothing can be written, nothing is kept.
"""

from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MOST_BYTES = 300 << 20
_LOOK_EVERY = 64
_SUFFIX = ".npz"


def sources_hash() -> str:
    """A hash of the sources and versions that the numbers of a cell come from, the engine's included."""
    from sim.engine.compiled import CACHE_FOLDER

    digest = hashlib.sha256(CACHE_FOLDER.name.encode())
    root = Path(__file__).parent.parent
    rooms = (source for room in ("futures", "trace", "measure", "cost") for source in (root / room).rglob("*.py"))
    for source in sorted((*rooms, root / "sampling.py", root / "units.py")):
        digest.update(source.relative_to(root).as_posix().encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()


class CellStore:
    """Arrays by key in one folder; a store without a folder keeps nothing."""

    def __init__(self, folder: Path | None, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self._most_bytes = most_bytes
        self._written = 0
        self._lock = threading.Lock()

    @staticmethod
    def default() -> CellStore:
        """The store in the user's cache folder (SIM_CACHE_DIR), where compiled code is kept too."""
        from sim.engine.compiled import CACHE_FOLDER

        folder = CACHE_FOLDER.parent / "cells"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return CellStore(None)
        return CellStore(folder)

    def get(self, key: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, FloatArray] | None:
        """The arrays of a key with the shapes that are expected; None where there are none that can be read."""
        if self.folder is None:
            return None
        path = self.folder / f"{key}{_SUFFIX}"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
                arrays = {name: np.asarray(found[name]) for name in shapes}
            path.touch()
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, MemoryError):
            return None
        fits = all(arrays[name].shape == shape and arrays[name].dtype == np.float64 for name, shape in shapes.items())
        return arrays if fits and all(np.isfinite(values).all() for values in arrays.values()) else None

    def put(self, key: str, arrays: Mapping[str, FloatArray]) -> None:
        """Keep arrays under a key, if that can be done; the oldest files go when there are too many."""
        if self.folder is None:
            return
        temporary = self.folder / f".{key}.{os.getpid()}.{threading.get_ident()}"
        try:
            with temporary.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **arrays)
            temporary.replace(self.folder / f"{key}{_SUFFIX}")
        except OSError:
            pass
        finally:
            with_nothing_left(temporary)
        with self._lock:
            self._written += 1
            if self._written % _LOOK_EVERY == 1:
                self._prune()

    def _prune(self) -> None:
        assert self.folder is not None
        prune(self.folder, _SUFFIX, self._most_bytes)


def prune(folder: Path, suffix: str, most_bytes: int) -> None:
    """Remove the oldest files of a suffix, and of drafts, until the rest of the folder is no larger than so many bytes."""
    found = []
    # What begins with a dot was being written, perhaps by a run that was killed.
    for path in (*folder.glob(f"[!.]*{suffix}"), *folder.glob(".*")):
        try:
            state = path.stat()
        except OSError:
            continue
        found.append((state.st_mtime_ns, state.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= most_bytes:
            return
        with_nothing_left(path)
        total -= size


def with_nothing_left(path: Path) -> None:
    """Remove a file, if it is there and can be removed."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def key_of(*parts: object) -> str:
    """A name for everything that is given: frozen dataclasses, tuples, numbers and texts, by how they are written."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:40]
