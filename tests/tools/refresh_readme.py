"""Write into README.md what the commands shown there print now: python -m tests.tools.refresh_readme

Two blocks: an excerpt of `sim run workloads/bursty.parquet`, and the table of the Azure trace on every bundled stack, which needs the
measured data beside the repository and stays as it is without them. tests/cli/test_readme.py compares both with a new run.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import tempfile
from pathlib import Path

from sim.cli.main import exit_code
from sim.report.amounts import loaded
from tests.conftest import ROOT, SHARED

README = ROOT / "README.md"
FIRST = ("run", "workloads/bursty.parquet")
AZURE = SHARED / "data" / "traces" / "azure_conv_2023.parquet"
STACKS = (
    "api-first", "multi-vendor", "rag", "vendor-fine-tune", "self-hosted", "on-premises", "own-fine-tune", "hybrid",
    "fallback-chain", "task-routing", "autoscaled-hpa", "scale-to-zero", "spot",
)  # fmt: skip
SHOWN = ("Month", "By month", "Bill", "Spread", "Service ahead", "Capacity", "Futures")
"""First words of the paragraphs that the excerpt keeps, after the answer itself."""
LEFT_OUT = "..."
HEADING = ("| stack | TTFT p95 | TPOT p95 | completed | load | busiest 5 min | USD a month |", "|---|---|---|---|---|---|---|")
_BLOCK = "(<!-- {} by: [^\n]* -->\n)(.*?)(<!-- end -->)"


def printed(*arguments: str) -> str:
    """What `sim` prints on stdout for these arguments, with its files in a folder that is thrown away."""
    out, err = io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = exit_code([*arguments, "-o", str(Path(folder) / "run")])
    assert code == 0, err.getvalue()
    return out.getvalue()


def excerpt(output: str) -> str:
    """The answer and the paragraphs of SHOWN, with three dots for what lies between."""
    lines: list[str] = []
    for number, paragraph in enumerate(output.strip("\n").split("\n\n")):
        if number == 0 or paragraph.startswith(SHOWN):
            lines += ["", paragraph]
        elif lines[-1] != LEFT_OUT:
            lines += ["", LEFT_OUT]
    return "\n".join(lines).strip("\n")


def azure_row(stack: str) -> str:
    """A stack's row of the table."""
    found = json.loads(printed("run", str(AZURE), "--stack", stack, "--months", "0", "--format", "json"))
    first = next(iter(found["deployments"].values()))
    levels = {name: level["met"] for name, level in found["slo"]["levels"].items()}
    ttft_s, tpot_s = (found["latency"][f"{name}_s"]["p95"] for name in ("ttft", "tpot"))
    completed, total = found["requests"]["completed"], found["requests"]["total"]
    cells = [
        f"`{stack}`",
        _marked(f"{ttft_s:.2f} s", met=levels["ttft_p95"]),
        _marked(f"{1000 * tpot_s:.1f} ms", met=levels["tpot_p95"]),
        _marked("100 %" if completed == total else f"{100 * completed / total:.2f} %", met=levels["completed"]),
        loaded(first["load"]),
        loaded(first["load_peak"]),
        f"{found['bill']['month']['total_usd']:,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def block(text: str, name: str) -> str:
    """What README shows between the marks of a block."""
    match = re.search(_BLOCK.format(name), text, re.DOTALL)
    assert match is not None, f"README.md has no block {name!r}"
    return match[2]


def with_block(text: str, name: str, content: str) -> str:
    """README with other content between the marks of a block."""
    block(text, name)
    return re.sub(_BLOCK.format(name), lambda match: f"{match[1]}{content}{match[3]}", text, count=1, flags=re.DOTALL)


def _marked(text: str, *, met: bool) -> str:
    """A figure that misses its service level stands out."""
    return text if met else f"**{text}**"


def main() -> None:
    """Refresh both blocks."""
    text = README.read_text()
    text = with_block(text, "shown", f"\n```text\n{excerpt(printed(*FIRST))}\n```\n\n")
    if AZURE.is_file():
        text = with_block(text, "azure", "\n".join(["", *HEADING, *map(azure_row, STACKS), "", ""]))
    else:
        print(f"{AZURE.name}: not there; the table of the Azure trace stays as it is")
    README.write_text(text)


if __name__ == "__main__":
    main()
