"""Names of other tools and of published benchmarks as catalogue names: LLMs, GPUs, precisions, engines.

A name and the names and `aliases` of the catalogue are compared in one form: lower case, without the organisation, and without
`_`, `.`, `-`, `:` and spaces. Where the whole is not known, words at the end that do not change the shape (`Instruct`, `FP8`,
`2507`, `v0.3`) are dropped one by one until it is. The catalogue's own names win over aliases; a name that stands for several
entries is refused with all of them. Memory in the name of a GPU ("80GB") has to be that of the entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu, Precision
from sim.catalog.llm import Llm
from sim.errors import InputError, nearest, visible

_LONGEST = 200
_LLM_PREFIX = re.compile(r"(meta|nvidia|amd|c4ai|ibm)-(?=\D)")
_LLM_SUFFIX = re.compile(
    r"instruct|chat|hf|it|base|text|thinking|preview|latest|main|turbo|maas|online|original|"
    r"fp4|nvfp4|mxfp4|fp8|bf16|fp16|int4|int8|dynamic|static|block|blockwise|pertensor|tensor|kv|calib|"
    r"awq|gptq|autoround|marlin|bnb|[248]bit|[0-9]{2,3}g|w[0-9]+a[0-9]+(fp8|int8)?|quantized(\.w[0-9]+a[0-9]+)?|"
    r"v[0-9]+(\.[0-9]+)*|[0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{8}"
)
_GPU_NOISE = re.compile(
    r"nvidia|amd|instinct|tesla|geforce|quadro|gpu|gpus|tensor|core|graphics|oam|dgx|hgx|hbm[0-9]*e?|gddr[0-9]*x?|accelerator|generation"
)
_MEMORY = re.compile(r"([0-9]{2,3})g(i?b)?")
_MEMORY_TOLERANCE = 0.1
"""A "24 GB" A10 has 22.5 GiB, an "288 GB" B300 268."""

_PRECISIONS: Mapping[str, Precision] = MappingProxyType(
    {
        "bf16": "bf16", "bfloat16": "bf16", "fp16": "bf16", "float16": "bf16", "half": "bf16", "f16": "bf16", "16bit": "bf16",
        "w16a16": "bf16",
        "fp8": "fp8", "float8": "fp8", "f8": "fp8", "fp8e4m3": "fp8", "fp8e4m3fn": "fp8", "fp8e5m2": "fp8", "float8e4m3fn": "fp8",
        "w8a8fp8": "fp8", "fp8w8a8": "fp8", "fp8dynamic": "fp8", "fp8block": "fp8", "fp8blockwise": "fp8", "fp8pertensor": "fp8",
        "fbgemmfp8": "fp8", "ptpcfp8": "fp8", "fp8rowwise": "fp8", "modelopt": "fp8",
        "int8": "int8", "i8": "int8", "8bit": "int8", "w8a8": "int8", "w8a16": "int8", "w8a8int8": "int8", "smoothquant": "int8",
        "int8wo": "int8", "gptqint8": "int8", "llmint8": "int8",
        "int4": "int4", "i4": "int4", "4bit": "int4", "w4a16": "int4", "w4a8": "int4", "w4afp8": "int4", "awq": "int4", "gptq": "int4",
        "awqint4": "int4", "gptqint4": "int4", "awqmarlin": "int4", "gptqmarlin": "int4", "int4awq": "int4", "int4wo": "int4",
        "autoround": "int4",
        "fp4": "fp4", "float4": "fp4", "nvfp4": "fp4", "mxfp4": "fp4", "w4a4": "fp4", "modeloptfp4": "fp4", "fp4e2m1": "fp4",
    }
)  # fmt: skip
"""16-bit floats of either kind are one precision here: they are as large and as fast."""

_IN_NAMES: tuple[tuple[str, Precision], ...] = (
    ("nvfp4|mxfp4|fp4", "fp4"),
    ("int4|w4a16|w4a8|w4afp8|4bit", "int4"),
    ("fp8|float8|w8a8fp8", "fp8"),
    ("int8|8bit|w8a8|w8a16", "int8"),
    ("awq|gptq|autoround", "int4"),
    ("bf16|fp16", "bf16"),
)
"""The first that is found counts: a GPTQ of 8 bits is int8."""

_ENGINES: Mapping[str, str] = MappingProxyType(
    {"trt": "trtllm", "tensorrt": "trtllm", "trtllm": "trtllm", "tensorrtllm": "trtllm", "sgl": "sglang", "vllmv1": "vllm"}
)
_FIRST_OF_2025: Mapping[str, tuple[int, int]] = MappingProxyType({"vllm": (0, 8), "trtllm": (0, 17)})
"""vLLM 0.8 (March 2025) is the first with the V1 engine as its default; TensorRT-LLM 0.17 is of January 2025."""
_FIRST_OF_2024: Mapping[str, tuple[int, int]] = MappingProxyType({"vllm": (0, 3)})
"""vLLM 0.3 is of January 2024. No coefficients of TensorRT-LLM are older than 2024."""
_VERSION = re.compile(r"(?<![0-9.])v?([0-9]{1,4})\.([0-9]{1,4})")
_YEAR = re.compile(r"(?<![0-9.])(20[0-9]{2})(?![0-9.])")


def find_llm(catalog: Catalog, name: str) -> Llm:
    """The LLM that a name of a hub, a tool or a table stands for; InputError with the nearest name, or with all that it may be."""
    short = _short(name)
    readings = [short]
    without = _LLM_PREFIX.sub("", short, count=1)
    if without != short:
        readings.append(without)
    known = catalog.spellings("llm")
    for reading in readings:
        words = [word for word in re.split(r"[-_: ]+", reading) if word]
        while words:
            found = known.get(compared(" ".join(words)))
            if found:
                return catalog.llm(_only(found, "llm", name))
            last = words.pop()
            if not _LLM_SUFFIX.fullmatch(last):
                break
    stem = [word for word in re.split(r"[-_: ]+", readings[-1]) if not _LLM_SUFFIX.fullmatch(word)]
    raise _unknown(catalog, "llm", name, "-".join(stem))


def find_gpu(catalog: Catalog, name: str) -> Gpu:
    """The GPU that a name of a driver, a cloud or a table stands for; InputError with the nearest name, or with all that it may be."""
    short = re.sub(r"(?<![a-z])sxm[0-9]?(?![a-z0-9])", "sxm", _short(name))
    every = [word for word in re.split(r"[-_: ,()]+", short) if word]
    words = [word for word in every if not _GPU_NOISE.fullmatch(word)]
    known = catalog.spellings("gpu")
    found = known.get(compared(" ".join(every))) or known.get(compared(" ".join(words)))
    if found:
        return catalog.gpu(_only(found, "gpu", name))
    said = [int(match[1]) for word in words if (match := _MEMORY.fullmatch(word))]
    found = known.get(compared(" ".join(word for word in words if not _MEMORY.fullmatch(word))))
    if found:
        gpu = catalog.gpu(_only(found, "gpu", name))
        if all(abs(gpu.memory_gib / gb - 1.0) <= _MEMORY_TOLERANCE for gb in said):
            return gpu
    raise _unknown(catalog, "gpu", name, short)


def find_precision(name: str) -> Precision:
    """The precision of weights that a word of an engine or a table stands for; InputError for one that is not modelled (fp32, fp6)."""
    found = _PRECISIONS.get(compared(_short(name)))
    if found is None:
        allowed = tuple(dict.fromkeys(_PRECISIONS.values()))
        raise InputError(f"precision: found {_shown(name)!r}; allowed: {', '.join(allowed)}{nearest(_shown(name), _PRECISIONS)}")
    return found


def precision_in_name(name: str) -> Precision | None:
    """The precision that the name of a checkpoint says ("...-FP8", "...-AWQ"), None where it says none."""
    short = _short(name).replace("_", "-")
    return next((meant for words, meant in _IN_NAMES if re.search(rf"(?<![a-z0-9])({words})(?![a-z0-9])", short)), None)


def find_engine(coefficients_names: Sequence[str], name: str) -> tuple[str, str | None]:
    """The engine a name stands for, among those named, and the era of its version: a year, or None for today's.

    "vLLM 0.6.3" is ("vllm", "2024"), "TensorRT-LLM" is ("trtllm", None). InputError with the nearest name.
    """
    short = _short(name)
    words = [word for word in re.split(r"[-_: ,()+]+", short) if word]
    starts = (compared(" ".join(words[first:last])) for first in range(len(words)) for last in (first + 2, first + 1))
    engine = next((found for start in starts if (found := _ENGINES.get(start, start)) in coefficients_names), None)
    if engine is None:
        names = tuple(dict.fromkeys(coefficients_names))
        raise InputError(f"engine: found {_shown(name)!r}; allowed: {', '.join(names)}{nearest(_shown(name), names)}")
    year, version = _YEAR.search(short), _VERSION.search(short)
    if year is not None:
        return engine, year[1] if int(year[1]) < 2025 else None
    if version is None or engine not in _FIRST_OF_2025:
        return engine, None
    release = int(version[1]), int(version[2])
    if release >= _FIRST_OF_2025[engine]:
        return engine, None
    return engine, "2023" if release < _FIRST_OF_2024.get(engine, (0, 0)) else "2024"


def meant_by(catalog: Catalog, kind: Literal["llm", "gpu"], name: str) -> str:
    """The end of a message about an unknown name, `; did you mean 'h100-sxm'?` for "H100", or nothing when none is near."""
    try:
        found = find_llm(catalog, name).name if kind == "llm" else find_gpu(catalog, name).name
    except InputError:
        return nearest(_shown(name).lower(), catalog.names(kind))
    return f"; did you mean {found!r}?"


def compared(name: str) -> str:
    """The form in which two spellings of one name are the same: lower case, without separators."""
    return re.sub(r"[-_.: ]+", "", name.lower())


def _short(name: str) -> str:
    """Lower case, without the organisation (`meta-llama/`, `models--meta-llama--`) and surrounding space."""
    if len(name) > _LONGEST:
        raise InputError(f"{_shown(name)!r}...: a name of {len(name)} characters; allowed: at most {_LONGEST}")
    return name.strip().lower().rstrip("/").rsplit("/", 1)[-1].rsplit("--", 1)[-1]


def _shown(name: str) -> str:
    return visible(name[:80])


def _only(found: tuple[str, ...], kind: str, name: str) -> str:
    if len(found) > 1:
        raise InputError(f"{kind} {_shown(name)!r} may be any of {', '.join(found)}; name one of them")
    return found[0]


def _unknown(catalog: Catalog, kind: Literal["llm", "gpu"], name: str, short: str) -> InputError:
    return InputError(f"unknown {kind} {_shown(name)!r}{nearest(short, catalog.names(kind))} (sim catalog list {kind} names them all)")
