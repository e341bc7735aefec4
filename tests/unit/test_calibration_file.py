"""The profile file of a calibration: what is read back is what was found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sim.calibration.calibrate import calibrate
from sim.catalog.catalog import Catalog
from sim.errors import InputError
from sim.profile.shipped import ProfileFile, ShippedProfile
from sim.report.calibration_file import check_target, profile_yaml, write_profiles
from tests.made.benchmark import PRIOR, SERVER, ClosedForm, measured, position

FOUND = calibrate(measured(position(c=1.0, f=0.5), noise=0.01), PRIOR, ClosedForm())


def read(path: Path) -> tuple[ShippedProfile, ...]:
    return Catalog((path.parent, *Catalog.bundled().folders)).read(path, ProfileFile).profiles


def test_what_is_read_back_is_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    write_profiles(path, profile_yaml((FOUND,), source="a.csv", as_of="2026"), force=False)
    (own,) = read(path)
    assert own.key == FOUND.key == ("llama-3.1-8b", "h100-sxm", 1, "bf16", "bf16", "vllm", PRIOR.engine_era)
    step = own.step.coefficients()
    assert step.g_s == pytest.approx(FOUND.step.g_s, rel=1e-5) and step.g_tokens == FOUND.step.g_tokens
    for name in ("c_s", "o_s", "f_s", "h_s"):
        assert getattr(step, name) == pytest.approx(getattr(FOUND.step, name), rel=1e-5)
    assert own.decode_error == pytest.approx(FOUND.decode_error, rel=1e-5) and own.as_of == "2026"
    assert own.notes[0] == "fitted to 12 serving runs at concurrency 1 to 64, requests of up to 8704 tokens"
    kept = ", ".join(c.name for c in FOUND.coefficients if not c.moved)
    assert f"at the estimate, for the data do not tell: {kept}" in own.notes


def test_limits_of_the_measured_server_are_noted(tmp_path: Path) -> None:
    server = replace(SERVER, max_num_seqs=128, utilisation=0.85)
    points = [replace(p, server=server) for p in measured(position())]
    text = profile_yaml((calibrate(points, PRIOR, ClosedForm()),), source="a.csv", as_of="undated")
    assert "measured with max_num_seqs 128, utilisation 0.85" in text


def test_assumed_lengths_are_noted() -> None:
    said = [replace(p, load=replace(p.load, least_length_share=1.0)) for p in measured(position())]
    told = "lengths assumed even from 80% of the nominal ones"
    assert told in profile_yaml((FOUND,), source="a.csv", as_of="2026")
    assert told not in profile_yaml((calibrate(said, PRIOR, ClosedForm()),), source="a.csv", as_of="2026")


def test_a_long_source_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    write_profiles(path, profile_yaml((FOUND,), source=", ".join(f"file-{i}.csv" for i in range(500)), as_of="2026"), force=False)
    assert len(read(path)[0].source) == 300


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    check_target(path, force=False)
    path.write_text("mine")
    with pytest.raises(InputError, match="appeared while"):
        write_profiles(path, profile_yaml((FOUND,), source="a.csv", as_of="2026"), force=False)
    assert path.read_text() == "mine" and list(tmp_path.iterdir()) == [path]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("mine")
    (tmp_path / "own.yaml").symlink_to(tmp_path / "other.yaml")
    for force in (False, True):
        with pytest.raises(InputError):
            check_target(tmp_path / "own.yaml", force=force)
