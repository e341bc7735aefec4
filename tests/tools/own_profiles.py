"""Profiles of the configurations that were measured, made as a user's are: by `sim calibrate` (sim/calibration), from the estimate on.

One file of models/profiles/ for each source. A configuration needs three loads; one whose loads miss each other by more than
`LARGEST_ERROR` when they are held out gets none, for its measurements disagree among themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from sim.calibration.calibrate import calibrate_all
from sim.calibration.formats.serving_csv import read_serving_table
from sim.calibration.points import Benchmark, Server, StepPoint
from sim.calibration.serving import CLOSED_LOOP_SHARE
from sim.catalog.catalog import Catalog
from sim.profile.fitting import Measurement
from sim.report.calibration_file import profile_yaml
from tests.tools import perf_data

LARGEST_ERROR = 0.15
LEAST_LOADS = 3
HEADING = ("# Calibrated profiles; re-made by tests/tools/fit_profiles.py (docs/profiles.md).",)
SOURCES = MappingProxyType(
    {
        "mlenergy": (perf_data.MLENERGY, "2026-11"), "inferencex": (perf_data.INFERENCEX, "2025-10-29"), "splitwise": (perf_data.SPLITWISE, "2023"),
    }
)  # fmt: skip
"""File, source and date of what was measured."""


def benchmark_of(name: str, catalog: Catalog) -> Benchmark:
    """All measurements of one source whose LLM is in the catalogue as it was measured."""
    if name == "inferencex":
        table = read_serving_table(perf_data.PERF / "inferencex_h200_vllm_llama31_70b.csv", catalog)
        points = [
            replace(point, server=replace(point.server, engine_era="2025"), load=replace(point.load, least_length_share=CLOSED_LOOP_SHARE))
            for point in table.serving  # InferenceX draws its lengths so
        ]
        return Benchmark(serving=tuple(points))
    measured = perf_data.mlenergy(every=True) if name == "mlenergy" else perf_data.splitwise()
    known = set(catalog.names("llm"))
    return Benchmark(steps=tuple(step_points([m for m in measured if m.llm.name in known and catalog.llm(m.llm.name) == m.llm])))


def step_points(measured: Sequence[Measurement]) -> list[StepPoint]:
    """Measurements of single steps as points of a benchmark."""
    found = []
    for m in measured:
        (term,) = m.terms
        server = Server(m.llm, m.gpu, m.tensor_parallel, m.precision, m.kv_precision, m.engine, m.engine_era)
        found.append(
            StepPoint(
                server, term.tokens, term.sequences, term.context, term.attention, m.seconds / term.steps, m.source,
                "prefill" if m.kind == "prefill" else "decode",
            )
        )  # fmt: skip
    return found


def write_own_profiles(folder: Path) -> None:
    """One file a source, from the estimates of the coefficients in the folder as they are now."""
    catalog = Catalog.bundled()
    for name, (source, as_of) in SOURCES.items():
        found = calibrate_all(benchmark_of(name, catalog), catalog=catalog)
        shipped = []
        for each in found.found:
            if each.loads >= LEAST_LOADS and each.decode_error <= LARGEST_ERROR:
                shipped.append(each)
            else:
                print(f"not shipped: {each.key}, {each.loads} loads, held-out error {each.decode_error:.3f}")
        text = profile_yaml(tuple(shipped), source=source, as_of=as_of, heading=HEADING)
        if name == "mlenergy":
            text = _noted(
                text, {each.key[:3] for each in shipped if each.server.llm.experts is not None and each.server.tensor_parallel > 1}
            )
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def _noted(text: str, whole: set[tuple[str, str, int]]) -> str:
    """The profiles of mixtures of experts with a note that each GPU held whole experts, as ML.ENERGY runs all of them but gpt-oss."""
    blocks = text.split("  - llm: ")
    for i, block in enumerate(blocks):
        llm, gpu, size = (re.search(rf"^{key}(\S+)$", block, re.MULTILINE) for key in ("", "    gpu: ", "    tensor_parallel: "))
        if llm and gpu and size and (llm[1], gpu[1], int(size[1])) in whole and not llm[1].startswith("gpt-oss"):
            blocks[i] = block.replace("    notes: [", '    notes: ["measured with whole experts on each GPU", ', 1)
    return "  - llm: ".join(blocks)
