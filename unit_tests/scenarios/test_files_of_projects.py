"""A sync that reads all tasks of a project reads the files of the project and its brief as well."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import (
    DAY,
    FAMILY,
    HARDLY,
    HOUR,
    asked,
    new_world,
    print_every_state,
    scan_every,
    sent,
    tombstones,
    unlike_asana,
)

pytestmark = pytest.mark.usefixtures("fast")

DAILY = {"change_detection": "auto", **scan_every(24)}
RARELY = {"change_detection": "auto", **HARDLY}


class Files:
    """Two projects with tasks and files; `parents` are the first project and its brief, if any."""

    def __init__(self, *, has_brief: bool = True) -> None:
        world = self.world = new_world()
        self.project, self.other = world.add_project("P"), world.add_project("Other")
        self.parents = [self.project]
        if has_brief:
            self.parents.append(world.add_project_brief(self.project))
        for project in (self.project, self.other):
            parent = world.add_task("Parent", projects=[project])
            world.add_attachment(world.add_task("Below it", parent=parent))
        self.first = [world.add_attachment(parent) for parent in self.parents]
        world.add_attachment(self.other)
        world.clock.advance(DAY)

    def refuse(self, asana: Sandbox, **answer: Any) -> Any:
        """Return the fault that has requests for the files of project and brief fail."""
        parents = "|".join(self.parents)
        options = answer or {"status": 400, "message": "Bad"}
        return asana.fault("status", rf"^/attachments\?.*parent=({parents})", times=None, **options)


def listings(asana: Sandbox) -> set[str]:
    """Return the projects whose tasks were listed."""
    return {e.params["project"] for e in asana.log if e.path == "/tasks" and "project" in e.params}


@pytest.mark.parametrize(
    ("streams", "status"), [(("attachments",), 400), (("attachments",), 403), (FAMILY, 400)]
)
def test_files_that_could_not_be_read_come_with_the_next_sync(
    streams: tuple[str, ...], status: int
) -> None:
    files = Files()
    with Sandbox(files.world) as asana:
        destination = Destination()
        fault = files.refuse(asana, status=status, message="No")
        destination.sync(asana, streams, **DAILY)
        assert fault.hits == 2
        fault.times = 0
        for expected in ({"attachments": sorted(files.first)}, {}):
            asana.clock.advance(HOUR)
            asana.reset_log()
            done = destination.sync(asana, streams, **RARELY)
            assert sent(done) == expected
            assert listings(asana) <= ({files.project} if expected else set())
        assert asked(asana, "/attachments") == 0
        assert unlike_asana(asana, destination, *streams) == []


@pytest.mark.parametrize(
    ("streams", "track_deletions"),
    [(("attachments",), True), (FAMILY, False)],
)
def test_new_files_that_fail_in_a_full_scan_come_with_the_next_sync(
    streams: tuple[str, ...], *, track_deletions: bool
) -> None:
    files = Files()
    world = files.world
    tracked = {"track_deletions": track_deletions}
    with Sandbox(world) as asana:
        destination = Destination()
        for _ in range(2):
            destination.sync(asana, streams, **DAILY, **tracked)
            asana.clock.advance(25 * HOUR)
        # They move no time of a task, and a brief may be new itself.
        new = [world.add_attachment(parent) for parent in files.parents]
        brief = world.add_project_brief(files.other)
        new.append(world.add_attachment(brief))
        deleted = files.first if track_deletions else []
        for gid in deleted:
            world.delete(gid)
        fault = files.refuse(asana)
        done = destination.sync(asana, streams, **DAILY, **tracked)
        assert sent(done) == {"attachments": new[2:]}
        assert tombstones(done) == {}
        assert fault.hits == 2
        fault.times = 0
        for records, deletions in ((sorted(new[:2]), sorted(deleted)), ([], [])):
            asana.clock.advance(HOUR)
            asana.reset_log()
            done = destination.sync(asana, streams, **RARELY, **tracked)
            assert sent(done).get("attachments", []) == records
            assert tombstones(done).get("attachments", []) == deletions
            assert listings(asana) <= ({files.project} if records else set())
        assert unlike_asana(asana, destination, *streams) == []


@pytest.mark.parametrize("kill_after", [1, 3])
def test_files_come_after_a_kill_in_a_full_scan(
    kill_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    print_every_state(monkeypatch)
    files = Files(has_brief=False)
    with Sandbox(files.world) as asana:
        destination = Destination()
        destination.sync(asana, ("attachments",), **DAILY)
        for project in (files.project, files.other):
            files.world.add_attachment(project)
        asana.clock.advance(25 * HOUR)
        killed = destination.sync(asana, ("attachments",), kill_after=kill_after, **DAILY)
        asana.clock.advance(HOUR)
        destination.sync(asana, ("attachments",), **DAILY)
        assert killed.killed
        assert unlike_asana(asana, destination, "attachments") == []


@pytest.mark.parametrize("which", [0, 1])
def test_one_of_both_lists_of_files_that_failed_comes_with_the_next_sync(which: int) -> None:
    files = Files()
    unread, read = files.parents[which], files.parents[1 - which]
    with Sandbox(files.world) as asana:
        destination = Destination()
        destination.sync(asana, ("attachments",), **DAILY)
        new = [files.world.add_attachment(parent) for parent in (unread, read)]
        asana.clock.advance(25 * HOUR)
        path = rf"^/attachments\?.*parent={unread}\b"
        asana.fault("status", path, times=None, status=400, message="Bad")
        destination.sync(asana, ("attachments",), **DAILY)
        asana.clear_faults()
        asana.clock.advance(HOUR)
        done = destination.sync(asana, ("attachments",), **RARELY)
        assert sent(done) == {"attachments": new[:1]}


@pytest.mark.parametrize("gone", ["file of the project", "file of the brief", "brief"])
def test_deleted_files_go_with_the_next_sync_without_a_listing(gone: str) -> None:
    files = Files()
    world = files.world
    project_file, brief_file = files.first
    with Sandbox(world) as asana:
        destination = Destination()
        destination.sync(asana, FAMILY, **RARELY, track_deletions=True)
        asana.clock.advance(HOUR)
        deleted, gids = {
            "file of the project": (project_file, [project_file]),
            "file of the brief": (brief_file, [brief_file]),
            "brief": (files.parents[1], [brief_file]),
        }[gone]
        world.delete(deleted)
        for expected in ({"attachments": gids}, {}):
            asana.clock.advance(HOUR)
            asana.reset_log()
            done = destination.sync(asana, FAMILY, **RARELY, track_deletions=True)
            assert tombstones(done) == expected
            assert listings(asana) == set()
        assert asked(asana, f"/attachments/{gids[0]}") == 0
        assert unlike_asana(asana, destination, *FAMILY) == []
