"""A small world, what may happen to it, and what must have arrived in the end."""

from __future__ import annotations

from typing import Any, Self

from sandbox import Sandbox, World
from sandbox.canonical import canonical
from sandbox.truth import STREAMS
from source_asana.fields.schemas import load_schema
from unit_tests.mock_server.expect import essence
from unit_tests.properties.runs import Destination, Record, key_of
from unit_tests.properties.steps import Steps

# Streams with a ledger whose records the sandbox can be asked for; exports need their gids.
EVERY = tuple(sorted({*STREAMS, "portfolios", "tasks", "subtasks"} - {"organization_exports"}))
# Their records are as of the last read of their task: an edited comment moves no stamp.
CHILDREN = ("stories", "attachments")
UNTRACKED = ("workspaces", "users", "audit_log_events", "task_counts")
DELETED = "_ab_cdc_deleted_at"
# They differ from answer to answer, or are no field of Asana's.
VOLATILE = frozenset({"download_url", "view_url", "permanent_url", "synced_at"})


class Lab(Steps):
    """Steps in a world, and a judge of what has arrived."""

    @classmethod
    def around(cls, world: World) -> Self:
        """Return a lab that only judges a world made elsewhere."""
        lab = cls.__new__(cls)
        lab.world, lab.aside, lab.hidden = world, {}, set()
        return lab

    def missing(
        self, asana: Sandbox, destination: Destination, stream: str, *, silent: bool = True
    ) -> list[str]:
        """Return what a fresh read would give and the destination lacks, or has older, in words.

        Args:
            asana: the sandbox.
            destination: what was synced to.
            stream: whose records are compared, in every column.
            silent: whether silent changes must be there as well.
        """
        found = []
        for record in asana.truth(stream):
            held = destination.rows[stream].get(key_of(stream, record))
            wrong = differences(stream, held, record)
            if wrong and is_undone(destination, stream, record):
                continue
            if wrong and not self._is_excused(stream, held, record, silent=silent):
                found.append(f"{stream} {record.get('gid')}: {wrong}")
        return found

    def _is_excused(
        self, stream: str, held: Record | None, record: Record, *, silent: bool
    ) -> bool:
        if stream in CHILDREN and held is None and silent:
            return False
        if stream in CHILDREN or not silent:
            column = {"stories": "task_id", "attachments": "parent_id"}.get(stream, "gid")
            task = self.world[record[column]]
            return self.aside.get(task["gid"]) == task.get("modified_at") is not None
        return False

    def falsely_held(self, destination: Destination, asana: Sandbox, stream: str) -> list[str]:
        """Return what a destination holds and Asana does not have any more, in words.

        What only is hidden stays in a destination; so does what was in something hidden.
        """
        shown = {key_of(stream, record) for record in asana.truth(stream)}
        held = {k for k, row in destination.rows[stream].items() if not row.get(DELETED)}
        held -= destination.uncommitted[stream]
        return [
            f"{stream} {key} is still there"
            for key in held - shown
            if not self._may_stay(stream, key, destination.rows[stream][key])
        ]

    def _may_stay(self, stream: str, key: str, row: Record) -> bool:
        first, _, rest = key.partition("/")
        gids = {value for name, value in row.items() if name == "gid" or name.endswith("_id")}
        if stream in UNTRACKED or gids & self.hidden:
            return True
        if rest:
            return first in self.world and self.world.me in self.world[first].get("_hidden", ())
        return key in self.world


def differences(stream: str, held: Record | None, truth: Record) -> Any:
    """Return the columns in which a held record differs from the truth: column -> (held, truth)."""
    if held is None:
        return "missing"
    columns = load_schema(stream)["properties"].keys() - VOLATILE
    pairs = {
        name: (essence(canonical(held.get(name), name)), essence(canonical(truth[name], name)))
        for name in columns & truth.keys()
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def unlike(destination: Destination, fresh: Destination, stream: str) -> list[str]:
    """Return what a destination holds otherwise than a full refresh made now, in words."""
    found = []
    for key, record in fresh.rows[stream].items():
        held = destination.rows[stream].get(key, {})
        pair = [
            canonical({n: v for n, v in one.items() if n not in VOLATILE}) for one in (held, record)
        ]
        if pair[0] != pair[1]:
            found.append(f"{stream} {key}: {pair[0]} is now {pair[1]}")
    return found


def is_undone(destination: Destination, stream: str, record: Record) -> bool:
    """Return whether a record is as it was before a version that no state knows of.

    A killed sync sent that version, and somebody took the change back before the next sync.
    """
    key = key_of(stream, record)
    sent = [one for one in destination.history[stream] if key_of(stream, one) == key]
    return key in destination.uncommitted[stream] and any(
        not differences(stream, one, record) for one in sent
    )
