"""Routing rules in plain numbers: names become indices, mistakes that no replay should have to find are refused."""

from __future__ import annotations

from sim.errors import nearest
from sim.stack.autoscaler import Plan, Schedule
from sim.stack.client import Fault
from sim.stack.facts import ClassFacts, TraceFacts
from sim.stack.gpu_deployment import GpuDeployment
from sim.stack.ledger import Ledger
from sim.stack.resolved import ResolvedRule, ResolvedTarget
from sim.stack.schema import Rule, Stack

ALL_FAULTS: tuple[Fault, ...] = ("429", "5xx", "timeout")


def check_rules(stack: Stack, ledger: Ledger) -> None:
    """What is wrong with the rules: unknown names, loops, keys without effect, no place to end, data that leaves home."""
    for number, rule in enumerate(stack.rules):
        seen: list[str] = []
        last = len(rule.to) - 1
        for place, target in enumerate(rule.to):
            at = ("routing", number, "to", place)
            spec = stack.deployments.get(target.deployment)
            if spec is None:
                names = list(stack.deployments)
                ledger.problem(
                    (*at, "deployment"),
                    f"unknown deployment {target.deployment!r}; allowed: {', '.join(names)}{nearest(target.deployment, names)}",
                )
                continue
            if target.deployment in seen:
                way = " -> ".join([*seen, target.deployment])
                ledger.problem((*at, "deployment"), f"routing loop: {way}; a deployment may stand once in a list")
            seen.append(target.deployment)
            if target.max_wait is not None and spec.kind == "api":
                ledger.problem((*at, "max_wait"), f"{target.deployment} is of kind api and has no queue to wait in; leave the key out")
            if place == last:
                if target.max_wait is not None or target.pass_on:
                    key = "max_wait" if target.max_wait is not None else "pass_on"
                    ledger.problem(
                        (*at, key), "this is the last place: there is no next one to pass a request to; leave the key out, or add a place"
                    )
                if spec.kind == "gpu" and _never_runs(spec):
                    ledger.problem(
                        at if stack.routing else ("deployments", target.deployment, "replicas"),
                        f"{target.deployment} has zero replicas and there is no fallback; give it replicas, or add a place",
                    )
    _check_home(stack, ledger)


def _never_runs(spec: GpuDeployment) -> bool:
    """Whether no replica can ever be ready to stay: none is allowed, or every step of a timed law says none."""
    if isinstance(spec.autoscaler, (Schedule, Plan)) and spec.replicas.min == 0:
        return all(step.replicas == 0 for step in spec.autoscaler.steps)
    return spec.replicas.max == 0


def _check_home(stack: Stack, ledger: Ledger) -> None:
    """Every place that a class bound to home can reach must be at home."""
    if stack.data_home is None:
        return
    for name in stack.data_home.classes:
        for number, rule in enumerate(stack.rules):
            if rule.when.class_ and name not in rule.when.class_:
                continue
            for place, target in enumerate(rule.to):
                spec = stack.deployments.get(target.deployment)
                if spec is not None and not spec.home:
                    ledger.problem(
                        ("routing", number, "to", place),
                        f"class {name!r} must stay at home (data_home), and {target.deployment} is not; "
                        "mark it `home: true`, or give the class a rule of its own before",
                    )
            if _takes_all(rule):
                break


def _takes_all(rule: Rule) -> bool:
    """Whether nothing of a class that the rule names goes on to the next."""
    return rule.share == 1.0 and rule.when.prompt_tokens.takes_all


def note_classes(stack: Stack, facts: TraceFacts, ledger: Ledger) -> None:
    """Notes where rules and the trace's classes do not meet."""
    known = [each.name for each in facts.classes]
    absent = [name for rule in stack.rules for name in rule.when.class_ if name not in known]
    if absent:
        hint = next((found for name in absent if (found := nearest(name, known))), "")
        ledger.note(
            f"no request has the class {', '.join(dict.fromkeys(absent))} that the routing names; the trace has {', '.join(known)}{hint}"
        )
    for name in known:
        if not any((not rule.when.class_ or name in rule.when.class_) and _takes_all(rule) for rule in stack.rules):
            ledger.note(f"requests of class {name!r} that fit no rule are rejected (no_route)")


def parts_for(stack: Stack, name: str, facts: TraceFacts) -> list[tuple[ClassFacts, float]]:
    """The share of each class that rules may send to a deployment: an upper bound, as if every place before passed all on."""
    parts = []
    for each in facts.classes:
        left, share = 1.0, 0.0
        for rule in stack.rules:
            if rule.when.class_ and each.name not in rule.when.class_:
                continue
            if any(target.deployment == name for target in rule.to):
                share += left * rule.share
            left *= 1.0 - rule.share if rule.when.prompt_tokens.takes_all else 1.0
        if share > 0.0:
            parts.append((each, min(share, 1.0)))
    return parts


def resolve_rules(
    stack: Stack, index: dict[str, int], lanes: dict[str, tuple[int, tuple[str, ...]]], facts: TraceFacts | None
) -> tuple[ResolvedRule, ...]:
    """The rules with indices; a rule that a batch lane takes classes from becomes two, the lane's before the rest.

    `lanes` gives for a deployment the index of its lane and the classes that go there.
    """
    rules: list[ResolvedRule] = []
    for rule in stack.rules:
        waiting = tuple(dict.fromkeys(name for target in rule.to for name in lanes.get(target.deployment, (0, ()))[1]))
        taken = tuple(name for name in waiting if not rule.when.class_ or name in rule.when.class_)
        if taken:
            assert facts is not None
            rules.append(_rule(rule, taken, {**index, **{name: lane for name, (lane, _) in lanes.items()}}))
            rest = tuple(name for name in (rule.when.class_ or tuple(each.name for each in facts.classes)) if name not in taken)
            if rest:
                rules.append(_rule(rule, rest, index))
        else:
            rules.append(_rule(rule, rule.when.class_, index))
    return tuple(rules)


def _rule(rule: Rule, classes: tuple[str, ...], index: dict[str, int]) -> ResolvedRule:
    last = len(rule.to) - 1
    targets = []
    for place, target in enumerate(rule.to):
        usual = ALL_FAULTS if place < last else ()
        targets.append(ResolvedTarget(index[target.deployment], usual if target.pass_on is None else target.pass_on, target.max_wait))
    return ResolvedRule(tuple(targets), classes, rule.when.prompt_tokens.min, rule.when.prompt_tokens.max, rule.share)
