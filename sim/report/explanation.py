"""What a resolved stack means, and where each of its numbers comes from: as text of at most 80 columns, Markdown, or plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sim.errors import visible
from sim.report.run_profiles import profile_used
from sim.report.section import WIDTH, escaped
from sim.stack.resolved import Origin, ResolvedApi, ResolvedPool, ResolvedRule, ResolvedStack
from sim.units import show_seconds
from sim.wide import beginning, columns, left, right, wrap


def explain_data(stack: ResolvedStack) -> dict[str, Any]:
    """Everything as plain data for JSON."""
    return {
        "schema_version": 1,
        "stack": stack.name,
        "description": stack.description,
        "prices_of": stack.date.isoformat(),
        "deployments": {each.name: deployment_text(each, stack) for each in stack.deployments},
        "routing": [rule_text(rule, stack) for rule in stack.rules],
        "notes": list(stack.notes),
        "numbers": [
            {"key": o.key, "value": o.value, "unit": o.unit, "label": o.label, "source": o.source, "as_of": o.as_of} for o in stack.origins
        ],
    }


def explain_text(stack: ResolvedStack) -> str:
    """For the terminal: the deployments and the routing in words, what was guessed, then every number with its label and source."""
    lines = [*_wrapped(f"{stack.name}: {stack.description or 'no description'}"), f"prices of {stack.date.isoformat()}", ""]
    lines.append("deployments")
    for each in stack.deployments:
        lines += _wrapped(f"{each.name}: {deployment_text(each, stack)}", "  ")
    lines += ["", "routing"]
    for number, rule in enumerate(stack.rules):
        lines += _wrapped(f"{number}: {rule_text(rule, stack)}", "  ")
    if stack.notes:
        lines += ["", "guessed, chosen or left out"]
        for note in stack.notes:
            lines += _wrapped(f"- {note}", "  ")
    sources = _numbered(stack.origins)
    lines += ["", "numbers (the last column: a place in the file, or a source below)"]
    for group, members in _groups(stack.origins):
        lines += ["", group]
        lines += _table([(o.key.removeprefix(f"{group}."), value_text(o), o.unit, o.label, _reference(o, sources)) for o in members])
    lines += ["", "sources"]
    for source, number in sources.items():
        lines += _wrapped(f"[{number}] {source}", "  ")
    return "\n".join(lines)


def explain_markdown(stack: ResolvedStack) -> str:
    """The same as a Markdown page."""
    title = [f"# {escaped(stack.name)}", "", escaped(stack.description), "", f"Prices of {stack.date.isoformat()}.", ""]
    lines = [*title, "## Deployments", "", *(f"- `{each.name}`: {escaped(deployment_text(each, stack))}" for each in stack.deployments)]
    lines += ["", "## Routing", "", *(f"{number + 1}. {escaped(rule_text(rule, stack))}" for number, rule in enumerate(stack.rules))]
    if stack.notes:
        lines += ["", "## Guessed, chosen or left out", "", *(f"- {escaped(note)}" for note in stack.notes)]
    lines += ["", "## Numbers", "", "| key | value | unit | label | source | as of |", "|---|---|---|---|---|---|"]
    for o in stack.origins:
        lines.append("| " + " | ".join(escaped(part) for part in (o.key, value_text(o), o.unit, o.label, o.source, o.as_of)) + " |")
    return "\n".join(lines)


def deployment_text(each: ResolvedPool | ResolvedApi, stack: ResolvedStack) -> str:
    """One deployment in a phrase."""
    if isinstance(each, ResolvedPool):
        spec = each.spec
        replicas = spec.replicas
        count = f"{replicas.max}" if replicas.min == replicas.max else f"{replicas.min} to {replicas.max}"
        law = f" by {spec.autoscaler.law}" if spec.autoscaler is not None else ""
        profile = profile_used(each, stack)
        errors = f" ({profile.errors})" if profile.errors else ""
        return (
            f"{count} x {profile.configuration}{law}; step time {each.label}{errors}; "
            f"{each.gpu_hour.usd_per_gpu_hour:g} USD a GPU-hour, {each.gpu_hour.provider} {each.gpu_hour.purchase}"
        )
    rate = each.rates.by_input_tokens[0]
    lane = f"batch lane of {each.lane_of}, " if each.lane_of else ""
    return (
        f"{lane}{each.model.name} of {each.model.vendor}, tier {each.tier}; {rate.input_usd_per_mtok:g} in and "
        f"{rate.output_usd_per_mtok:g} out USD per million tokens"
    )


def rule_text(rule: ResolvedRule, stack: ResolvedStack) -> str:
    """One rule in a phrase."""
    who = f"class {', '.join(rule.classes)}" if rule.classes else "all requests"
    if rule.min_prompt_tokens or rule.max_prompt_tokens is not None:
        who += f" with prompts from {rule.min_prompt_tokens} tokens" + (f" to {rule.max_prompt_tokens}" if rule.max_prompt_tokens else "")
    if rule.share < 1.0:
        who = f"{rule.share:.4g} of {who}"
    places = []
    for target in rule.targets:
        reasons = [*target.pass_on, *([f"a wait above {show_seconds(target.max_wait_s)}"] if target.max_wait_s is not None else [])]
        on = f" (on {', '.join(reasons)} to the next)" if reasons else ""
        places.append(f"{stack.deployments[target.deployment].name}{on}")
    return f"{who}: {', then '.join(places)}"


def value_text(origin: Origin) -> str:
    """A value with at most six significant digits; whole numbers whole."""
    if isinstance(origin.value, float):
        return f"{origin.value:.0f}" if origin.value.is_integer() and abs(origin.value) < 1e12 else f"{origin.value:.6g}"
    return str(origin.value)


def _groups(origins: Iterable[Origin]) -> list[tuple[str, list[Origin]]]:
    """Origins by deployment or rule, in the order in which they first appear."""
    groups: dict[str, list[Origin]] = {}
    for origin in origins:
        parts = origin.key.split(".")
        group = ".".join(parts[:2]) if parts[0] in ("deployments", "routing") else parts[0]
        groups.setdefault(group, []).append(origin)
    return list(groups.items())


def _numbered(origins: Iterable[Origin]) -> dict[str, int]:
    """Sources that are more than a place in the file, numbered."""
    sources: dict[str, int] = {}
    for origin in origins:
        if origin.label != "given":
            sources.setdefault(_source_text(origin), len(sources) + 1)
    return sources


def _source_text(origin: Origin) -> str:
    return f"{origin.source} ({origin.as_of})" if origin.as_of else origin.source


def _reference(origin: Origin, sources: dict[str, int]) -> str:
    if origin.label != "given":
        return f"[{sources[_source_text(origin)]}]"
    head, *place = origin.source.rsplit(":", 2)
    return f"line {place[0]}" if len(place) == 2 and place[0].isdigit() else head[:16]


def _table(rows: list[tuple[str, str, str, str, str]]) -> list[str]:
    """Rows of key, value, unit, label, reference. A key too long for its column stands whole on a line before; values are cut."""
    widths = (27, 18, 12, 10, 7)
    align: tuple[Callable[[str, int], str], ...] = (left, right, left, left, left)
    lines = []
    for key, *others in rows:
        name = visible(key)
        if columns(name) > widths[0]:
            lines += [f"  {part}" for part in wrap(name, WIDTH - 2)]
            name = ""
        cells = (name, *(_cut(other, width) for other, width in zip(others, widths[1:], strict=True)))
        lines.append("  " + " ".join(put(cell, width) for put, cell, width in zip(align, cells, widths, strict=True)).rstrip())
    return lines


def _cut(text: str, width: int) -> str:
    text = visible(text)
    return text if columns(text) <= width else beginning(text, width - 1) + "…"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return wrap(visible(text), WIDTH, indent, indent + "  ", break_hyphens=True) or [indent]
