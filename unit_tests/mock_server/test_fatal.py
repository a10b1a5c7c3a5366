"""What ends a whole sync: a refused token, a legal block; with one error that says what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from unit_tests.mock_server.worlds import Small, paths
from unit_tests.sync import read, streams

SMALL = Small()
PATHS = paths(SMALL)
WORDS = {
    401: 'Asana does not accept the token (HTTP 401, "Not Authorized")',
    451: "Asana refuses for legal reasons (HTTP 451)",
}


@pytest.fixture
def asana() -> Iterator[Sandbox]:
    with Sandbox(SMALL.world, plan="service") as sandbox:
        yield sandbox


def cases() -> Iterator[tuple[str, int]]:
    """Yield both statuses for the streams that others need, one of them for each other stream."""
    for number, name in enumerate(PATHS):
        if name in {"workspaces", "users", "projects", "tasks"}:
            yield name, 401
            yield name, 451
        else:
            yield name, (401, 451)[number % 2]


@pytest.mark.parametrize(("stream", "status"), [*cases()])
def test_one_error_ends_the_sync(asana: Sandbox, stream: str, status: int) -> None:
    asana.fault("status", PATHS[stream], times=None, status=status, message="Not Authorized")
    sync = read(
        asana,
        dict.fromkeys((stream, "tags")),
        incremental=True,
        organization_export_ids=[SMALL.export],
    )
    assert sync.mistake.startswith(WORDS[status])
    assert asana.token not in sync.text
    assert sync.statuses[stream][-1:] != ["COMPLETE"]
    for words in ("Traceback", "Exception while syncing", "failed like those named above"):
        assert not [line for line in sync.logs if words in line]


def test_nothing_more_is_asked_after_it(asana: Sandbox) -> None:
    asana.fault("status", "/tags", times=None, status=451, message="Blocked")
    sync = read(asana, streams(), num_workers=1)
    assert sync.mistake.endswith('Asana said: "Blocked".')
    at = next(n for n, entry in enumerate(asana.log) if entry.status == 451)
    assert len(asana.log) - at <= 2


def test_a_workspace_that_disabled_the_app_is_skipped_alone() -> None:
    small = Small()
    home = small.world.add_workspace("Strict", is_organization=True)
    small.world.add_tag("elsewhere", workspace=home)
    with Sandbox(small.world) as asana:
        words = "Your workspace's admin has disabled this app."
        asana.fault("status", home, times=None, status=401, message=words)
        sync = read(asana, ["workspaces", "users", "tags", "projects", "tasks"])
        assert sync.errors == []
        assert all(map(sync.complete, ("users", "tags", "projects", "tasks")))
        assert sync.gids("workspaces") == sorted([small.world.workspace, home])
        assert sync.gids("tags") == [small.tag]
        assert sync.gids("tasks") == sorted(small.tasks)
        rows = sync.summary["skipped"]
        assert sorted(row["stream"] for row in rows) == ["projects", "tags", "users"]
        assert all(row["place"] == f"workspace {home}" for row in rows)
        assert all(row["message"] == words for row in rows)
