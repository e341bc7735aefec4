"""The discrete-event simulation: SimPy above, a compiled data plane below (docs/engine.md)."""
