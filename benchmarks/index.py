"""The memory of the task feed and of a child stream's policy, without HTTP.

`python -m benchmarks.index [--mixed]` prints as JSON the resident megabytes that 20,000 projects
with 1,000,000 tasks add.
"""

import argparse
import gc
import json
import re
import sys
import threading
from pathlib import Path

from source_asana.config import parse_config
from source_asana.http.clock import Millis
from source_asana.parents.feeds import Ending
from source_asana.parents.plan import StreamPlan
from source_asana.runtime import Runtime
from source_asana.tasks.children import ChildPolicy
from source_asana.tasks.family import family_of
from source_asana.tasks.routers import TaskRouter
from source_asana.tasks.tree import TaskTree

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
    """Put every project's tasks into the feed, as the task listings do."""
    feed = family_of(runtime).feed
    if mixed:
        feed.walk(lambda _: None)
    walker = threading.Thread(target=end_walks, args=[runtime])
    walker.start()
    for project in range(PROJECTS):
        key = str(FIRST_GID + project)
        feed.note(key, WORKSPACE)
        feed.expect()
        tree = TaskTree(key, Millis(NOW), {"gid": key, "workspace_gid": WORKSPACE, "began": NOW})
        for place in range(TASKS_EACH):
            is_shared, is_parent = mixed and place % EVERY == 0, mixed and place % EVERY == 1
            # Shared tasks of an odd project are those of the one before.
            home = project - project % 2 if is_shared else project
            number = home * TASKS_EACH + place
            gid, modified = str(FIRST_GID + PROJECTS + number), Millis(NOW - number)
            feed.add(tree, gid, modified, is_shared=is_shared, has_subtasks=is_parent)
        feed.listed(tree, Ending.COMPLETE)
    feed.noted_all(is_complete=True)
    feed.announced(Ending.COMPLETE)
    walker.join()


def end_walks(runtime: Runtime) -> None:
    """Take part as the walkers of subtasks do, who find nothing here."""
    feed = family_of(runtime).feed
    for walk in feed.walks:
        feed.walked(walk.tree, Ending.COMPLETE)


def read(runtime: Runtime) -> int:
    """Have a child stream's policy make its slices and close each; return their number."""
    router = TaskRouter(config={}, parameters={})
    router.bind(runtime.settings, runtime.feeds)
    plan = StreamPlan("stories", is_incremental=True)
    policy = ChildPolicy(plan, router, runtime, {"kind": "children"})
    number = 0
    for slice_ in policy.slices():
        policy.begin(slice_)
        with policy.lock:
            policy.complete(slice_)
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
