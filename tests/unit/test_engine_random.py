"""Random numbers that belong to a request: known answers, independence of the order, the same bits in plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.random import AFFINITY, HOUR, JITTER, ROUTE, TTFT, mix, normal, philox, uniform

FULL = 0xFFFFFFFF


def test_philox_gives_the_published_answers() -> None:
    """kat_vectors of Random123 1.14 for philox4x32 with 10 rounds."""
    assert philox(0, 0, 0, 0, 0, 0, 10) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert philox(FULL, FULL, FULL, FULL, FULL, FULL, 10) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
    pi = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0)
    assert philox(*pi, 10) == (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**62), st.integers(0, 255), st.integers(0, 65535), st.integers(0, 2**31))
def test_plain_python_draws_the_same(seed: int, row: int, deployment: int, attempt: int, k: int) -> None:
    compiled = uniform(seed, TTFT, row, deployment, attempt, k)
    plain = getattr(uniform, "py_func", uniform)(seed, TTFT, row, deployment, attempt, k)
    assert compiled == plain
    assert 0.0 <= compiled < 1.0
    assert mix(seed, row) == getattr(mix, "py_func", mix)(seed, row)


def test_every_argument_changes_the_draw() -> None:
    base = (7, ROUTE, 11, 3, 2, 5)
    draws = {uniform(*base)}
    for place, other in enumerate((8, JITTER, 12, 4, 3, 6)):
        draws.add(uniform(*(other if i == place else x for i, x in enumerate(base))))
    draws.add(uniform(7, ROUTE, 11 + 2**32, 3, 2, 5))
    draws.add(uniform(7 + 2**32, ROUTE, 11, 3, 2, 5))
    assert len(draws) == 9


def test_draws_are_uniform() -> None:
    """Kolmogorov-Smirnov on 50,000 rows of two streams; a fair generator fails once in ten thousand seeds."""
    from scipy.stats import kstest

    for stream in (HOUR, AFFINITY):
        draws = np.array([uniform(3, stream, row, 0, 0, 0) for row in range(50_000)])
        assert kstest(draws, "uniform").pvalue > 1e-4


def test_normal_is_the_inverse_of_the_normal_distribution() -> None:
    from scipy.special import ndtr

    for u in [1e-300, 1e-20, 1e-9, 1e-4, 0.02, 0.075, 0.3, 0.5, 0.7, 0.925, 0.98, 0.9999, 1 - 1e-9]:
        assert ndtr(normal(u)) == pytest.approx(u, rel=1e-12)
    assert normal(0.5) == 0.0
    assert math.isfinite(normal(0.0))
    assert normal(0.0) < -8.0
