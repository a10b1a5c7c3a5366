"""`explain`: where one record is, and what the next sync does about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from source_asana.components.confirm import Existence
from source_asana.components.pages import rows
from source_asana.components.retriever import AsanaRetriever
from source_asana.config import config_error
from source_asana.core.partitions import partition_in
from source_asana.core.versions import Versions, version_of
from source_asana.cursors.sending import Raw
from source_asana.http.clock import from_millis, to_millis
from source_asana.http.errors import Refused
from source_asana.parents.routers import InlineRouter
from source_asana_commands.prepared import Prepared

MOST_REQUESTS, MOST_PROJECTS = 5, 2
PARENTS = ("target", "parent")


def explained(made: Prepared, stream: str, gid: str) -> Iterator[str]:
    """Yield what state, Asana and settings say of a record, and what follows.

    Raises:
        AirbyteTracedException: a config error for a stream that is not selected.
    """
    if stream not in made.selected:
        raise config_error(
            f"The catalog selects no stream {stream}; choose one of "
            f"{', '.join(sorted(made.selected))}."
        )
    retriever, made.most = made.retrievers[stream], MOST_REQUESTS
    cursor = retriever.cursor
    # What hangs on a project itself is compared like any other record.
    is_own = "/" in partition_in(cursor.partition_of(gid) or "")
    if isinstance(cursor.strategy.parts().get("tasks"), Versions) and not is_own:
        yield from _Child(made, retriever, gid).lines()
    else:
        yield from _Record(made, retriever, gid).lines()


class _Record:
    """A record of a stream whose ledger has its key."""

    def __init__(self, made: Prepared, retriever: AsanaRetriever, gid: str) -> None:
        self._made = made
        self._retriever = retriever
        self._gid = gid
        sender = retriever.cursor.sender
        self._ledger = sender.ledger if sender else None
        self._partitions = self._ledger.partitions_of(gid) if self._ledger else []

    def lines(self) -> Iterator[str]:
        yield self._known()
        for partition in self._partitions:
            if self._ledger and self._ledger.is_missing(self._gid, partition):
                yield "Missing: an earlier sync has read its list completely without seeing it."
                break
        if self._is_shown_by_list_only:
            yield "Asana: has no request for one record of this stream."
            yield f"Next sync: reads its list, and sends it if it differs. {self._late()}".strip()
            return
        existence, record = self._retriever.lookup.record(self._gid)
        is_equal = existence is Existence.EXISTS and self._is_equal(record)
        yield f"Asana: {_shown(existence, record)}{self._compared(existence, is_equal=is_equal)}."
        if elsewhere := self._elsewhere(record):
            yield f"Next sync: {elsewhere}."
            return
        excluded = excluding(self._made, self._retriever.name, record) if record else None
        if excluded:
            yield f"Excluded: by the setting `{excluded}`."
        yield f"Next sync: {self._next(existence, record, excluded, is_equal=is_equal)}."

    @property
    def _is_shown_by_list_only(self) -> bool:
        """Whether no request brings a record as it is in its list."""
        is_inline = isinstance(self._retriever.cursor.router, InlineRouter)
        return is_inline or len(self._retriever.lookup.object_path.split()) != 1

    def _elsewhere(self, record: Raw) -> str:
        """Return in a clause why a task is not in this stream, or waits for its parent."""
        name, parent = self._retriever.name, (record.get("parent") or {}).get("gid")
        if self._partitions or not record or name not in {"tasks", "subtasks"}:
            return ""
        if name == "tasks":
            is_below = parent and not record.get("projects")
            return "does nothing, as it is a subtask: ask for it in `subtasks`" if is_below else ""
        if not parent:
            return "does nothing, as it has no parent: ask for it in `tasks`"
        above = [one for n, one in self._made.selected.items() if n in {"tasks", "subtasks"}]
        if len(above) < 2 or any(one.cursor.partition_of(parent) for one in above):
            return ""
        return (
            f"reads it with its parent, task {parent}, which was not sent either: ask for that one"
        )

    def _known(self) -> str:
        since = self._made.since(self._retriever.name)
        until = f" by {from_millis(since)}" if since else ""
        if not self._partitions:
            return f"State: not known, so the syncs{until} have not sent it."
        places = ", ".join(partition or "the only list" for partition in self._partitions)
        return f"State: known, sent{until}, from {places}."

    def _is_equal(self, record: Raw) -> bool:
        return any(
            self._made.was_sent(self._retriever, record, partition)
            for partition in self._partitions
        )

    def _compared(self, existence: Existence, *, is_equal: bool) -> str:
        if existence is not Existence.EXISTS or not self._partitions:
            return ""
        return ", in the version that was sent" if is_equal else ", in another version"

    def _late(self) -> str:
        name = self._retriever.name
        if self._made.compares_all(name):
            return ""
        return f"The next full scan is due at {self._made.next_scan(name)}."

    def _next(
        self, existence: Existence, record: Raw, excluded: str | None, *, is_equal: bool
    ) -> str:
        """Return in a clause what the next sync does."""
        if existence is not Existence.EXISTS:
            return self._next_unseen(existence)
        if is_equal:
            return "sends nothing, as this version was sent"
        if excluded:
            return f"does nothing, as `{excluded}` leaves it out"
        name, places = self._retriever.name, self._partitions or [""]
        if any(self._made.brings(name, record, partition) for partition in places):
            return "sends it"
        scan = self._made.next_scan(name)
        return (
            f"passes it over, as its timestamp did not move; the full scan due at {scan} sends it"
        )

    def _next_unseen(self, existence: Existence) -> str:
        if existence is Existence.FORBIDDEN:
            return "does nothing, as the token may not see it; a row that was sent stays as it is"
        if existence is Existence.UNKNOWN:
            return "cannot be foretold, as Asana does not answer; ask again later"
        if not self._partitions:
            return "does nothing, as it is deleted and was never sent"
        if not self._retriever.cursor.missing:
            return "does nothing, as it is deleted and `track_deletions` is off: its row stays"
        name = self._retriever.name
        is_told = any(self._made.is_named(name, self._gid, one) for one in self._partitions)
        if is_told or self._made.compares_all(name):
            return "sends a tombstone"
        scan = self._made.next_scan(name)
        return (
            f"sends a tombstone if the audit log tells of it, else the full scan due at {scan} does"
        )


class _Child:
    """A story or an attachment, which is read with its task."""

    def __init__(self, made: Prepared, retriever: AsanaRetriever, gid: str) -> None:
        self._made = made
        self._retriever = retriever
        self._gid = gid
        versions = retriever.cursor.strategy.parts()["tasks"]
        assert isinstance(versions, Versions)
        self._versions = versions

    def lines(self) -> Iterator[str]:
        task = self._gid
        if not self._versions.is_known(task):
            existence, record = self._retriever.lookup.record(self._gid)
            parent = next((record[name] for name in PARENTS if record.get(name)), None)
            yield f"Asana: {_shown(existence, record)}."
            filed = partition_in(self._retriever.cursor.partition_of(self._gid) or "")
            task = parent["gid"] if parent else filed or self._gid
        known = self._versions.rows.fingerprint(task, "")
        if known is None:
            yield f"State: task {task} is not known to this stream."
        elif known & 1:
            yield f"State: task {task} is due: its children are still to be read."
        else:
            yield f"State: the children of task {task} were read and sent."
        yield f"Next sync: {self._next(task, known)}."

    def _next(self, task: str, known: int | None) -> str:
        existence, shown = self._made.retrievers["tasks"].lookup.record(task)
        if existence is not Existence.EXISTS:
            return f"reads nothing, as Asana does not show task {task}"
        excluded = excluding(self._made, "tasks", shown)
        if excluded and known is None:
            return f"reads nothing, as `{excluded}` leaves task {task} out"
        modified = to_millis(shown.get("modified_at")) or 0
        if known is not None and known >> 1 == version_of(modified) and not known & 1:
            return f"sends nothing, as task {task} has not changed since its children were read"
        return f"reads all children of task {task} and sends them"


def _shown(existence: Existence, record: Mapping[str, Any]) -> str:
    match existence:
        case Existence.DELETED:
            return "does not have it (404): it is deleted, or was never there"
        case Existence.FORBIDDEN:
            return "does not show it to this token (403)"
        case Existence.UNKNOWN:
            return "does not say whether it exists"
    modified = record.get("modified_at")
    return f"shows it, modified at {modified}" if modified else "shows it"


def excluding(made: Prepared, stream: str, record: Raw) -> str | None:
    """Return the setting that leaves a record out, None where none is known to."""
    settings = made.runtime.settings
    workspace = (record.get("workspace") or {}).get("gid")
    if settings.workspace_ids and workspace and workspace not in settings.workspace_ids:
        return "workspace_ids"
    modified = to_millis(record.get("modified_at"))
    start = to_millis(settings.start_date)
    if start is not None and modified is not None and modified < start and stream != "projects":
        return "start_date"
    if stream == "projects":
        return _project_excluded(made, record["gid"])
    if stream not in {"tasks", "subtasks"}:
        return None
    return _task_excluded(made, record)


def _task_excluded(made: Prepared, record: Raw) -> str | None:
    settings = made.runtime.settings
    parent = record.get("parent")
    if parent and not record.get("projects"):
        record = _get(made, f"tasks/{parent['gid']}", "projects")
    projects = [one["gid"] for one in record.get("projects") or ()][:MOST_PROJECTS]
    if projects:
        found = [_project_excluded(made, gid) for gid in projects]
        return None if None in found else found[0]
    if settings.listed_by_project_only:
        return "project_ids" if settings.project_ids else "team_ids"
    return None if settings.include_tasks_without_project else "include_tasks_without_project"


def _project_excluded(made: Prepared, gid: str) -> str | None:
    settings = made.runtime.settings
    # Of a field that a project does not have, Asana may give the gid alone.
    project = _get(made, f"projects/{gid}", "archived,team,workspace")
    team = (project.get("team") or {}).get("gid")
    workspace = (project.get("workspace") or {}).get("gid")
    rules = {
        "workspace_ids": settings.workspace_ids and workspace not in settings.workspace_ids,
        "project_ids": settings.project_ids and gid not in settings.project_ids,
        "exclude_project_ids": gid in settings.exclude_project_ids,
        "team_ids": settings.team_ids and team not in settings.team_ids,
        "include_archived_projects": project.get("archived")
        and not settings.include_archived_projects,
    }
    return next((name for name, applies in rules.items() if applies), None)


def _get(made: Prepared, path: str, fields: str) -> Raw:
    try:
        return rows(made.ask(path, opt_fields=fields))[0]
    except Refused:
        return {}
