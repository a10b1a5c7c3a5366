"""The slim streams that others hang on, with just the fields that partitions need.

The CDK reads a parent once more for each child, and caches the answers by stream name and address:
streams that ask for the same have the same name here, and none that of a stream for the user, which
would be cached as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tools.builder.cursors import IS_CHANGED, IS_STARTED, LAST
from tools.builder.nodes import added, filtered, per, ref, stream, substreams, union
from tools.builder.ours import Declared, Json
from tools.builder.transport import OWNER, address

WORKSPACE = "{{ stream_partition.workspace_gid }}"
# Asana nests five deep; what the CDK resolves and validates at each start grows with the square.
LEVELS = 4

_SOURCE = "stream_partition.source"
_ANCHOR = "anchor"
# Partitions of tasks: a project's gid, or a workspace's and a user's.
_IS_USERS = f"'/' in {_SOURCE}"
IS_OWN = f"'/' not in {_SOURCE} or (not record.projects and not record.parent)"
"""Whether a task belongs to the partition: users' listings have tasks of projects as well."""
_HAS_USERS = (
    "config.get('include_tasks_without_project') != false "
    "and not config.get('project_ids') and not config.get('team_ids')"
)
_TASK_FIELDS = ("modified_at", "num_subtasks", "parent.gid", "projects.gid")
# A search knows nothing of settings that leave projects out, and free plans have none.
IS_SEARCHED = (
    "(config.get('requests_per_minute') or 1500) > 150"
    " and config.get('change_detection') != 'listing'"
    " and not config.get('project_ids') and not config.get('exclude_project_ids')"
    " and not config.get('team_ids') and config.get('include_archived_projects') != false"
    " and config.get('include_tasks_without_project') != false"
)


@dataclass(frozen=True)
class Chosen:
    """Filters of the configuration on the records of one stream.

    Attributes:
        keep: key of the configuration -> path of the id in a record. drop: the same, left out.
    """

    keep: Mapping[str, str]
    drop: Mapping[str, str]

    def condition(self, paths: Mapping[str, str] | None = None) -> str:
        """Return the expression; `paths` replaces where ids are found."""
        kept, dropped = self.keep, self.drop
        if paths is not None:
            kept = {key: paths[key] for key in kept}
            dropped = {key: paths[key] for key in dropped}
        parts = [f"(not config.get('{k}') or {_among(p, k)})" for k, p in kept.items()]
        parts += [f"not (config.get('{k}') and {_among(p, k)})" for k, p in dropped.items()]
        return " and ".join(parts)


def _among(path: str, key: str) -> str:
    return f"{path} in (config.{key} | join(',')).split(',')"


_TEAM = "(record.team or {}).gid"
CHOSEN = {
    "workspaces": Chosen({"workspace_ids": "record.gid"}, {}),
    "teams": Chosen({"team_ids": "record.gid"}, {}),
    "projects": Chosen(
        {"project_ids": "record.gid", "team_ids": _TEAM}, {"exclude_project_ids": "record.gid"}
    ),
}


def task_parameters(since: str) -> Json:
    """Return the parameters of a listing of tasks.

    Args:
        since: expression of the bound, empty for all tasks. The anchor's lies in the future.
    """
    parts = f"{_SOURCE}.split('/')"
    bound = f"'{LAST}T00:00:00.000Z' if {_SOURCE}.endswith('/{_ANCHOR}') else ({since})"
    return {
        "project": f"{{{{ '' if {_IS_USERS} else {_SOURCE} }}}}",
        "assignee": f"{{{{ {parts}[1] if {_IS_USERS} else '' }}}}",
        "workspace": f"{{{{ {parts}[0] if {_IS_USERS} else '' }}}}",
        "modified_since": f"{{{{ {bound} }}}}",
    }


PER_WORKSPACE = substreams(per(ref("parents/workspaces"), "workspace_gid"))
TASK_ROUTER = union(
    "source",
    per(ref("parents/anchors"), "source", "source"),
    per(ref("parents/projects"), "source"),
    per(ref("parents/task_owners"), "source", "source"),
)


def subtask_router() -> Json:
    """Return the router over tasks with subtasks that changed, at every level.

    The slim subtasks tell which: their listings are read at each sync, as a subtask's change does
    not touch its parent, and other streams need them too.
    """
    levels = [f"changed_subtasks_{level}" for level in range(1, LEVELS + 1)]
    return union("task_gid", *(_watched(name, "task_gid", "parent/gid") for name in levels))


def _watched(name: str, field: str, key: str) -> Json:
    return {**per(ref(f"parents/{name}"), field, key), "incremental_dependency": True}


def changed_router(field: str, own: Sequence[str] = (), key: str = "gid", *first: Json) -> Json:
    """Return the router over changed tasks and subtasks, whose bounds the child's state keeps.

    Args:
        field: what the task's gid is called.
        own: paths in projects, for further parents.
        key: what in a task is the gid, for those to ask.
        first: parents before them.
    """
    names = ("changed_tasks", *(f"changed_subtasks_{n}" for n in range(1, LEVELS + 1)))
    changed = [_watched(name, field, key) for name in names]
    others = [per(ref("parents/projects"), field, path.replace(".", "/")) for path in own]
    return union(field, *first, *changed, *others)


def first_router(field: str) -> Json:
    """Return the router over all tasks and subtasks, for a stream without a state yet.

    The CDK copies the bounds of changed parents for each that it finds, so here those are walked
    last, from the cache, and ask for nothing, as none has that key: they are for the state.
    """
    names = ("all_tasks", *(f"all_subtasks_{n}" for n in range(1, LEVELS + 1)))
    every = [per(ref(f"parents/{name}"), field) for name in names]
    return changed_router(field, (), "none", *every)


def parents(ours: Mapping[str, Declared]) -> Json:
    """Return the slim streams: name -> stream.

    Args:
        ours: our streams by name, for the parameters of their listings.
    """
    workspaces = _workspaces()
    by_workspace = {"workspace": WORKSPACE}
    users = _slim("users", "/users", by_workspace, PER_WORKSPACE)
    owner = {"source": f"{WORKSPACE}/{{{{ record.gid }}}}"}
    projects = _slim(
        "projects",
        "/projects",
        ours["projects"].parameters,
        PER_WORKSPACE,
        ("project_brief.resource_type", "team.gid"),
    )
    portfolios = {**by_workspace, "owner": OWNER}
    organization = substreams(per(ref("parents/organizations"), "workspace_gid"))
    teams = _slim("teams", f"/workspaces/{WORKSPACE}/teams", {}, organization)
    return {
        "workspaces": filtered(workspaces, CHOSEN["workspaces"].condition()),
        "organizations": filtered(
            workspaces, CHOSEN["workspaces"].condition(), "record.is_organization"
        ),
        "searched": filtered(workspaces, CHOSEN["workspaces"].condition(), IS_SEARCHED),
        "anchors": _anchors(),
        "users": users,
        "task_owners": {**filtered(users, _HAS_USERS), "transformations": [added(owner)]},
        "teams": filtered(teams, CHOSEN["teams"].condition()),
        "projects": filtered(projects, CHOSEN["projects"].condition()),
        "portfolios": _slim("portfolios", "/portfolios", portfolios, PER_WORKSPACE),
        "goals": _slim("goals", "/goals", by_workspace, PER_WORKSPACE),
        **dict(_tasks()),
    }


def _anchors() -> Json:
    """Return a partition of each workspace that stays empty: a user's tasks of days to come."""
    made = _slim("users", "/users", {"workspace": WORKSPACE}, PER_WORKSPACE)
    made["retriever"] |= {"paginator": ref("one_page"), "record_selector": ref("first_record")}
    source = f"{WORKSPACE}/{{{{ record.gid }}}}/{_ANCHOR}"
    return {**made, "transformations": [added({"source": source})]}


def _workspaces() -> Json:
    made = _slim("workspaces", "/workspaces", {}, None, ("is_organization",))
    made["retriever"]["requester"]["error_handler"] = ref("strict_parent_handler")
    return made


def _tasks() -> Iterator[tuple[str, Json]]:
    """Yield tasks and subtasks: those with subtasks, all, and those that changed."""
    tasks = _slim("tasks", "/tasks", task_parameters("''"), TASK_ROUTER, _TASK_FIELDS)
    yield _above(1), filtered(tasks, IS_OWN, "record.num_subtasks")
    yield "all_tasks", filtered(tasks, IS_OWN, IS_STARTED)
    # All are listed, not just these: the streams that need all find the answers in the cache.
    yield "changed_tasks", _changed(filtered(tasks, IS_OWN, IS_CHANGED))
    for level in range(1, LEVELS + 1):
        router = substreams(per(ref(f"parents/{_above(level)}"), "source"))
        if level < LEVELS:
            yield _above(level + 1), filtered(_subtasks(level, router), "record.num_subtasks")
        yield f"all_subtasks_{level}", filtered(_subtasks(level, router), IS_STARTED)
        anchor = per(ref("parents/anchors"), "source", "source")
        every = union("source", anchor, *router["parent_stream_configs"])
        yield f"changed_subtasks_{level}", _changed(filtered(_subtasks(level, every), IS_CHANGED))


def _above(level: int) -> str:
    return f"parents_of_level_{level}"


def _subtasks(level: int, router: Json) -> Json:
    """Return the subtasks of a level; those of the anchor are tasks of days to come."""
    path = f"'/tasks' if {_IS_USERS} else '/tasks/' ~ {_SOURCE} ~ '/subtasks'"
    parameters = {k: v for k, v in task_parameters("''").items() if k != "project"}
    return _slim(f"subtasks_{level}", f"{{{{ {path} }}}}", parameters, router, _TASK_FIELDS)


def _changed(slim: Json) -> Json:
    return {
        **slim,
        "incremental_sync": ref("cursors/modified"),
        "transformations": [ref("mark_recent")],
    }


def _slim(
    name: str,
    path: str,
    parameters: Mapping[str, str],
    router: Json | None,
    fields: Sequence[str] = ("gid",),
) -> Json:
    requester = {
        "url": address(path, fields),
        "request_parameters": dict(parameters),
        "error_handler": ref("parent_handler"),
        "use_cache": True,
    }
    made = stream(
        f"parent_{name}",
        requester,
        router,
        ref("pages"),
        page_size_reduction=ref("smaller_page"),
    )
    return {**made, "schema_loader": ref("no_schema")}
