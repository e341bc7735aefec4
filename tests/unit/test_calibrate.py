"""Calibration: what is known is found again, what the data do not tell stays, and what it says of unseen loads it has not seen."""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt

import numpy as np
import pytest

from sim.calibration.calibrate import REPEATABILITY, Calibration, calibrate, calibrate_all
from sim.calibration.parts import NAMES
from sim.calibration.points import Benchmark, Load, ServingPoint, StepPoint
from sim.errors import InputError
from sim.profile.physics import streaming_floor_s
from tests.made.benchmark import CATALOG, ESTIMATE, GRID, PRIOR, SERVER, ClosedForm, measured, position

TRUTH = position(c=0.8, g_large=-0.5, o=0.9, f=0.7, front_end=-0.6)


def found(points: list[ServingPoint], **options: object) -> Calibration:
    return calibrate(points, PRIOR, ClosedForm(), **options)  # type: ignore[arg-type]


def moved(calibration: Calibration) -> set[str]:
    return {c.name for c in calibration.coefficients if c.moved}


def worst(calibration: Calibration, metric: str, attribute: str = "calibrated") -> float:
    return max(
        abs(log(getattr(r, attribute) / r.observation.value))
        for r in calibration.readings
        if r.observation.metric == metric and r.observation.fitted
    )  # fmt: skip


def test_the_estimate_is_where_nothing_has_moved() -> None:
    assert ESTIMATE.at(position()) == (PRIOR.step, PRIOR.front_end_s)


def test_known_coefficients_are_found_again() -> None:
    calibration = found(measured(TRUTH))
    assert worst(calibration, "tpot_s") < 0.015 < worst(calibration, "tpot_s", "estimated")
    assert worst(calibration, "ttft_s") < 0.03 < worst(calibration, "ttft_s", "estimated")
    true_values = dict(zip(NAMES, ESTIMATE.values(TRUTH), strict=True))
    assert moved(calibration) >= {"g_large", "f", "front_end"}
    for c in calibration.coefficients:
        if c.moved:
            off = abs(c.calibrated_s - true_values[c.name]) / c.calibrated_s
            assert off < 3.0 * c.sd, c


def test_an_estimate_that_is_far_off_is_left_with_the_data_held_out_too() -> None:
    calibration = found(measured(position(c=-3.0, o=-2.0, g_large=1.0, front_end=-1.2), noise=0.02))
    assert worst(calibration, "tpot_s", "estimated") > 0.15
    assert moved(calibration) >= {"o", "g_large"}
    for scheme in (calibration.by_batch, calibration.by_shape):
        assert scheme is not None
        assert float(np.median(np.abs(scheme.errors[np.isfinite(scheme.errors)]))) < 0.05


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_within_what_is_said(seed: int) -> None:
    calibration = found(measured(TRUTH, noise=0.03, seed=seed))
    clean = measured(TRUTH)
    errors = [
        log(r.calibrated / clean[r.observation.point].measured[r.observation.metric, "mean"])  # type: ignore[index]
        for r in calibration.readings
    ]
    assert sqrt(float(np.mean(np.square(errors)))) < 0.035
    assert calibration.decode_error >= REPEATABILITY


def test_what_the_data_do_not_tell_stays_at_the_estimate() -> None:
    slow_prompts = position(c=0.8, g_large=1.0, front_end=1.0)
    calibration = found(measured(slow_prompts, [(128, 128, 1), (128, 128, 2), (128, 128, 4)], only=("tpot_s",)))
    by_name = {c.name: c for c in calibration.coefficients}
    for name in ("g_large", "g_long", "h", "front_end", "o"):
        assert not by_name[name].moved and by_name[name].calibrated_s == by_name[name].estimate_s, name
    assert len(moved(calibration)) == 1
    assert calibration.prefill_error == pytest.approx(max(PRIOR.prefill_error, REPEATABILITY))


def test_never_more_free_parts_than_loads() -> None:
    calibration = found(measured(TRUTH, [(1024, 1024, 1), (8192, 512, 64)]))
    assert len(moved(calibration)) <= 2
    repeated = found(measured(TRUTH, [(1024, 1024, 1), (8192, 512, 64)] * 3))
    assert len(moved(repeated)) <= 2 and repeated.loads == 2


def test_no_step_is_below_the_floor() -> None:
    points = [replace(p, measured={("tpot_s", "mean"): p.measured["tpot_s", "mean"] * 0.45}) for p in measured(position())]
    calibration = found(points)
    step = calibration.step
    for tokens, g in zip(step.g_tokens, step.g_s, strict=True):
        assert g >= streaming_floor_s(SERVER.llm, SERVER.gpu, "bf16", 1, tokens) * (1 - 1e-12)
    assert "shorter than reading the weights once" in calibration.doubts[0] and "fp8" in calibration.doubts[0]


def test_no_step_is_faster_than_the_peak_compute_rate() -> None:
    def prompts(faster: float) -> list[StepPoint]:
        step = replace(PRIOR.step, g_s=tuple(g * faster for g in PRIOR.step.g_s))
        return [
            StepPoint(SERVER, t, 1, 0.0, t * t / 2, step.prefill_s(t), "steps.csv:1", "prefill") for t in (1024, 2048, 4096, 8192, 12288)
        ]

    calibration = calibrate(prompts(0.35), PRIOR, ClosedForm())
    operations_per_s = SERVER.gpu.peak_bf16_tflops * 1e12
    for tokens, g in zip(calibration.step.g_tokens, calibration.step.g_s, strict=True):
        assert g >= 2.0 * SERVER.llm.active_matrix_params * tokens / operations_per_s * (1 - 1e-12), tokens
    assert "faster than the peak compute rate of 1 x h100-sxm" in calibration.doubts[0]
    possible = calibrate(prompts(0.8), PRIOR, ClosedForm())
    assert possible.step.g(8192.0) < 0.9 * PRIOR.step.g(8192.0) and not any("peak compute rate" in doubt for doubt in possible.doubts)


def test_what_was_assumed_is_said_once_and_badly_explained_prompts_ask_for_lengths() -> None:
    def spoiled(share: float | None) -> list[ServingPoint]:
        points = []
        for i, p in enumerate(measured(TRUTH)):
            values = {**p.measured, ("ttft_s", "mean"): p.measured["ttft_s", "mean"] * (1.5 if i % 2 else 0.7)}
            points.append(replace(p, measured=values, load=replace(p.load, least_length_share=share)))
        return points

    unsaid, said = found(spoiled(None)), found(spoiled(1.0))
    assert any("were they fixed? Then say least_length_share 1" in doubt for doubt in unsaid.doubts)
    assert not any("least_length_share" in doubt for doubt in (*said.doubts, *found(measured(TRUTH)).doubts))
    assert sum("least_length_share" in text for text in unsaid.assumed) == 1 and not any("least_length" in text for text in said.assumed)
    assert len(set(unsaid.assumed)) == len(unsaid.assumed)


def test_a_disturbed_batch_does_not_help_to_predict_itself() -> None:
    points = measured(TRUTH)
    at_64 = [i for i, load in enumerate(GRID) if load[2] == 64]
    for i in at_64:
        points[i] = replace(points[i], measured={key: value * 1.6 for key, value in points[i].measured.items()})
    calibration = found(points)
    assert calibration.by_batch is not None
    rest = found([p for i, p in enumerate(points) if i not in at_64])
    form = ClosedForm()
    for row, r in enumerate(calibration.readings):
        if r.observation.point in at_64:
            assert isinstance(r.point, ServingPoint)
            alone = form.values(r.point, rest.step, rest.front_end_s)[r.observation.metric, "mean"]  # type: ignore[index]
            assert calibration.by_batch.errors[row] == pytest.approx(log(alone / r.observation.value), abs=0.08)
            assert r.held_out == pytest.approx(r.observation.value * np.exp(calibration.by_batch.errors[row]))
    assert calibration.decode_error > 0.2 > calibration.in_sample_error / 2


def test_errors_of_held_out_points_are_those_it_carries() -> None:
    calibration = found(measured(TRUTH, noise=0.05))
    assert calibration.by_batch is not None and calibration.by_shape is not None
    for kind, carried, of_estimate in (
        ("decode", calibration.decode_error, PRIOR.error),
        ("prefill", calibration.prefill_error, PRIOR.prefill_error),
    ):
        rows = [i for i, r in enumerate(calibration.readings) if r.observation.kind == kind and r.observation.fitted]
        both = [
            sqrt((sum(scheme.errors[i] ** 2 for i in rows) + 2.0 * of_estimate**2) / (len(rows) + 2.0))
            for scheme in (calibration.by_batch, calibration.by_shape)
        ]
        assert carried == pytest.approx(max(*both, REPEATABILITY))


def test_waiting_for_kv_is_no_error_of_prompts() -> None:
    points = measured(TRUTH)
    for i, load in enumerate(GRID):
        if load[2] == 64:
            values = {**points[i].measured, ("ttft_s", "mean"): points[i].measured["ttft_s", "mean"] * 2.5}
            points[i] = replace(points[i], measured=values)
    plain = calibrate(points, PRIOR, ClosedForm())
    short = calibrate(points, PRIOR, ClosedForm(full=frozenset({64})))
    assert short.prefill_error < 0.8 * plain.prefill_error
    assert {r.point.load.concurrency for r in short.readings if r.short_of_kv} == {64}  # type: ignore[union-attr]


def test_the_same_benchmark_gives_the_same_profile() -> None:
    one, two = (found(measured(TRUTH, noise=0.03)) for _ in range(2))
    assert (one.step, one.front_end_s, one.doubts, one.advice) == (two.step, two.front_end_s, two.doubts, two.advice)


def test_steps_alone_are_enough() -> None:
    truth = position(c=0.5, o=-0.7, f=0.8)
    step, _ = ESTIMATE.at(truth)
    points = [
        StepPoint(SERVER, b, b, b * context, 0.0, step.decode_s(sequences=b, context=b * context), "steps.csv:1")
        for b in (1, 2, 4, 8, 16, 32, 64)
        for context in (200, 4000)
    ]
    calibration = calibrate(points, PRIOR, ClosedForm())
    assert worst(calibration, "step_s") < 0.03 < worst(calibration, "step_s", "estimated")
    assert calibration.simulated == 0 and "f" in moved(calibration)
    assert calibration.prefill_error == PRIOR.prefill_error


def test_prompts_have_a_least_time_and_long_ones_a_rate_of_their_own() -> None:
    truth = position(g_large=-0.6, g_long=1.5, launch=2.0)
    step, _ = ESTIMATE.at(truth)
    prompts = [
        StepPoint(SERVER, t, 1, 0.0, t * t / 2, step.prefill_s(t), "steps.csv:1", "prefill")
        for t in (128, 256, 512, 1024, 2048, 4096, 8192)
    ]
    decodes = [StepPoint(SERVER, b, b, b * 500, 0.0, step.decode_s(sequences=b, context=b * 500), "steps.csv:1") for b in (1, 8, 32)]
    calibration = calibrate([*prompts, *decodes], PRIOR, ClosedForm())
    assert moved(calibration) >= {"g_large", "g_long", "launch"}
    assert worst(calibration, "step_s") < 0.04 and worst(calibration, "step_s", "estimated") > 0.3
    by_name = {c.name: c for c in calibration.coefficients}
    assert by_name["launch"].calibrated_s == pytest.approx(step.prefill_s(128) - step.o_s, rel=0.05)


def test_parts_asked_for_are_refused_where_the_data_do_not_tell_them() -> None:
    points = measured(TRUTH, [(128, 128, 1), (128, 128, 2), (128, 128, 4)], only=("tpot_s",))
    with pytest.raises(InputError, match=r"--free: .*tell h \(a pair of tokens of a prompt\).* measure TTFT of prompts of 16,000 tokens"):
        found(points, wanted=(NAMES.index("c"), NAMES.index("h")))
    assert moved(found(points, wanted=(NAMES.index("c"),))) == {"c"}


def test_more_parts_than_loads_are_refused() -> None:
    points = measured(TRUTH, [(128, 128, 1), (8192, 512, 64)])
    with pytest.raises(InputError, match=r"3 parts .* from 2 different loads"):
        found(points, wanted=tuple(NAMES.index(name) for name in ("c", "f", "g_large")))


@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_another_unit_is_refused(factor: float) -> None:
    points = [replace(p, measured={**p.measured, ("tpot_s", "mean"): p.measured["tpot_s", "mean"] * factor}) for p in measured(TRUTH)]
    with pytest.raises(InputError, match=r"made.csv:2: tpot_s: .*another unit"):
        found(points)


def test_exchanged_columns_are_refused() -> None:
    first, second = ("ttft_s", "mean"), ("tpot_s", "mean")
    points = [replace(p, measured={first: p.measured[second], second: p.measured[first]}) for p in measured(TRUTH)]
    with pytest.raises(InputError, match=r"made.csv:10: tpot_s: found .*are two columns exchanged"):
        found(points)


def test_a_profile_that_no_forecast_could_draw_is_refused_and_says_why() -> None:
    points = measured(position(), noise=0.01)
    wild = next(i for i, load in enumerate(GRID) if load == (1024, 1024, 16))
    points[wild] = replace(points[wild], measured={key: value * 1e3 for key, value in points[wild].measured.items()})
    with pytest.raises(InputError, match=r"no profile is kept, for its error would be \d+% for decodes(.|\n)*1024/1024 at concurrency 16"):
        found(points)


def test_repeats_that_contradict_each_other_are_named() -> None:
    points = measured(position())
    again = replace(points[0], measured={key: value * 2.0 for key, value in points[0].measured.items()}, where="again.csv:9")
    near = replace(points[1], measured={key: value * 1.1 for key, value in points[1].measured.items()})
    assert not any("no repeats" in doubt for doubt in found([*points, near]).doubts)
    said = next(doubt for doubt in found([*points, near, again]).doubts if "no repeats" in doubt)
    assert "ttft of 128/128 at concurrency 1, 2 times apart (made.csv:2, again.csv:9), tpot of 128/128" in said


def test_a_run_that_nothing_explains_is_named() -> None:
    points = measured(TRUTH, noise=0.01)
    wild = next(i for i, load in enumerate(GRID) if load == (1024, 1024, 16))
    points[wild] = replace(points[wild], measured={key: value * 1.5 for key, value in points[wild].measured.items()})
    said = " ".join(found(points).doubts)
    assert "not explained by any profile" in said and "1024/1024 at concurrency 16" in said and "1024/1024 at concurrency 4" not in said


def test_an_option_that_would_explain_the_runs_is_named() -> None:
    points = measured(position())
    for i, load in enumerate(GRID):
        if load[0] != 1024:  # a pattern that no coefficient has
            values = {**points[i].measured, ("ttft_s", "mean"): points[i].measured["ttft_s", "mean"] * (2.0 if load[2] in (4, 64) else 0.5)}
            points[i] = replace(points[i], measured=values)
    helpful = ClosedForm(factors=((("max_num_seqs", 64), 1.0), (("kv_precision", "fp8"), 1.0)))
    assert not any("explained far better" in doubt for doubt in calibrate(points, PRIOR, helpful).doubts)

    class Right(ClosedForm):
        def with_option(self, name: str, value: object) -> ClosedForm | None:
            return Exact() if (name, value) == ("max_num_seqs", 64) else None

    class Exact(ClosedForm):
        def values(self, point, *_):  # type: ignore[no-untyped-def]
            return point.measured

    assert any("With max_num_seqs 64" in doubt for doubt in calibrate(points, PRIOR, Right()).doubts)


def test_each_configuration_has_a_profile_and_one_with_one_load_has_a_reason() -> None:
    step = StepPoint(SERVER, 1, 1, 100, 0.0, 0.01, "s.csv:2")
    other = replace(SERVER, tensor_parallel=2)
    points = (step, replace(step, tokens=4.0, sequences=4.0, seconds=0.011), replace(step, server=other))
    all_found = calibrate_all(Benchmark(steps=points), catalog=CATALOG)
    assert [each.key[2] for each in all_found.found] == [1]
    assert [(each.name, each.why) for each in all_found.skipped] == [
        (
            "llama-3.1-8b bf16, 2 x h100-sxm, vllm 2025",
            "measured at 1 load; at least 2 different ones are needed: give the files of more runs",
        )
    ]
    with pytest.raises(InputError, match="at least 2 different ones"):
        calibrate_all(Benchmark(steps=(step,)), catalog=CATALOG)


def test_limits_of_the_server_make_no_second_configuration() -> None:
    step = StepPoint(SERVER, 1, 1, 100, 0.0, 0.01, "s.csv:2")
    other = replace(SERVER, max_num_seqs=64, utilisation=0.8)
    found_all = calibrate_all(Benchmark(steps=(step, replace(step, server=other, tokens=4.0, sequences=4.0))), catalog=CATALOG)
    assert len(found_all.found) == 1 and found_all.found[0].loads == 2


def test_a_closed_loop_through_the_engine_is_found_again() -> None:
    """The same engine that measures also predicts: what differs is the profile alone."""
    from sim.calibration.simulator import EngineSimulator

    truth = position(c=1.0, g_large=0.8, front_end=0.5)
    loads = [Load(float(p), 64.0, concurrency=n, requests=4 * n) for p in (64, 2048) for n in (1, 4, 8)]
    blank = [ServingPoint(SERVER, load, {("ttft_s", "mean"): 1.0}, "x") for load in loads]
    engine = EngineSimulator.of(blank)
    step, front_end_s = ESTIMATE.at(truth)
    points = [replace(p, measured=dict(engine.values(p, step, front_end_s))) for p in blank]
    calibration = calibrate(points, PRIOR, engine)
    assert worst(calibration, "ttft_s") < 0.06 < worst(calibration, "ttft_s", "estimated")
    checks = [r for r in calibration.readings if r.observation.metric == "throughput_tok_s"]  # never fitted beside TTFT and TPOT
    assert checks and not any(r.observation.fitted for r in checks)
    assert all(abs(log(r.calibrated / r.observation.value)) < 0.03 for r in checks)
