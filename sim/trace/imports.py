"""What a foreign file was read into, requests or totals, as a trace."""

from __future__ import annotations

from sim.trace.foreign import Imported
from sim.trace.synthesise import find_recipe, load_recipe
from sim.trace.trace import Trace, from_table
from sim.trace.usage import Usage, from_usage
from sim.trace.write import metadata_of


def trace_of(
    read: Imported | Usage, name: str, shape: str = "diurnal", seed: int | None = None, mean_prompt_tokens: float | None = None
) -> Trace:
    """The trace of what was read; totals are spread with the shape of a recipe, which a note says. InputError as `read_trace`."""
    if isinstance(read, Imported):
        metadata = metadata_of(notes=read.notes, facts=read.metadata)
        return from_table(read.table.replace_schema_metadata(metadata), name)
    path = find_recipe(shape)
    return from_usage(read, load_recipe(path), path.stem, seed=seed, mean_prompt_tokens=mean_prompt_tokens)
