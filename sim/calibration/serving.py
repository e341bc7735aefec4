"""The one way to simulate a benchmark: its server as a profile, its load through the engine, and what a load generator would have measured.

Seconds and tokens. A benchmark that does not say everything is completed by the rules below, each in one place: precision of the KV cache,
share of memory, lengths, number of requests. Prompts of a load generator are random text and share nothing, so no prefix is cached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.calibration.errors import Quantity
from sim.calibration.measuring import measured_values
from sim.calibration.points import Load, Server
from sim.errors import InputError
from sim.profile import Profile, resolve_profile
from sim.profile.coefficients import load_coefficients
from sim.profile.memory import DEFAULT_UTILISATION, default_scheduler
from sim.sampling import stream

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.llm import KvPrecision
    from sim.engine.result import Result
    from sim.engine.system import System
    from sim.profile.coefficients import Coefficients
    from sim.profile.shipped import ShippedProfile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REQUESTS_PER_CLIENT = 10
"""How many requests a load generator sends for each that is outstanding, where a benchmark does not say (InferenceX, AIPerf examples)."""
OPEN_LOOP_REQUESTS = 1000
"""How many it sends at a given rate (`vllm bench serve`, --num-prompts)."""
MOST_CLIENTS = 100_000
MOST_REQUESTS = 1_000_000
"""More are not simulated: a mean of so many hardly moves any more."""
CLOSED_LOOP_SHARE = 0.8
"""Shortest length over nominal length where a table of closed loops does not say: InferenceX, --random-range-ratio 0.8."""
OPEN_LOOP_SHARE = 1.0
"""The same at a given rate: `vllm bench serve` draws fixed lengths unless told otherwise."""
EARLIER_UTILISATION = 0.9
"""vLLM, gpu_memory_utilization, in the releases of 2023 to 2025."""
LAST_EARLIER_ERA = "2025"
TIGHT_UTILISATION = 0.95
TIGHT_SEQUENCES = 256
"""Assumed of servers that could not have run otherwise."""
_LOOKS = 400
"""At the replica during a run, to see how long its KV cache was full."""


@dataclass(frozen=True)
class Served:
    """What one run of a load measured, and how far the KV cache went."""

    values: Mapping[Quantity, float]
    """Seconds, and output tokens a second; sim/calibration/measuring.py."""
    requests: int
    """That completed."""
    refused: int
    """Longer than the server takes."""
    preemptions: int
    mean_waiting: float
    """Requests waiting to be admitted, over the run."""
    kv_full_share: float
    """Share of the run in which requests waited for KV cache: not for another reason."""
    duration_s: float


def profile_of(
    server: Server,
    *,
    longest_tokens: int,
    catalog: Catalog | None = None,
    coefficients: Coefficients | None = None,
    shipped: tuple[ShippedProfile, ...] | None = None,
    estimated: bool = False,
) -> Profile:
    """The profile of a server that was measured with requests of up to `longest_tokens` (prompt and output together).

    A shipped profile of the same configuration wins, unless `estimated`. What was measured must have fitted: where it does not with the
    defaults, and no `utilisation` is said, the server is taken to be set up tightly. InputError where it does not fit even so.
    """
    known = coefficients or load_coefficients(catalog)
    longest = server.max_model_len or longest_tokens
    if longest < longest_tokens:
        raise InputError(f"max_model_len: found {longest}; requests of up to {longest_tokens} tokens were measured")

    def resolved(utilisation: float, max_num_seqs: int | None) -> Profile:
        return resolve_profile(
            llm=server.llm, gpu=server.gpu, tensor_parallel=server.tensor_parallel, precision=server.precision,
            kv_precision=kv_precision_of(server), engine=server.engine, engine_era=server.engine_era, utilisation=utilisation,
            max_num_batched_tokens=server.max_num_batched_tokens, max_num_seqs=max_num_seqs, max_model_len=longest, catalog=catalog,
            coefficients=known, shipped=() if estimated else shipped,
        )  # fmt: skip

    try:
        return resolved(utilisation_of(server, known), server.max_num_seqs)
    except InputError:
        if server.utilisation is not None:
            raise
        try:
            tight = resolved(TIGHT_UTILISATION, server.max_num_seqs or min(TIGHT_SEQUENCES, default_scheduler(server.gpu).max_num_seqs))
        except InputError:
            tight = None
        if tight is None:
            raise
        said = f"does not fit as engines are set up by default, but was run: {TIGHT_UTILISATION:.0%} of the memory taken (assumed)"
        return replace(tight, notes=(said, *tight.notes))


def kv_precision_of(server: Server) -> KvPrecision:
    """What the KV cache is kept in: as said, else fp8 beside weights of 8 or 4 bits floating point, which such servers are run with.

    A GPU without fp8 reads such a cache so slowly that nobody keeps one there: bf16.
    """
    if server.kv_precision != "auto":
        return server.kv_precision
    return "fp8" if server.precision.startswith("fp") and server.gpu.peak_fp8_tflops is not None else "bf16"


def utilisation_of(server: Server, coefficients: Coefficients) -> float:
    """The share of memory the engine takes: as said, else the default of its era."""
    if server.utilisation is not None:
        return server.utilisation
    era = coefficients.engine(server.engine, server.engine_era).era
    return EARLIER_UTILISATION if era <= LAST_EARLIER_ERA else DEFAULT_UTILISATION


def requests_of(load: Load) -> int:
    """How many requests a run of a load has."""
    if load.lengths or load.arrival_s:
        return min([MOST_REQUESTS, *(len(each) for each in (load.lengths, load.arrival_s) if each)])
    if load.requests is not None:
        return min(load.requests, MOST_REQUESTS)
    if load.concurrency is not None:
        return min(REQUESTS_PER_CLIENT * load.concurrency, MOST_REQUESTS)
    return OPEN_LOOP_REQUESTS


def least_length_share_of(load: Load) -> float:
    """Shortest over nominal length: as said, else what load generators are run with."""
    if load.least_length_share is not None:
        return load.least_length_share
    return OPEN_LOOP_SHARE if load.concurrency is None else CLOSED_LOOP_SHARE


def longest_of(load: Load) -> int:
    """Prompt and output tokens of the longest request that the load can hold."""
    if load.lengths:
        return max(prompt + output for prompt, output in load.lengths)
    return max(1, round(load.prompt_tokens)) + max(1, round(load.output_tokens))


def lengths_of(load: Load, requests: int, seed: int = 0) -> tuple[Ints, Ints]:
    """Prompt and output tokens of each request: as recorded, else uniform whole numbers.

    The draws depend on the shape of the load alone: profiles, and runs of more clients, are compared over the same requests.
    """
    if load.lengths:
        recorded = np.asarray(load.lengths[:requests], np.int64)
        return np.ascontiguousarray(recorded[:, 0]), np.ascontiguousarray(recorded[:, 1])
    share = least_length_share_of(load)
    shape = f"{load.prompt_tokens!r} {load.output_tokens!r} {share!r}"

    def draws(what: str, nominal: float) -> Ints:
        longest = max(1, round(nominal))
        shortest = min(longest, max(1, int(share * nominal)))
        return stream(seed, f"benchmark {what} tokens {shape}").integers(shortest, longest + 1, requests)

    return draws("prompt", load.prompt_tokens), draws("output", load.output_tokens)


def serve(load: Load, profile: Profile, *, seed: int = 0, requests: int | None = None) -> Served:
    """Simulate a load against one replica of a profile and measure it as a load generator does.

    So many `clients` that all begin at time 0, or arrivals that are Poisson or recorded. `requests` replaces their number. A load that
    says both a rate and a concurrency is a closed loop where the rate is more than that many clients can send, else an open one. What was
    sent to warm up comes first and is not measured.
    """
    from sim.engine.run import simulate
    from sim.trace import Trace
    from sim.trace.closed_loop import ClosedLoop

    recorded = bool(load.lengths or load.arrival_s)
    usual = requests_of(load)
    sent = usual if requests is None else min(requests, usual) if recorded else requests
    if not 1 <= sent <= MOST_REQUESTS:
        raise InputError(f"requests of a benchmark: found {sent}; allowed: 1 to {MOST_REQUESTS:,}")
    if load.concurrency is not None and not 1 <= load.concurrency <= MOST_CLIENTS:
        raise InputError(f"concurrency: found {load.concurrency}; allowed: 1 to {MOST_CLIENTS:,}")
    before = 0 if recorded else load.warmup_requests
    sent += before
    prompts, outputs = lengths_of(load, sent, seed)
    system = system_of(profile)

    def measured(arrival_s: Floats, loop: ClosedLoop | None, least_s: float, most_outstanding: int) -> Served:
        trace = Trace.from_arrays(arrival_s=arrival_s, prompt_tokens=prompts, output_tokens=outputs)
        looks_s = max(least_s, _expected_s(profile, prompts, outputs, most_outstanding)) / _LOOKS
        result = simulate(system, trace, seed=seed, log=True, timeline_s=looks_s, closed_loop=loop)
        return _measured(result, profile, int(prompts.max()), before)

    if load.concurrency is not None:
        clients = min(load.concurrency, sent)
        found = measured(np.zeros(sent), ClosedLoop(clients), 0.0, clients)
        if load.request_rate_per_s is None or found.requests / found.duration_s <= load.request_rate_per_s:
            return found
    arrivals = _arrivals(load, sent, seed)
    return measured(arrivals, None, float(arrivals[-1]), profile.max_num_seqs)


def system_of(profile: Profile) -> System:
    """One replica that takes every request and a caller that does not retry."""
    from sim.engine.system import Client, Pool, Replica, Rule, StepTime, System, Target
    from sim.stack.resolve_pool import BATCHING

    step = profile.step
    replica = Replica(
        step=StepTime(step.c_s, step.g_tokens, step.g_s, step.o_s, step.f_s, step.h_s), blocks=profile.blocks,
        block_tokens=profile.block_tokens, max_num_seqs=profile.max_num_seqs, max_num_batched_tokens=profile.max_num_batched_tokens,
        max_model_len=profile.max_model_len, batching=BATCHING[profile.engine],
    )  # fmt: skip
    pool = Pool("server", replica, 1, 1, profile.tensor_parallel, profile.tensor_parallel, front_end_s=profile.front_end_s)
    return System((pool,), (Rule((Target(0, client=Client(retries=0)),)),))


def _arrivals(load: Load, requests: int, seed: int) -> Floats:
    """When each request is sent, from the first one at 0."""
    if load.arrival_s:
        recorded = np.sort(np.asarray(load.arrival_s[:requests], np.float64))
        return np.asarray(recorded - recorded[0])
    if load.request_rate_per_s is None:
        raise InputError("a load has neither a concurrency nor a request rate nor recorded arrivals; one of them is needed")
    gaps = stream(seed, "benchmark arrivals").standard_exponential(requests) / load.request_rate_per_s
    return np.concatenate([[0.0], np.cumsum(gaps[1:])])


def _expected_s(profile: Profile, prompts: Ints, outputs: Ints, clients: int) -> float:
    """About how long a run takes: all prompts one by one, and rounds of decoding with as many sequences as fit."""
    prompt, output = float(prompts.mean()), float(outputs.mean())
    context = prompt + output / 2.0
    batch = max(1.0, min(clients, profile.max_num_seqs, profile.blocks * profile.block_tokens / context))
    decode = len(prompts) / batch * output * profile.step.decode_s(sequences=batch, context=batch * context)
    return len(prompts) * profile.step.prefill_s(prompt) + decode


def _measured(result: Result, profile: Profile, longest_prompt: int, before: int) -> Served:
    from sim.engine.result import OUTCOMES, TIMELINE_FIELDS

    assert result.log is not None
    log = result.log[before:]
    done = log[log["outcome"] == OUTCOMES.index("completed")]
    if not len(done):
        raise InputError(f"no request of the benchmark fits a server that takes up to {profile.max_model_len} tokens")
    duration = float(done["finish_s"].max() - log["arrival_s"].min())
    looks = {name: result.timeline[:, 0, k] for k, name in enumerate(TIMELINE_FIELDS)}
    free = (1.0 - looks["kv_share"]) * profile.blocks * profile.block_tokens
    short = (looks["waiting"] > 0) & (looks["running"] < profile.max_num_seqs) & (free < longest_prompt + profile.block_tokens)
    return Served(
        values=MappingProxyType(measured_values(done, profile, duration)),
        requests=len(done), refused=len(log) - len(done), preemptions=int(done["preemptions"].sum()),
        mean_waiting=float(looks["waiting"].mean()) if len(free) else 0.0, kv_full_share=float(short.mean()) if len(free) else 0.0,
        duration_s=duration,
    )  # fmt: skip


def assumed_of(server: Server, load: Load, profile: Profile) -> tuple[str, ...]:
    """What a benchmark does not say and the simulation had to assume, one sentence each."""
    said = []
    if server.engine_era is None:
        said.append(f"{profile.engine} as of {profile.engine_era} (engine_era)")
    if server.kv_precision == "auto":
        said.append("KV cache in fp8 beside weights in fp8 or fp4 on GPUs that have fp8, else in bf16 (kv_precision)")
    if server.utilisation is None:
        said.append(
            f"{EARLIER_UTILISATION:.0%} of the memory for engines up to {LAST_EARLIER_ERA}, else {DEFAULT_UTILISATION:.0%} (utilisation)"
        )
    if load.least_length_share is None and not load.lengths:
        said.append(
            f"lengths even from {CLOSED_LOOP_SHARE:.0%} of the nominal ones to the whole with a concurrency, fixed at a rate "
            "(least_length_share)"
        )
    if load.requests is None and not (load.lengths or load.arrival_s):
        said.append(f"{REQUESTS_PER_CLIENT} requests for each client, {OPEN_LOOP_REQUESTS:,} at a rate (requests)")
    return tuple(said)
