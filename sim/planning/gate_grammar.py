"""Gates as people write them with `--fail-if`: `monthly.tco_usd.p95 > $120k`, `ttft_p99 > 1.5s`, `delta.gpus > 0`.

    GATE   = [STACK :] [delta.] FIGURE OP VALUE
    FIGURE = one of sim/planning/gate_figures.py, those over futures with .p5, .p50, .p95 or .mean behind them
    OP     = > | >= | < | <= | ==
    VALUE  = a number with its unit: 800ms, 1.5s; $90k, 120000; 80%, 0.8; 5

`delta.` is HEAD less BASE in each future; a limit in percent is then relative to BASE, where `pp` (percentage points) or a plain number
says that it is not. STACK is for `sim compare`, where there are several.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from types import MappingProxyType

from sim.errors import InputError, input_error, nearest, visible
from sim.planning.gate_figures import EDGES, FIGURES, SHORT, Figure, all_names, figure_named
from sim.planning.gates import DELTA, OPTION, Gate, Op
from sim.units import parse_number, parse_seconds, parse_usd

OPS: tuple[Op, ...] = (">=", "<=", "==", ">", "<")

GRAMMAR = (
    "[delta.]FIGURE OP VALUE, as monthly.tco_usd.p95 > $120k, ttft_p99 > 1.5s, delta.total.tco_usd.p50 > 5%, gpus > 64; "
    "OP: >, >=, <, <=, ==; VALUE: 800ms or 1.5s, $90k, 80% or 0.8, a plain number; it fails when that is so"
)
_LONGEST = 200
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*", re.ASCII)
_PERCENT = re.compile(r"(?P<number>[-+]?\s*[\d.,_eE+-]+)\s*(?P<unit>%|pp)", re.ASCII)
_TWO_WAYS = re.compile(r"[-+]?\$?\d{1,3}(\.\d{3})+", re.ASCII)
_COST = "usd_per_month or total.invoice_usd.p50"
_MEANT = MappingProxyType(
    {
        **dict.fromkeys(("cost", "costs", "price", "bill", "usd", "money", "spend"), _COST),
        **dict.fromkeys(("invoice", "invoice_usd"), "total.invoice_usd.p50 or monthly.invoice_usd.p95"),
        **dict.fromkeys(("tco", "tco_usd"), "total.tco_usd.p50 or monthly.tco_usd.p95"),
        **dict.fromkeys(("latency", "ttft"), "ttft_p95 or e2e_p95"), "tpot": "tpot_p95", "e2e": "e2e_p95",
        **dict.fromkeys(("slo", "risk"), "p_slo_met"), **dict.fromkeys(("utilization", "utilisation", "busy"), "load"),
    }
)  # fmt: skip
"""Words that are no figures, and what is most likely meant."""
_MISTAKEN = MappingProxyType({"=": "==", "=>": ">=", "=<": "<=", "!=": "== or another", "<>": "== or another"})


def parse_gates(texts: Iterable[str], *, stacks: Sequence[str] = (), pair: bool = False) -> tuple[Gate, ...]:
    """Every gate, the same one once; InputError with all that is wrong. See `parse_gate`."""
    found: list[Gate] = []
    problems: list[str] = []
    for text in texts:
        try:
            gate = parse_gate(text, stacks=stacks, pair=pair)
        except InputError as error:
            problems.append(str(error))
            continue
        if gate not in found:
            found.append(gate)
    if problems:
        raise input_error(problems)
    return tuple(found)


def parse_gate(text: str, *, stacks: Sequence[str] = (), pair: bool = False) -> Gate:
    """One gate; InputError with the place, the grammar, and the nearest name where a name is unknown.

    `stacks` are those that it may be about by name, `NAME: GATE`; `pair`: there are a BASE and a HEAD, so that `delta.` means something.
    """
    if len(text) > _LONGEST:
        raise InputError(f"{OPTION}: found {len(text)} characters; allowed: at most {_LONGEST}: {GRAMMAR}")
    stack, start = _stack(text, stacks)
    start += len(text[start:]) - len(text[start:].lstrip())
    name = _NAME.match(text, start)
    if name is None:
        found = f"found {text[start:][:20]!r}" if text[start:] else "found nothing"
        raise _wrong(text, start, f"{found} where a figure belongs; allowed: {GRAMMAR}")
    figure, edge, delta = _figure(text, name, pair=pair)
    after = name.end() + len(text[name.end() :]) - len(text[name.end() :].lstrip())
    op = _op(text, after)
    value = text[after + len(op) :].strip()
    at = after + len(op) + len(text[after + len(op) :]) - len(text[after + len(op) :].lstrip())
    if not value:
        raise _wrong(text, at, f"found nothing behind {op}; allowed: {GRAMMAR}")
    if re.search(r"[<>=]|\s(and|or|&&|\|\|)\s", value):
        raise _wrong(text, at, f"found {value[:40]!r}; allowed: one comparison a gate, and {OPTION} again for the next")
    limit, relative = _limit(text, at, value, figure, delta=delta)
    return Gate(figure, edge, delta, op, limit, relative, " ".join(value.split()), stack)


def _stack(text: str, stacks: Sequence[str]) -> tuple[str, int]:
    """The stack that a gate is about, and where the rest begins."""
    head, colon, _ = text.rpartition(":")
    if not colon:
        return "", 0
    name = head.strip()
    if name in stacks:
        return name, len(head) + 1
    column = len(head) - len(head.lstrip())
    if not stacks:
        raise _wrong(text, len(head), f"found ':'; a gate is about HEAD, without a name; allowed: {GRAMMAR}")
    raise _wrong(text, column, f"no stack {name[:60]!r}; allowed: {', '.join(dict.fromkeys(stacks))}{nearest(name, stacks)}")


def _figure(text: str, found: re.Match[str], *, pair: bool) -> tuple[Figure, str, bool]:
    """The figure of a name, its quantile over futures, and whether it is a difference."""
    start = found.start()
    name = found[0].lower()
    delta = name.startswith(DELTA)
    if delta:
        name, start = name[len(DELTA) :], start + len(DELTA)
        if not pair:
            raise _wrong(text, found.start(), f"found {DELTA}; allowed: in sim diff, which has a BASE and a HEAD")
    figure = figure_named(name)
    edge = ""
    if figure is None:
        head, _, last = name.rpartition(".")
        figure, edge = figure_named(head), last
        if figure is None:
            known = [each.removeprefix(DELTA) for each in all_names()]
            near = nearest(name, known) or (f"; did you mean {_MEANT[head or name]}?" if (head or name) in _MEANT else "")
            allowed = "all are in docs/diff.md" if near else f"allowed: {_names()}"
            raise _wrong(text, start, f"unknown figure {name[:60]!r}{near}{' ' if near else '; '}{f'({allowed})' if near else allowed}")
        if not figure.banded:
            raise _wrong(text, start + len(head), f"found .{edge}, but {head} has no quantiles over futures; allowed: {head}")
        if edge not in EDGES:
            allowed = f"allowed over futures: {', '.join(EDGES)}{nearest(edge, EDGES)}"
            raise _wrong(text, start + len(head) + 1, f"found {edge[:20]!r}; {allowed}")
    elif figure.banded:
        allowed = ", ".join(f"{name}.{each}" for each in EDGES)
        raise _wrong(text, start + len(name), f"{name} has a band over futures: which part of it? allowed: {allowed}")
    if figure.paired and not pair:
        raise _wrong(text, start, f"found {name}; allowed: in sim diff, which has a BASE and a HEAD")
    if figure.paired and delta:
        raise _wrong(text, start, f"{name} holds HEAD against BASE by itself; allowed: {name} without {DELTA}")
    return figure, edge, delta


def _names() -> str:
    """The closed list, short."""
    banded = ", ".join(each.name for each in FIGURES if each.banded)
    plain = ", ".join((*SHORT, *(each.name for each in FIGURES if not each.banded)))
    return f"ttft_pQ, tpot_pQ, e2e_pQ (Q from 1 to 99.99), {plain}; with .p5, .p50, .p95 or .mean: {banded}; before any: {DELTA}"


def _op(text: str, at: int) -> Op:
    signs = re.compile(r"[<>=!]*").match(text, at)
    found = signs[0] if signs else ""
    if found in OPS:
        return next(op for op in OPS if op == found)
    if not found:
        what = f"found {text[at:][:20]!r} where a comparison belongs" if text[at:] else "found no comparison"
        raise _wrong(text, at, f"{what}; allowed: {GRAMMAR}")
    hint = f"; did you mean {_MISTAKEN[found]}?" if found in _MISTAKEN else ""
    raise _wrong(text, at, f"found {found[:10]!r}; allowed: >, >=, <, <=, =={hint}")


def _limit(text: str, at: int, value: str, figure: Figure, *, delta: bool) -> tuple[float, bool]:
    """The limit in base units, and whether it is a share of BASE."""
    try:
        percent = _PERCENT.fullmatch(value)
        if percent is not None and delta:
            number = parse_number(percent["number"].replace(" ", "")) / 100.0
            if percent["unit"] == "pp" and figure.kind not in ("share", "ratio"):
                raise InputError(f"found {value!r}, but {figure.short} is no share; allowed: {_example(figure)}, or 5% of BASE")
            return number, percent["unit"] == "%"
        limit = _quantity(value, figure)
    except InputError as error:
        raise _wrong(text, at, str(error)) from None
    if not delta and limit < 0:
        raise _wrong(text, at, f"found {value[:40]!r}; {figure.short} is never below 0; allowed: {_example(figure)}")
    if not delta and figure.kind == "share" and limit > 1:
        raise _wrong(text, at, f"found {value[:40]!r}; {figure.short} is a share; allowed: from 0 to 1, or 0% to 100%")
    if delta and figure.kind == "share" and abs(limit) >= 1:
        # Shares are never further apart than 1: such a gate would say nothing.
        raise _wrong(text, at, f"found {value[:40]!r}; {figure.short} is a share; allowed: {limit:g}pp, or {limit / 100:g}")
    return limit, False


def _quantity(value: str, figure: Figure) -> float:
    """A limit in base units by the kind of its figure."""
    if figure.kind == "money":
        if _TWO_WAYS.fullmatch(value):
            raise InputError(f"found {value[:40]!r}, where the point may part thousands or cents; write {value.replace('.', '')}")
        return parse_usd(value)
    if figure.kind == "duration":
        return parse_seconds(value)
    if figure.kind in ("share", "ratio"):
        percent = _PERCENT.fullmatch(value)
        if percent is not None and percent["unit"] == "%":
            return parse_number(percent["number"].replace(" ", "")) / 100.0
        try:
            return parse_number(value)
        except InputError:
            raise InputError(f"found {value[:60]!r}, which is no share; allowed: {_example(figure)}") from None
    if figure.kind == "rate":
        value = re.sub(r"\s*/\s*s$", "", value)
    return parse_number(value)


def _example(figure: Figure) -> str:
    return {"money": "$90k", "duration": "1.5s or 800ms", "share": "95% or 0.95", "ratio": "80% or 0.8", "rate": "5 or 5/s"}.get(
        figure.kind, "64"
    )


def _wrong(text: str, at: int, what: str) -> InputError:
    """What is wrong at a place of a gate, the gate, and a mark under the place; columns count from 1."""
    before = visible(text[:at])
    return InputError(f"{OPTION}: column {at + 1}: {what}\n    {visible(text)}\n    {' ' * len(before)}^")
