"""What resolution finds on its way: problems with their place, notes in words, and where each number comes from."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim.catalog.yaml_file import Document, KeyPath, problem, show_path
from sim.errors import InputError, input_error
from sim.stack.quantity import DefaultFrom, Unit
from sim.stack.resolved import Label, Origin


class Ledger:
    """Collects while a stack is resolved, so that all problems are reported at once."""

    def __init__(self, document: Document, assumed: Mapping[KeyPath, str] | None = None) -> None:
        """`assumed`: values that the document has, but which nobody said, with the reason."""
        self.document = document
        self.assumed = assumed or {}
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.origins: list[Origin] = []

    def problem(self, path: KeyPath, message: str) -> None:
        """Something wrong with the value at a path."""
        self.problems.append(problem(self.document, path, message))

    def refusing(self, *path: str | int) -> _Refusing:
        """Within this block an InputError is a problem of the value at the path, and the block ends."""
        return _Refusing(self, path)

    def note(self, text: str) -> None:
        """Something guessed or left out, once."""
        if text not in self.notes:
            self.notes.append(text)

    def origin(self, key: str, value: float | int | str, unit: str, label: Label, source: str, as_of: str = "") -> None:
        """Where a number comes from."""
        self.origins.append(Origin(key, value, unit, label, source, as_of))

    def check(self) -> None:
        """InputError with all problems, if there are any."""
        if self.problems:
            raise input_error(self.problems)

    def read(self, model: BaseModel, path: KeyPath) -> None:
        """The origins of all that a part of the file says or leaves to its defaults."""
        for name, info in type(model).model_fields.items():
            key = info.alias or name
            self._value(getattr(model, name), (*path, key), model, name, info)

    def _value(self, value: object, path: KeyPath, owner: BaseModel, name: str, info: FieldInfo) -> None:
        if value is None or value == () or value == "":
            return
        if isinstance(value, BaseModel):
            if name in owner.model_fields_set or type(value).model_fields:
                self.read(value, path)
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            for position, item in enumerate(value):
                self.read(item, (*path, position))
        elif isinstance(value, (str, int, float, tuple)):
            shown = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else value
            if name in owner.model_fields_set:
                why = next((self.assumed[path[:length]] for length in range(len(path), 0, -1) if path[:length] in self.assumed), None)
                label: Label = "given" if why is None else "assumed"
                self.origin(show_path(path), shown, _unit(info), label, str(self.document.mark(path)) if why is None else why)
                return
            marks = [mark.source for mark in info.metadata if isinstance(mark, DefaultFrom)]
            source = marks[0] if marks else str(getattr(type(owner), "defaults_from", "a default of sim"))
            self.origin(show_path(path), shown, _unit(info), "assumed" if source == "assumed" else "default", source)


class _Refusing:
    """Turns an InputError into a problem."""

    def __init__(self, ledger: Ledger, path: KeyPath) -> None:
        self.ledger = ledger
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> bool:
        if not isinstance(error, InputError):
            return False
        for line in str(error).splitlines():
            self.ledger.problem(self.path, line)
        return True


def _unit(info: FieldInfo) -> str:
    """The base unit of a field: its own mark, or that of its one kind beside None."""
    marks = [mark for mark in info.metadata if isinstance(mark, Unit)]
    if not marks and typing.get_origin(info.annotation) in (typing.Union, types.UnionType):
        for part in typing.get_args(info.annotation):
            marks += [mark for mark in typing.get_args(part)[1:] if isinstance(mark, Unit)]
    return marks[0].name if marks else ""
