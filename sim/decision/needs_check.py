"""Whether a file is a needs file, and all that is wrong with it: `sim check FILE`."""

from __future__ import annotations

from pathlib import Path

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_file import read_document
from sim.decision.needs import Needs, needs_of
from sim.decision.strategy_read import Opened, strategies_of
from sim.decision.trigger_words import SIGNALS
from sim.errors import InputError
from sim.stack.check import guess_kind

KIND = "needs"


def check_needs_file(path: Path, shown: str, catalog: Catalog, opened: Opened, *, sure: bool) -> str | None:
    """A file checked as needs, the stacks that it names with it, and in words what it is.

    None, where that is not `sure`, for one whose keys tell another kind of file. InputError with every problem.
    """
    if not sure and path.suffix not in (".yaml", ".yml"):
        return None
    if not sure:
        try:
            if guess_kind(read_document(path, shown), {KIND: Needs}) != KIND:
                return None
        except InputError:
            return None
    file = needs_of(read_document(path, shown), path.stem, catalog, path.parent)
    count = len(strategies_of(file, catalog, opened, triggers=[each.name for each in SIGNALS]))
    whose = "" if file.needs.strategies else "bundled "
    return f"needs, {count} {whose}{'strategy' if count == 1 else 'strategies'}"
