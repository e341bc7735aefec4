"""Spans of any export of traces: OTLP JSON as the OpenTelemetry Collector and Tempo write it, Jaeger's JSON, and spans one a line.

Whatever the shape, a span becomes the same few things: who it is, who its parent is, when it began, and its attributes as plain values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from sim.catalog.places import Entry

_OTLP = ("resourceSpans", "resource_spans", "batches")
_SCOPES = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans")
_RESOURCE = frozenset({"service.name"})
_JAEGER_STATUS = frozenset({"error", "otel.status_code"})
_ERROR = ("2", "STATUS_CODE_ERROR", "ERROR")


@dataclass(frozen=True, slots=True)
class Span:
    """One span; its beginning is under `start_key` of `entry`, in nanoseconds, microseconds (Jaeger) or ISO 8601."""

    entry: Entry
    """Where it stands, with its beginning alone: prompts and answers in a span are not kept."""
    trace: str
    span: str
    parent: str
    start_key: str
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    failed: bool


def holds_spans(columns: Iterable[str]) -> bool:
    """Whether the keys of the first object of a file are those of an export of spans."""
    keys = set(columns)
    return bool(keys & set(_OTLP)) or keys == {"trace"} or _is_flat(keys) or {"traceID", "spans"} <= keys


def _is_flat(keys: Iterable[str]) -> bool:
    keys = set(keys)
    return "attributes" in keys and bool({"context", "span_id", "spanId"} & keys) and bool({"start_time", "startTimeUnixNano"} & keys)


def is_jaeger(entry: Entry) -> bool:
    """Whether an object is an answer of Jaeger's query API: traces under `data`, each with its spans."""
    traces = entry.entries("data") or [entry]
    return "traceID" in traces[0].data and isinstance(traces[0].data.get("spans"), list)


def spans_of(entry: Entry, wanted: Set[str]) -> Iterator[Span]:
    """The spans of one object of a file, whichever of the shapes it has, with those of their attributes that are wanted."""
    if entry.data.keys() == {"trace"}:
        inner = entry.within("trace")
        entry = inner if inner is not None else entry
    if is_jaeger(entry):
        for trace in entry.entries("data") or [entry]:
            yield from _jaeger(trace, wanted)
        return
    groups = [group for key in _OTLP for group in entry.entries(key)]
    for group in groups:
        about = group.within("resource")
        resource = _attributes(about.data.get("attributes"), _RESOURCE) if about else {}
        for key in _SCOPES:
            for scope in group.entries(key):
                yield from (_span(each, resource, wanted) for each in scope.entries("spans"))
    if not groups and _is_flat(entry.data):
        about = entry.within("resource")
        yield _span(entry, _attributes(about.data.get("attributes"), _RESOURCE) if about else {}, wanted)


def _span(entry: Entry, resource: Mapping[str, Any], wanted: Set[str]) -> Span:
    """A span of OTLP, or one that an SDK wrote by itself (its ids under `context`)."""
    data = entry.data
    inner = data.get("context")
    context = inner if isinstance(inner, Mapping) else {}
    status = data.get("status")
    code = (status.get("code", status.get("status_code")) if isinstance(status, Mapping) else status) or 0
    start = next((key for key in ("startTimeUnixNano", "start_time_unix_nano", "start_time") if key in data), "startTimeUnixNano")
    return Span(
        replace(entry, data={start: data.get(start)}),
        _id(data, context, ("traceId", "trace_id")),
        _id(data, context, ("spanId", "span_id")),
        _id(data, {}, ("parentSpanId", "parent_span_id", "parent_id")),
        start,
        _attributes(data.get("attributes"), wanted),
        resource,
        str(code) in _ERROR,
    )


def _jaeger(trace: Entry, wanted: Set[str]) -> Iterator[Span]:
    processes = trace.data.get("processes")
    for entry in trace.entries("spans"):
        data = entry.data
        parents = [each.data.get("spanID") for each in entry.entries("references") if each.data.get("refType", "CHILD_OF") == "CHILD_OF"]
        attributes = _attributes(data.get("tags"), wanted | _JAEGER_STATUS)
        process = processes.get(str(data.get("processID"))) if isinstance(processes, Mapping) else None
        service = process.get("serviceName") if isinstance(process, Mapping) else None
        yield Span(
            replace(entry, data={"startTime": data.get("startTime")}),
            str(data.get("traceID", "")),
            str(data.get("spanID", "")),
            str(parents[0]) if parents else "",
            "startTime",
            attributes,
            {"service.name": service},
            attributes.get("error") is True or attributes.get("otel.status_code") == "ERROR",
        )


def _id(data: Mapping[str, Any], context: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """An id, in lower case and without the 0x that SDKs write before it."""
    found = next((each[key] for each in (data, context) for key in keys if each.get(key)), "")
    return str(found).lower().removeprefix("0x")


def _attributes(found: object, wanted: Set[str]) -> Mapping[str, Any]:
    """Attributes as plain values: OTLP and Jaeger list keys with typed values, SDKs write an object."""
    if isinstance(found, Mapping):
        return {key: value for key, value in found.items() if key in wanted}
    made = {}
    for each in found if isinstance(found, list) else ():
        if isinstance(each, Mapping) and isinstance(each.get("key"), str) and each["key"] in wanted:
            made[each["key"]] = _plain(each.get("value"))
    return made


def _plain(value: Any) -> Any:
    """The value in one of OTLP's typed wrappers; whole numbers are written as text there."""
    if not isinstance(value, Mapping):
        return value
    for kind in ("stringValue", "boolValue", "doubleValue", "string_value", "bool_value", "double_value"):
        if kind in value:
            return value[kind]
    number = value.get("intValue", value.get("int_value"))
    if isinstance(number, str) and number.lstrip("-").isascii() and number.lstrip("-").isdigit() and len(number) < 20:
        return int(number)
    return number
