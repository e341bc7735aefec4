"""The candidates of a space: every combination of its lists as settings over the stack that the plan begins with.

A candidate's settings replace `deployments` and, where it has other ways out, `routing` as a whole, so that what it runs is a stack like
any other. `short_settings` are those of the same stack with k replicas gone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from sim.errors import InputError, nearest
from sim.planning.points import Value
from sim.planning.pool_choice import Fleet, bounds_of, fleets, with_fleet
from sim.planning.space import Overflow, Space
from sim.planning.ways_out import Outs, with_outs
from sim.stack.gpu_deployment import GpuDeployment
from sim.stack.read import StackFile

MOST_CANDIDATES = 20_000
_KEYS = ("gpu", "tensor_parallel", "precision", "max_num_seqs", "max_num_batched_tokens")


@dataclass(frozen=True)
class Candidate:
    """One stack of a space: its number from 0, what was chosen in each list, and the settings that this means."""

    number: int
    values: tuple[tuple[str, Value], ...]
    settings: tuple[str, ...]
    short_settings: tuple[str, ...] | None
    """With replicas gone; None where there are not so many. The same as `settings` where none is to go."""

    @property
    def words(self) -> str:
        """What was chosen, in one line."""
        return ", ".join(f"{name} {value}" for name, value in self.values)


def pool_of(stack: StackFile, given: str | None) -> str:
    """The pool that is varied; InputError where there is none of that name, or several and none is named."""
    names = [name for name, each in stack.stack.deployments.items() if isinstance(each, GpuDeployment)]
    if given is not None:
        if given not in names:
            raise InputError(
                f"deployment: {given!r} is no gpu deployment of {stack.name}; allowed: {', '.join(names) or 'none: it has no GPUs'}"
                f"{nearest(given, names)}"
            )
        return given
    if not names:
        raise InputError(
            f"{stack.name} has no deployment of kind gpu that could be varied; allowed: another --stack, or a space (--space) of settings"
        )
    if len(names) > 1:
        raise InputError(
            f"{stack.name} has {len(names)} gpu deployments; the space must name the one to vary (deployment): {', '.join(names)}"
        )
    return names[0]


Machine = Callable[[tuple[str, ...]], int]
"""How many replicas of the pool stand on one machine, by the settings of a candidate."""


def candidates(space: Space, stack: StackFile, redundancy: int = 0, *, machine: Machine | None = None) -> tuple[Candidate, ...]:
    """Every candidate once, in the order of the lists; InputError for a space that does not go with the stack, or is too large.

    In the short settings `redundancy` replicas are gone, or, where `machine` says how many stand on one, as many as that.
    """
    varied = space.model_fields_set - {"description", "settings"}
    spared = redundancy > 0 or machine is not None
    pool = pool_of(stack, space.deployment) if varied or spared else ""
    if pool:
        _check(space, stack, pool)
    keys = [(key, getattr(space, key)) for key in _KEYS if getattr(space, key)]
    bought = [("purchase", space.purchase)] if space.purchase else []
    shares = [("reserved", space.reserved.share)] if space.reserved is not None else []
    outs = [(key, getattr(space, key)) for key in ("overflow", "fallback", "api_share") if getattr(space, key)]
    rest = list(space.settings.items())
    lists = [*keys, *bought, *shares, *outs, *rest]
    sized = fleets(space)
    count = math.prod(len(values) for _, values in lists) * len(sized)
    if count > MOST_CANDIDATES:
        sizes = " x ".join([*(f"{len(values)} {name}" for name, values in lists), f"{len(sized)} replicas"])
        raise InputError(f"--space: found {sizes} = {count:,} candidates; allowed: at most {MOST_CANDIDATES:,}")
    found: dict[tuple[str, ...], Candidate] = {}
    for combination in product(*(values for _, values in lists)):
        chosen = {name: value for (name, _), value in zip(lists, combination, strict=True)}
        for fleet in sized:
            made = _settings(stack, pool, space, chosen, fleet, 0)
            if made in found:
                continue
            short: tuple[str, ...] | None = made
            if spared:
                try:
                    short = _settings(stack, pool, space, chosen, fleet, redundancy if machine is None else machine(made))
                except LookupError:
                    short = None
            found[made] = Candidate(len(found), _values(chosen, fleet, stack, pool), made, short)
    return tuple(found.values())


def pools_of(settings: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """The pools that a candidate's settings name, each with the most replicas it may have; none where they name no deployments."""
    text = next((each.partition("=")[2] for each in settings if each.startswith("deployments=")), "{}")
    found = json.loads(text)
    return tuple((name, bounds_of(each)[1]) for name, each in found.items() if each.get("kind") == "gpu")


def _check(space: Space, stack: StackFile, pool: str) -> None:
    spec = stack.stack.deployments[pool]
    assert isinstance(spec, GpuDeployment)
    if spec.profile is not None and (space.gpu or space.tensor_parallel or space.precision):
        raise InputError(
            f"deployments.{pool} has a profile of its own, which says nothing of another gpu, tensor_parallel or precision; "
            "allowed: a space without these lists, or a stack without profile"
        )


def _settings(
    stack: StackFile, pool: str, space: Space, chosen: Mapping[str, Any], fleet: Fleet | None, gone: int
) -> tuple[str, ...]:  # fmt: skip
    """The settings of a combination; LookupError where more replicas are to go than there are."""
    data = stack.document.data
    settings: list[str] = []
    if pool:
        deployments = {name: dict(each) for name, each in data["deployments"].items()}
        own = deployments[pool]
        for key in _KEYS:
            if chosen.get(key, "stack") != "stack":
                own[key] = chosen[key]
        routing = data.get("routing") or [{"to": list(deployments)}]
        deployments, names = with_fleet(deployments, pool, fleet, chosen, space, gone)
        outs = Outs(chosen.get("overflow", "stack"), chosen.get("fallback", "stack"), float(chosen.get("api_share", 0.0)))
        deployments, rules = with_outs(deployments, routing, names, outs, space.reserved.max_wait if space.reserved else None)
        settings.append(f"deployments={_text(deployments)}")
        if rules != routing or (data.get("routing") is None and len(deployments) > 1):
            settings.append(f"routing={_text(rules)}")
    settings += [f"{key}={_text(chosen[key])}" for key in space.settings if chosen[key] != "stack"]
    return tuple(settings)


def _text(value: Any) -> str:
    """JSON, which is YAML too."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _values(chosen: Mapping[str, Any], fleet: Fleet | None, stack: StackFile, pool: str) -> tuple[tuple[str, Value], ...]:
    """What a table shows of a combination: of the lists with the pool's own value where the stack's is taken."""
    spec = stack.stack.deployments.get(pool)
    found: list[tuple[str, Value]] = []
    for name, value in chosen.items():
        if value == "stack" and name in _KEYS:
            own = getattr(spec, name)
            found.append((name, "default" if own is None else own))
        else:
            found.append((name, _shown(value)))
    if fleet is not None:
        # Behind what kind of replicas they are.
        place = max((i + 1 for i, (name, _) in enumerate(found) if name in ("gpu", "tensor_parallel")), default=0)
        found.insert(place, ("replicas", fleet.words))
    return tuple(found)


def _shown(value: Any) -> Value:
    if isinstance(value, Overflow):
        return f"{value.to} after {value.max_wait:g} s"
    if hasattr(value, "words"):
        return str(value.words)
    return value if isinstance(value, (str, int, float)) and not isinstance(value, bool) else _text(value)


def lists_of(found: Sequence[Candidate]) -> tuple[str, ...]:
    """The lists in which candidates differ, in the order of the space: all others say nothing."""
    names = list(dict.fromkeys(name for each in found for name, _ in each.values))
    return tuple(name for name in names if len({dict(each.values).get(name) for each in found}) > 1)
