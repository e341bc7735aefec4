"""The command line of a serving engine (vLLM, SGLang) as keys of a gpu deployment."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sim.catalog.gpu import Precision
from sim.catalog.known_as import find_precision
from sim.errors import InputError, visible

_NUMBERS: Mapping[str, str] = MappingProxyType(
    {
        "tensor-parallel-size": "tensor_parallel", "tp": "tensor_parallel", "tp-size": "tensor_parallel",
        "max-num-seqs": "max_num_seqs", "max-running-requests": "max_num_seqs", "max-batch-size": "max_num_seqs",
        "max-num-batched-tokens": "max_num_batched_tokens", "chunked-prefill-size": "max_num_batched_tokens",
        "max-num-tokens": "max_num_batched_tokens",
        "max-model-len": "max_model_len", "context-length": "max_model_len", "max-seq-len": "max_model_len",
        "block-size": "block_size", "page-size": "block_size",
        "gpu-memory-utilization": "gpu_memory_utilization", "mem-fraction-static": "gpu_memory_utilization",
        "long-prefill-token-threshold": "long_prefill_token_threshold", "watermark": "watermark",
    }
)  # fmt: skip
_ONE_ONLY: Mapping[str, str] = MappingProxyType(
    {
        "pipeline-parallel-size": "pipeline parallelism", "pp": "pipeline parallelism", "pp-size": "pipeline parallelism",
        "data-parallel-size": "data parallelism in a pod", "dp": "data parallelism in a pod", "dp-size": "data parallelism in a pod",
    }
)  # fmt: skip
_REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "num-speculative-tokens": "speculative decoding",
        "kv-transfer-config": "prefill/decode disaggregation", "disaggregation-mode": "prefill/decode disaggregation",
    }
)  # fmt: skip
_SWITCHES: Mapping[str, tuple[str, Any]] = MappingProxyType(
    {
        "enable-prefix-caching": ("prefix_caching", "on"),
        "no-enable-prefix-caching": ("prefix_caching", "off"),
        "disable-radix-cache": ("prefix_caching", "off"),
    }
)
_MODEL = ("model", "model-path", "model-id", "model_dir")
_QUANTISED: Mapping[str, Precision] = MappingProxyType(
    {
        "fp8": "fp8", "w8a8_fp8": "fp8", "modelopt": "fp8", "fbgemm_fp8": "fp8",
        "awq": "int4", "awq_marlin": "int4", "gptq": "int4", "gptq_marlin": "int4", "w8a8_int8": "int8",
    }
)  # fmt: skip
_SERVE = ("serve", "trtllm-serve")
_SPECULATIVE = re.compile(r"speculative-.*")
_SECRET = re.compile(r"(^|-)(key|token|secret|password|credential)s?$")
_CREDENTIALS = re.compile(r"://[^/\s]*@|bearer ", re.IGNORECASE)
_LEFT_OPEN = re.compile(r"\$[({A-Za-z_]")
"""A variable that has no value in the manifest."""
_SHORT: Mapping[str, str] = MappingProxyType({"q": "quantization", "tp": "tp", "pp": "pp", "dp": "dp"})
_FLAG = re.compile(r"--?([A-Za-z][A-Za-z0-9_.-]*)(?:=(.*))?", re.DOTALL)
_SCALES = MappingProxyType({"k": 1000, "m": 10**6, "K": 1024, "M": 2**20})


@dataclass
class EngineArguments:
    """What a command line says: the model, keys of a deployment, and the arguments that were ignored."""

    model: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    """Names that may say the model where nothing else does: what it is served as, the folder it is in."""


def read_arguments(words: Sequence[str]) -> EngineArguments:
    """The words of a command line, a shell's `-c` text included. InputError for features that are not modelled."""
    found = EngineArguments()
    flat: list[str] = []
    for word in map(str, words):
        # `sh -c "vllm serve ..."` holds the whole command in one word.
        flat += _split(word.replace("\\\n", " ")) if re.search(r"\s--?\w", word) else [word.strip()]
    if flat[1:2] and re.fullmatch(r"-[a-z]*c", flat[1]):
        # The shell's own words before the command.
        flat = flat[2:]
    position = 0
    while position < len(flat):
        word = flat[position]
        match = _FLAG.fullmatch(word)
        if match is None:
            follows = flat[position + 1] if position + 1 < len(flat) else "-"
            if word.rsplit("/", 1)[-1] in _SERVE and follows not in _SERVE and not follows.startswith("-"):
                found.model = follows
                position += 1
            position += 1
            continue
        name, value = match[1].replace("_", "-"), match[2]
        if not word.startswith("--"):
            name = _SHORT.get(name, name)
        follows = flat[position + 1] if position + 1 < len(flat) else ""
        if value is None and follows and not _is_flag(follows):
            value = follows
            position += 1
        _read(found, name, value, word)
        position += 1
    return found


def names_secret(name: str) -> bool:
    """Whether an option or variable holds a secret, by its last word: --api-key, HF_TOKEN."""
    return _SECRET.search(name.lower().replace("_", "-")) is not None


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        raise InputError("a command with quotes that do not close") from None


def _is_flag(word: str) -> bool:
    return word.startswith("-") and not re.fullmatch(r"-[0-9.]+", word)


def _read(found: EngineArguments, name: str, value: str | None, word: str) -> None:
    word = visible(word.split("=")[0])[:120]
    if name in _REFUSED or _SPECULATIVE.fullmatch(name):
        raise InputError(
            f"{word}: {_REFUSED.get(name, 'speculative decoding')} is not modelled, and leaving it out would change every result"
        )
    if name in _ONE_ONLY and value is not None:
        if value.strip() != "1":
            raise InputError(f"{word} {value}: {_ONE_ONLY[name]} is not modelled; only 1 is read")
    elif name in _MODEL or name.replace("-", "_") in _MODEL:
        if value and _LEFT_OPEN.search(value):
            raise InputError(f"{word} {visible(value)[:80]}: what this variable holds is not in the manifest")
        if value and not value.startswith(("/", "./")):
            found.model = value
        else:
            # What is in a folder, only its name can tell.
            found.hints.append(value or "")
            found.ignored.append(f"{word} {value or ''}".strip())
    elif name in _NUMBERS and value in ("-1", "auto"):
        # The engine chooses, as it does without the argument.
        found.ignored.append(f"{word} {value}")
    elif name in _NUMBERS and value is not None:
        found.keys[_NUMBERS[name]] = _number(value, word)
    elif name in _SWITCHES:
        key, setting = _SWITCHES[name]
        found.keys[key] = setting if value is None or value.lower() == "true" else "off"
    elif name == "quantization" and value is not None:
        found.keys["precision"] = _precision(value, word)
    elif name == "kv-cache-dtype" and value is not None:
        found.keys["kv_precision"] = "fp8" if value.startswith("fp8") else "bf16" if value.startswith("b") else "auto"
    elif name == "dtype" and value in ("auto", "half", "float16", "bfloat16"):
        pass
    elif name == "served-model-name" and value:
        found.hints.insert(0, value)
        found.ignored.append(f"{word} {value}")
    elif names_secret(name) or (value is not None and _CREDENTIALS.search(value)):
        found.ignored.append(word)
    else:
        found.ignored.append(f"{word} {value}" if value is not None else word)


def _precision(value: str, word: str) -> Precision:
    if value in _QUANTISED:
        return _QUANTISED[value]
    try:
        return find_precision(value)
    except InputError:
        raise InputError(f"{word} {visible(value)[:60]}: what precision this means is not known; known: {', '.join(_QUANTISED)}") from None


def _number(text: str, word: str) -> int | float:
    """A number as vLLM reads it: `8k` is 8000 and `8K` 8192."""
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)([kKmM]?)", text.strip())
    if match is None:
        raise InputError(f"{word} {visible(text)[:60]}: a number is needed")
    value = float(match[1]) * _SCALES.get(match[2], 1)
    return int(value) if value.is_integer() else value
