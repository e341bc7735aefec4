"""What a capacity plan takes of a forecast: GPUs, nodes, hours, tokens, load and service level by month and deployment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.catalog.catalog import Catalog
from sim.cost.energy import energy_kwh
from sim.cost.replay import Replay
from sim.futures.calendar import Calendar
from sim.futures.combine import exact_hours
from sim.futures.forecast import Capacity
from sim.futures.usage import UsageLayout, ratio
from sim.stack.resolved import ResolvedPool, ResolvedStack

FloatArray = npt.NDArray[np.float64]


def capacity_of(
    usage: FloatArray, layout: UsageLayout, resolved: ResolvedStack, calendar: Calendar, catalog: Catalog, replayed: Replay
) -> Capacity:
    """Every deployment in every month of every future, `usage` being [F, M, I]."""
    shape = (*usage.shape[:2], len(resolved.deployments))
    found = {name: np.full(shape, np.nan) for name in Capacity.__dataclass_fields__}
    for d, each in enumerate(resolved.deployments):
        own = {item: usage[:, :, layout.at(each.name, item)] for name, item in layout.columns if name == each.name}
        found["requests"][:, :, d] = own["requests"]
        found["input_tokens"][:, :, d] = own["input_tokens"] + own["cached_input_tokens"]
        found["output_tokens"][:, :, d] = own["output_tokens"]
        found["slo_share"][:, :, d] = np.minimum(ratio(own["met"], own["held"]), 1.0)
        if not isinstance(each, ResolvedPool):
            continue
        paid = exact_hours(own["paid_gpu_hours"])
        present = np.minimum(own["present_gpu_hours"], paid)
        busy = np.minimum(own["busy_gpu_hours"], present)
        gpus = paid / calendar.hours
        found["gpu_hours"][:, :, d] = paid
        found["gpus"][:, :, d] = gpus
        found["nodes"][:, :, d] = gpus / each.gpus_per_node
        found["busy_share"][:, :, d] = ratio(busy, present)
        carries = replayed.measures.loads[d].saturation_per_s
        if carries is not None:
            found["load"][:, :, d] = ratio(own["offered"], own["ready_replica_s"] * carries)
        upkeep = each.upkeep
        if upkeep is not None:
            # The same energy as on the bill: drawn all the time, with the losses of the building.
            found["energy_kwh"][:, :, d] = energy_kwh(gpu_hours=paid, power_w=upkeep.power_w, busy_share=1.0, pue=upkeep.pue)
            continue
        power_w = catalog.gpu(each.spec.gpu).power_w
        if power_w is not None:
            found["energy_kwh"][:, :, d] = energy_kwh(gpu_hours=paid, power_w=power_w, busy_share=np.nan_to_num(ratio(busy, paid)))
    return Capacity(**found)
