"""Names of the Hugging Face hub as catalogue names: which open model a repository holds, and in which precision."""

from __future__ import annotations

import re

from sim.catalog import known_as
from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Precision


def find_llm(repository: str, catalog: Catalog) -> tuple[str, Precision]:
    """The catalogue name and precision of a repository, or of a catalogue name itself; InputError with the nearest name.

    Where the name says no precision, it is that of the weights as published.
    """
    # Neither the store (s3://bucket/llama-3.1-8b) nor the tag of an image (oci://host/llama:1.0) is part of the name.
    name = re.sub(r":[^/]*$", "", re.sub(r"^[a-z0-9+.-]+://", "", repository))
    llm = known_as.find_llm(catalog, name)
    return llm.name, known_as.precision_in_name(name) or llm.published_precision
