"""Lock-in: what leaving a vendor takes at each level, against the formula, and what the stack itself says of it."""

from __future__ import annotations

from typing import Any

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_document import Document
from sim.catalog.yaml_file import load_text
from sim.decision.lock_in import LockIn, lock_in, lock_in_of, vendor_spend
from sim.decision.lock_in_given import LeavingGiven, lock_in_defaults
from sim.decision.needs_parts import Evaluation
from sim.decision.strategies import Strategy
from sim.errors import InputError
from sim.stack.read import StackFile, stack_of
from tests.made.decisions import strategy
from tests.made.forecast import forecast
from tests.made.watched import facts

CATALOG = Catalog.bundled()
DEFAULTS = lock_in_defaults(CATALOG)
HOUR = 150.0
WEEK = 40 * HOUR


def stack(deployments: dict[str, Any], *rules: list[str]) -> StackFile:
    return stack_of(Document("made", {"deployments": deployments, "routing": [{"to": each} for each in rules]}, {}, {}), "made")


def api(model: str, **more: Any) -> dict[str, Any]:
    return {"kind": "api", "model": model, **more}


def leave(file: StackFile | str, **more: Any) -> dict[str, LockIn]:
    own = strategy(file) if isinstance(file, str) else Strategy("made", "api", file, (), ())
    return {each.vendor: each for each in lock_in(own, CATALOG, DEFAULTS, engineer_usd_per_hour=HOUR, **more)}


def one(**more: Any) -> StackFile:
    return stack({"only": api("gpt-4o", **more)}, ["only"])


def test_a_vendor_alone_takes_prompts_evaluation_code_and_logs() -> None:
    found = leave(one(), spend_usd_per_month={"openai": 5000.0}, months=12)["openai"]
    prompts = DEFAULTS.prompts_weeks
    rest = DEFAULTS.evaluation_weeks + DEFAULTS.code_weeks + DEFAULTS.export_weeks
    weeks = (prompts.low + prompts.high) / 2 + rest
    assert found.weeks == pytest.approx(weeks)
    assert found.weeks_range == pytest.approx((prompts.low + rest, prompts.high + rest))
    assert found.usd == pytest.approx(weeks * WEEK)
    assert found.usd_range == pytest.approx(((prompts.low + rest) * WEEK, (prompts.high + rest) * WEEK))
    assert (found.of("api"), found.of("data")) == pytest.approx((DEFAULTS.code_weeks * WEEK, DEFAULTS.export_weeks * WEEK))
    assert found.of("model") + found.of("api") + found.of("data") == pytest.approx(found.usd)
    assert found.months_of_spend == pytest.approx(weeks * WEEK / 5000)
    assert found.pays_above == pytest.approx(weeks * WEEK / 5000 / 12)
    assert all(each.assumed for each in found.parts)


def test_what_is_given_goes_first_and_is_not_assumed() -> None:
    says = LeavingGiven(
        prompts_weeks=3, evaluation_weeks=1, code_weeks=4, features=("assistants",), fine_tunes=2, fine_tune_weeks=0.5, fine_tune_usd=300,
        export_weeks=0, export_usd=70,
    )  # fmt: skip
    found = leave(one(), given={"openai": says})["openai"]
    assert found.weeks == pytest.approx(3 + 1 + 4 + 2 * 0.5)
    assert found.usd == pytest.approx(9 * WEEK + 2 * 300 + 70)
    assert found.usd_range == (found.usd, found.usd)
    assert not any(each.assumed for each in found.parts)
    assert "assistants" in next(each.what for each in found.parts if each.level == "api")
    assert leave(one(), given={"google": says})["openai"].weeks != found.weeks


def test_a_layer_makes_another_vendor_a_change_of_configuration() -> None:
    layer, code = DEFAULTS.layer_weeks * WEEK, DEFAULTS.code_weeks * WEEK
    assert leave(one())["openai"].of("api") == pytest.approx(code)
    assert leave(one(client="litellm"))["openai"].of("api") == pytest.approx(layer)
    assert leave(one(client={"retries": 1}))["openai"].of("api") == pytest.approx(code)
    assert leave(one(), given={"openai": LeavingGiven(abstraction_layer=True)})["openai"].of("api") == pytest.approx(layer)
    assert leave(one(client="litellm"), given={"openai": LeavingGiven(abstraction_layer=False)})["openai"].of("api") == pytest.approx(code)
    assert leave(one(), given={"openai": LeavingGiven(features=())})["openai"].of("api") == 0.0


def test_what_stands_in_everywhere_has_its_prompts_and_if_scored_its_evaluation() -> None:
    two = {"a": api("gpt-4o"), "b": api("claude-sonnet-5-5")}
    chain = stack(two, ["a", "b"])
    evaluation, prompts = DEFAULTS.evaluation_weeks * WEEK, (DEFAULTS.prompts_weeks.low + DEFAULTS.prompts_weeks.high) / 2 * WEEK
    assert leave(chain)["openai"].of("model") == pytest.approx(evaluation)
    scored = {"claude-sonnet-5-5": Evaluation(score=0.9, n=100)}
    assert leave(chain, scores=scored)["openai"].of("model") == 0.0
    assert leave(chain, scores=scored)["anthropic"].of("model") == pytest.approx(evaluation)
    own = stack({"a": api("gpt-4o"), "own": {"kind": "gpu", "llm": "llama-3.1-8b", "gpu": "h100-sxm", "replicas": 1}}, ["a", "own"])
    assert leave(own, scores={"llama-3.1-8b": Evaluation(score=0.7)})["openai"].of("model") == 0.0
    # A rule that ends at the vendor alone has nothing in its place.
    apart = stack(two, ["a"], ["b", "a"])
    assert leave(apart, scores=scored)["openai"].of("model") == pytest.approx(evaluation + prompts)
    # Another model of the same vendor is no way out.
    same = stack({"a": api("gpt-4o"), "b": api("gpt-4o-mini")}, ["a", "b"])
    assert leave(same)["openai"].of("model") == pytest.approx(evaluation + prompts)


def test_models_tuned_at_the_vendor_are_made_again_at_what_a_run_costs() -> None:
    found = leave("vendor-fine-tune")
    tuning = 10_000 * 1000 * 3 / 1e6 * 3
    assert found["openai"].of("data") == pytest.approx((DEFAULTS.fine_tune_weeks + DEFAULTS.export_weeks) * WEEK + tuning)
    assert found["anthropic"].of("data") == pytest.approx(DEFAULTS.export_weeks * WEEK)
    taken = leave("vendor-fine-tune", given={"openai": LeavingGiven(weights_exportable=True)})["openai"]
    assert taken.of("data") == pytest.approx(DEFAULTS.export_weeks * WEEK)
    stated = leave(one(), given={"openai": LeavingGiven(fine_tunes=3)})["openai"]
    assert stated.of("data") == pytest.approx((3 * DEFAULTS.fine_tune_weeks + DEFAULTS.export_weeks) * WEEK)
    assert "not counted" in next(each.assumed for each in stated.parts if "fine-tunes" in each.what)


def test_the_dearest_to_leave_comes_first_and_own_gpus_lock_nobody_in() -> None:
    assert next(iter(leave("vendor-fine-tune"))) == "openai"
    pool = {"kind": "gpu", "llm": "llama-3.1-8b", "gpu": "h100-sxm", "replicas": 1}
    assert leave(stack({"own": pool}, ["own"])) == {}
    assert leave("from-scratch") == {}


def test_spend_is_what_a_vendor_charges_in_the_mean() -> None:
    lines: Any = {
        ("api", "api_input", "invoice"): [[10.0, 20.0]],
        ("api", "api_output", "invoice"): 5.0,
        ("shared", "tooling", "invoice"): 99.0,
    }
    chosen = Strategy("made", "api", stack({"api": api("gpt-4o")}, ["api"]), ("gpt-4o",), ("openai",))
    own = facts(forecast(lines, months=2), strategy=chosen)
    assert vendor_spend(own, CATALOG) == {"openai": 20.0}
    found = lock_in_of(own, CATALOG, DEFAULTS)[0]
    assert found.spend_usd_per_month == 20.0
    assert found.months_of_spend == pytest.approx(found.usd / 20)
    assert found.pays_above == pytest.approx(found.usd / 20 / 2)
    assert lock_in_of(facts(forecast(lines, months=2), strategy=chosen, resolved=None), CATALOG, DEFAULTS) == ()
    assert leave(one())["openai"].months_of_spend is None
    assert leave(one(), spend_usd_per_month={}, months=3)["openai"].pays_above is None


def test_mistakes_are_told() -> None:
    with pytest.raises(InputError, match="export_usd"):
        load_text("export_usd: -1\n", "made.yaml", LeavingGiven)
    with pytest.raises(InputError, match="prompt_weeks"):
        load_text("prompt_weeks: 1\n", "made.yaml", LeavingGiven)
    assert load_text("features: assistants\n", "made.yaml", LeavingGiven).features == ("assistants",)
