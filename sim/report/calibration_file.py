"""The profile file that `sim calibrate` writes: what models/profiles/ of a user's own folder holds (sim/profile/shipped.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from sim.calibration.calibrate import Calibration
from sim.calibration.observations import lengths_assumed
from sim.calibration.points import Server, ServingPoint, StepPoint
from sim.calibration.serving import CLOSED_LOOP_SHARE, longest_of
from sim.errors import InputError, visible
from sim.profile.shipped import ProfileFile
from sim.report.one_file import check_place, write_file

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog

_LONGEST_SOURCE = 300


USERS = (
    "# Calibrated by `sim calibrate` from a benchmark. In models/profiles/ of the folder where sim is run, or in profiles/ of one",
    "# given with --models: a stack of this LLM, GPU, tensor parallel size, precisions, engine and era takes it for its estimate.",
)


def profile_yaml(found: tuple[Calibration, ...], *, source: str, as_of: str, heading: tuple[str, ...] = USERS) -> str:
    """Calibrated configurations as a file of profiles; `source` says whose benchmark it was, `as_of` when it was run."""
    lines = [*heading, "profiles:"]
    for each in found:
        lines += _profile(each, source, as_of)
    return "\n".join(lines) + "\n"


def check_target(path: Path, *, force: bool) -> None:
    """InputError, before anything is simulated, where the file cannot be written."""
    if path.suffix not in (".yaml", ".yml"):
        raise InputError(f"--output: found {str(path)!r}; allowed: a file that ends in .yaml")
    if path.name == "engines.yaml":
        raise InputError("--output: engines.yaml holds the coefficients of the physics; give the profiles another name")
    check_place(path, force=force)


def write_profiles(path: Path, text: str, *, force: bool) -> None:
    """Write the file, once it is seen to read back; nothing is left when that fails."""
    from sim.catalog.yaml_file import load_model

    write_file(path, text, force=force, check=lambda draft: load_model(draft, ProfileFile, path.name))


def check_only_ones(path: Path, found: tuple[Calibration, ...], catalog: Catalog) -> None:
    """InputError where another file of the same folder of profiles holds one of these configurations: reading them would be refused."""
    if path.absolute().parent.name != "profiles":
        return
    problems = []
    for other in sorted(path.absolute().parent.glob("*.yaml")):
        if other.name in (path.name, "engines.yaml"):
            continue
        twice = {profile.key for profile in catalog.read(other, ProfileFile).profiles} & {each.key for each in found}
        problems += [
            f"{path}: {other.name} beside it has a profile of {' '.join(map(str, key))} already; one is allowed: write to that file "
            "with --force, or remove it there"
            for key in sorted(twice, key=str)
        ]
    if problems:
        raise InputError("\n".join(problems))


def _profile(found: Calibration, source: str, as_of: str) -> list[str]:
    p, step = found.prior, found.step
    knots = ", ".join(f"[{tokens:g}, {_number(s * 1e3)}]" for tokens, s in zip(step.g_tokens, step.g_s, strict=True))
    moved = any(c.moved for c in found.coefficients if c.name == "front_end")
    front_end = [f"    front_end_ms: {_number(found.front_end_s * 1e3)}"] if moved else []
    return [
        f"  - llm: {p.llm}",
        f"    gpu: {p.gpu}",
        f"    tensor_parallel: {p.tensor_parallel}",
        f"    precision: {p.precision}",
        f"    kv_precision: {p.kv_precision}",
        f"    engine: {p.engine}",
        f'    engine_era: "{p.engine_era}"',
        "    label: calibrated",
        f"    decode_error: {_number(found.decode_error)}",
        f"    prefill_error: {_number(found.prefill_error)}",
        f"    in_sample_error: {_number(found.in_sample_error)}",
        f"    points: {len([r for r in found.readings if r.observation.fitted])}",
        f"    source: {json.dumps(_short(source))}",
        f'    as_of: "{as_of}"',
        f"    notes: [{', '.join(json.dumps(note) for note in _notes(found))}]",
        *front_end,
        "    step:",
        f"      c_ms: {_number(step.c_s * 1e3)}",
        f"      o_us_per_sequence: {_number(step.o_s * 1e6)}",
        f"      f_ns_per_context_token: {_number(step.f_s * 1e9)}",
        f"      h_ns_per_token_pair: {_number(step.h_s * 1e9)}",
        f"      g_ms_at_tokens: [{knots}]",
    ]


def _notes(found: Calibration) -> list[str]:
    """Over what it was fitted, which lengths were assumed, what stayed at the estimate, and with which limits it was measured."""
    notes = []
    points = {id(r.point): r.point for r in found.readings}.values()
    runs = [p for p in points if isinstance(p, ServingPoint)]
    steps = [p for p in points if isinstance(p, StepPoint)]
    clients = sorted({p.load.concurrency for p in runs if p.load.concurrency is not None})
    if runs:
        longest = max(longest_of(p.load) for p in runs)
        at = f" at concurrency {_span(clients)}" if clients else ""
        notes.append(f"fitted to {len(runs)} serving runs{at}, requests of up to {longest} tokens")
    if any(lengths_assumed(p) for p in points):
        notes.append(f"lengths assumed even from {CLOSED_LOOP_SHARE:.0%} of the nominal ones to the whole (least_length_share not said)")
    if steps:
        notes.append(f"fitted to {len(steps)} steps of {_span(sorted({round(p.sequences) for p in steps}))} sequences")
    kept = ", ".join(c.name for c in found.coefficients if not c.moved)
    if kept:
        notes.append(f"at the estimate, for the data do not tell: {kept}")
    limits = sorted({limit for p in points for limit in _limits(p.server)})
    if limits:
        notes.append(f"measured with {', '.join(limits)}")
    return notes


def _span(values: list[int]) -> str:
    return f"{values[0]}" if len(values) == 1 else f"{values[0]} to {values[-1]}"


def _limits(server: Server) -> list[str]:
    names = ("utilisation", "max_num_batched_tokens", "max_num_seqs")
    return [f"{name} {getattr(server, name):g}" for name in names if getattr(server, name) is not None]


def _number(value: float) -> str:
    return f"{value:.6g}"


def _short(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _LONGEST_SOURCE else text[: _LONGEST_SOURCE - 1] + "…"
