"""The same functions as plain Python give the same rows, to the last bit (invariant I12)."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TypeVar

import numba
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.property.equality import by_engine
from tests.property.systems import cases, crowded, loops

ROOT = Path(__file__).parents[2]


T = TypeVar("T")


def some_cases(strategy: st.SearchStrategy[T], n: int) -> list[T]:
    found: list[T] = []

    @settings(
        max_examples=n, phases=[Phase.generate], database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(strategy)
    def keep(case: T) -> None:
        found.append(case)

    keep()
    return found


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="compares with compiled code, and compilation is switched off")
def test_rows_are_equal_with_compilation_switched_off(tmp_path: Path) -> None:
    open_loop = [*some_cases(cases(), 25), *some_cases(crowded(), 10)]
    closed_loop = [*some_cases(st.tuples(cases(), loops()), 20), *some_cases(st.tuples(crowded(), loops()), 10)]
    tested = [*((case, None) for case in open_loop), *closed_loop]
    expected = [by_engine(case, closed_loop=loop) for case, loop in tested]
    (tmp_path / "cases.pickle").write_bytes(pickle.dumps(tested))
    code = (
        "import pickle, sys; from pathlib import Path; from tests.property.equality import by_engine; folder = Path(sys.argv[1]);"
        "cases = pickle.loads((folder / 'cases.pickle').read_bytes());"
        "results = [by_engine(case, closed_loop=loop) for case, loop in cases];"
        "rows = [(r.log.tobytes(), r.histogram.tobytes(), r.busy_s.tobytes(), r.timeline.tobytes(), r.window_s) for r in results];"
        "(folder / 'rows.pickle').write_bytes(pickle.dumps(rows))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, cwd=ROOT, check=True)
    plain = pickle.loads((tmp_path / "rows.pickle").read_bytes())  # noqa: S301  (written by this test)
    for one, (log, histogram, busy_s, timeline, window_s) in zip(expected, plain, strict=True):
        assert one.log is not None
        assert one.log.tobytes() == log
        assert one.histogram.tobytes() == histogram
        assert one.busy_s.tobytes() == busy_s
        assert one.timeline.tobytes() == timeline
        assert one.window_s == window_s
