"""The machines of a stack as variables of Terraform: `sim.auto.tfvars.json`, which Terraform loads by itself, and its declaration."""

from __future__ import annotations

import json

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_file import comment
from sim.iac.tfvars import FILE, VARIABLE, groups_of_stack
from sim.stack.schema import Stack

_TYPES = (("provider", "string"), ("machine", "string"), ("gpu", "string"), ("gpus_per_machine", "number"), ("region", "optional(string)"),
          ("purchase", "string"), ("min", "number"), ("desired", "number"), ("max", "number"))  # fmt: skip
_DESCRIPTION = """\
    Groups of GPU machines by the deployment that runs on them.
    provider: who rents them. machine: instance type; null where the catalogue knows none. gpu, gpus_per_machine: what it has.
    region: null where the stack does not say. purchase: on_demand, spot, reserved_1y and so on.
    min, desired, max: machines at least, at the start, at most.
"""


def terraform_files(stack: Stack, catalog: Catalog, title: str) -> dict[str, str]:
    """The values and the declaration of the variable. JSON holds whatever a stack says as it is: nothing in it is evaluated."""
    groups = {name: group.model_dump(mode="json") for name, group in groups_of_stack(stack, catalog).items()}
    fields = "\n".join(f"    {name.ljust(16)} = {kind}" for name, kind in _TYPES)
    declaration = f"""\
{comment(f"The machines of {title}: values are in {FILE}.")}
variable "{VARIABLE}" {{
  description = <<-EOT
{_DESCRIPTION}  EOT

  type = map(object({{
{fields}
  }}))

  validation {{
    condition     = alltrue([for group in values(var.{VARIABLE}) : group.min <= group.desired && group.desired <= group.max])
    error_message = "In each group min, desired and max must be in this order."
  }}
}}
"""
    return {FILE: json.dumps({VARIABLE: groups}, indent=2) + "\n", "variables.tf": declaration}
