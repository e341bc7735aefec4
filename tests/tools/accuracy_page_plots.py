"""The plots of docs/accuracy.md, by the name of their file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from sim.calibration.errors import summarise
from sim.calibration.table import PredictedRow
from sim.profile.coefficients import load_coefficients
from sim.profile.fitting import Measurement, predict
from tests.tools import accuracy_page_batches, accuracy_page_offline, accuracy_page_serving, accuracy_page_steps, leave_one_out, perf_data
from tests.tools.accuracy_page_serving import METRICS, Rows
from tests.tools.plot import Axis, Panel, Series, figure, scatter

CURVES = (
    ("llama-3.1-8b", "h100-sxm", 1, "Llama 3.1 8B, 1 x H100"), ("llama-3.1-70b", "h100-sxm", 4, "Llama 3.1 70B, 4 x H100"),
    ("llama-3.1-70b", "b200", 2, "Llama 3.1 70B, 2 x B200"), ("qwen3-32b", "h100-sxm", 2, "Qwen3 32B, 2 x H100"),
)  # fmt: skip


def serving() -> str:
    """TTFT and TPOT of the serving sweep, predicted over measured."""
    ways: Mapping[str, Rows] = {
        "GPU left out, its kernels too": accuracy_page_serving.without_gpu(),
        "tensor parallel size left out": accuracy_page_serving.without_own_size(),
        "shipped profiles": accuracy_page_serving.shipped(),
    }
    panels = []
    for name, quantity in METRICS.items():
        colours = dict(zip(ways, (1, 2, 0), strict=True))
        series = [
            Series(words, tuple((1e3 * row.measured[quantity], 1e3 * row.predicted[quantity]) for row in rows), colours[words])
            for words, rows in ways.items()
        ]
        panels.append(scatter(f"{name} of 60 runs on H200", f"{name} (ms)", series))
    return figure(panels)


def concurrency() -> str:
    """Mean absolute errors of the serving sweep by the number of clients."""
    ways: Mapping[str, Rows] = {
        "shipped profiles": accuracy_page_serving.shipped(), "physics": accuracy_page_serving.estimated(),
        "tensor parallel size left out": accuracy_page_serving.without_own_size(), "GPU left out, its kernels too": accuracy_page_serving.without_gpu(),
    }  # fmt: skip
    colours = dict(zip(ways, (0, 3, 2, 1), strict=True))
    panels = []
    for name, quantity in METRICS.items():
        series = [
            Series(words, tuple(_by_clients(rows, lambda row, q=quantity: row.errors[q])), colours[words], line=True)  # type: ignore[misc]
            for words, rows in ways.items()
        ]
        most = max(y for each in series for _, y in each.xy)
        panels.append(
            Panel(
                f"{name}: mean error by clients",
                Axis("clients", 3.5, 73.0, log=True, named=(4.0, 8.0, 16.0, 32.0, 64.0)),
                Axis("mean absolute error (%)", 0.0, most * 1.1),
                tuple(series),
            )
        )
    return figure(panels)


def batches() -> str:
    """Errors of the throughput of whole servers by their batch size."""
    kinds = (("dense LLMs", False, 0), ("mixtures of experts", True, 1))
    panels = []
    for tokens in (perf_data.CHAT_PROMPT_TOKENS, accuracy_page_batches.SHORT_PROMPT_TOKENS):
        series = tuple(
            Series(name, tuple(accuracy_page_batches.errors_by_batch(tokens, experts=kind)), colour) for name, kind, colour in kinds
        )
        title = f"Throughput, prompts of {tokens:g} tokens"
        panels.append(
            Panel(
                title, Axis("sequences at once", 6.0, 5000.0, log=True), Axis("predicted over measured, less 1 (%)", -80.0, 120.0), series
            )
        )
    return figure(panels)


def decode() -> str:
    """Decode steps against the batch: measured, and the physics with all measurements in the fit or the LLM left out."""
    panels = []
    for llm, gpu, gpus, title in CURVES:
        chosen = sorted(
            (m for m in perf_data.mlenergy() if (m.llm.name, m.gpu.name, m.tensor_parallel) == (llm, gpu, gpus)),
            key=lambda m: m.terms[0].tokens,
        )
        without = leave_one_out.without_llm(leave_one_out.shape_name(chosen[0]))
        series = (
            Series("physics", tuple(_curve(chosen, predict(chosen, load_coefficients()))), 0, line=True, dots=False),
            Series("physics, the LLM left out", tuple(_curve(chosen, predict(chosen, without))), 1, line=True, dots=False),
            Series("measured", tuple(_curve(chosen, [m.seconds for m in chosen])), 4),
        )
        most = max(y for each in series for _, y in each.xy)
        panels.append(
            Panel(
                title,
                Axis("sequences in the step", 0.0, 1.05 * chosen[-1].terms[0].tokens),
                Axis("decode step (ms)", 0.0, 1.1 * most),
                series,
            )
        )
    return figure(panels)


def steps() -> str:
    """Steps of Splitwise by `sim calibrate` with the batch held out, and Argonne's runs through the engine."""
    kinds = {"decode steps": "decode", "prompts": "prefill"}
    readings = [r for each in accuracy_page_steps.own_calibration("splitwise").found for r in each.readings]
    by_kind = [
        Series(
            f"Splitwise {words}, batch left out",
            tuple((1e3 * r.observation.value, 1e3 * r.held_out) for r in readings if r.observation.kind == kind and r.held_out is not None), colour,
        )
        for colour, (words, kind) in enumerate(kinds.items())
    ]  # fmt: skip
    runs = accuracy_page_offline.argonne()
    by_part = [
        Series("Argonne, in the fit", tuple((r.measured_s, r.predicted_s) for r in runs if r.fitted), 2),
        Series("Argonne, never fitted", tuple((r.measured_s, r.predicted_s) for r in runs if not r.fitted), 3),
    ]
    return figure(
        [scatter("Steps of a 2023 engine", "time (ms)", by_kind), scatter("Whole runs on A100, 2024 engines", "time (s)", by_part)]
    )


PLOTS: Mapping[str, Callable[[], str]] = MappingProxyType(
    {"serving": serving, "concurrency": concurrency, "decode": decode, "batches": batches, "steps": steps}
)


def _by_clients(rows: Rows, error: Callable[[PredictedRow], float]) -> Iterable[tuple[float, float]]:
    clients = sorted({row.point.load.concurrency or 0 for row in rows})
    for number in clients:
        found = summarise(error(row) for row in rows if row.point.load.concurrency == number)
        assert found is not None
        yield float(number), 100.0 * found.mean_abs_error


def _curve(chosen: Iterable[Measurement], seconds: Iterable[float]) -> Iterable[tuple[float, float]]:
    return ((m.terms[0].tokens, 1e3 * s) for m, s in zip(chosen, seconds, strict=True))
