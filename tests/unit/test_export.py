"""Exports of runs: the dictionary holds for the tables of real runs, nothing is lost or changed on the way, and metrics are well-formed."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.cli.main import exit_code
from sim.errors import InputError
from sim.report import run_tables
from sim.report.export_columns import words
from sim.report.export_dictionary import dictionary
from sim.report.export_figures import KEYS, figures
from sim.report.export_files import csv_pieces, json_pieces, tables_of, write_table
from sim.report.export_openmetrics import escaped, family_name, number, openmetrics
from sim.report.export_source import RunFolder, read_run
from sim.report.export_study_tables import CALENDAR
from sim.report.export_tables import TABLES
from sim.report.plan_files import calendar_table
from tests.made import openmetrics as strict
from tests.made.ahead import ahead
from tests.made.told import tell
from tests.made.world import write_world

ARROW = {"text": "string", "integer": "int64", "number": "double", "boolean": "bool"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A replay with its log, a run with months and a comparison, of a small world; months are made by hand."""
    world = tmp_path_factory.mktemp("world")
    write_world(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        tell(patch, lambda name, asked: ahead(asked.calendar.months, asked.futures, stack=name, scale=1.0 if name == "small" else 0.5))
        months = ("--months", "2", "--futures", "20")
        trace = ("trace.parquet", "--stack", "small.yaml")
        assert exit_code(["-q", "run", *trace, "--months", "0", "--log-requests", "-o", "replay"]) == 0
        assert exit_code(["-q", "run", *trace, *months, "--budget", "9000", "-o", "months"]) == 0
        assert (
            exit_code(["-q", "compare", *trace, "--stack", "api-first", *months, "--set", "costs.tooling_usd_per_month=300", "-o", "pair"])
            == 0
        )
        grid = ("--over", "deployments.own.replicas=1:2", "--over", "deployments.own.routing=round_robin", "--workers", "1")
        assert exit_code(["-q", "sweep", *trace, *grid, "-o", "sweep"]) == 0
        patch.setattr("sim.futures.run.forecast", lambda _stack, _trace, asked, **_more: ahead(asked.calendar.months, asked.futures))
        assert exit_code(["-q", "sweep", *trace, *grid, *months, "-o", "sweep-months"]) == 0
        Path("space.yaml").write_text("replicas: 1:2\n")
        assert exit_code(["-q", "plan", *trace, "--space", "space.yaml", "--months", "0", "--workers", "1", "-o", "plan"]) == 0
        alone = ("--set", "routing=[{to: [own]}]")
        assert exit_code(["-q", "elastic", *trace, *alone, "--slo", "ttft_p90 <= 2s", "--slo", "good_share >= 90%", "-o", "elastic"]) == 0
    return {each.name: each for each in world.iterdir() if each.is_dir()}


@pytest.fixture(scope="module")
def runs(folders: dict[str, Path]) -> dict[str, RunFolder]:
    return {name: read_run(str(folder)) for name, folder in folders.items()}


every = pytest.mark.parametrize("name", ["replay", "months", "pair", "sweep", "sweep-months", "plan", "elastic"])


def plain(kind: pa.DataType) -> str:
    """A type of Arrow as the dictionary has it; names that repeat are coded, which is no type of its own."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return "int64" if pa.types.is_integer(kind) else str(kind)


def test_every_table_that_is_written_is_in_the_dictionary(folders: dict[str, Path]) -> None:
    """Column by column, in order, with its type: and no form of the dictionary is one that no run has."""
    seen = set()
    for folder in folders.values():
        for path in [*folder.rglob("*.parquet"), *folder.rglob("*.csv")]:
            if path.suffix == ".parquet":
                schema = pq.read_schema(path)
                kinds = dict(zip(schema.names, map(plain, schema.types), strict=True))
            else:
                kinds = dict.fromkeys(next(csv.reader(path.read_text().splitlines())), "")
            found = [(each, columns) for each in TABLES if path.name in each.files and (columns := each.form(list(kinds)))]
            assert len(found) == 1, f"{path.name}: {kinds}"
            ((form, columns),) = found
            seen.add((form.name, form.when))
            for column in columns:
                assert kinds[column.name] in ("", ARROW[column.kind]) or column.name not in {each.name for each in form.columns}, (
                    column.name
                )
    # The months of a plan take too long for a test: its header alone.
    calendar = calendar_table(SimpleNamespace(calendar=()))  # type: ignore[arg-type]
    assert CALENDAR.form(list(calendar)) == CALENDAR.columns
    assert seen | {(CALENDAR.name, CALENDAR.when)} == {(each.name, each.when) for each in TABLES}


def test_the_dictionary_says_something_of_every_column() -> None:
    for table in TABLES:
        assert len({each.name for each in table.columns}) == len(table.columns)
        for column in table.columns:
            assert column.meaning and "|" not in column.said
            ends = {
                "_per_s": column.unit,
                "_s": "s",
                "_usd": "USD",
                "_share": "share",
                "_tokens": "tokens",
                "_gpu_hours": "GPU-hours",
                "_kwh": "kWh",
            }
            name = re.sub(r".*_(?=usd|gpu_hours)|_per_million.*|_per_1000.*|usd_per_month$", "", column.metric or column.name)
            unit = next((unit for end, unit in ends.items() if f"_{name}".endswith(end)), column.unit)
            assert column.unit == unit, f"{table.name}.{column.name}: {column.unit}"
            if column.statistic:
                words(column.statistic)


def test_the_page_is_current(root: Path) -> None:
    assert (root / "docs" / "data-dictionary.md").read_text() == dictionary(), "sim export --dictionary > docs/data-dictionary.md"


def test_what_each_run_has(runs: dict[str, RunFolder]) -> None:
    assert (runs["replay"].kind, runs["pair"].kind) == ("run", "comparison")
    assert [each.name for each in tables_of(runs["replay"])] == [
        "figures",
        "monthly",
        "capacity",
        "charges",
        "latency",
        "latency_curves",
        "timeline",
        "events",
        "requests",
        "columns",
    ]
    assert [each.name for each in tables_of(runs["pair"])][1:-1] == ["pairs", "pairs_monthly", "monthly", "capacity", "charges", "draws"]
    assert [each.name for each in tables_of(runs["sweep"])] == ["figures", "sweep", "columns"]
    assert [each.name for each in tables_of(runs["elastic"])] == ["figures", "laws", "schedule", "columns"]
    assert {name: run.kind for name, run in runs.items() if run.kind == name} == {name: name for name in ("sweep", "plan", "elastic")}
    assert [each.name for each in runs["pair"].stacks] == ["small", "api-first"]
    assert runs["replay"].stacks[0].models == {"own": "llama-3.1-8b", "spill": "gpt-6.1-sol"}


@every
def test_nothing_changes_on_the_way(runs: dict[str, RunFolder], tmp_path: Path, name: str) -> None:
    """CSV, Parquet and JSON hold the same rows, and those are the rows of the files of the run."""
    run = runs[name]
    whole = json.loads("".join(json_pieces(run, tables_of(run))))
    assert whole["run"]["stacks"] == list(run.names)
    for table in tables_of(run):
        write_table(tmp_path / "t.parquet", table, "parquet")
        rows = pq.read_table(tmp_path / "t.parquet").to_pylist()
        assert whole["tables"][table.name]["rows"] == [
            {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()} for row in rows
        ]
        read = list(csv.DictReader(io.StringIO("".join(csv_pieces(table)))))
        assert [tuple(row.values()) for row in read] == [tuple(cell(value) for value in row.values()) for row in rows]
        own = [row for part in table.parts for row in original(part.path)]
        if own:
            shown = [{key: cell(value) for key, value in row.items() if key in own[0]} for row in rows]
            for found, given in zip(shown, own, strict=True):
                assert found == given or all(same(found[key], given[key]) for key in given)
        field = pq.read_schema(tmp_path / "t.parquet").field(0)
        assert field.metadata[b"description"] == table.columns[0].said.encode()


def cell(value: Any) -> str:
    """A value as CSV has it."""
    return next(csv.reader([run_tables.csv_text({"x": [value]}).split("\n", 1)[1]]), [""])[0]


def original(path: Path) -> list[dict[str, str]]:
    """The rows of a file of a run as CSV has them."""
    if path.suffix == ".csv":
        return list(csv.DictReader(path.read_text().splitlines()))
    return [{key: cell(value) for key, value in row.items()} for row in pq.read_table(path).to_pylist()]


def same(a: str, b: str) -> bool:
    """Equal as numbers: `4` of an integer that a spreadsheet would take for `4.0`."""
    return a == b or a.replace("true", "True") == b or float(a) == float(b)


def values(run: RunFolder, **wanted: str) -> list[float | None]:
    return [
        each.value
        for each in figures(run)
        if all(
            (dict(zip(KEYS, each.keys, strict=True)) | {"metric": each.metric, "statistic": each.statistic})[key] == value
            for key, value in wanted.items()
        )
    ]


def test_figures_are_those_of_the_summary(runs: dict[str, RunFolder]) -> None:
    run = runs["months"]
    found = run.content
    assert values(run, metric="good_share", statistic="value") == [found["slo"]["good_share"]]
    assert values(run, metric="ttft_s", statistic="p99", deployment="own", **{"class": "all"}) == [
        found["deployments"]["own"]["latency"]["ttft_s"]["p99"]
    ]
    month = found["monthly"][1]
    assert values(run, metric="total_usd", statistic="p95", month=month["month"], line="tco") == [month["tco_usd"]["p95"]]
    lines = values(run, metric="cost_usd", statistic="mean", month=month["month"], kind="invoice")
    assert math.fsum(value for value in lines if value is not None) == pytest.approx(month["invoice_usd"]["mean"])
    assert values(run, metric="slo_missed_share", month=month["month"]) == [found["slo"]["by_month"][1]["missed_share"]]
    assert values(run, metric="slo_met", level="completed") == [float(found["slo"]["levels"]["completed"]["met"])]
    assert values(runs["pair"], against="api-first", month="all") == []
    pair = runs["pair"].content["pairs"][0]
    assert values(runs["pair"], metric="a_cheaper_share", kind="tco", statistic="value", month="") == [pair["tco"]["p_a_cheaper"]]


@every
def test_openmetrics_are_well_formed_and_hold_every_figure(runs: dict[str, RunFolder], name: str) -> None:
    families = strict.read(openmetrics(runs[name]))
    assert sum(len(each.samples) for key, each in families.items() if key.startswith("sim_") and key != "sim_run_info") == sum(
        each.value is not None for each in figures(runs[name])
    )
    edges = {label[1] for each in families.values() for labels in each.samples for label in labels if label[0] == "quantile"}
    known = {"0.5", "0.95"} if name in ("plan", "elastic") else {"0.05", "0.5", "0.9", "0.95", "0.99"}
    assert edges <= known and (edges or name in ("plan", "elastic"))
    for each in families.values():
        assert each.words and each.samples
        assert each.kind == "gauge"


def test_the_textfile_collector_of_the_node_exporter_reads_it(runs: dict[str, RunFolder]) -> None:
    text = openmetrics(runs["pair"])
    assert strict.read_text_format(text) == sum(len(each.samples) for each in strict.read(text).values()) > 100
    assert strict.read_text_format('# TYPE a gauge\n# UNIT a s\na{b="c"} 1\n# EOF\n') == 1
    for wrong in ("# TYPE a info\na_info 1\n", '# HELP a \\"b\\"\n'):
        with pytest.raises(AssertionError, match=r"unknown metric type|invalid escape"):
            strict.read_text_format(wrong)


def test_the_names_of_opencost(runs: dict[str, RunFolder]) -> None:
    """Their labels, and what must hold: by basis the deployments add up to the bill an hour, phases to the cost of the API."""
    families = strict.read(openmetrics(runs["pair"]))
    hourly, tokens = families["llm_total_hourly_cost"].samples, families["llm_cost_per_million_tokens"].samples
    for stack in runs["pair"].stacks:
        bill = stack.summary["bill"]

        def total(basis: str, name: str = stack.name) -> float:
            return math.fsum(value for labels, value in hourly.items() if {("cost_basis", basis), ("namespace", name)} <= labels)

        assert total("allocation") == pytest.approx(bill["month"]["total_usd"] / 730)
        idle, shared = (
            math.fsum(line["usd"] for line in bill["lines"] if line[key] in names)
            for key, names in (("item", ("gpu_idle", "gpu_spare")), ("deployment", ("shared",)))
        )
        assert shared > 0
        assert total("usage") == pytest.approx((bill["total_usd"] - idle - shared) * bill["month"]["factor"] / 730)
        assert (idle > 0) == (stack.name == "small")
    api = runs["pair"].stacks[1].summary["deployments"]["main"]
    of = {
        dict(labels).get("phase", ""): value
        for labels, value in tokens.items()
        if {("deployment", "main"), ("cost_basis", "allocation")} <= labels
    }
    count = {"prompt": api["input_tokens"] + api["cached_input_tokens"], "generation": api["output_tokens"]}
    bill = runs["pair"].stacks[1].summary["bill"]
    owned = math.fsum(usd for name, usd in bill["by_deployment"].items() if name != "shared")
    allocated = api["cost_usd"] * bill["total_usd"] / owned
    assert math.fsum(of[phase] * count[phase] for phase in count) / 1e6 == pytest.approx(allocated)
    assert of[""] * sum(count.values()) / 1e6 == pytest.approx(allocated)
    assert of["generation"] > of[""] > of["prompt"] > 0
    assert {name for labels in tokens for name, _ in labels} == {
        "model_name", "model_version", "namespace", "cost_basis", "phase", "allocation_method", "workload_type", "deployment",
    }  # fmt: skip
    assert not any({("deployment", "own"), ("phase", "prompt")} <= labels for labels in tokens)
    assert ("model_name", "llama-3.1-8b") in {label for labels in tokens for label in labels}


def test_points_of_a_sweep(runs: dict[str, RunFolder]) -> None:
    """What was varied names a point; quantiles of latencies are statistics of one metric, as in runs."""
    rows = runs["sweep-months"].content["rows"]
    for row in rows:
        point = ", ".join(f"{key}={value}" for key, value in row["point"].items())
        assert "deployments.own.routing=round_robin" in point
        assert values(runs["sweep-months"], metric="ttft_s", statistic="p99", point=point) == [row["metrics"]["ttft_p99_s"]]
        assert values(runs["sweep-months"], metric="tco_usd_p95", point=point) == [row["metrics"]["tco_usd_p95"]]
    table = next(each for each in tables_of(runs["sweep"]) if each.name == "sweep")
    kinds = {each.name: each.kind for each in table.columns}
    assert (kinds["deployments.own.replicas"], kinds["deployments.own.routing"]) == ("integer", "text")


def test_autoscalers_that_were_tried(runs: dict[str, RunFolder]) -> None:
    found = runs["elastic"].content
    assert values(runs["elastic"], metric="gpu_hours", point="law=perfect") == [found["perfect"]["gpu_hours"]]
    hpa = next(each for each in found["autoscalers"] if each["autoscaler"] == {"law": "hpa"})
    assert values(runs["elastic"], metric="over_perfect", point="law=hpa, replicas_min=1, replicas_max=2") == [hpa["over_perfect"]]


@pytest.mark.parametrize(
    ("prefix", "metric", "statistic", "name"),
    [
        ("replay", "ttft_s", "", ("sim_replay_ttft_seconds", "seconds")),
        ("replay", "ttft_s", "mean", ("sim_replay_ttft_mean_seconds", "seconds")),
        ("month", "good_share", "se", ("sim_month_good_se_ratio", "ratio")),
        ("month", "load", "max", ("sim_month_load_max_ratio", "ratio")),
        ("replay", "goodput_per_s", "", ("sim_replay_goodput_per_second", "")),
        ("replay", "usd_per_million_tokens", "", ("sim_replay_usd_per_million_tokens", "")),
        ("month", "gpus", "", ("sim_month_gpus", "")),
    ],
)
def test_names_of_families(prefix: str, metric: str, statistic: str, name: tuple[str, str]) -> None:
    assert family_name(prefix, metric, statistic) == name


@pytest.mark.parametrize("text", ["plain", 'a "b"', "back\\slash", "two\nlines", 'all "\\\n', "ü€", "\\n"])
def test_escaped_texts_are_read_back(text: str) -> None:
    assert strict.sample(f'x{{a="{escaped(text)}"}} 1') == ("x", frozenset({("a", text)}), 1.0)


@pytest.mark.parametrize("character", ["\x1b", "\r", "\x07", "\x9b", "\u202e", "\u2028", "\x00"])
def test_what_could_steer_a_terminal_is_spelled_out(runs: dict[str, RunFolder], character: str) -> None:
    """In a label, and in a whole exposition whose trace is called so."""
    spelled = repr(character)[1:-1]
    assert strict.sample(f'x{{a="{escaped(f"a{character}[31m")}"}} 1')[1] == frozenset({("a", f"a{spelled}[31m")})
    text = openmetrics(replace(runs["replay"], trace=f"t{character}[2J"))
    assert character not in text
    assert ("trace", f"t{spelled}[2J") in {label for labels in strict.read(text)["sim_run_info"].samples for label in labels}


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.1, "0.1"), (1e-7, "1e-07"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (1e300, "1e+300")],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text
    assert strict.NUMBER.fullmatch(text)


@pytest.mark.parametrize(
    "wrong",
    [
        "a 1\n# EOF\n", "# TYPE a gauge\na 1\n", "# TYPE a gauge\n\na 1\n# EOF\n", "# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n",
        "# TYPE a gauge\na 1\na 2\n# EOF\n", "# TYPE a gauge\nb 1\n# EOF\n", "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\n# EOF\n",
        '# TYPE a gauge\na{b="c} 1\n# EOF\n', "# TYPE a_total gauge\na_total 1\n# EOF\n", "# TYPE a gauge\na  1\n# EOF\n",
    ],
)  # fmt: skip
def test_the_strict_reader_is_strict(wrong: str) -> None:
    with pytest.raises(AssertionError):
        strict.read(wrong)


def test_formulas_are_guarded_and_read_back(folders: dict[str, Path], tmp_path: Path) -> None:
    """A name that a spreadsheet would take for a formula, in a CSV file of a run."""
    change = copied(folders["replay"], tmp_path / "r")
    change("capacity.csv", lambda text: text.replace(",spill,", ",'=1+1,"))
    run = read_run(str(tmp_path / "r"))
    table = next(each for each in tables_of(run) if each.name == "capacity")
    assert [row["deployment"] for batch in table.batches() for row in batch.to_pylist()] == ["own", "=1+1"]
    assert "'=1+1" in "".join(csv_pieces(table))


def copied(folder: Path, to: Path) -> Callable[[str, Callable[[str], str]], None]:
    """A copy of a run, and a function that changes the text of one of its files."""
    import shutil

    shutil.copytree(folder, to)

    def change(name: str, by: Callable[[str], str]) -> None:
        (to / name).write_text(by((to / name).read_text()))

    return change


@pytest.mark.parametrize(
    ("file", "by", "said"),
    [
        ("run.json", None, "not the folder of a run, or one that was not finished (no run.json)"),
        ("summary.json", None, "no folder of a run that is known"),
        ("summary.json", lambda text: text[:-20], "summary.json: damaged"),
        ("summary.json", lambda _text: "[1]", "summary.json: holds no run"),
        ("summary.json", lambda text: text.replace('"schema_version": 1', '"schema_version": 9'), "schema_version: found 9; allowed: 1"),
        ("run.json", lambda text: text.replace('"schema_version": 1', '"schema_version": true'), "schema_version: found True; allowed: 1"),
        (
            "summary.json",
            lambda text: text.replace('"deployments"', '"deploymints"'),
            "summary.json: deployments: missing; allowed: keys and values: written by another version of sim, or changed; run it again",
        ),
        ("summary.json", lambda text: text.replace('"hash"', '"x"').replace("small", "\\ud800"), "damaged"),
        ("capacity.csv", None, "capacity.csv is missing"),
        ("latency.parquet", None, "latency.parquet is missing"),
        ("timeline.parquet", None, "timeline.parquet is missing"),
        ("events.parquet", None, "events.parquet is missing"),
        (
            "capacity.csv",
            lambda text: text.replace("gpus_max", "gpus_most", 1),
            "column 'gpus_most' is not known: written by another version",
        ),
        ("latency.parquet", lambda _text: "no table", "latency.parquet: damaged"),
        ("stack.resolved.yaml", lambda _text: "a: [", "stack.resolved.yaml: damaged"),
    ],
)
def test_damaged_runs_are_refused(folders: dict[str, Path], tmp_path: Path, file: str, by: Callable[[str], str] | None, said: str) -> None:
    change = copied(folders["replay"], tmp_path / "r")
    if by is None:
        (tmp_path / "r" / file).unlink()
    elif file.endswith(".parquet"):
        (tmp_path / "r" / file).write_text(by(""))
    else:
        change(file, by)
    with pytest.raises(InputError, match="r") as refused:
        read_run(str(tmp_path / "r"))
    assert said in str(refused.value)


@pytest.mark.parametrize("of", ["months", "pair"])
def test_a_forecast_without_its_draws_is_refused(folders: dict[str, Path], tmp_path: Path, of: str) -> None:
    copied(folders[of], tmp_path / "r")
    next((tmp_path / "r").rglob("draws.parquet")).unlink()
    with pytest.raises(InputError, match=r"draws\.parquet is missing"):
        read_run(str(tmp_path / "r"))


def test_a_cell_that_is_no_number_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    change = copied(folders["replay"], tmp_path / "r")
    change("capacity.csv", lambda text: text.replace("\n2026-11,own,gpu,1", "\n2026-11,own,gpu,many"))
    run = read_run(str(tmp_path / "r"))
    with pytest.raises(InputError, match=r"capacity\.csv: damaged"):
        list(figures(run))


@pytest.mark.parametrize(
    ("known", "strange", "said"),
    [
        ('"goodput_per_s"', '"x"', "key 'goodput_per_s' is missing: written by another version of sim, or changed; run it again"),
        ('"measured": ', '"measured": {}, "x": ', "a value is of another type (float() argument must be"),
        ('"levels": {', '"levels": 5, "x": {', "slo.levels: found 5; allowed: keys and values"),
        ('"lines": [', '"lines": 5, "x": [', "bill.lines: found 5; allowed: a list of keys and values"),
        ('"factor": ', '"factor": NaN, "x": ', "summary.json: damaged or not there: NaN is no number of JSON"),
    ],
)
def test_a_summary_without_what_is_exported(folders: dict[str, Path], tmp_path: Path, known: str, strange: str, said: str) -> None:
    change = copied(folders["replay"], tmp_path / "r")
    change("summary.json", lambda text: text.replace(known, strange, 1))
    with pytest.raises(InputError) as refused:
        openmetrics(read_run(str(tmp_path / "r")))
    assert said in str(refused.value)
    assert "Error(" not in str(refused.value)


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ({"monthly_usd": math.nan}, "plan.json: damaged or not there: NaN is no number of JSON"),
        ({"monthly_usd": math.inf}, "Infinity is no number of JSON"),
        ({"monthly_usd": "9"}, "plan.json: chosen.monthly_usd: found '9'; allowed: a number: written by another version of sim"),
        ({"monthly_usd": True}, "chosen.monthly_usd: found True; allowed: a number"),
        ({"monthly_usd": None, "slo": []}, "chosen.slo: found []; allowed: keys and values"),
    ],
)
def test_a_plan_whose_choice_is_no_choice(folders: dict[str, Path], tmp_path: Path, by: dict[str, Any], said: str) -> None:
    copied(folders["plan"], tmp_path / "r")
    content = json.loads((tmp_path / "r" / "plan.json").read_text())
    content["chosen"] |= by
    (tmp_path / "r" / "plan.json").write_text(json.dumps(content))
    with pytest.raises(InputError) as refused:
        read_run(str(tmp_path / "r"))
    assert said in str(refused.value)


@pytest.mark.parametrize("chosen", [None, 5, "x"])
def test_a_plan_that_is_feasible_has_chosen(folders: dict[str, Path], tmp_path: Path, chosen: object) -> None:
    copied(folders["plan"], tmp_path / "r")
    content = json.loads((tmp_path / "r" / "plan.json").read_text())
    for feasible in (True, False):
        (tmp_path / "r" / "plan.json").write_text(json.dumps(content | {"chosen": chosen, "feasible": feasible}))
        if feasible or chosen is not None:
            with pytest.raises(InputError, match=r"chosen: found .*; allowed: keys and values, or null where nothing is feasible"):
                read_run(str(tmp_path / "r"))
        else:
            read_run(str(tmp_path / "r"))


def test_a_comparison_without_one_of_its_stacks(folders: dict[str, Path], tmp_path: Path) -> None:
    copied(folders["pair"], tmp_path / "r")
    (tmp_path / "r" / "small").rename(tmp_path / "r" / "other")
    with pytest.raises(InputError, match="the folder of small is missing"):
        read_run(str(tmp_path / "r"))


def test_what_floats_leave_behind_is_in_no_text() -> None:
    assert number(13.770000000000001) == "13.77" and run_tables.csv_text({"usd": [5825.400000000001]}) == "usd\n5825.4\n"
    assert number(1 / 3) == repr(1 / 3), "all other digits stay"
