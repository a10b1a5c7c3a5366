"""The command line of Airbyte's protocol: spec, check, discover and read."""

from __future__ import annotations

import ctypes
import errno
import gc
import logging
import os
import signal
import sys
import threading
import time
from contextlib import AbstractContextManager
from typing import BinaryIO, NoReturn

import orjson
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.exception_handler import init_uncaught_exception_handler
from airbyte_cdk.logger import PRINT_BUFFER, init_logger
from airbyte_cdk.models import AirbyteMessageSerializer
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.http.stop import TOLD_TO_STOP
from source_asana.messages import untraced
from source_asana.source import SourceAsana

LOGGER = logging.getLogger("airbyte.source_asana.run")
M_ARENA_MAX = -8
GRACE_SECONDS = 8.0


def run() -> None:
    """Run one command with the arguments of the process.

    A mistake of the user ends it with exit code 1 and one TRACE; `check` ends with exit code 0 and
    a failed CONNECTION_STATUS. SIGTERM ends a command with 143, SIGINT with 130, a read after its
    last states; both are one line in the log and no error. A second SIGINT ends it immediately.
    """
    args = sys.argv[1:]
    # Records are short-lived trees without cycles. Looking for garbage among them a hundred times a
    # second takes a fifth of the CPU.
    gc.set_threshold(100_000, 20, 100)
    _few_arenas()
    # Once nobody reads the output, a log line that cannot be written is not worth a traceback.
    logging.raiseExceptions = False
    init_uncaught_exception_handler(init_logger("airbyte"))
    command = AirbyteEntrypoint.parse_args(args).command
    if not command:
        _stop("Name a command: spec, check, discover or read.")
    received: list[signal.Signals] = []
    try:
        source = SourceAsana()
        received = _stop_on_signals(source)
        _launch(source, args)
    except BrokenPipeError:
        _stop("The program that reads this output has ended.")
    except KeyboardInterrupt:
        _end_stopped(received[0] if received else signal.SIGINT)
    except AirbyteTracedException as error:
        if error.message == TOLD_TO_STOP:
            _end_stopped(received[0])
        status = error.as_connection_status_message()
        if command == "check" and status:
            _write(orjson.dumps(AirbyteMessageSerializer.dump(status)).decode())
            return
        message = error.as_sanitized_airbyte_message()
        if message.trace and message.trace.error:
            untraced(message.trace.error)
        _write(orjson.dumps(AirbyteMessageSerializer.dump(message)).decode())
        _stop()
    except OSError as error:
        _stop(f"The output cannot be written: {error.strerror}.")
    except Exception as error:  # noqa: BLE001  # what nobody expected
        sys.excepthook(type(error), error, error.__traceback__)
        PRINT_BUFFER.flush()
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
    PRINT_BUFFER.flush()
    _stop(code=128 + sign)


def _launch(source: SourceAsana, args: list[str]) -> None:
    # The log is written by other threads, through the CDK's buffer.
    output = Output(sys.stdout.buffer, PRINT_BUFFER.lock)
    try:
        for message in AirbyteEntrypoint(source).run(AirbyteEntrypoint.parse_args(args)):
            output.write(message)
    finally:
        output.flush()
        # The log's lines wait in the CDK's buffer.
        PRINT_BUFFER.flush()


def _few_arenas() -> None:
    """Have glibc keep two heaps instead of eight per core.

    With 30 threads, pages of JSON would be scattered over all of them.
    """
    try:
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)
    except (AttributeError, OSError, TypeError):
        LOGGER.debug("This C library has no mallopt; memory use may be higher.")


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _stop(reason: str | None = None, code: int = 1) -> NoReturn:
    """End the process immediately, as threads that wait for the output would keep it alive."""
    try:
        # The CDK buffers both outputs in one object, which may still be in place of either.
        if reason and sys.__stderr__:
            sys.__stderr__.write(reason + "\n")
            sys.__stderr__.flush()
        sys.stdout.flush()
    finally:
        os._exit(code)


PIECE_CHARACTERS = 65_536
LONGEST_SECONDS = 0.1
# For a sync that is killed, a state counts only once it is out.
AT_ONCE = '{"type":"STATE"'


class Output:
    """Writes messages to standard output, whole lines in chunks; one thread uses it.

    The CDK's buffer gathers the text of a tenth of a second, several megabytes in a fast read, and
    holds it in four copies while it is written. That takes 25 MB, and a fifth of the CPU of a read.

    Args:
        stream: takes bytes. If it is unbuffered (PYTHONUNBUFFERED is usual in images), a pipe takes
            a chunk in parts.
        turn: held while a chunk is written. Whoever else writes to the stream must hold it too, or
            a line of the log ends up in the middle of a record.
    """

    def __init__(self, stream: BinaryIO, turn: AbstractContextManager[object]) -> None:
        self._stream = stream
        self._turn = turn
        self._lines: list[str] = []
        self._size = 0
        self._flushed_at = time.monotonic()

    def write(self, line: str) -> None:
        """Take one message; it is written immediately, or with those that follow it closely."""
        self._lines.append(line)
        self._size += len(line)
        if (
            self._size >= PIECE_CHARACTERS
            or time.monotonic() - self._flushed_at >= LONGEST_SECONDS
            or line.startswith(AT_ONCE)
        ):
            self.flush()

    def flush(self) -> None:
        """Write what was taken; after an error that is not tried again."""
        if not self._lines:
            return
        self._lines.append("")
        chunk = memoryview("\n".join(self._lines).encode())
        self._lines, self._size = [], 0
        with self._turn:
            while chunk:
                written = self._stream.write(chunk)
                if written is None:  # an unbuffered stream that does not block
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                chunk = chunk[written:]
            self._stream.flush()
        self._flushed_at = time.monotonic()
