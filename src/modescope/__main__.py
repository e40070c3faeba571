"""``python -m modescope``."""

from .cli import main

main()
