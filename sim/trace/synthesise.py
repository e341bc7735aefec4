"""Making a trace from a recipe: the same recipe and seed give the same rows, whatever else is in the recipe.

Times are rounded to a microsecond and lengths to whole tokens, so that the last bit of a library's logarithm does not show.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.errors import InputError, nearest
from sim.sampling import SMALLEST_UNIFORM, Draws, correlated_uniforms, stream
from sim.trace.arrivals import arrival_times, bursts, clock_of, modulated
from sim.trace.closed_loop import KEY, stated
from sim.trace.columns import Floats, Ints
from sim.trace.laws import Law
from sim.trace.recipe import Bursts, Clients, Loop, Prefix, Recipe, Sessions, Traffic
from sim.trace.trace import Trace, from_table
from sim.trace.write import metadata_of

if TYPE_CHECKING:
    import pyarrow as pa

_LEAD_S = 4 * 3600.0
"""Conversations that began up to this long before the trace may still go on in it."""


@dataclass
class _Rows:
    """The requests of one kind of traffic, one entry a request."""

    arrival: Floats
    prompt: Ints
    output: Ints
    client: Ints
    session: Ints
    blocks: list[Ints] | None = None


def load_recipe(path: str | Path, name: str | None = None) -> Recipe:
    """A recipe file, checked; InputError with every problem and its place."""
    from sim.catalog.yaml_file import load_model

    return load_model(path, Recipe, name)


def find_recipe(text: str) -> Path:
    """A recipe by its file, or a bundled one by its name alone; InputError with the nearest name when there is none."""
    from sim.catalog.location import data_folder, find_input

    folder = data_folder("workloads") / "recipes"
    if "/" in text or text.endswith((".yaml", ".yml")):
        return find_input(text)
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    if text not in names:
        raise InputError(f"recipe {text!r}: no bundled recipe of this name; there are {', '.join(names)}{nearest(text, names)}")
    return folder / f"{text}.yaml"


def synthesise(recipe: Recipe, seed: int | None = None, name: str = "recipe") -> Trace:
    """The trace that a recipe describes; `seed` replaces the recipe's own."""
    return from_table(synthesise_table(recipe, seed), name)


def synthesise_table(recipe: Recipe, seed: int | None = None) -> pa.Table:
    """The same as an Arrow table in order of arrival, its metadata stating how it was made."""
    import pyarrow as pa

    seed = recipe.seed if seed is None else seed
    parts = [_traffic(recipe, seed, name, traffic) for name, traffic in recipe.traffic.items()]
    order = np.argsort(np.concatenate([part.arrival for part in parts]), kind="stable")
    columns: dict[str, pa.Array] = {
        "arrival_s": pa.array(np.concatenate([part.arrival for part in parts])[order]),
        "prompt_tokens": pa.array(np.concatenate([part.prompt for part in parts])[order], pa.int32()),
        "output_tokens": pa.array(np.concatenate([part.output for part in parts])[order], pa.int32()),
    }
    of_class = np.repeat(np.arange(len(parts)), [len(part.arrival) for part in parts])[order]
    names = pa.array(list(recipe.traffic), pa.string())
    columns["class"] = names.take(pa.array(of_class))
    if any(traffic.sessions for traffic in recipe.traffic.values()):
        columns["session_id"] = _known(_numbered([part.session for part in parts]), order)
    if any(traffic.clients for traffic in recipe.traffic.values()):
        columns["client_id"] = _client_names(recipe, parts, of_class, order)
    if any(traffic.prefix for traffic in recipe.traffic.values()):
        lists = [ids for part in parts for ids in (part.blocks or [np.zeros(0, np.int64)] * len(part.arrival))]
        lengths = np.fromiter((len(lists[i]) for i in order), np.int64, len(lists))
        flat = np.concatenate([lists[i] for i in order]) if len(lists) else np.zeros(0, np.int64)
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
        columns["prefix_block_ids"] = pa.ListArray.from_arrays(offsets, pa.array(flat, pa.int32()))
    allowed = [traffic.max_tokens or -1 for traffic in recipe.traffic.values()]
    if max(allowed) > 0:
        most = np.asarray(allowed)[of_class]
        columns["max_tokens"] = pa.array(most, pa.int32(), mask=most < 0)
    metadata = metadata_of(
        duration_s=recipe.duration_s,
        prefix_block_tokens=recipe.prefix_block_tokens if "prefix_block_ids" in columns else None,
        notes=["synthetic: made from a recipe"],
        facts={
            "sim.recipe": " ".join(recipe.about.split()),
            "sim.source": " ".join(recipe.source.split()),
            "sim.seed": str(seed),
            **({KEY: stated(recipe.closed_loop.build())} if recipe.closed_loop else {}),
        },
    )
    return pa.table(columns).replace_schema_metadata(metadata)


def _traffic(recipe: Recipe, seed: int, name: str, traffic: Traffic) -> _Rows:
    """The requests of one kind, client by client."""
    if traffic.closed_loop is not None:
        return _closed(recipe, seed, name, traffic, traffic.closed_loop)
    assert recipe.duration_s is not None
    assert traffic.requests_per_s is not None
    shares = _shares(traffic.clients)
    sessions = traffic.sessions
    turns_mean = sessions.turns.build().mean if sessions else 1.0
    start_s = -_LEAD_S if sessions else 0.0
    clock = clock_of(traffic.shape or recipe.shape, recipe.start, start_s, recipe.duration_s)
    times, clients = [], []
    together = traffic.arrivals if isinstance(traffic.arrivals, Bursts) else None
    common = None
    if together and together.shared:
        common = bursts(together, start_s, recipe.duration_s, stream(seed, f"{name}/bursts"))
    for client, share in enumerate(shares):
        levels = common
        if together and not together.shared:
            levels = bursts(together, start_s, recipe.duration_s, stream(seed, f"{name}/bursts", client))
        rate = traffic.requests_per_s * share / turns_mean
        found = arrival_times(traffic.arrivals, modulated(clock, levels), rate, stream(seed, f"{name}/arrivals", client))
        times.append(found)
        clients.append(np.full(len(found), client))
    begin, client_of = np.concatenate(times), np.concatenate(clients)
    order = np.argsort(begin, kind="stable")
    begin, client_of = begin[order], client_of[order]
    if sessions:
        rows = _conversations(seed, name, traffic, sessions, begin, client_of)
    else:
        prompt, output = _lengths(seed, name, traffic, len(begin))
        rows = _Rows(begin, prompt, output, client_of, np.full(len(begin), -1))
        if traffic.prefix:
            _add_prefix(seed, name, traffic.prefix, recipe.prefix_block_tokens, rows)
    rows.arrival = np.round(rows.arrival, 6)
    kept = (rows.arrival >= 0) & (rows.arrival < recipe.duration_s)
    blocks = None if rows.blocks is None else [ids for ids, keep in zip(rows.blocks, kept, strict=True) if keep]
    return _Rows(rows.arrival[kept], rows.prompt[kept], rows.output[kept], rows.client[kept], rows.session[kept], blocks)


def _closed(recipe: Recipe, seed: int, name: str, traffic: Traffic, loop: Loop) -> _Rows:
    """The requests of a closed loop in the order in which they are taken; when they are sent, the system says."""
    prompt, output = _lengths(seed, name, traffic, loop.rows)
    rows = _Rows(np.zeros(loop.rows), prompt, output, np.full(loop.rows, -1), np.full(loop.rows, -1))
    if traffic.prefix:
        _add_prefix(seed, name, traffic.prefix, recipe.prefix_block_tokens, rows)
    return rows


def _shares(clients: Clients | None) -> Floats:
    if clients is None:
        return np.ones(1)
    weights = np.arange(1, clients.count + 1, dtype=float) ** -clients.exponent
    return np.asarray(weights / weights.sum())


def _lengths(seed: int, name: str, traffic: Traffic, rows: int) -> tuple[Ints, Ints]:
    """Prompt (the new text) and output tokens of each request."""
    uniforms: tuple[Draws, Draws]
    if traffic.correlation:
        uniforms = correlated_uniforms(stream(seed, f"{name}/lengths"), rows, traffic.correlation)
    else:
        uniforms = stream(seed, f"{name}/prompt").random(rows), stream(seed, f"{name}/output").random(rows)
    most = (traffic.prompt_most_tokens, min(traffic.output_most_tokens, traffic.max_tokens or traffic.output_most_tokens))
    laws = (traffic.prompt_tokens, traffic.output_tokens)
    prompt, output = (_tokens(law, u, limit) for law, u, limit in zip(laws, uniforms, most, strict=True))
    return prompt, output


def _tokens(law: Law, uniforms: Draws, most: int) -> Ints:
    values = law.build().quantile(np.clip(uniforms, SMALLEST_UNIFORM, 1 - SMALLEST_UNIFORM))
    return np.clip(np.rint(values), 1, most).astype(np.int64)


def _conversations(seed: int, name: str, traffic: Traffic, sessions: Sessions, begin: Floats, client_of: Ints) -> _Rows:
    """Every turn of every conversation: its prompt is all earlier prompts' new text and outputs, and its own new text."""
    number = len(begin)
    uniforms = stream(seed, f"{name}/turns").random(number)
    turns = _tokens(sessions.turns, uniforms, 100_000)
    session = np.repeat(np.arange(number), turns)
    first = np.cumsum(turns) - turns
    text, output = _lengths(seed, name, traffic, len(session))
    law = sessions.pause_s.build()
    pause = law.sample(stream(seed, f"{name}/pauses"), len(session))
    pause[first] = 0.0

    def within(values: Floats | Ints) -> Floats:
        total = np.cumsum(values)
        return np.asarray(total - np.repeat(total[first] - values[first], turns))

    arrival = begin[session] + within(pause)
    prompt = (within(text + output) - output).astype(np.int64)
    kept = prompt + output <= sessions.context_tokens
    kept &= prompt <= traffic.prompt_most_tokens
    # Once a conversation has outgrown its context it is over: later turns are longer still.
    rows = _Rows(arrival[kept], prompt[kept], output[kept], client_of[session][kept], session[kept])
    order = np.argsort(rows.arrival, kind="stable")
    return _Rows(rows.arrival[order], rows.prompt[order], rows.output[order], rows.client[order], rows.session[order])


def _add_prefix(seed: int, name: str, prefix: Prefix, block_tokens: int, rows: _Rows) -> None:
    """Prepend instructions and passages: whole blocks of ids, equal where the text is equal."""
    number = len(rows.arrival)
    generator = stream(seed, f"{name}/prefix")
    head = -(-prefix.instruction_tokens // block_tokens)
    per_passage = -(-prefix.passage_tokens // block_tokens)
    variant = generator.integers(prefix.instruction_variants, size=number)
    count = np.zeros(number, np.int64)
    if prefix.passages is not None:
        count = np.rint(prefix.passages.build().quantile(generator.random(number))).astype(np.int64)
    weights = np.cumsum(np.arange(1, prefix.corpus + 1, dtype=float) ** -prefix.exponent)
    passage = np.searchsorted(weights, generator.random(int(count.sum())) * weights[-1])
    first_passage = prefix.instruction_variants * head
    ends = np.cumsum(count)
    rows.blocks = []
    for row in range(number):
        own = passage[ends[row] - count[row] : ends[row]]
        ids = (first_passage + own[:, None] * per_passage + np.arange(per_passage)).ravel()
        rows.blocks.append(np.concatenate([variant[row] * head + np.arange(head), ids]))
        rows.prompt[row] += len(rows.blocks[-1]) * block_tokens


def _numbered(sessions: list[Ints]) -> Ints:
    """Session numbers that differ between kinds of traffic; -1 stays."""
    offset, numbered = 0, []
    for own in sessions:
        numbered.append(np.where(own >= 0, own + offset, -1))
        offset += int(own.max(initial=-1)) + 1
    return np.concatenate(numbered)


def _known(values: Ints, order: Ints) -> pa.Array:
    import pyarrow as pa

    return pa.array(values[order], pa.int64(), mask=values[order] < 0)


def _client_names(recipe: Recipe, parts: list[_Rows], of_class: Ints, order: Ints) -> pa.Array:
    """Names such as `chat-17`; the same prefix in two kinds of traffic means the same clients."""
    import pyarrow as pa

    names: list[str] = []
    offsets = []
    for traffic in recipe.traffic.values():
        offsets.append(len(names))
        clients = traffic.clients
        names += [f"{clients.prefix}-{k + 1}" for k in range(clients.count)] if clients else ["client-0"]
    own = np.concatenate([part.client for part in parts])[order]
    return pa.array(names, pa.string()).take(pa.array(own + np.asarray(offsets)[of_class]))
