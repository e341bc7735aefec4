"""How long a step takes on a replica and what fits its memory: roofline, coefficients, KV capacity."""
