"""Spaces, and the stacks that they make."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_document import parse_documents
from sim.catalog.yaml_file import load_text
from sim.errors import InputError
from sim.planning.candidates import Candidate, candidates, lists_of
from sim.planning.space import Space, read_space
from sim.stack.read import StackFile, read_stack, stack_of

CATALOG = Catalog.bundled()


def space(text: str) -> Space:
    return load_text(text, "space.yaml", Space)


def made(stack: str, text: str, redundancy: int = 0, *, node: bool = False) -> tuple[Candidate, ...]:
    return candidates(space(text), read_stack(stack, CATALOG), redundancy, node=node)


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
    (machine,) = made("self-hosted", "replicas: 8\nsettings: {slo.ttft_p95: 2}\n", node=True)
    assert part(machine.short_settings or (), "deployments")["own"]["replicas"] == 7
    assert machine.settings[-1] == "slo.ttft_p95=2"


def test_lists_that_say_something() -> None:
    found = made("hybrid", "gpu: h200-sxm\nreplicas: 1:2\n")
    assert lists_of(found) == ("replicas",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpu: []\n", "a list of no values"),
        ("{}\n", "nothing is varied"),
        ("replicas: 4:1\n", "a range of no values"),
        ("replica: 4\n", "did you mean 'replicas'?"),
        ("replicas: [1, x]\n", "space.yaml:1:15: replicas.1"),
        ("overflow: [{to: gpt-6-luna, max_wiat: 1s}]\n", "did you mean 'max_wait'?"),
        ("reserved: {purchase: reserved_1y, share: [2]}\n", "reserved.share.0"),
        ("purchase: [rented]\n", "on_demand"),
    ],
)
def test_a_wrong_space(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        space(text)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("stack", "text", "said"),
    [
        ("api-first", "replicas: 1:2\n", "no deployment of kind gpu"),
        ("hybrid", "deployment: onw\nreplicas: 1:2\n", "did you mean 'own'?"),
        ("hybrid", "replicas: 1:2000\nmax_num_seqs: 1:20\n", "at most 20,000 are searched"),
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


def test_the_bundled_space_makes_some_hundred_stacks() -> None:
    name, found = read_space(None, CATALOG)
    every = candidates(found, read_stack("hybrid", CATALOG))
    assert name == "default"
    assert 500 <= len(every) <= 1000
    assert len(parse_documents(every[0].settings[0].partition("=")[2], "x")) == 1
