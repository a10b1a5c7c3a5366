"""Derive a manifest of stock components alone: `python -m tools.builder [--check]`.

It can be pasted into Airbyte's Connector Builder, where no Python runs. It is made from
`source_asana/manifest.yaml`, the schemas and the fields to ask for, and written to `docs/builder/`.
With `--check` nothing is written, and the exit code is 1 when it is not current.

Stock parts read a parent once more for each child, so parents are slim streams of their own here,
with just the fields that partitions need, and answers to them are cached.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from source_asana import SourceAsana
from source_asana.fields.opt_fields import opt_fields
from source_asana.fields.schemas import load_schema

FILE = Path(__file__).resolve().parent.parent / "docs" / "builder" / "asana_builder_manifest.yaml"
HEADER = """\
# Generated from source_asana/manifest.yaml by `make builder`; do not edit.
# How to use it and what it lacks: docs/cloud.md.
"""
HOST = "https://app.asana.com"
# Needs sync tokens, which come with an error (412) that stock parts cannot take a value from.
LEFT_OUT = frozenset({"events"})
FIRST_DAY = "1970-01-01"

WORKSPACE = "stream_partition.workspace_gid"
WORKSPACE_OF_PARENT = "stream_partition.parent_slice.workspace_gid"

Json = dict[str, Any]
Parts = Mapping[str, Any]


def ref(path: str) -> Json:
    """Return a reference to a definition."""
    return {"$ref": f"#/definitions/{path}"}


# ── transport ───────────────────────────────────────────────────────────────────────────────────


def transport(requester: Parts) -> Json:
    """Return the definitions that every stream shares.

    Args:
        requester: the requester of our manifest, for its headers.
    """
    wait = {"type": "WaitTimeFromHeader", "header": "Retry-After"}
    grow = {"type": "ExponentialBackoffStrategy", "factor": 5}
    again = [
        {"type": "HttpResponseFilter", "http_codes": [424, 429], "action": "RATE_LIMITED"},
        {
            "type": "HttpResponseFilter",
            "http_codes": [408, 409, 425, 500, 501, 502, 503, 504],
            "action": "RETRY",
        },
    ]
    skip = {
        "type": "HttpResponseFilter",
        "http_codes": [402, 403, 404],
        "action": "IGNORE",
        "error_message": (
            "Left out: the Asana plan, the token's permissions or the object do not allow it."
        ),
    }
    handler = {"type": "DefaultErrorHandler", "max_retries": 10, "backoff_strategies": [wait, grow]}
    return {
        "authenticator": {
            "type": "SelectiveAuthenticator",
            "authenticator_selection_path": ["credentials", "option_title"],
            "authenticators": {
                "PAT Credentials": {
                    "type": "BearerAuthenticator",
                    "api_token": "{{ config['credentials']['personal_access_token'] }}",
                },
                "OAuth Credentials": {
                    "type": "OAuthAuthenticator",
                    "token_refresh_endpoint": f"{HOST}/-/oauth_token",
                    "grant_type": "refresh_token",
                    "client_id": "{{ config['credentials']['client_id'] }}",
                    "client_secret": "{{ config['credentials']['client_secret'] }}",
                    "refresh_token": "{{ config['credentials']['refresh_token'] }}",
                },
            },
        },
        # Whoever sees no workspace has to hear of it: nothing is left out here.
        "strict_handler": {**handler, "response_filters": again},
        "handler": {**handler, "response_filters": [skip, *again]},
        "requester": {
            "type": "HttpRequester",
            "url_base": f"{{{{ config.get('api_url') or '{HOST}/api/1.0' }}}}",
            "http_method": "GET",
            "authenticator": ref("authenticator"),
            "request_headers": dict(requester["request_headers"]),
            "error_handler": ref("handler"),
        },
        "pages": _pages({}),
        "pages_until_empty": _pages({"stop_condition": "{{ last_page_size == 0 }}"}),
        "records": {
            "type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": ["data"]},
        },
    }


def _pages(more: Parts) -> Json:
    option = {"type": "RequestOption", "inject_into": "request_parameter"}
    return {
        "type": "DefaultPaginator",
        "page_size_option": {**option, "field_name": "limit"},
        "page_token_option": {**option, "field_name": "offset"},
        "pagination_strategy": {
            "type": "CursorPagination",
            "page_size": 100,
            "cursor_value": "{{ (response.next_page or {}).offset }}",
            **more,
        },
    }


# ── parents ─────────────────────────────────────────────────────────────────────────────────────


def per(parent: str, field: str, key: str = "gid", extra: Sequence[str] = ()) -> Json:
    """Return the configuration of one parent: a partition for each of its records."""
    config: Json = {
        "type": "ParentStreamConfig",
        "parent_key": key,
        "partition_field": field,
        "stream": ref(f"parents/{parent}"),
    }
    if extra:
        config["extra_fields"] = [list(path.split(".")) for path in extra]
    return config


def substreams(*parents: Json) -> Json:
    """Return a router over the records of all these parents."""
    return {"type": "SubstreamPartitionRouter", "parent_stream_configs": list(parents)}


PER_WORKSPACE = substreams(per("workspaces", "workspace_gid"))
TASK_PARAMETERS = {
    "project": "{{ stream_partition.project_gid }}",
    "assignee": "{{ stream_partition.user_gid }}",
    "workspace": f"{{{{ {WORKSPACE_OF_PARENT} if stream_partition.user_gid else '' }}}}",
}
# Tasks in no project come from their assignee's listing, which has the others as well.
TASK_CONDITION = "'user_gid' not in stream_partition or (not record.projects and not record.parent)"
TASK_ROUTER = substreams(per("projects", "project_gid"), per("users", "user_gid"))


def parents(portfolios: Parts) -> Json:
    """Return the slim streams that others hang on: name -> stream.

    Args:
        portfolios: the request parameters of portfolios.
    """
    workspace = {"workspace": f"{{{{ {WORKSPACE} }}}}"}
    tasks = _parent("tasks", "/tasks", TASK_PARAMETERS, TASK_ROUTER, "num_subtasks,parent,projects")
    subtasks = "/tasks/{{ stream_partition.task_gid }}/subtasks"
    return {
        "workspaces": _parent("workspaces", "/workspaces", {}, None, "is_organization"),
        "organizations": _filtered(
            _parent("workspaces", "/workspaces", {}, None, "is_organization"),
            "{{ record.is_organization }}",
        ),
        "users": _parent("users", "/users", workspace, PER_WORKSPACE),
        "teams": _parent(
            "teams",
            f"/workspaces/{{{{ {WORKSPACE} }}}}/teams",
            {},
            substreams(per("organizations", "workspace_gid")),
        ),
        "projects": _parent(
            "projects", "/projects", workspace, PER_WORKSPACE, "project_brief.resource_type"
        ),
        "portfolios": _parent("portfolios", "/portfolios", portfolios, PER_WORKSPACE),
        "goals": _parent("goals", "/goals", workspace, PER_WORKSPACE),
        "tasks": _filtered(tasks, f"{{{{ {TASK_CONDITION} }}}}"),
        "tasks_with_subtasks": _filtered(
            tasks, f"{{{{ record.num_subtasks and ({TASK_CONDITION}) }}}}"
        ),
        "subtasks": _parent(
            "subtasks", subtasks, {}, substreams(per("tasks_with_subtasks", "task_gid"))
        ),
    }


def _parent(
    name: str, path: str, parameters: Parts, router: Json | None, fields: str = "gid"
) -> Json:
    asked = {**parameters, "opt_fields": fields}
    stream = _stream(name, path, asked, router, paginator=ref("pages"), use_cache=True)
    if name == "workspaces":
        stream["retriever"]["requester"]["error_handler"] = ref("strict_handler")
    stream["schema_loader"] = {
        "type": "InlineSchemaLoader",
        "schema": {"type": "object", "properties": {"gid": {"type": ["null", "string"]}}},
    }
    return stream


def _filtered(stream: Json, condition: str) -> Json:
    retriever = stream["retriever"]
    selector = {
        **ref("records"),
        "record_filter": {"type": "RecordFilter", "condition": condition},
    }
    return {**stream, "retriever": {**retriever, "record_selector": selector}}


def _stream(
    name: str,
    path: str,
    parameters: Parts,
    router: Json | None,
    *,
    paginator: Json | None,
    **more: Any,
) -> Json:
    retriever: Json = {
        "type": "SimpleRetriever",
        "requester": {**ref("requester"), "path": path, **more},
        "record_selector": ref("records"),
    }
    if parameters:
        retriever["requester"]["request_parameters"] = dict(parameters)
    if paginator:
        retriever["paginator"] = paginator
    if router:
        retriever["partition_router"] = router
    return {"type": "DeclarativeStream", "name": name, "retriever": retriever}


# ── streams ─────────────────────────────────────────────────────────────────────────────────────


def streams(resolved: Parts) -> Iterator[Json]:
    """Yield every stream that stock parts can read, in the manifest's order."""
    for declared in resolved["streams"]:
        if declared["name"] not in LEFT_OUT:
            yield _derived(declared)


def _derived(declared: Parts) -> Json:
    name, keys, retriever = declared["name"], declared["$parameters"], declared["retriever"]
    router, renamed = _router(name, retriever["partition_router"])
    path = _renamed(keys["path"], renamed)
    parameters = _parameters(name, keys, renamed)
    added = dict(keys.get("add", {}))
    if "column" in keys:
        # With the parent's listing these would lack the parent.
        gid = f"{keys['parent'][:-1]}_gid"
        path = f"/{keys['parent']}/{{{{ stream_partition.{gid} }}}}/custom_field_settings"
        added[keys["parent_column"]] = gid
    more = {}
    if name == "agents":
        more = {"request_headers": dict(retriever["requester"]["request_headers"])}
    elif name == "workspaces":
        more = {"error_handler": ref("strict_handler")}
    stream = _stream(name, path, parameters, router, paginator=_paginator(keys, retriever), **more)
    if name == "tasks":
        stream = _filtered(stream, f"{{{{ {TASK_CONDITION} }}}}")
    if added:
        stream["transformations"] = [_add(added, renamed)]
    schema = {"$ref": f"#/schemas/{name}"}
    return {
        **stream,
        "primary_key": declared["primary_key"],
        "schema_loader": {"type": "InlineSchemaLoader", "schema": schema},
    }


def _parameters(name: str, keys: Parts, renamed: Mapping[str, str]) -> Json:
    parameters = {
        key: _renamed(value, renamed)
        for key, value in keys.get("request_parameters", {}).items()
        if "stream_interval" not in value and "include_archived" not in value
    }
    if name == "tasks":
        parameters = dict(TASK_PARAMETERS)
    elif name == "portfolios":
        parameters["owner"] = "{{ config.get('portfolio_owner', 'me') }}"
    elif name == "time_tracking_entries":
        parameters["entered_on_start_date"] = FIRST_DAY
    elif "column" in keys:
        parameters = {}
    if keys.get("ask", True):
        parameters["opt_fields"] = ",".join(opt_fields(name, None))
    return parameters


def _paginator(keys: Parts, retriever: Parts) -> Json | None:
    if retriever["paginator"]["type"] == "NoPagination" or keys.get("parent") == "teams":
        return None
    is_endless = "stop_condition" in retriever["paginator"]["pagination_strategy"]
    return ref("pages_until_empty" if is_endless else "pages")


def _add(added: Mapping[str, str], renamed: Mapping[str, str]) -> Json:
    """Return the transformation that adds the columns from the partition, as texts."""
    return {
        "type": "AddFields",
        "fields": [
            {
                "type": "AddedFieldDefinition",
                "path": [column],
                "value": _renamed(f"{{{{ stream_partition.{key} }}}}", renamed),
                "value_type": "string",
            }
            for column, key in added.items()
        ],
    }


def _router(name: str, declared: Parts) -> tuple[Json | None, Mapping[str, str]]:
    """Return a stock router, and our names of partition values -> theirs."""
    kind = declared["class_name"].rpartition(".")[2]
    if kind == "ParentRouter":
        return _by_parent(declared)
    routers: Mapping[str, Callable[[], Json | None]] = {
        "SingleRouter": lambda: _single(declared),
        "InlineRouter": lambda: substreams(
            per(declared["parent"], f"{declared['parent'][:-1]}_gid")
        ),
        "WalkRouter": lambda: substreams(per("tasks_with_subtasks", "task_gid")),
        "TaskRouter": lambda: _by_task(declared),
        "UnionRouter": lambda: {"tasks": TASK_ROUTER, "portfolios": PER_WORKSPACE}[name],
    }
    return routers[kind](), {}


def _by_task(declared: Parts) -> Json:
    field = declared.get("task_field", "task_gid")
    own = [per("projects", field, key.replace(".", "/")) for key in declared.get("own", ())]
    return substreams(per("tasks", field), per("subtasks", field), *own)


def _single(declared: Parts) -> Json | None:
    if "ids" not in declared:
        return None
    return {
        "type": "ListPartitionRouter",
        "cursor_field": declared.get("partition_field", "gid"),
        "values": f"{{{{ config.get('{declared['ids']}') or [] }}}}",
    }


def _by_parent(declared: Parts) -> tuple[Json, Mapping[str, str]]:
    gate, parent = declared.get("gate", ""), declared["parent"]
    renamed, own = {}, {}
    for key, field in declared["partition"].items():
        if field == key:
            renamed[f"stream_partition.{key}"] = f"stream_partition.parent_slice.{key}"
        else:
            own[key] = field
    # The gate, where it is the id of something, else the parent itself, names the partition.
    field, source = next(((k, f) for k, f in own.items() if f == gate), next(iter(own.items())))
    extra = [path for key, path in own.items() if key != field]
    for key, path in own.items():
        if key != field:
            renamed[f"stream_partition.{key}"] = f"stream_slice.extra_fields['{path}']"
    if gate == "is_organization":
        parent = "organizations"
    router: Any = substreams(per(parent, field, source.replace(".", "/"), extra))
    for variant in _variants(declared.get("variants", ())):
        router = [router, variant]
    return router, renamed


def _variants(variants: Sequence[Mapping[str, str]]) -> Iterator[Json]:
    for key in {key: None for variant in variants for key in variant}:
        values = [variant[key] for variant in variants]
        yield {"type": "ListPartitionRouter", "cursor_field": key, "values": values}


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for ours, theirs in names.items():
        text = re.sub(rf"{re.escape(ours)}\b", theirs, text)
    return text


# ── the whole ───────────────────────────────────────────────────────────────────────────────────


def spec(ours: Parts) -> Json:
    """Return the specification: credentials and export ids of ours, and who owns portfolios."""
    schema = ours["connection_specification"]
    credentials = {
        **schema["properties"]["credentials"],
        "oneOf": [
            {**kind, "required": ["option_title", *kind["required"]]}
            for kind in schema["properties"]["credentials"]["oneOf"]
        ],
    }
    properties = {
        "credentials": credentials,
        "portfolio_owner": {
            "type": "string",
            "title": "Portfolio owner",
            "description": "me for a user's token; leave it empty for a service account's.",
            "default": "me",
            "order": 1,
        },
        "organization_export_ids": {
            **schema["properties"]["organization_export_ids"],
            "type": "array",
            "items": {"type": "string"},
            "order": 2,
        },
        "api_url": {"type": "string", "title": "API address", "airbyte_hidden": True},
    }
    return {
        "type": "Spec",
        "connection_specification": {
            "$schema": schema["$schema"],
            "title": "Asana (low-code, full refresh)",
            "description": (
                "Reads everything at each sync. Without: incremental syncs, a request budget, "
                "subtasks of subtasks, nested portfolios, the stream events. A task in two "
                "projects comes twice. A page that was cut off on its way counts as read."
            ),
            "type": "object",
            "additionalProperties": True,
            "required": ["credentials"],
            "properties": properties,
        },
    }


def manifest(source: SourceAsana | None = None) -> Json:
    """Return the manifest."""
    resolved = (source or SourceAsana()).resolved_manifest
    found = {stream["name"]: stream for stream in streams(resolved)}
    portfolios = found["portfolios"]["retriever"]["requester"]["request_parameters"]
    owner = {key: portfolios[key] for key in ("workspace", "owner")}
    requester = resolved["streams"][0]["retriever"]["requester"]
    return {
        "version": resolved["version"],
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["workspaces"]},
        "definitions": {
            **transport(requester),
            "parents": parents(owner),
            "streams": found,
        },
        "streams": [ref(f"streams/{name}") for name in found],
        "schemas": {name: load_schema(name) for name in found},
        "spec": spec(resolved["spec"]),
        "concurrency_level": {
            "type": "ConcurrencyLevel",
            "default_concurrency": 8,
            "max_concurrency": 8,
        },
    }


class _Plain(yaml.SafeDumper):
    """Repeats what occurs twice, instead of naming it."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        """Never alias."""
        return True


def generated(source: SourceAsana | None = None) -> str:
    """Return the content of the file."""
    text = yaml.dump(
        manifest(source), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100
    )
    return HEADER + text


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, or compare; return the process exit code."""
    parser = argparse.ArgumentParser(description="Derive the manifest for the Connector Builder.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on differences")
    options = parser.parse_args(arguments)
    text = generated()
    if options.check:
        if not FILE.exists() or FILE.read_text("utf-8") != text:
            sys.stderr.write(f"docs/builder/{FILE.name} is not current: make builder\n")
            return 1
        return 0
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
