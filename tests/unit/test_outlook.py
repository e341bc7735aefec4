"""Outlook files: what they may say, the message each mistake gets, `extends` and `--set`; the bundled ones and their page.

To print the tables of docs/outlooks.md as they are now: `python -m tests.unit.test_outlook`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel
from scipy.special import ndtri

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_document import parse_documents
from sim.catalog.yaml_file import read_document
from sim.cli.main import exit_code
from sim.errors import InputError
from sim.stack.outlook import (
    ApiIncidents,
    ApiPrices,
    Bill,
    DayShape,
    Demand,
    GpuFailures,
    GpuPrices,
    LimitChanges,
    NoCapacity,
    Outlook,
    PriceSteps,
    ProfileError,
    Retirement,
    Retraining,
    Spot,
    VendorIncidents,
)  # fmt: skip
from sim.stack.outlook_quantity import Amount, Change, Rate, parse_change
from sim.stack.outlook_read import OutlookFile, outlook_of, read_outlook, split_settings

CATALOG = Catalog.bundled()
BUNDLED = ("base", "calm", "certain", "price-war", "stress")
SECTIONS = (
    Outlook, Demand, DayShape, ProfileError, ApiIncidents, VendorIncidents, GpuFailures, Spot, NoCapacity, LimitChanges, ApiPrices,
    PriceSteps, GpuPrices, Retirement, Retraining, Bill,
)  # fmt: skip
OWN_WORDS = {"description", "extends", "sources"}


def outlook(text: str, *settings: str) -> OutlookFile:
    return outlook_of(parse_documents(text, "mine.yaml")[0], "mine", CATALOG, settings)


def problems(text: str, *settings: str) -> list[str]:
    with pytest.raises(InputError) as error:
        outlook(text, *settings)
    return str(error.value).splitlines()


# --- numbers with a spread ---


@pytest.mark.parametrize("p", [0.05, 0.5, 0.95])
@pytest.mark.parametrize(
    ("amount", "quantiles"),
    [
        (Amount(p5=1, p50=3, p95=20), (1, 3, 20)),
        (Amount(p50=3), (3, 3, 3)),
        (Amount(p50=0), (0, 0, 0)),
        (Amount(median=2, sigma=0.5), tuple(2 * math.exp(0.5 * float(ndtri(q))) for q in (0.05, 0.5, 0.95))),
    ],
)
def test_an_amount_has_the_quantiles_that_were_written(amount: Amount, quantiles: tuple[float, ...], p: float) -> None:
    expected = dict(zip((0.05, 0.5, 0.95), quantiles, strict=True))[p]
    assert float(amount.at(np.asarray(ndtri(p)))) == pytest.approx(expected, rel=1e-12)


def test_a_change_has_the_quantiles_that_were_written_however_often_it_is_compounded() -> None:
    change = Change(p5=-0.01, p50=0.03, p95=0.08)
    z = np.array([ndtri(0.05), 0.0, ndtri(0.95)])
    for months in (0.0, 1.0, 24.0):
        assert change.compounded(z, np.asarray(months)) == pytest.approx([0.99**months, 1.03**months, 1.08**months], rel=1e-12)


def test_means_are_those_of_the_density() -> None:
    """The integral over the normal density by a fine sum, which knows nothing of the closed form."""
    z = np.linspace(-12, 12, 480_001)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    for amount in (Amount(p5=1, p50=3, p95=20), Amount(median=2, sigma=0.8), Amount(p50=4)):
        assert amount.mean == pytest.approx(float((amount.at(z) * density).sum()), rel=1e-9)
    change = Change(p5=0.0, p50=0.03, p95=0.08)
    assert change.mean_compounded(12) == pytest.approx(float((change.compounded(z, np.asarray(12.0)) * density).sum()), rel=1e-9)


def test_changes_are_read_as_people_write_them() -> None:
    assert [parse_change(text) for text in ("3%", "-2 %", "0.03", 0.5, "1.5k")] == pytest.approx([0.03, -0.02, 0.03, 0.5, 1500.0])
    with pytest.raises(InputError, match="no relative change"):
        parse_change("x%")


# --- mistakes ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "demand: {growth_per_month: {p5: 9%, p50: 3%, p95: 8%}}",
            "mine.yaml:1:28: demand.growth_per_month: found p5 0.09, p50 0.03, p95 0.08; quantiles must not fall",
        ),
        ("demand: {growth_per_month: -200%}", "mine.yaml:1:28: demand.growth_per_month: found -2.0; it should be greater than -1"),
        (
            "gpu_failures: {per_1000_node_days: {default: -1}}",
            "mine.yaml:1:46: gpu_failures.per_1000_node_days.default: found -1.0; it should be greater than or equal to 0",
        ),
        (
            "bill: {people: {p5: 0, p50: 1, p95: 2}}",
            "mine.yaml:1:16: bill.people: found p5 0; quantiles are joined in the logarithm: p5 must be above 0, or the number certain",
        ),
        ("no_capacity: {per_30_days: 2k}", "mine.yaml:1:28: no_capacity.per_30_days: found 2000; at most 1000"),
        ("bill: {people: {p50: 1, p95: 2}}", "mine.yaml:1:16: bill.people: p5 and p95 go together"),
        ("bill: {people: {p5: 1, p95: 2}}", "mine.yaml:1:16: bill.people: give a number, or p5, p50 and p95"),
        ("bill: {people: {median: 1}}", "mine.yaml:1:16: bill.people: median and sigma go together"),
        (
            "bill: {people: {median: 1, sigma: 1, p50: 1}}",
            "mine.yaml:1:16: bill.people: give median and sigma, or quantiles, not both",
        ),
        (
            "api_incidents: {default: {error_rate: 120%}}",
            "mine.yaml:1:39: api_incidents.default.error_rate: found 1.2; a share is at most 1",
        ),
        (
            "demand: {weekly_shape: [1, 1, 1]}",
            "mine.yaml:1:9: demand: found 3 numbers in weekly_shape; 7 are needed",
        ),
        (
            "demand: {weekly_shape: [1, 1, 1, 1, 1, 1, 2]}",
            "mine.yaml:1:9: demand: found weekly_shape with mean 1.143; its mean must be 1",
        ),
        (
            "demand: {day_shape: {name: x, hours: [1, 2]}}",
            "mine.yaml:1:21: demand.day_shape: found 2 numbers in hours; 24 are needed",
        ),
        ("api_incidents: {default: {gap_shape: 0}}", "mine.yaml:1:38: api_incidents.default.gap_shape: found 0"),
        ("demnd: {growth_per_month: 3%}", "mine.yaml:1:1: demnd: unknown key 'demnd'"),
        ("extends: bse", "mine.yaml:1:10: extends: unknown outlook 'bse'; allowed: base, calm, certain, price-war, stress; did you mean"),
        ("extends: base\nsources: 3", "mine.yaml:2:10: sources: found 3; a list is needed"),
        ("extends: base\nsources: [4]", "mine.yaml:2:11: sources.0: found 4; keys and values are needed"),
        ("extends: base\ndemand: 3", "mine.yaml:2:9: demand: found 3; keys and values are needed"),
        # The spread of base stands around a median of one's own.
        (
            "extends: base\ndemand: {growth_per_month: {p50: 20%}}",
            "mine.yaml:2:28: demand.growth_per_month: found p5 0, p50 0.2, p95 0.08; quantiles must not fall",
        ),
    ],
)
def test_each_mistake_is_located(text: str, message: str) -> None:
    found = problems(text)
    assert len(found) == 1
    assert found[0].startswith(message)


def test_all_problems_come_at_once() -> None:
    assert len(problems("demand: {day_to_day_sigma: -1}\nlimits: {factor: 2}\nbill: {people: x}")) == 3


def test_outlooks_cannot_extend_each_other_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "outlooks").mkdir()
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / "outlooks" / f"{name}.yaml").write_text(f"extends: {other}\n")
    with pytest.raises(InputError, match=r"extends: outlooks extend each other in a circle: a -> b -> a$"):
        read_outlook("a", Catalog.load(tmp_path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bas", "no outlook 'bas'; allowed: base, calm, certain, price-war, stress, or a file; did you mean 'base'?"),
        ("none/such.yaml", "none/such.yaml: no such file"),
    ],
)
def test_a_name_that_is_none(name: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_outlook(name, CATALOG)
    assert str(error.value) == message


# --- extends and --set ---


def test_what_a_file_leaves_out_is_that_of_the_one_it_extends() -> None:
    base = read_outlook("base", CATALOG).outlook
    mine = outlook("extends: base\napi_incidents: {vendors: {openai: {per_30_days: 3}, groq: {per_30_days: 1}}}").outlook
    assert mine.demand == base.demand
    openai, groq, other = mine.api_incidents.of("openai"), mine.api_incidents.of("groq"), mine.api_incidents.of("mistral")
    assert openai.per_30_days == Rate(p50=3)
    assert openai.duration_h == base.api_incidents.vendors["openai"].duration_h
    assert openai.latency_factor == base.api_incidents.default.latency_factor
    assert groq.per_30_days == Rate(p50=1)
    assert groq.gap_shape == other.gap_shape == base.api_incidents.default.gap_shape


def test_a_number_takes_the_form_of_the_nearer_file() -> None:
    assert outlook("extends: base\nbill: {people: {median: 1, sigma: 0.2}}").outlook.bill.people == Amount(median=1, sigma=0.2)
    assert outlook("extends: base\nbill: {people: 2}").outlook.bill.people == Amount(p50=2)
    durations = outlook("extends: base\nno_capacity: {duration_h: {p5: 1, p50: 2, p95: 4}}").outlook.no_capacity.duration_h
    assert durations == Amount(p5=1, p50=2, p95=4)
    growth = outlook("extends: base\ndemand: {growth_per_month: {p95: 12%}}").outlook.demand.growth_per_month
    assert growth == Change(p5=0.0, p50=0.03, p95=0.12)
    # calm says a plain number where base says quantiles.
    assert outlook("extends: calm\nno_capacity: {per_30_days: {p5: 1, p50: 2, p95: 4}}").outlook.no_capacity.per_30_days.middle == 2


def test_the_nearest_source_of_a_number_holds() -> None:
    mine = outlook("extends: stress\nlimits: {factor: 0.9}", "outlook.bill.people=2").outlook
    assert [source.source for key in ("limits.factor", "bill.people") if (source := mine.source_of(key))] == [
        "given in mine.yaml",
        "given with --set",
    ]
    stressed, base = mine.source_of("demand.growth_per_month"), mine.source_of("demand.weekly_shape")
    assert stressed is not None and "chosen to hurt" in stressed.source
    assert base is not None and "AzureLLMInferenceDataset2024" in base.source
    assert mine.source_of("nothing") is None
    # limits.factor is the file's own now: it is no longer among what is assumed.
    assert mine.assumed("limits") == ("limits.tightened_per_year",)


def test_settings_lie_on_top() -> None:
    found = read_outlook("base", CATALOG, ["outlook.demand.growth_per_month=5%", "outlook.api_incidents.vendors.groq.per_30_days=3"])
    assert found.name == "base"
    assert found.outlook.demand.growth_per_month == Change(p50=0.05)
    assert found.outlook.api_incidents.of("groq").per_30_days == Rate(p50=3)
    quantile = read_outlook("base", CATALOG, ["outlook.demand.growth_per_month.p95=9%"]).outlook.demand.growth_per_month
    assert quantile == Change(p5=0.0, p50=0.03, p95=0.09)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("outlook.=2", "--set outlook.=2: found no key and value; allowed: outlook.key.path=value, as outlook.demand.growth_per_month=5%"),
        ("outlook.sources=2", "--set outlook.sources: sources belongs to a file; numbers can be set"),
        ("outlook.demnd.x=2", "--set outlook.demnd.x: demnd: unknown key 'demnd'"),
        (
            "outlook.demand.growth_per_month.p5=50%",
            "--set outlook.demand.growth_per_month.p5: demand.growth_per_month: found p5 0.5, p50 0.03, p95 0.08; quantiles must not fall",
        ),
    ],
)
def test_settings_that_are_wrong(setting: str, message: str) -> None:
    found = problems("extends: base", setting)
    assert len(found) == 1
    assert found[0].startswith(message)


def test_settings_are_told_apart() -> None:
    assert split_settings(["slo.ttft_p95=3s", "outlook.bill.people=1", " outlook.limits.factor=1"]) == (
        ("slo.ttft_p95=3s",),
        ("outlook.bill.people=1", " outlook.limits.factor=1"),
    )


# --- the bundled outlooks ---


def test_the_bundled_outlooks_are_there() -> None:
    assert CATALOG.names("outlook") == sorted(BUNDLED)


def numbers(data: Any, path: str = "") -> Iterator[str]:
    """Key paths at which a file says a number with or without spread, a list or a name."""
    if isinstance(data, dict) and not data.keys() & {"p50", "median", "hours"}:
        for key, value in data.items():
            if path or key not in OWN_WORDS:
                yield from numbers(value, f"{path}.{key}" if path else key)
    else:
        yield path


@pytest.mark.parametrize("name", BUNDLED)
def test_every_number_has_a_source_of_its_own_file_and_every_source_a_number(name: str) -> None:
    data = read_document(CATALOG.path("outlook", name)).data
    said = list(numbers(data))
    keys = [key for line in data["sources"] for key in line["keys"]]
    for number in said:
        assert sum(number == key or number.startswith(f"{key}.") for key in keys) == 1, number
    for key in keys:
        assert any(number == key or number.startswith(f"{key}.") for number in said), key


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_outlook_extends_base_or_nothing(name: str) -> None:
    found = read_outlook(name, CATALOG).outlook
    assert found.extends == (None if name in ("base", "certain") else "base")
    assert found.description


def uncertain(value: Any, path: str = "") -> Iterator[tuple[str, Amount | Change]]:
    """All numbers with a spread in a checked outlook."""
    if isinstance(value, (Amount, Change)):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from uncertain(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from uncertain(each, f"{path}.{name}")


def test_certain_has_no_spread_and_nothing_that_happens() -> None:
    found = read_outlook("certain", CATALOG).outlook
    shape = found.demand.day_shape
    assert shape is not None
    plain = {name: getattr(found, name) for name in ("description", "sources")}
    assert found == Outlook(demand=Demand(day_shape=shape), **plain)
    assert all(number.is_certain for _, number in uncertain(found))
    assert found.demand.growth_per_month == Change(p50=0.0)


def test_base_is_as_the_issue_and_the_records_say() -> None:
    found = read_outlook("base", CATALOG).outlook
    assert found.demand.growth_per_month == Change(p5=0.0, p50=0.03, p95=0.08)
    assert {path.split(".")[0] for path, number in uncertain(found) if not number.is_certain} == {
        "demand", "api_incidents", "gpu_failures", "spot", "no_capacity", "api_prices", "gpu_prices", "retirement", "retraining", "bill",
    }  # fmt: skip
    weekday, weekend = found.demand.weekly_shape[0], found.demand.weekly_shape[6]
    assert weekend / weekday == pytest.approx(1 - 0.43, abs=0.005)


@pytest.mark.parametrize(
    ("vendor", "scale_days", "hours_share", "down_share"), [("openai", 2.719, 0.0284, 0.00422), ("anthropic", 3.8575, 0.0131, 0.00278)]
)
def test_incidents_agree_with_count_and_with_uptime(vendor: str, scale_days: float, hours_share: float, down_share: float) -> None:
    """ICPE 2025 status pages: the Weibull scale that was fitted, the share of time in incidents, and of time not up."""
    says = read_outlook("base", CATALOG).outlook.api_incidents.of(vendor)
    assert says.per_30_days and says.duration_h and says.gap_shape and says.outage_share
    mean_gap_days = 30 / says.per_30_days.mean
    assert mean_gap_days / math.gamma(1 + 1 / says.gap_shape) == pytest.approx(scale_days, rel=0.03)
    in_incidents = says.per_30_days.mean * says.duration_h.mean / 720
    assert in_incidents == pytest.approx(hours_share, rel=0.03)
    assert in_incidents * says.outage_share == pytest.approx(down_share, rel=0.03)


# --- the page ---


def shown(value: Any) -> str:
    """A number as a file would say it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        if "hours" in value:
            return f"{value['name']}, 24 numbers"
        return ", ".join(f"{key} {each}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def at(data: Any, key: str) -> Any:
    """A value by key path; names of models may hold dots."""
    while key and isinstance(data, dict):
        part = max((each for each in data if key == each or key.startswith(f"{each}.")), key=len)
        data, key = data[part], key[len(part) + 1 :]
    return data


def key_rows(model: type[BaseModel]) -> list[str]:
    """The rows of a model's table: key, meaning."""
    rows = [f"| `{name}` | {info.description} |" for name, info in model.model_fields.items() if info.description]
    return ["| key | meaning |", "|---|---|", *rows]


def value_rows(name: str) -> list[str]:
    """What a bundled outlook says: key, value, source."""
    data = read_document(CATALOG.path("outlook", name)).data
    rows = ["| key | value | source |", "|---|---|---|"]
    for number in numbers(data):
        line = next(line for line in data["sources"] for key in line["keys"] if number == key or number.startswith(f"{key}."))
        assumed = "**assumed**: " if line.get("assumed") else ""
        rows.append(f"| `{number}` | {shown(at(data, number))} | {assumed}{line['source']} ({line['as_of']}) |")
    return rows


@pytest.mark.parametrize("model", SECTIONS, ids=lambda model: model.__name__)
def test_every_key_is_documented(root: Path, model: type[BaseModel]) -> None:
    assert "\n".join(key_rows(model)) in (root / "docs" / "outlooks.md").read_text()


@pytest.mark.parametrize("name", BUNDLED)
def test_every_number_is_documented_with_its_source(root: Path, name: str) -> None:
    assert "\n".join(value_rows(name)) in (root / "docs" / "outlooks.md").read_text()


def test_the_example_of_the_page_reads(root: Path) -> None:
    found = re.findall(r"```yaml\n(.*?)```", (root / "docs" / "outlooks.md").read_text(), re.DOTALL)
    assert len(found) == 1
    mine = outlook(found[0]).outlook
    assert mine.demand.growth_per_month == Change(p5=0.04, p50=0.07, p95=0.15)
    assert mine.bill.people == Amount(p50=1)


@pytest.mark.parametrize("name", BUNDLED)
def test_sim_check_reads_them(root: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(root / "models" / "outlooks" / f"{name}.yaml")
    assert exit_code(["check", path]) == 0
    assert capsys.readouterr().out.startswith(f"{path}: OK: outlook")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("demand: {growth_per_month: 6}", "found growth_per_month 6, which is 600% a month"),
        ("bill: {people: 20%}", "found people 0.2: it is a factor"),
    ],
)
def test_percents_written_as_numbers_and_the_other_way_round_are_refused(text: str, said: str) -> None:
    assert any(said in each for each in problems(text))


def test_strictly_a_shape_of_the_day_must_be_said() -> None:
    assert read_outlook("base", CATALOG).strictly().demand.day_shape is None
    hours = "[" + ", ".join(["1"] * 24) + "]"
    flat = ("outlook.demand.day_shape.name=flat", f"outlook.demand.day_shape.hours={hours}")
    said = read_outlook("certain", CATALOG, flat)
    assert said.strictly() == said.outlook and said.outlook.demand.day_shape is not None
    mine = outlook(f"extends: base\ndemand: {{day_shape: {{name: flat, hours: {hours}}}}}\n")
    assert mine.strictly() == mine.outlook and mine.outlook.demand.day_shape is not None


if __name__ == "__main__":
    for each in SECTIONS:
        print(f"\n### {each.__name__}\n\n{each.__doc__}\n")
        print("\n".join(key_rows(each)))
    for each_name in BUNDLED:
        print(f"\n### `{each_name}`\n")
        print("\n".join(value_rows(each_name)))
