"""What all catalogue schemas share: frozen, unknown keys refused, finite numbers; and where a figure comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import to_jsonable_python

from sim.errors import InputError


def formed(pattern: str, form: str) -> AfterValidator:
    """A text of a pattern, which a mistake names in words: `form`."""
    whole = re.compile(pattern)

    def check(text: str) -> str:
        if not whole.fullmatch(text):
            raise ValueError(f"found {text[:60]!r}; {form}")
        return text

    return AfterValidator(check)


CATALOGUE_NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
NAME_FORM = "a name has lower case letters, digits, - and . between them"
Name = Annotated[str, formed(CATALOGUE_NAME.pattern, NAME_FORM)]
"""A catalogue name: lower case, words joined by hyphens or points."""

Alias = Annotated[
    str, formed(r"[A-Za-z0-9]+([ ._-][A-Za-z0-9]+)*", "another name has letters, digits, and one of - _ . or a space between")
]
"""Another name of an entry, as others write it; compared without case and separators."""

Repository = Annotated[
    str, formed(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}", "a repository is ORGANISATION/NAME, as the hub has it")
]
"""A repository of the Hugging Face hub."""

NodeLabel = Annotated[
    str, formed(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", "a label has letters, digits, and - _ . between them, at most 63")
]
"""The value of a Kubernetes label."""


def _year_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


AsOf = Annotated[
    str,
    BeforeValidator(_year_as_text),
    formed(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?|undated", "a day (2026-11-21), month, year or `undated` is needed"),
]
"""When a figure held: a day, a month, a year, or `undated` where the source does not say."""

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Sigma = Annotated[float, Field(ge=0, le=5)]
"""Standard deviation of a logarithm: at 5, one in twenty is 3,700 times the median, and more is a percentage or a time by mistake."""
Count = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def parsed(parse: Callable[[str | float], float]) -> BeforeValidator:
    """A quantity read by a parser of `sim.units`; what is neither text nor number is left for pydantic to refuse."""

    def read(value: Any) -> Any:
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            return value
        try:
            return parse(value)
        except InputError as error:
            raise ValueError(str(error)) from None

    return BeforeValidator(read)


class Strict(BaseModel):
    """A frozen record of a file of ours or of the user."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def plain(self) -> dict[str, Any]:
        """The record as data of a file, defaults included, that reads back as the same record.

        A key is left out where it is None and left out means None; where left out means something else, None is said: null.
        """
        found: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if value is not None or field.get_default(call_default_factory=True, validated_data={}) is not None:
                found[field.alias or name] = _plain(value)
        return found


def _plain(value: Any) -> Any:
    if isinstance(value, Strict):
        return value.plain()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (tuple, list)) else to_jsonable_python(value)


class Source(Strict):
    """Where the figures under some keys of a file come from; `assumed` marks those nobody could source."""

    keys: tuple[str, ...]
    """Keys of the same file that this line stands for."""
    source: str = Field(min_length=3)
    as_of: AsOf
    assumed: bool = False
