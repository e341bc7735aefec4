"""What a profile predicts for each observation of a benchmark, as logarithms, and how each depends on the parts of the profile.

Serving runs are simulated, with the same random numbers whatever the profile, so that differences between
two profiles are due to the profiles; steps are summed here. A run is not simulated twice for one position.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log
from typing import TYPE_CHECKING, Any

from sim.calibration.gaps import g_of
from sim.calibration.observations import Observation, Point, batch_of, observations
from sim.calibration.parts import PARTS, STEP_PARTS, Estimate
from sim.calibration.points import ServingPoint, StepPoint
from sim.calibration.simulator import Simulator
from sim.profile.step import StepCoefficients

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.calibration.parts import Position

    Array = NDArray[Any]
    Values = Mapping[tuple[Any, Any], float]
    """By metric and statistic."""

_KEPT_POSITIONS = 64
DIFFERENCE = 0.2
"""Positions apart at which a derivative is taken: 4 to 20 % of a part, more than a run jumps by for one step more or less."""
UNEXPLAINED_STEP_TIME = 0.03
"""What is left of a step's time that no part carries (assumed); a run near its limits multiplies it."""


class Model:
    """The predictions of a benchmark's observations as functions of a position (`Estimate.at`)."""

    def __init__(
        self, points: Sequence[Point], estimate: Estimate, simulator: Simulator, progress: Callable[[int], None] | None = None
    ) -> None:
        import numpy as np

        self.points = tuple(points)
        self.estimate = estimate
        self._simulator = simulator
        self._progress = progress
        self._runs: OrderedDict[tuple[float, ...], dict[int, Values]] = OrderedDict()
        self._steps = _Steps.of(self.points)
        self.simulated = 0
        """Runs simulated so far."""
        start = (0.0,) * len(PARTS)
        everything = observations(self.points)
        at_start = self._of_runs(start, (i for i, point in enumerate(self.points) if isinstance(point, ServingPoint)))
        told = [o.metric == "step_s" or _told(at_start[o.point], o) for o in everything]
        self.observations: tuple[Observation, ...] = tuple(o for o, can in zip(everything, told, strict=True) if can)
        self.left_out: tuple[Observation, ...] = tuple(o for o, can in zip(everything, told, strict=True) if not can)
        """Measured, but the simulation cannot say it: no run of this kind has it, or none finished."""
        self.fitted: Array = np.array([o.fitted for o in self.observations], dtype=bool)
        self.measured: Array = np.array([log(o.value) for o in self.observations])
        self.noise: Array = np.array([o.noise for o in self.observations])
        batches = [(batch_of(self.points[o.point]), o.kind) for o in self.observations]
        names = {name: i for i, name in enumerate(dict.fromkeys(batches))}
        self.batch: Array = np.array([names[name] for name in batches], dtype=np.int64)
        """Which batch size, of decodes or of prompts, each observation belongs to."""

    def logs(self, position: Position, rows: Iterable[int] | None = None) -> Array:
        """ln of what is predicted for each observation, or for some of them; NaN where nothing can be said."""
        import numpy as np

        chosen = [self.observations[row] for row in (range(len(self.observations)) if rows is None else rows)]
        place = tuple(float(z) for z in position)
        runs = self._of_runs(place, {o.point for o in chosen if o.metric != "step_s"})
        steps = np.log(self._steps.seconds(self.estimate.at(place)[0]))
        found = np.empty(len(chosen))
        for row, o in enumerate(chosen):
            if o.metric == "step_s":
                found[row] = steps[self._steps.row[o.point]]
            else:
                found[row] = log(runs[o.point][o.metric, o.statistic]) if _told(runs[o.point], o) else np.nan
        return found

    def slopes(self, position: Position, base: Array) -> Array:
        """Derivatives of the logarithms by each part, forward differences; `base` are the logarithms at the position."""
        import numpy as np

        columns = []
        for part in range(len(PARTS)):
            moved = list(position)
            moved[part] += DIFFERENCE
            column = (self.logs(moved) - base) / DIFFERENCE
            columns.append(np.where(np.isfinite(column), column, 0.0))
        return np.column_stack(columns)

    def spreads(self, slopes: Array) -> Array:
        """Standard deviation of ln(measured/predicted) by each observation: its noise, and what its sensitivity makes of a step's."""
        import numpy as np

        by_step = np.abs(slopes[:, :STEP_PARTS] @ np.array([1.0 / part.spread for part in PARTS[:STEP_PARTS]]))
        return np.asarray(np.sqrt(self.noise**2 + (UNEXPLAINED_STEP_TIME * np.maximum(by_step - 1.0, 0.0)) ** 2))

    def _of_runs(self, position: tuple[float, ...], wanted: Iterable[int]) -> dict[int, Values]:
        """What each of some serving runs measures; those of the last positions are kept."""
        known = self._runs.setdefault(position, {})
        self._runs.move_to_end(position)
        while len(self._runs) > _KEPT_POSITIONS:
            self._runs.popitem(last=False)
        step, front_end_s = self.estimate.at(position)
        for i in sorted(set(wanted) - set(known)):
            point = self.points[i]
            assert isinstance(point, ServingPoint)
            self.simulated += 1
            if self._progress is not None:
                self._progress(self.simulated)
            known[i] = dict(self._simulator.values(point, step, front_end_s))
        return known


@dataclass(frozen=True)
class _Steps:
    """The steps among the points as columns."""

    row: Mapping[int, int]
    """Which row a point is."""
    tokens: Array
    sequences: Array
    context: Array
    attention: Array

    @classmethod
    def of(cls, points: Sequence[Point]) -> _Steps:
        import numpy as np

        found = [(i, p) for i, p in enumerate(points) if isinstance(p, StepPoint)]
        columns = np.array([(p.tokens, p.sequences, p.context, p.attention) for _, p in found], dtype=float).reshape(-1, 4).T
        return cls({i: row for row, (i, _) in enumerate(found)}, *columns)

    def seconds(self, step: StepCoefficients) -> Array:
        """Of each, as `StepCoefficients.seconds`."""
        import numpy as np

        g = g_of(step, self.tokens)
        return np.asarray(step.c_s + g + step.o_s * self.sequences + step.f_s * self.context + step.h_s * self.attention)


def _told(found: Values, o: Observation) -> bool:
    value = found.get((o.metric, o.statistic))
    return value is not None and isfinite(value) and value > 0.0
