"""The way from a race to a stack that fresh futures confirm: which candidates are forecast, which is chosen, and what confirms it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sim.errors import InputError
from sim.planning.assess import PlanStudy
from sim.planning.candidates import Candidate
from sim.planning.confidence import Confidence, fresh_seed, replays_needed
from sim.planning.points import Row
from sim.planning.search import Evaluations, Judged, Race

MOST_FORECASTS = 8
SEARCH_FUTURES = 200
"""Of forecasts that only the search uses; the chosen stack is held against as many as asked for."""
RUNNERS_UP = 5
_ALIKE = 0.005
APART = 0.10
"""A candidate whose replay costs so much more, as a share, is not forecast: months do not turn that round. The first where it runs on the
same GPUs and pays no API, so that the same prices move both; the second otherwise."""
_SAME_ROOM = 1e-9
_EXPOSED = ("purchase", "reserved", "overflow", "fallback", "api_share")
"""Choices that preemptions and outages tell apart, which months have and a replay has not."""
_MOST_TRIES = 5
"""Chosen stacks that may fail on fresh futures before the search gives up."""
_MOST_REPLAYED = 6_000_000
_LEAST_REPLAYS = 10


@dataclass(frozen=True)
class Question:
    """What a plan is asked: levels with a confidence, over months or not, with replicas to spare."""

    study: PlanStudy
    """Of the search: its trace, stack, levels, seed; months and futures are those of the forecasts."""
    confidence: float = 0.95
    factor_held: float = 1.0
    """Demand, over that of the trace, at which replays must hold the levels."""
    factor_costs: float = 1.0
    """Demand at which candidates are ranked by cost."""


@dataclass(frozen=True)
class Foreseen:
    """A candidate with its months, as the futures of the search have them."""

    judged: Judged
    row: Row
    p_met: float
    """Share of futures that meet the levels in the worst month."""
    usd_per_month: float

    @property
    def candidate(self) -> Candidate:
        """Which it is."""
        return self.judged.candidate


@dataclass(frozen=True)
class Inferred:
    """A candidate that does in no level better than another whose months failed."""

    judged: Judged
    than: Judged


@dataclass(frozen=True)
class Chosen:
    """The stack that was chosen, by figures of futures that the search has not used."""

    judged: Judged
    row: Row
    """Of these futures; without months of the replay."""
    usd_per_month: float
    confidence: Confidence


class Choice:
    """The way from the race to a stack that fresh futures confirm."""

    def __init__(self, question: Question, evaluations: Evaluations, race: Race) -> None:
        self._question, self._evaluations, self._race = question, evaluations, race
        self._coming: Iterator[Judged] = iter(race)
        self.foreseen: list[Foreseen] = []
        self.refuted: list[Chosen] = []
        self.inferred: list[Inferred] = []
        self.twins: list[Inferred] = []
        """Other names of stacks that were forecast and hold."""
        self.notes: list[str] = []
        self._given: list[Judged] = []
        self._aside: list[Judged] = []

    def chosen(self) -> Chosen | None:
        """The cheapest that the search finds and fresh luck confirms."""
        for number in range(_MOST_TRIES):
            found = self._cheapest()
            if found is None:
                return None
            confirmed = self._confirm(found, number)
            if confirmed.confidence.share >= self._question.confidence:
                return confirmed
            self.refuted.append(confirmed)
            self.inferred += [each for each in self.twins if each.than is confirmed.judged]
            # What was left because it costs more than this one is looked at after all, the cheapest first.
            self._given = sorted((*self._given, *self._aside), key=lambda each: (-each.usd_per_month, -each.candidate.number))
            self._aside = []
        self.notes.append(f"{_MOST_TRIES} stacks were chosen and failed on futures of their own; the search was given up")
        return None

    def _cheapest(self) -> Foreseen | Judged | None:
        """The cheapest that meets the levels and has not been refuted, by the futures of the search or, without months, by its replay."""
        if not self._question.study.months:
            return self._take()
        gone = {each.judged.candidate.number for each in self.refuted}
        while True:
            met = [each for each in self.foreseen if each.p_met >= self._question.confidence and each.candidate.number not in gone]
            best = min(met, key=lambda each: (each.usd_per_month, each.candidate.number), default=None)
            if len(self.foreseen) >= MOST_FORECASTS + len(gone):
                self.notes.append(
                    f"{len(self.foreseen)} candidates were forecast, the most that are: "
                    + ("a cheaper one than the one chosen" if best is not None else "one that costs more")
                    + " may hold; a smaller space would tell"
                )
                return best
            judged = self._take()
            if judged is None:
                return best
            if best is not None and judged.usd_per_month > best.judged.usd_per_month * (1 + APART):
                self._given.append(judged)
                return best
            if best is not None and dearer_alike(judged, best.judged):
                self._aside.append(judged)
                continue
            twin = next((each for each in self.foreseen if same_replays(judged, each.judged) and _as_exposed(judged, each.judged)), None)
            if twin is not None:
                # Another name for a stack whose months are known: it fails where that one does, now or on futures of its own.
                known = Inferred(judged, twin.judged)
                (self.inferred if self._failed(twin) or twin.candidate.number in gone else self.twins).append(known)
                continue
            worse = next((each for each in self.foreseen if self._failed(each) and _no_better(judged, each.judged)), None)
            if worse is not None:
                self.inferred.append(Inferred(judged, worse.judged))
                continue
            self.foreseen.append(self._foresee(judged))

    def _failed(self, seen: Foreseen) -> bool:
        return seen.p_met < self._question.confidence

    def _take(self) -> Judged | None:
        if self._given:
            return self._given.pop()
        return next(self._coming, None)

    def _foresee(self, judged: Judged) -> Foreseen:
        study = self._question.study
        row = self._forecast(judged, replace(study, futures=min(study.futures, SEARCH_FUTURES)))
        return Foreseen(judged, row, _p_met(row), _usd(row))

    def _forecast(self, judged: Judged, study: PlanStudy) -> Row:
        row = self._evaluations.rows(study, [judged.candidate.settings], "forecasting the months of a candidate", 0.0)[0]
        if row.refused is not None:
            raise InputError(f"{judged.candidate.words}: {row.refused}")
        return row

    def _confirm(self, found: Foreseen | Judged, number: int) -> Chosen:
        """The stack on luck that the search has not used."""
        seed = fresh_seed(self._question.study.seed, number)
        if isinstance(found, Foreseen):
            row = self._forecast(found.judged, replace(self._question.study, seed=seed))
            met, of = round(row.metrics["met_worst_month"] or 0.0), round(row.metrics["futures"] or 0.0)
            return Chosen(found.judged, row, _usd(row), Confidence(met, of, seed, "futures"))
        return self._replayed_anew(found, seed)

    def _replayed_anew(self, judged: Judged, seed: int) -> Chosen:
        """Replays with other luck; where two are the same to the last bit, nothing is left to chance, and more would say no more."""
        question = self._question
        study = replace(question.study, months=0, factor=question.factor_held)
        settings = judged.candidate.short_settings or judged.candidate.settings
        again = [self._with_seed(study, settings, fresh_seed(seed, k)) for k in range(2)]
        if all(_same(row, judged.held) for row in again):
            return Chosen(judged, judged.row, judged.usd_per_month, Confidence(1, 1, seed, "certain"))
        rows = max(question.study.trace_rows, 1)
        count = max(_LEAST_REPLAYS, min(replays_needed(question.confidence), _MOST_REPLAYED // rows))
        again += [self._with_seed(study, settings, fresh_seed(seed, k)) for k in range(2, count)]
        met = sum(1 for row in again if row.refused is None and all(ok for *_, ok in row.slo))
        return Chosen(judged, judged.row, judged.usd_per_month, Confidence(met, len(again), seed, "replays"))

    def _with_seed(self, study: PlanStudy, settings: tuple[str, ...], seed: int) -> Row:
        return self._evaluations.rows(replace(study, seed=seed), [settings], "replaying with other luck", 0.0)[0]

    def runners_up(self) -> None:
        """A few more that meet the levels, for the ranking; those that cost far more are not looked for."""
        for _ in range(RUNNERS_UP):
            if self._take() is None:
                return

    def nearest(self) -> Judged | None:
        """What comes closest where nothing is feasible: with months, the one that most futures meet."""
        if self.foreseen:
            return max(self.foreseen, key=lambda each: (each.p_met, -each.usd_per_month)).judged
        if self.refuted:
            return max(self.refuted, key=lambda each: each.confidence.share).judged
        return self._race.nearest()


def same_replays(one: Judged, other: Judged) -> bool:
    """Whether two candidates came out alike to the last bit, at the demand of costs and at that of the levels."""
    return _same(one.held, other.held) and _same(one.row, other.row)


def dearer_alike(judged: Judged, best: Judged) -> bool:
    """Whether it costs more and the same prices move both: the same GPUs, bought alike, and no API paid."""
    keys = ("gpu", "purchase", "reserved")
    own, other = dict(judged.candidate.values), dict(best.candidate.values)
    alike = all(own.get(key) == other.get(key) for key in keys)
    no_api = all((each.row.metrics.get("api_usd_per_month") or 0.0) < _ALIKE * each.usd_per_month for each in (judged, best))
    return alike and no_api and judged.usd_per_month >= best.usd_per_month * (1 - _ALIKE)


def _no_better(judged: Judged, than: Judged) -> bool:
    """Whether a candidate is as exposed as another, and in the replays that levels must hold in within no level by more."""
    pairs = zip(judged.excesses, than.excesses, strict=True)
    return _as_exposed(judged, than) and all(own >= other - _SAME_ROOM for own, other in pairs)


def _as_exposed(one: Judged, other: Judged) -> bool:
    own, others = dict(one.candidate.values), dict(other.candidate.values)
    return all(own.get(key) == others.get(key) for key in _EXPOSED)


def _same(one: Row, other: Row) -> bool:
    """Whether two replays came out alike to the last bit. Load is not theirs: what a replica carries is simulated with luck of its own."""
    names = [name for name in one.metrics if "load" not in name]
    return one.slo == other.slo and all(one.metrics[name] == other.metrics.get(name) for name in names)


def _p_met(row: Row) -> float:
    futures = row.metrics.get("futures") or 0.0
    return (row.metrics.get("met_worst_month") or 0.0) / futures if futures else 0.0


def _usd(row: Row) -> float:
    usd = row.metrics.get("invoice_usd_per_month")
    assert usd is not None
    return usd
