"""The streams, each from ours."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tools.builder import cursors
from tools.builder.holders import KEY
from tools.builder.nodes import added, filtered, per, ref, stream, substreams
from tools.builder.ours import Declared, Json, Router
from tools.builder.parents import (
    CHOSEN,
    IS_OWN,
    PER_WORKSPACE,
    TASK_ROUTER,
    changed_router,
    first_router,
    subtask_router,
    task_parameters,
)
from tools.builder.transport import OWNER, address

Renamed = Mapping[str, str]

# Strategy -> cursor, and whether records that did not change are dropped here.
STRATEGIES: Mapping[str, tuple[str, bool]] = {
    "tasks": ("modified", True),
    # All subtasks of a task are sent when one of them changed.
    "subtasks": ("subtasks", False),
    # All are read, at the cost of those that are new: so edits of older ones are found.
    "newest_child": ("modified", True),
    "task_children": ("children", False),
    "lookback_window": ("entered", False),
}
# A stream with this strategy has a cursor of its own, on its cursor field.
LOG = "append_only"
_OURS_SINCE = "{{ stream_interval.since }}"
_TEAM_OF_PARENT = "team_of_parent"


def derived(declared: Declared, ours: Mapping[str, Declared]) -> Json:
    """Return the stream of stock parts that reads what ours does.

    Args:
        declared: ours.
        ours: all of ours by name.
    """
    if declared.listed:
        return _named(_inline(declared, ours[declared.router.stream]), declared)
    if declared.strategy == "task_children":
        return _with_first(declared)
    return _named(_listing(declared), declared)


def _with_first(declared: Declared) -> Json:
    """Return a stream whose first sync has other parents: those that a search names, or all."""
    made = _named(_listing(declared), declared)
    field = declared.router.task_field
    router = first_router(field)
    if declared.search:
        found = per(ref("parents/holders"), field)
        router = changed_router(field, declared.router.own, KEY, found)
    first = {**made, "retriever": {**made["retriever"], "partition_router": router}}
    return {
        "type": "StateDelegatingStream",
        "name": declared.name,
        "full_refresh_stream": first,
        "incremental_stream": made,
    }


def _named(made: Json, declared: Declared) -> Json:
    return {
        **made,
        "primary_key": list(declared.primary_key),
        "schema_loader": {
            "type": "InlineSchemaLoader",
            "schema": {"$ref": f"#/schemas/{declared.name}"},
        },
    }


def _listing(declared: Declared) -> Json:
    router, renamed = _router(declared)
    made = stream(
        declared.name,
        _requester(declared, renamed),
        router,
        _paginator(declared),
        **({"pagination_reset": ref("restart")} if declared.has_pages else {}),
    )
    if declared.columns:
        values = {
            column: _rename(f"{{{{ stream_partition.{key} }}}}", renamed)
            for column, key in declared.columns.items()
        }
        made["transformations"] = [added(values)]
    return _incremental(filtered(made, *_conditions(declared)), declared)


def _conditions(declared: Declared) -> Iterator[str]:
    if declared.name in CHOSEN:
        yield CHOSEN[declared.name].condition()
    if declared.name == "tasks":
        yield IS_OWN
    if STRATEGIES.get(declared.strategy, ("", False))[1]:
        yield cursors.IS_CHANGED


def _incremental(made: Json, declared: Declared) -> Json:
    if declared.strategy == LOG:
        return {**made, "incremental_sync": cursors.log(declared.cursor_field)}
    if declared.strategy not in STRATEGIES:
        return made
    return {**made, "incremental_sync": ref(f"cursors/{STRATEGIES[declared.strategy][0]}")}


def _requester(declared: Declared, renamed: Renamed) -> Json:
    requester: Json = {"url": address(_rename(declared.path, renamed), declared.opt_fields)}
    if parameters := _parameters(declared, renamed):
        requester["request_parameters"] = parameters
    if declared.name == "agents":
        requester["request_headers"] = dict(declared.headers)
    elif declared.name == "workspaces":
        requester["error_handler"] = ref("strict_handler")
    return requester


def _parameters(declared: Declared, renamed: Renamed) -> Json:
    if declared.name == "tasks":
        return task_parameters(cursors.MODIFIED_SINCE)
    # An expression of ours that stock parts fill with their own bound.
    since = cursors.ENTERED_SINCE
    if declared.strategy == LOG:
        since = cursors.logged_since(declared.lookback_window)
    bound = f"{{{{ {since} }}}}"
    values = {
        key: bound if value == _OURS_SINCE else _rename(value, renamed)
        for key, value in declared.parameters.items()
    }
    if declared.name.startswith("portfolio") and "owner" in values:
        values["owner"] = OWNER
    return values


def _paginator(declared: Declared) -> Json | None:
    if not declared.has_pages:
        return None
    return ref("pages_until_empty" if declared.ends_empty else "pages")


# ── records inside their parent's listing ───────────────────────────────────────────────────────


def _inline(declared: Declared, parent: Declared) -> Json:
    """Return a stream of what a column of the parent's listing holds: no request a parent."""
    router, renamed = _router(parent)
    fields = [f"{declared.listed}.{name}" for name in declared.opt_fields]
    has_teams = "team_ids" in CHOSEN[parent.name].keep if parent.name in CHOSEN else False
    of_projects = has_teams and parent.name == "projects"
    requester = {
        "url": address(
            _rename(parent.path, renamed), [*fields, *(["team.gid"] if of_projects else [])]
        ),
        "request_parameters": _parameters(parent, renamed),
    }
    made = stream(
        declared.name, requester, router, _paginator(parent), pagination_reset=ref("restart")
    )
    copied: dict[str, list[str]] = {column: ["gid"] for column in declared.columns}
    if of_projects:
        copied[_TEAM_OF_PARENT] = ["team"]
        made["transformations"] = [{"type": "RemoveFields", "field_pointers": [[_TEAM_OF_PARENT]]}]
    extractor = {
        "type": "DpathExtractor",
        "field_path": ["data"],
        "record_expander": _expander(declared.listed, copied),
    }
    made["retriever"]["record_selector"] = {"type": "RecordSelector", "extractor": extractor}
    return filtered(made, _chosen_parents(declared, parent))


def _expander(column: str, copied: Mapping[str, Sequence[str]]) -> Json:
    return {
        "type": "RecordExpander",
        "expand_records_from_field": [column],
        "parent_fields": [
            {"type": "ParentFieldPath", "parent_path": list(path), "record_path": [name]}
            for name, path in copied.items()
        ],
    }


def _chosen_parents(declared: Declared, parent: Declared) -> str:
    if parent.name not in CHOSEN:
        return ""
    [column] = declared.columns
    gid = f"record.{column}"
    team = f"(record.{_TEAM_OF_PARENT} or {{}}).gid" if parent.name == "projects" else gid
    return CHOSEN[parent.name].condition(
        {"project_ids": gid, "exclude_project_ids": gid, "team_ids": team}
    )


# ── partitions ──────────────────────────────────────────────────────────────────────────────────


def _router(declared: Declared) -> tuple[Any, Renamed]:
    """Return a stock router, and our expressions of partition values -> theirs."""
    router = declared.router
    if router.kind == "Parent":
        return _by_parent(router, _used(declared))
    kinds: Mapping[str, Callable[[], Json | None]] = {
        "Single": lambda: _single(router),
        "Walk": subtask_router,
        "Task": lambda: changed_router(router.task_field, router.own),
        "Union": lambda: TASK_ROUTER if declared.name == "tasks" else PER_WORKSPACE,
    }
    return kinds[router.kind](), {}


def _used(declared: Declared) -> set[str]:
    """Return the values of partitions that the request or a column takes."""
    texts = [declared.path, *declared.parameters.values()]
    found = {name for text in texts for name in re.findall(r"stream_partition\.(\w+)", text)}
    return found | set(declared.columns.values())


def _single(router: Router) -> Json | None:
    if not router.ids:
        return None
    return {
        "type": "ListPartitionRouter",
        "cursor_field": router.ids_field,
        "values": f"{{{{ config.get('{router.ids}') or [] }}}}",
    }


def _by_parent(router: Router, used: set[str]) -> tuple[Any, Renamed]:
    partition = {key: path for key, path in router.partition.items() if key in used}
    own = {key: path for key, path in partition.items() if key != path}
    # What a parent must have, where it is an id, else the parent itself, names the partition.
    field = next((key for key, path in own.items() if path == router.require), next(iter(own)))
    extra = [path for key, path in own.items() if key != field]
    renamed = {f"stream_partition.{key}": _renaming(key, partition[key], own) for key in partition}
    del renamed[f"stream_partition.{field}"]
    parent = "organizations" if router.require == "is_organization" else router.stream
    one = substreams(per(ref(f"parents/{parent}"), field, own[field].replace(".", "/"), extra))
    variants = list(_variants(router.variants))
    return ([one, *variants] if variants else one), renamed


def _renaming(key: str, path: str, own: Mapping[str, str]) -> str:
    if key in own:
        return f"stream_slice.extra_fields['{path}']"
    return f"stream_partition.parent_slice.{key}"


def _variants(variants: Sequence[Mapping[str, str]]) -> Iterator[Json]:
    for key in {key: None for variant in variants for key in variant}:
        values = [variant[key] for variant in variants]
        yield {"type": "ListPartitionRouter", "cursor_field": key, "values": values}


def _rename(text: str, names: Renamed) -> str:
    for ours, theirs in names.items():
        text = re.sub(rf"{re.escape(ours)}\b", theirs, text)
    return text
