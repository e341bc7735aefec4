"""`sim init`: a folder to start from, or a stack made from Kubernetes manifests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog


@click.command(name="init")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--stack", default="hybrid", show_default=True, help="The stack to start from.")
@click.option(
    "--from-kubernetes",
    "manifests",
    multiple=True,
    metavar="FILE|DIR",
    help="Make the stack from manifests or Helm values; may be repeated.",
)
@click.option("--gpu", help="With --from-kubernetes: the GPU where manifests do not say which.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="With --from-kubernetes: the file to write; absent: stdout.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.pass_context
def command(
    ctx: click.Context, folder: Path | None, stack: str, manifests: tuple[str, ...], gpu: str | None, output: Path | None, force: bool
) -> None:
    """Write a stack, a recipe and a note into FOLDER to start from; or make a stack from Kubernetes manifests."""
    from sim.catalog.catalog import Catalog
    from sim.report.starter import starter_files, write_files

    if not manifests and (folder is None or gpu or output):
        raise click.UsageError("give a FOLDER, or --from-kubernetes FILE|DIR (with --gpu and -o, if wanted)", ctx)
    if folder is not None and output is not None:
        raise click.UsageError("give a FOLDER or -o FILE, not both", ctx)
    catalog = Catalog.load()
    text = _from_kubernetes(manifests, gpu, catalog) if manifests else _bundled(stack, catalog)
    if folder is not None:
        recipe = _recipe()
        files = starter_files(text, recipe, folder.resolve().name)
        write_files(folder, files, force=force)
        for name in files:
            click.echo(f"{folder / name}")
    elif output is not None:
        write_files(output.parent, {output.name: text}, force=force)
        click.echo(f"{output}")
    else:
        click.echo(text.rstrip("\n"))


def _bundled(stack: str, catalog: Catalog) -> str:
    from sim.catalog.yaml_file import read_text
    from sim.stack.read import find_stack

    path, shown = find_stack(stack, catalog)
    return read_text(path, shown)


def _recipe() -> str:
    from sim.catalog.location import data_folder
    from sim.catalog.yaml_file import read_text

    return read_text(data_folder("workloads") / "recipes" / "bursty.yaml", "workloads/recipes/bursty.yaml")


def _from_kubernetes(manifests: tuple[str, ...], gpu: str | None, catalog: Catalog) -> str:
    """The stack's text; what was assumed and ignored, and what keeps it from being run as it is, goes to stderr too."""
    from dataclasses import replace

    from sim.catalog.price_book import PriceBook
    from sim.catalog.yaml_document import parse_documents
    from sim.errors import InputError
    from sim.iac.kubernetes import stack_from_kubernetes, stack_text
    from sim.iac.manifests import read_manifests
    from sim.iac.opened import marks_of
    from sim.stack.read import stack_of
    from sim.stack.resolve import resolve

    if gpu is not None:
        catalog.gpu(gpu)
    imported = stack_from_kubernetes(read_manifests(manifests), catalog, gpu=gpu)
    source = ", ".join(Path(file).name for file in manifests)
    text = stack_text(imported, source)
    document = parse_documents(text, source)[0]
    # Nobody sees the lines of a stack that is wrong: its deployments have the manifests as their place.
    made = stack_of(replace(document, key_marks={}, value_marks=marks_of(source, document.data["deployments"])), "stack")
    for title, notes in (("assumed", imported.assumed), ("ignored", imported.ignored)):
        for note in notes:
            click.echo(f"{title}: {note}", err=True)
    try:
        resolve(made, catalog, PriceBook(catalog.date))
    except InputError as error:
        for line in str(error).splitlines():
            click.echo(f"to be mended before a run: {line}", err=True)
    return text
