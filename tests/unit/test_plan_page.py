"""docs/plan.md names every key of a space and of plan.json."""

from __future__ import annotations

import json
from pathlib import Path

import pydantic
import pytest

from sim.planning.space import Bought, Overflow, Reserved, Scaled, Space
from tests.made import command
from tests.made.command import Capture
from tests.made.world import write_world

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "plan.md").read_text()


@pytest.mark.parametrize("model", [Space, Scaled, Bought, Reserved, Overflow])
def test_every_key_of_a_space(model: type[pydantic.BaseModel]) -> None:
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else "" if field.default in ((), None, "", {}) else f"{field.default:g} s"
        assert f"| `{field.alias or name}` | {default} | {field.description} |" in PAGE


def test_every_key_of_plan_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.yaml").write_text("replicas: 1:2\n")
    code, out, err = command.run(
        capsys, "plan", "trace.parquet", "--stack", "small.yaml", "--space", "space.yaml", "--format", "json", "-o", "p"
    )
    assert code == 0, err
    section = PAGE.partition("### plan.json")[2]
    found = json.loads(out)
    for key in (*found, *found["chosen"], *found["chosen"]["confidence"], *found["left_out"]):
        assert key in section, key
