"""The worked examples of the texts that this project began with, as needs: what their gates leave, and where the texts disagree.

What the left strategies cost is in tests/cli/test_needs_decided.py; what the texts' own calculators make of the same cases is in
tests/theory/test_seed_calculators.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_file import read_document
from sim.decision.gates import Tree, gates
from sim.decision.needs import Needs, read_needs
from sim.decision.performance import Profile, Value, performance_matrix, requirements_of
from sim.decision.quality import wilson
from sim.decision.strategy_read import strategies_of
from sim.report.json_schema import schema_of
from sim.stack.read import read_stack
from tests.made.json_schema import problems

NAMES = ("api-to-open-weights", "content-moderation", "e-commerce", "healthcare", "legal-tech", "support-chatbot", "trading")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.bundled()


def tree(name: str, catalog: Catalog, **changed: Any) -> Tree:
    """The gates of bundled needs, with keys in place of those of the file."""
    file = read_needs(name, catalog)
    needs = Needs.model_validate({**file.needs.plain(), **changed})
    return gates(needs, strategies_of(file, catalog, lambda stack: read_stack(stack, catalog)), catalog)


def test_all_are_there(catalog: Catalog) -> None:
    assert tuple(catalog.names("need")) == NAMES


def test_needs_and_their_stacks_name_their_schemas_and_fit(root: Path) -> None:
    schemas = {"needs": schema_of("needs"), "stack": schema_of("stack")}
    files = [("needs", path) for path in (root / "models/needs").glob("*.yaml")]
    stacks = [("stack", path) for path in (root / "models/needs/stacks").glob("*.yaml")]
    assert len(files) == len(NAMES)
    for kind, path in [*files, *stacks]:
        found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
        assert found, path
        assert (path.parent / found[1]).resolve() == root / "schemas" / f"{kind}.schema.json"
        assert list(problems(read_document(path).data, schemas[kind])) == [], path


def test_every_stack_beside_the_needs_is_named_by_some(root: Path) -> None:
    said = "".join(path.read_text() for path in (root / "models/needs").glob("*.yaml"))
    assert [path.name for path in (root / "models/needs/stacks").glob("*.yaml") if path.name not in said] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_its_section_or_is_assumed(name: str, root: Path) -> None:
    """Each line with a digit in a value ends with its section, `assumed`, or stands below a comment that does."""
    below = ""
    for line in (root / f"models/needs/{name}.yaml").read_text().splitlines()[1:]:
        value, _, comment = line.partition("#")
        below = line if line.startswith("#") else below
        if re.search(r"[:{ ]\d", value) and "source:" not in value:
            assert re.search(r"00[0-3]|33\.6|assumed|months of development", comment + below), line


def test_the_shop_may_do_anything_but_train_a_model(catalog: Catalog) -> None:
    """Company A: no gate asks for more than an API. What rules self-hosting out is its cost."""
    found = tree("e-commerce", catalog)
    assert found.left == ("api", "self-hosted", "own-fine-tune")
    assert "2 of 5 hold" in next(step.why for step in found.steps if step.name == "a model of one's own")


def test_the_hospital_is_left_with_its_own_tuned_model(catalog: Catalog) -> None:
    """Company B: PHI takes a BAA that no vendor has signed, and tuning; a tuned model with an API behind it would send PHI there too."""
    found = tree("healthcare", catalog)
    assert found.left == ("lora-at-home",)
    assert "openai offers a BAA" in " ".join(found.reasons("own-fine-tune"))
    assert "tuning at a vendor is needed" in " ".join(found.reasons("self-hosted"))


def test_a_baa_would_have_let_the_hospital_tune_at_a_vendor(catalog: Catalog) -> None:
    """The texts disagree: the same section lets a legal startup take an API with a BAA, and step 2 of the tree prefers a vendor's tuning.

    With a BAA from both vendors tuning there is not ruled out: self-hosting is the choice only of who has none.
    """
    terms = {"openai": ["baa"], "anthropic": ["baa"]}
    assert tree("healthcare", catalog, terms=terms).left == ("vendor-fine-tune", "own-fine-tune", "lora-at-home")


def test_the_trading_firm_trains_its_own(catalog: Catalog) -> None:
    """Company C: all five conditions hold, and APIs are out three times: terms, customisation, and 50 ms to the first token."""
    found = tree("trading", catalog)
    assert found.left == ("custom",)
    assert len(found.reasons("api")) == 3
    assert "an API's first token takes 100 ms or more" in found.reasons("api")[2]


@pytest.mark.parametrize(
    "changed",
    [
        {"data_available": {"unique": False, "tokens": 200_000_000_000}},
        {"existing_models_underperform": None},
        {"team": {"pretraining_experience": False, "can_hire": False}},
        {"time_to_market_months": 3},
        {"market_justifies_custom_model": False},
    ],
)
def test_without_any_of_the_five_conditions_nobody_trains(catalog: Catalog, changed: dict[str, Any]) -> None:
    """Exercise 33.6.5: ALL conditions must be met."""
    assert tree("trading", catalog, **changed).left == ()


def test_latency_alone_needs_no_model_of_ones_own(catalog: Catalog) -> None:
    """Section 5 says that C "could not have met its latency requirements through any API": nor need it train for that.

    Where tuning is good enough an open 8B model on the same GPUs is left beside it: the training is for the strategy data alone.
    """
    assert tree("trading", catalog, customisation="own_fine_tune").left == ("own-fine-tune", "custom")


def test_the_legal_startup_may_take_the_vendor_that_has_signed(catalog: Catalog) -> None:
    found = tree("legal-tech", catalog)
    assert found.left == ("self-hosted", "api")
    assert found.reasons("two-vendors") == ("nobody says that openai offers a BAA, SOC 2 and a DPA",)


def test_data_that_must_stay_home_would_keep_the_startup_on_its_gpus(catalog: Catalog) -> None:
    """ "Cannot leave your infrastructure under any circumstances": then no BAA helps."""
    found = tree("legal-tech", catalog, data={"sensitivity": "phi", "must_stay_home": True})
    assert found.left == ("self-hosted",)


@pytest.mark.parametrize("name", ["support-chatbot", "api-to-open-weights", "content-moderation"])
def test_no_gate_decides_what_costs_and_figures_decide(catalog: Catalog, name: str) -> None:
    found = tree(name, catalog)
    assert found.left == found.strategies


def test_content_moderation_by_the_figures_of_the_text(catalog: Catalog) -> None:
    """With its measured profiles the tuned model alone passes, as the text says."""
    needs = read_needs("content-moderation", catalog).needs
    said = {"api-large": (3.5, 50, 2.0), "api-small": (1.2, 200, 0.2), "tuned-7b": (0.25, 500, 0.08), "tiny": (0.035, 5000, 0.01)}
    profiles = [
        Profile(
            name,
            {
                "e2e_p99": Value(p99), "throughput_per_s": Value(per_s), "usd_per_1000_requests": Value(usd),
                "accuracy": Value(needs.quality[name].score),
            },
        )
        for name, (p99, per_s, usd) in said.items()
    ]  # fmt: skip
    assert performance_matrix(requirements_of(needs), profiles, {}).passing == ("tuned-7b",)


def test_how_many_examples_would_tell_the_tuned_model_from_its_target() -> None:
    """The text has scores without n: 0.91 against 0.85 is sure from 115 examples on, 0.87 only from some 1,100 on."""
    assert wilson(0.91, 150)[0] > 0.85 > wilson(0.91, 60)[0]
    assert wilson(0.87, 1300)[0] > 0.85 > wilson(0.87, 900)[0]
