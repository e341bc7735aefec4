"""OpenTelemetry spans of calls to LLMs (GenAI semantic conventions, their older names, and OpenInference's).

A span counts when it says tokens and is a call of a model: `chat`, `text_completion`, `generate_content`, or no operation at all as vLLM
writes it. Embeddings, tools and agents do not. Where such spans nest (a framework's around a client's around a server's) the innermost
counts, so that no request is counted twice. Requests begin when their span does.

Input tokens include those read from a cache and written to it, by the conventions. Where a span has more of these than input tokens, it
counts them apart, and so do all of that service and model: there they are added.
"""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType

from sim.catalog.places import Entry, shown
from sim.errors import InputError
from sim.trace.foreign import Format, Imported, Options
from sim.trace.formats.otel_spans import Span, holds_spans, is_jaeger, spans_of
from sim.trace.look import Look, each_entry
from sim.trace.records import Records, first_of

_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens")
_OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion", "llm.usage.completion_tokens")
_CACHED = (
    "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cached_tokens",
    "gen_ai.usage.input_cached_tokens", "llm.token_count.prompt_details.cache_read",
)  # fmt: skip
_WRITTEN = ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens")
_MODEL = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name")
_SESSION = ("gen_ai.conversation.id", "gen_ai.session.id", "session.id")
_CLIENT = ("enduser.id", "user.id", "tenant.id")
_MOST = ("gen_ai.request.max_tokens", "llm.request.max_tokens")
_KIND = ("gen_ai.operation.name", "openinference.span.kind", "llm.request.type")
_WANTED = frozenset({*_INPUT, *_OUTPUT, *_CACHED, *_WRITTEN, *_MODEL, *_SESSION, *_CLIENT, *_MOST, *_KIND})
_CALLS = frozenset({"chat", "text_completion", "generate_content", "completion", "llm"})
_UNITS = MappingProxyType({"startTime": "us", "startTimeUnixNano": "ns", "start_time_unix_nano": "ns"})


def _matches(found: Look) -> bool:
    if found.layout not in ("json", "lines"):
        return False
    if holds_spans(found.columns):
        return True
    return "data" in found.columns and is_jaeger(next(each_entry(found)))


def _read(found: Look, options: Options) -> Imported:
    records = Records(found.name, "spans with gen_ai.usage.input_tokens and gen_ai.usage.output_tokens")
    parents: dict[tuple[str, str], str] = {}
    calls: dict[tuple[str, str], Span] = {}
    left: Counter[str] = Counter()
    spans = twice = 0
    for document in each_entry(found):
        for span in spans_of(document, _WANTED):
            spans += 1
            key = (span.trace, span.span or f"#{spans}")
            if key in parents:
                twice += 1
                continue
            parents[key] = span.parent
            kind = _operation(span)
            if not _is_call(span, kind):
                if first_of(Entry(span.attributes, ""), (*_INPUT, *_OUTPUT)) or kind:
                    left[kind or "no operation"] += 1
                continue
            calls[key] = span
    if not spans:
        raise InputError(f"{found.name}: no spans; OTLP JSON (resourceSpans), Jaeger's JSON or spans one a line are needed")
    outer = _around(calls, parents)
    counted = [span for key, span in calls.items() if key not in outer]
    apart = {_counter(span) for span in counted if _is_apart(span)}
    added = sum(_add(records, span, apart=_counter(span) in apart) for span in counted)
    if not calls:
        needed = f"a call of a model with {_INPUT[0]} and {_OUTPUT[0]}"
        raise InputError(f"{found.name}: none of {spans:,} spans is {needed}{_said(left)}")
    if outer:
        records.notes.append(f"left out {len(outer):,} spans around others, whose requests are counted by the innermost")
    if left:
        records.notes.append(f"left out spans that are no calls of a model{_said(left)}")
    if twice:
        records.notes.append(f"left out {twice:,} spans that are in the file twice")
    if added:
        records.notes.append(f"{added:,} requests say input tokens without those of the cache: they are added")
    units = {_UNITS.get(span.start_key, "ns") for span in calls.values()}
    if len(units) > 1:
        raise InputError(
            f"{found.name}: exports of different tools in one file (times in {' and '.join(sorted(units))}); one each is needed"
        )
    return records.imported(options, units.pop())


def _operation(span: Span) -> str:
    found = first_of(Entry(span.attributes, ""), _KIND)
    return str(span.attributes[found]).strip().lower()[:60] if found else ""


def _is_call(span: Span, kind: str) -> bool:
    """Whether a span is a call of a model: by its operation, and without one by saying tokens of both kinds."""
    says = [first_of(Entry(span.attributes, ""), keys) is not None for keys in (_INPUT, _OUTPUT)]
    if kind:
        return kind in _CALLS and (any(says) or span.failed)
    return all(says)


def _around(calls: dict[tuple[str, str], Span], parents: dict[tuple[str, str], str]) -> set[tuple[str, str]]:
    """Calls that have another call anywhere below them."""
    outer: set[tuple[str, str]] = set()
    for key in calls:
        seen = {key}
        above = (key[0], parents[key])
        while above in parents and above not in seen and above not in outer:
            seen.add(above)
            if above in calls:
                outer.add(above)
            above = (key[0], parents[above])
    return outer


def _counter(span: Span) -> tuple[str, str]:
    """Who counts the tokens of a span: a service, and how it counts those of one model."""
    model = first_of(Entry(span.attributes, ""), _MODEL)
    return str(span.resource.get("service.name")), str(span.attributes[model]) if model else ""


def _is_apart(span: Span) -> bool:
    """Whether input tokens can only be without those of the cache, of which there are more."""
    prompt, cached, written = (_plain_count(span, keys) for keys in (_INPUT, _CACHED, _WRITTEN))
    return not span.failed and cached + written > prompt


def _plain_count(span: Span, keys: tuple[str, ...]) -> int:
    """A number of tokens; 0 for none, and for what is no number, which has its problem when the request is read."""
    key = first_of(Entry(span.attributes, ""), keys)
    text = str(span.attributes[key]) if key else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _add(records: Records, span: Span, *, apart: bool) -> bool:
    """One request of a span; `apart`: those of the cache are added to its input tokens. Whether there were any."""
    if span.failed:
        records.failed += 1
        return False
    entry = Entry(span.attributes, span.entry.file, span.entry.line, f"{span.entry.prefix}attributes.")
    prompt, output, cached, written = (_tokens(records, entry, keys) for keys in (_INPUT, _OUTPUT, _CACHED, _WRITTEN))
    beside = (cached or 0) + (written or 0) if apart else 0
    if prompt is not None:
        prompt += beside
    model, session, client, most = (first_of(entry, keys) for keys in (_MODEL, _SESSION, _CLIENT, _MOST))
    data = span.attributes
    records.add(
        _start(records, span), prompt or 0, output or 0, cached=cached, most=_tokens(records, entry, (most,)) if most else None,
        class_=data[model] if model else None, client=data[client] if client else span.resource.get("service.name"),
        session=data[session] if session else None,
    )  # fmt: skip
    return beside > 0


def _tokens(records: Records, entry: Entry, keys: tuple[str, ...]) -> int | None:
    key = first_of(entry, keys)
    return None if key is None else records.tokens(entry, key)


def _start(records: Records, span: Span) -> float | None:
    """When a span began: a number in the unit of its shape, or nanoseconds since 1970 of an ISO 8601 text."""
    value = span.entry.data.get(span.start_key)
    if span.start_key != "start_time" or not isinstance(value, str):
        return records.time(span.entry, span.start_key)
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        records.problem(span.entry.place(span.start_key).problem(f"found {shown(value)}", "an ISO 8601 time"))
        return None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def _said(left: Counter[str]) -> str:
    """How many spans of which operations were left out."""
    if not left:
        return ""
    return ": " + ", ".join(f"{count:,} {shown(kind)}" for kind, count in left.most_common(6))


FORMAT = Format("otel", "OpenTelemetry GenAI spans (OTLP JSON, Jaeger's JSON)", _matches, _read)
