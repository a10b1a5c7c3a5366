"""What moves a task's `modified_at`, read from the history that is there: stories beside stamps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from source_asana.http.clock import to_millis
from source_asana.live.asker import Asker, Raw
from source_asana.live.question import Finding, decide
from source_asana.live.sample import Sample

MOST_TASKS = 60
# A story and the stamp that it moves are not written in the same millisecond.
SAME_MS = 2_000
# A stamp that is as old as two stories shows of neither that it alone moved it.
APART_MS = 5_000
NEW_MS = 60_000
FRESH_MS = 600_000

MOVES = frozenset(
    {
        "assigned",
        "attachment_added",
        "comment_added",
        "date_custom_field_changed",
        "due_date_changed",
        "enum_custom_field_changed",
        "marked_complete",
        "marked_incomplete",
        "multi_enum_custom_field_changed",
        "name_changed",
        "notes_changed",
        "number_custom_field_changed",
        "people_custom_field_changed",
        "text_custom_field_changed",
        "unassigned",
    }
)
"""Kinds of stories after which `modified_at` must not be older than they are."""

SILENT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "adding to and removing from a project": frozenset(
            {"added_to_project", "removed_from_project"}
        ),
        "moving to a section": frozenset({"section_changed"}),
        "tagging": frozenset({"added_to_tag", "removed_from_tag"}),
        "liking": frozenset({"liked", "unliked", "task_liked", "task_hearted"}),
        "following": frozenset({"follower_added", "follower_removed"}),
        "a dependency": frozenset(
            {
                "dependency_added",
                "dependency_removed",
                "dependent_added",
                "dependent_removed",
            }
        ),
    }
)
"""What happens -> kinds of stories about it; `modified_at` is believed to stay."""


@dataclass
class Evidence:
    """Counts what stamps show of each kind of story.

    Attributes:
        stories: how many there are.
        older: kind -> tasks whose stamp is older than such a story, so that it did not move it.
        equal: kind -> tasks whose stamp is as old as such a story alone, so that it did.
    """

    stories: Counter[str] = field(default_factory=Counter)
    older: Counter[str] = field(default_factory=Counter)
    equal: Counter[str] = field(default_factory=Counter)


def evidence(sample: Sample, asker: Asker) -> Evidence:
    """Read the stories of some tasks, without their texts, and count."""
    found = Evidence()
    for listed in sorted(sample.tasks, key=_promise, reverse=True)[:MOST_TASKS]:
        task = listed
        stories = asker.pages(
            f"tasks/{task['gid']}/stories", 1, opt_fields="created_at,resource_subtype"
        )
        # The stamp was read before the stories. Where one is new, it is read once more.
        newest = max((to_millis(s.get("created_at")) or 0 for s in stories), default=0)
        if newest > asker.now() - FRESH_MS:
            path = f"tasks/{task['gid']}"
            again = asker.get(path, opt_fields="created_at,modified_at")
            task = next(iter(again.rows), {})
        count(task, stories, found)
    return found


def _promise(task: Raw) -> int:
    """Return how much of what is asked about has happened to a task."""
    containers = max(0, len(task.get("memberships") or ()) - 1)
    relations = ("tags", "dependencies", "dependents")
    return (
        2 * containers
        + (task.get("num_likes") or 0)
        + sum(len(task.get(name) or ()) for name in relations)
    )


def count(task: Raw, stories: list[Raw], found: Evidence) -> None:
    """Add what one task and its stories show."""
    modified, created = to_millis(task.get("modified_at")), to_millis(task.get("created_at"))
    if modified is None or created is None:
        return
    times = [(to_millis(s.get("created_at")) or 0, str(s.get("resource_subtype"))) for s in stories]
    found.stories.update(kind for _, kind in times)
    older = {kind for at, kind in times if at > modified + SAME_MS}
    close = [kind for at, kind in times if abs(at - modified) <= APART_MS]
    exact = [kind for at, kind in times if abs(at - modified) <= SAME_MS]
    found.older.update(older)
    if len(close) == 1 and exact and modified - created > NEW_MS:
        found.equal.update(exact)


def moving(asker: Asker, sample: Sample) -> Finding:
    """Is a stamp never older than a story that must have moved it?"""
    found = sample.once(evidence, asker)
    known = {kind: number for kind, number in found.stories.items() if kind in MOVES}
    problems = [
        f"Tasks whose `modified_at` is older than a story `{kind}` of theirs, so that incremental "
        f"syncs miss such a change until the listing pass: {found.older[kind]}."
        for kind in sorted(MOVES)
        if found.older[kind]
    ]
    seen = f"Compared stories: {sum(known.values())}, of {len(known)} kinds."
    return decide(problems, seen, enough=bool(known))


def staying(what: str, asker: Asker, sample: Sample) -> Finding:
    """Does `modified_at` stay where it is when this happens?"""
    found, kinds = sample.once(evidence, asker), SILENT[what]
    stayed = sum(found.older[kind] for kind in kinds)
    moved = sum(found.equal[kind] for kind in kinds)
    stories = sum(found.stories[kind] for kind in kinds)
    seen = (
        f"Stories about it: {stories}. Tasks whose stamp is older than such a story, so that it "
        f"stayed: {stayed}. Tasks whose stamp is as old as the story alone, so that it moved: "
        f"{moved}."
    )
    problems = ["It moves the stamp, so `modified_since` and search show it."]
    return decide(problems if moved > stayed else (), seen, enough=stayed > 0)
