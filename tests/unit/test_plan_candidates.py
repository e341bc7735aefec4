"""Spaces, and the stacks that they make."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_document import parse_documents
from sim.catalog.yaml_file import load_text
from sim.errors import InputError
from sim.planning.candidates import Candidate, Machine, candidates, lists_of
from sim.planning.space import Space
from sim.planning.space_file import SpaceFile, check_space, read_space, space_of
from sim.stack.read import StackFile, read_stack, stack_of

CATALOG = Catalog.bundled()


def space(text: str) -> Space:
    return load_text(text, "space.yaml", Space)


def made(stack: str, text: str, redundancy: int = 0, *, machine: Machine | None = None) -> tuple[Candidate, ...]:
    return candidates(space(text), read_stack(stack, CATALOG), redundancy, machine=machine)


def read(stack: str, settings: tuple[str, ...]) -> StackFile:
    """The stack of a candidate, which must be one."""
    base = read_stack(stack, CATALOG)
    return stack_of(base.document, stack, settings)


def part(settings: tuple[str, ...], name: str) -> Any:
    return next((json.loads(each.partition("=")[2]) for each in settings if each.startswith(f"{name}=")), None)


def targets(settings: tuple[str, ...]) -> list[Any]:
    return [rule["to"] for rule in part(settings, "routing")]


def test_ranges_lists_and_what_the_stack_has() -> None:
    found = made("hybrid", "replicas: 1:3\nmax_num_seqs: [stack, 64]\n")
    assert [dict(each.values)["replicas"] for each in found] == ["1", "2", "3"] * 2
    assert [dict(each.values)["max_num_seqs"] for each in found] == [40] * 3 + [64] * 3
    for each in found:
        own = part(each.settings, "deployments")["own"]
        assert "autoscaler" not in own and own["replicas"] in (1, 2, 3)
        assert part(each.settings, "routing") is None
        assert read("hybrid", each.settings).stack.deployments["own"].kind == "gpu"


def test_the_same_stack_is_one_candidate() -> None:
    assert len(made("hybrid", "gpu: [stack, h100-sxm]\nreplicas: [1]\n")) == 1
    assert len(made("self-hosted", "replicas: [1]\noverflow: [stack, none]\n")) == 1


def test_a_law_between_bounds() -> None:
    found = made("self-hosted", "autoscaled: [{law: keda, target: [4, 8], min: [0, 2], max: 2, with: {cooldown: 60s}}]\n")
    owns = [part(each.settings, "deployments")["own"] for each in found]
    assert [(own["replicas"], own["autoscaler"]["target"]) for own in owns] == [({"min": 0, "max": 2}, 4.0), ({"min": 0, "max": 2}, 8.0)]
    assert all(own["autoscaler"]["cooldown"] == "60s" for own in owns)
    assert dict(found[0].values)["replicas"] == "0-2 keda 4"


def test_replicas_are_said_behind_what_they_are_of() -> None:
    (one,) = made("hybrid", "max_num_seqs: 8\nreplicas: 2\noverflow: none\n")
    assert [name for name, _ in one.values] == ["replicas", "max_num_seqs", "overflow"]
    (two,) = made("hybrid", "overflow: none\nreplicas: 2\ngpu: h200-sxm\nprecision: fp8\n")
    assert [name for name, _ in two.values] == ["gpu", "replicas", "precision", "overflow"]


def test_ways_out_of_the_pool() -> None:
    found = made(
        "hybrid", "overflow: [none, {to: gpt-6-luna, max_wait: 1s}]\nfallback: [none, stack, claude-sonnet-5-5]\napi_share: [0, 25%, 1]\n"
    )
    by = {(v["overflow"], v["fallback"], v["api_share"]): each for each in found if (v := dict(each.values))}
    assert targets(by["none", "none", 0.0].settings) == [["own"]]
    assert list(part(by["none", "none", 0.0].settings, "deployments")) == ["own"]
    assert targets(by["none", "stack", 0.0].settings) == [["own", "spill", "reserve"]]
    over = by["gpt-6-luna after 1 s", "claude-sonnet-5-5", 0.25]
    assert targets(over.settings) == [
        ["gpt-6-luna", "claude-sonnet-5-5"], [{"deployment": "own", "max_wait": 1.0}, "gpt-6-luna", "claude-sonnet-5-5"]
    ]  # fmt: skip
    assert part(over.settings, "routing")[0]["share"] == 0.25
    alone = by["gpt-6-luna after 1 s", "none", 1.0]
    assert targets(alone.settings) == [["gpt-6-luna"]]
    assert list(part(alone.settings, "deployments")) == ["gpt-6-luna"], "a pool that nothing goes to would be paid"
    for each in found:
        read("hybrid", each.settings)


def test_a_reserved_base() -> None:
    found = made(
        "self-hosted",
        "replicas: 4\npurchase: {purchase: spot, provider: aws, region: us-west-2}\n"
        "reserved: {purchase: reserved_1y, provider: market, share: [0, 50%, 1]}\n",
        1,
    )
    none, half, whole = (part(each.settings, "deployments") for each in found)
    assert none["own"]["purchase"] == "spot" and none["own"]["replicas"] == 4
    assert (half["own"]["purchase"], half["own"]["replicas"]) == ("reserved_1y", 2)
    assert (half["own-flex"]["purchase"], half["own-flex"]["replicas"]) == ("spot", 2)
    assert targets(found[1].settings) == [[{"deployment": "own", "max_wait": 0.5}, "own-flex"]]
    assert whole["own"]["replicas"] == 4 and "own-flex" not in whole
    short = [part(each.short_settings or (), "deployments") for each in found]
    assert [each["own"]["replicas"] for each in short] == [3, 1, 3]


def test_replicas_that_are_gone() -> None:
    found = made("self-hosted", "replicas: 0:3\n", 2)
    assert [None if each.short_settings is None else part(each.short_settings, "deployments")["own"]["replicas"] for each in found] == [
        None, None, 0, 1
    ]  # fmt: skip
    (moved,) = made("self-hosted", "autoscaled: [{law: hpa, target: 5, min: 2, max: 4}]\n", 3)
    own = part(moved.short_settings or (), "deployments")["own"]
    assert own["replicas"] == 1 and "autoscaler" not in own
    (machine,) = made("self-hosted", "replicas: 8\nsettings: {slo.ttft_p95: 2}\n", machine=lambda _: 4)
    assert part(machine.short_settings or (), "deployments")["own"]["replicas"] == 4
    assert machine.settings[-1] == "slo.ttft_p95=2"


def test_replicas_are_gone_where_only_settings_are_varied() -> None:
    two, _ = made("self-hosted", "settings: {deployments.own.queue_limit: [10, 20]}\n", 1)
    whole = read("self-hosted", two.settings).stack.deployments["own"].replicas.max  # type: ignore[union-attr]
    assert read("self-hosted", two.short_settings or ()).stack.deployments["own"].replicas.max == whole - 1  # type: ignore[union-attr]


def test_lists_that_say_something() -> None:
    found = made("hybrid", "gpu: h200-sxm\nreplicas: 1:2\n")
    assert lists_of(found) == ("replicas",)


def file_of(text: str) -> SpaceFile:
    return space_of(parse_documents(text, "space.yaml")[0], "space")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("replicas: 4:1\n", "1:11: replicas: found 4:1, a range of no values"),
        ("replicas: 1:20000\n", "1:11: replicas: found 1:20000, a range of 20,000 values; allowed: at most 10,000"),
        ("replicas: 1:99999999\n", "1:11: replicas: found 1:99999999, a range of 99,999,999 values; allowed: at most 10,000"),
        ("replica: 4\n", "1:1: replica: unknown key 'replica'; allowed: .*did you mean 'replicas'"),
        ("replicas: [1, x]\n", "1:15: replicas.1: found the text 'x'; allowed: stack or a whole number from 0 to 10,000"),
        ("replicas: -1\n", "1:11: replicas: found -1; allowed: stack or a whole number from 0"),
        ("max_num_seqs: [0]\n", "1:16: max_num_seqs.0: found 0; allowed: stack or a whole number from 1 to 16,384"),
        ("max_num_seqs: 1.5\n", "1:15: max_num_seqs: found 1.5; allowed: stack or a whole number from 1"),
        ("tensor_parallel: [stak]\n", "1:19: tensor_parallel.0: found the text 'stak'; .*did you mean 'stack'"),
        ("max_num_batched_tokens: true\n", "1:25: max_num_batched_tokens: found true; allowed: stack or a whole number"),
        ("gpu: {a: 1}\n", "1:6: gpu: found a mapping of 1; allowed: stack or a catalogue name"),
        ("gpu:\n", "1:5: gpu: found nothing; a list is needed"),
        ("precision: [fp7]\n", "1:13: precision.0: found the text 'fp7'; allowed: stack, bf16, .*did you mean 'fp8'"),
        ("purchase: [foo]\n", "1:12: purchase.0: found the text 'foo'; allowed: stack, on_demand, .*or {purchase: spot, provider: aws}"),
        ("purchase: spott\n", "1:11: purchase: found the text 'spott'; .*did you mean 'spot'"),
        ("purchase: {purhcase: spot}\n", "1:12: purchase.purhcase: unknown key 'purhcase'; allowed: purchase, .*did you mean 'purchase'"),
        ("overflow: [0]\n", "1:12: overflow.0: found 0; allowed: stack, none, an API model, or {to: API"),
        ("overflow: [{to: gpt-6-luna, max_wiat: 1s}]\n", "1:29: overflow.0.max_wiat: .*did you mean 'max_wait'"),
        ("fallback: [[1]]\n", "1:12: fallback.0: found a list of 1; allowed: stack, none or an API model"),
        ("api_share: 50\n", "1:12: api_share: found '50', which is not a share"),
        ("reserved: {purchase: reserved_1y, share: [2]}\n", "1:43: reserved.share.0: found '2', which is not a share"),
        ("autoscaled: {law: hpaa, target: 4, min: 1, max: 2}\n", "1:19: autoscaled.law: found the text 'hpaa'; .*did you mean 'hpa'"),
        (
            "autoscaled: [{law: hpa, target: 4, min: a, max: 2}]\n",
            "1:41: autoscaled.0.min: found the text 'a'; allowed: a whole number from 0",
        ),
        ("settings: {slo.ttft_p95: 1:2:0}\n", '1:26: settings."slo.ttft_p95": found 1:2:0, a range with a step of 0'),
    ],
)
def test_a_wrong_space_is_told_in_one_line_at_its_place(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        file_of(text)
    lines = [line for line in str(error.value).split("\n") if "key missing" not in line]
    assert len(lines) == 1 and re.match(f"space.yaml:{said}", lines[0]), lines


@pytest.mark.parametrize("key", [*Space.model_fields])
@pytest.mark.parametrize(
    "value", ["[]", "0", "[-1]", "foo", "[1.5]", "null", "[null]", "{}", "[{}]", "true", "[[1]]", "1:99999999", "4:1", "{a: 1}", "''", ".nan", "'\\e[1m'"]
)  # fmt: skip
def test_whatever_a_key_has_the_place_is_said_and_nothing_else_is_raised(key: str, value: str) -> None:
    try:
        file = file_of(f"{key}: {value}\n")
        check_space(file, read_stack("hybrid", CATALOG), CATALOG)
        found = "\n".join(file.nothing)
    except InputError as error:
        found = str(error)
    for line in found.split("\n") if found else []:
        assert re.match(rf"space\.yaml:1:\d+: ({key}|nothing is varied)", line), line
        assert " or found " not in line and "\x1b" not in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpu: [stack, h100-smx]\n", "1:14: gpu.1: found 'h100-smx'; .*did you mean 'h100-sxm'"),
        ("gpu: stak\n", "1:6: gpu: found 'stak'; .*did you mean 'stack'"),
        ("overflow: gpt-6-lunna\n", "1:11: overflow: found 'gpt-6-lunna'; .*did you mean 'gpt-6-luna'"),
        ("overflow: [none, {to: spil}]\n", "1:23: overflow.1.to: found 'spil'; .*did you mean 'spill'"),
        ("fallback: [resreve]\n", "1:12: fallback.0: found 'resreve'; .*did you mean 'reserve'"),
        ("purchase: [{purchase: spot, provider: awss}]\n", "1:39: purchase.0.provider: found 'awss'; .*did you mean 'aws'"),
        ("deployment: onw\nreplicas: 1:2\n", "1:13: deployment: found 'onw'; allowed: own; did you mean 'own'"),
        ("settings: {deployments.own.queue_timout: [30s, 60s]}\n", "1:12: .*unknown key 'queue_timout'.*did you mean 'queue_timeout'"),
        ("settings: {deployments.own.queue_timeout: [30s, foo]}\n", "1:49: .*found 'foo', which is not a duration"),
        ("settings: {deployments.onw.queue_timeout: 30s}\n", "1:12: .*unknown deployment 'onw'.*did you mean 'own'"),
        ("autoscaled: [{law: hpa, target: 4, min: 1, max: 2, with: {synk: 3s}}]\n", "1:59: autoscaled.0.with.synk: unknown key 'synk'"),
        ("autoscaled: [{law: hpa, metric: kvv, target: 4, min: 1, max: 2}]\n", "1:33: autoscaled.0.metric: found the text 'kvv'"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_known_is_told_at_its_place(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        check_space(file_of(text), read_stack("hybrid", CATALOG), CATALOG)
    lines = str(error.value).split("\n")
    assert len(lines) == 1 and re.match(f"space.yaml:{said}", lines[0]), lines


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}\n", "1:1: nothing is varied"),
        ("description: none\n", "1:1: nothing is varied"),
        ("gpu: []\nreplicas: 1:2\n", "1:6: gpu: found no values"),
        ("settings: {deployments.own.queue_timeout: []}\n", '1:43: settings."deployments.own.queue_timeout": found no values'),
        ("reserved: {purchase: reserved_1y, share: []}\n", "1:42: reserved.share: found no values"),
        ("autoscaled: [{law: hpa, target: [], min: 1, max: 2}]\n", "1:33: autoscaled.0.target: found no values"),
        ("autoscaled: [{law: hpa, target: 4, min: 2, max: [1, 2]}]\n", "1:13: autoscaled: found no max that is above a min"),
    ],
)
def test_a_space_of_nothing_is_right_and_empty(text: str, said: str) -> None:
    file = file_of(text)
    check_space(file, read_stack("hybrid", CATALOG), CATALOG)
    (line,) = file.nothing
    assert re.match(f"space.yaml:{said}", line), line


def test_an_api_stands_for_an_overflow_to_it() -> None:
    (found,) = made("hybrid", "overflow: gpt-6-luna\n")
    assert targets(found.settings)[0][:2] == [{"deployment": "own", "max_wait": 2.0}, "gpt-6-luna"]


@pytest.mark.parametrize(
    ("stack", "text", "said"),
    [
        ("api-first", "replicas: 1:2\n", "no deployment of kind gpu"),
        ("hybrid", "deployment: onw\nreplicas: 1:2\n", "did you mean 'own'?"),
        ("hybrid", "replicas: 1:2000\nmax_num_seqs: 1:20\n", "allowed: at most 20,000"),
    ],
)
def test_a_space_that_does_not_go_with_the_stack(stack: str, text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        made(stack, text)
    assert said in str(error.value)


def test_an_unknown_space() -> None:
    with pytest.raises(InputError, match="did you mean 'default'"):
        read_space("defualt", CATALOG)


def test_settings_alone_need_no_pool() -> None:
    found = made("api-first", "settings: {deployments.main.model: [gpt-6-luna, gpt-6.1-sol]}\n")
    models = [read("api-first", each.settings).stack.deployments["main"].model for each in found]  # type: ignore[union-attr]
    assert models == ["gpt-6-luna", "gpt-6.1-sol"]


@pytest.mark.parametrize("stack", ["hybrid", "self-hosted", "autoscaled-hpa"])
def test_every_bundled_space_goes_with_a_bundled_stack(stack: str) -> None:
    for name in ("default", "mixes"):
        found = read_space(name, CATALOG)
        own = read_stack(stack, CATALOG)
        check_space(found, own, CATALOG)
        every = candidates(found.space, own, 1)
        assert not found.nothing and 30 <= len(every) <= 1000
        read(stack, every[-1].settings)


def test_the_bundled_space_makes_some_hundred_stacks() -> None:
    found = read_space(None, CATALOG)
    every = candidates(found.space, read_stack("hybrid", CATALOG))
    assert found.name == "default"
    assert 500 <= len(every) <= 1000
    assert len(parse_documents(every[0].settings[0].partition("=")[2], "x")) == 1
