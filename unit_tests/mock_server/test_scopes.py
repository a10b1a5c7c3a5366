"""OAuth apps with granular scopes: each of them missing, withdrawn, and granted later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from sandbox import Sandbox
from sandbox.spec import SCOPES
from source_asana.components.retriever import AsanaRetriever
from source_asana.cursors.sending import Raw
from source_asana.parents.slices import Slice
from unit_tests.mock_server.worlds import Small
from unit_tests.properties.lab import DELETED, unlike
from unit_tests.properties.runs import Destination, Sync
from unit_tests.sync import streams

# Asana lists nothing without them: there is no sync then.
NEEDED = {"workspaces:read"}
NAMED = sorted(SCOPES - NEEDED - {"default"})
QUICK = ("custom_fields:read",)
EVERY = [pytest.param(scope, marks=[] if scope in QUICK else pytest.mark.slow) for scope in NAMED]
LOST = ("may no longer read", "Asana refuses everything that earlier syncs could read")
INLINE = {
    "team_custom_field_settings": "teams",
    "project_custom_field_settings": "projects",
    "portfolio_custom_field_settings": "portfolios",
    "goal_custom_field_settings": "goals",
}
# They have no versions: what happened between two syncs comes in the second one only.
LOGS = ("events", "organization_exports")


@pytest.fixture
def small() -> Small:
    small = Small()
    small.unused = small.world.add_tag("unused")
    return small


@pytest.fixture
def asana(small: Small) -> Iterator[Sandbox]:
    with Sandbox(small.world, plan="service") as sandbox:
        sandbox.set_scopes(SCOPES)
        yield sandbox


def sync(asana: Sandbox, destination: Destination, detection: str) -> Sync:
    asana.clock.advance(3600)
    names = [name for name in streams() if name != "organization_exports"]
    return destination.sync(asana, names, change_detection=detection, track_deletions=True)


def change(small: Small) -> None:
    """Change something of each kind, and delete some; not what old time entries name."""
    world = small.world
    world.clock.advance(60)
    world.edit_task(small.other, name="Renamed")
    world.comment(small.other, "Well said")
    world.add_attachment(small.both)
    world.edit_project(small.second, notes="Edited")
    world.add_status_update(small.second, "Still fine")
    world.add_task("New", projects=[small.second])
    world.delete_task(small.loose)
    world.delete(small.unused)


def sent(done: Sync) -> dict[str, int]:
    """Return how many records of which stream a sync has sent."""
    return {name: len(r) for name, r in done.records.items() if r and name not in LOGS}


def false_tombstones(destination: Destination, small: Small) -> list[str]:
    return [
        f"{stream} {key}"
        for stream, rows in destination.rows.items()
        for key, row in rows.items()
        if row.get(DELETED) and key.rpartition("/")[2] in small.world
    ]


def gaps(asana: Sandbox, destination: Destination, done: Sync) -> list[str]:
    """Return what complete streams hold otherwise than a fresh copy read with the same rights."""
    fresh = Destination()
    sync(asana, fresh, "listing")
    complete = [name for name in streams() if done.complete(name) and name not in LOGS]
    return [line for name in complete for line in unlike(destination, fresh, name)]


@pytest.mark.parametrize("detection", ["auto", pytest.param("listing", marks=pytest.mark.slow)])
@pytest.mark.parametrize("scope", EVERY)
def test_a_scope_that_is_missing_from_the_first_sync_on(
    asana: Sandbox, small: Small, scope: str, detection: str
) -> None:
    asana.take_scopes(scope)
    destination = Destination()
    first = sync(asana, destination, detection)
    quiet = sync(asana, destination, detection)
    change(small)
    changed = sync(asana, destination, detection)
    for done in (first, quiet, changed):
        assert (done.failed, done.errors) == (False, [])
    assert sent(quiet) == {}
    assert false_tombstones(destination, small) == []
    assert gaps(asana, destination, changed) == []


@pytest.mark.slow
@pytest.mark.parametrize("detection", ["auto", "listing"])
@pytest.mark.parametrize("scope", NAMED)
def test_a_scope_that_is_withdrawn(
    asana: Sandbox, small: Small, scope: str, detection: str
) -> None:
    destination = Destination()
    first = sync(asana, destination, detection)
    assert (first.failed, first.errors) == (False, [])
    before = {name: dict(rows) for name, rows in destination.rows.items()}
    asana.take_scopes(scope)
    quiet = sync(asana, destination, detection)
    assert sent(quiet) == {}
    change(small)
    changed = sync(asana, destination, detection)
    for done in (quiet, changed):
        wrong = [e for e in done.errors if not any(words in e for words in LOST)]
        assert [e for e in wrong if not e.startswith("These streams are not complete")] == []
    assert false_tombstones(destination, small) == []
    assert gaps(asana, destination, changed) == []
    for name in streams():
        if name not in LOGS and not changed.complete(name):
            # Good values stay, and nulls replace none of them.
            held = destination.rows[name]
            assert {key: held[key] for key in before[name]} == before[name], name
    # Once it is back, all is as it should be.
    asana.give_scopes(scope)
    again = sync(asana, destination, detection)
    assert (again.failed, again.errors) == (False, [])
    assert false_tombstones(destination, small) == []
    assert gaps(asana, destination, again) == []


@pytest.mark.slow
@pytest.mark.parametrize("detection", ["auto", "listing"])
@pytest.mark.parametrize("scope", NAMED)
def test_a_scope_that_is_granted_later(
    asana: Sandbox, small: Small, scope: str, detection: str
) -> None:
    asana.take_scopes(scope)
    destination = Destination()
    sync(asana, destination, detection)
    sync(asana, destination, detection)
    asana.give_scopes(scope)
    granted = sync(asana, destination, detection)
    assert (granted.failed, granted.errors) == (False, [])
    assert gaps(asana, destination, granted) == []
    change(small)
    changed = sync(asana, destination, detection)
    assert (changed.failed, changed.errors) == (False, [])
    assert false_tombstones(destination, small) == []
    assert gaps(asana, destination, changed) == []


# ── streams that lie in another one's records ──────────────────────────────────────────────────


@pytest.mark.parametrize(
    "parent",
    [
        "hidden",
        "just refreshed",
        pytest.param("full refresh", marks=pytest.mark.slow),
        pytest.param("incremental", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "inline",
    [
        pytest.param(name, marks=[] if parent == "projects" else pytest.mark.slow)
        for name, parent in INLINE.items()
    ],
)
def test_settings_are_kept_when_their_scope_is_withdrawn(
    asana: Sandbox, inline: str, parent: str
) -> None:
    # Another child of theirs has the parents read, and asks for a field of its own.
    child = {"goals": "goal_stories", "projects": "tasks", "teams": "team_memberships"}
    destination = Destination()
    names = [inline, child.get(INLINE[inline], "portfolio_items")]
    if parent != "hidden":
        names.append(INLINE[inline])

    def sync(refreshed: Sequence[str] = ()) -> Sync:
        asana.clock.advance(3600)
        return destination.sync(asana, names, track_deletions=True, refreshed=refreshed)

    asana.set_scopes(None)
    full = [INLINE[inline]] if parent == "full refresh" else []
    sync(full)
    held = dict(destination.rows[inline])
    assert held
    asana.take_scopes("custom_fields:read")
    if parent == "just refreshed":
        del destination.states[INLINE[inline]]
    for _ in range(2):
        done = sync(full)
        assert destination.rows[inline] == held
        assert not done.complete(inline)
        assert any("may no longer read" in error for error in done.errors)
    asana.set_scopes(None)
    assert sync(full).errors == []
    assert destination.rows[inline] == held


def answer_with(patch: pytest.MonkeyPatch, change: Callable[[Raw], None]) -> None:
    """Have the records of parents changed that show a list of settings."""
    plain = AsanaRetriever.pages

    def pages(self: AsanaRetriever, slice_: Slice) -> Iterator[list[Raw]]:
        for page in plain(self, slice_):
            for record in page:
                if record.get("custom_field_settings") is not None:
                    change(record)
            yield page

    patch.setattr(AsanaRetriever, "pages", pages)


@pytest.mark.parametrize("shown", [None, "absent"])
def test_a_parent_that_shows_no_list_of_settings_was_not_read(
    asana: Sandbox, shown: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asana.set_scopes(None)
    destination = Destination()
    names = ["project_custom_field_settings"]
    destination.sync(asana, names, track_deletions=True)
    held = dict(destination.rows[names[0]])

    def without(record: Raw) -> None:
        del record["custom_field_settings"]
        record.update({} if shown else {"custom_field_settings": None})

    answer_with(monkeypatch, without)
    destination.sync(asana, names, track_deletions=True)
    assert destination.rows[names[0]] == held


def test_a_setting_that_one_answer_lacks_is_asked_for_before_its_tombstone(
    asana: Sandbox, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    asana.set_scopes(None)
    destination = Destination()
    names = ["project_custom_field_settings"]
    destination.sync(asana, names, track_deletions=True)
    held = dict(destination.rows[names[0]])
    answer_with(monkeypatch, lambda record: record.update(custom_field_settings=[]))
    destination.sync(asana, names, track_deletions=True)
    assert destination.rows[names[0]] == held
    assert asana.requests("/projects/{project_gid}/custom_field_settings") == 2
    monkeypatch.undo()
    small.world.delete(small.field)
    destination.sync(asana, names, track_deletions=True)
    assert all(row[DELETED] for row in destination.rows[names[0]].values())
