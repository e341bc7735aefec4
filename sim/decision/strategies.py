"""What there is to choose from: each strategy with the stack that does it, the models that answer, and the vendors that see the data."""

from __future__ import annotations

from dataclasses import dataclass

from sim.decision.needs_parts import Kind
from sim.stack.read import StackFile


@dataclass(frozen=True)
class Progression:
    """What a strategy goes over to, and when. None: assumed by the rules of progressions."""

    stack: StackFile
    month: int | None
    """From 1: the month from which traffic goes over; None where a trigger says when."""
    trigger: str | None
    """The trigger that must fire first; None where the month is fixed."""
    not_before: int
    """From 1: the first month in which the trigger counts."""
    ramp_months: float | None
    parallel_months: float | None
    rollback_share: float | None
    migration_usd: float | None


@dataclass(frozen=True)
class Strategy:
    """One way to do it."""

    name: str
    kind: Kind
    """A progression has the kind of what it begins with."""
    stack: StackFile | None
    """None: costed, not served (continued pre-training, training from scratch)."""
    models: tuple[str, ...]
    """Catalogue names of the models that may answer: APIs and open weights, the first place of each rule first."""
    vendors: tuple[str, ...]
    """Vendors of APIs that may see requests; empty where all is run on own or rented GPUs."""
    then: Progression | None = None

    @property
    def own_gpus(self) -> bool:
        """Whether any deployment runs on GPUs of one's own or rented ones."""
        return self.stack is not None and any(each.kind == "gpu" for each in self.stack.stack.deployments.values())

    @property
    def served(self) -> bool:
        """Whether it can be replayed."""
        return self.stack is not None

    @property
    def trained(self) -> bool:
        """Whether a model of one's own is made: continued pre-training, or training from scratch."""
        return self.kind in ("continued_pretraining", "from_scratch")
