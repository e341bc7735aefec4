"""Scaling policies of an Amazon auto-scaling group as the law of a pool."""

from __future__ import annotations

from typing import Any

from sim.errors import visible
from sim.iac.groups import Law, View, law_of_metric
from sim.iac.terraform_resource import Resource
from sim.units import SECONDS_PER_MINUTE, share_of_percent

_NEVER = 10_000
"""Datapoints in a row below the target: a week of minutes."""


def law_of(view: View, group: Resource, notes: list[str]) -> tuple[Law | None, float | None]:
    """What moves a group, and the warm-up of its machines in seconds; the first policy that can be modelled counts."""
    law: Law | None = None
    warm_up_s: float | None = None
    for policy in view.of_types("aws_autoscaling_policy"):
        if not _is_of(view, policy, group):
            continue
        warm_up_s = warm_up_s or policy.number("estimated_instance_warmup")
        kind = policy.text("policy_type") or "SimpleScaling"
        if kind != "TargetTrackingScaling":
            notes.append(f"{policy.shown}: policy_type {visible(kind[:40])} is not modelled (target tracking is)")
            continue
        found = _target_tracking(policy, notes)
        if law is not None and found is not None:
            notes.append(f"{policy.shown}: left out: one policy moves a pool here, and the first is taken")
        law = law or found
    for schedule in view.of_types("aws_autoscaling_schedule"):
        if _is_of(view, schedule, group):
            notes.append(f"{schedule.shown}: scheduled sizes are not read (a stack has law: schedule)")
    if law is not None and warm_up_s:
        # A machine that warms up is not counted yet, so that nothing is added for it again.
        law = Law({**law.keys, "out_cooldown": warm_up_s}, law.per_machine)
    return law, warm_up_s


def _is_of(view: View, policy: Resource, group: Resource) -> bool:
    name = policy.text("autoscaling_group_name")
    if name and name == group.text("name"):
        return True
    return view.followed(policy, "autoscaling_group_name", ("aws_autoscaling_group",)) is group


def _target_tracking(policy: Resource, notes: list[str]) -> Law | None:
    at = "target_tracking_configuration"
    target = policy.number(at, "target_value")
    predefined = policy.text(at, "predefined_metric_specification", "predefined_metric_type")
    keys: dict[str, Any] = {}
    per_machine = False
    if predefined == "ALBRequestCountPerTarget" and target:
        # Requests a minute of one target, which is a machine.
        keys, per_machine = {"law": "target_tracking", "metric": "rps", "target": target / SECONDS_PER_MINUTE}, True
    elif predefined == "ASGAverageCPUUtilization" and target:
        keys = {"law": "target_tracking", "metric": "busy", "target": min(share_of_percent(target), 1.0)}
        notes.append(
            f"{policy.shown}: assumed: CPU utilisation of {target:g} % is the share of replicas with work; the load of a CPU beside "
            "GPUs is not modelled"
        )
    elif predefined:
        notes.append(f"{policy.shown}: {visible(predefined[:60])} is not modelled")
    else:
        law = law_of_metric(_metric(policy, at), target, "target_tracking", policy.shown, notes)
        keys = dict(law.keys) if law is not None else {}
    if not keys:
        return None
    if policy.find(at, "disable_scale_in") is True:
        keys["in_datapoints"] = _NEVER
        notes.append(f"{policy.shown}: disable_scale_in: machines go only after a week below the target, the longest that is modelled")
    return Law(keys, per_machine)


def _metric(policy: Resource, at: str) -> str:
    """The name of the metric that is followed; of several in an expression the first that is measured."""
    part = (at, "customized_metric_specification")
    name = policy.text(*part, "metric_name")
    if name:
        return name
    for each in policy.blocks(*part, "metrics"):
        name = Resource("", "", "", "", each).text("metric_stat", "metric", "metric_name")
        if name:
            return name
    return ""
