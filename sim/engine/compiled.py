"""The one decorator of the data plane, and where its machine code is kept.

Numba stamps a cached function with its own file only: an edited callee would silently run old code. So the cache folder is named
by a hash of every source of the engine and of the versions that compile it, and is set before anything is decorated.
`_nrt=False` switches off reference counting, which costs a factor of five in functions that pass many arrays around: compiled
code must therefore never allocate. With NUMBA_DISABLE_JIT=1 the same functions run as plain Python.
"""

from __future__ import annotations

import hashlib
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def _source_hash() -> str:
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for source in sorted(root.rglob("*.py")):
        digest.update(source.relative_to(root).as_posix().encode())
        digest.update(source.read_bytes())
    from importlib.metadata import version

    for package in ("numba", "numpy", "llvmlite"):
        digest.update(version(package).encode())
    digest.update(platform.python_version().encode())
    digest.update(platform.machine().encode())
    return digest.hexdigest()[:16]


def _writable_folder(name: str) -> Path:
    homes = [os.environ.get("SIM_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME"), str(Path.home() / ".cache"), tempfile.gettempdir()]
    for home in homes:
        if not home:
            continue
        folder = Path(home) / "llm-serving-cost-sim" / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="llm-serving-cost-sim-"))


CACHE_FOLDER = _writable_folder(_source_hash())
os.environ["NUMBA_CACHE_DIR"] = str(CACHE_FOLDER)

import numba  # noqa: E402  (the cache folder must be set before numba reads its settings)

numba.config.CACHE_DIR = str(CACHE_FOLDER)  # set late when numba was imported by someone else


def is_compiled() -> bool:
    """Whether machine code for these sources is already on disk (else the first call compiles, once)."""
    return bool(numba.config.DISABLE_JIT) or any(CACHE_FOLDER.rglob("*.nbc"))


def compiled(function: F) -> F:
    """Compile a function of the data plane: cached on disk, no reference counting, no Python objects, so that threads run it side by side.

    Constants among the arguments of a call do not make a version of the function of their own: numba would compile `drive` six times
    over, and a third of the compilation with it.
    """
    dispatcher = numba.njit(cache=True, _nrt=False, nogil=True)(function)
    if not numba.config.DISABLE_JIT:
        by_type = dispatcher.get_call_template

        def without_literals(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
            plain = numba.types.unliteral
            return by_type(tuple(plain(arg) for arg in args), {name: plain(arg) for name, arg in kws.items()})

        dispatcher.get_call_template = without_literals
    return cast(F, dispatcher)
