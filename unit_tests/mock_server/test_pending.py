"""Tasks whose children failed, and are read again."""

from __future__ import annotations

from sandbox import Sandbox, World
from unit_tests.sync import read

STORIES = "/tasks/{task_gid}/stories"


def test_a_task_that_failed_and_changed_again_is_asked_once() -> None:
    world = World.empty()
    task = world.add_task("T", projects=[world.add_project("P")])
    world.add_task("Other", projects=[world.add_project("Q")])
    world.clock.advance(3600)
    with Sandbox(world, plan="free") as asana:
        state = read(asana, ["stories"], incremental=True).state
        asana.clock.advance(3600)
        world.comment(task, "one")
        asana.clock.advance(60)
        asana.fault("status", f"/tasks/{task}/stories", times=None, status=400, message="Odd")
        failed = read(asana, ["stories"], incremental=True, state=state)
        assert failed.tasks_of("stories")[task] == "due"
        asana.clear_faults()
        asana.clock.advance(3600)
        world.comment(task, "two")
        asana.clock.advance(60)
        asana.reset_log()
        healed = read(asana, ["stories"], incremental=True, state=failed.state)
        assert asana.requests(STORIES) == 1
        assert healed.complete("stories")
        assert sorted(story["text"] for story in healed.records["stories"]) == ["one", "two"]
        assert healed.tasks_of("stories")[task] == "read"
