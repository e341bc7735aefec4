"""Emitted files on disk: each whole or not at all, none over another that nobody said to replace."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from sim.errors import InputError, input_error, visible
from sim.iac.pods import DEPLOYMENT_NOTE

_PATTERNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "terraform": ("sim.auto.tfvars.json", "variables.tf"),
        "kubernetes": ("configmap.yaml", "deployment-*.yaml"),
        "stack": ("stack.yaml",),
    }
)
"""What files of a kind are called."""


def there_already(kind: str, folder: Path) -> list[Path]:
    """Files of a kind that a folder has; InputError where it cannot be a folder."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{visible(str(folder))}: a file; a folder is needed")
    return sorted(path for pattern in _PATTERNS[kind] for path in folder.glob(pattern))


def write_texts(kind: str, folder: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Write the files of a kind into a folder, made if needed; InputError, and nothing written, when one is there and `force` is not given.

    With `force`, manifests of ours of deployments that are no more go: they would be read back with the others.
    """
    before = there_already(kind, folder)
    there = [path for path in before if path.name in files]
    if before and not force:
        raise input_error(f"{visible(str(path))}: already there; --force replaces it" for path in there or before)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            _write(folder / name, text)
        for path in before:
            if (
                path.name not in files
                and path.name.startswith("deployment-")
                and f"{DEPLOYMENT_NOTE}:" in path.read_text("utf-8", "replace")
            ):
                path.unlink()
    except OSError as error:
        raise InputError(f"{visible(str(folder))}: cannot be written: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    """A file under its name only when it is whole."""
    handle, draft = tempfile.mkstemp(prefix=".sim-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # As any new file of the user's: what mkstemp makes is theirs alone.
        mask = os.umask(0)
        os.umask(mask)
        Path(draft).chmod(0o666 & ~mask)
        Path(draft).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise
