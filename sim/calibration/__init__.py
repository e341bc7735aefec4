"""Measured benchmarks in, profiles and error tables out."""
