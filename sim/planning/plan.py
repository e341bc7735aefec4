"""plan(): the cheapest stack of a space that meets its service levels, and how sure that is.

Without months, levels must hold in a replay of the trace. With months, candidates must first hold in a replay of the demand that the last
month reaches in the worst futures that still count (grown as the outlook says at that quantile): one that fails there misses its
levels in more futures than it may. Those that hold are forecast, the cheapest first, with futures that the search uses; the first whose
worst month meets its levels in as many futures as asked for is chosen when all that could be cheaper have failed. It is then forecast
again with futures that the search has not used: the confidence that is reported comes from these alone. A stack that fails there is left,
and the next one is held against futures of its own. A candidate that is within no level by more than one whose months have failed is
taken to fail, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sim.planning.assess import held_in_months
from sim.planning.bounds import work_of
from sim.planning.candidates import Candidate
from sim.planning.choice import Choice, Chosen, Foreseen, Inferred, Question
from sim.planning.levels import ServiceLevel
from sim.planning.opened import open_study
from sim.planning.proof import Unforecast, unforecast
from sim.planning.search import Dropped, Evaluations, Judged, Race


@dataclass(frozen=True)
class Plan:
    """What was found; `chosen` is None where no candidate meets the levels."""

    question: Question
    chosen: Chosen | None
    judged: tuple[Judged, ...]
    """Every candidate whose whole trace was replayed."""
    foreseen: tuple[Foreseen, ...]
    refuted: tuple[Chosen, ...]
    """Chosen by the search and refuted by fresh futures."""
    inferred: tuple[Inferred, ...]
    """Held in a replay, but no better than one whose months failed: not forecast."""
    unforecast: tuple[Unforecast, ...]
    """With months, every candidate that holds in a replay and was not forecast."""
    dropped: tuple[Dropped, ...]
    unseen: int
    """Candidates that cost too much to be looked at."""
    nearest: Judged | None
    """Where nothing is feasible: what comes closest."""
    replays: int
    notes: tuple[str, ...]

    @property
    def proved(self) -> bool:
        """Whether it is sure that no candidate holds and costs less: by bounds and replays, without a look, and without months."""
        return not self.question.study.months and not any(each.by == "look" for each in self.dropped)

    @property
    def evaluated(self) -> int:
        """Candidates of which anything was replayed."""
        return len(self.judged) + sum(1 for each in self.dropped if each.by == "look")

    @property
    def candidates(self) -> int:
        """All candidates of the space."""
        return len(self.judged) + len(self.dropped) + self.unseen


def plan(question: Question, candidates: Sequence[Candidate], evaluations: Evaluations) -> Plan:
    """The plan; the same for the same arguments. Where no candidate can be made, or there is none, none is chosen."""
    study = replace(question.study, months=0, look=None)
    costs, held = replace(study, factor=question.factor_costs), replace(study, factor=question.factor_held)
    race = Race(candidates, costs, held, work_of(open_study(study).trace), evaluations)
    search = Choice(question, evaluations, race)
    chosen = search.chosen()
    nearest = None
    if chosen is not None:
        search.runners_up()
    else:
        nearest = search.nearest()
    return Plan(
        question=question,
        chosen=chosen,
        judged=tuple(race.judged),
        foreseen=tuple(search.foreseen),
        refuted=tuple(search.refuted),
        inferred=tuple(search.inferred),
        unforecast=unforecast(race.judged, search, chosen) if question.study.months else (),
        dropped=tuple(race.dropped),
        unseen=race.left,
        nearest=nearest,
        replays=evaluations.replays,
        notes=tuple(search.notes),
    )


def levels_in_replays_only(levels: Sequence[ServiceLevel], months: int) -> tuple[ServiceLevel, ...]:
    """Levels that months are not held to, as they are not known of them."""
    return tuple(level for level in levels if months and not held_in_months(level))
