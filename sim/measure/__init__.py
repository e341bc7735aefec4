"""From the engine's Result to what people ask: latency, outcomes, use of the hardware, load, goodput and service levels."""
