"""The command line of Airbyte's protocol: spec, check, discover and read."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import NoReturn

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.logger import PRINT_BUFFER
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.http.stop import TOLD_TO_STOP
from source_asana.messages import untraced
from source_asana.source import SourceAsana

LOGGER = logging.getLogger("airbyte.source_asana.run")
M_ARENA_MAX = -8
GRACE_SECONDS = 8.0
PIECE_CHARACTERS = 65_536
# For a sync that is killed, a state counts only once it is out.
AT_ONCE = '{"type":"STATE"'


def run() -> None:
    """Run one command with the arguments of the process.

    A mistake of the user ends it with exit code 1 and one TRACE; to one in the config, `check`
    answers with a failed CONNECTION_STATUS and exit code 0. SIGTERM ends a command with 143, SIGINT
    with 130, a read after its last states; both are one line in the log and no error. A second
    SIGINT ends it immediately.
    """
    # Records are short-lived trees without cycles. Looking for garbage among them a hundred times a
    # second takes a fifth of the CPU.
    gc.set_threshold(100_000, 20, 100)
    # Of eight heaps per core, over which 30 threads scatter pages of JSON, glibc keeps two: 25 MB.
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)
    # Once nobody reads the output, a log line that cannot be written is not worth a traceback.
    logging.raiseExceptions = False
    received: list[signal.Signals] = []
    try:
        source = SourceAsana()
        received = _stop_on_signals(source)
        _launch(source)
    except KeyboardInterrupt:
        _end_stopped(received[0] if received else signal.SIGINT)
    except AirbyteTracedException as error:
        if error.message == TOLD_TO_STOP:
            _end_stopped(received[0])
        message = error.as_sanitized_airbyte_message()
        if message.trace and message.trace.error:
            untraced(message.trace.error)
        PRINT_BUFFER.buffer.write(AirbyteEntrypoint.airbyte_message_to_string(message) + "\n")
        _stop()
    except OSError as error:
        _stop(f"The output cannot be written: {error.strerror}.")
    except Exception as error:  # noqa: BLE001  # what nobody expected
        sys.excepthook(type(error), error, error.__traceback__)
        _stop()


def _stop_on_signals(source: SourceAsana) -> list[signal.Signals]:
    """Have SIGTERM and SIGINT end the running command in an orderly way; return those that came.

    The stop runs in a thread of its own, as the main thread may be interrupted while it holds the
    lock of the very event that the stop sets. Requests that take longer than `GRACE_SECONDS` are
    not waited for, as a container gets ten seconds.
    """
    received: list[signal.Signals] = []

    def stop(number: int, _: object) -> None:
        received.append(signal.Signals(number))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=end, daemon=True).start()

    def end() -> None:
        source.stop()
        time.sleep(GRACE_SECONDS)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, stop)
    return received


def _end_stopped(sign: signal.Signals) -> NoReturn:
    """Say that the command was told to stop, and end the process with the shell's exit code."""
    LOGGER.info("%s", TOLD_TO_STOP)
    _stop(code=128 + sign)


def _launch(source: SourceAsana) -> None:
    """Print the messages of a command, as the CDK's `launch` does, but states at once.

    The CDK's buffer gathers the text of a tenth of a second. In a fast read these are megabytes,
    which take 15 MB and a sixth of the CPU.
    """
    # Where PYTHONUNBUFFERED is set, as in many images, a signal would cut a line short.
    whole = open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    vars(sys).update(stdout=whole, __stdout__=whole)
    try:
        # Before the entrypoint, which logs something when it is made: a --help is only that.
        parsed = AirbyteEntrypoint.parse_args(sys.argv[1:])
        for line in AirbyteEntrypoint(source).run(parsed):
            PRINT_BUFFER.write(f"{line}\n")
            if line.startswith(AT_ONCE) or PRINT_BUFFER.buffer.tell() >= PIECE_CHARACTERS:
                PRINT_BUFFER.flush()
    finally:
        PRINT_BUFFER.flush()


def _stop(reason: str = "", code: int = 1) -> NoReturn:
    """End the process immediately, as threads that wait for the output would keep it alive."""
    try:
        if reason:
            sys.stderr.write(f"{reason}\n")
        PRINT_BUFFER.flush()
    finally:
        os._exit(code)
