"""The autoscaling laws a second time, over their whole history, for the system oracle (its `laws` hook).

Written from docs/engine.md section 7 and what the docstrings of sim/engine/autoscalers say, with lists in place of packed memories.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, cast

from sim.engine.system import Autoscaler
from tests.oracles.control import Law, View
from tests.oracles.pool import PoolOracle
from tests.oracles.system import SystemOracle


def follow(oracle: SystemOracle) -> SystemOracle:
    """The oracle, with all laws at work in it."""
    laws = Laws(oracle)
    named = ("schedule", "plan", "hpa", "keda", "knative", "target_tracking")
    oracle.laws = {name: cast(Law, getattr(laws, name)) for name in named}
    return oracle


class Laws:
    """Each law as a method of (settings, view)."""

    def __init__(self, oracle: SystemOracle) -> None:
        self.oracle = oracle

    def pool_of(self, view: View) -> PoolOracle:
        return next(pool for pool in self.oracle.pools() if self.oracle.memory.get(pool.index) is view.memory)

    def schedule(self, law: Autoscaler, view: View) -> int:
        clock_s = math.fmod(view.now_s + self.oracle.system.clock_offset_s, 86400.0)
        today = [count for start, count in law.schedule if start <= clock_s]
        return (today or [law.schedule[-1][1]])[-1]

    def plan(self, law: Autoscaler, view: View) -> int:
        begun = [count for start, count in law.schedule if start <= view.now_s]
        return begun[-1] if begun else view.wanted

    def hpa(self, law: Autoscaler, view: View) -> int:
        given = dict(law.settings)
        share = law.metric in ("kv", "busy")
        assert view.metric is not None
        if view.wanted == 0 or view.present == 0 or (share and view.ready == 0):
            return view.wanted
        counted = view.ready if share else 1
        ratio = view.metric / law.target if share else view.metric / (law.target * view.present)
        wish = math.ceil(ratio * counted) if share else math.ceil(view.metric / law.target)
        if share and ratio > 1 and view.ready < view.present:
            ratio = ratio * view.ready / view.present
            wish = math.ceil(ratio * view.present) if ratio > 1 + given["tolerance"] else view.present
        elif 1 - given["tolerance"] <= ratio <= 1 + given["tolerance"]:
            wish = view.present

        history = cast(list[tuple[float, int, int]], view.memory.setdefault("decisions", []))
        lowest = min([wish, *(w for t, w, _ in history if view.now_s - t < given["up_stabilization"])])
        highest = max([wish, *(w for t, w, _ in history if view.now_s - t < given["down_stabilization"])])
        wanted = sorted((lowest, view.wanted, highest))[1]
        way = "up" if wanted > view.wanted else "down"
        start = view.wanted - sum(change for t, _, change in history if view.now_s - t < given[f"{way}_period"])
        percent = Fraction(given[f"{way}_percent"]) / 100
        if way == "up":
            wanted = min(wanted, max(view.wanted, int(start + given["up_pods"]), math.ceil(start * (1 + percent))))
        else:
            left = math.floor(start * (1 - percent)) if percent <= 1 else 0
            wanted = max(wanted, min(view.wanted, int(start - given["down_pods"]), left))
        wanted = max(1, min(max(wanted, law.min_replicas), law.max_replicas))
        history.append((view.now_s, wish, wanted - view.wanted))
        return wanted

    def keda(self, law: Autoscaler, view: View) -> int:
        given = dict(law.settings)
        assert view.metric is not None
        active = view.metric > given["activation"] or bool(self.pool_of(view).gateway)
        woken = view.memory.get("asked", 1) == 0 and view.wanted > 0
        if active or woken:
            view.memory["active_s"] = view.now_s
        quiet_s = view.now_s - cast(float, view.memory.get("active_s", 0.0))
        if view.wanted == 0:
            asked = int(active)
        elif law.min_replicas == 0 and quiet_s > given["cooldown"]:
            asked = 0
        else:
            asked = self.hpa(law, view)
        view.memory["asked"] = asked
        return asked

    def knative(self, law: Autoscaler, view: View) -> int:
        given: dict[str, float] = dict(law.settings)
        memory: dict[str, Any] = view.memory
        assert view.metric is not None
        ready = max(1, view.ready)
        fewest, most = math.floor(ready / given["down_rate"]), math.ceil(ready * given["up_rate"])

        def wish_for(total: float) -> int:
            return math.ceil(total / (law.target * given["utilization"]))

        short = wish_for(self.mean_of(view, law, given["panic_window"] * law.average_s))
        wish = min(max(wish_for(view.metric), fewest), most)
        if short / ready >= given["panic_threshold"]:
            memory["panic_s"] = view.now_s
        elif view.now_s - memory.get("panic_s", math.inf) > law.average_s:
            del memory["panic_s"]
            memory["panic_wishes"] = []
        if "panic_s" in memory:
            wishes = memory.setdefault("panic_wishes", [])
            wishes.append(max(wish, min(max(short, fewest), most)))
            wish = max(wishes)

        if view.wanted == 0:
            memory.pop("ready_s", None)
            return max(wish, int(bool(self.pool_of(view).gateway)))
        if view.ready == 0:
            memory.pop("ready_s", None)
        else:
            memory.setdefault("ready_s", view.now_s)
        if wish > 0 or view.now_s - memory.get("ready_s", view.now_s) < law.average_s or "ready_s" not in memory:
            memory.pop("idle_s", None)
            return max(1, wish)
        return int(view.now_s - memory.setdefault("idle_s", view.now_s) < given["grace"])

    def mean_of(self, view: View, law: Autoscaler, length_s: float) -> float:
        latest = view.now_s - law.lag_s
        seen = [(t, value) for t, value in self.oracle.samples[self.pool_of(view).index] if t <= latest]
        recent = [value for t, value in seen if t > latest - length_s] or [seen[-1][1]]
        return sum(recent) / len(recent)

    def target_tracking(self, law: Autoscaler, view: View) -> int:
        given = dict(law.settings)
        assert view.metric is not None
        share = law.metric in ("kv", "busy")
        counted = view.ready if share else view.present
        points = cast(list[str], view.memory.setdefault("points", []))
        if counted == 0:
            points.clear()
            return view.wanted
        value = view.metric if share else view.metric / counted
        points.append("above" if value > law.target else "below" if value < 0.9 * law.target else "between")
        wish = math.ceil((counted * view.metric if share else view.metric) / law.target)

        def row_of(kind: str, datapoints: float) -> bool:
            return len(points) >= datapoints and set(points[-int(datapoints) :]) == {kind}

        def since(what: str) -> float:
            return view.now_s - cast(float, view.memory.get(what, -math.inf))

        wanted = view.wanted
        if row_of("above", given["out_datapoints"]) and since("out") >= given["out_cooldown"]:
            wanted = min(max(wish, wanted), law.max_replicas)
        elif row_of("below", given["in_datapoints"]) and since("change") >= given["in_cooldown"]:
            wanted = max(min(wish, wanted), law.min_replicas, 1)
        if wanted != view.wanted:
            view.memory["change"] = view.now_s
        if wanted > view.wanted:
            view.memory["out"] = view.now_s
        return wanted
