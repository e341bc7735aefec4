"""Training a model again: its work in operations, the GPU-hours that takes, and what they or a vendor's tuning service cost.

6 N D counts a multiplication and an addition as two operations: 2 N forward and 4 N backward a token. Adapters (LoRA) need no
gradient of frozen weights but mostly compute activations twice, so they are taken to need as much. Published GPU-hours differ
from this by up to 100 times; of the peak, 0.35 to 0.45 is reached.
"""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray, above_zero, amount, product
from sim.errors import InputError
from sim.units import MILLION, SECONDS_PER_HOUR

FLOPS_PER_PARAMETER_TOKEN = 6.0
"""Of training: N parameters and D tokens take 6 N D operations."""


def training_flops(*, parameters: Amount, tokens: Amount) -> FloatArray:
    """6 N D: operations of training `parameters` (those at work for a token) on `tokens`, all epochs counted."""
    return np.asarray(FLOPS_PER_PARAMETER_TOKEN * amount(parameters, "parameters") * amount(tokens, "tokens"), np.float64)


def training_gpu_hours(*, flops: Amount, peak_flops_per_s: Amount, mfu_share: Amount, runs: Amount = 1.0) -> FloatArray:
    """Operations over what a GPU does: flops / (MFU x peak operations a second of one GPU), in GPU-hours, x runs (a failed one counts)."""
    mfu = above_zero(mfu_share, "mfu_share")
    if (mfu > 1.0).any():
        raise InputError(f"mfu_share: found {float(mfu.max())}; allowed: above 0 to 1")
    per_hour = mfu * above_zero(peak_flops_per_s, "peak_flops_per_s") * SECONDS_PER_HOUR
    return np.asarray(amount(flops, "flops") / per_hour * amount(runs, "runs"), np.float64)


def training_gpu_usd(*, gpu_hours: Amount, usd_per_gpu_hour: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Training on GPUs rented for it: GPU-hours x USD a GPU-hour. Training on the pool's own GPUs costs nothing more."""
    return product(quantity=gpu_hours, usd=usd_per_gpu_hour, what="a GPU-hour of training", factor=factor)


def tuning_usd(*, tokens: Amount, usd_per_million_tokens: Amount | None, runs: Amount = 1.0, factor: Amount = 1.0) -> FloatArray:
    """A vendor's tuning service: tokens of all epochs in millions x USD a million x runs (a failed one counts)."""
    quantity = amount(tokens, "tokens") / MILLION * amount(runs, "runs")
    return product(quantity=quantity, usd=usd_per_million_tokens, what="a million tokens of tuning", factor=factor)
