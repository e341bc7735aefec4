"""`sim warnings`: the closed list of warnings, and what one of them means."""

from __future__ import annotations

import click

from sim.cli import options


@click.command(name="warnings")
@click.argument("code", required=False)
@options.form("table", "json")
def command(code: str | None, form: str) -> None:
    """Say what the warning CODE means and what to do about it; without one, list all warnings.

    A run prints the code of a warning at its end, in brackets.
    """
    import json
    from dataclasses import asdict

    from sim.cli.progress import printed
    from sim.report.warning_list import WARNINGS, known_warning, warning_text, warnings_text

    wanted = None if code is None else known_warning(code)
    if form == "json":
        rows = [{"code": each, **asdict(known)} for each, known in WARNINGS.items() if wanted in (None, each)]
        printed(json.dumps({"schema_version": 1, "warnings": rows}, indent=2, ensure_ascii=False) + "\n")
    else:
        printed(warnings_text() if wanted is None else warning_text(wanted))
