"""How many replicas of a pool one machine carries away when it fails: what `--redundancy node` spares."""

from __future__ import annotations

from sim.errors import InputError
from sim.planning.assess import PlanStudy
from sim.planning.candidates import Machine
from sim.planning.evaluate import stack_at
from sim.planning.opened import open_study
from sim.planning.pool_choice import FLEX
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedPool


def replicas_a_machine(study: PlanStudy, pool: str) -> Machine:
    """The replicas on one machine of a candidate's pool, with its own GPU, tensor parallel and way of buying; of two parts the more.

    A machine is what is rented or bought whole (`gpus_per_node` of the stack, else as the provider sells the GPUs together, else just what
    a replica needs); a replica that spans machines is gone with one of them. Of a candidate that cannot be made: one.
    """
    opened = open_study(study)

    def found(settings: tuple[str, ...]) -> int:
        try:
            resolved = resolve(stack_at(study, settings), opened.catalog, opened.book, opened.facts)
        except InputError:
            return 1
        parts = [each for each in resolved.deployments if isinstance(each, ResolvedPool) and each.name in (pool, pool + FLEX)]
        return max((each.gpus_per_node // each.spec.tensor_parallel for each in parts), default=1) or 1

    return found
