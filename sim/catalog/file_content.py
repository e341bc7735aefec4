"""Opening files that anybody may have written: what is in them, up to a size, and why they cannot be read."""

from __future__ import annotations

import logging
from pathlib import Path

from sim.errors import InputError, nearest

_LOG = logging.getLogger(__name__)


def read_content(path: Path, name: str, most_bytes: int, *, wanted: str = "a file is needed") -> bytes:
    """All bytes of a file of at most `most_bytes`; InputError, beginning with `name`, when it cannot be read or is larger."""
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise not_opened(path, name, error, wanted=wanted) from None
    if len(content) > most_bytes:
        raise InputError(f"{name}: more than {most_bytes} bytes; at most that many are read")
    _LOG.info("read %s", path)
    return content


def not_opened(path: Path, name: str, error: OSError, *, wanted: str = "a file is needed") -> InputError:
    """Why a file cannot be opened: it is absent (with the nearest name beside it), a folder, or closed to us."""
    if isinstance(error, FileNotFoundError):
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        return InputError(f"{name}: no such file{nearest(path.name, siblings)}")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{name}: a folder; {wanted}")
    return InputError(f"{name}: cannot be read: {error.strerror}")


def utf8_text(content: bytes, name: str) -> str:
    """A content as text, without a mark of byte order; InputError with the place of the first byte that is none."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        raise InputError(f"{name}:{line}:{column}: not UTF-8 text (byte {content[error.start]:#04x})") from None
