"""YAML texts that everyone reads alike: what might be taken for a number or a truth value by some reader is quoted."""

from __future__ import annotations

import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*( [A-Za-z0-9_./()-]+)*")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))
_WIDTH = 1_000_000
"""No line is folded: a query or a prompt stays in one piece."""


def yaml_text(*documents: Any) -> str:
    """Plain data as YAML: one document, or several between lines of `---`; texts of several lines as blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """The safe dumper, with texts as below and no anchors."""

        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def represent(dumper: Any, text: str) -> Any:
        if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
            style = None
        elif "\n" in text and text.isascii() and not re.search(r"[^\x20-\x7e\n]|[ ]\n|^[ \n]", text):
            style = "|"
        else:
            style = '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    return str(
        yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, explicit_start=len(documents) > 1)
    )
