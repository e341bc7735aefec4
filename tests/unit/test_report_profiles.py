"""Which profile a run used: the shipped one with both of its errors and its source, the estimate without, and one of the stack's own."""

from __future__ import annotations

from pathlib import Path

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.profile.shipped import ShippedProfile, load_shipped
from sim.report.explanation import explain_text
from sim.report.run_profiles import profiles_used
from sim.stack import ResolvedStack, read_stack, resolve
from tests.made.world import STACK

MODELS = """\
deployments:
  own: {{kind: gpu, llm: {llm}, gpu: {gpu}, tensor_parallel: {tp}, precision: {precision}, usd_per_gpu_hour: 3{more}}}
"""


def resolved(folder: Path, text: str) -> ResolvedStack:
    (folder / "mine.yaml").write_text(text)
    catalog = Catalog.load()
    return resolve(read_stack(str(folder / "mine.yaml"), catalog), catalog, PriceBook(catalog.date))


def shipped() -> ShippedProfile:
    return next(each for each in load_shipped() if each.kv_precision == "bf16" and each.engine == "vllm")


def of(found: ShippedProfile, *, era: str) -> str:
    more = f', engine_era: "{era}"' if era else ""
    return MODELS.format(llm=found.llm, gpu=found.gpu, tp=found.tensor_parallel, precision=found.precision, more=more)


def test_a_shipped_profile_says_who_measured_it_and_both_errors(tmp_path: Path) -> None:
    found = shipped()
    stack = resolved(tmp_path, of(found, era=found.engine_era))
    (use,) = profiles_used(stack)
    errors = f"decode +-{found.decode_error * 100:.0f} %, prompts +-{found.prefill_error * 100:.0f} %"
    where = f"{found.llm} {found.precision} on {found.tensor_parallel} x {found.gpu}, vllm {found.engine_era}"
    assert str(use) == f"own: {where}: {found.label} ({found.source}), {errors}"
    assert (use.decode_error, use.prefill_error, use.as_of) == (found.decode_error, found.prefill_error, found.as_of)
    said = " ".join(explain_text(stack).split())
    assert f"step time {found.label} ({errors})" in said


def test_an_estimate_says_so_with_the_era_that_was_chosen(tmp_path: Path) -> None:
    stack = resolved(tmp_path, MODELS.format(llm="llama-3.1-8b", gpu="l4", tp=4, precision="int8", more=""))
    (use,) = profiles_used(stack)
    era = next(origin for origin in stack.origins if origin.key == "deployments.own.engine_era")
    assert era.label == "default" and use.engine_era == era.value
    assert str(use).startswith(f"own: llama-3.1-8b int8 on 4 x l4, vllm {era.value}: estimated, decode +-")
    assert use.prefill_error and "prompts +-" in use.errors


def test_a_profile_of_the_stack_is_given_and_says_no_error_it_was_not_told(tmp_path: Path) -> None:
    (use,) = profiles_used(resolved(tmp_path, STACK))
    assert str(use) == "own: llama-3.1-8b bf16 on 1 x h100-sxm, vllm: given (given in the stack)"
    assert use.decode_error is None and use.prefill_error is None
    (told,) = profiles_used(
        resolved(tmp_path, STACK.replace("kv_capacity_tokens: 200000", "kv_capacity_tokens: 200000\n      error: 0.07"))
    )
    assert told.errors == "decode +-7 %"
