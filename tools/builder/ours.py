"""What is taken from the connector: its streams, schemas and fields. Nothing else here knows it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import source_asana
from source_asana import SourceAsana
from source_asana.fields.opt_fields import opt_fields

SCHEMAS = Path(source_asana.__file__).parent / "schemas"
# Columns that this connector makes while it reads; no stock part can.
MADE = frozenset({"_ab_cdc_deleted_at", "synced_at"})

Json = dict[str, Any]
Parts = Mapping[str, Any]


@dataclass(frozen=True)
class Router:
    """Where a stream's partitions come from.

    Attributes:
        kind: the class of our router, without `Router`.
        stream: the stream whose records are partitions.
        partition: our name of a value -> its path in the parent's record.
        require: path of a value without which a parent is passed over.
        variants: values that each partition is read with, one after the other.
        ids: key of the configuration that names the partitions. ids_field: what they are called.
        task_field: what a task's gid is called. own: paths in projects, for parents of other kinds.
    """

    kind: str
    stream: str = ""
    partition: Mapping[str, str] = field(default_factory=dict)
    require: str = ""
    variants: Sequence[Mapping[str, str]] = ()
    ids: str = ""
    ids_field: str = "gid"
    task_field: str = "task_gid"
    own: Sequence[str] = ()


@dataclass(frozen=True)
class Declared:
    """A stream of our manifest.

    Attributes:
        strategy: how changes are found, `everything` where all records are read.
        cursor_field: column with the time that a log is read on from.
        lookback_window: how far a window steps back, an ISO 8601 duration.
        columns: column -> value of the partition that it holds.
        listed: column of the parent that holds the records, where they come with its listing.
        search: path of the search that names tasks with such records, with `{workspace}`.
        has_pages: whether Asana pages. ends_empty: whether only an empty page is the end.
        is_asked: whether opt_fields are sent.
    """

    name: str
    path: str
    primary_key: Sequence[str]
    strategy: str
    parameters: Mapping[str, str]
    columns: Mapping[str, str]
    headers: Mapping[str, str]
    router: Router
    cursor_field: str = ""
    lookback_window: str = ""
    listed: str = ""
    search: str = ""
    has_pages: bool = True
    ends_empty: bool = False
    is_asked: bool = True

    @property
    def opt_fields(self) -> Sequence[str]:
        """Return the fields of all columns, as Asana wants them named."""
        return opt_fields(self.name, None) if self.is_asked else ()


def resolved(source: SourceAsana | None = None) -> Parts:
    """Return our manifest, every reference resolved."""
    return (source or SourceAsana()).resolved_manifest


def declared(manifest: Parts) -> Iterator[Declared]:
    """Yield our streams in the manifest's order."""
    for stream in manifest["streams"]:
        keys, retriever = stream["$parameters"], stream["retriever"]
        paginator, incremental = retriever["paginator"], retriever.get("incremental_sync", {})
        router = retriever["partition_router"]
        pagination = paginator.get("pagination_strategy", {})
        yield Declared(
            name=stream["name"],
            path=keys["path"],
            primary_key=stream["primary_key"],
            strategy=incremental.get("strategy", "everything"),
            parameters=keys.get("request_parameters", {}),
            columns=keys.get("parent_columns", {}),
            headers=retriever["requester"]["request_headers"],
            router=_router(router),
            cursor_field=incremental.get("cursor_field", ""),
            lookback_window=incremental.get("lookback_window", ""),
            listed=next(iter(router.get("expand_records_from_field", ())), ""),
            search=keys.get("attachment_search", ""),
            has_pages=paginator["type"] != "NoPagination",
            ends_empty="stop_condition" in pagination,
            is_asked=keys.get("send_opt_fields", True),
        )


def _router(router: Parts) -> Router:
    return Router(
        kind=router["class_name"].rpartition(".")[2].removesuffix("Router"),
        stream=router.get("stream", ""),
        partition=_partition(router),
        require=router.get("require", ""),
        variants=router.get("variants", ()),
        ids=router.get("ids", ""),
        ids_field=router.get("partition_field", "gid"),
        task_field=router.get("task_field", "task_gid"),
        own=router.get("own_parents", ()),
    )


def _partition(router: Parts) -> Mapping[str, str]:
    if "parent_key" not in router:
        return {}
    extra = {"_".join(path): ".".join(path) for path in router.get("extra_fields", ())}
    parent = {name: name for name in router.get("parent_slice", ())}
    return {**parent, router["partition_field"]: router["parent_key"], **extra}


def schema(name: str) -> Json:
    """Return a stream's schema as its file has it, without the columns that we make."""
    content: Json = json.loads((SCHEMAS / f"{name}.json").read_bytes())
    columns = {key: node for key, node in content["properties"].items() if key not in MADE}
    return {**content, "properties": columns}


def shared_schemas() -> dict[str, Json]:
    """Return the parts that schemas refer to as `shared/<name>.json`: name -> schema."""
    files = sorted((SCHEMAS / "shared").glob("*.json"))
    return {path.stem: json.loads(path.read_bytes()) for path in files}
