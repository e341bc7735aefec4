"""A resolved stack as the engine takes it: indices, infinities, units, and hours that are the same in every stack."""

from __future__ import annotations

import math

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import parse_documents
from sim.engine.assemble import assemble, tariff
from sim.engine.system import Api, Client, Pool, System
from sim.stack.read import read_stack, stack_of
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedApi, ResolvedStack

CATALOG = Catalog.load()
OWN = "kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm"


def resolved(text: str, *settings: str) -> ResolvedStack:
    return resolve(stack_of(parse_documents(text, "stack.yaml")[0], "stack", settings), CATALOG, PriceBook(CATALOG.date))


def named(name: str, *settings: str) -> ResolvedStack:
    return resolve(read_stack(name, CATALOG, settings), CATALOG, PriceBook(CATALOG.date))


def pool(keys: str) -> Pool:
    found = assemble(resolved(f"deployments: {{own: {{{OWN}, {keys}}}}}"), ("default",)).deployments[0]
    assert isinstance(found, Pool)
    return found


@pytest.mark.parametrize("name", CATALOG.names("stack"))
def test_every_bundled_stack_becomes_a_system(name: str) -> None:
    found = assemble(named(name), ("chat", "batch"))
    assert isinstance(found, System)
    for rule in found.rules:
        for target in rule.targets:
            assert 0 <= target.deployment < len(found.deployments)


def test_what_is_absent_is_infinite_or_none() -> None:
    found = pool("client: none")
    assert (found.queue_limit, found.gateway_queue_limit, found.queue_timeout_s, found.drain_s) == (-1, -1, math.inf, math.inf)
    found = pool("queue_limit: 5, gateway_queue_limit: 0, queue_timeout: 3s, drain: 1 min")
    assert (found.queue_limit, found.gateway_queue_limit, found.queue_timeout_s, found.drain_s) == (5, 0, 3.0, 60.0)


def test_the_watermark_is_a_whole_number_of_blocks() -> None:
    found = pool("watermark: 1%")
    assert found.replica.watermark_blocks == int(0.01 * found.replica.blocks) > 0


def test_clients_go_with_their_deployment() -> None:
    system = assemble(named("hybrid"), ("chat",))
    own, spill, reserve = system.rules[0].targets
    assert own.client.retries == spill.client.retries == 0
    assert own.client.timeout_s == math.inf
    assert own.max_wait_s == 2.0 and spill.max_wait_s == math.inf
    assert reserve.client == Client(retries=2, retry_after_max_s=120.0, give_up_above=True, timeout_s=600.0)
    assert system.cooldown_s == 5.0


def test_classes_are_numbered_as_in_the_trace_and_rules_for_others_left_out() -> None:
    text = (
        f"deployments: {{a: {{{OWN}}}, b: {{{OWN}}}}}\n"
        "routing: [{when: {class: [code, chat]}, to: [a]}, {when: {class: rare}, to: [b]}, {when: {prompt_tokens: {max: 100}}, to: [b]}, {to: [a]}]\n"
    )
    system = assemble(resolved(text), ("chat", "summary", "code"))
    assert [rule.classes for rule in system.rules] == [(2, 0), (), ()]
    assert system.rules[1].max_prompt_tokens == 100
    assert system.rules[2].max_prompt_tokens > 10**12


def test_rates_are_per_token_and_tiers_kept() -> None:
    found = resolved("deployments: {api: {kind: api, model: gpt-6.1-sol}}")
    api = assemble(found, ("chat",)).deployments[0]
    assert isinstance(api, Api)
    deployment = found.deployments[0]
    assert isinstance(deployment, ResolvedApi)
    listed = deployment.rates.by_input_tokens
    assert [rate.from_prompt_tokens for rate in api.rates] == [rate.from_input_tokens for rate in listed]
    assert [rate.output_usd * 1e6 for rate in api.rates] == pytest.approx([rate.output_usd_per_mtok for rate in listed])


def test_a_bucket_without_a_burst_holds_its_limit() -> None:
    text = "deployments: {api: {kind: api, model: gpt-6.1-sol, limits: [{law: token_bucket, unit: requests, limit: 7}, {law: fixed_window, unit: requests, limit: 9, phase_s: 5}]}}"
    api = assemble(resolved(text), ("chat",), clock_offset_s=30.0).deployments[0]
    assert isinstance(api, Api)
    assert (api.limits[0].limit, api.limits[0].burst) == (7.0, 7.0)
    assert (api.limits[1].burst, api.limits[1].phase_s) == (0.0, 35.0)


def test_an_hour_of_a_vendor_is_the_same_in_every_stack() -> None:
    found = {}
    for name in ("hybrid", "api-first", "fallback-chain", "spot"):
        stack = named(name)
        for each, made in zip(stack.deployments, assemble(stack, ("chat",)).deployments, strict=True):
            if isinstance(each, ResolvedApi) and isinstance(made, Api):
                assert found.setdefault(each.model.vendor, made.vendor) == made.vendor
    assert len(set(found.values())) == len(found) >= 4
    assert all(0 <= number < 256 for number in found.values())


def test_autoscalers_carry_their_settings_by_name() -> None:
    found = pool("replicas: {min: 1, max: 4}, autoscaler: {law: hpa, target: 3, down_stabilization: 10 min, up_pods: 1}")
    law = found.autoscaler
    assert (law.law, law.metric, law.target, law.min_replicas, law.max_replicas) == ("hpa", "waiting", 3.0, 1, 4)
    settings = dict(law.settings)
    assert settings["down_stabilization"] == 600.0 and settings["up_pods"] == 1.0 and settings["tolerance"] == 0.1
    assert not {"law", "target", "sync", "scrape"} & set(settings)
    assert (found.replicas, found.initial_replicas) == (4, 1)


def test_given_counts_are_steps_in_seconds() -> None:
    law = pool("replicas: {min: 0, max: 4}, autoscaler: {law: schedule, steps: [{at: 0, replicas: 1}, {at: 8h, replicas: 4}]}").autoscaler
    assert law.schedule == ((0.0, 1), (28_800.0, 4))


def test_prices_that_change_in_the_day_become_events() -> None:
    found = resolved("deployments: {api: {kind: api, model: deepseek-flash}}")
    deployment = found.deployments[0]
    assert isinstance(deployment, ResolvedApi)
    by_time = deployment.prices.by_time
    assert len(by_time) > 2
    for offset in (0.0, 5 * 3600.0, 23.5 * 3600.0):
        events = tariff(found, 2 * 86_400.0, clock_offset_s=offset)
        for hour in range(48):
            now = hour * 3600.0 + 1.0
            factor = math.prod(event.factor for event in events if event.at_s <= now)
            expected = deployment.prices.at(now + offset).at(0).output_usd_per_mtok / by_time[0][1].at(0).output_usd_per_mtok
            assert factor == pytest.approx(expected), (offset, hour)
    assert tariff(resolved("deployments: {api: {kind: api, model: gpt-6-luna}}"), 86_400.0) == ()
