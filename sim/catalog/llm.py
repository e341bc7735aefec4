"""An open-weight model as its data file describes it: the shape that fixes its memory and its arithmetic.

Parameters follow from the shape (decoder-only transformer): an input embedding, in each layer attention and feed-forward
matrices, and an output head unless it is tied to the embedding. Norms and biases are counted where a file gives them; the
stated totals are checked against the shape by a test, to 0.3 %.
KV cache of one token: keys and values of every layer, 2 x layers x kv heads x head size; with multi-head latent attention
(DeepSeek-V2, arXiv 2405.04434) one latent vector and one shared rotary key a layer, which tensor parallelism cannot split.
"""

from __future__ import annotations

from math import ceil
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from sim.catalog.gpu import Precision
from sim.catalog.strict import Alias, Count, Name, Repository, Source, Strict

KvPrecision = Literal["bf16", "fp8"]

# A group of 128 int4 weights shares a 16-bit scale and a 4-bit zero point (AWQ and GPTQ checkpoints); one of fp4 an 8-bit scale.
_WEIGHT_BYTES = MappingProxyType({"bf16": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.5 + (2.0 + 0.5) / 128, "fp4": 0.5})
_FP4_SCALE_BYTES = 1.0
_KV_BYTES = MappingProxyType({"bf16": 2.0, "fp8": 1.0})


class GroupedAttention(Strict):
    """Query heads in groups that share one key and value head; as many groups as heads is plain multi-head attention."""

    kind: Literal["gqa"]
    heads: Count
    kv_heads: Count
    head_size: Count


class LatentAttention(Strict):
    """Multi-head latent attention: keys and values are rebuilt from one cached latent vector a token."""

    kind: Literal["mla"]
    heads: Count
    q_lora_rank: Count | None = None
    """None: queries are projected at once (DeepSeek-V2-Lite)."""
    kv_lora_rank: Count
    qk_nope_head_size: Count
    qk_rope_head_size: Count
    v_head_size: Count


class Experts(Strict):
    """A mixture of experts in place of the feed-forward matrices of all layers but some (`dense_layers` of them)."""

    routed: Count
    per_token: Count
    shared: int = Field(default=0, ge=0)
    ffn_size: Count
    dense_layers: int = Field(default=0, ge=0)


class SlidingWindow(Strict):
    """Layers that attend to the last tokens only, and so keep no more of them."""

    layers: Count
    window_tokens: Count


class Llm(Strict):
    """One open-weight model; sizes are numbers of parameters or elements, not bytes."""

    name: Name
    aliases: tuple[Alias, ...] = ()
    """Other names of models of exactly this shape (sim/catalog/known_as.py)."""
    repository: Repository | None = None
    """A repository of the Hugging Face hub that holds it, the one that the publisher tuned for instructions where there is one."""
    family: str
    total_params: Count
    active_params: Count
    """Parameters that one token passes through; the same as all of them without experts."""
    layers: Count
    hidden_size: Count
    ffn_size: Count
    ffn_matrices: Literal[2, 3] = 3
    """3 with a gate (SwiGLU, GeGLU), 2 without."""
    vocab_size: Count
    tied_embeddings: bool = False
    attention: Annotated[GroupedAttention | LatentAttention, Field(discriminator="kind")]
    experts: Experts | None = None
    sliding_window: SlidingWindow | None = None
    max_context_tokens: Count
    published_precision: Precision = "bf16"
    """Of the weights as the publisher gives them out, where a name says no other."""
    quantised_parts: Literal["matrices", "experts", "feed_forward"] = "matrices"
    """What is below 16 bits in quantised checkpoints: all matrices of the layers, the routed experts alone (gpt-oss), or the dense
    feed-forward matrices alone (the fp8 checkpoint that Meta gives out of Llama 3.1 405B)."""
    fp4_group: Literal[16, 32] = 16
    """fp4 weights that share a scale: 16 in NVFP4, 32 in MXFP4."""
    sources: tuple[Source, ...] = Field(min_length=1)

    @property
    def embedding_params(self) -> int:
        """Parameters of the input embedding and, when it is not tied, of the output head."""
        return self.vocab_size * self.hidden_size * (1 if self.tied_embeddings else 2)

    @property
    def head_params(self) -> int:
        """Parameters read to turn the last hidden state into a token (the output head, tied or not)."""
        return self.vocab_size * self.hidden_size

    @property
    def attention_params_per_layer(self) -> int:
        """Parameters of the attention matrices of one layer."""
        a, hidden = self.attention, self.hidden_size
        if isinstance(a, GroupedAttention):
            return hidden * a.head_size * (2 * a.heads + 2 * a.kv_heads)
        qk = a.qk_nope_head_size + a.qk_rope_head_size
        queries = hidden * a.heads * qk if a.q_lora_rank is None else a.q_lora_rank * (hidden + a.heads * qk)
        return (
            queries
            + hidden * (a.kv_lora_rank + a.qk_rope_head_size)
            + a.kv_lora_rank * a.heads * (a.qk_nope_head_size + a.v_head_size)
            + a.heads * a.v_head_size * hidden
        )

    @property
    def matrix_params(self) -> int:
        """Parameters of all layers, every expert included: what quantisation shrinks."""
        return self._layer_params(None)

    @property
    def active_matrix_params(self) -> int:
        """Parameters of all layers that one token passes through."""
        return self._layer_params(self.experts.per_token if self.experts else None)

    def _layer_params(self, routed: int | None) -> int:
        dense = self.ffn_matrices * self.hidden_size * self.ffn_size
        e = self.experts
        if e is None:
            return self.layers * (self.attention_params_per_layer + dense)
        used = e.routed if routed is None else routed
        mixture = self.ffn_matrices * self.hidden_size * e.ffn_size * (used + e.shared) + self.hidden_size * e.routed
        mixed = self.layers - e.dense_layers
        return self.layers * self.attention_params_per_layer + e.dense_layers * dense + mixed * mixture

    @property
    def params_per_expert(self) -> int:
        """Parameters of one routed expert of one layer; 0 without experts."""
        return 0 if self.experts is None else self.ffn_matrices * self.hidden_size * self.experts.ffn_size

    @property
    def quantised_params(self) -> int:
        """Parameters of the layers that a precision below 16 bits shrinks."""
        e = self.experts
        if self.quantised_parts == "feed_forward":
            return (self.layers if e is None else e.dense_layers) * self.ffn_matrices * self.hidden_size * self.ffn_size
        if self.quantised_parts == "matrices" or e is None:
            return self.matrix_params
        return (self.layers - e.dense_layers) * e.routed * self.params_per_expert

    def bytes_per_quantised_param(self, precision: Precision) -> float:
        """Bytes of one parameter of the quantised parts, its share of scales and zero points included."""
        return _WEIGHT_BYTES[precision] + (_FP4_SCALE_BYTES / self.fp4_group if precision == "fp4" else 0.0)

    def matrix_bytes(self, precision: Precision, routed: float | None = None) -> float:
        """Bytes of the matrices of all layers, with all routed experts of a layer or so many of them (`expected_experts`)."""
        each = self.bytes_per_quantised_param(precision)
        total = self.quantised_params * each + (self.matrix_params - self.quantised_params) * 2.0
        if self.experts is None or routed is None:
            return total
        return total - (self.layers - self.experts.dense_layers) * (self.experts.routed - routed) * self.params_per_expert * each

    def weight_bytes(self, precision: Precision) -> float:
        """Bytes of the weights of one whole copy.

        Below 16 bits only the matrices of the layers shrink: embedding, head and norms stay in bf16, as in the published fp8,
        AWQ and GPTQ checkpoints.
        """
        kept = max(self.total_params - self.matrix_params, 0)
        return self.matrix_bytes(precision) + kept * 2.0

    def expected_experts(self, tokens: int) -> float:
        """Routed experts of a layer that a step of so many tokens touches, if tokens choose at random: n(1 - (1 - k/n)^T)."""
        if self.experts is None:
            return 0.0
        n, k = self.experts.routed, self.experts.per_token
        return n * (1.0 - (1.0 - k / n) ** tokens)

    def kv_bytes_per_token(self, precision: KvPrecision = "bf16") -> float:
        """Bytes of KV cache that one token takes in all layers of one copy, before any sharding."""
        a = self.attention
        if isinstance(a, GroupedAttention):
            return self.layers * 2 * a.kv_heads * a.head_size * _KV_BYTES[precision]
        return self.layers * (a.kv_lora_rank + a.qk_rope_head_size) * _KV_BYTES[precision]

    def kv_bytes_per_token_per_gpu(self, precision: KvPrecision, tensor_parallel: int) -> float:
        """Bytes of KV cache that one token takes on each GPU of a tensor-parallel group.

        Each GPU holds whole KV heads, at least one: beyond as many GPUs as KV heads nothing more is saved, and latent
        attention saves nothing at all.
        """
        a = self.attention
        if isinstance(a, LatentAttention):
            return self.kv_bytes_per_token(precision)
        return self.kv_bytes_per_token(precision) / a.kv_heads * ceil(a.kv_heads / tensor_parallel)

    def kv_bytes(self, context_tokens: int, precision: KvPrecision = "bf16") -> float:
        """Bytes of KV cache of one sequence of so many tokens, sliding windows keeping no more than their window."""
        per_layer = self.kv_bytes_per_token(precision) / self.layers
        if self.sliding_window is None:
            return per_layer * self.layers * context_tokens
        windowed = self.sliding_window.layers
        inside = min(context_tokens, self.sliding_window.window_tokens)
        return per_layer * ((self.layers - windowed) * context_tokens + windowed * inside)
