"""The JSON Schemas take what the readers take: bundled files, quantities, short forms; and refuse what they refuse, key by key."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest

from sim import units
from sim.catalog.validation import _whole
from sim.catalog.yaml_file import load_text, read_document
from sim.cli.main import exit_code
from sim.cli.schema import KINDS as CHOICES
from sim.decision.needs import Needs
from sim.errors import InputError
from sim.planning.space import Space
from sim.report.json_schema import DRAFT, KINDS, schema_json, schema_of
from sim.report.json_schema_text import QUANTITIES, quantity
from sim.stack import outlook_quantity
from sim.stack.events import EventFile
from sim.stack.outlook import Outlook
from sim.stack.schema import Stack
from sim.trace.recipe import Recipe
from tests.made.command import Capture
from tests.made.json_schema import problems

BUNDLED = {
    "stack": "models/stacks",
    "outlook": "models/outlooks",
    "space": "models/spaces",
    "needs": "models/needs",
    "recipe": "workloads/recipes",
}
MODELS: dict[str, type[pydantic.BaseModel]] = {
    "stack": Stack,
    "outlook": Outlook,
    "space": Space,
    "needs": Needs,
    "recipe": Recipe,
    "events": EventFile,
}
SCHEMAS: dict[str, dict[str, Any]] = {kind: schema_of(kind) for kind in KINDS}


def bundled(root: Path) -> list[tuple[str, Path]]:
    return [(kind, path) for kind, folder in BUNDLED.items() for path in sorted((root / folder).glob("*.yaml"))]


def fits(kind: str, value: Any) -> bool:
    return not list(problems(value, SCHEMAS[kind]))


def test_every_bundled_file_fits(root: Path) -> None:
    files = bundled(root)
    assert {kind for kind, _ in files} == set(BUNDLED)
    for kind, path in files:
        assert list(problems(read_document(path).data, SCHEMAS[kind])) == [], path


def test_every_bundled_file_names_its_schema(root: Path) -> None:
    """The first line leads an editor to the schema in this repository."""
    for kind, path in bundled(root):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert found, path
        assert (path.parent / found[1]).resolve() == root / "schemas" / f"{kind}.schema.json"


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_are_those_of_the_program(root: Path, kind: str, capsys: Capture) -> None:
    assert exit_code(["schema", kind]) == 0
    printed = capsys.readouterr().out
    assert (root / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8") == printed, (
        f"sim schema {kind} > schemas/{kind}.schema.json"
    )
    assert json.loads(printed)["$schema"] == DRAFT
    assert printed == schema_json(kind)  # type: ignore[arg-type]


def test_what_can_be_asked_for() -> None:
    assert CHOICES == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_described(kind: str) -> None:
    """With its unit, where its name says one or it may be written with one."""
    for name, model in {"": SCHEMAS[kind], **SCHEMAS[kind].get("$defs", {})}.items():
        for key, entry in model.get("properties", {}).items():
            assert entry.get("description"), f"{name}.{key}"
            if key.endswith(("_usd", "_s", "_h", "_share", "_tokens")) and entry.get("type") != "boolean":
                assert re.search(r"\[.+\]$|^[A-Za-z ]+$", entry["description"]), f"{name}.{key}: {entry['description']}"
    assert "[seconds, or with a unit]" in SCHEMAS["stack"]["$defs"]["Slo"]["properties"]["ttft_p95"]["description"]


def read(name: str, text: str) -> bool:
    parse = getattr(outlook_quantity if name == "parse_change" else units, name)
    try:
        parse(text)
    except InputError:
        return False
    return True


NUMBERS = (
    "0",
    "1",
    "2",
    "12.5",
    ".5",
    "5.",
    "1,234",
    "1,23",
    "1_000",
    "1e3",
    "1E-3",
    "100",
    "100.0",
    "101",
    "0.99",
    "1.01",
    "-1",
    "+3",
    "",
    ".",
    "e3",
    "x",
)
ENDINGS = (
    "",
    "%",
    " %",
    "s",
    "ms",
    " min",
    "h",
    "d",
    "mo",
    "weeks",
    "k",
    "M",
    "B",
    "bn",
    "K",
    "GB",
    "GiB",
    "USD",
    " usd",
    "µs",
    "S",
    "Ms",
    "x",
)


@pytest.mark.parametrize("name", QUANTITIES)
def test_texts_of_quantities_are_those_that_are_read(name: str) -> None:
    """But for a minus, which only changes may have: every other amount is at least 0."""
    pattern = quantity(QUANTITIES[name])["pattern"]
    for number in NUMBERS:
        for ending in ENDINGS:
            for text in (number + ending, f"${number}{ending}", f" {number}{ending} "):
                if text.strip().startswith("-") and name != "parse_change":
                    continue
                assert bool(re.search(pattern, text)) == read(name, text), text


STACK = "deployments: {own: {kind: gpu, llm: llama-3.1-8b, gpu: l40s%s}}"
RULES = "deployments: {own: {kind: gpu, llm: a, gpu: b}, api: {kind: api, model: c}}\nrouting: %s"


@pytest.mark.parametrize(
    ("kind", "text", "good"),
    [
        ("stack", STACK % "", True),
        ("stack", STACK % ", replicas: 2", True),
        ("stack", STACK % ", replicas: 2.0", True),
        ("stack", STACK % ", replicas: '2'", False),
        ("stack", STACK % ", replicas: 1.5", False),
        ("stack", STACK % ", replicas: -1", False),
        ("stack", STACK % ", max_model_len: 32k", True),
        ("stack", STACK % ", max_model_len: 32kB", False),
        ("stack", STACK % ", max_model_len: 0", False),
        ("stack", STACK % ", queue_timeout: 800ms", True),
        ("stack", STACK % ", queue_timeout: 0s", False),
        ("stack", STACK % ", queue_timeout: 5 parsecs", False),
        ("stack", STACK % ", drain: 0s", True),
        ("stack", STACK % ", hit_rate: 15%", True),
        ("stack", STACK % ", hit_rate: 150%", False),
        ("stack", STACK % ", hit_rate: 1.5", False),
        ("stack", STACK % ", usd_per_gpu_hour: $2.5", True),
        ("stack", STACK % ", cold_start: {load: 60s}", True),
        ("stack", STACK % ", cold_start: {load: {median: 60s, sigma: 0.3}}", True),
        ("stack", STACK % ", cold_start: {load: [60]}", False),
        ("stack", STACK % ", pipeline_parallel: 1", True),
        ("stack", STACK % ", pipeline_parallel: 2", False),
        ("stack", STACK % ", precision: fp7", False),
        ("stack", STACK % ", colour: red", False),
        ("stack", STACK % ", client: {retries: 1, retry_on: [429, timeout]}", True),
        ("stack", STACK % ", autoscaler: {law: fixed}", True),
        ("stack", STACK % ", autoscaler: {law: magic}", False),
        ("stack", "deployments: {}", False),
        ("stack", "deployments: {Own: {kind: api, model: a}}", False),
        ("stack", "deployments: {own: {kind: tpu, model: a}}", False),
        ("stack", "deployments: {own: {model: a}}", False),
        ("stack", RULES % "[{to: own}]", True),
        ("stack", RULES % "[{to: [own, {deployment: api, max_wait: 2s}], when: {class: chat}, share: 20%}]", True),
        ("stack", RULES % "[{to: {deployment: own}}]", False),
        ("stack", RULES % "[{to: []}]", False),
        ("stack", RULES % "[{to: [own], when: {class: 3}}]", False),
        ("outlook", "demand: {growth_per_month: 3%}", True),
        ("outlook", "demand: {growth_per_month: -2%}", True),
        ("outlook", "demand: {growth_per_month: {p5: 0%, p50: 3%, p95: 8%}}", True),
        ("outlook", "demand: {growth_per_month: many}", False),
        ("outlook", "retirement: {notice_days: {default: 90}, lifetime_days: {median: 400, sigma: 0.5}}", True),
        ("outlook", "retirement: {notice_days: {default: -1}}", False),
        ("outlook", "bill: {people: 1.2}", True),
        ("outlook", "bill: {people: -1.2}", False),
        ("outlook", "api_incidents: {default: {outage_share: 20%}}", True),
        ("space", "replicas: 1:8", True),
        ("space", "replicas: 3", True),
        ("space", "replicas: [stack, 2]", True),
        ("space", "replicas: [2.5]", False),
        ("space", "gpu: h100-sxm", True),
        ("space", "gpu: [stack, H100 SXM]", False),
        ("space", "purchase: [stack, spot, {purchase: reserved_1y, provider: aws}]", True),
        ("space", "purchase: sometimes", False),
        ("space", "overflow: [none, {to: gpt-6.1-sol, max_wait: 2s}]", True),
        ("space", "settings: {deployments.own.queue_limit: 1:4, routing.0.share: [10%, 20%]}", True),
        ("space", "replica: 1:8", False),
        ("recipe", "about: a\nsource: b\nas_of: 2026\nduration_s: 60\ntraffic: {chat: {requests_per_s: 1, prompt_tokens: {law: constant, value: 9}, output_tokens: {law: constant, value: 9}}}", True),
        ("recipe", "about: a\nsource: b\nas_of: soon\nduration_s: 60\ntraffic: {chat: {requests_per_s: 1, prompt_tokens: {law: constant, value: 9}, output_tokens: {law: constant, value: 9}}}", False),
        ("recipe", "about: a\nsource: b\nas_of: 2026\nduration_s: 60\ntraffic: {}", False),
        ("events", "events: [{at: 2h, kind: api_outage, duration: 5 min}]", True),
        ("events", "events: [{at: 2h, kind: flood}]", False),
    ],
)  # fmt: skip
def test_a_schema_and_the_reader_agree(kind: str, text: str, good: bool) -> None:
    try:
        load_text(text, "file", MODELS[kind])
        taken = True
    except InputError:
        taken = False
    data = json.loads(json.dumps(load_plain(text)))
    assert (taken, fits(kind, data)) == (good, good)


def load_plain(text: str) -> Any:
    from sim.catalog.yaml_document import parse_documents

    return parse_documents(text, "file")[0].data


OTHERS: tuple[Any, ...] = (
    None,
    True,
    "x",
    "",
    -1,
    0,
    1,
    1.5,
    10**13,
    "2s",
    "15%",
    "$3",
    "30k",
    "1:8",
    "stack",
    [],
    {},
    ["x"],
    [1],
    {"x": 1},
)


def changed(data: Any) -> Iterator[Any]:
    """A document with one value replaced, left out, or added, everywhere."""
    places: list[tuple[Any, ...]] = []

    def walk(value: Any, path: tuple[Any, ...]) -> None:
        places.append(path)
        inner = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
        for key, each in inner:
            walk(each, (*path, key))

    walk(data, ())
    for path in places[1:]:
        for other in (*OTHERS, "leave out", "add"):
            made = copy.deepcopy(data)
            at = made
            for part in path[:-1]:
                at = at[part]
            if other == "leave out":
                del at[path[-1]]
            elif other != "add":
                at[path[-1]] = other
            elif isinstance(at[path[-1]], dict):
                at[path[-1]]["Colour"] = "red"
            else:
                continue
            yield made


def only_a_rule(error: Any) -> bool:
    """What no schema says: sums and orders, a key that another one needs, and the size of what is written with a unit."""
    sizes = ("less_than_equal", "less_than", "greater_than_equal", "greater_than")
    return error["type"] in ("value_error", "missing") or (error["type"] in sizes and error["input"] in ("2s", "$3", "30k", 2, 3, 30_000))


@pytest.mark.parametrize(
    ("kind", "name"), [("stack", "hybrid"), ("stack", "own-fine-tune"), ("outlook", "calm"), ("space", "default"), ("recipe", "steady")]
)
def test_no_change_of_a_bundled_file_is_judged_otherwise(root: Path, kind: str, name: str) -> None:
    """What the reader takes fits the schema; what it refuses for its form, and not for what only rules can say, does not fit."""
    data = read_document(root / BUNDLED[kind] / f"{name}.yaml").data
    judged = [0, 0]
    for made in changed(data):
        try:
            MODELS[kind].model_validate_json(json.dumps(_whole(made)), strict=True)
            taken, by_rule = True, False
        except pydantic.ValidationError as error:
            taken, by_rule = False, all(only_a_rule(each) for each in error.errors())
        judged[taken] += 1
        if taken or not by_rule:
            assert fits(kind, made) == taken, made
    assert min(judged) > 50


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("requests_per_s", "requests a second"),
        ("throughput_per_s", "requests a second"),
        ("g_ms_at_tokens", "tokens, ms"),
        ("per_1000_node_days", "per 1,000 days"),
        ("interrupted_per_30_days", "per 30 days"),
        ("ttft_per_prompt_token_s", "s"),
        ("notice_days", "days"),
        ("reserves_max_tokens", None),
    ],
)
def test_units_are_those_of_the_quantity_not_of_the_last_word(key: str, unit: str | None) -> None:
    texts = [
        model["properties"][key]["description"]
        for schema in SCHEMAS.values()
        for model in (schema, *schema.get("$defs", {}).values())
        if key in model.get("properties", {})
    ]
    assert texts and all((re.findall(r"\[(.+)\]$", text) or [None]) == [unit] for text in texts), texts
