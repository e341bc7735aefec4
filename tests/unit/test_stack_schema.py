"""What a stack file may say: units, shorthands, defaults, and the message each mistake gets."""

from __future__ import annotations

import pytest

from sim.catalog.yaml_file import load_text
from sim.errors import InputError
from sim.stack.autoscaler import Hpa, Keda
from sim.stack.gpu_deployment import GpuDeployment, Replicas
from sim.stack.schema import Stack

OWN = "kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm"


def own(keys: str) -> GpuDeployment:
    stack = load_text(f"deployments: {{own: {{{OWN}, {keys}}}}}", "stack.yaml", Stack)
    found = stack.deployments["own"]
    assert isinstance(found, GpuDeployment)
    return found


def problems(text: str) -> list[str]:
    with pytest.raises(InputError) as error:
        load_text(text, "stack.yaml", Stack)
    return str(error.value).splitlines()


@pytest.mark.parametrize(
    ("keys", "field", "value"),
    [
        ("timeout: 800ms", "timeout", 0.8),
        ("timeout: 2 min", "timeout", 120.0),
        ("timeout: 7", "timeout", 7.0),
        ("queue_limit: 2k", "queue_limit", 2000),
        ("max_model_len: 32768", "max_model_len", 32768),
        ("gpu_memory_utilization: 95%", "gpu_memory_utilization", 0.95),
        ("usd_per_gpu_hour: $2.5", "usd_per_gpu_hour", 2.5),
    ],
)
def test_values_take_units(keys: str, field: str, value: float) -> None:
    assert getattr(own(keys), field) == pytest.approx(value, rel=1e-15)


def test_a_number_of_replicas_means_always_that_many() -> None:
    assert own("replicas: 3").replicas == Replicas(min=3, max=3, initial=3)


def test_replicas_start_with_one_where_the_least_is_none() -> None:
    assert own("replicas: {min: 0, max: 4}, autoscaler: {law: keda}").replicas.at_start == 1
    assert own("replicas: {min: 0, max: 4, initial: 0}, autoscaler: {law: keda}").replicas.at_start == 0
    assert own("replicas: 0").replicas.at_start == 0


@pytest.mark.parametrize(
    ("law", "clock_s", "found"),
    [
        ("law: plan, steps: [{at: 0h, replicas: 3}, {at: 1h, replicas: 1}]", 0.0, 3),
        ("law: plan, steps: [{at: 0h, replicas: 9}]", 0.0, 4),
        ("law: plan, steps: [{at: 1h, replicas: 3}]", 0.0, 1),
        ("law: schedule, steps: [{at: 8h, replicas: 3}, {at: 20h, replicas: 2}]", 0.0, 2),
        ("law: schedule, steps: [{at: 8h, replicas: 3}, {at: 20h, replicas: 2}]", 30_000.0, 3),
        ("law: schedule, steps: [{at: 0h, replicas: 0}, {at: 20h, replicas: 2}]", 0.0, 0),
        ("law: keda", 0.0, 1),
    ],
)
def test_a_timed_law_says_how_many_stand_ready_at_the_start(law: str, clock_s: float, found: int) -> None:
    assert own(f"replicas: {{min: 0, max: 4}}, autoscaler: {{{law}}}").at_start(clock_s) == found
    assert own(f"replicas: {{min: 0, max: 4, initial: 1}}, autoscaler: {{{law}}}").at_start(clock_s) == 1


def test_a_stage_of_a_cold_start_may_be_a_plain_time() -> None:
    stage = own("cold_start: {load: 90s, warmup: {median: 20s, sigma: 0.3}}").cold_start
    assert stage.load is not None and (stage.load.median, stage.load.sigma) == (90.0, 0.0)
    assert stage.warmup is not None and (stage.warmup.median, stage.warmup.sigma) == (20.0, 0.3)
    assert stage.provision is None


def test_autoscalers_have_the_defaults_of_what_they_imitate() -> None:
    hpa = own("replicas: {min: 1, max: 4}, autoscaler: {law: hpa}").autoscaler
    assert isinstance(hpa, Hpa)
    assert (hpa.sync, hpa.tolerance, hpa.up_pods, hpa.up_percent, hpa.down_stabilization, hpa.down_percent) == (15, 0.1, 4, 100, 300, 100)
    keda = own("replicas: {min: 0, max: 4}, autoscaler: {law: keda}").autoscaler
    assert isinstance(keda, Keda)
    assert (keda.scrape, keda.cooldown) == (30, 300)


def test_targets_and_classes_may_be_given_short() -> None:
    stack = load_text(
        f"deployments: {{own: {{{OWN}}}, api: {{kind: api, model: gpt-6-luna}}}}\n"
        "routing:\n  - {when: {class: chat}, to: [own, {deployment: api}]}\n  - {to: api}\n",
        "stack.yaml",
        Stack,
    )
    assert stack.routing[0].when.class_ == ("chat",)
    assert [target.deployment for target in stack.routing[0].to] == ["own", "api"]
    assert [target.deployment for target in stack.routing[1].to] == ["api"]


def test_429_needs_no_quotes() -> None:
    stack = load_text(
        f"deployments: {{a: {{{OWN}}}, b: {{{OWN}}}}}\nrouting: [{{to: [{{deployment: a, pass_on: [429, 5xx]}}, b]}}]", "stack.yaml", Stack
    )
    assert stack.routing[0].to[0].pass_on == ("429", "5xx")


def test_one_deployment_needs_no_routing_and_several_do() -> None:
    stack = load_text(f"deployments: {{own: {{{OWN}}}}}", "stack.yaml", Stack)
    assert [target.deployment for target in stack.rules[0].to] == ["own"]
    assert problems(f"deployments: {{a: {{{OWN}}}, b: {{{OWN}}}}}") == [
        "stack.yaml:1:1: key routing missing; with 2 deployments it is required"
    ]


def test_every_mistake_is_reported_with_its_place() -> None:
    text = (
        "deployments:\n"
        "  own:\n"
        "    kind: gpu\n"
        "    llm: llama-3.1-70b\n"
        "    gpu: h100-sxm\n"
        "    tensor_paralel: 2\n"
        "    precision: fp9\n"
        "    timeout: 30 parsecs\n"
        "    replicas: {min: 3, max: 2}\n"
        "    autoscaler: {law: hpax}\n"
        "    client: {retries: -1}\n"
        "  api: {kind: apy}\n"
        "routing:\n"
        "  - to: [{deployment: own, pass_on: [5x]}, api]\n"
    )
    found = problems(text)
    assert [line.split(": ")[0].removeprefix("stack.yaml:") for line in found] == [
        "6:5", "7:16", "8:14", "9:15", "10:17", "11:23", "12:8", "14:38"
    ]  # fmt: skip
    assert "unknown key 'tensor_paralel'" in found[0] and "did you mean 'tensor_parallel'" in found[0]
    assert "did you mean 'fp8'" in found[1]
    assert "found '30 parsecs', which is not a duration" in found[2]
    assert "min 3 above max 2" in found[3]
    assert "did you mean 'hpa'" in found[4]
    assert "deployments.own.client.retries: found -1" in found[5]
    assert "did you mean 'api'" in found[6]
    assert "routing.0.to.0.pass_on.0" in found[7] and "did you mean '5xx'" in found[7]


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ("speculative_decoding: {method: eagle3}", "speculative decoding is not modelled"),
        ("disaggregation: true", "prefill/decode disaggregation is not modelled"),
        ("pipeline_parallel: 2", "pipeline parallelism is not modelled"),
        ("data_parallel: 4", "data parallelism inside a replica is not modelled"),
        ("engine: tgi", "allowed: vllm, sglang, trtllm"),
        ("replicas: {min: 1, max: 3}", "need an autoscaler"),
        ("replicas: {min: 0, max: 3}, autoscaler: {law: hpa}", "hpa cannot start from none; keda and knative can"),
        ("autoscaler: {law: plan, steps: [{at: 2h, replicas: 1}, {at: 1h, replicas: 2}]}", "in order of time"),
        ("autoscaler: {law: schedule, steps: [{at: 25h, replicas: 1}]}", "below 24h"),
        ("autoscaler: {law: knative, metric: kv}", "allowed: concurrency, rps"),
        ("gpu_memory_utilization: 95", "not a share between 0 and 1"),
        ("queue_limit: 0", "found 0; it should be greater than 0"),
        ("queue_limit: 1.5", "a whole number is needed"),
        ("replicas: no", "found 'no'; a number is needed, or min, max and initial"),
        ("replicas: true", "found true; a number is needed, or min, max and initial"),
        ("max_num_seqs: 1e12", "it should be less than or equal to 16384"),
        ("max_num_batched_tokens: 1e30", "it should be less than or equal to 10000000"),
        ("max_model_len: 1e30", "it should be less than or equal to 200000000"),
        ("block_size: 1e9", "it should be less than or equal to 4096"),
        ("timeout: 1e300", "it should be less than or equal to 10000000000"),
        ("client: {retries: 1e6}", "it should be less than or equal to 100"),
        ("replicas: {min: 1, max: 3}, autoscaler: {law: hpa, scrape: 1ms}", "it should be greater than or equal to 0.1"),
        ("replicas: {min: 1, max: 3}, autoscaler: {law: keda, sync: 1e-300}", "it should be greater than or equal to 0.1"),
        ("replicas: {min: 1, max: 3}, autoscaler: {law: hpa, lag: 10d}", "look back on more than 4000 samples, one every 15 s"),
        ("replicas: {min: 1, max: 3}, autoscaler: {law: hpa, down_stabilization: 60d}", "holds more than 10000 decisions, one every 15 s"),
        ("profile: {kv_capacity_tokens: 1e12, step: {c_ms: 1, g_ms_at_tokens: [[1, 1]]}}", "less than or equal to 1000000000"),
        ("profile: {kv_capacity_tokens: 1k, step: {c_ms: 0, g_ms_at_tokens: [[1, 0]]}}", "a step must take time"),
        ("profile: {kv_capacity_tokens: 1k, step: {c_ms: 9, g_ms_at_tokens: [[1, 2], [9, 1]]}}", "g must not fall at its last knot"),
        ("replicas: 1e9", "found 1000000000; it should be less than or equal to 10000"),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_name(keys: str, what: str) -> None:
    (line,) = problems(f"deployments: {{own: {{{OWN}, {keys}}}}}")
    assert what in line


def test_features_that_are_off_may_be_named() -> None:
    found = own("speculative_decoding: none, disaggregation: false, pipeline_parallel: 1, data_parallel: 1")
    assert found.speculative_decoding is None and found.data_parallel is None


def test_every_field_is_described() -> None:
    seen = set()

    def walk(model: type) -> None:
        if model in seen:
            return
        seen.add(model)
        for name, info in model.model_fields.items():
            if name not in ("kind", "law"):
                assert info.description, f"{model.__name__}.{name}"
            for part in _models(info.annotation):
                if part.__module__.startswith("sim.stack"):
                    walk(part)

    walk(Stack)
    assert {"GpuDeployment", "ApiDeployment", "Hpa", "Knative", "Rule", "ClientPolicy"} <= {model.__name__ for model in seen}


def _models(annotation: object) -> list[type]:
    from typing import get_args

    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
