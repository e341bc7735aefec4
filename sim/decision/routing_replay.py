"""Replays of two models that share the requests: what usage x price is checked by, and what goes before it where the two differ.

Usage x price knows no rate limits, no refusals, no retries and no batch lanes. Replays with all requests at either model tell whether that
matters, for there no draw decides which request goes where; where it does, a few shares are replayed and their bills are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import Document
from sim.cost.replay import replay
from sim.decision.routing_costs import ClassCost
from sim.stack.facts import facts_of
from sim.stack.read import StackFile, stack_of
from sim.stack.resolve import resolve
from sim.trace.trace import Trace

DEARER, CHEAPER = "dearer", "cheaper"
SHARES = (0.0, 0.5, 0.75, 1.0)
"""Shares that are replayed where usage x price does not hold."""
ENDS = (0.0, 1.0)
"""Shares that it is checked at: between them a replay differs by the draw of which requests go where, too."""


@dataclass(frozen=True, slots=True)
class ReplayedShare:
    """One replay; USD of the trace as a whole."""

    share: float
    usd: float
    priced_usd: float
    """Usage x price of the same share."""
    completed_share: float | None
    throttled: int
    """Refusals by rate limits."""

    @property
    def differs_by(self) -> float:
        """Replayed over usage x price, less one; 0 where nothing is paid."""
        return self.usd / self.priced_usd - 1.0 if self.priced_usd > 0.0 else 0.0


def routed_stack(dearer: str, cheaper: str, share: float) -> StackFile:
    """Two API models: a share of the requests, drawn by chance, goes to the cheaper one, the rest to the dearer; neither stands in."""
    places = {DEARER: {"kind": "api", "model": dearer}, CHEAPER: {"kind": "api", "model": cheaper}}
    rules: list[dict[str, object]] = [{"to": [DEARER]}]
    if share >= 1.0:
        rules, places = [{"to": [CHEAPER]}], {CHEAPER: places[CHEAPER]}
    elif share > 0.0:
        rules.insert(0, {"share": share, "to": [CHEAPER]})
    else:
        places = {DEARER: places[DEARER]}
    name = f"{share:.0%} at {cheaper}"
    empty: MappingProxyType[object, object] = MappingProxyType({})
    return stack_of(Document(name, {"deployments": places, "routing": rules}, empty, empty), name)  # type: ignore[arg-type]


def replayed_shares(
    trace: Trace, dearer: str, cheaper: str, classes: Sequence[ClassCost], *, shares: Sequence[float] = SHARES, per_month: float = 1.0,
    catalog: Catalog, book: PriceBook, seed: int = 0,
) -> tuple[ReplayedShare, ...]:  # fmt: skip
    """Replays of a trace at some shares, against usage x price. `classes` and `per_month` are those of `class_costs` over all classes.

    Tiers of the accounts follow the traffic, as for any stack. InputError where a price is not known.
    """
    facts = facts_of(trace)
    dearer_usd = sum(each.dearer_usd for each in classes) / per_month
    cheaper_usd = sum(each.cheaper_usd for each in classes) / per_month
    found = []
    for share in shares:
        stack = resolve(routed_stack(dearer, cheaper, share), catalog, book, facts)
        run = replay(stack, trace, catalog=catalog, book=book, seed=seed)
        priced = dearer_usd - share * (dearer_usd - cheaper_usd)
        outcomes = run.measures.outcomes
        found.append(ReplayedShare(share, run.bill.total_usd, priced, outcomes.completed_share, outcomes.throttled))
    return tuple(found)


def holds(found: Sequence[ReplayedShare], tolerance: float) -> bool:
    """Whether usage x price is what was replayed with all requests at either model, up to a share of the bill."""
    return all(abs(each.differs_by) <= tolerance for each in found if each.share in ENDS)
