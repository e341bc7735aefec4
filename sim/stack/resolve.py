"""From a stack file to plain numbers: every default filled in, every name looked up, all problems reported at once."""

from __future__ import annotations

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.stack.api_deployment import ApiDeployment
from sim.stack.facts import TraceFacts
from sim.stack.ledger import Ledger
from sim.stack.quantity import odd_seconds
from sim.stack.read import StackFile
from sim.stack.resolve_api import batch_classes, batch_lane, resolve_api
from sim.stack.resolve_costs import resolve_costs
from sim.stack.resolve_pool import resolve_pool
from sim.stack.resolve_rules import check_rules, note_classes, parts_for, resolve_rules
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack


def resolve(file: StackFile, catalog: Catalog, prices: PriceBook, facts: TraceFacts | None = None) -> ResolvedStack:
    """A stack in plain numbers, with where each comes from.

    With the facts of a trace, tiers follow the forecast bill, prefix caching what the trace knows, and requests of class `batch` the
    batch lanes; without, the lowest tiers are taken. Raises InputError with every problem: unknown names, a model that does not
    fit its GPUs, an unknown price, a routing loop, no replicas and no fallback, data that would leave home.
    """
    stack, ledger = file.stack, Ledger(file.document, file.assumed)
    for note in file.notes:
        ledger.note(note)
    check_rules(stack, ledger)
    if facts is not None:
        note_classes(stack, facts, ledger)
    found: list[ResolvedPool | ResolvedApi | None] = []
    for name, spec in stack.deployments.items():
        if isinstance(spec, ApiDeployment):
            parts = parts_for(stack, name, facts) if facts is not None else []
            found.append(resolve_api(name, spec, catalog, prices, facts, parts, ledger))
        else:
            found.append(resolve_pool(name, spec, catalog, prices, facts, ledger))
    used = {target.deployment for rule in stack.rules for target in rule.to}
    for name in stack.deployments:
        if name not in used:
            ledger.note(f"{name}: no rule sends anything here; its replicas, if any, are paid all the same")
    deployments = [deployment for deployment in found if deployment is not None]
    lanes: dict[str, tuple[int, tuple[str, ...]]] = {}
    for main in list(deployments):
        spec = stack.deployments[main.name]
        if isinstance(main, ResolvedApi) and isinstance(spec, ApiDeployment) and (classes := batch_classes(spec, facts)):
            lane = batch_lane(spec, main, ledger)
            if lane is not None:
                lanes[main.name] = (len(deployments), classes)
                deployments.append(lane)
                ledger.note(f"{main.name}: requests of class {', '.join(classes)} go through the batch API, at its price and in its time")
    index = {deployment.name: number for number, deployment in enumerate(deployments)}
    for number, rule in enumerate(stack.routing):
        ledger.read(rule, ("routing", number))
    ledger.read(stack.router, ("router",))
    ledger.read(stack.slo, ("slo",))
    _note_levels(ledger)
    costs = resolve_costs(stack, deployments, catalog, prices, ledger)
    ledger.check()
    assert costs is not None
    return ResolvedStack(
        name=file.name,
        description=stack.description,
        date=prices.date,
        deployments=tuple(deployments),
        rules=resolve_rules(stack, index, lanes, facts),
        cooldown_s=stack.router.cooldown,
        slo=stack.slo,
        costs=costs,
        origins=tuple(ledger.origins),
        notes=tuple(ledger.notes),
        options=file.options,
    )


def _note_levels(ledger: Ledger) -> None:
    """Latency levels given as plain numbers that are odd as seconds."""
    given = ledger.document.data.get("slo")
    for level in ("ttft_p95", "tpot_p95"):
        if isinstance(given, dict) and (note := odd_seconds(level, given.get(level))):
            ledger.note(f"slo.{note}")
