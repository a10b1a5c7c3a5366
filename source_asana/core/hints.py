"""Hints: what the events of projects say of tasks and their children.

A hint decides nothing: the ledger decides what is sent, and a GET what is deleted. So a hint that
is missing or wrong costs time or a request, and the next full scan finds what no hint has told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NamedTuple


class Kind(Enum):
    """What may be the case."""

    CHANGED = auto()
    """A task was created, edited or moved, or its children were."""
    SUBTREE = auto()
    """A task has another name, which its subtasks carry, or it came back with all of them."""
    DELETED = auto()
    CHILD = auto()
    """A story or an attachment changed in a way that need not show in the version of its task."""
    ORPHAN = auto()
    """The same, of a story or attachment whose task the event does not name."""
    LISTING = auto()
    """What all tasks of a project carry has changed, so its listing is read."""


class Hint(NamedTuple):
    """One hint.

    Attributes:
        kind: what may be the case.
        gid: of the task; of the child for `ORPHAN`; of the project for `LISTING`; of what is
            deleted for `DELETED`.
        at: when it happened, in milliseconds; 0 where any answer of this sync is newer.
        child: `story` or `attachment` where children are due.
    """

    kind: Kind
    gid: str
    at: int = 0
    child: str = ""


class Event(NamedTuple):
    """An event as Asana tells it, with the gids that matter.

    Attributes:
        kind: the `resource_type` of what it is about.
        field: the changed field, if it names one.
        parent, parent_kind: what it was added to or removed from, or what it belongs to; "" where
            the event does not say.
    """

    action: str
    kind: str
    gid: str
    at: int
    field: str
    parent: str
    parent_kind: str


CHILDREN = frozenset({"story", "attachment"})
DELETIONS = frozenset({"deleted", "removed"})
CONTAINERS = frozenset({"project", "section"})
# Fields of an event that decide. Of a resource without `target` Asana may give the gid alone, as it
# is said to do for an unknown field. So its kind is taken from the event's `type` as well.
EVENT_FIELDS = (
    "action,type,created_at,change.field,parent.gid,parent.resource_type,resource.gid,"
    "resource.resource_type,resource.target.gid"
)


def event_of(body: Mapping[str, Any], at: int) -> Event:
    """Return an event from its JSON; `at` is its `created_at` in milliseconds."""
    resource = _object(body, "resource")
    named = (_object(body, "parent"), _object(resource, "target"))
    parent: Mapping[str, Any] = next((one for one in named if one.get("gid")), {})
    return Event(
        action=body.get("action") or "",
        kind=resource.get("resource_type") or body.get("type") or "",
        gid=resource.get("gid") or "",
        at=at,
        field=_object(body, "change").get("field") or "",
        parent=parent.get("gid") or "",
        parent_kind=parent.get("resource_type") or "task",
    )


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object in another one, an empty one where there is none."""
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def hints_of(event: Event, project: str) -> Iterator[Hint]:
    """Yield what an event hints at.

    Args:
        event: of a project, which has those of its tasks, their subtasks and stories.
        project: the gid of that project.
    """
    if not event.gid:
        return
    if event.kind == "task":
        yield from _of_task(event)
    elif event.kind in CHILDREN:
        yield from _of_child(event, project)
    elif event.kind in CONTAINERS and (
        event.field == "name" or event.action in {"deleted", "undeleted"}
    ):
        yield Hint(Kind.LISTING, project, event.at)


def _of_task(event: Event) -> Iterator[Hint]:
    if event.action == "deleted":
        yield Hint(Kind.DELETED, event.gid, event.at)
        return
    is_subtree = event.field == "name" or event.action == "undeleted"
    yield Hint(Kind.SUBTREE if is_subtree else Kind.CHANGED, event.gid, event.at)
    if event.parent and event.parent_kind == "task":
        # Its `num_subtasks` is another one.
        yield Hint(Kind.CHANGED, event.parent, event.at)


def _of_child(event: Event, project: str) -> Iterator[Hint]:
    if event.parent and event.parent_kind != "task":
        if event.kind == "attachment":
            # Of the project or its brief: they are read with the listing.
            yield Hint(Kind.LISTING, project, event.at)
        return
    # What is added moves the task's `modified_at`.
    child = "" if event.action == "added" else event.kind
    if not event.parent:
        yield Hint(Kind.ORPHAN, event.gid, event.at, event.kind)
    else:
        yield Hint(Kind.CHILD if child else Kind.CHANGED, event.parent, event.at, child)


@dataclass(slots=True)
class TaskHint:
    """What hints say of one task.

    Attributes:
        project: the one whose events named it first, "" for none.
        at: when the newest of them happened.
        is_deleted: whether the newest one says that it is deleted.
        is_subtree: whether its subtasks are read as well, as it has another name or came back.
        due: children -> when the newest of them changed.
        waits: whether it is read once more, after its parent.
    """

    project: str = ""
    at: int = -1
    is_deleted: bool = False
    is_subtree: bool = False
    due: dict[str, int] = field(default_factory=dict)
    waits: bool = False

    def take(self, hint: Hint) -> None:
        """Take one more hint; in any order."""
        if hint.at > self.at or (hint.at == self.at and hint.kind is not Kind.DELETED):
            self.at, self.is_deleted = hint.at, hint.kind is Kind.DELETED
        self.is_subtree |= hint.kind is Kind.SUBTREE
        if hint.child:
            self.due[hint.child] = max(hint.at, self.due.get(hint.child, 0))


@dataclass(slots=True)
class TaskHints:
    """Collects hints, those of a task in one.

    It is not thread-safe: the caller locks.

    Attributes:
        tasks: by gid.
    """

    tasks: dict[str, TaskHint] = field(default_factory=dict)
    _to_follow: dict[str | Hint, None] = field(default_factory=dict)

    def add(self, hint: Hint, project: str = "") -> None:
        """Take a hint; one that tells nothing new is not followed again."""
        if hint.kind is Kind.ORPHAN:
            self._to_follow[hint] = None
            return
        known = self.tasks.setdefault(hint.gid, TaskHint(project))
        before = (known.at, known.is_subtree, dict(known.due))
        known.take(hint)
        if (known.at, known.is_subtree, known.due) != before:
            self._to_follow[hint.gid] = None

    def again(self, gid: str) -> None:
        """Have a task read after those that are to be read by now."""
        self.tasks[gid].waits = True
        self._to_follow[gid] = None

    def take(self) -> list[str | Hint]:
        """Return what nobody has taken yet: tasks, and hints at children of unknown tasks."""
        taken, self._to_follow = list(self._to_follow), {}
        return taken


def failed_text(found: str | Hint) -> str:
    """Return what the state keeps of a task that could not be read: its kind and gid.

    So it does for a story or an attachment whose task is not known, as `story/12`. A gid alone
    stands for a walk there.
    """
    return f"task/{found}" if isinstance(found, str) else f"{found.child}/{found.gid}"


def hints_of_failed(text: str) -> Iterator[Hint]:
    """Yield the hints at what could not be read; which ones they were is not known any more."""
    kind, _, gid = text.rpartition("/")
    if kind in CHILDREN:
        yield Hint(Kind.ORPHAN, gid, 0, kind)
        return
    yield Hint(Kind.SUBTREE, gid)
    for one in sorted(CHILDREN):
        yield Hint(Kind.CHILD, gid, 0, one)
