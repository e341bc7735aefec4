"""Which step-time profile each deployment on GPUs was replayed with, how well it is known, and who measured it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.stack.resolved import Label, ResolvedPool, ResolvedStack

_NAMED_SOURCE = ("measured", "calibrated", "given", "assumed")
"""Labels beside which a source is a name; that of an estimate is a list of every fit that went into it."""


@dataclass(frozen=True, slots=True)
class ProfileUse:
    """The profile of one deployment. Errors are root mean squares of ln(predicted/measured); None where nobody says one."""

    deployment: str
    llm: str
    precision: str
    gpu: str
    tensor_parallel: int
    engine: str
    engine_era: str | None
    """None for a profile of one's own, which says nothing of it."""
    label: Label
    decode_error: float | None
    prefill_error: float | None
    source: str
    as_of: str

    @property
    def configuration(self) -> str:
        """What it is the profile of: `llama-3.1-70b bf16 on 4 x h100-sxm, vllm 2025`."""
        engine = self.engine if self.engine_era is None else f"{self.engine} {self.engine_era}"
        return f"{self.llm} {self.precision} on {self.tensor_parallel} x {self.gpu}, {engine}"

    @property
    def errors(self) -> str:
        """How far a step may be off: `decode +-3 %, prompts +-13 %`."""
        known = (("decode", self.decode_error), ("prompts", self.prefill_error))
        return ", ".join(f"{name} +-{error * 100:.0f} %" for name, error in known if error is not None)

    @property
    def trust(self) -> str:
        """How well it is known: `calibrated (ML.ENERGY leaderboard v3), decode +-3 %, prompts +-13 %`."""
        known = f"{self.label} ({self.source})" if self.label in _NAMED_SOURCE else self.label
        return ", ".join(part for part in (known, self.errors) if part)

    def __str__(self) -> str:
        return f"{self.deployment}: {self.configuration}: {self.trust}"


def profiles_used(resolved: ResolvedStack) -> tuple[ProfileUse, ...]:
    """The profile of every deployment on GPUs, in the order of the stack."""
    from sim.stack.resolved import ResolvedPool

    return tuple(profile_used(each, resolved) for each in resolved.deployments if isinstance(each, ResolvedPool))


def profile_used(pool: ResolvedPool, resolved: ResolvedStack) -> ProfileUse:
    """The profile of one deployment of a stack."""
    spec, at = pool.spec, f"deployments.{pool.name}."
    said = {origin.key.removeprefix(at): origin for origin in resolved.origins if origin.key.startswith(at)}
    decode_error: float | None
    if spec.profile is not None:
        era, source, as_of = None, spec.profile.source, ""
        decode_error, prefill_error = pool.error or None, None
    else:
        of_prompts = said["profile.prefill_error"]
        era, source, as_of = str(said["engine_era"].value), of_prompts.source, of_prompts.as_of
        decode_error, prefill_error = pool.error, float(of_prompts.value)
    return ProfileUse(
        deployment=pool.name, llm=spec.llm, precision=spec.precision, gpu=spec.gpu, tensor_parallel=spec.tensor_parallel,
        engine=spec.engine, engine_era=era, label=pool.label, decode_error=decode_error, prefill_error=prefill_error,
        source=source, as_of=as_of,
    )  # fmt: skip
