"""Small pieces that manifests are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from tools.builder.ours import Json


def ref(path: str) -> Json:
    """Return a reference to a definition."""
    return {"$ref": f"#/definitions/{path}"}


def per(parent: Json, field: str, key: str = "gid", extra: Sequence[str] = ()) -> Json:
    """Return the configuration of one parent: a partition for each of its records.

    Args:
        parent: a reference to the parent stream.
        field: what the partition's value is called.
        key: its path in the record, with slashes.
        extra: paths, with dots, of further values.
    """
    config: Json = {
        "type": "ParentStreamConfig",
        "parent_key": key,
        "partition_field": field,
        "stream": parent,
    }
    if extra:
        config["extra_fields"] = [path.split(".") for path in extra]
    return config


def substreams(*parents: Json) -> Json:
    """Return a router over the records of all these parents."""
    return {"type": "SubstreamPartitionRouter", "parent_stream_configs": list(parents)}


def union(field: str, *parents: Json) -> Json:
    """Return a router over the records of two parents or more, each value once.

    Its partitions are the values alone, without the parents' partitions: states stay small.
    """
    return {
        "type": "UnionPartitionRouter",
        "partition_field": field,
        "partition_routers": [substreams(parent) for parent in parents],
    }


def added(values: Mapping[str, str]) -> Json:
    """Return the transformation that adds these columns, as texts."""
    return {
        "type": "AddFields",
        "fields": [
            {
                "type": "AddedFieldDefinition",
                "path": [column],
                "value": value,
                "value_type": "string",
            }
            for column, value in values.items()
        ],
    }


def filtered(stream: Json, *conditions: str) -> Json:
    """Return the stream with just the records that meet all these conditions."""
    met = [condition for condition in conditions if condition]
    if not met:
        return stream
    retriever = stream["retriever"]
    met = [f"({condition})" for condition in met] if len(met) > 1 else met
    record_filter = {"type": "RecordFilter", "condition": f"{{{{ {' and '.join(met)} }}}}"}
    selector = {**retriever["record_selector"], "record_filter": record_filter}
    return {**stream, "retriever": {**retriever, "record_selector": selector}}


def stream(
    name: str, requester: Json, router: Json | None, paginator: Json | None, **more: Any
) -> Json:
    """Return a stream; further keys are the retriever's."""
    retriever: Json = {
        "type": "SimpleRetriever",
        "requester": {**ref("requester"), **requester},
        "record_selector": ref("records"),
        **more,
    }
    if paginator:
        retriever["paginator"] = paginator
    if router:
        retriever["partition_router"] = router
    return {"type": "DeclarativeStream", "name": name, "retriever": retriever}
