"""Traces: read, check, describe, scale, synthesise; foreign formats are in `formats/`, one file each."""

from __future__ import annotations

from sim.trace.columns import TraceChunk
from sim.trace.trace import Trace, TraceInfo, read_trace, table_of
from sim.trace.write import metadata_of, write_trace

__all__ = ["Trace", "TraceChunk", "TraceInfo", "metadata_of", "read_trace", "table_of", "write_trace"]
