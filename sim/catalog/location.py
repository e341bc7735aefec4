"""Where the data lie: `models/`, `workloads/` and `schemas/` of the checkout, or the copies that an installed wheel carries."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import Literal

from sim.errors import InputError, nearest

DataKind = Literal["models", "workloads", "schemas"]

_KINDS: tuple[DataKind, ...] = ("models", "workloads")
_PACKAGE = Path(__file__).resolve().parent.parent


def data_folder(kind: DataKind) -> Path:
    """The folder of bundled data: of the wheel where it carries one, else of the checkout that this package is part of."""
    packaged = _PACKAGE / "_data" / kind
    return packaged if packaged.is_dir() else _PACKAGE.parent / kind


def find_input(path: str) -> Path:
    """The file that a user names: as given, or, for `workloads/...` and `models/...`, the bundled one when there is none here.

    InputError with the nearest name when there is no such file.
    """
    if not path:
        raise InputError("found an empty name; the name of a file is needed")
    given = Path(os.path.expanduser(path))  # noqa: PTH111  (Path.expanduser raises where there is no such user)
    if given.is_file():
        return given
    if given.is_dir():
        raise InputError(f"{path}: a folder; a file is needed")
    parts = PurePath(path).parts
    names = [entry.name for entry in given.parent.iterdir() if entry.is_file()] if given.parent.is_dir() else []
    if parts[:1] and parts[0] in _KINDS and ".." not in parts:
        kind = _KINDS[_KINDS.index(parts[0])]
        bundled = data_folder(kind).joinpath(*parts[1:])
        if bundled.is_file():
            return bundled
        if bundled.parent.is_dir():
            names += [entry.name for entry in bundled.parent.iterdir() if entry.is_file()]
    raise InputError(f"{path}: no such file{nearest(given.name, names)}")
