"""Replays side by side: in threads, as compiled code lets go of the interpreter and all of them share the traffic that is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

_Work = TypeVar("_Work")
_Found = TypeVar("_Found")


def in_parallel(
    what: Callable[[_Work], _Found], work: Sequence[_Work], workers: int, progress: Callable[[int, int], None] | None
) -> Iterator[_Found]:
    """What comes of each piece of work, in order, several at a time; none is kept. `progress` is told how many are done, of how many."""
    from joblib import Parallel, delayed

    parallel: Any = Parallel(n_jobs=workers, backend="threading", return_as="generator")
    for done, found in enumerate(parallel(delayed(what)(each) for each in work), start=1):
        if progress is not None:
            progress(done, len(work))
        yield found
