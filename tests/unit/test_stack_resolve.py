"""A stack in plain numbers: defaults of engine and hardware, tiers, lanes, prices, and what is refused before time zero."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import parse_documents
from sim.errors import InputError
from sim.profile.memory import default_scheduler
from sim.stack.facts import ClassFacts, TraceFacts, facts_of
from sim.stack.read import read_stack, stack_of
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack
from sim.trace.trace import Trace
from sim.units import SECONDS_PER_MONTH

OWN = "kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm"
FACTS = TraceFacts(
    rows=300,
    duration_s=SECONDS_PER_MONTH / 10,
    classes=(ClassFacts("chat", 200, 200_000, 50_000, 60_000), ClassFacts("batch", 100, 100_000, 0, 20_000)),
    has_prefix=False,
    has_cached_tokens=False,
    longest_prompt_tokens=2000,
)
CATALOG = Catalog.load()


def book() -> PriceBook:
    return PriceBook(CATALOG.date)


def resolved(text: str, facts: TraceFacts | None = None, *settings: str) -> ResolvedStack:
    return resolve(stack_of(parse_documents(text, "stack.yaml")[0], "stack", settings), CATALOG, book(), facts)


def pool(keys: str, facts: TraceFacts | None = None) -> ResolvedPool:
    found = resolved(f"deployments: {{own: {{{OWN}, {keys}}}}}", facts).deployments[0]
    assert isinstance(found, ResolvedPool)
    return found


def api(keys: str, facts: TraceFacts | None = None) -> ResolvedApi:
    found = resolved(f"deployments: {{api: {{kind: api, {keys}}}}}", facts).deployments[0]
    assert isinstance(found, ResolvedApi)
    return found


def problems(text: str, facts: TraceFacts | None = None) -> list[str]:
    with pytest.raises(InputError) as error:
        resolved(text, facts)
    return str(error.value).splitlines()


@pytest.mark.parametrize("name", CATALOG.names("stack"))
def test_every_bundled_stack_resolves(name: str) -> None:
    found = resolve(read_stack(name, CATALOG), CATALOG, book(), FACTS)
    assert found.description
    assert all(origin.source for origin in found.origins)


@pytest.mark.parametrize(
    ("gpu", "tokens", "sequences"),
    [
        ("h100-sxm", 8192, 1024),
        ("h200-sxm", 8192, 1024),
        ("a100-80gb", 2048, 256),
        ("l4", 2048, 256),
        ("b200", 16384, 1024),
        ("mi300x", 16384, 1024),
    ],
)
def test_limits_are_those_of_vllm_on_that_gpu(gpu: str, tokens: int, sequences: int) -> None:
    scheduler = default_scheduler(CATALOG.gpu(gpu))
    assert (scheduler.max_num_batched_tokens, scheduler.max_num_seqs) == (tokens, sequences)


def test_a_smaller_step_holds_fewer_sequences() -> None:
    assert pool("max_num_batched_tokens: 512").max_num_seqs == 512
    (line,) = problems(f"deployments: {{own: {{{OWN}, max_num_batched_tokens: 512, max_num_seqs: 600}}}}")
    assert "found 600, above max_num_batched_tokens 512" in line


def test_engines_are_variants_of_one_scheduler() -> None:
    assert pool("engine: vllm").batching == "continuous"
    assert pool("engine: sglang").batching == "prefill_first"
    assert pool("engine: trtllm").batching == "continuous"
    assert pool("engine: sglang, batching: static").batching == "static"


def test_a_profile_of_ones_own_is_taken_as_it_is() -> None:
    found = pool("profile: {step: {c_ms: 8, g_ms_at_tokens: [[1, 2], [1000, 12]], f_ns_per_context_token: 50}, kv_capacity_tokens: 10k}")
    assert (found.step.c_s, found.step.g_s) == (0.008, (0.002, 0.012))
    assert found.step.f_s == pytest.approx(50e-9)
    assert found.blocks == 10_000 // 16
    assert found.label == "given"
    with pytest.raises(InputError, match="kv_capacity_tokens: found 15; at least one block of 16 tokens is needed"):
        pool("profile: {step: {c_ms: 8, g_ms_at_tokens: [[1, 2]]}, kv_capacity_tokens: 15}")


def test_what_the_engine_would_have_to_remember_is_bounded() -> None:
    keys = "prefix_caching: on, replicas: 100, profile: {step: {c_ms: 8, g_ms_at_tokens: [[1, 2]]}, kv_capacity_tokens: 1B}"
    with pytest.raises(InputError, match="62,500,000 KV blocks in each of 100 replicas"):
        pool(keys)
    assert pool(keys.replace("on", "off")).blocks == 62_500_000


@pytest.mark.parametrize(
    ("prefix", "cached", "setting", "found"),
    [
        (True, True, "auto", "blocks"),
        (False, True, "auto", "given"),
        (False, False, "auto", "off"),
        (True, True, "off", "off"),
        (False, False, "on", "blocks"),
    ],
)
def test_prefix_caching_follows_what_the_trace_knows(prefix: bool, cached: bool, setting: str, found: str) -> None:
    facts = replace(FACTS, has_prefix=prefix, has_cached_tokens=cached)
    assert pool(f"prefix_caching: {setting}", facts).prefix_caching == found


def test_a_hit_rate_goes_before_the_trace() -> None:
    assert pool("hit_rate: 30%", replace(FACTS, has_prefix=True)).prefix_caching == "given"


def test_cold_starts_load_in_proportion_to_the_weights() -> None:
    small = {stage.name: stage.median_s for stage in pool("replicas: 1").cold_start}
    half = {stage.name: stage.median_s for stage in pool("precision: fp8").cold_start}
    ratio = CATALOG.llm("llama-3.1-8b").weight_bytes("fp8") / CATALOG.llm("llama-3.1-8b").weight_bytes("bf16")
    assert half["load"] == pytest.approx(small["load"] * ratio, rel=1e-12)
    assert half["provision"] == small["provision"]


def test_a_given_stage_stays_and_the_others_are_assumed() -> None:
    found = resolved(f"deployments: {{own: {{{OWN}, replicas: {{min: 1, max: 2}}, autoscaler: {{law: hpa}}, cold_start: {{load: 7s}}}}}}")
    deployment = found.deployments[0]
    assert isinstance(deployment, ResolvedPool)
    assert {stage.name: stage.median_s for stage in deployment.cold_start}["load"] == 7.0
    labels = {origin.key: origin.label for origin in found.origins}
    assert labels["deployments.own.cold_start.load.median"] == "given"
    assert labels["deployments.own.cold_start.pull.median"] == "assumed"


def test_the_price_is_the_lists_or_ones_own() -> None:
    listed = pool("provider: aws, region: us-east-1")
    assert listed.gpu_hour.usd_per_gpu_hour == book().gpu_price(CATALOG.gpu("h100-sxm"), "aws", "on_demand", "us-east-1").usd_per_gpu_hour
    assert listed.gpus_per_node == 8
    assert listed.provider is not None and listed.provider.name == "aws"
    own = pool("usd_per_gpu_hour: 1.25, provider: aws, gpus_per_node: 4")
    assert (own.gpu_hour.usd_per_gpu_hour, own.gpu_hour.negotiated, own.gpus_per_node) == (1.25, True, 4)


def test_the_clients_rule_is_its_sdks_with_the_deployments_time_out() -> None:
    assert pool("client: anthropic").client.retry_after_max is None
    assert pool("client: openai").client.retry_after_max == 120.0
    assert pool("client: openai, timeout: 30s").client.timeout == 30.0
    assert pool("client: none").client.retries == 0 and pool("client: none").client.timeout is None
    assert pool("client: {retries: 5, base: 1s}").client.retries == 5
    (line,) = problems(f"deployments: {{own: {{{OWN}, client: opanai}}}}")
    assert "found 'opanai'" in line and "did you mean 'openai'" in line


def test_the_tier_is_the_lowest_that_holds_the_forecast() -> None:
    rate = book().tokens(CATALOG.api("gpt-6.1-sol")).standard.by_input_tokens[0]
    month = (
        10
        * ((300_000 - 50_000) * rate.input_usd_per_mtok + 50_000 * rate.cached_input_usd_per_mtok + 80_000 * rate.output_usd_per_mtok)
        / 1e6
    )
    found = api("model: gpt-6.1-sol", FACTS)
    assert found.forecast_usd_per_month == pytest.approx(month, rel=1e-12)
    caps = [tier.monthly_spend_cap_usd or math.inf for tier in CATALOG.api("gpt-6.1-sol").tiers]
    for k, cap in enumerate(caps):
        scale = 0.99 * cap / month
        scaled = replace(FACTS, duration_s=FACTS.duration_s / scale)
        assert api("model: gpt-6.1-sol", scaled).tier == CATALOG.api("gpt-6.1-sol").tiers[k].name
    above = replace(FACTS, duration_s=FACTS.duration_s * month / caps[-1] / 1.01)
    assert api("model: gpt-6.1-sol", above).tier == CATALOG.api("gpt-6.1-sol").tiers[-1].name


def test_a_tier_can_be_named() -> None:
    assert api("model: gpt-6.1-sol, tier: launch", FACTS).tier == "launch"
    (line,) = problems("deployments: {api: {kind: api, model: gpt-6.1-sol, tier: lunch}}")
    assert line.startswith("stack.yaml:1:") and "did you mean 'launch'" in line


def test_the_spend_cap_is_checked_first_and_asks_nobody_to_wait() -> None:
    limit = api("model: gpt-6.1-sol, tier: build").limits[0]
    assert (limit.unit, limit.limit, limit.window_s, limit.no_retry_after) == ("usd", 500.0, SECONDS_PER_MONTH, True)
    assert api("model: gpt-6.1-sol, tier: build, spend_cap_usd: $80").limits[0].limit == 80.0
    assert api("model: gpt-6.1-sol, limits: none").limits == ()
    own = api("model: gpt-6.1-sol, limits: [{law: token_bucket, unit: requests, limit: 7}]").limits
    assert [limit.limit for limit in own] == [7.0]


def test_negotiated_rates_of_a_deployment() -> None:
    half = api("model: gpt-6.1-sol, prices: {discount: 50%}").rates.by_input_tokens[0]
    listed = book().tokens(CATALOG.api("gpt-6.1-sol")).standard.by_input_tokens[0]
    assert half.output_usd_per_mtok == pytest.approx(listed.output_usd_per_mtok / 2)
    own = api("model: gpt-6.1-sol, prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 4}").rates.by_input_tokens[0]
    assert (own.input_usd_per_mtok, own.cached_input_usd_per_mtok, own.output_usd_per_mtok) == (1.0, 1.0, 4.0)


def test_requests_that_can_wait_get_a_lane_at_batch_prices() -> None:
    found = resolved("deployments: {api: {kind: api, model: gpt-6.1-sol}}", FACTS)
    assert [each.name for each in found.deployments] == ["api", "api:batch"]
    main, lane = found.deployments
    assert isinstance(main, ResolvedApi) and isinstance(lane, ResolvedApi)
    assert lane.rates == main.prices.batch
    assert lane.client.timeout == 86_400.0 and lane.client.retries == 0
    assert [(rule.classes, [target.deployment for target in rule.targets]) for rule in found.rules] == [(("batch",), [1]), (("chat",), [0])]


def test_no_lane_where_it_is_off_or_nobody_can_wait() -> None:
    assert len(resolved("deployments: {api: {kind: api, model: gpt-6.1-sol, batch: off}}", FACTS).deployments) == 1
    assert len(resolved("deployments: {api: {kind: api, model: gpt-6.1-sol}}", replace(FACTS, classes=FACTS.classes[:1])).deployments) == 1
    assert len(resolved("deployments: {api: {kind: api, model: gpt-6.1-sol}}").deployments) == 1
    (line,) = problems("deployments: {api: {kind: api, model: groq-llama-3.3-70b, batch: {classes: [batch]}}}", FACTS)
    assert "no batch lane" in line


def test_facts_are_the_sums_of_a_trace() -> None:
    trace = Trace.from_arrays(
        arrival_s=[0.0, 1.0, 4.0],
        prompt_tokens=[10, 20, 30],
        output_tokens=[1, 2, 3],
        class_=["a", "b", "a"],
        cached_tokens=[5, None, 7],
        session_id=[1, 1, 2],
    )
    facts = facts_of(trace)
    by_name = {each.name: each for each in facts.classes}
    assert by_name["a"] == ClassFacts("a", 2, 40, 12, 4)
    assert by_name["b"] == ClassFacts("b", 1, 20, 0, 2)
    assert (facts.rows, facts.duration_s, facts.has_prefix, facts.has_cached_tokens, facts.longest_prompt_tokens) == (
        3,
        4.0,
        True,
        True,
        30,
    )


def test_a_model_that_does_not_fit_says_how_many_gpus_would() -> None:
    (line,) = problems("deployments:\n  own: {kind: gpu, llm: llama-3.1-70b, gpu: h100-sxm}\n")
    assert line.startswith("stack.yaml:2:")
    assert "does not fit 1 GPU h100-sxm" in line and "tensor_parallel 2 (2 GPUs) would do" in line


def test_an_unknown_price_is_refused() -> None:
    (line,) = problems("deployments:\n  own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, provider: azure, purchase: spot}\n")
    assert "no price of azure spot is known" in line


def test_all_problems_at_once() -> None:
    found = problems(
        "deployments:\n"
        "  own: {kind: gpu, llm: llama-3.1-71b, gpu: h101-sxm}\n"
        "  big: {kind: gpu, llm: llama-3.1-405b, gpu: h100-sxm}\n"
        "  api: {kind: api, model: gpt-7}\n"
        "routing:\n"
        "  - to: [own, big, own, apx]\n"
    )
    text = "\n".join(found)
    for what in (
        "did you mean 'llama-3.1-70b'",
        "did you mean 'h100-sxm'",
        "does not fit",
        "unknown api 'gpt-7'",
        "routing loop: own -> big -> own",
    ):
        assert what in text
    assert "unknown deployment 'apx'; allowed: own, big, api; did you mean 'api'" in text


def test_where_numbers_come_from() -> None:
    origins = {o.key: o for o in resolve(read_stack("hybrid", CATALOG, ["slo.ttft_p95=2s"]), CATALOG, book()).origins}
    assert origins["deployments.own.tensor_parallel"].label == "given"
    assert origins["deployments.own.tensor_parallel"].source.startswith("models/stacks/hybrid.yaml:")
    assert (origins["slo.ttft_p95"].value, origins["slo.ttft_p95"].unit, origins["slo.ttft_p95"].source) == (2.0, "s", "--set slo.ttft_p95")
    assert (origins["slo.tpot_p95"].label, origins["slo.tpot_p95"].unit) == ("default", "s")
    assert origins["deployments.own.gpu_memory_utilization"].source == "vLLM 0.33.0"
    assert origins["deployments.own.max_num_batched_tokens"].label == "default"
    assert origins["deployments.own.profile.c"].label in ("measured", "calibrated", "estimated")
    assert origins["deployments.own.usd_per_gpu_hour"].label == "vendor" and origins["deployments.own.usd_per_gpu_hour"].as_of
    assert origins["deployments.own.cold_start.provision.median"].label == "assumed"
    assert origins["deployments.own.autoscaler.down_stabilization"].source.startswith("Kubernetes")
    assert origins["deployments.spill.prices.output"].source.startswith("genai-prices")


@pytest.mark.parametrize(
    ("setting", "note"),
    [
        ("slo.ttft_p95=800", "slo.ttft_p95 is 13.3 min; 800ms is written so"),
        ("slo.tpot_p95=50", "slo.tpot_p95 is 50.0 s; 50ms is written so"),
        ("slo.ttft_p95=20min", ""),
        ("slo.ttft_p95=60", ""),
        ("slo.tpot_p95=1", ""),
        ("slo.tpot_p95=50ms", ""),
    ],
)
def test_a_level_without_a_unit_that_is_odd_in_seconds_is_noted(setting: str, note: str) -> None:
    notes = resolve(read_stack("hybrid", CATALOG, [setting]), CATALOG, book()).notes
    assert [each for each in notes if each.startswith("slo.")] == ([note] if note else [])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("gpu=H100", "between them; did you mean 'h100-sxm'?"),
        ("gpu=NVIDIA H200", "did you mean 'h200-sxm'?"),
        ("gpu=h100", "unknown gpu 'h100'; did you mean 'h100-sxm'?"),
        ("llm=meta-llama/Llama-3.1-70B-Instruct", "did you mean 'llama-3.1-70b'?"),
    ],
)
def test_a_name_of_other_tools_is_answered_with_that_of_the_catalogue(setting: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        resolve(read_stack("hybrid", CATALOG, [f"deployments.own.{setting}"]), CATALOG, book())
    assert said in str(error.value)
    with pytest.raises(InputError) as error:
        resolve(read_stack("hybrid", CATALOG, ["deployments.own.gpu=NONSENSE_!"]), CATALOG, book())
    assert "did you mean" not in str(error.value)


def test_prices_from_after_the_day_are_noted() -> None:
    """There is no earlier one, so that it is taken all the same."""
    early = PriceBook(datetime.date(2025, 1, 1))
    text = f"deployments: {{own: {{{OWN}}}, api: {{kind: api, model: gpt-6.1-sol}}}}\nrouting: [{{to: [own, api]}}]"
    file = stack_of(parse_documents(text, "stack.yaml")[0], "stack")
    notes = [note for note in resolve(file, CATALOG, early).notes if "after the day of the prices, 2025-01-01" in note]
    assert len(notes) == 2 and all("yours of that day: --prices" in note for note in notes)
    assert any(note.startswith("api: gpt-6.1-sol was released on 2026-09-29") for note in notes)
    assert not [note for note in resolve(file, CATALOG, book()).notes if "after the day" in note]


def test_tiers_are_guessed_aloud_only_where_something_is_sent() -> None:
    text = "deployments: {api: {kind: api, model: gpt-6.1-sol}, other: {kind: api, model: gpt-6-luna}}\nrouting: [{to: [api]}]"
    notes = resolved(text, FACTS).notes
    (said,) = [note for note in notes if ": tier " in note]
    assert said.startswith("api: tier ") and said.endswith("; yours: --set deployments.api.tier=NAME")
