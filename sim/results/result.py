"""What every result has: its answer in words, its summary as plain data, its files, and how a notebook shows it."""

from __future__ import annotations

import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.errors import visible


@dataclass(frozen=True, eq=False)
class Result(ABC):
    """A finished question. Nothing of it is written before `save()` is called; tables are made anew each time they are asked for."""

    @property
    @abstractmethod
    def answer(self) -> str:
        """The answer in a few sentences."""

    @property
    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """Everything as plain data, as the JSON file of the command has it: seconds, USD, shares of one; what does not exist is None."""

    @property
    def json(self) -> str:
        """The summary as text: the bytes of the JSON file."""
        return json.dumps(self.summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @property
    @abstractmethod
    def text(self) -> str:
        """What the command prints on a terminal of 80 columns."""

    @property
    @abstractmethod
    def markdown(self) -> str:
        """What the command prints with `--format md`."""

    def shown(self, form: str) -> str:
        """As the command prints it with `--format`: `table`, `json` or `md`."""
        return {"table": self.text, "md": self.markdown}[form] if form != "json" else self.json

    @property
    @abstractmethod
    def notes(self) -> tuple[str, ...]:
        """What was guessed, mended or left out on the way, in words."""

    @property
    @abstractmethod
    def default_folder(self) -> Path:
        """outputs/<trace>-<what>-<8 hex>, the last a hash of everything that the result depends on."""

    @abstractmethod
    def write(self, folder: Path, *, argv: Sequence[str], replace: bool) -> str | None:
        """Write the files of the command to a folder; InputError, and nothing there, when it cannot be written.

        Returns why there is no report.html among them; nothing where there is one.
        """

    @abstractmethod
    def _repr_html_(self) -> str:
        """How a notebook shows it: the answer, its figures and its charts."""

    def save(self, folder: str | Path | None = None, *, force: bool = False) -> Path:
        """Write what the command writes, and say where: to a folder that is new, or with `force` an earlier run, or the default one.

        InputError for a folder that is there already, holds something else than a run, or cannot be written.
        """
        from sim.report.run_folder import check_folder
        from sim.results.arguments import in_python

        with in_python():
            target = self.default_folder if folder is None else Path(folder).expanduser()
            if folder is not None:
                check_folder(target, force=force)
            missing = self.write(target, argv=(), replace=force or folder is None)
        if missing:
            warnings.warn(f"no report.html was made of it: {missing}; the other files are whole", stacklevel=2)
        return target

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {visible(self.answer)}>"
