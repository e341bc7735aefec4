"""Which deployments of a stack the lines of a vendor's bill are for, where there is no doubt.

A line that names a model, and perhaps a kind of token, stands for the deployment of that vendor's model if the stack has exactly one.
Everything else (machines, services, support) may serve anything, so that only the user can say what it is for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sim.planning.invoices.paid import Invoice
from sim.stack.resolved import ResolvedApi, ResolvedStack

_DATED = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|latest)$", re.ASCII)


def known_names(invoice: Invoice, stack: ResolvedStack, given: Mapping[str, str]) -> dict[str, str]:
    """What lines of a bill stand for, as `deployment/item` or a deployment; what the user says of a line or deployment (`given`) wins."""
    apis = [each for each in stack.deployments if isinstance(each, ResolvedApi) and each.lane_of is None]
    taken = {line.partition("/")[0] for line in given.values()}
    names: dict[str, str] = {}
    for line, meaning in invoice.meanings.items():
        model = same_name(meaning.model)
        fits = [api for api in apis if meaning.vendor in ("", api.model.vendor) and same_name(api.model.model) == model]
        if len(fits) == 1 and line not in given and fits[0].name not in taken:
            names[line] = f"{fits[0].name}/{meaning.item}" if meaning.item else fits[0].name
    return names


def same_name(model: str) -> str:
    """A model's name as all write it: lower case, without the provider before it and the day of its release after it."""
    name = re.sub(r"[^a-z0-9]+", "-", model.lower().rsplit("/", 1)[-1]).strip("-")
    return _DATED.sub("", name)
