"""Where an export goes: a new file or folder, complete or not there at all; nothing but an earlier export is ever replaced."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from sim.errors import InputError
from sim.report.export_files import MARK
from sim.report.run_folder import why_not_writable


def is_folder(given: Path, form: str) -> bool:
    """Whether a place that the user named is that of a folder: one that is there, or a name without the ending of the format."""
    return given.is_dir() or given.suffix.lower() != f".{form}"


def write_export(given: Path, fill: Callable[[Path], None], *, force: bool, folder: bool) -> None:
    """Let `fill` write a file or, with `folder`, into a new folder, which then takes its place; InputError when it cannot be written.

    What is there stays, unless `force` is given and it is a file, an empty folder, or an earlier export.
    """
    _check(given, force=force, folder=folder)
    target = given.absolute()
    token = secrets.token_hex(4)
    draft, old = (target.parent / f".{target.name}.{token}.{name}" for name in ("draft", "old"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            draft.mkdir()
        fill(draft)
        if folder and target.exists():
            target.rename(old)
            try:
                draft.rename(target)
            except BaseException:
                old.rename(target)
                raise
        else:
            draft.replace(target)
    except OSError as error:
        raise InputError(f"{given}: could not be written: {error.strerror or error}; nothing was left there") from None
    finally:
        shutil.rmtree(old, ignore_errors=True)
        if folder:
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)


def _check(given: Path, *, force: bool, folder: bool) -> None:
    problem = why_not_writable(given)
    if problem:
        raise InputError(f"{given}: {problem}; give a place that can be written with -o")
    if not (given.is_symlink() or given.exists()):
        return
    if folder and given.is_dir() and not given.is_symlink() and not any(given.iterdir()):
        return
    if not force:
        raise InputError(f"{given}: already there; give another place with -o, or --force to replace it")
    if folder and (given.is_symlink() or not (given / MARK).is_file()):
        raise InputError(f"{given}: holds something else than an export (no {MARK}); it is left as it is")
    if not folder and not given.is_file():
        raise InputError(f"{given}: is not a file; it is left as it is")
