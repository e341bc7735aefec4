"""What the requests of each class would cost at one model and at another: usage x price, from one pass over a trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sim.cost.api_only import TraceTokens
from sim.cost.price import ApiPrice
from sim.trace.columns import TraceChunk
from sim.trace.trace import Trace


@dataclass(frozen=True, slots=True)
class ClassCost:
    """The requests of one class, and what all of them would cost in USD a month at either model alone, from usage x price."""

    name: str
    requests: float
    dearer_usd: float
    cheaper_usd: float
    reading_usd: float
    """What the cheaper model takes to read all prompts and write what a router writes."""


def class_costs(
    trace: Trace, dearer: ApiPrice, cheaper: ApiPrice, *, per_month: float = 1.0, router_output_tokens: int = 1,
    classes: Sequence[str] | None = None,
) -> tuple[ClassCost, ...]:  # fmt: skip
    """What each class of a trace costs at either model, whole and at list or negotiated prices; rate limits are not applied.

    `per_month` is how many times the trace goes into a month; `classes` are those that may move, absent: all. InputError where a price is
    not known.
    """
    found = [(TraceTokens(dearer), TraceTokens(cheaper), TraceTokens(cheaper)) for _ in trace.classes]
    for chunk in trace.chunks():
        for number, tokens in enumerate(found):
            part = _of_class(chunk, number)
            if len(part):
                tokens[0].add(part)
                tokens[1].add(part)
                tokens[2].add(replace(part, output_tokens=part.output_tokens * 0 + router_output_tokens))
    return tuple(
        ClassCost(name, tokens[0].requests * per_month, *(each.usd() * per_month for each in tokens))
        for name, tokens in zip(trace.classes, found, strict=True)
        if tokens[0].requests and (classes is None or name in classes)
    )


def _of_class(chunk: TraceChunk, number: int) -> TraceChunk:
    """The requests of one class, for their tokens alone: prefix blocks stay those of the chunk."""
    own = chunk.class_id == number
    return replace(
        chunk,
        arrival_s=chunk.arrival_s[own],
        prompt_tokens=chunk.prompt_tokens[own],
        output_tokens=chunk.output_tokens[own],
        class_id=chunk.class_id[own],
        client_id=chunk.client_id[own],
        session_id=chunk.session_id[own],
        cached_tokens=chunk.cached_tokens[own],
        max_tokens=chunk.max_tokens[own],
    )
