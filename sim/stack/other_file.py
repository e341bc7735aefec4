"""Files that people give for a stack, and that say of what is run in another way: which option takes them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from sim.errors import visible

_LOOK = 1 << 18
"""Bytes that are looked at: what tells is at the top of such files, or named all over them."""
_MANIFEST = re.compile(r"^(apiVersion|kind):\s*\S", re.MULTILINE)
_STACK = re.compile(r"^(deployments|extends):", re.MULTILINE)
_JSON_MANIFEST = re.compile(r'^\s*\{.*"apiVersion"\s*:.*"kind"\s*:|^\s*\{.*"kind"\s*:.*"apiVersion"\s*:', re.DOTALL)
_PLAN = re.compile(r'^\s*\{.*"(planned_values|terraform_version|resource_changes)"\s*:', re.DOTALL)
_VARIABLES = re.compile(r'^\s*\{\s*"sim_gpu_groups"\s*:', re.DOTALL)
_HCL = (".tf", ".tfplan", ".tfvars", ".tfstate")


def option_for(path: Path, name: str) -> str:
    """What a file or folder is, and the option that takes it, `name` as it was given; nothing for what may be a stack."""
    given = shlex.quote(visible(name))
    if path.is_dir():
        stack = next((each.name for each in (path / "stack.yaml", path / "stack.yml") if each.is_file()), "")
        if stack:
            return f"a folder; did you mean {visible(str(Path(name) / stack))!r}?"
        return f"a folder; a stack is a YAML file, and a folder of Kubernetes manifests is given as --kubernetes {given}"
    if path.suffix in _HCL:
        return f"a file of Terraform; its plan as JSON (terraform show -json PLAN) is given as --terraform {given}"
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            start = file.read(_LOOK).removeprefix("\ufeff")
    except OSError:
        return ""  # whose reader says what is wrong with it
    if _VARIABLES.match(start):
        return f"variables of Terraform; they are given as --terraform {given}, with --stack or --kubernetes for what runs on the machines"
    if _JSON_MANIFEST.match(start) or (len(set(_MANIFEST.findall(start))) == 2 and not _STACK.search(start)):
        return f"Kubernetes manifests; they are given as --kubernetes {given}"
    if _PLAN.match(start):
        return f"a Terraform plan; it is given as --terraform {given}"
    return ""
