"""``python -m lockgate``."""

from lockgate.cli import main

main()
