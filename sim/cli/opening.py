"""What several commands open alike: the catalogue and the price book of a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook
    from sim.iac.terraform_plan import State
    from sim.stack.read import StackFile
    from sim.trace import Trace

DEFAULT_STACK = "hybrid"
"""Taken where neither a stack nor infrastructure code is named."""
_YEARS = (2000, 2099)
"""As of `--start`: a calendar has an end, and ten years of months must follow."""


def open_books(folder: Path | None, date: str | None, prices: Path | None) -> tuple[Catalog, PriceBook]:
    """The catalogue, with a folder of one's own before the bundled one, and prices of a day, those of a file before the catalogue's.

    What was read into a file of another tool is noted on stderr.
    """
    import datetime

    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook
    from sim.errors import InputError

    catalog = Catalog.load(*([folder] if folder else []))
    try:
        day = datetime.date.fromisoformat(date) if date is not None else catalog.date
    except ValueError:
        raise InputError(f"--date: found {date!r}; a day as 2026-11-21 is needed") from None
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise InputError(f"--date: found {date!r}; allowed: a day from {_YEARS[0]} to {_YEARS[1]}, as 2026-11-21")
    if prices is None:
        return catalog, PriceBook(day)
    from sim.catalog.price_formats import load_prices
    from sim.cli.progress import say

    book = PriceBook(day, load_prices(prices, catalog), str(prices))
    for note in book.notes:
        say("note", note)
    return catalog, book


def trace_for_months(file: Path, name: str) -> Trace:
    """A trace of which months can be made; InputError for one that is but a moment, or a closed loop. `name` is shown for it."""
    from sim.errors import InputError
    from sim.trace import read_trace

    found = read_trace(file, name)
    if found.closed_loop is not None:
        raise InputError(
            f"{name}: {found.closed_loop}: no month can be made of that, as it has no rate of its own to grow; a trace of arrivals is "
            f"needed (the replay of a closed loop is sim run {name})"
        )
    if found.info.duration_s <= 0:
        raise InputError(f"{name}: all requests arrive at once: no month can be made of that; a trace that lasts is needed")
    return found


def open_stack(
    name: str | None,
    catalog: Catalog,
    book: PriceBook,
    settings: Iterable[str] = (),
    *,
    terraform: str | None = None,
    kubernetes: Sequence[str] = (),
    gpu: str | None = None,
    state: State = "planned",
) -> StackFile:
    """A stack by name or file; on the machines of a Terraform plan and with the model servers of Kubernetes manifests where these are
    given, in place of its own gpu deployments. What was guessed on the way is in its notes.

    `name` is None where the user named no stack: then nothing but the manifests, or else a bundled stack as an assumption, says what
    runs on the machines. `gpu` is taken where manifests do not say which. InputError with every problem.
    """
    from sim.stack.read import read_stack, stack_of

    if terraform is None and not kubernetes:
        return read_stack(name or DEFAULT_STACK, catalog, settings)
    from sim.errors import visible
    from sim.iac.opened import opened

    files = [("", name), ("--terraform ", terraform), *(("--kubernetes ", each) for each in kubernetes)]
    options = " ".join(f"{option}{visible(Path(file).name)}" for option, file in files if file)
    made = opened(name, catalog, book, terraform=terraform, kubernetes=kubernetes, gpu=gpu, state=state)
    return stack_of(made.document, made.name, settings, assumed=made.assumed, remarks=made.remarks, options=options)


def stack_as_text(
    ctx: click.Context,
    stack: str,
    catalog: Catalog,
    book: PriceBook,
    settings: Iterable[str],
    terraform: str | None,
    kubernetes: Sequence[str],
) -> tuple[StackFile, str, str]:
    """A stack as `open_stack` opens it, its text without the settings, for commands that lay values over it, and its name."""
    from sim.catalog.yaml_file import comment, read_text
    from sim.cli.options import named_stack
    from sim.stack.read import find_stack

    if terraform is None and not kubernetes:
        path, shown = find_stack(stack, catalog)
        return open_stack(stack, catalog, book, settings), read_text(path, shown), Path(stack).stem
    from sim.iac.yaml_text import yaml_text

    named = named_stack(ctx, stack)
    plain = open_stack(named, catalog, book, (), terraform=terraform, kubernetes=kubernetes)
    file = open_stack(named, catalog, book, settings, terraform=terraform, kubernetes=kubernetes)
    text = "\n".join([*(comment(note) for note in plain.notes), yaml_text(plain.document.data)])
    return file, text, file.name
