"""Strategies as needs name them, with their stacks opened; where none are named, the bundled ones that bear on the needs.

What a strategy is follows from its stack: a model that is tuned, on own GPUs or at a vendor; else GPUs alone, on premises where all are
bought; GPUs and APIs are a hybrid; APIs alone are several vendors where rules begin with different ones, else one. Retrieval shows in no
stack: the bundled `rag` is known by its name, others say `kind: rag`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import PurePath
from types import MappingProxyType

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_file import KeyPath
from sim.decision.needs import Needs, NeedsFile
from sim.decision.needs_parts import CUSTOMISATIONS, Kind, StrategyPlan, Then
from sim.decision.strategies import Progression, Strategy
from sim.errors import InputError, input_error, nearest
from sim.stack.read import StackFile
from sim.stack.schema import Stack

Opened = Callable[[str], StackFile]
"""A stack by name or file; InputError with every problem of it."""

ALWAYS = ("api-first", "multi-vendor", "hybrid", "self-hosted", "on-premises")
"""Bundled stacks that every decision holds against each other."""
TUNED = ("vendor-fine-tune", "own-fine-tune")
TRAINED = MappingProxyType({"continued-pretraining": "continued_pretraining", "from-scratch": "from_scratch"})
"""Strategies without a stack of their own."""
_RAG = "rag"


def bundled_plans(needs: Needs) -> dict[str, StrategyPlan]:
    """The strategies of needs that name none, by name: those that every decision looks at, and those that go as far as is needed.

    Retrieval is one of them where a model must be customised at all, tuning where it must be tuned or there are examples to tune it on,
    training where it is asked for or the model is to be the product.
    """
    level = CUSTOMISATIONS.index(needs.customisation)
    names = list(ALWAYS)
    if level >= CUSTOMISATIONS.index("prompting"):
        names.append(_RAG)
    if level >= CUSTOMISATIONS.index("vendor_fine_tune") or needs.data_available.examples:
        names += TUNED
    found = {name: StrategyPlan(stack=name) for name in names}
    if level >= CUSTOMISATIONS.index("continued_pretraining") or (needs.core and needs.differentiation == "core"):
        found["continued-pretraining"] = StrategyPlan(kind="continued_pretraining")
        found["from-scratch"] = StrategyPlan(kind="from_scratch")
    return found


def strategies_of(
    file: NeedsFile, catalog: Catalog, opened: Opened, *, stacks: Sequence[str] = (), triggers: Collection[str] = ()
) -> tuple[Strategy, ...]:
    """What there is to choose from: stacks that are named one by one, else those of the needs, else the bundled ones.

    `triggers` are the names of the signals that a progression may wait for, and that needs may set. InputError with every problem.
    """
    if stacks:
        plans = {PurePath(name).stem: StrategyPlan(stack=name) for name in stacks}
    else:
        plans = dict(file.needs.strategies) or bundled_plans(file.needs)
    problems = [
        file.problem(("triggers", name), f"unknown trigger {name!r}; allowed: {', '.join(triggers)}{nearest(name, triggers)}", key=True)
        for name in file.needs.triggers
        if name not in triggers
    ]
    found = []
    for name, plan in plans.items():
        at: KeyPath = ("strategies", name)
        said = bool(file.needs.strategies) and not stacks
        try:
            stack = None if plan.stack is None else opened(file.found(plan.stack))
        except InputError as error:
            problems += _at(file, at if said else (), str(error))
            continue
        then = None
        if plan.then is not None:
            try:
                then = _progression(file, (*at, "then"), plan.then, opened, triggers)
            except InputError as error:
                problems.append(str(error))
                continue
        found.append(strategy_of(name, stack, catalog, kind=plan.kind, then=then))
    if problems:
        raise input_error(problems)
    return tuple(found)


def strategy_of(
    name: str, stack: StackFile | None, catalog: Catalog, *, kind: Kind | None = None, then: Progression | None = None
) -> Strategy:
    """A strategy of a stack, its kind told by the stack unless it is said; one without a stack says its kind."""
    said = kind or (_kind(stack, catalog) if stack is not None else None)
    assert said is not None
    return Strategy(name, said, stack, *_who(stack, catalog), then)


def _at(file: NeedsFile, at: KeyPath, text: str) -> list[str]:
    """Problems of a stack, with the place where the needs name it."""
    return [file.problem(at, line) if at else line for line in text.split("\n")]


def _progression(file: NeedsFile, at: KeyPath, then: Then, opened: Opened, triggers: Collection[str]) -> Progression:
    if isinstance(then.when, str) and then.when not in triggers:
        allowed = ", ".join(["a month", *triggers])
        raise InputError(file.problem((*at, "when"), f"unknown trigger {then.when!r}; allowed: {allowed}{nearest(then.when, triggers)}"))
    try:
        stack = opened(file.found(then.stack))
    except InputError as error:
        raise input_error(_at(file, (*at, "stack"), str(error))) from None
    by_month = isinstance(then.when, int)
    return Progression(
        stack=stack,
        month=then.when if isinstance(then.when, int) else None,
        trigger=None if by_month else str(then.when),
        not_before=then.not_before,
        ramp_months=then.ramp_months,
        parallel_months=then.parallel_months,
        rollback_share=then.rollback_share,
        migration_usd=then.migration_usd,
    )


def _kind(stack: StackFile, catalog: Catalog) -> Kind:
    """What a stack is, by its deployments."""
    spec = stack.stack
    gpus = [each for each in spec.deployments.values() if each.kind == "gpu"]
    tuned = {each.deployment for each in spec.retraining}
    if any(each.kind == "gpu" and name in tuned for name, each in spec.deployments.items()):
        return "own_fine_tune"
    if tuned:
        return "vendor_fine_tune"
    if len(gpus) == len(spec.deployments):
        return "on_premises" if all(each.kind == "gpu" and each.on_premises is not None for each in gpus) else "self_hosted"
    if gpus:
        return "hybrid"
    if stack.name == _RAG:
        return "rag"
    first = {_vendor(spec, rule.to[0].deployment, catalog) for rule in spec.rules}
    return "multi_vendor" if len(first) > 1 else "api"


def _vendor(spec: Stack, deployment: str, catalog: Catalog) -> str:
    """Who runs an API; nothing for a name that the stack lacks, which resolving it refuses."""
    each = spec.deployments.get(deployment)
    return catalog.api(each.model).vendor if each is not None and each.kind == "api" else ""


def _who(stack: StackFile | None, catalog: Catalog) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Models that may answer, those first that rules send to first, and vendors that may see requests."""
    if stack is None:
        return (), ()
    spec = stack.stack
    depth = max(len(rule.to) for rule in spec.rules)
    order = [rule.to[k].deployment for k in range(depth) for rule in spec.rules if k < len(rule.to)]
    models, vendors = [], []
    for name in dict.fromkeys(order):
        each = spec.deployments.get(name)
        if each is None:
            continue
        if each.kind == "api":
            models.append(each.model)
            vendors.append(catalog.api(each.model).vendor)
        else:
            models.append(each.llm)
    return tuple(dict.fromkeys(models)), tuple(dict.fromkeys(vendors))
