"""Names of hubs, drivers, clouds and tables: which entry they stand for, and how the others are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.known_as import find_engine, find_gpu, find_llm, find_precision, precision_in_name
from sim.catalog.overview import find_entry
from sim.errors import InputError

CATALOG = Catalog.bundled()


@pytest.mark.parametrize("kind", ["llm", "gpu"])
def test_every_name_of_the_catalogue_is_itself(kind: str) -> None:
    find = find_llm if kind == "llm" else find_gpu
    for name in CATALOG.names(kind):
        entry = find(CATALOG, name)
        assert entry.name == name
        assert find(CATALOG, name.replace("-", "_").upper()).name == name
        for alias in entry.aliases:
            if alias not in ("llama-70b", "llama-8b"):
                assert find(CATALOG, alias).name == name, alias


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("meta-llama/Llama-3.1-70B-Instruct-FP8", "llama-3.1-70b"), ("Llama-3.1-70B", "llama-3.1-70b"),
        ("llama_3_1_70b", "llama-3.1-70b"), ("llama3.1:70b-instruct", "llama-3.1-70b"), ("Llama 3.1 70B", "llama-3.1-70b"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "llama-3.1-8b"), ("models--meta-llama--Llama-3.1-8B", "llama-3.1-8b"),
        ("neuralmagic/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "llama-3.1-8b"), ("nvidia/Llama-3.3-70B-Instruct-FP4", "llama-3.3-70b"),
        ("hugging-quants/Meta-Llama-3.1-405B-Instruct-AWQ-INT4", "llama-3.1-405b"), ("RedHatAI/Qwen3-32B-FP8-dynamic", "qwen3-32b"),
        ("amd/Llama-3.1-405B-Instruct-FP8-KV", "llama-3.1-405b"), ("Qwen/Qwen3-32B-AWQ", "qwen3-32b"),
        ("deepseek-ai/DeepSeek-R1-0528", "deepseek-v3"), ("nvidia/DeepSeek-R1-0528-NVFP4-v2", "deepseek-v3"), ("DeepSeek-V3-0324", "deepseek-v3"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral-8x7b"), ("Mistral-7B-Instruct-v0.3-GPTQ-4bit-128g", "mistral-7b"),
        ("openai/gpt-oss-120b", "gpt-oss-120b"), ("meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", "llama-4-maverick"),
        ("Qwen/Qwen3-235B-A22B-Thinking-2507-FP8", "qwen3-235b-a22b"), ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen3-30b-a3b"),
        ("Qwen/QwQ-32B", "qwen2.5-32b"), ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "llama-3.3-70b"), ("dsr1", "deepseek-v3"),
        ("mistralai/Mistral-Large-Instruct-2411", "mistral-large-2"), ("CohereForAI/c4ai-command-r-plus-08-2024", "command-r-plus"),
        ("CohereForAI/c4ai-command-r-08-2024", "command-r-08-2024"), ("CohereForAI/c4ai-command-r-v01", "command-r"),
        ("moonshotai/Kimi-K2-Instruct-0905", "kimi-k2"), ("moonshotai/Kimi-K2-Thinking", "kimi-k2-thinking"), ("zai-org/GLM-4.6-FP8", "glm-4.7"),
        ("microsoft/Phi-3-mini-4k-instruct", "phi-3-mini"), ("tiiuae/falcon-180B-chat", "falcon-180b"), ("EleutherAI/gpt-j-6b", "gpt-j-6b"),
        ("meta-llama/Llama-2-70b-chat-hf", "llama-2-70b"), ("llama2-70b", "llama-2-70b"), ("google/gemma-3-27b-it", "gemma-3-27b"),
    ],
)  # fmt: skip
def test_names_of_llms(name: str, expected: str) -> None:
    assert find_llm(CATALOG, name).name == expected


@pytest.mark.parametrize(
    "name", ["Llama-3.1-700B", "meta-llama/Llama-3.1", "Qwen3-8B-Draft", "", "/", "-", "Instruct", "../llms/qwen3-8b/.."]
)
def test_a_strange_llm_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="unknown llm"):
        find_llm(CATALOG, name)


def test_a_size_alone_is_refused_with_all_that_it_may_be() -> None:
    with pytest.raises(
        InputError, match=r"llm 'Llama-70B' may be any of llama-2-70b, llama-3-70b, llama-3\.1-70b, llama-3\.3-70b; name one"
    ):
        find_llm(CATALOG, "Llama-70B")


@pytest.mark.parametrize("name", ["Qwen/Qwen3-Next-80B-A3B-Instruct", "nvidia/Llama-3_3-Nemotron-Super-49B-v1", "zai-org/GLM-5-FP8"])
def test_what_the_shape_cannot_say_is_not_taken_for_its_cousin(name: str) -> None:
    with pytest.raises(InputError, match="unknown llm"):
        find_llm(CATALOG, name)


def test_the_catalogue_shows_an_entry_by_its_other_names() -> None:
    assert find_entry(CATALOG, "meta-llama/Llama-3.1-8B-Instruct") == [("llm", "llama-3.1-8b")]
    assert find_entry(CATALOG, "NVIDIA H100 80GB HBM3") == [("gpu", "h100-sxm")]


def test_the_nearest_llm_is_named() -> None:
    with pytest.raises(InputError, match=r"unknown llm 'meta-llama/Llama-3\.1-700B'; did you mean 'llama-3\.1-70b'"):
        find_llm(CATALOG, "meta-llama/Llama-3.1-700B")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("h200_sxm", "h200-sxm"), ("H200", "h200-sxm"), ("NVIDIA H200", "h200-sxm"), ("H200-SXM-141GB", "h200-sxm"),
        ("NVIDIA H100 80GB HBM3", "h100-sxm"), ("h100", "h100-sxm"), ("h100_sxm", "h100-sxm"), ("H100-SXM5-80GB", "h100-sxm"),
        ("H100 PCIe", "h100-pcie"), ("NVIDIA H100 PCIe", "h100-pcie"), ("A100-80GB", "a100-80gb"), ("a100_sxm", "a100-80gb"),
        ("a100", "a100-80gb"), ("NVIDIA A100-SXM4-80GB", "a100-80gb"), ("A100-SXM4-40GB", "a100-40gb"), ("NVIDIA A100 80GB PCIe", "a100-80gb"),
        ("b200_sxm", "b200"), ("NVIDIA B200", "b200"), ("B200 180GB", "b200"), ("B200-192GB", "b200"), ("L40S", "l40s"), ("l4", "l4"),
        ("MI300X", "mi300x"), ("AMD Instinct MI300X OAM", "mi300x"),
    ],
)  # fmt: skip
def test_names_of_gpus(name: str, expected: str) -> None:
    assert find_gpu(CATALOG, name).name == expected


@pytest.mark.parametrize("name", ["A100-SXM-64GB", "H200 80GB", "TPU v5e", "", "NVIDIA", "80GB", "8xH100"])
def test_a_strange_gpu_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="unknown gpu"):
        find_gpu(CATALOG, name)


def test_an_alias_of_two_entries_is_refused_with_both_and_never_beats_a_name(tmp_path: Path) -> None:
    (tmp_path / "gpus").mkdir()
    text = (CATALOG.folders[-1] / "gpus" / "l4.yaml").read_text()
    for name, aliases in (("l5", "[twin, l4]"), ("l6", "[Twin, l6]")):
        own = text.replace("name: l4\n", f"name: {name}\naliases: {aliases}\n")
        (tmp_path / "gpus" / f"{name}.yaml").write_text("\n".join(dict.fromkeys(own.splitlines())))
    catalog = Catalog.load(tmp_path)
    with pytest.raises(InputError, match="gpu 'TWIN' may be any of l5, l6"):
        find_gpu(catalog, "TWIN")
    assert find_gpu(catalog, "L4").name == "l4"
    assert find_gpu(catalog, "NVIDIA L6").name == "l6"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("FP16", "bf16"), ("bfloat16", "bf16"), ("fp8", "fp8"), ("fp8_e4m3", "fp8"), ("FP8-dynamic", "fp8"), ("w8a8", "int8"),
        ("W8A8-FP8", "fp8"), ("w4a16", "int4"), ("awq", "int4"), ("AWQ_marlin", "int4"), ("mxfp4", "fp4"), ("NVFP4", "fp4"), ("int8", "int8"),
    ],
)  # fmt: skip
def test_names_of_precisions(name: str, expected: str) -> None:
    assert find_precision(name) == expected


def test_a_precision_that_is_not_modelled_is_refused() -> None:
    with pytest.raises(InputError, match=r"precision: found 'fp32'; allowed: bf16, fp8, int8, int4, fp4"):
        find_precision("fp32")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct-FP8", "fp8"), ("Qwen/Qwen3-32B-AWQ", "int4"), ("x/y-GPTQ-Int8", "int8"), ("x/y-GPTQ-Int4", "int4"),
        ("x/y-quantized.w8a8", "int8"), ("x/y-quantized.w4a16", "int4"), ("x/y-W8A8-FP8", "fp8"), ("x/y_nvfp4", "fp4"), ("x/y-FP8-KV", "fp8"),
        ("fp8/y", None), ("Qwen3-8B", None),
    ],
)  # fmt: skip
def test_precisions_in_names_of_checkpoints(name: str, expected: str | None) -> None:
    assert precision_in_name(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vLLM 0.11.0", ("vllm", None)), ("vllm", ("vllm", None)), ("vllm-0.6.3.post1", ("vllm", "2024")), ("vLLM v0.2.7", ("vllm", "2023")),
        ("vllm 2024", ("vllm", "2024")), ("vllm (2026)", ("vllm", None)), ("TensorRT-LLM", ("trtllm", None)), ("trt", ("trtllm", None)),
        ("trt_llm 0.12", ("trtllm", "2024")), ("dynamo-trtllm", ("trtllm", None)), ("SGLang 0.4.6", ("sglang", None)),
    ],
)  # fmt: skip
def test_names_of_engines(name: str, expected: tuple[str, str | None]) -> None:
    assert find_engine(("vllm", "vllm", "trtllm", "sglang"), name) == expected


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(InputError, match="engine: found 'vlm'; allowed: vllm, sglang; did you mean 'vllm'"):
        find_engine(("vllm", "sglang"), "vlm")


def test_hostile_names_are_shown_and_not_followed() -> None:
    for find in (find_llm, find_gpu):
        with pytest.raises(InputError, match=r"\\x1b"):
            find(CATALOG, "\x1b[2J")
        with pytest.raises(InputError, match="a name of 5000 characters"):
            find(CATALOG, "a-" * 2500)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NVIDIA GH200 480GB", "gh200"), ("NVIDIA H100 NVL", "h100-nvl"), ("H20", "h20"), ("NVIDIA H800", "h800-sxm"), ("A800-SXM4-80GB", "a800-80gb"),
        ("NVIDIA A10G", "a10g"), ("A10", "a10"), ("Tesla T4", "t4"), ("Tesla V100-SXM2-32GB", "v100-32gb"), ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("NVIDIA RTX A6000", "rtx-a6000"), ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtx-pro-6000"), ("gb200_nvl72", "gb200"),
        ("NVIDIA GB200", "gb200"), ("b300_sxm", "b300"), ("MI355X", "mi355x"), ("mi325x", "mi325x"), ("NVIDIA L40", "l40"), ("H20-141GB", "h20-141gb"), ("NVIDIA H200 NVL", "h200-nvl"), ("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"),
        ("NVIDIA GeForce RTX 3090", "rtx-3090"), ("NVIDIA GB10", "gb10"), ("AMD Instinct MI325X", "mi325x"),
    ],
)  # fmt: skip
def test_names_of_less_common_gpus(name: str, expected: str) -> None:
    assert find_gpu(CATALOG, name).name == expected
