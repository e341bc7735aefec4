"""One file that a command was asked to write: refused beforehand where it cannot be, whole or not at all, never in place of another."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from sim.errors import InputError


def check_place(path: Path, *, force: bool) -> None:
    """InputError, before anything is simulated, where the file cannot be written; `force` replaces a file, and nothing else."""
    if path.is_symlink() or path.exists():
        if path.is_symlink() or not path.is_file():
            raise InputError(f"{path}: already there and not a file; give another with -o")
        if not force:
            raise InputError(f"{path}: already there; give another file with -o, or --force to replace it")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: cannot be written: there is no folder {path.parent}; make it first")
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise InputError(f"{path}: no permission to write here")


def write_file(path: Path, text: str, *, force: bool, check: Callable[[Path], object] = lambda _: None) -> None:
    """Write beside the place under another name, `check` it, then rename; nothing is left, and nothing lost, when that fails."""
    path = path.absolute()
    draft = path.parent / f".{secrets.token_hex(8)}.draft"
    try:
        with draft.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
        check(draft)
        if force:
            draft.replace(path)
        else:
            _move_if_free(draft, path)
    except FileExistsError:
        raise InputError(f"{path.name}: appeared while this run was under way; nothing was written") from None
    except OSError as error:
        raise InputError(f"{path.name}: cannot be written: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)


def _move_if_free(draft: Path, path: Path) -> None:
    # A link fails where a file has appeared meanwhile, a rename would replace it.
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError(str(path)) from None
        draft.replace(path)
