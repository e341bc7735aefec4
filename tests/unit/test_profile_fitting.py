"""The fit finds the coefficients that made its measurements, and says how wrong it is on what it did not see."""

from __future__ import annotations

import random
from dataclasses import replace
from math import exp

import pytest

from sim.catalog.catalog import Catalog
from sim.profile.coefficients import load_coefficients
from sim.profile.fitting import (
    Measurement,
    Term,
    configuration_medians,
    cross_validate,
    fit,
    log_errors,
    predict,
    root_mean_square,
    value_at,
    with_values,
)

CATALOG = Catalog.load()
FREE = {
    "engines.vllm/2025.layer_overhead_us": (0.0, 300.0),
    "engines.vllm/2025.sequence_us": (0.0, 300.0),
    "hardware.h100.weights_share_of_bandwidth.bf16": (0.3, 1.0),
}
TRUTH = with_values(
    load_coefficients(),
    {
        "engines.vllm/2025.layer_overhead_us": 80.0,
        "engines.vllm/2025.sequence_us": 20.0,
        "hardware.h100.weights_share_of_bandwidth.bf16": 0.7,
    },
)


def measurements(noise: float = 0.0) -> list[Measurement]:
    draw, found = random.Random(3), []
    for llm, tp in (("llama-3.1-8b", 1), ("qwen3-14b", 1), ("qwen3-32b", 2), ("llama-3.1-70b", 4)):
        for batch in (1, 8, 32, 128):
            point = Measurement(
                llm=CATALOG.llm(llm), gpu=CATALOG.gpu("h100-sxm"), tensor_parallel=tp, precision="bf16", kv_precision="bf16", engine="vllm",
                engine_era="2025", kind="decode", source="made up", terms=(Term(1.0, batch, batch, 700.0 * batch),), seconds=1.0,
            )  # fmt: skip
            found.append(replace(point, seconds=predict([point], TRUTH)[0] * exp(draw.gauss(0.0, noise))))
    return found


def test_the_fit_finds_what_made_the_measurements():
    fitted = fit(measurements(), load_coefficients(), FREE)
    for path in FREE:
        assert value_at(fitted, path) == pytest.approx(value_at(TRUTH, path), rel=0.01)
    assert root_mean_square(log_errors(measurements(), fitted)) < 1e-3


def test_one_disturbed_measurement_does_not_bend_the_fit():
    points = measurements()
    points[5] = replace(points[5], seconds=3 * points[5].seconds)
    fitted = fit(points, load_coefficients(), FREE)
    rest = [error for i, error in enumerate(log_errors(points, fitted)) if i != 5]
    assert max(map(abs, rest)) < 0.05


def test_held_out_errors_are_those_of_noise_and_not_smaller():
    points = measurements(noise=0.05)
    whole = fit(points, load_coefficients(), FREE)
    held_out = cross_validate(points, whole, FREE, lambda m: m.llm.name)
    assert root_mean_square(log_errors(points, whole)) <= root_mean_square(held_out) < 0.12
    assert set(configuration_medians(points, held_out)) == {m.configuration for m in points}


def test_coefficients_are_named_by_path():
    changed = with_values(load_coefficients(), {"hidden_passes": 2.5, "engines.vllm/2023.sequence_us": 1.0})
    assert changed.hidden_passes == 2.5
    assert changed.engine("vllm", "2023").sequence_us == 1.0
    assert changed.engine("vllm", "2025") == load_coefficients().engine("vllm", "2025")
    with pytest.raises(KeyError, match="ridge"):
        with_values(load_coefficients(), {"ridge": 1.0})
