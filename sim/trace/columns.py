"""The columns of a trace: their names, what each may hold, and how a batch of them becomes plain numpy arrays.

Times are seconds from the start of the trace, lengths are tokens. Absent values are -1 (ids, cached_tokens, max_tokens) or an empty
list of blocks; the class of a request that names none is `default`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.units import SECONDS_PER_DAY

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REQUIRED = ("arrival_s", "prompt_tokens", "output_tokens")
OPTIONAL = ("class", "session_id", "client_id", "cached_tokens", "prefix_block_ids", "max_tokens")
TOKENS = ("prompt_tokens", "output_tokens", "cached_tokens", "max_tokens")
LEAST = MappingProxyType({"prompt_tokens": 1, "output_tokens": 1, "cached_tokens": 0, "max_tokens": 1})

MOST_TOKENS = 100_000_000
"""Ten times the longest context a model offers: a larger count is a mistake of the file."""
MOST_CLASSES = 256
MOST_CLIENTS = 65_536
MOST_SECONDS = 20 * 366 * SECONDS_PER_DAY
DEFAULT_CLASS = "default"
DEFAULT_PREFIX_BLOCK_TOKENS = 512
_HASHED_BYTES = 1 << 23


@dataclass
class TraceChunk:
    """One batch of requests as contiguous arrays, one entry a request, in order of arrival.

    `class_id` and `client_id` index `Trace.classes` and `Trace.clients`; `session_id` is any number >= 0, equal for equal sessions;
    request i has the prefix blocks `block_ids[block_offsets[i]:block_offsets[i + 1]]`.
    """

    first_row: int
    arrival_s: Floats
    prompt_tokens: Ints
    output_tokens: Ints
    class_id: NDArray[np.int32]
    client_id: NDArray[np.int32]
    session_id: Ints
    cached_tokens: Ints
    max_tokens: Ints
    block_offsets: Ints
    block_ids: Ints

    def __len__(self) -> int:
        return len(self.arrival_s)


@dataclass(frozen=True)
class Layout:
    """What the check of a trace found that is needed to read it again: the values behind ids, and a shift of the clock."""

    class_values: pa.Array | None = None
    null_class: int = 0
    client_values: pa.Array | None = None
    other_client: int = -1
    """The id of clients beyond the most that are told apart."""
    shift_s: float = 0.0


def nth(row: int) -> str:
    """The place of a row, which counts from 0, for people, who count from 1: a table has no lines."""
    return f"request {row + 1:,}"


def whole(column: pa.Array, absent: int = -1) -> Ints:
    """A column of whole numbers (floats too, when whole) as int64, `absent` for null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.null_count:
        column = pc.fill_null(column, pa.scalar(absent, pa.int64()).cast(column.type))
    return np.ascontiguousarray(column.to_numpy(zero_copy_only=False), dtype=np.int64)


def seconds(column: pa.Array) -> Floats:
    """A column of seconds as float64, NaN for null."""
    import pyarrow as pa

    return np.ascontiguousarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def plain(column: pa.Array) -> pa.Array:
    """A dictionary column as the values it stands for; any other column as it is."""
    return column.dictionary_decode() if hasattr(column, "dictionary") else column


def session_numbers(column: pa.Array) -> Ints:
    """Sessions as numbers >= 0, -1 for null: whole numbers stay themselves, anything else is hashed to 63 bits.

    Two of 50 million sessions meet with probability 1e-4; a dictionary of names would not stay in memory.
    """
    import pyarrow as pa

    column = plain(column)
    nulls = np.asarray(column.is_null())
    if pa.types.is_integer(column.type):
        numbers = whole(column)
        numbers = np.where(numbers < 0, scramble(numbers) >> np.uint64(1), numbers.view(np.uint64)).view(np.int64)
    else:
        numbers = (scramble(_text_hash(column).view(np.int64)) >> np.uint64(1)).view(np.int64)
    numbers[nulls] = -1
    return numbers


def scramble(numbers: Ints) -> NDArray[np.uint64]:
    """Numbers to evenly spread 64-bit ones, one to one (the finaliser of splitmix64)."""
    mixed = numbers.view(np.uint64).copy()
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _text_hash(column: pa.Array) -> NDArray[np.uint64]:
    """A 64-bit hash of each text: its bytes, eight at a time, multiplied and folded into its length."""
    import pyarrow as pa

    texts = column.cast(pa.large_binary()).fill_null(b"")
    if not len(texts):
        return np.zeros(0, np.uint64)
    _, offsets_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer or b"", np.uint8)
    lengths = np.diff(offsets)
    width = -(-max(int(lengths.max()), 1) // 8) * 8
    hashes = np.empty(len(texts), np.uint64)
    # Texts are padded to one width; few at a time, so that a single long one costs little memory.
    step = max(1, _HASHED_BYTES // width)
    for begin in range(0, len(texts), step):
        part = slice(begin, min(begin + step, len(texts)))
        own = lengths[part]
        bytes_ = data[offsets[part.start] : offsets[part.stop]]
        if own.min() == own.max() == width:
            padded = bytes_.reshape(-1, width)
        else:
            padded = np.zeros((len(own), width), np.uint8)
            padded[np.arange(width) < own[:, None]] = bytes_
        folded = own.astype(np.uint64)
        for word in np.ascontiguousarray(padded).view(np.uint64).T:
            folded = (folded ^ word) * np.uint64(0x9E3779B97F4A7C15)
            folded ^= folded >> np.uint64(32)
        hashes[part] = folded
    return hashes


def chunk_of(batch: pa.RecordBatch, first_row: int, layout: Layout) -> TraceChunk:
    """A checked batch of columns as arrays."""
    names, rows = batch.schema.names, batch.num_rows
    column = {name: batch.column(i) for i, name in enumerate(names)}
    absent = np.full(rows, -1, np.int64)
    offsets, blocks = np.zeros(rows + 1, np.int64), np.zeros(0, np.int64)
    if "prefix_block_ids" in column:
        offsets, blocks = ragged(column["prefix_block_ids"])
    arrival = seconds(column["arrival_s"])
    return TraceChunk(
        first_row,
        arrival - layout.shift_s if layout.shift_s else arrival,
        whole(column["prompt_tokens"]),
        whole(column["output_tokens"]),
        _index(column.get("class"), layout.class_values, rows, 0, layout.null_class),
        _index(column.get("client_id"), layout.client_values, rows, layout.other_client, -1),
        session_numbers(column["session_id"]) if "session_id" in column else absent,
        whole(column["cached_tokens"]) if "cached_tokens" in column else absent.copy(),
        whole(column["max_tokens"]) if "max_tokens" in column else absent.copy(),
        offsets,
        blocks,
    )


def ragged(column: pa.Array) -> tuple[Ints, Ints]:
    """A column of lists as offsets and all values; a null list is an empty one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.cast(pa.large_list(pa.int64()))
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(column) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets, np.ascontiguousarray(column.flatten().to_numpy(zero_copy_only=False), dtype=np.int64)


def _index(column: Any, values: pa.Array | None, rows: int, unknown: int, null: int) -> NDArray[np.int32]:
    """The place of each value in `values`: `null` for null, `unknown` for what is not there."""
    import pyarrow.compute as pc

    if column is None or values is None:
        return np.full(rows, null, np.int32)
    if hasattr(column, "dictionary") and not column.dictionary.null_count:
        of_word = pc.index_in(column.dictionary, value_set=values)
        found = of_word.take(column.indices)
    else:
        column = plain(column)
        found = pc.index_in(column, value_set=values)
    places = np.array(pc.fill_null(found, unknown).to_numpy(zero_copy_only=False), dtype=np.int32)
    if column.null_count:
        places[np.asarray(column.is_null())] = null
    return places
