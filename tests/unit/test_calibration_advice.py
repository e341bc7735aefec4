"""What to measure next: the run that is advised does what it promises, and more than others would."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from sim.calibration.advice import Advice, advise, command_of, steady
from sim.calibration.calibrate import calibrate
from sim.calibration.parts import NAMES, PARTS
from sim.calibration.points import Load
from tests.made.benchmark import ESTIMATE, PRIOR, ClosedForm, measured, position

KNOWN = np.diag([1e-6] * len(PARTS))


def advised(unsure: str, measured_loads: tuple[Load, ...] = ()) -> tuple[Advice, ...]:
    """Advice where one part alone is unknown."""
    covariance = KNOWN.copy()
    covariance[NAMES.index(unsure), NAMES.index(unsure)] = 1.0
    return advise(ESTIMATE, position(), covariance, PRIOR, measured_loads)


def test_a_steady_loop_of_one_is_a_prompt_and_its_decodes() -> None:
    ttft, tpot = steady(PRIOR.step, 0.02, (1000, 200, 1))
    assert ttft == pytest.approx(0.02 + PRIOR.step.prefill_s(1000))
    assert tpot == pytest.approx(PRIOR.step.decode_s(sequences=1, context=1100))


@pytest.mark.parametrize(
    ("unsure", "load"),
    [
        ("f", lambda a: a.concurrency >= 8 and a.prompt_tokens >= 1024),
        ("o", lambda a: a.concurrency >= 64 and a.prompt_tokens <= 1024),
        ("front_end", lambda a: a.concurrency == 1 and a.prompt_tokens == 128),
        ("g_long", lambda a: a.prompt_tokens >= 8192),
        ("h", lambda a: a.prompt_tokens == 16384),
    ],
)
def test_the_run_that_tells_of_a_part(unsure: str, load) -> None:  # type: ignore[no-untyped-def]
    first = advised(unsure)[0]
    assert load(first), first
    assert NAMES[first.part] == unsure and first.after < first.before


def test_what_is_known_needs_no_run_and_what_is_done_is_not_advised() -> None:
    assert advise(ESTIMATE, position(), np.zeros((len(PARTS), len(PARTS))), PRIOR, ()) == ()
    first = advised("f")[0]
    done = Load(float(first.prompt_tokens), float(first.output_tokens), concurrency=first.concurrency)
    again = advised("f", (done,))[0]
    assert (again.prompt_tokens, again.output_tokens, again.concurrency) != (first.prompt_tokens, first.output_tokens, first.concurrency)
    assert again.after >= first.after


def test_only_what_the_server_holds_is_advised() -> None:
    from dataclasses import replace

    small = replace(PRIOR, kv_capacity_tokens=20_000, max_num_seqs=8)
    for each in advise(ESTIMATE, position(), np.eye(len(PARTS)), small, ()):
        assert each.concurrency <= 8 and each.concurrency * (each.prompt_tokens + each.output_tokens) <= 18_000


def test_the_advised_run_teaches_what_it_promises() -> None:
    loads = [(128, 128, 1), (128, 128, 4), (1024, 128, 1)]
    before = calibrate(measured(position(f=1.0), loads), PRIOR, ClosedForm())
    first = before.advice[0]
    more = [*loads, (first.prompt_tokens, first.output_tokens, first.concurrency)]
    repeat = [*loads, (128, 128, 2)]
    taught, repeated = (calibrate(measured(position(f=1.0), each), PRIOR, ClosedForm()) for each in (more, repeat))

    def unsure(calibration) -> float:  # type: ignore[no-untyped-def]
        return sqrt(sum((c.sd / c.sd_before) ** 2 for c in calibration.coefficients))

    assert unsure(taught) < unsure(repeated) < unsure(before) * 1.01
    assert taught.coefficients[first.part].sd < before.coefficients[first.part].sd


def test_the_command() -> None:
    text = command_of(Advice(1024, 256, 16, 0.1, 0.05, 0))
    assert text.startswith("vllm bench serve --model MODEL --dataset-name random --random-input-len 1024 --random-output-len 256 ")
    assert "--max-concurrency 16 --num-prompts 160" in text and "--ignore-eos" in text
