"""What the connector takes for granted of the CDK, which would change it without a word."""

from __future__ import annotations

import logging

import pytest
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.sources.utils.slice_logger import DebugSliceLogger
from jsonschema import ValidationError

from source_asana.source import SourceAsana


def test_the_manifest_is_one_that_the_cdk_takes() -> None:
    # The CDK would do this at each start.
    YamlDeclarativeSource._validate_source(SourceAsana())


def test_a_manifest_that_the_cdk_does_not_take_is_found() -> None:
    source = SourceAsana()
    source._source_config["streams"][0]["retriever"]["type"] = "Unknown"
    with pytest.raises(ValidationError):
        YamlDeclarativeSource._validate_source(source)


def test_the_private_attributes_that_the_source_sets_are_the_cdks() -> None:
    # Those that it only reads would fail every sync.
    source = SourceAsana()
    for name in ("_config", "_connector_state_manager", "_message_repository"):
        assert name in vars(source)
    assert source._concurrent_source._queue.maxsize > 0
    pool = ConcurrentSource.create(
        num_workers=2,
        initial_number_of_partitions_to_generate=1,
        logger=logging.getLogger("airbyte"),
        slice_logger=DebugSliceLogger(),
        message_repository=InMemoryMessageRepository(),
    )
    assert vars(pool._threadpool)["_max_concurrent_tasks"] > 0


def test_the_private_attributes_that_slices_set_are_the_cdks() -> None:
    made = vars(StreamSlice(partition={"a": 1}, cursor_slice={"b": 2}))
    assert made["_cursor_slice"] == {"b": 2}
    assert made["_stream_slice"] == {"a": 1, "b": 2}
    assert made["_partition"] == {"a": 1}


def test_the_manifest_pages_as_the_pager_does() -> None:
    # `components/pages.py: PagedList` looks only at whether there is an offset and a condition.
    manifest = SourceAsana().resolved_manifest["definitions"]
    offset = "{{ (response.next_page or {}).offset }}"
    for name, condition in (("pages", None), ("pages_until_empty", "{{ last_page_size == 0 }}")):
        strategy = manifest[name]["pagination_strategy"]
        assert (strategy["cursor_value"], strategy.get("stop_condition")) == (offset, condition)
