"""Where the process begins: a signal that comes while the modules are loaded ends it quietly."""

from __future__ import annotations

import os
import signal
import sys

NOT_BEGUN = (
    b'{"type":"LOG","log":{"level":"INFO","message":"The command was told to stop before it began."'
    b"}}\n"
)


def main() -> None:
    """Run the command line, see `run.run`."""
    for sign in (signal.SIGTERM, signal.SIGINT):
        # A shell has what it puts into the background ignore SIGINT.
        if signal.getsignal(sign) is not signal.SIG_IGN:
            signal.signal(sign, _end)
    from source_asana.run import run  # noqa: PLC0415  # takes seconds

    run()


def _end(sign: int, _: object) -> None:
    """End the process with the shell's exit code; nothing has been read or printed yet."""
    os.write(sys.__stdout__.fileno() if sys.__stdout__ else 1, NOT_BEGUN)
    os._exit(128 + sign)
