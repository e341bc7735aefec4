"""The points of a grid: the product of its axes, each with the settings that it means, or why it cannot be made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from sim.errors import InputError, input_error
from sim.planning.axes import MOST_POINTS, Axis
from sim.planning.evaluate import stack_at
from sim.planning.opened import open_study
from sim.planning.points import Point, Study
from sim.stack.gpu_deployment import GpuDeployment, Replicas
from sim.stack.outlook_read import PREFIX
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedPool

if TYPE_CHECKING:
    from sim.stack.schema import Stack

_WRONG_KEY = (": unknown key ", ": unknown deployment ", " and has no key ", "; an item number from ")
"""What messages about a key have in them, whatever the value is."""


def grid(study: Study, axes: Sequence[Axis], gpus: Axis | None = None) -> tuple[Point, ...]:
    """Every combination of the values of the axes, the last one changing fastest; `gpus` are total GPUs of the only gpu deployment.

    A number of GPUs that whole replicas on whole machines do not make is a point with a reason. InputError for no axis, an unknown
    key, axes that set the same thing, or more than MOST_POINTS points.
    """
    every = (*axes, gpus) if gpus is not None else tuple(axes)
    if not every:
        raise InputError("found nothing to vary; allowed: --over KEY=SPEC, as deployments.own.replicas.count=1:8, or --gpus 2:32:2")
    _check(study, axes)
    count = math.prod(len(axis.values) for axis in every)
    if count > MOST_POINTS:
        sizes = " x ".join(str(len(axis.values)) for axis in every)
        raise InputError(f"--over: found {sizes} = {count:,} points; at most {MOST_POINTS:,} are swept")
    fleet = _Fleet(study, axes) if gpus is not None else None
    points: list[Point] = []
    for combination in product(*(range(len(axis.values)) for axis in axes)):
        values = tuple((axis.key, axis.values[i]) for axis, i in zip(axes, combination, strict=True))
        settings = tuple(f"{axis.setting_key}={axis.texts[i]}" for axis, i in zip(axes, combination, strict=True))
        if gpus is None or fleet is None:
            points.append(Point(len(points), values, settings))
            continue
        for total in gpus.values:
            point = Point(len(points), (*values, (gpus.key, total)), settings)
            points.append(fleet.with_gpus(point, int(total)))
    return tuple(points)


def _check(study: Study, axes: Sequence[Axis]) -> None:
    """InputError for axes that set the same thing, or what `--set` sets, and for keys that a stack or an outlook does not have."""
    problems = []
    given = [setting.partition("=")[0].strip() for setting in (*study.settings, *study.outlook_settings)]
    for i, axis in enumerate(axes):
        for other in axes[:i]:
            if _overlap(axis.setting_key, other.setting_key):
                problems.append(f"--over {axis.key}: sets what --over {other.key} sets; give one of them, all values in one list")
        problems += [f"--over {axis.key}: sets what --set {key} sets; give one of them" for key in given if _overlap(axis.setting_key, key)]
        if axis.key.startswith(PREFIX) and not study.months:
            problems.append(f"--over {axis.key}: is about months, and with --months 0 there are none; allowed: --months 1 or more")
    for axis in axes:
        wrong = _wrong_key(study, axis)
        if wrong:
            problems.append(wrong)
    if problems:
        raise input_error(problems)


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _wrong_key(study: Study, axis: Axis) -> str:
    """What is wrong with the key of an axis itself, if anything: a value that fits only beside those of other axes is no mistake."""
    setting = f"{axis.setting_key}={axis.texts[0]}"
    try:
        if axis.key.startswith(PREFIX):
            if study.months:
                from sim.stack.outlook_read import read_outlook

                read_outlook(study.outlook, open_study(study).catalog, (*study.outlook_settings, setting))
        else:
            stack_at(study, (setting,))
    except InputError as error:
        for line in str(error).split("\n"):
            if axis.setting_key in line and any(part in line for part in _WRONG_KEY):
                return line.replace("--set ", "--over ", 1)
    return ""


class _Fleet:
    """The only gpu deployment of a stack, and what so many GPUs mean for it; every other combination of values is resolved once."""

    def __init__(self, study: Study, axes: Sequence[Axis]) -> None:
        self._study = study
        self._opened = open_study(study)
        self._found: dict[tuple[str, ...], ResolvedPool | str] = {}
        # Of the stack as it is: what --set lays over its replicas is refused below.
        self.name = _only_gpus(stack_at(replace(study, settings=()), ()).stack)
        own = f"deployments.{self.name}.replicas"
        for key in [axis.setting_key for axis in axes] + [setting.partition("=")[0].strip() for setting in study.settings]:
            if _overlap(key, own):
                raise InputError(f"--gpus: sets {own}, which {key} sets too; give one of them")

    def with_gpus(self, point: Point, total: int) -> Point:
        """The point with so many GPUs, or with why they cannot be had."""
        if point.settings not in self._found:
            self._found[point.settings] = self._resolved(point.settings)
        pool = self._found[point.settings]
        if isinstance(pool, str):
            return replace(point, refused=pool)
        each = pool.spec.tensor_parallel
        replicas, rest = divmod(total, each)
        if rest:
            return replace(point, refused=f"{_count(total, 'GPU')}: no whole number of replicas of {_count(each, 'GPU')}")
        paid = _with_replicas(pool, replicas).most_gpus
        if paid != total:
            machines = _count(paid // pool.gpus_per_node, "whole machine")
            needed = f"{_count(replicas, 'replica')} of {_count(each, 'GPU')}"
            return replace(point, refused=f"{_count(total, 'GPU')}: {needed} take {machines} of {pool.gpus_per_node}, {paid} in all")
        return replace(point, settings=(*point.settings, f"deployments.{self.name}.replicas={replicas}"))

    def _resolved(self, settings: tuple[str, ...]) -> ResolvedPool | str:
        try:
            file = stack_at(self._study, (*settings, f"deployments.{self.name}.replicas=1"))
            found = resolve(file, self._opened.catalog, self._opened.book, self._opened.facts)
        except InputError as error:
            return "; ".join(str(error).split("\n"))
        pool = found.deployments[found.index(self.name)]
        assert isinstance(pool, ResolvedPool)
        return pool


def _only_gpus(stack: Stack) -> str:
    names = [name for name, each in stack.deployments.items() if isinstance(each, GpuDeployment)]
    if len(names) == 1:
        return names[0]
    if not names:
        raise InputError("--gpus: the stack has no deployment of kind gpu; allowed: --over another key")
    keys = " and ".join(f"--over deployments.{name}.replicas.count=SPEC" for name in names[:2])
    raise InputError(f"--gpus: the stack has {len(names)} deployments of kind gpu ({', '.join(names)}); vary each with {keys}")


def _with_replicas(pool: ResolvedPool, count: int) -> ResolvedPool:
    # Unchecked: more than may be is said when the point is read.
    replicas = Replicas.model_construct(min=count, max=count, initial=count)
    return replace(pool, spec=pool.spec.model_copy(update={"replicas": replicas}))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
