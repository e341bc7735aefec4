"""Tables as pandas has them: those of the files of a run, made by the functions that write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def of_arrow(table: pa.Table) -> pd.DataFrame:
    """A table as it stands in a Parquet file: what pandas reads back from that file."""
    import pandas as pd

    found = table.to_pandas()
    assert isinstance(found, pd.DataFrame)
    return found


def of_columns(table: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """A table as it stands in a CSV file, with its numbers as they are; what does not exist is missing, never zero.

    Texts are not guarded against formulas of a spreadsheet, as those of the file are.
    """
    import pandas as pd

    return pd.DataFrame(dict(table))


def stacked(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables of the same columns one below the other, with a first column `stack` that says whose each row is."""
    import pandas as pd

    parts = []
    for name, table in tables.items():
        part = table.copy()
        part.insert(0, "stack", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
