"""The decision tree with the path taken: as text of at most 80 columns, and as data."""

from __future__ import annotations

from typing import Any

from sim.decision.gate_case import Step
from sim.decision.gates import Tree
from sim.errors import visible
from sim.report.section import WIDTH
from sim.wide import wrap

_TAKEN, _OTHER = "●", "○"


def tree_text(tree: Tree) -> str:
    """Every question with its branches, the one taken marked and told, and under it what it rules out; at the end what is left."""
    lines = [line for number, step in enumerate(tree.steps, 1) for line in _step(number, step)]
    left = tree.left
    lines += wrap(f"left: {', '.join(map(visible, left)) or 'nothing'}", WIDTH, "▼ ", "  ")
    if not left:
        lines += ["", "what to relax, the fewest changes first:"]
        lines += [part for line in tree.relax for part in wrap(visible(line), WIDTH, "- ", "  ")]
    return "\n".join(lines) + "\n"


def tree_data(tree: Tree) -> list[dict[str, Any]]:
    """The steps as plain data, for JSON."""
    return [
        {
            "gate": step.name,
            "question": step.question,
            "answer": step.answer,
            "why": step.why,
            "branches": [{"answer": each.answer, "then": each.then} for each in step.branches],
            "ruled_out": [
                {
                    "strategy": name,
                    "reason": reason,
                    "relax": [
                        {"key": ".".join(each.path), "found": _plain(each.found), "needed": _plain(each.needed), "by": each.by,
                         "says": each.says}
                        for each in step.changes[name]
                    ],
                }
                for name, reason in step.ruled_out.items()
            ],
        }
        for step in tree.steps
    ]  # fmt: skip


def _step(number: int, step: Step) -> list[str]:
    lines = wrap(f"{step.name}: {step.question}", WIDTH, f"{number} ", "│ ")
    for place, branch in enumerate(step.branches):
        taken = place == step.taken
        lines += wrap(f"{_TAKEN if taken else _OTHER} {branch.answer} → {branch.then}", WIDTH, "├─", "│    ")
        if taken:
            lines += wrap(f"because: {visible(step.why)}", WIDTH, "│    ", "│    ")
            by_reason: dict[str, list[str]] = {}
            for name, reason in step.ruled_out.items():
                by_reason.setdefault(reason, []).append(name)
            for reason, names in by_reason.items():
                lines += wrap(f"✗ {visible(', '.join(names))}: {visible(reason)}", WIDTH, "│    ", "│      ")
    return [*lines, "│"]


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
