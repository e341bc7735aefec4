"""The joint fit of the physics without some of its measurements: what it would have said of a GPU, an LLM or a batch size it had not seen.

Every refit starts from the shipped coefficients (models/profiles/engines.yaml), with those forgotten that only the left-out measurements
tell of: they go back to what fit_profiles assumes of them (`FORGOTTEN`), and what is derived from them is derived again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from types import MappingProxyType

from sim.profile.coefficients import Coefficients, load_coefficients
from sim.profile.fitting import Measurement, fit, with_values
from tests.tools import perf_data
from tests.tools.fit_kernels import kernel_values
from tests.tools.fit_profiles import FORGOTTEN, derived, free_coefficients, means_of_others, serving_runs

SAME_SHAPE = MappingProxyType({"llama-3.3-70b": "llama-3.1-70b"})
"""LLMs whose shape is that of another: leaving one out and not the other would leave nothing out."""

Chosen = Callable[[Measurement], bool]


@cache
def kernels() -> dict[str, float]:
    """What kernel timings alone decide, by the path of the coefficient."""
    return kernel_values()[0]


@cache
def measurements() -> tuple[Measurement, ...]:
    """Everything that the joint fit is fitted to; serving runs as the steps that the shipped coefficients make of them."""
    shipped = load_coefficients()
    return (*perf_data.mlenergy(), *perf_data.splitwise(), *perf_data.argonne(shipped), *serving_runs(shipped))


def refit(left_out: Chosen) -> Coefficients:
    """The joint fit to all but some measurements, where the others tell of every coefficient."""
    start, free = load_coefficients(), free_coefficients()
    found = fit([m for m in measurements() if not left_out(m)], start, free)
    return with_values(found, _derived(found))


@cache
def without_tensor_parallel(size: int) -> Coefficients:
    """Without the serving runs on so many GPUs."""
    return refit(lambda m: m.source == perf_data.INFERENCEX and m.tensor_parallel == size)


@cache
def without_serving() -> Coefficients:
    """Without any serving run: the kernels of the H200 are known, and nothing else of it nor of the newest engine's prompts."""
    return _forgetting(lambda m: m.source == perf_data.INFERENCEX, lambda path: path.startswith("hardware.h200."))


@cache
def without_family(family: str) -> Coefficients:
    """Without a family of GPUs, its kernels included: its GPUs are predicted by the means of the other families."""
    if family == "h200":
        found = without_serving()
    else:
        found = _without_family(family)
    strange = with_values(found, means_of_others(found, family, kernels()))
    hardware = [h.model_copy(update={"gpus": ()}) if h.name == family else h for h in strange.hardware]
    return strange.model_copy(update={"hardware": tuple(hardware)})


@cache
def without_llm(name: str) -> Coefficients:
    """Without an LLM on any GPU."""

    def is_it(m: Measurement) -> bool:
        return shape_name(m) == name

    served = any(is_it(m) for m in measurements() if m.source == perf_data.INFERENCEX)
    return _forgetting(is_it, lambda _: False) if served else refit(is_it)


@cache
def without_batch(source: str, batch: int) -> Coefficients:
    """Without what one source measured at a batch size."""
    return refit(lambda m: m.source == source and m.batch == batch)


def shape_name(m: Measurement) -> str:
    """The LLM of a measurement, one name for all of the same shape."""
    return SAME_SHAPE.get(m.llm.name, m.llm.name)


def llms(chosen: Sequence[Measurement]) -> list[str]:
    """The LLMs of some measurements, one name for each shape."""
    return sorted({shape_name(m) for m in chosen})


def _forgetting(left_out: Chosen, unknown: Callable[[str], bool]) -> Coefficients:
    """A refit that knows nothing of the serving runs but what is assumed, nor of the coefficients that are `unknown`."""
    of_kernels = {path: value for path, value in kernels().items() if unknown(path)}
    start = with_values(load_coefficients(), {**of_kernels, **FORGOTTEN})
    start = with_values(start, _derived(start))
    free = {path: bounds for path, bounds in free_coefficients().items() if path not in FORGOTTEN and not unknown(path)}
    found = fit([m for m in measurements() if not left_out(m)], start, free)
    return with_values(found, _derived(found))


def _derived(fitted: Coefficients) -> dict[str, float]:
    """Coefficients that follow from others; where an assumption would take a share of a peak above the whole, the whole."""
    return {path: min(value, 1.0) if "_share_of_" in path else value for path, value in derived(kernels(), fitted).items()}


def _without_family(family: str) -> Coefficients:
    free = {path: bounds for path, bounds in free_coefficients().items() if not path.startswith(f"hardware.{family}.")}
    shipped = load_coefficients()
    found = fit([m for m in measurements() if shipped.family(m.gpu.name).name != family], shipped, free)
    return with_values(found, _derived(found))
