"""Plays a scenario: a world whose clock stands still, what happens to it, and its syncs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from sandbox import Sandbox, World
from sandbox.server_time import Clock, parse_moment
from unit_tests.golden.recording import Json, Lines, lines_of
from unit_tests.properties.steps import Steps, apply

START = "2026-03-02T00:00:00.000Z"
MORNING_SECONDS = 9 * 3600.0
HOUR = 3600.0
# A process sleeps if all of its threads do each time that it is looked at.
LOOKS = 3
LOOK_SECONDS = 0.001
LONGEST_SECONDS = 60.0
EVERY_STATE = 10.0


class StandingClock(Clock):
    """A clock that only goes on when it is told to, so that no instant depends on the machine."""

    def now(self) -> float:
        """Return the seconds since 1970."""
        return parse_moment(START) + MORNING_SECONDS + self.skew


class Version:
    """The connector in a folder, run as its users do. It is a context manager.

    Args:
        folder: where `source_asana` is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        """Load it into a process of its own."""
        self._process = subprocess.Popen(  # noqa: S603 - this repository's own program
            [sys.executable, "-P", str(Path(__file__).with_name("process.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": str(self._folder), "PYTHONHASHSEED": "0"},
            text=True,
        )
        assert Path(self._answer()).is_relative_to(self._folder)
        settings = {"credentials": {"personal_access_token": "unused"}, "track_deletions": True}
        found = self.run("discover", Future(), config=settings)
        [catalog] = [one["catalog"] for one in found if "catalog" in one]
        self.streams = {one["name"]: one for one in catalog["streams"]}
        return self

    def __exit__(self, *_: object) -> None:
        """End its process."""
        self._process.communicate()

    def catalog(self, names: tuple[str, ...]) -> Json:
        """Return a configured catalog: incremental where it can be, of all streams for no names."""
        return {
            "streams": [
                {
                    "stream": self.streams[name],
                    "sync_mode": self.streams[name]["supported_sync_modes"][-1],
                    "destination_sync_mode": "append_dedup",
                }
                for name in names or self.streams
            ]
        }

    def run(
        self, command: str, begun: Future[int], *, step: float = 0.0, **files: Any
    ) -> list[Json]:
        """Run a command; return its messages, and one with the exit code.

        Args:
            command: its name.
            begun: gets its process as soon as that begins.
            step: see `process.py`.
            files: option -> what its file holds.
        """
        assert self._process.stdin
        with tempfile.TemporaryDirectory() as folder:
            arguments = [command]
            for name, content in files.items():
                path = Path(folder, f"{name}.json")
                path.write_text(json.dumps(content), encoding="utf-8")
                arguments += [f"--{name}", str(path)]
            output = Path(folder, "output")
            order = {"arguments": arguments, "output": str(output), "step": step}
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            begun.set_result(int(self._answer()))
            code = int(self._answer())
            # What is killed may leave a piece of a line.
            whole, _, _ = output.read_text(encoding="utf-8").rpartition("\n")
        messages = [json.loads(line) for line in whole.split("\n") if line]
        return [*messages, {"exit": code}]

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().rstrip()


class Play:
    """A scenario while it is played. It is a context manager, which serves its world.

    Args:
        version: syncs.
        other: is handed over states to sync from, too.
        plan: of the token, as the sandbox has them.
        streams: read in each sync, all streams for none.
        settings: of the connection.

    Attributes:
        lab: chooses what happens to the world.
        syncs: the lines of each sync, by its name.
        handed: those of syncs of the other version from the same states.
        chance: names of the killed ones, and of those that resume them: several threads read, so
            the requests before the kill are not always the same.
    """

    def __init__(
        self, version: Version, other: Version, plan: str, streams: tuple[str, ...], settings: Json
    ) -> None:
        self.world = World.generate(
            tasks=60, projects=4, seed=7, start=START, clock=StandingClock()
        )
        self.lab = Steps(self.world)
        self.asana = Sandbox(self.world, plan=plan)
        self.syncs: dict[str, Lines] = {}
        self.handed: dict[str, Lines] = {}
        self.chance: set[str] = set()
        self._is_killed = False
        self._version, self._other = version, other
        self._streams, self._settings = streams, settings
        self._states: dict[str, Json] = {}

    def __enter__(self) -> Self:
        """Serve the world."""
        self.asana.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End that."""
        self.asana.stop()

    # ── what happens ─────────────────────────────────────────────────────────────────────────────

    def step(self, name: str, a: int = 0, b: int = 0) -> None:
        """Let one step happen, a second after the last one."""
        self.world.clock.advance(1)
        apply(self.lab, (name, a, b))

    def edit(self, call: str, *args: Any, **fields: Any) -> Any:
        """Change something in the world, a second after the last change; return what it returns."""
        self.world.clock.advance(1)
        with self.world.lock:
            return getattr(self.world, call)(*args, **fields)

    def wait(self, hours: float) -> None:
        """Let time pass."""
        self.world.clock.advance(hours * HOUR)

    # ── syncs ────────────────────────────────────────────────────────────────────────────────────

    def sync(self, name: str, *, kill: int | None = None, hand_over: bool = False) -> None:
        """Sync and record that, and let an hour pass.

        Args:
            name: of the sync.
            kill: the number of the request before whose answer it is killed.
            hand_over: whether the other version first does the same, which leaves no trace.
        """
        if kill or self._is_killed:
            self.chance.add(name)
        self._is_killed = bool(kill)
        if hand_over:
            self.handed[name], _ = self._sync(self._other, None)
        self.syncs[name], states = self._sync(self._version, kill)
        self._states.update(states)
        self.wait(1)

    def _sync(self, version: Version, kill: int | None) -> tuple[Lines, dict[str, Json]]:
        begun: Future[int] = Future()

        def end() -> None:
            fall_asleep(begun.result(LONGEST_SECONDS))
            os.kill(begun.result(), signal.SIGKILL)

        self.asana.reset_log()
        if kill:
            self.asana.before_nth(kill, end)
        token = {"personal_access_token": self.asana.token}
        settings = {"credentials": token, "api_url": self.asana.url, "num_workers": 1}
        found = version.run(
            "read",
            begun,
            step=EVERY_STATE if kill else 0.0,
            config={**settings, **self._settings},
            catalog=version.catalog(self._streams),
            state=list(self._states.values()),
        )
        self.asana.clear_hooks()
        states = [one["state"] for one in found if "state" in one]
        last = {state["stream"]["stream_descriptor"]["name"]: state for state in states}
        return lines_of(found, self.asana.log, version.streams), last


def fall_asleep(pid: int) -> None:
    """Wait until a process has done all that it can do before its request is answered."""
    until, seen = time.monotonic() + LONGEST_SECONDS, 0
    while seen < LOOKS:
        assert time.monotonic() < until, f"process {pid} is always busy"
        seen = 0 if is_awake(pid) else seen + 1
        time.sleep(LOOK_SECONDS)


def is_awake(pid: int) -> bool:
    """Return whether a thread of a process runs, or would if there was a processor for it."""
    for task in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            # The state is what follows the name, which is in parentheses.
            if task.read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "SZ":
                return True
    return False
