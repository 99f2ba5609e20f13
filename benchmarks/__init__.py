"""Measurements. Each module prints JSON with machine, versions and command; ``python -m benchmarks`` runs all."""
