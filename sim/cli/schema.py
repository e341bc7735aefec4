"""`sim schema`: JSON Schema of the files that people write, for editors."""

from __future__ import annotations

import click

KINDS = ("stack", "outlook", "space", "needs", "recipe", "events", "prices")


@click.command(name="schema")
@click.argument("kind", type=click.Choice(KINDS))
def command(kind: str) -> None:
    """Print the JSON Schema (draft 2020-12) of a KIND of file, with what each key means and its unit.

    An editor with a YAML language server completes and checks such a file: see docs/editors.md.
    """
    from sim.cli.progress import printed
    from sim.report.json_schema import KINDS as KNOWN
    from sim.report.json_schema import schema_json

    printed(schema_json(next(each for each in KNOWN if each == kind)))
