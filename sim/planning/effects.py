"""What a change does: the figures of gates for BASE and HEAD, and their differences on paired futures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sim.planning.gate_grammar import parse_gate
from sim.planning.gate_values import Side, measure
from sim.planning.gates import Gate, Measured

OF_REPLAY = (
    "usd_per_month", "usd_per_million_tokens", "ttft_p50", "ttft_p95", "ttft_p99", "tpot_p50", "tpot_p95", "tpot_p99", "e2e_p50", "e2e_p95",
    "e2e_p99", "completed", "good_share", "goodput", "levels_missed", "throttled", "fallback_share", "load", "load_peak", "api_load",
    "busy_share", "gpus", "gpus_mean", "gpu_hours",
)  # fmt: skip
OF_MONTHS = (
    "monthly.invoice_usd.p95", "monthly.tco_usd.p95", "monthly.gpus.p95", "total.gpu_hours.p50", "monthly.load.p95",
    "monthly.good_share.p5", "p_slo_met", "monthly.p_slo_met", "months_at_risk",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Effect:
    """One figure of BASE and HEAD; `difference` is HEAD less BASE, `relative` the same over BASE."""

    gate: Gate
    """What the figure is, by the name that a gate has for it; its limit means nothing."""
    base: Measured
    head: Measured
    difference: Measured
    relative: float | None

    @property
    def name(self) -> str:
        """As a gate has it."""
        return self.gate.name


def effects(base: Side, head: Side, names: Iterable[str]) -> tuple[Effect, ...]:
    """The figures of these names that either side has."""
    found = []
    for name in names:
        plain = parse_gate(f"{name} > 0", pair=True)
        was, is_ = measure(plain, base), measure(plain, head)
        if was.value is None and is_.value is None:
            continue
        apart = replace(plain, delta=True)
        over = measure(replace(apart, relative=True), head, base).value
        found.append(Effect(plain, was, is_, measure(apart, head, base), over))
    return tuple(found)
