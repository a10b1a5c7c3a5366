"""The memory of the task feed and the children's cursor, without HTTP.

`python -m benchmarks.index [--mixed]` prints as JSON the resident megabytes that 20,000 projects
with 1,000,000 tasks add.
"""

import argparse
import gc
import json
import re
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record, StreamSlice
from source_asana.tasks.cursors_children import ChildCursor

from source_asana.config import parse_config
from source_asana.parents.feeds import Ending
from source_asana.parents.routers import TaskRouter
from source_asana.runtime import Runtime

PROJECTS = 20_000
TASKS_EACH = 50
FIRST_GID = 1_200_000_000_000_000
NOW = 1_790_000_000_000
WORKSPACE = "1199000000000000"
# With --mixed one task in twelve is in a second project, and one in twelve has subtasks.
EVERY = 12


def resident() -> tuple[float, float]:
    """Return the resident megabytes now, and the most there were."""
    sizes = dict(
        re.findall(r"(VmHWM|VmRSS):\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    )
    return int(sizes["VmRSS"]) / 1024, int(sizes["VmHWM"]) / 1024


class Slice(Partition):
    """A partition as the cursor closes it."""

    def __init__(self, piece: StreamSlice) -> None:
        """Stand for one slice."""
        self._piece = piece

    def read(self) -> Iterable[Record]:
        """Read nothing."""
        return ()

    def to_slice(self) -> Mapping[str, Any]:
        """Return the slice."""
        return self._piece

    def stream_name(self) -> str:
        """Return the stream's name."""
        return "stories"

    def __hash__(self) -> int:
        """Tell slices apart."""
        return id(self._piece)


def fill(runtime: Runtime, *, mixed: bool) -> None:
    """Put every project's tasks into the feed, as the task listings do."""
    feed = runtime.feeds.tasks
    feed.walking = mixed
    walker = threading.Thread(target=end_walks, args=[runtime])
    walker.start()
    for project in range(PROJECTS):
        key = str(FIRST_GID + project)
        feed.note(key, WORKSPACE)
        feed.expect_listing()
        group = feed.begin(key, NOW, {"gid": key, "workspace_gid": WORKSPACE, "begun": NOW})
        for place in range(TASKS_EACH):
            shared, parent = mixed and place % EVERY == 0, mixed and place % EVERY == 1
            # Shared tasks of an odd project are those of the one before.
            home = project - project % 2 if shared else project
            number = home * TASKS_EACH + place
            gid = str(FIRST_GID + PROJECTS + number)
            feed.add(group, gid, NOW - number, shared=shared, subtasks=parent)
        feed.listed(group, Ending.COMPLETE)
    feed.announced(Ending.COMPLETE)
    walker.join()


def end_walks(runtime: Runtime) -> None:
    """Take part as the walkers of subtasks do, who find nothing here."""
    for _gid, group, _again in runtime.feeds.tasks.walks:
        runtime.feeds.tasks.walked(group, Ending.COMPLETE)


def walk(runtime: Runtime) -> int:
    """Have a child stream's cursor walk the feed and close each slice; returns their number."""
    cursor = ChildCursor(
        "stories",
        TaskRouter(config={}, parameters={}),
        runtime=runtime,
        states=ConnectorStateManager(),
        repository=InMemoryMessageRepository(),
        incremental=True,
        change={"kind": "parent", "cursor_field": "created_at", "field": "created_at"},
    )
    number = 0
    for piece in cursor.stream_slices():
        cursor.begin(piece)
        cursor.close_partition(Slice(piece))
        number += 1
    return number


def main() -> None:
    """Measure before and after."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mixed", action="store_true")
    mixed = parser.parse_args().mixed
    runtime = Runtime(parse_config({"credentials": {"personal_access_token": "none needed"}}))
    gc.collect()
    before, _ = resident()
    fill(runtime, mixed=mixed)
    feed, _ = resident()
    slices = walk(runtime)
    after, most = resident()
    figures = {
        "slices": slices,
        "feed": feed - before,
        "after": after - before,
        "peak": most - before,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
