"""What differs between two stacks, key by key, with where it comes from; and between groups of machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.iac.groups import Group, GroupsFound, Law
from sim.planning.group_diff import diff_groups
from sim.planning.stack_diff import Part, Read, StackDiff, diff_stacks
from sim.stack import read_stack, resolve
from tests.made.world import STACK


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture
def diffed(tmp_path: Path, catalog: Catalog):  # type: ignore[no-untyped-def]
    def of(base: str, head: str) -> StackDiff:
        sides = []
        for name, text in (("base", base), ("head", head)):
            path = tmp_path / f"{name}.yaml"
            path.write_text(text)
            file = read_stack(str(path), catalog)
            sides.append(Read(file, resolve(file, catalog, PriceBook(catalog.date), None)))
        return diff_stacks(sides[0], sides[1])

    return of


def part(found: StackDiff, name: str) -> Part:
    return next(each for each in found.parts if each.name == name)


def test_the_same_stack_differs_in_nothing_wherever_its_lines_stand(diffed) -> None:  # type: ignore[no-untyped-def]
    found = diffed(STACK, "# moved by a comment\n\n" + STACK.replace("one small pool", "another sentence"))
    assert found.same and found.unchanged == ("own", "spill")
    assert not found.assumptions_added and not found.assumptions_removed


def test_a_key_has_old_and_new_value_and_where_they_come_from(diffed) -> None:  # type: ignore[no-untyped-def]
    fixed = STACK.replace("replicas: 1", "replicas: 1\n    max_num_seqs: 32")
    found = diffed(fixed, fixed.replace("max_num_seqs: 32", "max_num_seqs:   64"))
    (only,) = found.parts
    assert (only.name, only.state) == ("deployments.own", "changed") and found.unchanged == ("spill",)
    (change,) = only.changes
    assert (change.key, change.old, change.new) == ("deployments.own.max_num_seqs", 32, 64)
    assert change.old_from.startswith("given: ") and change.old_from.endswith("base.yaml:8:19")
    assert change.new_from.endswith("head.yaml:8:21")


def test_what_is_not_said_is_the_default_that_it_had(diffed) -> None:  # type: ignore[no-untyped-def]
    fixed = STACK.replace("replicas: 1", "replicas: 1\n    max_num_batched_tokens: 2048")
    (change,) = (each for each in part(diffed(STACK, fixed), "deployments.own").changes if each.key.endswith("max_num_batched_tokens"))
    assert isinstance(change.old, int) and change.old > 2048 and change.new == 2048
    assert change.old_from.startswith("default")


def test_a_list_of_values_is_one_and_what_was_written_comes_first(diffed) -> None:  # type: ignore[no-untyped-def]
    own = part(diffed(STACK, STACK.replace("[256, 6]", "[256, 7]").replace("client: none", "client: openai")), "deployments.own")
    assert {each.key.partition("own.")[2]: (each.old, each.new) for each in own.changes} == {
        "profile.step.g_ms_at_tokens": ("[[1.0, 4.0], [256.0, 6.0], [8192.0, 120.0]]", "[[1.0, 4.0], [256.0, 7.0], [8192.0, 120.0]]"),
        "client": ("none", "openai"),
    }
    fixed, scaled = (
        STACK,
        STACK.replace("replicas: 1", "autoscaler: {law: hpa, metric: waiting, target: 5}\n    replicas: {min: 1, max: 2}"),
    )
    said = [each.new_from.startswith("given") for each in part(diffed(fixed, scaled), "deployments.own").changes if each.new_from]
    assert said == sorted(said, reverse=True) and True in said and False in said


def test_what_follows_is_told_apart_from_what_is_said(diffed) -> None:  # type: ignore[no-untyped-def]
    plain = STACK.replace("    usd_per_gpu_hour: 3.6\n", "")
    own = part(diffed(plain, plain.replace("h100-sxm", "h200-sxm")), "deployments.own")
    assert [each.key for each in own.changes] == ["deployments.own.gpu"]
    price = next(each for each in own.follows if each.key == "deployments.own.usd_per_gpu_hour")
    assert (
        isinstance(price.old, float)
        and price.new != price.old
        and price.unit == "USD"
        and price.new_from.startswith(("vendor: ", "assumed"))
    )


def test_deployments_and_sections_added_and_removed(diffed) -> None:  # type: ignore[no-untyped-def]
    more = STACK.replace("routing:", "  third:\n    kind: api\n    model: groq-llama-3.3-70b\nrouting:") + "slo: {ttft_p95: 1s}\n"
    found = diffed(STACK, more)
    assert part(found, "deployments.third").state == "added" and found.count("added") == 1
    assert {each.key for each in part(found, "deployments.third").changes} >= {"deployments.third.model", "deployments.third.kind"}
    assert all(each.old is None for each in part(found, "deployments.third").changes)
    slo = part(found, "slo")
    assert [(each.key, each.old, each.new, each.unit) for each in slo.changes] == [("slo.ttft_p95", 3.0, 1.0, "s")]
    assert slo.changes[0].old_from == "default: a default of sim" and "head.yaml" in slo.changes[0].new_from
    back = diffed(more, STACK)
    assert part(back, "deployments.third").state == "removed" and back.count("removed") == 1
    assert [each.name for each in back.parts][-1] == "slo"


def test_assumptions_that_come_and_go(diffed) -> None:  # type: ignore[no-untyped-def]
    assumed = STACK.replace("    client: none\n", "    client: none\n    autoscaler: {law: hpa, metric: waiting, target: 5}\n")
    found = diffed(STACK, assumed.replace("replicas: 1", "replicas: {min: 1, max: 2}"))
    assert any("deployments.own.autoscaler.scrape = 15.0 s (assumed)" in text for text in found.assumptions_added)
    assert diffed(STACK, STACK).assumptions_added == ()


def group(address: str, **changed: object) -> Group:
    fields: dict[str, object] = {
        "address": address, "name": "h100", "provider": "aws", "machine": "p5.48xlarge", "gpu": "h100-sxm", "gpus_per_machine": 8,
        "region": "us-east-1", "purchase": "on_demand", "min": 1, "desired": 1, "max": 3,
    }  # fmt: skip
    return Group(**{**fields, **changed})  # type: ignore[arg-type]


def test_groups_of_machines() -> None:
    law = Law({"law": "target_tracking", "metric": "busy", "target": 0.7})
    base = GroupsFound("a.json", (group("aws_autoscaling_group.h100"), group("aws_instance.old")))
    head = GroupsFound("b.json", (group("aws_autoscaling_group.h100", max=6, law=law), group("aws_instance.new", purchase="spot")))
    changed, added, removed = diff_groups(base, head)
    assert (changed.state, added.state, removed.state) == ("changed", "added", "removed")
    assert {(each.key, each.old, each.new) for each in changed.changes} == {
        ("aws_autoscaling_group.h100.max", 3, 6),
        ("aws_autoscaling_group.h100.autoscaler.law", None, "target_tracking"),
        ("aws_autoscaling_group.h100.autoscaler.metric", None, "busy"),
        ("aws_autoscaling_group.h100.autoscaler.target", None, 0.7),
    }
    assert added.name == "aws_instance.new" and removed.name == "aws_instance.old"
    assert diff_groups(base, base) == () and diff_groups(None, None) == ()
    assert [each.state for each in diff_groups(None, base)] == ["added", "added"]
