"""What the engine counted, as latency, busy share, load, goodput and service levels."""
