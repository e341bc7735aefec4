"""The same functions as plain Python give the same rows, to the last bit (invariant I12)."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numba
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.property.equality import by_engine
from tests.property.systems import Case, cases, crowded

ROOT = Path(__file__).parents[2]


def some_cases(strategy: object, n: int) -> list[Case]:
    found: list[Case] = []

    @settings(
        max_examples=n, phases=[Phase.generate], database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(strategy)
    def keep(case: Case) -> None:
        found.append(case)

    keep()
    return found


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="compares with compiled code, and compilation is switched off")
def test_rows_are_equal_with_compilation_switched_off(tmp_path: Path) -> None:
    tested = [*some_cases(cases(), 25), *some_cases(crowded(), 10)]
    expected = [by_engine(case) for case in tested]
    (tmp_path / "cases.pickle").write_bytes(pickle.dumps(tested))
    code = (
        "import pickle, sys; from pathlib import Path; from tests.property.equality import by_engine; folder = Path(sys.argv[1]);"
        "cases = pickle.loads((folder / 'cases.pickle').read_bytes());"
        "rows = [(r.log.tobytes(), r.histogram.tobytes(), r.busy_s.tobytes(), r.timeline.tobytes()) for r in map(by_engine, cases)];"
        "(folder / 'rows.pickle').write_bytes(pickle.dumps(rows))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, cwd=ROOT, check=True)
    plain = pickle.loads((tmp_path / "rows.pickle").read_bytes())  # noqa: S301  (written by this test)
    for one, (log, histogram, busy_s, timeline) in zip(expected, plain, strict=True):
        assert one.log is not None
        assert one.log.tobytes() == log
        assert one.histogram.tobytes() == histogram
        assert one.busy_s.tobytes() == busy_s
        assert one.timeline.tobytes() == timeline
