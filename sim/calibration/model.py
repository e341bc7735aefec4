"""What a profile predicts for each observation of a benchmark, as logarithms, and how each depends on the parts of the profile.

Serving runs are simulated, with the same random numbers whatever the profile, so that differences between
two profiles are due to the profiles; steps are summed here. A run is never simulated twice for one position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite, log
from typing import TYPE_CHECKING, Any

from sim.calibration.observations import Measured, Observation, Point, batch_of, observations
from sim.calibration.parts import PARTS, STEP_PARTS, Estimate
from sim.calibration.points import Statistic, StepPoint
from sim.calibration.simulator import Simulator
from sim.profile.step import StepCoefficients

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.calibration.parts import Position

    Array = NDArray[Any]
    Values = Mapping[tuple[Measured, Statistic], float]

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
        self._known: dict[tuple[float, ...], dict[int, Values]] = {}
        self.simulated = 0
        """Runs simulated so far."""
        start = (0.0,) * len(PARTS)
        everything = observations(self.points)
        at_start = self._of_points(start, range(len(self.points)))
        self.observations: tuple[Observation, ...] = tuple(o for o in everything if _told(at_start[o.point], o))
        self.left_out: tuple[Observation, ...] = tuple(o for o in everything if not _told(at_start[o.point], o))
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
        found = self._of_points(tuple(float(z) for z in position), {o.point for o in chosen})
        return np.array([log(found[o.point][o.metric, o.statistic]) if _told(found[o.point], o) else np.nan for o in chosen])

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

    def _of_points(self, position: tuple[float, ...], wanted: Iterable[int]) -> dict[int, Values]:
        known = self._known.setdefault(position, {})
        missing = sorted(set(wanted) - set(known))
        if missing:
            step, front_end_s = self.estimate.at(position)
            for i in missing:
                known[i] = self._of_point(self.points[i], step, front_end_s)
        return known

    def _of_point(self, point: Point, step: StepCoefficients, front_end_s: float) -> Values:
        if isinstance(point, StepPoint):
            seconds = step.seconds(tokens=point.tokens, sequences=point.sequences, context=point.context, attention=point.attention)
            return {("step_s", "mean"): seconds}
        self.simulated += 1
        if self._progress is not None:
            self._progress(self.simulated)
        return {(metric, statistic): value for (metric, statistic), value in self._simulator.values(point, step, front_end_s).items()}


def _told(found: Values, o: Observation) -> bool:
    value = found.get((o.metric, o.statistic))
    return value is not None and isfinite(value) and value > 0.0
