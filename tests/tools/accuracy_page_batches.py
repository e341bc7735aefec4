"""Throughput of ML.ENERGY's chat runs in docs/accuracy.md: whole servers at a steady batch of 8 to 4,096 sequences, through the engine.

The joint fit reads median gaps between tokens, and only where few prompts share the steps. Here every run is simulated with its prompts, so
that large batches count too, and throughput is compared, which is what money depends on. Nothing of it is fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from types import MappingProxyType

from sim.calibration.errors import relative_error
from sim.calibration.points import Load, Server
from sim.calibration.serving import profile_of, serve
from sim.catalog.catalog import Catalog
from sim.catalog.known_as import find_gpu, find_llm, find_precision
from sim.errors import InputError
from sim.profile.coefficients import load_coefficients
from sim.profile.shipped import load_shipped
from tests.tools import perf_data
from tests.tools.accuracy_page_tables import ERRORS, error_cells, markdown

SHORTEST = 0.5
"""Lengths are even from half the longest on (assumed); the source gives the mean output only."""
ROUNDS = 5
"""Requests of each client."""
SHORT_PROMPT_TOKENS = 100.0
"""What prompts can have at most where the largest batches were held: 405B on eight B200 had 3,589 sequences at once in 1.06 million tokens."""
UTILISATION = 0.9
BOUNDS = (0, 64, 256, 1024, 1 << 30)
"""Classes of batch sizes."""


@dataclass(frozen=True)
class Steady:
    """One run: its server, and output tokens a second as predicted and measured."""

    gpu: str
    experts: bool
    batch: int
    predicted: float
    measured: float
    shipped: bool
    """Whether its configuration has a profile of its own, with which it is predicted."""

    @property
    def error(self) -> float:
        """Of the throughput: below zero it is predicted too low."""
        return relative_error(self.predicted, self.measured)


@cache
def runs(prompt_tokens: float = perf_data.CHAT_PROMPT_TOKENS) -> tuple[Steady, ...]:
    """Every chat run on one replica that is not suspect and whose LLM is in the catalogue, predicted as `sim run` would."""
    catalog = Catalog.load()
    coefficients, shipped = load_coefficients(catalog), load_shipped(catalog)
    found = []
    for row in perf_data.rows_of("mlenergy_v3_llm.csv"):
        if row["suspect"] == "True" or row["task"] != "lm-arena-chat" or int(row["data_parallel"]) > 1:
            continue
        try:
            llm = find_llm(catalog, row["model_id"])
        except InputError:
            continue
        batch, output = round(float(row["avg_batch_size"])), float(row["avg_output_len"])
        server = Server(
            llm=llm, gpu=find_gpu(catalog, row["gpu_model"]), tensor_parallel=int(row["num_gpus"]),
            precision=find_precision(row["weight_precision"]), kv_precision="bf16", engine_era="2025", utilisation=UTILISATION, max_num_seqs=batch,
        )  # fmt: skip
        longest = 2.0 / (1.0 + SHORTEST)
        load = Load(
            prompt_tokens=longest * prompt_tokens, output_tokens=longest * output, concurrency=batch, requests=ROUNDS * batch,
            least_length_share=SHORTEST,
        )  # fmt: skip
        tokens = round(load.prompt_tokens) + round(load.output_tokens)
        try:
            profile = profile_of(server, longest_tokens=tokens, catalog=catalog, coefficients=coefficients, shipped=shipped)
        except InputError:
            continue
        # Little's law: so many requests at a time, each there for its end-to-end time.
        predicted = batch * output / serve(load, profile).values["e2e_s", "mean"]
        measured = float(row["output_throughput_tokens_per_sec"])
        found.append(Steady(row["gpu_model"], llm.experts is not None, batch, predicted, measured, profile.label != "estimated"))
    return tuple(found)


def batches_table() -> str:
    """Errors of throughput by kind of LLM and batch size."""
    lines = []
    for experts, words in ((False, "dense LLMs"), (True, "mixtures of experts")):
        for above, most in pairwise(BOUNDS):
            chosen, shorter = (
                [run.error for run in runs(prompt) if run.experts == experts and above < run.batch <= most]
                for prompt in (perf_data.CHAT_PROMPT_TOKENS, SHORT_PROMPT_TOKENS)
            )
            sizes = f"up to {most:,}" if above == 0 else f"{above + 1:,} to {most:,}" if most < BOUNDS[-1] else f"more than {above:,}"
            lines.append((words, sizes, *error_cells(chosen), error_cells(shorter)[-1]))
    return markdown(("throughput of", "sequences at once", *ERRORS, f"bias, prompts of {SHORT_PROMPT_TOKENS:g}"), lines, words=2)


def errors_by_batch(prompt_tokens: float, *, experts: bool) -> Sequence[tuple[float, float]]:
    """Batch size and error in percent of each run."""
    return [(float(run.batch), 100.0 * run.error) for run in runs(prompt_tokens) if run.experts == experts]


TABLES: Mapping[str, Callable[[], str]] = MappingProxyType({"batches": batches_table})
