"""A process that has the connector of its PYTHONPATH loaded, and forks for each command.

It first prints where the connector is. It reads orders from standard input, a JSON object a line,
and answers each with two lines: the pid of the command when it begins, its exit code when it ended.

    {"arguments": ["read", ...], "output": "file for what it prints", "step": 0.0}
"""

from __future__ import annotations

import gc
import json
import os
import queue
import sys
import threading
import time
from itertools import count
from typing import Any

# The connector's time passes that fast, and its waits that much quicker: no quota holds it up.
SPEED = 50.0
MONOTONIC, SLEEP, WAIT = time.monotonic, time.sleep, threading.Event.wait
LOOKS = count()
# The seconds that each look at the clock adds: with many, each state is due that tells anything.
step = 0.0


def monotonic() -> float:
    return MONOTONIC() * SPEED + next(LOOKS) * step


def sleep(seconds: float) -> None:
    SLEEP(seconds / SPEED)


def wait(event: threading.Event, timeout: float | None = None) -> bool:
    return WAIT(event, timeout if timeout is None else timeout / SPEED)


def answer(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def become(order: dict[str, Any]) -> None:
    """Run the command in this process, which ends with it."""
    global step  # noqa: PLW0603  # one command, one process
    step = order["step"]
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, sys.stdout.fileno())
    sys.argv = ["source-asana", *order["arguments"]]
    code = 1
    try:
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else bool(end.code)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    # Before the connector is loaded, whose defaults these are; queues have the real time by now.
    assert queue
    for owner, name, call in (
        (time, "monotonic", monotonic),
        (time, "sleep", sleep),
        (threading.Event, "wait", wait),
    ):
        setattr(owner, name, call)
    import source_asana
    from source_asana.run import run

    answer(source_asana.__file__)
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            become(json.loads(line))
        answer(pid)
        answer(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
