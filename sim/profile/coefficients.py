"""The coefficients of the step-time physics: what share of a GPU's peaks is reached, and what an engine adds to every step.

They live in `models/profiles/engines.yaml`, fitted jointly to all measurements rather than one set a configuration, so that a GPU,
an LLM or a tensor parallel size nobody measured is estimated by the same few numbers. The error beside them is that of points held out.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Precision
from sim.catalog.llm import KvPrecision
from sim.catalog.strict import AsOf, Count, Name, NotNegative, Positive, Share, Source, Strict
from sim.errors import InputError, nearest

Evidence = Literal["calibrated", "assumed"]
Label = Literal["measured", "calibrated", "estimated"]
_EIGHT_BITS = ("fp8", "int8")


class ByPrecision(Strict):
    """A share of a peak rate for weights of each precision."""

    bf16: Share
    fp8: Share
    int8: Share
    int4: Share
    fp4: Share

    def at(self, precision: Precision) -> float:
        """The share for one precision."""
        return float(getattr(self, precision))


class ByKvPrecision(Strict):
    """A share of a peak rate for KV caches of each precision: fp8 is half the bytes but has to be converted."""

    bf16: Share
    fp8: Share

    def at(self, precision: KvPrecision) -> float:
        """The share for one precision."""
        return float(getattr(self, precision))


class Exponents(Strict):
    """p of the smooth maximum (reading^p + computing^p)^(1/p): how well the two overlap, in kernels of 16 bits and of 8."""

    bf16: float = Field(ge=1)
    fp8: float = Field(ge=1)

    def at(self, precision: Precision) -> float:
        """The exponent for one precision."""
        return self.fp8 if precision in _EIGHT_BITS else self.bf16


class ReadingFactor(Strict):
    """Time to read weights in a step of more than 8 tokens over that of up to 8: other matrix kernels run for larger batches."""

    upto_16: Positive
    upto_32: Positive
    upto_64: Positive
    upto_128: Positive
    more: Positive

    def at(self, tokens: float) -> float:
        """The factor for a step of so many tokens."""
        if tokens <= 8:
            return 1.0
        return self.upto_16 if tokens <= 16 else self.upto_32 if tokens <= 32 else self.upto_64 if tokens <= 64 else (
            self.upto_128 if tokens <= 128 else self.more
        )  # fmt: skip


class ReadingFactors(Strict):
    """The factors of kernels of 16 bits (those of four bits too, which unpack into 16), and of 8 bits."""

    bf16: ReadingFactor
    fp8: ReadingFactor

    def at(self, precision: Precision, tokens: float) -> float:
        """The factor for weights of a precision and a step of so many tokens."""
        return (self.fp8 if precision in _EIGHT_BITS else self.bf16).at(tokens)


class KernelShares(Strict):
    """What share of its kernels' rate an engine keeps, in 16 bits and in 8; above 1 where its kernels are newer than those timed."""

    bf16: Positive
    fp8: Positive

    def at(self, precision: Precision) -> float:
        """The share for one precision."""
        return self.fp8 if precision in _EIGHT_BITS else self.bf16


class ByPrecisionUs(Strict):
    """Microseconds for weights of each precision."""

    bf16: NotNegative
    fp8: NotNegative
    int8: NotNegative
    int4: NotNegative
    fp4: NotNegative

    def at(self, precision: Precision) -> float:
        """The time for one precision, in microseconds."""
        return float(getattr(self, precision))


class Hardware(Strict):
    """What share of its data sheet a family of GPUs reaches, whatever the engine."""

    name: Name
    gpus: tuple[Name, ...]
    """Catalogue names that belong to the family; GPUs of no family take the one called `default`."""
    measured_gpus: tuple[Name, ...]
    """Those of them on which an engine was measured; the others take its shares of other peaks."""
    measured_precisions: tuple[Precision, ...]
    """Precisions of weights that an engine was measured with; the shares of others are those of kernels, or assumed."""
    weights_share_of_bandwidth: ByPrecision
    """In steps of up to 8 tokens."""
    reading_factor: ReadingFactors
    ridge_exponent: Exponents
    compute_share_of_peak: ByPrecision
    kv_share_of_bandwidth: ByKvPrecision
    attention_share_of_peak: Share
    """Of the bf16 peak: attention of a prompt is computed in 16 bits."""
    link_share_of_peak: Share
    decode_error: Positive
    prefill_error: Positive
    """Root mean square of ln(predicted/measured) of configurations held out of the fit; for `default`, of families held out whole."""
    evidence: Evidence
    source: str = Field(min_length=3)
    as_of: AsOf


class Engine(Strict):
    """What one generation of an engine adds to the work of the GPU in every step."""

    name: Name
    era: Name
    """The years whose releases it stands for; a stack that names none gets the engine's first entry."""
    step_overhead_us: NotNegative
    layer_overhead_us: NotNegative
    layer_link_overhead_us: NotNegative
    """A layer, for each doubling of tensor parallel: synchronising twice a layer does not shrink with the message."""
    sequence_us: NotNegative
    weights_share_of_kernels: KernelShares
    compute_share_of_kernels: Positive
    """Share of the kernels' compute rate that the engine keeps; the product with the kernels' own share is at most 1."""
    attention_share_of_kernels: Positive = 1.0
    front_end_ms: NotNegative = 0.0
    """From the arrival of a request to its place in the scheduler's queue: HTTP, templates, tokens, hand-over; no part of a step."""
    uncaptured_layer_us: NotNegative = 0.0
    """Least time of a layer in a step too long for a captured graph: the host launches its kernels one by one."""
    captured_tokens: Count = 512
    """Longest step that runs as a captured graph."""
    measured_on: tuple[Name, ...]
    """Families of GPUs whose measurements fixed these numbers; elsewhere the error is that of a family held out."""
    decode_error: Positive
    prefill_error: Positive
    """Root mean square of ln(predicted/measured) on configurations held out of the fit."""
    evidence: Evidence
    source: str = Field(min_length=3)
    as_of: AsOf


class ExpertKernels(Strict):
    """What mixture-of-experts layers cost beside the bytes and operations of the experts that tokens choose."""

    share_of_dense: ByPrecision
    """Share of the dense kernels' rates that grouped kernels reach: small matrices, and experts unevenly loaded."""
    layer_overhead_us: NotNegative
    """A layer: choosing experts, sorting tokens, gathering results."""
    whole_overhead_us: ByPrecisionUs
    """With whole experts on each of n GPUs, a layer beside that, times n^-`whole_exponent`: grouped kernels run over experts of one GPU."""
    whole_exponent: NotNegative
    whole_link_overhead_us: NotNegative
    """With whole experts, a layer, for each doubling of GPUs: tokens travel to the GPUs of their experts and back."""
    decode_error: Positive
    prefill_error: Positive
    """Root mean square of ln(predicted/measured), each LLM held out on one kind of GPU; prompts, never measured, as decodes."""
    evidence: Evidence
    source: str = Field(min_length=3)
    as_of: AsOf


class Coefficients(Strict):
    """The whole file: families of GPUs, engines, and the few constants shared by all."""

    hidden_passes: NotNegative
    """Times that norms and residuals move a token's hidden state through memory in one layer, on every GPU of a group."""
    ffn_passes: NotNegative
    """Times that the activation moves a token's feed-forward state through memory in one layer, shared by the group."""
    process_gib_per_gpu: NotNegative
    """Memory of the driver context, the communication buffers and the captured graphs."""
    activation_copies: NotNegative
    """Copies of the widest intermediate of a layer alive at once in a full step."""
    experts: ExpertKernels
    hardware: tuple[Hardware, ...] = Field(min_length=1)
    engines: tuple[Engine, ...] = Field(min_length=1)
    sources: tuple[Source, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_default(self) -> Coefficients:
        if all(family.name != "default" for family in self.hardware):
            raise ValueError("hardware has no entry called 'default'; GPUs of no family need one")
        return self

    def family(self, gpu: str) -> Hardware:
        """The family of a GPU, `default` for one that belongs to none."""
        for family in self.hardware:
            if gpu in family.gpus:
                return family
        return next(family for family in self.hardware if family.name == "default")

    def engine(self, name: str, era: str | None = None) -> Engine:
        """An engine of an era, its first entry when none is named; InputError for an unknown engine or era."""
        named = [engine for engine in self.engines if engine.name == name]
        if not named:
            names = list(dict.fromkeys(engine.name for engine in self.engines))
            raise InputError(f"engine: found {name!r}; allowed: {', '.join(names)}{nearest(name, names)}")
        if era is None:
            return named[0]
        eras = [engine.era for engine in named]
        if era not in eras:
            raise InputError(f"engine_era: found {era!r}; allowed for {name}: {', '.join(eras)}{nearest(era, eras)}")
        return named[eras.index(era)]


def load_coefficients(catalog: Catalog | None = None) -> Coefficients:
    """`profiles/engines.yaml` of the first of the catalogue's folders that has one; InputError with every problem of the file."""
    return (catalog or Catalog.bundled()).shared("profiles/engines.yaml", Coefficients)
