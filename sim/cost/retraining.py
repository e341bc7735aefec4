"""Training a model again: GPUs that are rented for it, or a vendor's tuning service.

How many GPU-hours an attempt takes, and what a vendor charges for one, follows from the model and its data (sim/stack/retraining.py).
An attempt that fails its evaluation is paid like one that does not. Training on the pool's own GPUs costs nothing more: their hours are
paid already. Labels, evaluation and people have lines of their own.
"""

from __future__ import annotations

from sim.cost.amount import Amount, FloatArray, amount, product


def training_gpu_usd(*, attempts: Amount, gpu_hours_each: Amount, usd_per_gpu_hour: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """GPUs rented for it: attempts x GPU-hours each x USD a GPU-hour x factor on that price."""
    quantity = amount(attempts, "attempts") * amount(gpu_hours_each, "gpu_hours_each")
    return product(quantity=quantity, usd=usd_per_gpu_hour, what="a GPU-hour of training", factor=factor)


def tuning_usd(*, attempts: Amount, usd_each: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """A vendor's tuning service: attempts x USD each."""
    return product(quantity=attempts, usd=usd_each, what="an attempt at tuning", factor=factor)
