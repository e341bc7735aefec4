"""Which GPU of our catalogue a row of a SkyPilot catalogue means.

The instance type says it where we know it. Otherwise the name of the accelerator does, with these traps: a plain `A100` there is
the one with 40 GB and a plain `V100` the one with 16 GB; a plain `H100` is the PCIe card where the file names an `H100-SXM` too,
or where the instance type says so (Lambda's gpu_1x_h100_pcie); the memory under `SizeInMiB` is in GB at some providers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu
from sim.catalog.known_as import compared, find_gpu
from sim.errors import InputError

_PLAIN: Mapping[str, str] = MappingProxyType({"a100": "a100-40gb", "v100": "v100-16gb"})
_FORMS = ("pcie", "sxm", "nvl")
_MEMORY = re.compile(r"'SizeInMiB': *([0-9]{1,7})(\.0)?[,}]")
_SMALLEST_MIB = 1000
"""Below, a memory is in GB whatever its key says: no GPU has less than a GB."""
_TOLERANCE = 0.12
"""An "80 GB" H100 has 79.65 GiB, a "288 GB" B300 268."""


class SkyPilotGpus:
    """The GPUs of one catalogue file, found once for each way they are written."""

    def __init__(self, catalog: Catalog, provider: str, names: frozenset[str]) -> None:
        """`names` are all accelerators that the file names."""
        self._catalog = catalog
        self._provider = provider
        self._names = frozenset(map(compared, names))
        self._found: dict[tuple[str, str, float | None], str | None] = {}

    def gpu(self, machine: str, accelerator: str, about: str) -> str | None:
        """The catalogue's name of a row's GPU, None for one that is not there; `about` is the row's GpuInfo."""
        memory = memory_gb(about)
        key = (machine, accelerator, memory)
        if key not in self._found:
            known = self._catalog.machines().get(machine, self._provider) if machine else None
            self._found[key] = known.gpu if known else self._named(machine, accelerator, memory)
        return self._found[key]

    def _named(self, machine: str, accelerator: str, memory: float | None) -> str | None:
        plain = compared(accelerator)
        tries = [_PLAIN[plain]] if plain in _PLAIN else []
        if not any(form in plain for form in _FORMS):
            said = next((form for form in _FORMS if form in machine.lower()), None)
            if said:
                tries.append(f"{accelerator}-{said}")
            elif plain + "sxm" in self._names:
                tries.append(f"{accelerator}-pcie")
        # Google's "mega" machines have the same H100 with a faster network.
        tries.append(accelerator.lower().removesuffix("-mega"))
        if memory:
            tries.append(f"{accelerator}-{memory:.0f}gb")
        for name in tries:
            gpu = self._gpu(name)
            if gpu and (memory is None or abs(gpu.memory_gib / memory - 1.0) <= _TOLERANCE):
                return gpu.name
        return None

    def _gpu(self, name: str) -> Gpu | None:
        try:
            return find_gpu(self._catalog, name)
        except InputError:
            return None

    @cached_property
    def home_regions(self) -> tuple[str, ...]:
        """The regions in which our catalogue has prices of the provider, most often named first: which one is meant where none is said."""
        counts: dict[str, int] = {}
        for name in self._catalog.names("gpu"):
            for price in self._catalog.gpu(name).prices:
                if price.provider == self._provider and price.region:
                    counts[price.region] = counts.get(price.region, 0) + 1
        return tuple(sorted(counts, key=lambda region: (-counts[region], region)))


def memory_gb(about: str) -> float | None:
    """The memory of one GPU that a GpuInfo states, in GB as its maker counts them; None where it states none."""
    said = _MEMORY.search(about)
    if said is None or not int(said[1]):
        return None
    return int(said[1]) / 1024 if int(said[1]) >= _SMALLEST_MIB else float(said[1])
