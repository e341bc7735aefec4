"""The Pareto front and its knee against their definitions, spelled out over all pairs."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sim.planning.front import front_of, knee, pareto
from sim.planning.points import Metric, Point, Row

# Few values, so that ties are many.
FIGURE = st.one_of(st.none(), st.integers(0, 6).map(float), st.just(math.nan), st.just(math.inf))
PAIRS = st.lists(st.tuples(FIGURE, FIGURE), max_size=14)
COST = Metric("usd", "USD", "cost", "low")
GOODPUT = Metric("goodput_per_s", "1/s", "goodput", "high")


def exists(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def beaten(pair: tuple[float, float], by: tuple[float, float]) -> bool:
    return by[0] <= pair[0] and by[1] <= pair[1] and by != pair


@given(PAIRS)
def test_the_front_is_what_nobody_beats(pairs: list[tuple[float | None, float | None]]) -> None:
    known = {i: (x, y) for i, (x, y) in enumerate(pairs) if x is not None and y is not None and exists(x) and exists(y)}
    wanted = {i for i, pair in known.items() if not any(beaten(pair, other) for other in known.values())}
    found = pareto(pairs)
    assert set(found) == wanted and len(found) == len(wanted)
    assert [known[i] for i in found] == sorted(known[i] for i in found)
    assert all(a < b for a, b in pairwise(found) if known[a] == known[b])


@given(PAIRS)
def test_the_knee_is_farthest_below_the_line_between_the_ends(pairs: list[tuple[float | None, float | None]]) -> None:
    front = [(x, y) for i in pareto(pairs) for x, y in [pairs[i]] if x is not None and y is not None]
    found = knee(front)
    if len({pair for pair in front if all(map(math.isfinite, pair))}) != len(set(front)) or len(set(front)) < 3:
        assert found is None
        return
    (x0, y0), (x1, y1) = front[0], front[-1]

    def below(pair: tuple[float, float]) -> float:
        """Distance to the straight line of a point on the side of the origin, both figures scaled to 0 to 1."""
        x, y = (pair[0] - x0) / (x1 - x0), (pair[1] - y1) / (y0 - y1)
        return (1 - x - y) / math.sqrt(2)

    most = max(map(below, front))
    if most <= 1e-9:
        assert found is None
    else:
        assert found is not None
        assert math.isclose(below(front[found]), most, abs_tol=1e-9)
        assert all(below(pair) < most - 1e-12 for pair in front[:found])


@given(PAIRS, st.lists(st.booleans(), min_size=14, max_size=14))
def test_a_metric_of_which_more_is_better(pairs: list[tuple[float | None, float | None]], among: list[bool]) -> None:
    rows = [Row(Point(i, (), ()), {"usd": x, "goodput_per_s": y}, ()) for i, (x, y) in enumerate(pairs)]
    found = front_of(rows, COST, GOODPUT, among[: len(rows)])
    negative = [(x, -y if y is not None else None) if among[i] else (None, None) for i, (x, y) in enumerate(pairs)]
    assert list(found.rows) == pareto(negative)
    assert found.knee is None or found.knee in found.rows


def test_the_knee_of_a_hand_made_front() -> None:
    # On 0 to 1 the three lie at (0, 1), (0.1, 0.2) and (1, 0): the second is 0.7 below the line.
    assert knee([(10.0, 6.0), (20.0, 2.0), (110.0, 1.0)]) == 1
    assert knee([(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)]) is None
    assert knee([(0.0, 2.0), (1.9, 1.9), (2.0, 0.0)]) is None
    assert knee([(1.0, 1.0), (1.0, 1.0), (1.0, 1.0)]) is None
