"""How far cells and library are off: some days of some futures, replayed exactly, against what they add up to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sim.cost.from_stack import stack_prices
from sim.futures.combine import Source
from sim.futures.day_cost import day_cost
from sim.futures.draws import Draws
from sim.futures.evaluate import Evaluator
from sim.futures.exact import accuracy
from sim.futures.forecast import Accuracy

FloatArray = npt.NDArray[np.float64]


def accuracy_of(
    evaluator: Evaluator, draws: Draws, *, seed: int, workers: int, progress: Callable[[int, int], None] | None = None
) -> Accuracy:
    """The errors of days of these futures, which are the first of those the library was built for."""
    library = evaluator.library
    assert library is not None
    made, _ = evaluator.parts(draws, slice(0, draws.futures))

    def predicted(future: int, day: int) -> FloatArray:
        return np.asarray(_day(made, future, day) + library.on_day(future, day))

    usd = day_cost(stack_prices(evaluator.resolved), evaluator.cells.layout)
    return accuracy(evaluator.cells, draws, predicted, usd, seed=seed, workers=workers, progress=progress)


def _day(made: tuple[Source, ...], future: int, day: int) -> FloatArray:
    """[I] what the cells say of one day."""
    total = sum(source.weight[future, day] @ source.amounts[source.node[future, day]] for source in made)
    return np.asarray(total, np.float64)
