"""What `sim elastic` reports, as plain data: text, tables and files are made from this. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from sim.planning.elastic import Elastic, Tried
from sim.planning.elastic_pool import Verdict
from sim.planning.points import Study
from sim.report.cautions import Caution, work_left
from sim.units import SECONDS_PER_HOUR, show_share


@dataclass(frozen=True)
class ElasticReport:
    """The answer for one pool, and what it was asked about."""

    study: Study
    trace_name: str
    requests: int
    duration_s: float
    date: str
    """The day of the prices."""
    found: Elastic

    @property
    def best_by_law(self) -> tuple[Tried, ...]:
        """Of each law the row with the fewest GPU-hours among those that meet the levels, or, where none does, the nearest to them."""
        rows = [row for row in self.found.tried if not row.own and row.law != "fixed"]
        laws = dict.fromkeys(row.law for row in rows)
        return tuple(min((row for row in rows if row.law == law), key=self._rank) for law in laws)

    @property
    def defaults(self) -> tuple[Tried, ...]:
        """Each law with its own defaults, from one replica up."""
        rows = [row for row in self.found.tried if not row.own and row.law != "fixed" and len(row.autoscaler) == 1 and row.low == 1]
        laws = dict.fromkeys(row.law for row in rows)
        return tuple(next(row for row in rows if row.law == law) for law in laws)

    def _rank(self, row: Tried) -> tuple[bool, bool, float, int]:
        worst = self.worst(row.verdict)[1]
        robust = row.seeds_met == 0 or (row.seeds_met is not None and row is not self.found.recommended)
        return (not row.verdict.holds, robust, row.verdict.gpu_hours if row.verdict.holds else worst, -row.low)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What a reader must know before using a number."""
        found = self.found
        if found.schedule is None or not found.leaves_work:
            return ()
        verdict = found.schedule.verdict
        measured = next(value for level, value in zip(found.levels, verdict.measured, strict=True) if level.metric == "completed")
        return (work_left(verdict.gpu_hours, found.work_gpu_hours, show_share(measured)),)

    def usd(self, verdict: Verdict) -> float:
        """GPU-hours at what the stack pays for one."""
        return verdict.gpu_hours * self.found.usd_per_gpu_hour

    def worst(self, verdict: Verdict) -> tuple[str, float]:
        """The level that is missed by most, or met with the least room, and its excess over the limit as a share of it."""
        excess = [(level.excess(value), str(level)) for level, value in zip(self.found.levels, verdict.measured, strict=True)]
        worst = max(excess)
        return worst[1], worst[0]

    def missed(self, verdict: Verdict) -> str:
        """The levels that are missed, in words: what was measured for what limit."""
        rows = zip(self.found.levels, verdict.measured, verdict.met, strict=True)
        return ", ".join(f"{level.metric} {level.shown(value)} for {level}" for level, value, met in rows if not met)


def called(row: Tried, *, brief: bool = False) -> str:
    """An autoscaler by law, metric, target and bounds; `brief` for a table."""
    own = row.autoscaler
    metric = "" if "target" not in own else "conc." if brief and own["metric"] == "concurrency" else own["metric"]
    target = f" {metric} {own['target']:g}" if metric else ""
    bounds = str(row.low) if row.low == row.high else f"{row.low}-{row.high}"
    return f"{row.law}{target}, {bounds}"


def clock(at_s: float) -> str:
    """A time of the run, as `7:45`."""
    minutes = round(at_s / SECONDS_PER_HOUR * 60)
    return f"{minutes // 60}:{minutes % 60:02d}"
