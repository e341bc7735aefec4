"""What pages give to options can be given: gates, levels, what is varied and set, amounts, names of stacks and outlooks."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

import pytest

from sim.catalog.catalog import Catalog
from sim.errors import InputError
from sim.planning.axes import parse_gpus, parse_over
from sim.planning.gate_grammar import parse_gate
from sim.planning.levels import parse_level
from sim.stack.outlook_read import find_outlook, read_outlook, split_settings
from sim.stack.read import find_stack, read_stack
from sim.units import parse_seconds, parse_usd
from tests.unit.test_docs import INLINE, PAGES, commands

READERS: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "--fail-if": lambda text: parse_gate(text.partition(": ")[2] or text, pair=True),
        "--slo": parse_level,
        "--over": parse_over,
        "--gpus": parse_gpus,
        "--budget": parse_usd,
        "--think": parse_seconds,
    }
)
"""By option, what reads its value before anything is opened."""
NAMES: Mapping[str, Callable[[str, Catalog], object]] = MappingProxyType({"--stack": find_stack, "--outlook": find_outlook})


def placeholder(text: str) -> bool:
    """A word of the page for something of the reader's: in capitals, or a file."""
    return any(part.isupper() for part in text.replace("=", " ").split()) or text.endswith(".yaml")


def check(words: list[str], catalog: Catalog) -> int:
    """Read the values of the options of one command line; how many there were."""
    given = [(option, value) for option, value in pairwise(words) if not placeholder(value)]
    for option, value in given:
        if option in READERS:
            READERS[option](value)
        if option in NAMES:
            NAMES[option](value, catalog)
    stack = next((value for option, value in pairwise(words) if option == "--stack"), "hybrid")
    now, ahead = split_settings(value for option, value in given if option == "--set")
    if ahead:
        read_outlook("base", catalog, ahead)
    if now and not placeholder(stack):
        read_stack(stack, catalog, now)
    return sum(option in {*READERS, *NAMES, "--set"} for option, _ in given)


def test_values_on_the_pages_are_read() -> None:
    catalog, count = Catalog.load(), 0
    for page in PAGES:
        text = page.read_text()
        alone = [words for found in INLINE.findall(text) if found.startswith("--") and (words := shlex.split(found))[0] in READERS]
        for words in (*commands(text), *alone):
            try:
                count += check(words, catalog)
            except InputError as error:
                pytest.fail(f"{page.name}: {shlex.join(words)}: {error}")
    assert count > 30


@pytest.mark.parametrize(
    "line",
    [
        "diff a b --fail-if 'ttft_p99 >> 1s'",
        "plan t --slo 'ttft_p95 >= 2s'",
        "sweep t --over deployments.own.replicas=8:1",
        "run t --stack hybird",
        "run t --set deployments.own.replica=3",
        "run t --set outlook.demand.growth=3%",
    ],
)
def test_values_that_cannot_be_given_are_found(line: str) -> None:
    with pytest.raises(InputError):
        check(shlex.split(line), Catalog.load())
