"""What makes the compiled data plane fast, read from the machine code: no reference counting, and the state as one pointer.

Not a benchmark by its mark: both would otherwise be lost without a failing test, since results stay the same (docs/performance.md).
"""

from __future__ import annotations

import re

import numba
import pytest

from sim.engine.advance import advance
from sim.engine.run import simulate
from tests.benchmark.data_plane import SYSTEM, traffic

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="plain Python has no machine code")


@pytest.fixture(scope="module")
def code() -> str:
    """The LLVM code of `advance`, compiled anew (machine code from the cache cannot be read) with the options of its decorator."""
    simulate(SYSTEM, traffic(10))
    options = {name: advance.targetoptions[name] for name in advance.targetoptions if name not in ("nopython", "boundscheck")}
    fresh = numba.njit(**options)(advance.py_func)
    (signature,) = advance.signatures
    fresh.compile(signature)
    (text,) = fresh.inspect_llvm().values()
    return str(text)


def test_no_reference_counting_and_no_allocation(code: str) -> None:
    assert "NRT_" not in code


def test_the_state_is_one_pointer(code: str) -> None:
    (parameters,) = re.findall(r"^define [^@]*@_ZN3sim6engine7advance7advance[^(]*\((.*)\) ", code, re.MULTILINE)
    names = re.findall(r"%([\w.]+)", parameters)
    assert names == ["retptr", "excinfo", "arg.s", "arg.until"]
