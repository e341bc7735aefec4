"""Machine code is kept where an edited source cannot meet old code, and never counts references."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from sim.engine import compiled
from sim.engine.advance import advance
from sim.engine.retry import retry_delay


def test_the_cache_folder_is_named_by_sources_and_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = compiled._source_hash()
    engine = tmp_path / "engine"
    engine.mkdir()
    for source in Path(compiled.__file__).parent.rglob("*.py"):
        target = engine / source.relative_to(Path(compiled.__file__).parent)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(source.read_bytes())
    monkeypatch.setattr(compiled, "__file__", str(engine / "compiled.py"))
    assert compiled._source_hash() == before
    with (engine / "limits.py").open("a") as file:
        file.write("\n# one more line\n")
    assert compiled._source_hash() != before
    assert Path(numba.config.CACHE_DIR) == compiled.CACHE_FOLDER


def test_a_cache_folder_is_found_when_home_cannot_be_written(tmp_path: Path) -> None:
    """A read-only home (a file stands where the folder would be) falls through to the temporary folder."""
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    environment = os.environ | {
        "SIM_CACHE_DIR": str(blocked),
        "XDG_CACHE_HOME": str(blocked),
        "HOME": str(blocked),
        "TMPDIR": str(tmp_path),
    }
    environment.pop("NUMBA_CACHE_DIR", None)
    code = "from sim.engine.compiled import CACHE_FOLDER; print(CACHE_FOLDER)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path))


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="looks at how a function is compiled, and compilation is switched off")
def test_constants_make_no_versions_of_a_function() -> None:
    """A call with a literal argument finds the version that takes any number (tests/benchmark/test_machine_code.py looks at the code itself)."""
    assert advance.targetoptions["_nrt"] is False
    literal = numba.types.literal
    retry_delay.get_call_template((literal(0), literal(2), *[numba.float64] * 6, literal(1), numba.float64), {})
    assert retry_delay.overloads
    assert not any(isinstance(kind, numba.types.Literal) for version in retry_delay.overloads for kind in version)
