"""The folder of a run: written beside its place under another name and renamed when it is complete, so that no half of it is ever seen."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sim.errors import InputError

Filled = TypeVar("Filled")

OUTPUTS = "outputs"
MARK = "run.json"
"""What makes a folder that of a run: nothing else is ever replaced."""


def default_folder(trace: str, stack: str, inputs: Mapping[str, Any]) -> Path:
    """outputs/<trace>-<stack>-<8 hex>, the last a hash of everything that the results depend on."""
    text = json.dumps(inputs, sort_keys=True, ensure_ascii=False, allow_nan=False, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return Path(OUTPUTS) / f"{slug(trace)}-{slug(stack)}-{digest}"


def slug(name: str) -> str:
    """A name of a file as part of another: letters, digits, point, hyphen and underscore."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "unnamed"


def check_folder(folder: Path, *, force: bool) -> None:
    """InputError unless a run may be written to a folder that the user named: new, or, with `force`, empty or an earlier run."""
    if folder.is_symlink() or folder.exists():
        if not force:
            raise InputError(f"{folder}: already there; give another folder with -o, or --force to replace it")
        _check_replaceable(folder)
    problem = why_not_writable(folder)
    if problem:
        raise InputError(f"{folder}: {problem}; give a folder that can be written with -o")


def why_not_writable(folder: Path) -> str:
    """Why no folder can be made in this place, in words; nothing when it can."""
    parent = folder.absolute().parent
    while not parent.exists():
        if parent.is_symlink():
            return f"{parent.name} is a link to nothing"
        parent = parent.parent
    if not parent.is_dir():
        return f"{parent.name} is a file, not a folder"
    return "" if os.access(parent, os.W_OK | os.X_OK) else "no permission to write here"


def write_folder(folder: Path, fill: Callable[[Path], Filled], *, replace: bool) -> Filled:
    """Let `fill` write into a new folder that then becomes `folder`; nothing is left of it when that fails or is interrupted.

    What `fill` returns is handed on. With `replace`, an earlier run of that name goes. InputError when the disk is full or the place
    cannot be written.
    """
    folder = folder.absolute()
    token = secrets.token_hex(4)
    draft, old = (folder.parent / f".{folder.name}.{token}.{name}" for name in ("draft", "old"))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
        filled = fill(draft)
        if replace and folder.exists():
            _check_replaceable(folder)
            folder.rename(old)
            try:
                draft.rename(folder)
            except BaseException:
                old.rename(folder)
                raise
        else:
            draft.rename(folder)
        return filled
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise InputError(f"{_shown(folder)}: appeared while this run was under way; nothing was written") from None
        raise InputError(f"{_shown(folder)}: could not be written: {error.strerror or error}; nothing was left there") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _check_replaceable(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        raise InputError(f"{folder}: is not a folder; it is left as it is")
    if any(folder.iterdir()) and not (folder / MARK).is_file():
        raise InputError(f"{folder}: holds something else than a run (no {MARK}); it is left as it is")


def _shown(folder: Path) -> str:
    try:
        return str(folder.relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
