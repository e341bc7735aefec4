"""Spans of calls to LLMs: every shape of export, what counts as a request, and what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.errors import InputError
from sim.trace import table_of
from sim.trace.foreign import Imported, Options
from sim.trace.formats import read_foreign
from sim.trace.imports import trace_of

START_NS = 1_793_527_200_000_000_000


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP writes them: whole numbers as text."""
    made = []
    for key, value in values.items():
        kind = "boolValue" if isinstance(value, bool) else "intValue" if isinstance(value, int) else "stringValue"
        made.append({"key": key, "value": {kind: str(value) if kind == "intValue" else value}})
    return made


def span(number: int, at_ms: float, values: dict[str, Any], parent: int | None = None, **more: Any) -> dict[str, Any]:
    return {
        "traceId": "aa",
        "spanId": f"{number:016x}",
        **({"parentSpanId": f"{parent:016x}"} if parent is not None else {}),
        "name": f"span {number}",
        "startTimeUnixNano": str(START_NS + int(at_ms * 1e6)),
        "attributes": attributes(values),
        **more,
    }


def usage(prompt: int, output: int, operation: str | None = "chat", **more: Any) -> dict[str, Any]:
    said = {} if operation is None else {"gen_ai.operation.name": operation}
    return {**said, "gen_ai.usage.input_tokens": prompt, "gen_ai.usage.output_tokens": output, **more}


def otlp(*spans: dict[str, Any], service: str = "shop") -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {"attributes": attributes({"service.name": service})}, "scopeSpans": [{"spans": list(spans)}]}]}


def read(path: Path, document: Any, lines: bool = False, **options: Any) -> tuple[dict[str, list[Any]], tuple[str, ...]]:
    file = path / "spans.json"
    file.write_text("\n".join(json.dumps(each) for each in document) + "\n" if lines else json.dumps(document, indent=1))
    found = read_foreign(file, "auto", Options(**options), file.name)
    assert isinstance(found, Imported)
    trace = trace_of(found, file.name)
    table = table_of(trace)
    return {name: table[name].to_pylist() for name in table.column_names}, trace.info.notes


def test_otlp_of_the_collector(tmp_path: Path) -> None:
    found, notes = read(
        tmp_path,
        otlp(
            span(1, 0, usage(100, 7) | {"gen_ai.request.model": "m", "gen_ai.conversation.id": "c1", "gen_ai.request.max_tokens": 64}),
            span(2, 250.5, usage(900, 20, "text_completion", **{"gen_ai.usage.cache_read.input_tokens": 512, "gen_ai.request.model": "n"})),
            span(3, 900, usage(5, 5, "generate_content", **{"enduser.id": "u9"})),
        ),
    )
    assert found["arrival_s"] == pytest.approx([0.0, 0.2505, 0.9], abs=1e-9)
    assert (found["prompt_tokens"], found["output_tokens"]) == ([100, 900, 5], [7, 20, 5])
    assert found["class"] == ["m", "n", "default"]
    assert found["cached_tokens"] == [None, 512, None]
    assert found["max_tokens"] == [64, None, None]
    assert found["client_id"] == ["shop", "shop", "u9"]
    assert found["session_id"][0] is not None
    assert any("Unix times in ns: the trace starts at 2026-11-01T10:00:00" in note for note in notes)


def test_batches_a_line_and_lines_longer_than_a_head(tmp_path: Path) -> None:
    many = [span(k, 10 * k, usage(10 + k, 1)) for k in range(1, 900)]
    found, _ = read(tmp_path, [otlp(*many), otlp(span(1000, 1, usage(7, 1)))], lines=True)
    assert len(json.dumps(otlp(*many))) > 1 << 16
    assert len(found["prompt_tokens"]) == 900
    assert found["prompt_tokens"][0] == 7


def test_only_the_innermost_call_of_a_model_counts(tmp_path: Path) -> None:
    """An agent around a framework's chat around a client's chat around a server's span: one request."""
    document = otlp(
        span(1, 0, usage(500, 50, "invoke_agent")),
        span(2, 1, usage(100, 10), parent=1),
        span(3, 2, {"http.method": "POST"}, parent=2),
        span(4, 3, usage(101, 10), parent=3),
        span(5, 4, {"gen_ai.usage.prompt_tokens": 102, "gen_ai.usage.completion_tokens": 10}, parent=4),
        span(6, 5, {"gen_ai.operation.name": "execute_tool"}, parent=1),
        span(7, 6, {"gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 40}, parent=1),
        span(8, 7, usage(200, 20), parent=1),
    )
    found, notes = read(tmp_path, document)
    assert found["prompt_tokens"] == [102, 200]
    assert found["arrival_s"] == pytest.approx([0.0, 0.003])
    assert any("left out 2 spans around others" in note for note in notes)
    assert any("'embeddings'" in note and "'invoke_agent'" in note and "'execute_tool'" in note for note in notes)


def test_a_span_that_is_its_own_ancestor_ends_the_search(tmp_path: Path) -> None:
    document = otlp(
        span(1, 0, {}, parent=2), span(2, 1, {}, parent=1), span(3, 2, usage(4, 1), parent=1), span(4, 3, usage(5, 1), parent=4)
    )
    assert read(tmp_path, document)[0]["prompt_tokens"] == [4, 5]


def test_spans_exported_twice_and_spans_that_failed(tmp_path: Path) -> None:
    once = span(1, 0, usage(10, 1))
    failed = span(2, 5, usage(11, 1), status={"code": 2})
    refused = span(3, 6, {"gen_ai.operation.name": "chat"}, status={"code": "STATUS_CODE_ERROR"})
    found, notes = read(tmp_path, [otlp(once), otlp(once, failed, refused, span(4, 9, usage(12, 1)))], lines=True)
    assert found["prompt_tokens"] == [10, 12]
    assert "left out 1 spans that are in the file twice" in notes
    assert "left out 2 of 4 requests that failed" in notes


def test_input_tokens_without_those_of_the_cache(tmp_path: Path) -> None:
    """Some instrumentations count as their provider does: cache reads and writes apart from the input, in every span of a model."""
    cache: dict[str, Any] = {"gen_ai.usage.cache_read.input_tokens": 1000, "gen_ai.usage.cache_creation.input_tokens": 200}
    apart, other = ({**cache, "gen_ai.request.model": model} for model in ("claude", "gpt"))
    spans = (span(1, 0, usage(2000, 5, **apart)), span(2, 1, usage(30, 5, **apart)), span(3, 2, usage(2000, 5, **other)))
    found, notes = read(tmp_path, otlp(*spans))
    assert found["prompt_tokens"] == [3200, 1230, 2000]
    assert found["cached_tokens"] == [1000, 1000, 1000]
    assert any(note.startswith("2 requests say input tokens without those of the cache") for note in notes)


def test_older_shapes_tempo_and_openinference(tmp_path: Path) -> None:
    inference = {"openinference.span.kind": "LLM", "llm.token_count.prompt": 8, "llm.token_count.completion": 2, "llm.model_name": "o"}
    chain = {"openinference.span.kind": "CHAIN", "llm.token_count.prompt": 8, "llm.token_count.completion": 2}
    batches = {"batches": [{"instrumentationLibrarySpans": [{"spans": [span(1, 0, chain), span(2, 1, inference, parent=1)]}]}]}
    assert read(tmp_path, batches)[0]["class"] == ["o"]
    assert read(tmp_path, {"trace": otlp(span(1, 0, usage(3, 1)))})[0]["prompt_tokens"] == [3]


def test_jaeger(tmp_path: Path) -> None:
    def tags(values: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"key": key, "type": "int64", "value": value} for key, value in values.items()]

    spans = [
        {"traceID": "t", "spanID": "a", "startTime": 1_793_527_200_000_000, "tags": tags(usage(10, 2)), "processID": "p1"},
        {"traceID": "t", "spanID": "b", "startTime": 1_793_527_201_500_000, "tags": tags(usage(20, 4)), "processID": "p1"},
        {"traceID": "t", "spanID": "c", "startTime": 1_793_527_201_500_001, "tags": tags(usage(19, 4)), "processID": "p1",
         "references": [{"refType": "CHILD_OF", "traceID": "t", "spanID": "b"}]},
    ]  # fmt: skip
    found, _ = read(tmp_path, {"data": [{"traceID": "t", "spans": spans, "processes": {"p1": {"serviceName": "api"}}}]})
    assert found["prompt_tokens"] == [10, 19]
    assert found["arrival_s"] == pytest.approx([0.0, 1.500001])
    assert found["client_id"] == ["api", "api"]


def test_spans_an_sdk_wrote_one_a_line(tmp_path: Path) -> None:
    def flat(number: int, at: str) -> dict[str, Any]:
        context = {"trace_id": "0xAB", "span_id": f"0x{number}"}
        return {"name": "chat", "context": context, "parent_id": None, "start_time": at, "attributes": usage(number, 1)}

    found, _ = read(tmp_path, [flat(5, "2026-11-02T09:00:00.000001Z"), flat(6, "2026-11-02T09:00:01.000001Z")], lines=True)
    assert found["arrival_s"] == pytest.approx([0.0, 1.0])
    assert found["prompt_tokens"] == [5, 6]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (otlp(), "spans.json: no spans"),
        (otlp(span(1, 0, {"a": 1})), "none of 1 spans is a call of a model with gen_ai.usage.input_tokens"),
        (otlp(span(1, 0, usage(-4, 1))), r"resourceSpans\[0\].scopeSpans\[0\].spans\[0\].attributes.gen_ai.usage.input_tokens: found '-4'"),
        (otlp(span(1, 0, usage(10**12, 1))), "input_tokens: found '1000000000000'; allowed: a plain number at least 0, at most 100,000,000"),
        (otlp(span(1, 0, usage(3, 1), startTimeUnixNano="soon")), "startTimeUnixNano: found 'soon'"),
        (otlp(span(1, 0, usage(3, 1), startTimeUnixNano=None)), "startTimeUnixNano: missing"),
        (otlp(span(1, 0, usage(3, 1), startTimeUnixNano="9" * 40)), "startTimeUnixNano: found"),
        (otlp(span(1, 0, usage(3, 1)), span(2, 0, usage(3, 1), startTimeUnixNano=str(START_NS // 1000))), "times of different units"),
        (otlp(span(1, 0, usage(3, 1), status={"code": 2})), "no request; .*; 1 failed"),
        (otlp(span(1, 0, {"gen_ai.operation.name": "chat\x1b[31m\n"})), r"chat\\\\x1b\[31m"),
        ({"resourceSpans": "none"}, "no spans"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_stands(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(tmp_path, document)


def test_nan_and_broken_json(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    for text, said in (
        (json.dumps(otlp(span(1, 0, {"gen_ai.usage.output_tokens": 1}))).replace('"intValue": "1"', '"doubleValue": NaN'), "none of 1 spans|found 'nan'"),
        (json.dumps(otlp(span(1, 0, usage(3, 1)))) + '\n{"resourceSpans": [', "s.jsonl:2: not a JSON object"),
        ('{"resourceSpans": [{"scopeSpans"', "s.jsonl:1:33: not JSON"),
        ("", "s.jsonl: an empty file"),
    ):  # fmt: skip
        file.write_text(text)
        with pytest.raises(InputError, match=said):
            read_foreign(file, "auto", None, file.name)


def test_columns_cannot_be_mapped(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--map class=x: spans.json holds spans .* not columns"):
        read(tmp_path, otlp(span(1, 0, usage(3, 1))), mapping={"class": "x"})
