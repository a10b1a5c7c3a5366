"""Made-up workspaces whose whole history is known: tables as Airbyte writes them, and the truth.

Independent of the connector and of its sandbox, so that every instant of every task can be asked.
"""

import json
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from integration_tests.warehouse.tables import DELETED, Table, empty, with_deletions

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
USERS, TAGS = 6, 4

Json = dict[str, Any]
Place = tuple[str, str | None]


@dataclass
class State:
    """What is true of a task; `places` is project -> section."""

    name: str
    assignee: str | None = None
    due_on: str | None = None
    completed: bool = False
    places: dict[str, str] = field(default_factory=dict)

    def copy(self) -> "State":
        """Return a copy that does not change with this one."""
        return State(self.name, self.assignee, self.due_on, self.completed, dict(self.places))


@dataclass
class Task:
    """A task with its history.

    Attributes:
        moments, states: since when it was how, in order; the first is its creation.
        stories: gid -> record.
        untold: whether something changed without a story, so that its instant is unknowable.
    """

    gid: str
    moments: list[datetime] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    stories: dict[str, Json] = field(default_factory=dict)
    fields: dict[str, Json] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)
    completed_at: datetime | None = None
    untold: bool = False

    @property
    def now(self) -> State:
        """Return how it is now."""
        return self.states[-1]

    def at(self, moment: datetime) -> State:
        """Return how it was at an instant."""
        return self.states[bisect_right(self.moments, moment) - 1]


class World:
    """A workspace in which things happen, and the syncs that tell of them."""

    def __init__(
        self, schemas: Mapping[str, Json], keys: Mapping[str, list[str]], seed: int
    ) -> None:
        """Take the streams' schemas and keys, and a seed."""
        self.dice = random.Random(seed)  # noqa: S311
        self._gids = count(1_200_000_000_000_000)
        self.clock = START
        self.projects: dict[str, list[str]] = {}
        self.names: dict[str, str] = {}
        self.users = [self._named(f"Person {number}") for number in range(USERS)]
        self.tags = [self._named(f"tag {number}") for number in range(TAGS)]
        self.tasks: dict[str, Task] = {}
        self.raw: dict[str, Table] = {
            name: with_deletions(empty(schema, keys[name])) for name, schema in schemas.items()
        }
        self._sent: dict[str, dict[tuple[str, ...], str]] = {name: {} for name in schemas}
        self._late: dict[str, list[tuple[Json, str]]] = {name: [] for name in schemas}

    # What happens.

    def _named(self, name: str) -> str:
        gid = str(next(self._gids))
        self.names[gid] = name
        return gid

    def _pass_time(self) -> datetime:
        self.clock += timedelta(
            seconds=self.dice.randint(60, 30_000), milliseconds=self.dice.randint(0, 999)
        )
        return self.clock

    def add_project(self) -> str:
        """Add a project with four sections."""
        project = self._named(f"Project {len(self.projects)}")
        self.projects[project] = [self._named(f"Section {number}") for number in range(4)]
        return project

    def add_task(self) -> Task:
        """Add a task, perhaps assigned, perhaps in a project."""
        gid = self._named("")
        state = State(f"Task {gid[-4:]}")
        if self.dice.random() < 0.3:
            state.due_on = self._day()
        task = Task(gid, [self._pass_time()], [state])
        self.tasks[gid] = task
        if self.dice.random() < 0.8:
            self.add_to_project(task, same_instant=True)
        if self.dice.random() < 0.5:
            self.assign(task, same_instant=True)
        return task

    def _day(self) -> str:
        return (START + timedelta(days=self.dice.randint(0, 400))).date().isoformat()

    def _change(self, task: Task, story: Json, *, same_instant: bool = False) -> State:
        """Add a story and return a new state to be changed."""
        moment = task.moments[-1] if same_instant else self._pass_time()
        if same_instant:
            state = task.states[-1]
        else:
            state = task.now.copy()
            task.moments.append(moment)
            task.states.append(state)
        gid = str(next(self._gids))
        task.stories[gid] = {
            "gid": gid,
            "task_id": task.gid,
            "type": "system",
            "text": str(story["resource_subtype"]),
            "created_at": _stamp(moment),
            "created_by": self._thing(self.dice.choice(self.users)),
            **story,
        }
        return state

    def _thing(self, gid: str) -> Json:
        return {"gid": gid, "name": self.names[gid]}

    def assign(self, task: Task, *, same_instant: bool = False) -> None:
        """Assign it to another person."""
        user = self.dice.choice([one for one in self.users if one != task.now.assignee])
        story = {"resource_subtype": "assigned", "assignee": self._thing(user)}
        self._change(task, story, same_instant=same_instant).assignee = user

    def unassign(self, task: Task) -> None:
        """Take it from its assignee."""
        if task.now.assignee:
            story = {"resource_subtype": "unassigned", "assignee": self._thing(task.now.assignee)}
            self._change(task, story).assignee = None

    def rename(self, task: Task) -> None:
        """Give it another name."""
        old = task.now.name
        new = f"{old[:9]} v{len(task.states)}"
        story = {"resource_subtype": "name_changed", "old_name": old, "new_name": new}
        self._change(task, story).name = new

    def date(self, task: Task) -> None:
        """Give it another due day, or none."""
        old = task.now.due_on
        new = None if old and self.dice.random() < 0.3 else self._day()
        if new != old:
            story = {"resource_subtype": "due_date_changed"}
            story |= {"old_dates": {"due_on": old}, "new_dates": {"due_on": new}}  # type: ignore[dict-item]
            self._change(task, story).due_on = new

    def complete(self, task: Task) -> None:
        """Complete it, or mark it incomplete."""
        done = not task.now.completed
        subtype = "marked_complete" if done else "marked_incomplete"
        self._change(task, {"resource_subtype": subtype}).completed = done
        task.completed_at = task.moments[-1] if done else None

    def comment(self, task: Task) -> None:
        """Comment on it, which changes nothing else."""
        self._change(task, {"resource_subtype": "comment_added", "type": "comment"})

    def add_to_project(self, task: Task, *, same_instant: bool = False) -> None:
        """Add it to another project, in some section."""
        others = [one for one in self.projects if one not in task.now.places and self.projects[one]]
        if others:
            project = self.dice.choice(others)
            story = {"resource_subtype": "added_to_project", "project": self._thing(project)}
            state = self._change(task, story, same_instant=same_instant)
            state.places[project] = self.dice.choice(self.projects[project])

    def remove_from_project(self, task: Task) -> None:
        """Remove it from a project."""
        if task.now.places:
            project = self.dice.choice(sorted(task.now.places))
            story = {"resource_subtype": "removed_from_project", "project": self._thing(project)}
            del self._change(task, story).places[project]

    def move(self, task: Task) -> None:
        """Move it to another section of one of its projects."""
        if task.now.places:
            project = self.dice.choice(sorted(task.now.places))
            old = task.now.places[project]
            new = self.dice.choice([one for one in self.projects[project] if one != old] or [old])
            if new != old:
                story = {"resource_subtype": "section_changed"}
                story |= {"old_section": self._thing(old), "new_section": self._thing(new)}  # type: ignore[dict-item]
                self._change(task, story).places[project] = new

    def tag(self, task: Task) -> None:
        """Give it other tags and a value of a custom field, of which there is no story here."""
        task.tags = self.dice.sample(self.tags, self.dice.randint(0, 2))
        task.fields["1"] = {
            "gid": "1",
            "name": "Points",
            "resource_subtype": "number",
            "number_value": self.dice.randint(0, 20),
        }
        task.fields["2"] = {
            "gid": "2",
            "name": "Channels",
            "resource_subtype": "multi_enum",
            "multi_enum_values": [self._thing(one) for one in task.tags],
        }
        others = [one for one in self.tasks if one != task.gid]
        task.dependencies = self.dice.sample(others, min(len(others), self.dice.randint(0, 2)))

    def delete_task(self, task: Task) -> None:
        """Delete it with its stories."""
        del self.tasks[task.gid]

    def delete_section(self) -> None:
        """Delete a section that holds no task; what was told of it stays told."""
        held = {section for task in self.tasks.values() for section in task.now.places.values()}
        for sections in self.projects.values():
            free = [one for one in sections if one not in held]
            if len(sections) > 2 and free:
                sections.remove(free[0])
                return

    def delete_project(self) -> None:
        """Delete a project; its tasks stay, without a story that says so."""
        if len(self.projects) > 2:
            project = self.dice.choice(sorted(self.projects))
            del self.projects[project]
            for task in self.tasks.values():
                if task.now.places.pop(project, None):
                    task.untold = True

    def live(self, happenings: int) -> None:
        """Let that many things happen."""
        often: Sequence[Callable[[Task], None]] = (
            *(self.assign, self.unassign, self.rename, self.date, self.complete, self.comment),
            *(self.add_to_project, self.remove_from_project, self.move, self.move, self.tag),
        )
        for _ in range(happenings):
            if not self.tasks or self.dice.random() < 0.05:
                self.add_task()
            else:
                self.dice.choice(often)(self.tasks[self.dice.choice(sorted(self.tasks))])

    # What the streams say.

    def records(self) -> dict[str, list[Json]]:
        """Return stream -> its records as they are now."""
        return {
            "users": [{"gid": one, "name": self.names[one]} for one in self.users],
            "tags": [{"gid": one, "name": self.names[one]} for one in self.tags],
            "projects": [{"gid": one, "name": self.names[one]} for one in self.projects],
            "sections": [
                {"gid": one, "name": self.names[one], "project_id": project}
                for project, sections in self.projects.items()
                for one in sections
            ],
            "tasks": [self._record(task) for task in self.tasks.values()],
            "stories": [one for task in self.tasks.values() for one in task.stories.values()],
        }

    def _record(self, task: Task) -> Json:
        state = task.now
        return {
            "gid": task.gid,
            "name": state.name,
            "completed": state.completed,
            "completed_at": _stamp(task.completed_at) if task.completed_at else None,
            "created_at": _stamp(task.moments[0]),
            "modified_at": _stamp(task.moments[-1]),
            "due_on": state.due_on,
            "assignee": self._thing(state.assignee) if state.assignee else None,
            "projects": [self._thing(one) for one in state.places],
            "memberships": [
                {"project": self._thing(project), "section": self._thing(section)}
                for project, section in state.places.items()
            ],
            "tags": [self._thing(one) for one in task.tags],
            "followers": [],
            "dependencies": [{"gid": one} for one in task.dependencies if one in self.tasks],
            "custom_fields": list(task.fields.values()),
        }

    def sync(
        self,
        *,
        hard: bool = False,
        late: float = 0.0,
        refreshed: Sequence[str] = (),
        streams: Sequence[str] = (),
    ) -> None:
        """Write what changed into the raw tables.

        `hard`: what is gone loses its row instead of being marked. `late`: that share of what
        changed comes with a later sync, with the instant of this one. `refreshed`: streams that are
        emptied and read again whole. `streams`: those that are synced; all unless given.
        """
        now = _stamp(self._pass_time())
        for stream, records in self.records().items():
            if streams and stream not in streams:
                continue
            table, sent = self.raw[stream], self._sent[stream]
            if stream in refreshed:
                table.rows, sent = [], self._sent[stream]
                sent.clear()
            self._flush_late(stream)
            seen = set()
            for record in records:
                key = tuple(str(record[name]) for name in table.key)
                seen.add(key)
                text = json.dumps(record, sort_keys=True)
                if sent.get(key) != text:
                    sent[key] = text
                    self._write(stream, record | {"synced_at": now}, now, late)
            for key in [one for one in sent if one not in seen]:
                del sent[key]
                gone: Json = dict(zip(table.key, key, strict=True))
                if hard:
                    table.rows = [row for row in table.rows if _key(table, row) != key]
                    self._late[stream] = [
                        one for one in self._late[stream] if _key(table, one[0]) != key
                    ]
                else:
                    self._write(stream, gone | {"synced_at": now, DELETED: now}, now, 0)

    def _write(self, stream: str, record: Json, now: str, late: float) -> None:
        if self.dice.random() < late:
            self._late[stream].append((record, now))
        else:
            self.raw[stream].append([record], now)

    def _flush_late(self, stream: str) -> None:
        for record, now in self._late[stream]:
            self.raw[stream].append([record], now)
        self._late[stream] = []

    def instants(self, number: int) -> Iterator[tuple[Task, datetime]]:
        """Yield random tasks with an instant since each was made."""
        chosen = sorted(self.tasks)
        for _ in range(number):
            task = self.tasks[self.dice.choice(chosen)]
            span = (self.clock - task.moments[0]).total_seconds()
            yield task, task.moments[0] + timedelta(seconds=self.dice.random() * span)


def _key(table: Table, row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in table.key)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
