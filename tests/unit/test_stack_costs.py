"""Costs of a stack beside tokens and GPU-hours: what is given, what is assumed and why, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import parse_documents
from sim.cost.from_stack import gpu_price, stack_extras
from sim.errors import InputError
from sim.stack.cost_defaults import on_premises_defaults, ownership_defaults, people_defaults, retraining_defaults
from sim.stack.read import read_stack, stack_of
from sim.stack.resolve import resolve
from sim.stack.resolved import Origin, ResolvedPool, ResolvedStack, Upkeep
from sim.stack.resolved_costs import ResolvedCosts, ResolvedRetraining, ShareBand
from sim.units import HOURS_PER_MONTH, SECONDS_PER_DAY, SECONDS_PER_MONTH

CATALOG = Catalog.load()
API = "deployments: {api: {kind: api, model: gpt-6-luna}}"
GPU = "deployments: {own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, replicas: 2, KEYS}}"
STRATEGIES = ("api-first", "multi-vendor", "rag", "vendor-fine-tune", "self-hosted", "on-premises", "own-fine-tune", "hybrid")


def resolved(text: str, *settings: str) -> ResolvedStack:
    document = parse_documents(text.replace(", KEYS", ""), "stack.yaml")[0]
    return resolve(stack_of(document, "stack", settings), CATALOG, PriceBook(CATALOG.date))


def costs(text: str, *settings: str) -> ResolvedCosts:
    return resolved(text, *settings).costs


def origin(stack: ResolvedStack, key: str) -> Origin:
    return next(each for each in stack.origins if each.key == key)


def pool(keys: str) -> ResolvedPool:
    found = resolved(GPU.replace("KEYS", keys)).deployments[0]
    assert isinstance(found, ResolvedPool)
    return found


def retraining(entry: str, text: str = GPU) -> ResolvedRetraining:
    entry = f"every: 90d, examples: 10k, tokens_per_example: 1000, epochs: 3, {entry}"
    return costs(f"{text}\nretraining: [{{deployment: own, {entry}}}]").retraining[0]


def problems(text: str) -> list[str]:
    with pytest.raises(InputError) as error:
        resolved(text)
    return str(error.value).splitlines()


def test_people_are_assumed_by_the_kind_of_stack() -> None:
    alone, own = costs(API), costs(GPU)
    assert (alone.ml_engineers, alone.devops_engineers, alone.on_call) == (0.0, 0.1, 0.0)
    assert (own.ml_engineers, own.devops_engineers, own.on_call) == (0.5, 0.25, 0.0)
    assert (own.ml_engineer_usd_per_month, own.devops_engineer_usd_per_month) == (18_000.0, 16_000.0)
    assert own.assumption("ml_engineers", "ml_engineer_usd_per_month") == (
        "0.5 ML engineers for a stack with GPUs; 18,000 USD a month for an ML engineer"
    )


def test_people_that_are_given_leave_the_others_assumed() -> None:
    stack = resolved(f"{GPU}\npeople: {{ml_engineers: 1, on_call_usd_per_month: $9k}}", "people.devops_engineers=0")
    found = stack.costs
    assert (found.ml_engineers, found.devops_engineers, found.on_call_usd_per_month) == (1.0, 0.0, 9000.0)
    assert found.assumption("ml_engineers", "devops_engineers", "on_call_usd_per_month") == ""
    assert [origin(stack, f"people.{key}").label for key in ("ml_engineers", "devops_engineers", "on_call")] == [
        "given",
        "given",
        "assumed",
    ]


def test_every_assumed_number_says_why() -> None:
    for text in (API, GPU):
        stack = resolved(text)
        assumed = [each for each in stack.origins if each.key.split(".")[0] in ("people", "costs") and each.label == "assumed"]
        assert len(assumed) == 13  # three roles, three salaries, the hour, the response, three quantiles, the migration, the time
        assert all(len(each.source) > 5 and each.as_of for each in assumed)
        assert {name for name, _ in stack.costs.assumed} <= {each.name for each in dataclasses.fields(ResolvedCosts)}


def test_what_is_not_given_costs_nothing() -> None:
    found = costs(API)
    for name in ("tooling_usd_per_month", "storage_gb", "egress_gb_per_month", "data_labeling_usd_per_month", "evaluation_usd_per_month",
                 "development_usd", "maintenance_hours_per_month", "response_hours_per_month", "refunds_share", "quality_incidents_per_year",
                 "security_incidents_per_year", "compliance_one_off_usd", "compliance_usd_per_month", "security_testing_usd_per_month",
                 "revenue_usd_per_month", "lost_revenue_usd_per_failed_request"):  # fmt: skip
        assert getattr(found, name) == 0.0, name
    assert found.discount_rate_per_year is None
    assert found.retraining == () and found.upfronts == ()


def test_given_costs_are_taken_as_they_are() -> None:
    found = costs(
        API
        + "\ncosts: {tooling_usd_per_month: $500, storage: {gb: 1k, usd_per_gb_month: 0.02}, egress: {gb_per_month: 50, usd_per_gb: 0.09},"
        " development: {hours: 160}, engineer_usd_per_hour: 100, migration: {engineer_weeks: 2}, hidden_share: {p5: 5%, p50: 10%, p95: 40%},"
        " compliance: {one_off_usd: 5k, ongoing_usd_per_month: 500}, quality_incidents: {per_year: 6, usd_each: 1500}, discount_rate_per_year: 8%}"
    )
    assert found.development_usd == 160 * 100.0
    assert found.migration_usd == 2 * 40 * 100.0
    assert found.hidden_share == ShareBand(0.05, 0.1, 0.4)
    assert (found.compliance_one_off_usd, found.compliance_usd_per_month, found.security_testing_usd_per_month) == (5000.0, 500.0, 0.0)
    assert (found.quality_incidents_per_year, found.quality_incident_usd) == (6.0, 1500.0)
    assert found.discount_rate_per_year == 0.08
    assert found.assumption("migration_usd", "hidden_share", "engineer_usd_per_hour") == ""
    assert costs(API + "\ncosts: {development: {hours: 10, usd_per_hour: 80}}").development_usd == 800.0
    assert costs(API + "\ncosts: {migration: {usd: 7k}}").migration_usd == 7000.0


def test_a_run_is_billed_its_part_of_a_month() -> None:
    stack = resolved(API + "\ncosts: {tooling_usd_per_month: 500, egress: {gb_per_month: 50, usd_per_gb: 0.09}}")
    extras = stack_extras(stack, SECONDS_PER_MONTH / 10)
    assert extras.egress_gb == pytest.approx(5.0)
    assert (extras.tooling_usd_per_month, extras.storage_gb) == (500.0, 0.0)


def test_migration_hidden_share_and_time_are_assumed_by_the_kind_of_stack() -> None:
    tuned = f"{API}\nretraining: [{{deployment: api, every: 180d, examples: 1k, tokens_per_example: 500, where: {{kind: vendor, usd_per_mtok: 3}}}}]"
    assert [costs(text).time_to_production_months for text in (API, tuned, GPU)] == [0.5, 1.2, 3.0]
    assert costs(API).hidden_share == costs(tuned).hidden_share == ShareBand(0.0, 0.0, 0.0)
    assert costs(GPU).hidden_share == ShareBand(0.0, 0.15, 0.3)
    assert costs(API).migration_usd == 1.5 * 40 * 150.0


def test_a_share_has_the_quantiles_that_were_written() -> None:
    z = np.array([-1.6448536269514722, 0.0, 1.6448536269514722, -9.0])
    assert ShareBand(0.05, 0.1, 0.4).at(z) == pytest.approx([0.05, 0.1, 0.4, 0.0])


def test_an_hour_of_a_bought_gpu_is_its_price_over_its_life_and_its_power() -> None:
    found, gpu, usual = pool("on_premises: {}"), CATALOG.gpu("h100-sxm"), on_premises_defaults(CATALOG)
    assert gpu.purchase is not None
    capital = gpu.purchase.usd * (1 + usual.server_overhead_share) * (1 + usual.spare_share)
    power = gpu.power_w / 1000 * usual.pue * usual.usd_per_kwh
    assert found.gpu_hour.usd_per_gpu_hour == pytest.approx(capital / (usual.life_months * HOURS_PER_MONTH) + power, rel=1e-12)
    assert (found.gpu_hour.purchase, found.gpu_hour.provider, found.provider) == ("on_premises", "own", None)
    assert found.gpus_per_node == 8  # a server of this GPU
    assert gpu_price(found).always_paid_replicas == 2
    assert gpu_price(found).upkeep == found.upkeep == Upkeep(gpu.power_w, usual.pue, usual.usd_per_kwh, 0.0)


def test_a_bought_gpu_takes_what_is_said_of_it() -> None:
    keys = "server_overhead_share: 0.5, spare_share: 0, life_months: 48, residual_share: 20%, power_w: 1000, pue: 1.5, usd_per_kwh: 0.2"
    found = pool(f"on_premises: {{usd_per_gpu: $20k, {keys}, hosting_usd_per_gpu_month: 73}}, gpus_per_node: 2")
    expected = 20_000 * 1.5 * 0.8 / (48 * 730) + 1.0 * 1.5 * 0.2 + 73 / 730
    assert found.gpu_hour.usd_per_gpu_hour == pytest.approx(expected, rel=1e-12)
    assert found.gpus_per_node == 2 and found.upkeep == Upkeep(1000.0, 1.5, 0.2, 73.0)
    (paid,) = costs(GPU.replace("KEYS", f"on_premises: {{usd_per_gpu: $20k, {keys}}}, gpus_per_node: 2")).upfronts
    assert (paid.deployment, paid.usd, paid.term_months, paid.kind) == (0, 2 * 30_000.0, 48.0, "on_premises")


def test_bought_gpus_are_not_rented() -> None:
    found = problems(GPU.replace("KEYS", "on_premises: {}, provider: aws, commitment: {upfront_share: 1}"))
    assert [line.split(": ")[1] for line in found] == ["deployments.own.provider", "deployments.own.commitment"]
    assert (
        "no price to buy a l40s is known" in problems("deployments: {own: {kind: gpu, llm: llama-3.1-8b, gpu: l40s, on_premises: {}}}")[0]
    )
    assert "deployments.own.purchase" not in {each.key for each in resolved(GPU.replace("KEYS", "on_premises: {}")).origins}


def test_an_advance_is_spread_over_its_term() -> None:
    bare = pool("purchase: reserved_1y, provider: market")
    listed = bare.gpu_hour.usd_per_gpu_hour
    share = pool("purchase: reserved_1y, provider: market, commitment: {upfront_share: 40%}")
    assert share.gpu_hour.usd_per_gpu_hour == listed
    assert share.payment is not None
    assert share.payment.usd_per_gpu == pytest.approx(0.4 * listed * 12 * 730)
    on_top = pool("purchase: reserved_1y, provider: market, commitment: {upfront_usd_per_gpu: 7300, term_months: 10}")
    assert on_top.gpu_hour.usd_per_gpu_hour == pytest.approx(listed + 1.0)
    assert bare.payment is None and bare.upkeep is None
    assert gpu_price(on_top).always_paid_replicas == 2
    assert "are not for a term" in problems(GPU.replace("KEYS", "commitment: {upfront_share: 1}"))[0]
    assert "either upfront_share or" in problems(GPU.replace("KEYS", "purchase: reserved_1y, provider: market, commitment: {}"))[0]


@pytest.mark.parametrize(("method", "operations"), [("full", 6), ("lora", 4)])
def test_gpu_hours_of_training_are_operations_over_the_peak(method: str, operations: int) -> None:
    found = retraining(f"method: {method}, where: {{kind: rented, gpu: h200-sxm, gpus: 4, usd_per_gpu_hour: 3}}, mfu: 0.5")
    tokens = 10_000 * 1000 * 3
    flops = operations * CATALOG.llm("llama-3.1-8b").active_params * tokens
    hours = flops / (0.5 * CATALOG.gpu("h200-sxm").peak_flops("bf16")) / 3600
    assert found.gpu_hours == pytest.approx(hours, rel=1e-12)
    assert found.duration_s == pytest.approx(hours / 4 * 3600, rel=1e-12)
    assert (found.gpus, found.replicas, found.nights, found.usd_per_gpu_hour) == (4, 0, 0, 3.0)
    assert (found.failure_share, found.rollback_share) == (0.2, 0.05)


def test_training_on_own_replicas_takes_nights() -> None:
    found = retraining("where: {kind: own, replicas: 1, from: 22h, until: 6h}, mfu: 1%")
    assert found.night_s == 8 * 3600.0
    assert found.nights == -(-found.duration_s // found.night_s) > 1
    assert (found.from_s, found.replicas, found.gpus, found.usd_per_gpu_hour) == (22 * 3600.0, 1, 1, 0.0)
    assert retraining("where: own").nights == 1
    assert retraining("where: {kind: own, from: 0h, until: 24h}").night_s == SECONDS_PER_DAY


def test_a_vendor_takes_tokens_and_has_a_minimum() -> None:
    assert retraining("where: {kind: vendor, usd_per_mtok: 0.48}").vendor_usd == pytest.approx(14.4)
    least = retraining("where: {kind: vendor, usd_per_mtok: 0.48, minimum_usd: 20}, labels: {count: 2k, usd_per_label: 0.5}")
    assert (least.vendor_usd, least.gpu_hours, least.gpus) == (20.0, 0.0, 0)
    assert least.labels_usd == pytest.approx(2000 * 0.5 * 1.15)


def test_drift_gives_the_time_to_retraining() -> None:
    drift = "drift: {accuracy_loss_per_month: 0.5%, threshold: 2%}"
    text = f"{GPU}\nretraining: [{{deployment: own, {drift}, examples: 1k, tokens_per_example: 100, where: own}}]"
    (found,) = costs(text).retraining
    assert found.every_s is None
    assert found.drift_months == pytest.approx(4.0)


def test_training_that_does_not_fit_its_memory_is_said() -> None:
    text = f"{GPU}\nretraining: [{{deployment: own, every: 90d, method: METHOD, examples: 1k, tokens_per_example: 100, where: own}}]"
    assert not any("training holds" in note for note in resolved(text.replace("METHOD", "lora")).notes)
    assert any("full training holds 120 GiB, and 1 x h100-sxm have 80" in note for note in resolved(text.replace("METHOD", "full")).notes)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("costs: {hidden_share: {p5: 30%, p50: 10%, p95: 20%}}", "costs.hidden_share: found p5 0.3, p50 0.1, p95 0.2; quantiles must not fall"),
        ("costs: {migration: {}}", "costs.migration: either usd or engineer_weeks is needed"),
        ("costs: {development: {usd: 1, hours: 2}}", "costs.development: either usd or hours is needed"),
        ("costs: {toling_usd_per_month: 5}", "did you mean 'tooling_usd_per_month'?"),
        ("people: {ml_engineers: -0.5}", "people.ml_engineers: found -0.5"),
        ("retraining: [{deployment: own, examples: 1, tokens_per_example: 1, where: own}]", "either every or drift is needed"),
        ("retraining: [{deployment: own, every: 1d, examples: 1, tokens_per_example: 1, where: {kind: own, replicas: 3}}]", "has at most 2"),
        ("retraining: [{deployment: owm, every: 1d, examples: 1, tokens_per_example: 1, where: own}]", "did you mean 'own'?"),
        ("retraining: [{deployment: own, every: 1d, examples: 10M, tokens_per_example: 1k, where: own}]", "one attempt takes"),
        ("retraining: [{deployment: own, every: 1d, examples: 1, tokens_per_example: 1, where: {kind: rented, gpu: l41}}]", "did you mean"),
        ("retraining: [{deployment: own, every: 1d, examples: 1, tokens_per_example: 1, where: {kind: own, from: 6h, until: 6h}}]", "are the same"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(line: str, said: str) -> None:
    found = problems(f"{GPU}\n{line}")
    assert len(found) == 1
    assert said in found[0]
    assert found[0].startswith("stack.yaml:2:")


def test_an_api_is_trained_by_its_vendor_alone_and_once() -> None:
    entry = "deployment: api, every: 1d, examples: 1, tokens_per_example: 1"
    assert "only its vendor can train it" in problems(f"{API}\nretraining: [{{{entry}, where: own}}]")[0]
    vendor = f"{{{entry}, where: {{kind: vendor, usd_per_mtok: 1}}}}"
    assert "one entry a deployment is allowed" in problems(f"{API}\nretraining: [{vendor}, {vendor}]")[0]


def test_the_manual_says_what_is_assumed(root: Path) -> None:
    text = (root / "docs" / "stacks.md").read_text()
    people, owning = people_defaults(CATALOG), ownership_defaults(CATALOG)
    owned, training = on_premises_defaults(CATALOG), retraining_defaults(CATALOG)
    hidden, months = owning.hidden_share_with_gpus, owning.time_to_production_months
    for row in (
        f"{people.api_only.ml_engineers:g}, {people.api_only.devops_engineers:g}, {people.api_only.on_call:g} | "
        f"{people.with_gpus.ml_engineers:g}, {people.with_gpus.devops_engineers:g}, {people.with_gpus.on_call:g} |",
        f"0, 0, 0 | {hidden.p5:g}, {hidden.p50:g}, {hidden.p95:g} |",
        f"{months.api_only:g}; {months.tuned_api:g} where a vendor tunes the model | {months.with_gpus:g} |",
        f"| {people.ml_engineer_usd_per_month:,.0f}, {people.devops_engineer_usd_per_month:,.0f}, {people.on_call_usd_per_month:,.0f} USD |",
        f"| {people.engineer_usd_per_hour:g} USD |",
        f"| {people.incident_response_hours_per_incident:g} h |",
        f"| {owning.migration_engineer_weeks:g} weeks of an engineer |",
        f"| {owned.server_overhead_share:g}, {owned.spare_share:g}, {owned.residual_share:g} |",
        f"| {owned.life_months:g} months |",
        f"| {owned.pue:g}, {owned.usd_per_kwh:g} USD/kWh |",
        f"| {training.mfu:g} |",
        f"| {training.label_overhead_share:g} |",
        f"| {training.failure_share:g}, {training.rollback_share:g} |",
    ):
        assert row in text


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_is_bundled_and_resolves(name: str) -> None:
    stack = resolve(read_stack(name, CATALOG), CATALOG, PriceBook(CATALOG.date))
    assert stack.costs.development_usd > 0.0
    assert bool(stack.costs.retraining) == ("fine-tune" in name)
    assert bool(stack.costs.upfronts) == (name == "on-premises")
