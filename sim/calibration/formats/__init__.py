"""Benchmark files of other tools, one file each, as what they measured (sim/calibration/points.py)."""
