"""`sim catalog`: what it prints, as a table and as JSON, and how it answers a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.cli.main import exit_code
from sim.report.listing import value_text


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert exit_code(["catalog", *arguments]) == code
    printed = capsys.readouterr()
    if code == 0:
        assert printed.err == ""
        return printed.out
    assert printed.out == ""
    return printed.err


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_names_by_kind(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "list")
    assert max(map(len, text.splitlines())) <= 80
    whole = text.replace("\n  ", " ").splitlines()
    kinds = json.loads(run(capsys, "list", "--format", "json"))
    assert {"apis", "gpus", "llms", "providers"} <= set(kinds)
    for kind, names in kinds.items():
        assert f"{kind}: {', '.join(names)}" in whole


@pytest.mark.parametrize("kind", ["apis", "gpus", "llms", "machines", "providers"])
def test_a_table_and_json_say_the_same(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    rows = json.loads(run(capsys, "list", kind, "--format", "json"))
    lines = run(capsys, "list", kind).splitlines()
    assert max(map(len, lines)) <= 80
    begin = next(number for number, line in enumerate(lines) if line.startswith("name "))
    found = "\n".join(lines[begin + 1 :]).replace("\n    ", " ").splitlines()
    for row, line in zip(rows, found, strict=True):
        at = 0
        for value in row.values():
            if value is not None:
                at = line.index(value_text(value), at) + len(value_text(value))
    heads = " ".join(lines[: begin + 1])
    assert all(word in heads + " ".join(found) for key in rows[0] for word in key.split("_"))
    singular = run(capsys, "list", kind[:-1])
    assert singular.splitlines() == lines


def test_an_unknown_price_is_shown_as_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in json.loads(run(capsys, "list", "gpus", "--format", "json"))}
    assert rows["a30"]["usd_per_gpu_hour"] is None
    assert rows["h100-sxm"]["usd_per_gpu_hour"] > 0


def test_prices_follow_the_day_and_the_price_file(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    def input_price(*options: str) -> float:
        rows = json.loads(run(capsys, "list", "apis", "--format", "json", *options))
        return float(next(row for row in rows if row["name"] == "gemini-3.8-flash")["input_usd_per_mtok"])

    assert input_price("--date", "2027-01-01") == 2 * input_price()
    (elsewhere / "p.yaml").write_text("api:\n  gemini-3.8-flash: {input_usd_per_mtok: 0.5, output_usd_per_mtok: 2}\n")
    assert input_price("--prices", "p.yaml") == 0.5


@pytest.mark.parametrize("name", ["h200-sxm", "llama-3.1-70b", "claude-sonnet-5-5", "aws"])
def test_an_entry_is_shown_with_its_sources(capsys: pytest.CaptureFixture[str], name: str) -> None:
    entry = json.loads(run(capsys, "show", name, "--format", "json"))
    text = run(capsys, "show", name)
    assert entry["name"] == name
    assert text.splitlines()[0] == f"kind: {entry['kind']}"
    for line in entry["sources"]:
        assert " ".join(line["source"].split()) in " ".join(text.split())
    assert str(Path.cwd()) not in text
    assert "models/" in entry["file"]


def test_derived_figures_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    llm = json.loads(run(capsys, "show", "llama-3.1-70b", "--format", "json"))
    assert llm["derived"]["kv_bytes_per_token"]["bf16"] == 2 * 80 * 2 * 8 * 128
    peak = json.loads(run(capsys, "show", "deepseek-flash", "--format", "json"))["derived"]["prices_usd_per_mtok"]
    assert len(peak) == 5


def test_ones_own_folder_is_found_in_the_current_folder(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    folder = elsewhere / "models" / "providers"
    folder.mkdir(parents=True)
    (folder / "ours.yaml").write_text(
        "name: ours\nbilling_unit_s: 3600\nsources:\n  - {keys: [billing_unit_s], source: contract, as_of: 2026}\n"
    )
    assert "3,600" in run(capsys, "show", "ours")
    (folder / "theirs.yaml").write_text("name: theirs\nbilling_unit_s: 0\nsource: contract\n")
    assert run(capsys, "show", "theirs", code=2).splitlines() == [
        f"error: {folder / 'theirs.yaml'}:1:1: sources: key missing; it is required",
        f"error: {folder / 'theirs.yaml'}:2:17: billing_unit_s: found 0; it should be greater than 0",
        f"error: {folder / 'theirs.yaml'}:3:1: source: unknown key 'source'; allowed: name, billing_unit_s, minimum_s, "
        "spot_notice_s, sources; did you mean 'sources'?",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "h100-smx"], "unknown name 'h100-smx'; did you mean 'h100-sxm'?"),
        (["list", "gpuss"], "unknown kind 'gpuss'; allowed: apis, gpus"),
        (["show", "h100-sxm", "--kind", "llm"], "unknown llm 'h100-sxm'"),
        (["list", "apis", "--date", "12:30"], "--date: found '12:30'; a day as 2026-11-21 is needed"),
        (["list", "apis", "--prices", "none.yaml"], "none.yaml: no such file"),
        (["list", "apis", "--models", "none"], "none: no such folder of models"),
    ],
)
def test_a_mistake_is_answered_in_a_line(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    error = run(capsys, *arguments, code=2)
    assert message in error
    assert len(error.splitlines()) == 1
