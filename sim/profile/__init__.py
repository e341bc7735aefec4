"""Step-time physics: how long a forward pass takes on a replica, how much KV cache it has, and whether a model fits its GPUs."""

from sim.profile.resolve import Profile, resolve_profile
from sim.profile.step import StepCoefficients

__all__ = ["Profile", "StepCoefficients", "resolve_profile"]
