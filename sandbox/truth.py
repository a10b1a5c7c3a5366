"""What a full read of each stream should give to a token that sends every optional header.

Each stream has one row: what a partition is, the path, and the columns that the partition adds. The
records come from the endpoints themselves, without pages, limits and faults, so the table only says
which calls make up a stream. `events` has no full read, so it is empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson

from sandbox.access import sees
from sandbox.calls import Call, Settings
from sandbox.refusals import ApiError
from sandbox.spec import KINDS, SCHEMAS, kinds_of_schema, match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.api import Api
    from sandbox.tokens import Token

Record = dict[str, Any]
Partition = dict[str, str]
ENABLED = frozenset({"include_asana_created_custom_types", "ai_teammate_actors"})


@dataclass(frozen=True, slots=True)
class Stream:
    """The kind of its partitions, the path that takes their values, and the columns they add."""

    of: str
    path: str
    adds: dict[str, str]
    unique: bool = False


def _s(of: str, path: str, *adds: str, unique: bool = False) -> Stream:
    return Stream(of, path, {f"{name}_id": name for name in adds}, unique)


STREAMS: dict[str, Stream] = {
    "workspaces": _s("", "/workspaces"),
    "users": _s("workspace", "/users?workspace={workspace}", unique=True),
    "teams": _s("organization", "/workspaces/{workspace}/teams", "workspace"),
    "tags": _s("workspace", "/tags?workspace={workspace}"),
    "custom_fields": _s("workspace", "/workspaces/{workspace}/custom_fields", "workspace"),
    "custom_types": _s("project", "/custom_types?project={project}", "project"),
    "workspace_custom_types": _s("workspace", "/custom_types?workspace={workspace}", "workspace"),
    "ai_studio_runs": _s("organization", "/workspaces/{workspace}/ai_studio/runs", "workspace"),
    "ai_studio_seats": _s("organization", "/workspaces/{workspace}/ai_studio/seats", "workspace"),
    "projects": _s("workspace", "/projects?workspace={workspace}"),
    "goals": _s("workspace", "/goals?workspace={workspace}"),
    "time_periods": _s("workspace", "/time_periods?workspace={workspace}", "workspace"),
    "project_templates": _s("workspace", "/project_templates?workspace={workspace}", "workspace"),
    "workspace_memberships": _s(
        "workspace", "/workspaces/{workspace}/workspace_memberships", "workspace"
    ),
    "roles": _s("workspace", "/roles?workspace={workspace}", "workspace"),
    "agents": _s("workspace", "/workspaces/{workspace}/agents", "workspace"),
    "time_tracking_entries": _s(
        "workspace", "/time_tracking_entries?workspace={workspace}&entered_on_start_date=1990-01-01"
    ),
    "time_tracking_categories": _s(
        "archived",
        "/time_tracking_categories?workspace={workspace}&is_archived={archived}",
        "workspace",
    ),
    "timesheet_approval_statuses": _s(
        "workspace", "/timesheet_approval_statuses?workspace={workspace}"
    ),
    "user_task_lists": _s("user", "/users/{user}/user_task_list?workspace={workspace}"),
    "ooo_entries": _s("user", "/ooo_entries?user={user}&workspace={workspace}"),
    "team_memberships": _s("team", "/team_memberships?team={team}", "team"),
    "team_custom_field_settings": _s("team", "/teams/{team}/custom_field_settings", "team"),
    "sections": _s("project", "/projects/{project}/sections", "project"),
    "project_custom_field_settings": _s(
        "project", "/projects/{project}/custom_field_settings", "project"
    ),
    "project_memberships": _s("project", "/memberships?parent={project}", "project"),
    "project_statuses": _s("project", "/projects/{project}/project_statuses", "project"),
    "project_status_updates": _s("project", "/status_updates?parent={project}", "project"),
    "project_briefs": _s("brief", "/project_briefs/{brief}", "project"),
    "task_templates": _s("project", "/task_templates?project={project}", "project"),
    "task_counts": _s("project", "/projects/{project}/task_counts", "project"),
    "allocations": _s("project", "/allocations?parent={project}", "project"),
    "budgets": _s("project", "/budgets?parent={project}", "project"),
    "rates": _s("project", "/rates?parent={project}", "project"),
    "stories": _s("task", "/tasks/{task}/stories", "task"),
    "attachments": _s("attached", "/attachments?parent={parent}", "parent"),
    "portfolio_items": _s("portfolio", "/portfolios/{portfolio}/items", "portfolio"),
    "portfolio_memberships": _s("portfolio", "/memberships?parent={portfolio}", "portfolio"),
    "portfolio_custom_field_settings": _s(
        "portfolio", "/portfolios/{portfolio}/custom_field_settings", "portfolio"
    ),
    "portfolio_status_updates": _s("portfolio", "/status_updates?parent={portfolio}", "portfolio"),
    "project_portfolio_settings": _s(
        "portfolio", "/portfolios/{portfolio}/project_portfolio_settings", "portfolio"
    ),
    "goal_relationships": _s("goal", "/goal_relationships?supported_goal={goal}", "goal"),
    "goal_memberships": _s("goal", "/memberships?parent={goal}", "goal"),
    "goal_custom_field_settings": _s("goal", "/goals/{goal}/custom_field_settings", "goal"),
    "goal_status_updates": _s("goal", "/status_updates?parent={goal}", "goal"),
    "goal_stories": _s("goal", "/goals/{goal}/stories", "goal"),
    "audit_log_events": _s("organization", "/workspaces/{workspace}/audit_log_events", "workspace"),
    "organization_exports": _s("export", "/organization_exports/{export}"),
}


class Truth:
    """Answers `truth(stream)` for one token."""

    def __init__(self, api: Api, token: Token) -> None:
        """Read as `token`."""
        self.api = api
        self.world = api.world
        self.viewer = token.viewer
        self.settings = Settings(max_unpaged=10**9)
        special: dict[str, Callable[[str | None], Iterator[Record]]] = {
            "portfolios": self._portfolios,
            "tasks": self._tasks,
            "subtasks": self._subtasks,
            "events": lambda _: iter(()),
        }
        self.special = special

    def names(self) -> list[str]:
        """Return the name of every stream."""
        return sorted({*STREAMS, *self.special})

    def read(self, stream: str, fields: str | None = None) -> list[Record]:
        """Return the records of `stream`, with all fields or `fields`, and the added columns."""
        with self.world.lock:
            if stream in self.special:
                return list(self.special[stream](fields))
            row = STREAMS[stream]
            found: list[Record] = []
            for partition in self.partitions(row.of):
                for record in self.get(row.path.format(**partition), fields):
                    added = {column: partition[name] for column, name in row.adds.items()}
                    found.append({**record, **added})
            if row.unique:
                return list({record["gid"]: record for record in found}.values())
            return found

    def get(self, path: str, fields: str | None = None) -> list[Record]:
        """Return the records of one call, by default with all fields, or [] if it is refused."""
        bare, _, text = path.partition("?")
        route = match(bare)
        if route is None:
            raise KeyError(path)
        query = dict(parse_qsl(text))
        query["opt_fields"] = fields or _all_fields(route[0].template, route[0].schema)
        compiler = self.api.compiler(self.viewer)
        call = Call(
            self.world,
            route[0],
            self.viewer,
            compiler,
            self.api.offsets,
            self.settings,
            bare,
            route[1],
            query,
            ENABLED,
        )
        try:
            records: list[Record] = []
            while True:
                answer = orjson.loads(self.api.answer(call))
                data = answer["data"]
                records.extend(data if isinstance(data, list) else [data])
                following = answer.get("next_page")
                if not data or not following:
                    return records
                call.query = {**query, "offset": following["offset"]}
        except ApiError:
            return []

    def gids(self, path: str) -> list[str]:
        """Return the gids of one listing."""
        return [record["gid"] for record in self.get(path, "gid")]

    def partitions(self, kind: str) -> Iterator[Partition]:  # noqa: C901 - one branch per kind
        """Yield the partitions of one kind, with the values that paths name."""
        workspaces = self.gids("/workspaces")
        if kind == "":
            yield {}
        elif kind in {"workspace", "organization", "archived", "user", "team", "project", "goal"}:
            for workspace in workspaces:
                yield from self._in_workspace(kind, workspace)
        elif kind == "brief":
            for partition in self.partitions("project"):
                brief = self.world[partition["project"]].get("project_brief")
                if brief:
                    yield {**partition, "brief": brief}
        elif kind == "portfolio":
            yield from ({"portfolio": record["gid"]} for record in self._portfolios())
        elif kind == "task":
            yield from ({"task": gid} for gid in self._every_task())
        elif kind == "attached":
            yield from ({"parent": gid} for gid in self._every_task())
            yield from ({"parent": p["project"]} for p in self.partitions("project"))
            yield from ({"parent": p["brief"]} for p in self.partitions("brief"))
        elif kind == "export":
            yield from ({"export": obj["gid"]} for obj in self.world.of_kind("organization_export"))

    def _in_workspace(self, kind: str, workspace: str) -> Iterator[Partition]:
        organization = self.world[workspace]["is_organization"]
        base = {"workspace": workspace}
        if kind == "workspace" or (kind == "organization" and organization):
            yield base
        elif kind == "archived":
            yield {**base, "archived": "false"}
            yield {**base, "archived": "true"}
        elif kind == "team" and organization:
            yield from ({**base, "team": t} for t in self.gids(f"/workspaces/{workspace}/teams"))
        elif kind in {"user", "project", "goal"}:
            path = f"/{kind}s?workspace={workspace}"
            yield from ({**base, kind: gid} for gid in self.gids(path))

    def _portfolios(self, fields: str | None = None) -> Iterator[Record]:
        seen: set[str] = set()
        for partition in self.partitions("workspace"):
            waiting = self.get(f"/portfolios?workspace={partition['workspace']}", fields)
            while waiting:
                record = waiting.pop(0)
                if record["gid"] in seen:
                    continue
                seen.add(record["gid"])
                yield record
                for item in self.get(f"/portfolios/{record['gid']}/items", "resource_type"):
                    if item["resource_type"] == "portfolio":
                        waiting.extend(self.get(f"/portfolios/{item['gid']}", fields))

    def _tasks(self, fields: str | None = None) -> Iterator[Record]:
        """Yield each task of visible projects once, and then each in no project, by assignee."""
        seen: set[str] = set()
        for partition in self.partitions("project"):
            for record in self.get(f"/tasks?project={partition['project']}", fields):
                if record["gid"] not in seen:
                    seen.add(record["gid"])
                    yield record
        for partition in self.partitions("user"):
            path = f"/tasks?assignee={partition['user']}&workspace={partition['workspace']}"
            for record in self.get(path, fields):
                task = self.world[record["gid"]]
                # A private project that the token cannot see does not count, as it lists nothing.
                shown = [
                    p for p in task["_projects"] if sees(self.world, self.viewer, self.world[p])
                ]
                if not shown and not task["parent"] and record["gid"] not in seen:
                    seen.add(record["gid"])
                    yield record

    def _subtasks(self, fields: str | None = None) -> Iterator[Record]:
        waiting = [record["gid"] for record in self._tasks("gid")]
        walked: set[str] = set()
        while waiting:
            parent = waiting.pop()
            if parent in walked or not len(self.world.listed("task.subtasks", parent)):
                continue
            walked.add(parent)
            for record in self.get(f"/tasks/{parent}/subtasks", fields):
                waiting.append(record["gid"])
                yield {**record, "task_id": parent}

    def _every_task(self) -> list[str]:
        """Return the gids of all tasks and subtasks, each once."""
        gids = [record["gid"] for record in self._tasks("gid")]
        gids.extend(record["gid"] for record in self._subtasks("gid"))
        return list(dict.fromkeys(gids))


def _all_fields(template: str, schema: str) -> str:
    """Return every field of the kinds that an endpoint's schema stands for."""
    kinds = kinds_of_schema(schema)
    if template.endswith("/items"):
        kinds = ("project", "portfolio")
    schemas = [KINDS[kind].full for kind in kinds] or [schema]
    return ",".join(sorted({name for full in schemas for name in SCHEMAS[full]}))
