"""Routing: what is refused before a replay has to find it, what a rule becomes, and how much may reach a deployment."""

from __future__ import annotations

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import parse_documents
from sim.errors import InputError
from sim.stack.facts import ClassFacts, TraceFacts
from sim.stack.read import stack_of
from sim.stack.resolve import resolve
from sim.stack.resolve_rules import parts_for
from sim.stack.resolved import ResolvedStack

DEPLOYMENTS = """\
deployments:
  own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, home: true}
  none: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, replicas: 0}
  api: {kind: api, model: gpt-6-luna}
  other: {kind: api, model: claude-haiku-5-5}
"""
FACTS = TraceFacts(100, 1000.0, (ClassFacts("chat", 60, 1, 0, 1), ClassFacts("code", 40, 1, 0, 1)), False, False, 1)


def resolved(routing: str, facts: TraceFacts | None = None) -> ResolvedStack:
    catalog = Catalog.load()
    return resolve(stack_of(parse_documents(DEPLOYMENTS + routing, "stack.yaml")[0], "stack"), catalog, PriceBook(catalog.date), facts)


@pytest.mark.parametrize(
    ("routing", "what"),
    [
        ("routing: [{to: [own, api, own]}]", "routing loop: own -> api -> own"),
        ("routing: [{to: [own, apii]}]", "did you mean 'api'"),
        ("routing: [{to: [{deployment: api, max_wait: 2s}, own]}]", "api is of kind api and has no queue"),
        ("routing: [{to: [{deployment: own, max_wait: 2s}]}]", "this is the last place"),
        ("routing: [{to: [{deployment: own, pass_on: [429]}]}]", "this is the last place"),
        ("routing: [{to: [api, none]}]", "none has zero replicas and there is no fallback"),
        ("routing: [{to: own}]\ndata_home: {classes: [med]}\nslo: {ttft: 1s}", "unknown key 'ttft'"),
    ],
)
def test_refused(routing: str, what: str) -> None:
    with pytest.raises(InputError) as error:
        resolved(routing)
    (line,) = str(error.value).splitlines()
    assert what in line
    assert line.startswith("stack.yaml:")


@pytest.mark.parametrize(
    ("replicas", "place"),
    [
        ("replicas: 0", "stack.yaml:1:76"),
        ("replicas: {min: 0, max: 2}, autoscaler: {law: schedule, steps: [{at: 0h, replicas: 0}]}", "stack.yaml:1:76"),
        ("replicas: {min: 0, max: 2}, autoscaler: {law: plan, steps: [{at: 0h, replicas: 0}, {at: 1mo, replicas: 0}]}", "stack.yaml:1:76"),
    ],
)
def test_the_only_deployment_must_have_a_replica_some_time(replicas: str, place: str) -> None:
    catalog = Catalog.load()

    def stack(keys: str) -> ResolvedStack:
        text = f"deployments: {{own: {{kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, {keys}}}}}\n"
        return resolve(stack_of(parse_documents(text, "stack.yaml")[0], "stack"), catalog, PriceBook(catalog.date))

    with pytest.raises(InputError, match="own has zero replicas and there is no fallback") as error:
        stack(replicas)
    assert str(error.value).startswith(f"{place}: deployments.own.replicas: ")
    stack(replicas.replace("replicas: 0", "replicas: 1"))


def test_no_replicas_are_allowed_where_there_is_a_fallback() -> None:
    assert len(resolved("routing: [{to: [none, api]}]").rules[0].targets) == 2


@pytest.mark.parametrize(
    ("routing", "leaves"),
    [
        ("[{to: [own, api]}]", True),
        ("[{to: [own]}]", False),
        ("[{when: {class: med}, to: [own]}, {to: [api]}]", False),
        ("[{when: {class: [chat]}, to: [api]}, {to: [own]}]", False),
        ("[{when: {class: med}, share: 90%, to: [own]}, {to: [api]}]", True),
        ("[{when: {class: med, prompt_tokens: {max: 1000}}, to: [own]}, {to: [api]}]", True),
        ("[{when: {class: [med, chat]}, to: [own, other]}]", True),
    ],
)
def test_data_stay_home(routing: str, leaves: bool) -> None:
    text = f"routing: {routing}\ndata_home: {{classes: med}}\n"
    if leaves:
        with pytest.raises(InputError, match="class 'med' must stay at home"):
            resolved(text)
    else:
        resolved(text)


def test_a_place_passes_everything_on_unless_told_and_the_last_nothing() -> None:
    (rule,) = resolved("routing: [{to: [{deployment: own, pass_on: [5xx], max_wait: 1500ms}, api, other]}]").rules
    assert [(target.deployment, target.pass_on, target.max_wait_s) for target in rule.targets] == [
        (0, ("5xx",), 1.5),
        (2, ("429", "5xx", "timeout"), None),
        (3, (), None),
    ]


def test_conditions_and_shares_are_kept() -> None:
    first, second = resolved(
        "routing: [{when: {class: code, prompt_tokens: {min: 1k, max: 8k}}, share: 25%, to: [own]}, {to: [api]}]"
    ).rules
    assert (first.classes, first.min_prompt_tokens, first.max_prompt_tokens, first.share) == (("code",), 1000, 8000, 0.25)
    assert (second.classes, second.min_prompt_tokens, second.max_prompt_tokens, second.share) == ((), 0, None, 1.0)


def test_an_upper_bound_of_what_may_reach_a_deployment() -> None:
    text = DEPLOYMENTS + (
        "routing:\n"
        "  - {when: {class: code}, share: 30%, to: [api]}\n"
        "  - {when: {prompt_tokens: {min: 1k}}, share: 50%, to: [other]}\n"
        "  - {to: [own, api]}\n"
    )
    stack = stack_of(parse_documents(text, "stack.yaml")[0], "stack").stack
    shares = {name: {each.name: share for each, share in parts_for(stack, name, FACTS)} for name in stack.deployments}
    # Prompts may all be short, so the rule on length takes nothing away from the next.
    assert shares["api"] == {"chat": 1.0, "code": 1.0}
    assert shares["other"] == {"chat": 0.5, "code": pytest.approx(0.35)}
    assert shares["own"] == {"chat": 1.0, "code": pytest.approx(0.7)}
    assert shares["none"] == {}


def test_classes_that_do_not_meet_are_said() -> None:
    notes = resolved("routing: [{when: {class: [chats]}, to: [own]}]", FACTS).notes
    assert any("no request has the class chats" in note and "did you mean 'chat'" in note for note in notes)
    assert any("requests of class 'code' that fit no rule are rejected" in note for note in notes)
    assert any(note.startswith("api: no rule sends anything here") for note in notes)
