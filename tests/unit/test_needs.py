"""Needs files: what they say, what is wrong with them, and the strategies that they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_document import parse_documents
from sim.decision.needs import NeedsFile, needs_of, read_needs
from sim.decision.strategies import Strategy
from sim.decision.strategy_read import bundled_plans, strategies_of
from sim.errors import InputError
from sim.stack.read import read_stack


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.bundled()


def needs(text: str, catalog: Catalog) -> NeedsFile:
    return needs_of(parse_documents(text, "needs.yaml")[0], "needs", catalog)


def wrong(text: str, catalog: Catalog) -> list[str]:
    with pytest.raises(InputError) as found:
        needs(text, catalog)
    return str(found.value).split("\n")


def chosen(text: str, catalog: Catalog, **more: object) -> tuple[Strategy, ...]:
    return strategies_of(needs(text, catalog), catalog, lambda name: read_stack(name, catalog), **more)  # type: ignore[arg-type]


def test_quantities_are_read_with_their_units(catalog: Catalog) -> None:
    found = needs("latency: {ttft_p95: 800ms, e2e_p99: 5 min}\nbudget_usd: $120k\nvolume: {tokens_per_month: 5M}", catalog).needs
    assert (found.latency.ttft_p95, found.latency.e2e_p99, found.latency.tpot_p99) == (0.8, 300.0, None)
    assert (found.budget_usd, found.volume.tokens_per_month) == (120_000.0, 5e6)
    assert needs("data: {terms_needed: baa}", catalog).needs.data.terms_needed == ("baa",)


def test_weights_add_up_to_one_or_a_hundred(catalog: Catalog) -> None:
    assert sum(needs("weights: {accuracy: 0.7, budget: 0.2, team: 0.1}", catalog).needs.weights.values()) == pytest.approx(1)
    assert needs("weights: {accuracy: 75, budget: 25}", catalog).needs.weights["accuracy"] == 75
    (line,) = wrong("months: 6\nweights: {accuracy: 50, budget: 40}", catalog)
    assert line == "needs.yaml:2:10: weights: found 50 + 40 = 90; weights must add up to 1, or to 100"


def test_scores_are_from_one_to_five(catalog: Catalog) -> None:
    lines = wrong("strategies: {api: api-first}\nscores:\n  team: {api: 6}\n  budget: {api: 0.5}", catalog)
    assert lines == [
        "needs.yaml:3:15: scores.team.api: found 6; it should be less than or equal to 5",
        "needs.yaml:4:17: scores.budget.api: found 0.5; it should be greater than or equal to 1",
    ]


def test_unknown_names_get_the_nearest_one(catalog: Catalog) -> None:
    lines = wrong(
        "quality: {gpt-6-lunar: {score: 0.9}}\nterms: {opanai: [baa]}\nrouting: {cheaper: gpt-6-lun}\n"
        "strategies: {api: api-first}\nscores: {team: {apj: 3}}",
        catalog,
    )
    assert lines[0] == "needs.yaml:1:11: quality.gpt-6-lunar: unknown model or strategy 'gpt-6-lunar'; did you mean 'gpt-6-luna'?"
    assert lines[1].startswith("needs.yaml:2:9: terms.opanai: unknown vendor 'opanai'; allowed: ")
    assert lines[1].endswith("did you mean 'openai'?")
    assert lines[2].startswith("needs.yaml:3:20: routing.cheaper: unknown API model 'gpt-6-lun'; did you mean 'gpt-6-luna'?")
    assert lines[3] == "needs.yaml:5:17: scores.team.apj: unknown strategy 'apj'; allowed: api; did you mean 'api'?"


def test_unknown_criteria_and_keys_say_what_is_allowed(catalog: Catalog) -> None:
    (line,) = wrong("weights: {accurracy: 1}", catalog)
    assert "'accurracy'" in line
    assert "did you mean 'accuracy'?" in line
    (line,) = wrong("customization: rag", catalog)
    assert "did you mean 'customisation'?" in line
    (line,) = wrong("data: {sensitivity: secret}", catalog)
    assert "allowed: public, internal, pii, phi, classified, trade_secret" in line


def test_volume_is_said_once(catalog: Catalog) -> None:
    (line,) = wrong("volume: {tokens_per_month: 5M, requests_per_month: 100}", catalog)
    assert line.startswith("needs.yaml:1:9: volume: tokens_per_month and requests_per_month both say how much")


def test_bundled_strategies_follow_the_needs(catalog: Catalog) -> None:
    plain = ["api-first", "multi-vendor", "hybrid", "self-hosted", "on-premises"]
    assert list(bundled_plans(needs("customisation: none", catalog).needs)) == plain
    assert list(bundled_plans(needs("customisation: rag", catalog).needs)) == [*plain, "rag"]
    tuned = [*plain, "rag", "vendor-fine-tune", "own-fine-tune"]
    assert list(bundled_plans(needs("customisation: own_fine_tune", catalog).needs)) == tuned
    trained = ["continued-pretraining", "from-scratch"]
    assert list(bundled_plans(needs("customisation: from_scratch", catalog).needs)) == [*tuned, *trained]
    assert list(bundled_plans(needs("core: true\ndifferentiation: core", catalog).needs)) == [*plain, *trained]


def test_kinds_are_told_by_stacks(catalog: Catalog) -> None:
    found = {each.name: each for each in chosen("customisation: from_scratch", catalog)}
    assert {name: each.kind for name, each in found.items()} == {
        "api-first": "api", "multi-vendor": "multi_vendor", "hybrid": "hybrid", "self-hosted": "self_hosted", "on-premises": "on_premises",
        "rag": "rag", "vendor-fine-tune": "vendor_fine_tune", "own-fine-tune": "own_fine_tune",
        "continued-pretraining": "continued_pretraining", "from-scratch": "from_scratch",
    }  # fmt: skip
    assert found["hybrid"].models == ("llama-3.1-70b", "groq-llama-3.3-70b", "gpt-6.1-sol")
    assert found["hybrid"].vendors == ("groq", "openai")
    assert found["self-hosted"].own_gpus
    assert not found["api-first"].own_gpus
    assert found["from-scratch"].trained
    assert not found["from-scratch"].served


def test_stacks_of_the_command_go_before_those_of_the_needs(catalog: Catalog) -> None:
    found = chosen("strategies: {a: api-first}", catalog, stacks=("rag", "self-hosted"))
    assert [each.name for each in found] == ["rag", "self-hosted"]


def test_a_strategy_that_cannot_be_is_refused_with_its_place(catalog: Catalog) -> None:
    with pytest.raises(InputError) as error:
        chosen(
            "strategies:\n  a: api-frist\n  b: {stack: api-first, then: {stack: self-hosted, when: api_bil}}",
            catalog,
            triggers=("api_bill",),
        )
    first, second = str(error.value).split("\n")
    assert first.startswith("needs.yaml:2:6: strategies.a: no stack 'api-frist'; ")
    assert first.endswith("did you mean 'api-first'?")
    assert second == (
        "needs.yaml:3:58: strategies.b.then.when: unknown trigger 'api_bil'; allowed: a month, api_bill; did you mean 'api_bill'?"
    )
    (line,) = wrong("strategies: {a: {kind: api}}", catalog)
    assert "key stack missing" in line


def test_progressions_say_when(catalog: Catalog) -> None:
    (by_month,) = chosen("strategies: {a: {stack: api-first, then: {stack: self-hosted, when: 9}}}", catalog)
    assert by_month.then is not None
    assert (by_month.then.month, by_month.then.trigger, by_month.then.stack.name) == (9, None, "self-hosted")
    text = "strategies: {a: {stack: api-first, then: {stack: self-hosted, when: bill, not_before: 3}}}"
    (by_trigger,) = chosen(text, catalog, triggers=("bill",))
    assert by_trigger.then is not None
    assert (by_trigger.then.month, by_trigger.then.trigger, by_trigger.then.not_before) == (None, "bill", 3)


def test_stacks_beside_the_needs_are_found(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needs.yaml").write_text("strategies: {mine: mine.yaml}")
    (tmp_path / "mine.yaml").write_text("deployments: {small: {kind: api, model: gpt-6-luna}}")
    monkeypatch.chdir("/")
    file = read_needs(str(tmp_path / "needs.yaml"), catalog)
    (found,) = strategies_of(file, catalog, lambda name: read_stack(name, catalog))
    assert found.models == ("gpt-6-luna",)


def test_unknown_needs(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "needs.yaml").write_text("core: true")
    with pytest.raises(InputError, match=r"no such file; did you mean 'needs.yaml'\?"):
        read_needs(str(tmp_path / "neds.yaml"), catalog)
    with pytest.raises(InputError, match=r"no needs 'nothing-like-it'; allowed: "):
        read_needs("nothing-like-it", catalog)
