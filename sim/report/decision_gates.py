"""The decision tree as it is drawn: every question, its branches with the one that is taken, and what each rules out."""

from __future__ import annotations

from collections.abc import Mapping

from sim.decision.gate_case import Step
from sim.decision.gates import Tree
from sim.report.section import Section

TAKEN, NOT_TAKEN, OUT = "=>", " -", " x"


def gates_sections(tree: Tree) -> list[Section]:
    """The tree, and what is left after the last question."""
    rows = [("Gates", f"{TAKEN} the branch that is taken, {OUT.strip()} what it rules out")]
    for number, step in enumerate(tree.steps, start=1):
        rows += _step(number, step)
    left = ", ".join(tree.left) if tree.left else "nothing"
    rows.append(("  left", left))
    return [Section("Gates", rows, facts=True)]


def _step(number: int, step: Step) -> list[tuple[str, str]]:
    rows = [(f"  {number} {step.name}", step.question)]
    for k, branch in enumerate(step.branches):
        taken = k == step.taken
        text = f"{branch.answer}: {step.why}; {branch.then}" if taken else branch.answer
        rows.append(("", f"{TAKEN if taken else NOT_TAKEN} {text}"))
    rows += [("", f"{OUT} {', '.join(names)}: {reason}") for reason, names in _by_reason(step.ruled_out).items()]
    return rows


def _by_reason(ruled_out: Mapping[str, str]) -> dict[str, list[str]]:
    """Strategies that are out for the same reason, told together."""
    found: dict[str, list[str]] = {}
    for name, reason in ruled_out.items():
        found.setdefault(reason, []).append(name)
    return found
