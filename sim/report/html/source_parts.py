"""Where the numbers come from: prices, step times, assumptions; warnings; how to do the run again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from sim.report.html.text import code, listed, prose, show, table


def warnings(found: Sequence[Mapping[str, Any]]) -> str:
    """Each warning with its remedy."""
    return "".join(
        f"<div class=warning>Warning: <b>{prose(str(each['cause']))}</b>; {prose(sentence(str(each['remedy'])))}</div>" for each in found
    )


def sentence(text: str) -> str:
    """A text with its full stop; nothing of nothing."""
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def prices(found: Mapping[str, Any] | None) -> str:
    """Every price that was used, who says so and when; nothing where a folder does not say."""
    if not found or not found["used"]:
        return ""
    rows = [
        [f"{each['name']} {each['detail']}".strip(), str(each["price"]), str(each["source"]), str(each["as_of"]),
         "negotiated" if each["negotiated"] else "assumed" if each["assumed"] else "list"]
        for each in found["used"]
    ]  # fmt: skip
    return table([f"Prices of {found['date']}", "price", "source", "as of", ""], rows, numbers_from=9)


def prices_of(summaries: Sequence[Mapping[str, Any]]) -> str:
    """The prices of several stacks, each once."""
    used = {f"{each['name']} {each['detail']} {each['price']}": each for one in summaries for each in one["prices"]["used"]}
    return prices({"date": summaries[0]["prices"]["date"], "used": list(used.values())}) if used else ""


def profiles(found: Mapping[str, Any]) -> str:
    """The step times of each pool: what they are, how they were got, and how far off they are known to be."""
    rows = [
        [str(name), f"{each['llm']} {each['precision']}, {each['gpu']} x {each['tensor_parallel']}, {each['engine']}", str(each["label"]),
         "-" if each["decode_error"] is None else show(each["decode_error"], "share"), str(each["source"])]
        for name, each in found.items()
    ]  # fmt: skip
    return table(["Step times", "of", "label", "error of a decode step", "source"], rows, numbers_from=9) if rows else ""


def assumptions(texts: Sequence[str], notes: Sequence[str]) -> str:
    """What is assumed for want of a source, and what else is to be known."""
    said = f"<h3>Assumed</h3>{listed([sentence(text) for text in texts])}" if texts else ""
    return said + (f"<h3>Notes</h3>{listed([sentence(note) for note in notes])}" if notes else "")


def repeat(record: Mapping[str, Any], trace: Mapping[str, Any]) -> str:
    """How to do this run again: the command and what its result depends on."""
    argv = [str(each) for each in record.get("argv", [])]
    command = f"sim {shlex.join(argv)}" if argv else ""
    rows = [
        ["trace", f"{trace['name']}, SHA-256 {trace['sha256']}"],
        ["seed", str(record.get("seed"))],
        ["prices of", str(record.get("price_date"))],
        ["sim", str(record.get("version"))],
        *(
            [["libraries", ", ".join(f"{name} {version}" for name, version in record["libraries"].items())]]
            if "libraries" in record
            else []
        ),
    ]
    return (code(command) if command else "") + table(["What it depends on", ""], rows, numbers_from=9)
