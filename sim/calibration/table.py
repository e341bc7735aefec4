"""A table of serving measurements held against predictions, row by row: the error table that `sim accuracy` prints.

Every row is one run of a load against one replica, simulated by sim/calibration/serving.py; nothing is fitted here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.calibration.errors import ErrorSummary, Quantity, relative_error, summaries
from sim.calibration.points import Load, Server, ServingPoint
from sim.calibration.serving import Served, assumed_of, longest_of, profile_of, serve
from sim.errors import InputError, input_error
from sim.profile import Profile
from sim.profile.coefficients import load_coefficients
from sim.profile.shipped import load_shipped

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog

SATURATED_SHARE = 0.01
"""From this share of the run on, a row in which requests waited for KV cache is said to be short of it."""
GROUPS = ("llm", "gpu", "engine", "tensor_parallel", "precision", "label")


@dataclass(frozen=True)
class PredictedRow:
    """One measured run and its prediction; the two hold the same quantities, in seconds and tokens a second."""

    point: ServingPoint
    profile: Profile
    served: Served
    predicted: Mapping[Quantity, float]
    measured: Mapping[Quantity, float]
    errors: Mapping[Quantity, float]
    unpredicted: tuple[Quantity, ...]
    """Measured quantities that a simulation does not give."""

    @property
    def short_of_kv(self) -> bool:
        """Whether requests waited for KV cache, or lost theirs to others."""
        return self.served.kv_full_share >= SATURATED_SHARE or self.served.preemptions > 0

    def group(self, name: str) -> str:
        """The value of one of GROUPS."""
        if name == "engine":
            return f"{self.profile.engine} {self.profile.engine_era}"
        return str(getattr(self.profile, name))


@dataclass(frozen=True)
class AccuracyTable:
    """All rows, what was left out, and the summaries of their errors."""

    rows: tuple[PredictedRow, ...]
    unfit: tuple[tuple[str, str], ...] = ()
    """Rows that were skipped because the LLM or its longest request does not fit: where they are, and why."""

    @property
    def metrics(self) -> Mapping[Quantity, ErrorSummary]:
        """One summary a quantity over all rows."""
        return summaries(row.errors for row in self.rows)

    @property
    def assumed(self) -> tuple[str, ...]:
        """What was assumed in one row or another, each once."""
        every = (text for row in self.rows for text in assumed_of(row.point.server, row.point.load, row.profile))
        return tuple(dict.fromkeys(every))

    def by(self, group: str) -> Mapping[str, Mapping[Quantity, ErrorSummary]]:
        """The same for each value of one of GROUPS."""
        names = dict.fromkeys(row.group(group) for row in self.rows)
        found = {name: summaries(row.errors for row in self.rows if row.group(group) == name) for name in sorted(names)}
        return MappingProxyType(found)


def predict(
    points: Sequence[ServingPoint],
    *,
    catalog: Catalog,
    estimated: bool = False,
    seed: int = 0,
    quantities: Callable[[Quantity], bool] = lambda _: True,
    progress: Callable[[int], None] = lambda _: None,
) -> AccuracyTable:
    """Simulate every row and hold it against what it measured.

    `estimated` leaves out the profiles that were calibrated on measurements of one configuration; `quantities` says which measured ones
    count. Rows whose LLM does not fit its GPUs are left out and named; InputError for a table that leaves nothing to predict.
    """
    coefficients, shipped = load_coefficients(catalog), load_shipped(catalog)

    @cache
    def profile(server: Server, longest_tokens: int) -> Profile | str:
        """The profile, or why there is none."""
        try:
            return profile_of(
                server, longest_tokens=longest_tokens, catalog=catalog, coefficients=coefficients, shipped=shipped, estimated=estimated
            )
        except InputError as error:
            return str(error)

    profiles = [profile(point.server, longest_of(point.load)) for point in points]
    wrong = [(point.where, found) for point, found in zip(points, profiles, strict=True) if isinstance(found, str)]
    rows, problems = [], []
    runs: dict[tuple[Server, Load], Served] = {}
    for k, (point, found) in enumerate(zip(points, profiles, strict=True)):
        if isinstance(found, str):
            continue
        run = (point.server, point.load)
        try:
            runs[run] = runs.get(run) or serve(point.load, found, seed=seed)
            rows.append(_row(point, found, runs[run], quantities))
        except InputError as error:
            problems.append(f"{point.where}: {error}")
        progress(k + 1)
    if problems:
        raise input_error(problems)
    if not any(row.errors for row in rows):
        raise InputError(_nothing(points, rows, wrong))
    return AccuracyTable(tuple(rows), tuple(wrong))


def _row(point: ServingPoint, profile: Profile, served: Served, wanted: Callable[[Quantity], bool]) -> PredictedRow:
    asked = {quantity: value for quantity, value in point.measured.items() if wanted(quantity)}
    known = {quantity: value for quantity, value in asked.items() if quantity in served.values}
    errors = {quantity: relative_error(served.values[quantity], value) for quantity, value in known.items()}
    return PredictedRow(
        point=point, profile=profile, served=served, predicted=MappingProxyType({each: served.values[each] for each in known}),
        measured=MappingProxyType(known), errors=MappingProxyType(errors), unpredicted=tuple(each for each in asked if each not in known),
    )  # fmt: skip


def _nothing(points: Sequence[ServingPoint], rows: Sequence[PredictedRow], wrong: Sequence[tuple[str, str]]) -> str:
    if not points:
        return "the table has no rows; at least one measured run is needed"
    if not rows:
        return "\n".join(["no row of the table fits its GPUs", *(f"{where}: {why}" for where, why in wrong)])
    return "no row has a measured value to hold a prediction against"
