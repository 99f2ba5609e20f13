"""KeepBoth and the servers it is compared with, under one load in one run: `python -m benchmarks.peers run`."""
