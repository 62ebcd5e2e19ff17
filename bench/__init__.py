"""Benchmarks: each prints a ratio against a peer that runs beside it. `make bench` runs them all."""
