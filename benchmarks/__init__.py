"""Measurements. Each module prints JSON with the machine, the versions and the command; `python -m benchmarks` runs all."""
