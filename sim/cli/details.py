"""What `--verbose` says on stderr: files that are read, what was kept from earlier runs. The rooms below log it; nobody else listens."""

from __future__ import annotations

import logging

import click


class _Details(logging.Handler):
    """A line of its own for each record, said as the command line asks for, whichever thread it comes from."""

    def __init__(self, root: click.Context) -> None:
        super().__init__()
        self._root = root

    def emit(self, record: logging.LogRecord) -> None:
        from sim.cli.progress import say

        with self._root.scope(cleanup=False):
            say("detail", record.getMessage())


def listen(root: click.Context) -> None:
    """Say what `sim` logs until the command has ended."""
    logger = logging.getLogger("sim")
    if any(isinstance(each, _Details) for each in logger.handlers):
        return
    handler, before = _Details(root), (logger.level, logger.propagate)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False

    def leave() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]

    root.call_on_close(leave)
