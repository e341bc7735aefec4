"""A point computed on another machine: what is sent with it, and what is done with that there.

The trace is sent only to machines that do not see the same file; negotiated prices and the stack are text anyway; a catalogue of one's
own and an outlook file always are sent. Nothing is taken on trust: the program, the catalogue and the trace must have the hashes that the
study has. What arrives is kept there, by its hash, in the user's cache folder, for the points that follow.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.errors import InputError
from sim.planning.contents import catalog_sha256, outlook_text, program_sha256
from sim.planning.point_store import row_text
from sim.planning.points import Point, Row, Study

Bytes = npt.NDArray[np.uint8]
"""The content of a file: an array, as clusters hand these from machine to machine without a copy for every point."""

_MOST_KEPT = 16
_LEFT_S = 3600.0
"""What is still being written after that was left by a process that was killed."""
_FOLDER = "inputs"


@dataclass(frozen=True)
class Asked:
    """One point, and what its row must come from."""

    study: Study
    point: Point
    key: str
    program_sha256: str
    catalog_sha256: str


@dataclass(frozen=True)
class Answer:
    """The text of a row; or that the trace is wanted, or why nothing can be computed there."""

    kind: Literal["row", "trace wanted", "differs"]
    text: str = ""


def asked(study: Study, point: Point) -> Asked:
    """A point as it is sent, with the hashes of what it is to be computed with."""
    return Asked(study, point, study.key(point), program_sha256(), study.catalog_sha256)


def trace_bytes(study: Study) -> Bytes:
    """The trace as it is sent; InputError where it is no longer the one that the study was made of."""
    content = study.trace.read_bytes()
    if hashlib.sha256(content).hexdigest() != study.trace_sha256:
        raise InputError(f"{study.trace}: has changed while it was being used; start again to use it as it is now")
    return np.frombuffer(content, np.uint8)


def texts_bytes(study: Study) -> Bytes | None:
    """The catalogue of one's own and the outlook file as they are sent; None where there is neither."""
    folders: dict[str, dict[str, str]] = {}
    if study.models is not None:
        files = sorted((*study.models.glob("*.yaml"), *study.models.glob("*/*.yaml")))
        folders["models"] = {file.relative_to(study.models).as_posix(): file.read_text("utf-8") for file in files if file.is_file()}
    if study.months and _is_file(study.outlook):
        folders["outlook"] = {Path(study.outlook).name: outlook_text(study)}
    return np.frombuffer(json.dumps(folders).encode(), np.uint8) if folders else None


def answer(evaluate: Callable[[Study, Point], Row], sent: Asked, trace: Bytes | None, texts: Bytes | None) -> Answer:
    """On the other machine: the row of a point, or what is missing there."""
    ours = program_sha256()
    if ours != sent.program_sha256:
        from sim import __version__

        return Answer("differs", f"the program there is another one (version {__version__}, sources and libraries {ours[:12]})")
    study = sent.study
    there = _seen(study, trace)
    if there is None:
        return Answer("trace wanted")
    if texts is not None:
        there = _with_texts(there, texts)
    if catalog_sha256(there.models) != sent.catalog_sha256:
        return Answer("differs", "the catalogue (models/) there is another one")
    row = evaluate(there, sent.point)
    return Answer("row", row_text(sent.key, replace(row, refused=_as_named_here(row.refused, there, study))))


def _seen(study: Study, trace: Bytes | None) -> Study | None:
    """The study with a trace that is there: the same file, or one that was sent before or just now; None where there is none."""
    if _is_trace(study.trace, study.trace_sha256):
        return replace(study)
    name = study.trace.name
    folder = _inputs() / study.trace_sha256
    if not _is_trace(folder / name, study.trace_sha256):
        if trace is None:
            return None
        _keep(folder, {name: trace.tobytes()})
    return replace(study, trace=folder / name)


def _is_trace(path: Path, sha256: str) -> bool:
    try:
        state = path.stat()
        return _sha256(path, state.st_mtime_ns, state.st_size) == sha256
    except OSError:
        return False


@lru_cache(maxsize=8)
def _sha256(path: Path, mtime_ns: int, size: int) -> str:  # noqa: ARG001  (a file that has changed is another one)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _with_texts(study: Study, texts: Bytes) -> Study:
    """The study with the catalogue and outlook that were sent, written to files if they are not there yet."""
    raw = texts.tobytes()
    folder = _inputs() / hashlib.sha256(raw).hexdigest()
    folders: dict[str, dict[str, str]] = json.loads(raw)
    if not folder.is_dir():
        _keep(folder, {f"{kind}/{name}": text.encode() for kind, files in folders.items() for name, text in files.items()})
    outlooks = [str(folder / "outlook" / name) for name in folders.get("outlook", ())]
    return replace(study, models=folder / "models" if "models" in folders else None, outlook=outlooks[0] if outlooks else study.outlook)


def _inputs() -> Path:
    from sim.engine.compiled import CACHE_FOLDER

    folder = CACHE_FOLDER.parent / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _keep(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder whole or not at all; other processes may do the same, or read it. The oldest go when there are too many."""
    temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        for name, content in files.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_bytes(content)
        try:
            temporary.replace(folder)
        except OSError:
            # There is one. Another process may be reading it, so that only one that is not whole is taken away.
            if not _holds(folder, files):
                shutil.rmtree(folder, ignore_errors=True)
                temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    ages = sorted((age, each) for each in folder.parent.iterdir() if each != folder and (age := _age_s(each)) is not None)
    kept = [each for _, each in ages if not each.name.startswith(".")]
    left = [each for age, each in ages if each.name.startswith(".") and age > _LEFT_S]
    for each in (*kept[_MOST_KEPT - 1 :], *left):
        shutil.rmtree(each, ignore_errors=True)


def _holds(folder: Path, files: Mapping[str, bytes]) -> bool:
    try:
        return all((folder / name).read_bytes() == content for name, content in files.items())
    except OSError:
        return False


def _age_s(folder: Path) -> float | None:
    """None for one that another process has just taken away."""
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return None


def _as_named_here(refused: str | None, there: Study, here: Study) -> str | None:
    """A reason that names files as they were given, not as they are called on the machine that computed."""
    if refused is None:
        return None
    for theirs, ours in ((there.trace, here.trace), (there.models, here.models), (there.outlook, here.outlook)):
        if theirs is not None and theirs != ours:
            refused = refused.replace(str(theirs), str(ours))
    return refused


def _is_file(outlook: str) -> bool:
    return Path(os.path.expanduser(outlook)).is_file()  # noqa: PTH111  (Path.expanduser raises where there is no such user)
