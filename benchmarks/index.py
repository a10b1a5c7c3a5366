"""The memory of the task feed and of a child stream's strategy, without HTTP.

`python -m benchmarks.index [--mixed]` prints as JSON the resident megabytes that 20,000 projects
with 1,000,000 tasks add.
"""

import argparse
import gc
import json
import re
import sys
from pathlib import Path

from source_asana.config import parse_config
from source_asana.core.task_list import TaskList
from source_asana.http.clock import Millis
from source_asana.parents.feeds import Ending
from source_asana.parents.plan import StreamPlan
from source_asana.runtime import Runtime
from source_asana.tasks.children import TaskChildrenStrategy
from source_asana.tasks.routers import TaskRouter
from source_asana.tasks.streams import task_streams

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


def fill(runtime: Runtime, *, mixed: bool) -> None:
    """Put every project's tasks into the feed, as the task listings and walks do."""
    feed = task_streams(runtime).feed
    feed.shown.is_walked = mixed
    for project in range(PROJECTS):
        key = str(FIRST_GID + project)
        feed.name(key, {"gid": key, "workspace_gid": WORKSPACE, "began": NOW})
        feed.expect()
        feed.begin(key)
        with feed.adding() as shown:
            show(shown, project, key, mixed=mixed)
        feed.end(key, Ending.COMPLETE, Millis(NOW))
    feed.keys_complete = True
    while feed.shown.walks:
        feed.walked(feed.shown.walks.popleft(), Ending.COMPLETE)
    feed.announced(Ending.COMPLETE)


def show(shown: TaskList, project: int, key: str, *, mixed: bool) -> None:
    """Add the tasks of one project."""
    for place in range(TASKS_EACH):
        # Shared tasks of an odd project are those of the one before.
        is_shared = mixed and place % EVERY == 0
        number = (project - project % 2 * is_shared) * TASKS_EACH + place
        gid, is_parent = str(FIRST_GID + PROJECTS + number), place % EVERY == 1
        shown.add(key, gid, NOW - number, has_subtasks=is_parent)


def read(runtime: Runtime) -> int:
    """Have a child stream's strategy make its slices and close each; return their number."""
    router = TaskRouter(config={}, parameters={})
    router.bind(runtime.settings, runtime.feeds)
    plan = StreamPlan("stories", is_incremental=True)
    strategy = TaskChildrenStrategy(
        plan, router, runtime, {"strategy": "task_children", "resource": "story"}
    )
    number = 0
    for slice_ in strategy.slices():
        with strategy.lock:
            strategy.complete(slice_)
        number += 1
    return number


def main() -> None:
    """Measure before and after."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mixed", action="store_true")
    mixed = parser.parse_args().mixed
    runtime = Runtime(parse_config({"credentials": {"personal_access_token": "1/1:unused"}}))
    gc.collect()
    before, _ = resident()
    fill(runtime, mixed=mixed)
    feed, _ = resident()
    slices = read(runtime)
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
