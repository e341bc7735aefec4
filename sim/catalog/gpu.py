"""A GPU as its data file describes it: memory, bandwidth, peak rates, power, and what an hour of it costs where.

Memory is in GiB (2^30 bytes) as the driver reports it, which is what an engine can use: an "80 GB" H100 reports 81559 MiB.
Bandwidth and rates are decimal (TB/s = 10^12 bytes/s, TFLOP/s = 10^12 operations/s), dense, without sparsity.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sim.catalog.strict import Alias, AsOf, Count, Name, NodeLabel, NotNegative, Positive, Source, Strict

Precision = Literal["bf16", "fp8", "int8", "int4", "fp4"]
"""Of weights: 16-bit floats of either kind, 8-bit floats, integers, and 4-bit floats with a scale for each group (NVFP4, MXFP4)."""

Purchase = Literal["on_demand", "on_demand_community", "marketplace", "spot", "capacity_block", "reserved_1y", "reserved_3y"]
"""How an hour is bought. `on_demand_community`: machines of third parties let through a provider; `capacity_block`: days
reserved in advance; `marketplace`: the median offer of a market."""


class Interconnect(Strict):
    """What joins the GPUs of a node: GB/s (10^9 bytes/s) of one GPU in one direction."""

    kind: Literal["nvlink", "infinity_fabric", "pcie"]
    gb_per_s: Positive


class GpuPrice(Strict):
    """One list price: USD for one GPU for one hour, whatever size of instance it is sold in."""

    provider: Name
    purchase: Purchase
    usd_per_gpu_hour: Positive
    region: str | None = None
    gpus_sold_together: Count | None = None
    """Billed in whole multiples of so many GPUs. Unknown where the source does not say."""
    low_usd_per_gpu_hour: Positive | None = None
    """Where zones differ, the cheapest one; `usd_per_gpu_hour` is then the dearest."""
    source: str = Field(min_length=3)
    as_of: AsOf
    assumed: bool = False


class StreetPrice(Strict):
    """What buying one GPU costs, USD, with its spread."""

    usd: Positive
    low_usd: Positive
    high_usd: Positive
    source: str = Field(min_length=3)
    as_of: AsOf
    assumed: bool = False


class Gpu(Strict):
    """One kind of GPU; peak rates that the hardware lacks are absent."""

    name: Name
    aliases: tuple[Alias, ...] = ()
    """Other names of the same GPU (sim/catalog/known_as.py)."""
    product: NodeLabel | None = None
    """What Kubernetes calls it in the labels of a node: `nvidia.com/gpu.product` or `amd.com/gpu.product-name`."""
    maker: Literal["nvidia", "amd"]
    memory_gib: Positive
    memory_bandwidth_tb_per_s: Positive
    peak_bf16_tflops: Positive
    peak_fp8_tflops: Positive | None = None
    peak_int8_tops: Positive | None = None
    peak_fp4_tflops: Positive | None = None
    power_w: Positive
    interconnect: Interconnect
    gpus_per_node: Count
    """GPUs of one machine: what is bought and what fails together."""
    linked_gpus: Count | None = None
    """GPUs that the interconnect joins at its full rate, where that is more than one machine (NVL72)."""
    purchase: StreetPrice | None = None
    default_provider: Name | None = None
    """Whose price is taken when a stack names none."""
    prices: tuple[GpuPrice, ...] = ()
    sources: tuple[Source, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _default_is_sold(self) -> Gpu:
        if self.default_provider and all(price.provider != self.default_provider for price in self.prices):
            raise ValueError(f"default_provider {self.default_provider!r} has no price here; name one that has")
        return self

    @property
    def largest_group(self) -> int:
        """GPUs that may share a model by tensor parallelism: those joined at the full rate of the interconnect."""
        return self.linked_gpus or self.gpus_per_node

    @property
    def memory_bytes(self) -> float:
        """Memory of one GPU in bytes, all of it."""
        return self.memory_gib * 2**30

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """Peak memory bandwidth in bytes a second."""
        return self.memory_bandwidth_tb_per_s * 1e12

    def peak_flops(self, precision: Precision) -> float:
        """Peak dense operations a second for weights of a precision.

        int4 weights are multiplied in bf16 (weight-only quantisation), and so are fp8 and fp4 weights where the GPU has no such rate.
        """
        if precision == "fp8" and self.peak_fp8_tflops is not None:
            return self.peak_fp8_tflops * 1e12
        if precision == "int8" and self.peak_int8_tops is not None:
            return self.peak_int8_tops * 1e12
        if precision == "fp4" and self.peak_fp4_tflops is not None:
            return self.peak_fp4_tflops * 1e12
        return self.peak_bf16_tflops * 1e12


class Provider(Strict):
    """Who rents GPUs by the hour, and how a life of a machine is rounded on the bill."""

    name: Name
    billing_unit_s: Positive
    """Lives are rounded up to whole units."""
    minimum_s: NotNegative = 0.0
    spot_notice_s: NotNegative | None = None
    sources: tuple[Source, ...] = Field(min_length=1)
