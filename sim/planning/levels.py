"""Service levels as people write them: `ttft_p95 <= 3s`, `completed >= 99.5%`, `goodput >= 5`.

    LEVEL  = METRIC OP VALUE
    METRIC = ttft_pQ | tpot_pQ | e2e_pQ (Q from 1 to 99.99), completed, good_share, goodput, or a column of a row (usd_per_month)
    OP     = <= | >= | < | >
    VALUE  = a number with its unit: 800ms, 3s; 99.5%, 0.995; $500, 12k; 5

A limit is kept in base units: seconds, shares of one, USD, plain numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from sim.errors import InputError, input_error, nearest
from sim.planning.points import METRICS
from sim.stack.quantity import odd_seconds
from sim.units import Kind, parse_quantity, show_count, show_ms, show_seconds, show_share, show_usd

if TYPE_CHECKING:
    from sim.stack.schema import Slo

Op = Literal["<=", ">=", "<", ">"]

GRAMMAR = (
    "METRIC OP VALUE, as ttft_p95 <= 3s; METRIC: ttft_pQ, tpot_pQ, e2e_pQ (Q from 1 to 99.99), completed, good_share, goodput or a column "
    "of a sweep (usd_per_month, load, ...); OP: <=, >=, <, >; VALUE: 800ms or 3s, 99.5% or 0.995, $500, a plain number"
)
LATENCIES = ("ttft", "tpot", "e2e")
_SHORT = MappingProxyType({"completed": "completed_share", "goodput": "goodput_per_s", "throttled": "throttled_share"})
"""Names in use for columns of a row."""
_KINDS: MappingProxyType[str, Kind] = MappingProxyType({"s": "duration", "share": "share", "USD": "money"})
_FORM = re.compile(r"\s*(?P<metric>[A-Za-z][A-Za-z0-9_.]*)\s*(?P<op><=|>=|<|>)\s*(?P<value>[^<>=\s][^<>=]*?)\s*", re.ASCII)
_QUANTILE = re.compile(r"(?P<latency>[a-z0-9]+)_p(?P<q>\d{1,2}(\.\d{1,2})?)(_s)?", re.ASCII)
_LONGEST = 200
_EXAMPLES = ("ttft_p95", "ttft_p99", "tpot_p95", "tpot_p99", "e2e_p95", "e2e_p99", *_SHORT)


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """What must hold of a metric: `limit` is in seconds, a share of one, USD or a plain number, as `kind` says."""

    metric: str
    """`ttft_p95`, `completed`, or a column of a row."""
    op: Op
    limit: float
    kind: Kind

    @property
    def latency(self) -> str | None:
        """`ttft`, `tpot` or `e2e` for a quantile of one; None for anything else."""
        return None if self.q is None else self.metric.partition("_")[0]

    @property
    def q(self) -> float | None:
        """Which quantile of a latency, as a share; None for anything else."""
        match = _QUANTILE.fullmatch(self.metric)
        return float(match["q"]) / 100.0 if match and match["latency"] in LATENCIES else None

    @property
    def column(self) -> str:
        """The column of a row that has it; of quantiles that no row has, a name of that form."""
        return f"{self.metric}_s" if self.q is not None else _SHORT.get(self.metric, self.metric)

    @property
    def upper(self) -> bool:
        """Whether less is better."""
        return self.op in ("<=", "<")

    def holds(self, measured: float | None, *, anything: bool = True) -> bool:
        """Whether it holds of what was measured; of what no request shows (None) it holds unless nothing completed at all."""
        if measured is None:
            return anything
        # A limit of 0.995 is met by 199 of 200, whatever the division leaves.
        slack = 1e-12 * max(abs(self.limit), abs(measured))
        if self.op == "<=":
            return measured <= self.limit + slack
        if self.op == ">=":
            return measured >= self.limit - slack
        return measured < self.limit if self.op == "<" else measured > self.limit

    def excess(self, measured: float | None) -> float:
        """How far beyond the limit, as a share of it; below 0 where it holds with room, 0 where nothing is measured.

        Of a share that must be high, what is missing over what may be missing: completing 99 % for 99.5 % is an excess of 1.
        """
        if measured is None:
            return 0.0
        limit, value = self.limit, measured
        if self.kind == "share" and not self.upper:
            limit, value = 1.0 - limit, 1.0 - value
        elif not self.upper:
            limit, value = -limit, -value
        return (value - limit) / max(abs(limit), 1e-9)

    def shown(self, value: float | None) -> str:
        """A value of this metric for people."""
        if self.kind == "duration":
            return show_ms(value) if self.latency == "tpot" else show_seconds(value)
        return {"share": show_share, "money": show_usd}.get(self.kind, show_count)(value)

    def __str__(self) -> str:
        return f"{self.metric} {self.op} {self.shown(self.limit)}"


def parse_level(text: str, option: str = "--slo") -> ServiceLevel:
    """One level, given with an option; InputError with the grammar, and the nearest metric where that is unknown."""
    said = f"{option} {text[:60]!r}"
    match = _FORM.fullmatch(text[:_LONGEST]) if len(text) <= _LONGEST else None
    if match is None:
        raise InputError(f"{said}: no level; allowed: {GRAMMAR}")
    name, op = match["metric"].lower(), match["op"]
    metric, kind, better = _metric(name, said)
    value = re.sub(r"\s*/\s*s$", "", match["value"]) if metric == "goodput" else match["value"]
    try:
        limit = parse_quantity(value, kind)
    except InputError as error:
        raise InputError(f"{said}: {error}") from None
    if kind == "duration" and limit <= 0:
        raise InputError(f"{said}: found a time of {limit:g} s; allowed: above 0")
    if (better == "low" and op in (">=", ">")) or (better == "high" and op in ("<=", "<")):
        way, other = ("low", "<=") if better == "low" else ("high", ">=")
        raise InputError(f"{said}: found {op}, but {metric} is better {way}; allowed: {metric} {other} {match['value']}")
    return ServiceLevel(metric, op, limit, kind)  # type: ignore[arg-type]  # the form allows these four


def parse_levels(texts: Iterable[str], option: str = "--slo") -> tuple[ServiceLevel, ...]:
    """Every level; InputError with all that is wrong, and for a metric that is given twice in the same direction."""
    found: list[ServiceLevel] = []
    problems: list[str] = []
    for text in texts:
        try:
            level = parse_level(text, option)
        except InputError as error:
            problems.append(str(error))
            continue
        if any(each.metric == level.metric and each.upper == level.upper for each in found):
            problems.append(f"{option} {text!r}: {level.metric} is given twice; allowed: once")
        found.append(level)
    if problems:
        raise input_error(problems)
    return tuple(found)


def odd_levels(texts: Iterable[str], option: str = "--slo") -> tuple[str, ...]:
    """How plain numbers of latency levels were understood where they are odd: `--slo 'ttft_p95 <= 800': ttft_p95 is 13.3 min; ...`."""
    found = []
    for text in texts:
        match = _FORM.fullmatch(text[:_LONGEST])
        if match is not None and parse_level(text, option).kind == "duration":
            odd = odd_seconds(match["metric"].lower(), match["value"])
            found += [f"{option} {text!r}: {odd}"] if odd else []
    return tuple(found)


def with_own(levels: Sequence[ServiceLevel], slo: Slo) -> tuple[ServiceLevel, ...]:
    """The levels that were given, and those of the stack on metrics that were not."""
    own = (
        ServiceLevel("ttft_p95", "<=", slo.ttft_p95, "duration"),
        ServiceLevel("tpot_p95", "<=", slo.tpot_p95, "duration"),
        ServiceLevel("completed", ">=", slo.completed, "share"),
    )
    return (*levels, *(each for each in own if each.metric not in {level.metric for level in levels}))


def _metric(name: str, said: str) -> tuple[str, Kind, str]:
    """Name, kind of quantity, and which way is better."""
    quantile = _QUANTILE.fullmatch(name)
    if quantile is not None and quantile["latency"] in LATENCIES:
        if float(quantile["q"]) < 1:
            raise InputError(f"{said}: found the quantile {quantile['q']}; allowed: from 1 to 99.99, as {quantile['latency']}_p95")
        return f"{quantile['latency']}_p{float(quantile['q']):g}", "duration", "low"
    column = _SHORT.get(name, name)
    for metric in METRICS:
        if metric.name == column:
            short = next((each for each, of in _SHORT.items() if of == column), column)
            return short, _KINDS.get(metric.unit, "number"), metric.better
    known = dict.fromkeys((*_EXAMPLES, *(metric.name for metric in METRICS)))
    raise InputError(f"{said}: unknown metric {name!r}{nearest(name, known)}; allowed: {GRAMMAR}")
