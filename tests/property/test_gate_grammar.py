"""Any gate that is written by the grammar reads as what it was made of, prints as what reads the same, and decides as Python's operators do."""

from __future__ import annotations

import operator

from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError
from sim.planning.gate_figures import EDGES, FIGURES, figure_named
from sim.planning.gate_grammar import OPS, parse_gate

UNITS = {
    "money": {"": 1.0, "$": 1.0, "k": 1e3, "USD": 1.0, "M": 1e6},
    "duration": {"": 1.0, "s": 1.0, "ms": 1e-3, "min": 60.0},
    "share": {"": 1.0, "%": 0.01},
    "ratio": {"": 1.0, "%": 0.01},
    "rate": {"": 1.0, "/s": 1.0},
    "number": {"": 1.0, "k": 1e3},
}
COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq}
spaces = st.sampled_from(["", " ", "   "])


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str, str, float, bool]:
    """A gate, its name, comparison, limit, and whether that is relative."""
    latency = draw(st.booleans())
    if latency:
        name = f"{draw(st.sampled_from(['ttft', 'tpot', 'e2e']))}_p{draw(st.integers(1, 99))}"
        figure = figure_named(name)
        assert figure is not None
    else:
        figure = draw(st.sampled_from(FIGURES))
        name = figure.short + (f".{draw(st.sampled_from(EDGES))}" if figure.banded else "")
    delta = not figure.paired and draw(st.booleans())
    unit = draw(st.sampled_from(sorted(UNITS[figure.kind])))
    # A share is at most one, in whatever it is written.
    most = (100 if unit == "%" else 1) if figure.kind == "share" else 9999
    number = draw(st.integers(0, most * 100 - (delta and most == 1))) / 100
    shown = f"{number:.2f}" if number != round(number, 1) else f"{number:g}"
    text = f"${shown}" if unit == "$" else f"{shown}{draw(spaces)}{unit}" if unit else shown
    op = draw(st.sampled_from(OPS))
    gate = f"{draw(spaces)}{'delta.' if delta else ''}{name}{draw(spaces)}{op}{draw(spaces)}{text}{draw(spaces)}"
    return gate, ("delta." if delta else "") + name, op, number * UNITS[figure.kind][unit], delta and unit == "%"


@given(written())
def test_a_gate_reads_as_it_was_made(made: tuple[str, str, str, float, bool]) -> None:
    text, name, op, limit, relative = made
    gate = parse_gate(text, pair=True)
    assert (gate.name, gate.op, gate.relative) == (name, op, relative)
    assert abs(gate.limit - limit) <= 1e-12 * abs(limit)
    again = parse_gate(str(gate), pair=True)
    assert again == gate and str(again) == str(gate)


@given(written(), st.integers(-10_000, 10_000))
def test_a_gate_decides_as_its_operator(made: tuple[str, str, str, float, bool], steps: int) -> None:
    gate = parse_gate(made[0], pair=True)
    # Far enough from the limit for rounding not to matter, or on it.
    value = gate.limit + steps * max(abs(gate.limit), 1.0) / 1000
    assert gate.fails(value) == COMPARE[gate.op](value, gate.limit)


@given(st.text(max_size=60))
def test_any_text_is_a_gate_or_a_mistake_with_its_place(text: str) -> None:
    try:
        parse_gate(text, pair=True)
    except InputError as error:
        first, shown, mark = str(error).split("\n")
        assert first.startswith("--fail-if: column ")
        assert shown.isprintable() and mark.strip() == "^" and mark.index("^") <= len(shown)
