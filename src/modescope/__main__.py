"""``python -m modescope``, and the console script ``modescope``."""

__all__ = ["main"]

import signal


def main() -> None:
    """Runs the command line; see :func:`modescope.cli.main`."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # not where Ctrl-C is ignored, e.g. under nohup
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while all is loaded it ends the process, without a traceback
    from . import cli

    signal.signal(signal.SIGINT, before)
    cli.main()


if __name__ == "__main__":
    main()
