"""Reading YAML: what each scalar means, what is refused, and where every mistake is said to be."""

from __future__ import annotations

import contextlib
import datetime
import json
import math
import re
import subprocess
import sys
from typing import Annotated, Literal

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.catalog.yaml_document import Mark, parse_documents, parse_scalar, parse_value
from sim.catalog.yaml_file import load_model, load_text, merge, overlay, validate
from sim.errors import InputError


class Frozen(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Replicas(Frozen):
    min: int = 1
    max: int


class Own(Frozen):
    kind: Literal["gpu"]
    gpu: Literal["h100-sxm", "a100-80gb"]
    replicas: Replicas
    weight: float = 1.0
    since: datetime.date | None = None
    tags: tuple[str, ...] = ()


class Rented(Frozen):
    kind: Literal["api"]
    api: str
    share: float | None = None


class Filled(Frozen):
    steps: tuple[Replicas, ...] = pydantic.Field(default=(), min_length=1, max_length=2)
    exact: bool = True
    spot: dict[str, int] | None = None


class Whole(Frozen):
    name: str
    deployments: dict[str, Annotated[Own | Rented, pydantic.Field(discriminator="kind")]]
    steps: tuple[Replicas, ...] = ()


GOOD = """\
name: pair
deployments:
  own:
    kind: gpu
    gpu: h100-sxm
    replicas: {min: 1, max: 2}
    since: 2026-11-21
    tags: [a, no]
  llama-3.1-70b:
    kind: api
    api: x
"""


def lines(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_text(text, "s.yaml", Whole)
    return str(caught.value).splitlines()


def read(text: str) -> object:
    return parse_documents(text, "t")[0].data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("NO", "NO"),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("1e3", 1000.0), ("1E-3", 0.001), ("+1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("1_000_000", 1000000), ("-7", -7), ("0", 0),
        ("12:30", "12:30"), ("190:20:30", "190:20:30"), ("010", "010"), ("0x1f", "0x1f"), ("1_00", "1_00"),
        ("2026-11-21", "2026-11-21"), ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"), ("1.2.3", "1.2.3"), ("=", "="),
        ("'1e3'", "1e3"), ('"true"', "true"), ("! 12", "12"), ("!!str 12", "12"), (".inf", math.inf),
    ],
)  # fmt: skip
def test_a_scalar_means_the_same_to_everyone(text: str, value: object) -> None:
    found = read(f"a: {text}\n")
    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


def test_a_large_number_is_a_number_or_an_error() -> None:
    assert read("a: 1e400") == {"a": math.inf}
    with pytest.raises(InputError, match="5000 digits"):
        read("a: " + "9" * 5000)


def test_keys_are_texts() -> None:
    assert read("no: 1\n8: 2\n1e3: 3\ntrue: 4\n") == {"no": 1, "8": 2, "1e3": 3, "true": 4}


def test_every_key_given_twice_is_reported_with_both_places() -> None:
    with pytest.raises(InputError) as caught:
        parse_documents("a: 1\nb: {c: 1, c: 2}\na: 3\n", "s.yaml")
    assert str(caught.value).splitlines() == [
        "s.yaml:2:11: b.c: key given twice; first at s.yaml:2:5; give it once",
        "s.yaml:3:1: a: key given twice; first at s.yaml:1:1; give it once",
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\n\tb: 2\n", "s.yaml:2:1: "),
        ("a: b: c\n", "s.yaml:1:5: "),
        ("a:\n  - [1, 2\nb: 3\n", "s.yaml:3:"),
        ("a: x\x01y\n", "s.yaml:1:5: control character"),
        ("a: !!python/object/apply:os.system ['true']\n", "s.yaml:1:4: tag"),
        ("a: !!float 3\n", "s.yaml:1:4: tag"),
        ("a: {<<: {b: 1}}\n", "s.yaml:1:5: a: merge key"),
        ("? [1, 2]\n: 3\n", "s.yaml:1:3: "),
        ("a: *b\n", "s.yaml:1:4: alias *b has no anchor"),
        ("a: &x [*x]\n", "s.yaml:1:8: alias *x stands inside"),
        ("a: &x 1\nb: &x 2\n", "s.yaml:2:4: anchor &x given twice"),
        ("a: 1\n---\nb: 1\n", "s.yaml:3:1: 2 documents"),
        ("", "s.yaml: empty"),
        ("# nothing\n", "s.yaml: empty"),
    ],
)
def test_what_is_refused_has_its_place(text: str, place: str) -> None:
    assert lines(text)[0].startswith(place)


def test_an_alias_repeats_its_value() -> None:
    assert read("a: &x {p: [1, &y 2]}\nb: *x\nc: [*x, *y]\n") == {
        "a": {"p": [1, 2]}, "b": {"p": [1, 2]}, "c": [{"p": [1, 2]}, 2],
    }  # fmt: skip


def test_an_alias_bomb_is_refused_at_once() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(InputError, match="aliases"):
        read(bomb)
    wide = "a: &a [" + ",".join("1" * 50_000) + "]\nb: [" + ",".join(["*a"] * 90) + "]\n"
    with pytest.raises(InputError, match="values"):
        read(wide)


def test_deep_nesting_and_large_files_are_refused(tmp_path: pytest.TempPathFactory) -> None:
    with pytest.raises(InputError, match="deep"):
        read("[" * 3000 + "]" * 3000)
    file = tmp_path / "large.yaml"
    file.write_text("a: '" + "x" * 5_000_000 + "'")
    with pytest.raises(InputError, match="bytes"):
        load_model(file, Whole)


def test_a_file_that_cannot_be_read(tmp_path: pytest.TempPathFactory) -> None:
    file = tmp_path / "stack.yaml"
    file.write_bytes(b"name: x\nb: \xff\n")
    with pytest.raises(InputError, match=r"stack\.yaml:2:4: not UTF-8"):
        load_model(file, Whole)
    with pytest.raises(InputError, match=r"no such file; did you mean 'stack.yaml'"):
        load_model(tmp_path / "stakc.yaml", Whole)
    with pytest.raises(InputError, match="a folder"):
        load_model(tmp_path, Whole)


def test_a_good_text_becomes_a_frozen_model() -> None:
    whole = load_text(GOOD, "s.yaml", Whole)
    own = whole.deployments["own"]
    assert isinstance(own, Own)
    assert own.since == datetime.date(2026, 11, 21)
    assert own.tags == ("a", "no")
    with pytest.raises(pydantic.ValidationError):
        own.weight = 2.0


def test_a_whole_float_is_an_integer_and_a_text_is_not() -> None:
    whole = load_text(GOOD.replace("max: 2", "max: 1e3"), "s.yaml", Whole)
    assert whole.deployments["own"].replicas.max == 1000
    assert lines(GOOD.replace("max: 2", "max: '2'"))[0].startswith("s.yaml:6:29: deployments.own.replicas.max: found the text '2'")
    assert lines(GOOD.replace("max: 2", "max: yes"))[0].startswith("s.yaml:6:29: deployments.own.replicas.max: found the text 'yes'")
    assert lines(GOOD.replace("max: 2", "max: true"))[0].startswith("s.yaml:6:29: deployments.own.replicas.max: found true")
    assert lines(GOOD.replace("max: 2", "max: 2.5"))[0].startswith("s.yaml:6:29: deployments.own.replicas.max: found 2.5")


@pytest.mark.parametrize("bad", [".nan", ".inf", "1e400"])
def test_numbers_must_be_finite(bad: str) -> None:
    assert lines(GOOD.replace("since: 2026-11-21", f"weight: {bad}"))[0].startswith("s.yaml:7:13: deployments.own.weight: found")


def test_all_mistakes_of_a_file_are_reported_in_its_order() -> None:
    bad = """\
name: 3
deployments:
  own:
    kind: gpu
    gpu: h100-smx
    replcas: {min: 1, max: 2}
  cloud:
    kind: apy
  other:
    kind: api
    api: x
    share: half
steps:
  - {min: 1}
  - {max: 2, mxa: 3}
extra: 1
"""
    assert lines(bad) == [
        "s.yaml:1:7: name: found 3; a text is needed",
        "s.yaml:3:3: deployments.own.replicas: key missing; it is required",
        "s.yaml:5:10: deployments.own.gpu: found the text 'h100-smx'; allowed: h100-sxm, a100-80gb; did you mean 'h100-sxm'?",
        "s.yaml:6:5: deployments.own.replcas: unknown key 'replcas'; allowed: kind, gpu, replicas, weight, since, tags; did you mean 'replicas'?",
        "s.yaml:8:5: deployments.cloud: found kind 'apy'; allowed: gpu, api; did you mean 'api'?",
        "s.yaml:12:12: deployments.other.share: found the text 'half'; a number is needed",
        "s.yaml:14:5: steps.0.max: key missing; it is required",
        "s.yaml:15:14: steps.1.mxa: unknown key 'mxa'; allowed: min, max; did you mean 'max'?",
        "s.yaml:16:1: extra: unknown key 'extra'; allowed: name, deployments, steps",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: []", "1:8: steps: found an empty list; at least 1 needed"),
        ("steps: [{max: 1}, {max: 1}, {max: 1}]", "1:8: steps: found a list of 3; at most 2 allowed"),
        ("steps: [{min: 1}]", "1:9: steps.0.max: key missing; it is required"),
        ("steps: 3", "1:8: steps: found 3; a list is needed"),
        ("steps: {}", "1:8: steps: found an empty mapping; a list is needed"),
        ("exact: no", "1:8: exact: found the text 'no'; true or false is needed"),
        ("spot: [1]", "1:7: spot: found a list of 1; keys and values are needed"),
        ('"a\\e[31m\\nb": 1', "1:1: \"a\\x1b[31m\\nb\": unknown key 'a\\x1b[31m\\nb'; allowed: steps, exact, spot"),
    ],
)
def test_a_mistake_is_one_line_in_plain_words(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_text(text, "s.yaml", Filled)
    assert str(caught.value) == f"s.yaml:{message}"


def test_an_overlay_is_located_on_the_command_line() -> None:
    document = parse_documents(GOOD, "s.yaml")[0]
    path = ("deployments", "own", "replicas", "max")
    assert validate(overlay(document, path, 6, "--set deployments.own.replicas.max"), Whole).deployments["own"].replicas.max == 6
    with pytest.raises(InputError) as caught:
        validate(overlay(document, path, "many", "--set deployments.own.replicas.max"), Whole)
    assert str(caught.value).startswith("--set deployments.own.replicas.max: found the text 'many'")
    with pytest.raises(InputError, match="has no key"):
        overlay(document, ("name", "x"), 1, "--set name.x")
    assert document.data["deployments"]["own"]["replicas"]["max"] == 2


def test_an_overlay_reaches_into_lists_and_makes_what_is_missing() -> None:
    document = parse_documents("a: [{b: 1}]\n", "s.yaml")[0]
    assert overlay(document, ("a", "0", "b"), 2, "x").data == {"a": [{"b": 2}]}
    assert overlay(document, ("a", 1, "c", "d"), 2, "x").data == {"a": [{"b": 1}, {"c": {"d": 2}}]}
    with pytest.raises(InputError, match="item number from 0 to 1"):
        overlay(document, ("a", "7"), 2, "x")


def test_a_merged_document_keeps_the_places_of_both() -> None:
    under = parse_documents(GOOD, "under.yaml")[0]
    over = parse_documents("deployments:\n  own:\n    weight: heavy\n    tags: [1]\n", "over.yaml")[0]
    with pytest.raises(InputError) as caught:
        validate(merge(under, over), Whole)
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == ["over.yaml:3:13", "over.yaml:4:12"]


def test_a_value_of_the_command_line_is_read_by_the_same_rules() -> None:
    assert parse_value("6", "--set a") == 6
    assert parse_value("[no, 1e3]", "--set a") == ["no", 1000.0]
    assert parse_value("", "--set a") is None
    with pytest.raises(InputError, match=r"^--set a:2:1: not valid YAML"):
        parse_value("[1, ", "--set a")


def test_reading_a_module_does_not_import_pydantic() -> None:
    code = "import sys, sim.catalog.yaml_file; sys.exit('pydantic' in sys.modules or 'yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# JSON writes letters beyond this as two escapes, which YAML does not join.
texts = st.text(st.characters(max_codepoint=0xD7FF), max_size=8)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.text(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@, \n\t1.e?", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(InputError):
        for document in parse_documents(text, "t"):
            validate(document, Whole)


@given(st.dictionaries(texts, plain, max_size=4))
def test_json_is_read_back(data: dict[str, object]) -> None:
    """JSON is YAML that quotes every text: whatever it writes must come back."""
    read_back = parse_documents(json.dumps(data), "t")[0].data
    assert read_back == data


@given(st.text(alphabet="0123456789.e+-_:xofnyTtrueFalsNO~", max_size=8))
def test_a_plain_scalar_is_itself_or_a_value_spelled_so(text: str) -> None:
    """Nothing is ever taken for a number that Python would not read as that number."""
    value = parse_scalar(text, Mark("t"))
    if isinstance(value, float | int) and not isinstance(value, bool) and text not in (".inf", "+.inf", "-.inf", ".nan"):
        assert float(text) == value
        assert re.fullmatch(r"[-+0-9._eE]+", text)
    elif isinstance(value, bool):
        assert text.lower() == str(value).lower()
    elif isinstance(value, str):
        assert value == text
