"""The bundled data: every file is valid, every figure has a source, and the figures agree with each other and with what was gathered."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from sim.catalog import known_as
from sim.catalog.catalog import Catalog
from sim.catalog.llm import GroupedAttention, LatentAttention
from sim.catalog.yaml_file import read_document
from sim.cost.gpu import billed_s as billed
from sim.errors import InputError
from sim.iac.hugging_face import find_llm

BUNDLED = Path(__file__).parents[2] / "models"
GATHERED = Path(__file__).parents[3] / "shared" / "data" / "catalog"
CATALOG = Catalog((BUNDLED,))
GPUS, LLMS, APIS, PROVIDERS = (CATALOG.names(kind) for kind in ("gpu", "llm", "api", "provider"))

# What a file says about itself, not about the world.
OWN_WORDS = {
    "name",
    "aliases",
    "repository",
    "product",
    "maker",
    "family",
    "default_provider",
    "size",
    "price",
    "notes",
    "model",
    "vendor",
    "serves",
    "sources",
}


def keys_of(data: Any, path: str = "") -> set[str]:
    """Key paths of figures, without list positions; what carries its own `source` needs no other."""
    if isinstance(data, dict):
        if "source" in data:
            return set()
        return {inner for key, value in data.items() for inner in keys_of(value, f"{path}.{key}" if path else key)}
    if isinstance(data, list):
        return {inner for value in data for inner in keys_of(value, path)}
    return {path}


def unsourced(folder: str, name: str) -> set[str]:
    data = read_document(BUNDLED / folder / f"{name}.yaml").data
    latency = data.pop("latency", None)
    missing = set()
    for part in (data, latency):
        if part is None:
            continue
        sources = [key for line in (*part["sources"], *part.get("evidence", ())) for key in line["keys"]]
        figures = {key for key in keys_of(part) if key.split(".")[0] not in OWN_WORDS}
        missing |= {key for key in figures if not any(key == source or key.startswith(f"{source}.") for source in sources)}
    return missing


@pytest.mark.parametrize(
    ("folder", "name"), [(f, n) for f, names in (("gpus", GPUS), ("llms", LLMS), ("providers", PROVIDERS), ("apis", APIS)) for n in names]
)
def test_every_figure_has_a_source(folder: str, name: str) -> None:
    assert unsourced(folder, name) == set()


@pytest.mark.parametrize(("folder", "name"), [(f, n) for f, names in (("gpus", GPUS), ("llms", LLMS), ("apis", APIS)) for n in names])
def test_every_source_speaks_of_a_key_that_is_there_or_of_its_absence(folder: str, name: str) -> None:
    data = read_document(BUNDLED / folder / f"{name}.yaml").data

    def exists(value: Any, parts: list[str]) -> bool:
        if isinstance(value, list):
            return any(exists(item, parts) for item in value) if parts else True
        if not parts:
            return True
        return isinstance(value, dict) and parts[0] in value and exists(value[parts[0]], parts[1:])

    # These have a default that a source may confirm.
    defaults = {"tiers.limits.reserves_max_tokens", "tiers.limits.burst", "refused_counts", "minimum_s", "tiers.limits.counts_cached"}
    for part in (data, data.get("latency", {"sources": []})):
        for line in (*part["sources"], *part.get("evidence", ())):
            for key in line["keys"]:
                assert exists(part, key.split(".")) or key in defaults, key


def test_what_the_catalogue_must_hold() -> None:
    assert {
        "gpt-oss-120b",
        "llama-4-maverick",
        "mixtral-8x22b",
        "kimi-k2",
        "glm-4.5",
        "minimax-m2",
        "qwen3-235b-a22b",
        "falcon-180b",
    } <= set(LLMS)
    assert {"h20", "gh200", "b300", "gb200", "mi355x", "rtx-4090", "t4", "v100-32gb"} <= set(GPUS)
    assert {"a100-40gb", "a100-80gb", "h100-sxm", "h100-pcie", "h200-sxm", "b200", "l40s", "l4", "mi300x"} <= set(GPUS)
    assert {"llama-3.1-8b", "llama-3.1-70b", "llama-3.1-405b", "llama-3.3-70b", "llama-2-70b", "qwen3-8b", "qwen3-14b", "qwen3-32b"} <= set(
        LLMS
    )
    assert len({CATALOG.api(name).vendor for name in APIS}) >= 6
    assert sum(CATALOG.llm(name).experts is not None for name in LLMS) >= 2


@pytest.mark.parametrize("name", APIS)
def test_api_references_resolve(name: str) -> None:
    api = CATALOG.api(name)
    if api.successor is not None:
        assert api.successor in APIS
    if api.serves is not None:
        assert api.serves in LLMS


@pytest.mark.parametrize("name", GPUS)
def test_gpu_references_resolve(name: str) -> None:
    for price in CATALOG.gpu(name).prices:
        assert price.provider in PROVIDERS
        assert price.low_usd_per_gpu_hour is None or price.low_usd_per_gpu_hour <= price.usd_per_gpu_hour


@pytest.mark.parametrize("name", LLMS)
def test_stated_parameters_follow_from_the_shape(name: str) -> None:
    """Norms, biases and learned positions are all that the matrices leave out."""
    llm = CATALOG.llm(name)
    left_out = 1.002 if name.startswith(("opt-", "gpt-oss-")) else 1.0003
    counted = llm.matrix_params + llm.embedding_params
    assert counted <= llm.total_params <= counted * left_out
    active = llm.active_matrix_params + llm.embedding_params
    assert active <= llm.active_params <= active * left_out
    assert (llm.active_params < llm.total_params) == (llm.experts is not None)


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("llama-3.1-8b", 8_030_261_248), ("llama-3.1-70b", 70_553_706_496), ("llama-2-7b", 6_738_415_616),
        ("qwen3-8b", 8_190_735_360), ("mixtral-8x7b", 46_702_792_704), ("bloom-176b", 176_247_271_424),
        ("gpt-oss-120b", 116_829_156_672), ("gpt-oss-20b", 20_914_757_184), ("qwen3-30b-a3b", 30_532_122_624),
        ("qwen3-235b-a22b", 235_093_634_560), ("qwen3-coder-480b-a35b", 480_154_875_392), ("llama-3.2-1b", 1_235_814_400),
        ("gemma-2-9b", 9_241_705_984), ("gemma-2-27b", 27_227_128_320), ("gemma-3-1b", 999_885_952), ("qwen2.5-7b", 7_615_616_512),
        ("qwen2.5-14b", 14_770_033_664), ("qwen2.5-32b", 32_763_876_352), ("qwen2.5-72b", 72_706_203_648), ("phi-4", 14_659_507_200),
        ("mistral-nemo-12b", 12_247_782_400), ("mistral-small-24b", 23_572_403_200), ("mistral-large-2", 122_610_069_504),
        ("mixtral-8x22b", 140_630_071_296), ("deepseek-v2", 235_741_434_880), ("deepseek-v2-lite", 15_706_484_224),
        ("phi-3-mini", 3_821_079_552), ("phi-3.5-moe", 41_873_153_344), ("yi-34b", 34_388_917_248), ("codellama-34b", 33_743_970_304),
        ("gpt-j-6b", 6_050_882_784), ("opt-30b", 29_974_540_288), ("command-r", 34_980_831_232), ("command-r-plus", 103_810_674_688),
        ("granite-3.1-8b", 8_170_848_256), ("minimax-m2", 228_689_764_864), ("glm-4-9b", 9_399_951_360), ("dbrx", 131_596_523_520),
    ],
)  # fmt: skip
def test_parameters_are_those_of_the_published_checkpoints(name: str, published: int) -> None:
    assert CATALOG.llm(name).total_params == published


@pytest.mark.parametrize("name", LLMS)
def test_kv_cache_by_hand(name: str) -> None:
    llm = CATALOG.llm(name)
    a = llm.attention
    if isinstance(a, GroupedAttention):
        by_hand = 2 * a.kv_heads * a.head_size * llm.layers
    else:
        assert isinstance(a, LatentAttention)
        by_hand = (512 + 64) * llm.layers
    assert llm.kv_bytes_per_token("bf16") == 2 * by_hand
    assert llm.kv_bytes_per_token("fp8") == by_hand


def test_kv_cache_across_gpus() -> None:
    llama, deepseek = CATALOG.llm("llama-3.1-70b"), CATALOG.llm("deepseek-v3")
    whole = llama.kv_bytes_per_token("bf16")
    assert [llama.kv_bytes_per_token_per_gpu("bf16", tp) for tp in (1, 2, 4, 8, 16)] == [whole, whole / 2, whole / 4, whole / 8, whole / 8]
    assert llama.kv_bytes_per_token_per_gpu("bf16", 3) == whole * 3 / 8
    assert deepseek.kv_bytes_per_token_per_gpu("bf16", 8) == deepseek.kv_bytes_per_token("bf16")


def test_a_sliding_window_keeps_no_more_than_its_window() -> None:
    gemma = CATALOG.llm("gemma-3-27b")
    per_layer = gemma.kv_bytes_per_token() / 62
    assert gemma.kv_bytes(1000) == pytest.approx(1000 * 62 * per_layer)
    assert gemma.kv_bytes(11_024) == pytest.approx((11_024 * 10 + 1024 * 52) * per_layer)
    llama = CATALOG.llm("llama-3.1-8b")
    assert llama.kv_bytes(500) == 500 * llama.kv_bytes_per_token()


def test_quantised_weights_keep_embedding_and_head() -> None:
    llama = CATALOG.llm("llama-3.1-70b")
    kept = llama.total_params - llama.matrix_params
    assert llama.weight_bytes("bf16") == 2 * llama.total_params
    assert llama.weight_bytes("fp8") == llama.matrix_params + 2 * kept
    # 4 bits, and for each group of 128 a scale of 16 bits and a zero point of 4.
    assert llama.weight_bytes("int4") == pytest.approx(llama.matrix_params * (4 + 20 / 128) / 8 + 2 * kept)


@pytest.mark.parametrize(("name", "published_gib"), [("gpt-oss-120b", 60.8), ("gpt-oss-20b", 12.8)])
def test_weights_quantised_in_part_are_as_large_as_the_published_checkpoint(name: str, published_gib: float) -> None:
    """MXFP4 experts, 4 bits and an 8-bit scale for each 32 weights; everything else in bf16 (model card of gpt-oss, table 1)."""
    llm = CATALOG.llm(name)
    assert llm.experts is not None and llm.published_precision == "fp4"
    experts = llm.layers * llm.experts.routed * 3 * llm.hidden_size * llm.experts.ffn_size
    by_hand = experts * (4 + 8 / 32) / 8 + (llm.total_params - experts) * 2
    assert llm.weight_bytes("fp4") == pytest.approx(by_hand)
    assert llm.weight_bytes("fp4") / 2**30 == pytest.approx(published_gib, abs=0.05)


def test_fp4_weights_of_all_matrices_carry_a_scale_for_each_16() -> None:
    llama = CATALOG.llm("llama-3.1-70b")
    kept = llama.total_params - llama.matrix_params
    assert llama.weight_bytes("fp4") == pytest.approx(llama.matrix_params * (4 + 8 / 16) / 8 + 2 * kept)


def test_bytes_touched_grow_with_the_experts_touched_at_their_own_precision() -> None:
    llm = CATALOG.llm("gpt-oss-120b")
    assert llm.experts is not None
    one = 3 * llm.hidden_size * llm.experts.ffn_size
    for precision, each in (("bf16", 2.0), ("fp8", 1.0), ("fp4", 0.53125)):
        assert llm.matrix_bytes(precision, 5) - llm.matrix_bytes(precision, 4) == pytest.approx(llm.layers * one * each)  # type: ignore[arg-type]
        assert llm.matrix_bytes(precision, llm.experts.routed) == pytest.approx(llm.matrix_bytes(precision))  # type: ignore[arg-type]
    rest = llm.matrix_params - llm.layers * llm.experts.routed * one
    assert llm.matrix_bytes("fp4", 0) == pytest.approx(2.0 * rest)


def test_queries_without_a_latent_are_projected_at_once() -> None:
    lite = CATALOG.llm("deepseek-v2-lite")
    assert isinstance(lite.attention, LatentAttention) and lite.attention.q_lora_rank is None
    assert lite.attention_params_per_layer == 2048 * 16 * 192 + 2048 * (512 + 64) + 512 * 16 * (128 + 128) + 16 * 128 * 2048


def test_experts_touched_by_a_step() -> None:
    mixtral = CATALOG.llm("mixtral-8x7b")
    assert mixtral.expected_experts(0) == 0
    assert mixtral.expected_experts(1) == pytest.approx(2)
    assert mixtral.expected_experts(2) == pytest.approx(8 * (1 - 0.75**2))
    assert CATALOG.llm("llama-3.1-8b").expected_experts(5) == 0


def test_gpu_rates() -> None:
    a100, h100 = CATALOG.gpu("a100-80gb"), CATALOG.gpu("h100-sxm")
    assert a100.peak_flops("fp8") == a100.peak_flops("bf16") == 312e12
    assert h100.peak_flops("fp8") == 2 * h100.peak_flops("bf16")
    assert h100.peak_flops("int4") == h100.peak_flops("bf16")
    b200 = CATALOG.gpu("b200")
    assert b200.peak_flops("fp4") == 2 * b200.peak_flops("fp8")
    assert h100.peak_flops("fp4") == h100.peak_flops("bf16")
    assert h100.memory_bytes == pytest.approx(81559 * 2**20, rel=1e-4)


@pytest.mark.parametrize(
    ("provider", "life_s", "billed_s"),
    [
        ("aws", 0, 0),
        ("aws", 1, 60),
        ("aws", 61.2, 62),
        ("lambda", 1, 60),
        ("lambda", 60, 60),
        ("lambda", 60.5, 120),
        ("runpod", 0.1, 1),
        ("runpod", 7, 7),
    ],
)
def test_a_life_is_billed_in_whole_units_with_a_minimum(provider: str, life_s: float, billed_s: float) -> None:
    found = CATALOG.provider(provider)
    assert billed(life_s=life_s, billing_unit_s=found.billing_unit_s, minimum_s=found.minimum_s) == billed_s


def test_the_lowest_tier_that_holds_a_bill() -> None:
    api = CATALOG.api("claude-sonnet-5-5")
    caps = {tier.name: tier.monthly_spend_cap_usd for tier in api.tiers}
    assert [api.lowest_tier_for(usd).name for usd in (0, 500, 500.01, 1000, 1000.01, 1e9)] == [
        "start",
        "start",
        "build",
        "build",
        "scale",
        "scale",
    ]
    assert caps["start"] == 500
    with pytest.raises(InputError, match="has no tier 'strat'; allowed: start, build, scale; did you mean 'start'"):
        api.tier("strat")


def gathered(file: str) -> list[dict[str, str]]:
    if not (GATHERED / file).exists():
        pytest.skip("the gathered figures are not beside the repository")
    with (GATHERED / file).open(newline="") as lines:
        return list(csv.DictReader(lines))


PUBLIC_LISTS = ("aws/karpenter-provider-aws ", "kubernetes/autoscaler ")
"""Lists of prices that were not gathered, for GPUs of which those that were say nothing."""


@pytest.mark.shared
def test_gpu_prices_are_among_those_gathered() -> None:
    rows = gathered("gpu_prices.csv") + gathered("gpu_price_history.csv")
    known = {float(row["usd_per_gpu_hour"]) for row in rows if row["usd_per_gpu_hour"].replace(".", "", 1).isdigit()}
    for name in GPUS:
        for price in CATALOG.gpu(name).prices:
            assert price.usd_per_gpu_hour in known or price.source.startswith(PUBLIC_LISTS), (name, price)
            assert price.low_usd_per_gpu_hour is None or price.low_usd_per_gpu_hour in known


@pytest.mark.shared
@pytest.mark.parametrize(
    ("api", "row_model", "tiers"),
    [
        ("gpt-6.1-sol", "gpt-6.1-sol", {"build": "Build", "launch": "Launch", "grow": "Grow"}),
        ("claude-sonnet-5-5", "Sonnet 5.5", {"start": "Start", "build": "Build", "scale": "Scale"}),
        ("claude-opus-5-5", "Opus 5.5", {"start": "Start", "build": "Build", "scale": "Scale"}),
        ("azure-gpt-5.4", "gpt-5.4 / GlobalStandard", {"quota-tier-1": "Quota Tier 1 (of 1-6)"}),
        ("azure-gpt-5-mini", "gpt-5-mini / GlobalStandard", {"quota-tier-1": "Quota Tier 1 (of 1-6)"}),
    ],
)
def test_limits_are_those_gathered(api: str, row_model: str, tiers: dict[str, str]) -> None:
    rows = {row["tier"]: row for row in gathered("api_rate_limits.csv") if row["model_or_class"] == row_model}
    for name, shown in tiers.items():
        tier, row = CATALOG.api(api).tier(name), rows[shown]
        a_minute = {limit.unit: limit.limit * 60 / limit.window_s for limit in tier.limits}
        for unit, column in (("requests", "rpm"), ("total_tokens", "tpm_combined"), ("input_tokens", "itpm"), ("output_tokens", "otpm")):
            assert a_minute.get(unit, 0) == pytest.approx(float(row[column] or 0), rel=1e-4)
        assert (tier.monthly_spend_cap_usd or 0) == float(row["monthly_spend_cap_usd"] or 0)


@pytest.mark.shared
def test_retirement_dates_are_those_gathered() -> None:
    rows = {row["model"]: row["retirement_date"] for row in gathered("model_retirements.csv")}
    apis = [CATALOG.api(name) for name in APIS]
    keys = {api.name: f"azure/{api.model}" if api.vendor == "azure" else api.model for api in apis}
    stated = {api.name: api.retirement_date.isoformat() for api in apis if api.retirement_date is not None and keys[api.name] in rows}
    assert len(stated) >= 3
    assert stated == {name: rows[keys[name]] for name in stated}


def test_a_folder_of_ones_own_goes_first(tmp_path: Path) -> None:
    (tmp_path / "gpus").mkdir()
    text = (BUNDLED / "gpus" / "l4.yaml").read_text()
    (tmp_path / "gpus" / "l4.yaml").write_text(text.replace("power_w: 72", "power_w: 75"))
    (tmp_path / "gpus" / "l5.yaml").write_text(text.replace("name: l4", "name: l5"))
    (tmp_path / "gpus" / "l6.yaml").write_text(text)
    (tmp_path / "gpus" / "folder.yaml").mkdir()
    catalog = Catalog.load(tmp_path)
    assert catalog.gpu("l4").power_w == 75
    assert catalog.gpu("l5").power_w == 72
    assert set(catalog.names("gpu")) == {*GPUS, "l5", "l6"}
    with pytest.raises(InputError, match=r"l6\.yaml: name: found 'l4'; it must be the file's name, 'l6'"):
        catalog.gpu("l6")
    with pytest.raises(InputError, match="no such folder"):
        Catalog.load(tmp_path / "none")


@pytest.mark.parametrize("name", ["../gpus/l4", "l4/../l4", "", "/etc/passwd", "L4"])
def test_a_name_is_never_a_path(name: str) -> None:
    with pytest.raises(InputError, match="unknown gpu"):
        CATALOG.gpu(name)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown llm 'llama-3.1-700b'; did you mean 'llama-3.1-70b'"):
        CATALOG.llm("llama-3.1-700b")
    with pytest.raises(InputError, match=r"unknown gpu 'h100_smx'.*did you mean 'h100-sxm'"):
        CATALOG.gpu("h100_smx")


@pytest.mark.parametrize("name", LLMS)
def test_the_repository_of_an_llm_is_read_back_as_the_llm(name: str) -> None:
    llm = CATALOG.llm(name)
    assert llm.repository is not None
    assert find_llm(llm.repository, CATALOG) == (name, llm.published_precision)


@pytest.mark.parametrize("name", GPUS)
def test_the_product_of_a_gpu_is_read_back_as_the_gpu(name: str) -> None:
    product = CATALOG.gpu(name).product
    assert product is None or known_as.find_gpu(CATALOG, product).name == name
