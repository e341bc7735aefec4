"""Files of prices (`--prices FILE`): our own YAML, and one file here for each format of another tool, told by what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim.catalog.price_formats import infracost, skypilot
from sim.catalog.price_formats.look import Look, PriceFormat, look
from sim.errors import InputError, visible

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.price_file import PriceFile

FORMATS: tuple[PriceFormat, ...] = (skypilot.FORMAT, infracost.FORMAT)

_OTHER_JSON = (
    ("format_version", "a Terraform plan, which has no prices; allowed: what infracost breakdown --format json makes of it"),
    ("terraform_version", "a Terraform state, which has no prices; allowed: what infracost breakdown --format json makes of its plan"),
)


def load_prices(path: str | Path, catalog: Catalog, name: str | None = None) -> PriceFile:
    """A price file in any format that is known, its names those of the catalogue; InputError with every problem located.

    `name` is shown in messages instead of the path.
    """
    from sim.catalog.price_file import load_price_file

    path, name = Path(path), visible(name or str(path))
    found = look(path, name)
    chosen = _format(found)
    if chosen is not None:
        return chosen.read(found, catalog)
    for key, what in _OTHER_JSON:
        if found.data is not None and key in found.data:
            raise InputError(f"{name}: found {what}")
    if found.is_table:
        columns = ", ".join(visible(cell[:40]) for cell in found.header[:12]) or "none"
        raise InputError(
            f"{name}:1: found the columns {columns}; allowed: those of a SkyPilot catalogue ({', '.join(skypilot.NEEDED)}), or a YAML "
            "file of prices"
        )
    return load_price_file(path, catalog, name)


def other_format(path: Path, name: str) -> str | None:
    """What a file of prices of another tool is called, None for one in our own YAML or for something else."""
    try:
        chosen = _format(look(path, name))
    except InputError:
        return None
    return chosen.about if chosen else None


def _format(found: Look) -> PriceFormat | None:
    return next((each for each in FORMATS if each.matches(found)), None)
