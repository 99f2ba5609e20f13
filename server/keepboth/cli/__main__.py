"""``python -m keepboth.cli``."""

from keepboth.cli import main

main()
