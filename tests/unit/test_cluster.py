"""Addresses of clusters, and what is said where a cluster cannot be had."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from sim.errors import InputError
from sim.planning.cluster import Address, address_of, connect
from sim.planning.execute import run_points
from tests.made.points import computes, point_of, study_of


@pytest.mark.parametrize(
    ("text", "kind", "host", "port"),
    [
        ("dask://scheduler.example:8786", "dask", "scheduler.example", 8786),
        ("ray://10.0.0.7:10001", "ray", "10.0.0.7", 10001),
        ("dask://[2001:db8::1]:8786", "dask", "2001:db8::1", 8786),
    ],
)
def test_addresses(text: str, kind: str, host: str, port: int) -> None:
    found = address_of(text)
    assert (found.kind, found.host, found.port) == (kind, host, port)
    assert str(found) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "dask", "dask://", "dask://host", "ray://:10001", "tcp://host:1", "dask://host:0x1", "dask://host:99999", "dask://user@host:1",
        "dask://host:1/path", "ray://host:1?x", "dask:host:1", "DASK://host:1", "dask://[::1:1", "dask://host:1#a", "dask://host:-1",
    ],
)  # fmt: skip
def test_other_addresses_are_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(InputError, match="allowed: dask://host:port or ray://host:port"):
        address_of(text)


@pytest.mark.parametrize(("kind", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_an_extra_that_is_missing_is_named(kind: str, package: str, tmp_path: Path) -> None:
    if find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    with pytest.raises(InputError, match=rf"{package}.* is not installed: python -m pip install 'llm-serving-cost-sim\[{kind}\]'"):
        run_points(study_of(tmp_path / "trace"), [point_of(0)], cluster=f"{kind}://127.0.0.1:1", evaluate=computes)


@pytest.mark.parametrize(("kind", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_nobody_at_the_address(kind: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked before anything of the cluster's own is imported."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: object())
    address = Address("dask" if kind == "dask" else "ray", "127.0.0.1", 1)
    with pytest.raises(InputError, match=rf"{kind}://127.0.0.1:1: cannot be reached \(.*refused"):
        connect(address)
