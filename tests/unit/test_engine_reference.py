"""Arrays passed by reference: compiled code reads and writes the arrays of the object, whatever their shape."""

from typing import Any

import numba
import numpy as np
import pytest

from sim.engine.compiled import compiled
from sim.engine.reference import ByReference, ReferenceType

THING = np.dtype([("count", "i8"), ("length", "f8")], align=True)


class Box(ByReference):
    things: Any
    cube: Any
    fields = ("things", "cube")


def box(n: int) -> Box:
    return Box(things=np.zeros(n, THING).view(np.recarray), cube=np.arange(2.0 * 3 * n).reshape(2, 3, n))


@compiled
def touch(b: Any, i: int) -> float:
    b.things[i].count += 3
    b.things[i].length = b.cube[1, 2, i]
    return float(b.cube.shape[2] + b.things.shape[0])


@pytest.mark.parametrize("n", [4, 9])
def test_reads_and_writes_go_to_the_arrays(n: int) -> None:
    for function in (touch, getattr(touch, "py_func", touch)):
        b = box(n)
        assert function(b, 2) == 2.0 * n
        assert b.things[2].count == 3
        assert b.things[2].length == 3.0 * n + 2 * n + 2


def test_replace_keeps_the_other_arrays() -> None:
    b = box(4)
    c = b.replace(cube=np.ones((2, 3, 7)))
    assert c.things is b.things
    assert touch(c, 1) == 11.0
    assert b.things[1].count == 3
    with pytest.raises(AssertionError, match="unknown"):
        b.replace(colour=np.ones(3))


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="types are looked at, and compilation is switched off")
def test_one_type_for_all_sizes() -> None:
    """Growing arrays must not compile anything anew."""
    small, large = numba.typeof(box(2)), numba.typeof(box(1000))
    assert isinstance(small, ReferenceType)
    assert small == large
    with pytest.raises(AttributeError):
        small.find("colour")
