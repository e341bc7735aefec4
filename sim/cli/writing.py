"""Where a command puts its files, and what it says of that: a folder that was asked for is a must, one that was not is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sim.cli.progress import say, warn


def write_files(given: Path | None, default: Path, write: Callable[[Path], str | None]) -> tuple[Path, str]:
    """The folder, and why nothing was written to it; nothing where it was. InputError where it was `given` and cannot be written.

    `write` returns why it drew no report, which is said and no reason to lose the files.
    """
    from sim.errors import InputError
    from sim.report.run_folder import why_not_writable

    target = given if given is not None else default
    refused = "" if given is not None else why_not_writable(target)
    if refused:
        return target, refused
    try:
        not_drawn = write(target)
    except InputError as error:
        # Files that nobody asked for are not worth the result.
        if given is not None:
            raise
        return target, str(error)
    if not_drawn:
        from sim.report.cautions import report_not_drawn

        warn(report_not_drawn(not_drawn))
    return target, ""


def say_where(target: Path, refused: str) -> None:
    """Where the files are, or why there are none."""
    if refused:
        why = refused.removeprefix(f"{target}: ")
        say("note", f"no files were written to {target}: {why}; name a folder with -o")
    else:
        say("note", f"files are in {target}")
