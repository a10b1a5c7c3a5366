"""Slices: what one listing is about, in gids and in words."""

from __future__ import annotations

from typing import Any

import pytest

from source_asana.parents.slices import Slice, is_user_key, value_at, workspace_of_key


def test_a_slice_is_what_the_cdk_takes() -> None:
    made = Slice({"project_gid": "7"}, key="7")

    assert dict(made) == {"project_gid": "7"}
    assert made.partition == {"project_gid": "7"}
    assert made.cursor_slice == {}
    assert made == Slice({"project_gid": "7"}, key="7")


def test_a_new_slice_is_whole_and_open() -> None:
    made = Slice({}, key="")

    assert (made.key, made.item, made.began) == ("", {}, None)
    assert (made.is_filtered, made.is_incomplete) == (False, False)
    assert made.ended is None


def test_what_is_asked_since_is_the_interval_of_templates() -> None:
    made = Slice({"project_gid": "7"}, key="7", since="2024-01-01")

    assert made.cursor_slice == {"since": "2024-01-01"}
    assert made.partition == {"project_gid": "7"}
    assert dict(made) == {"project_gid": "7", "since": "2024-01-01"}


@pytest.mark.parametrize(
    ("partition", "item", "workspace"),
    [
        ({"workspace_gid": "1"}, {}, "1"),
        ({"workspace_gid": "1"}, {"workspace_gid": "2"}, "1"),
        ({"project_gid": "7"}, {"workspace_gid": "2"}, "2"),
        ({"project_gid": "7"}, {}, None),
    ],
)
def test_the_workspace_is_the_partitions_or_the_parents(
    partition: dict[str, Any], item: dict[str, Any], workspace: str | None
) -> None:
    assert Slice(partition, key="", item=item).workspace == workspace


@pytest.mark.parametrize(
    ("partition", "words"),
    [
        ({}, "the list"),
        ({"project_gid": "12"}, "project 12"),
        ({"workspace_gid": "1", "user_gid": "2"}, "workspace 1, user 2"),
        ({"workspace_gid": "1", "name": "W"}, "workspace 1"),
        ({"workspace_gid": "1", "is_archived": "true"}, "workspace 1, is archived true"),
        ({"user_task_list_gid": "3"}, "user task list 3"),
    ],
)
def test_a_place_in_words(partition: dict[str, Any], words: str) -> None:
    assert Slice(partition, key="").place == words


def test_keys_of_users_name_their_workspace() -> None:
    assert is_user_key("1/2")
    assert not is_user_key("12")
    assert workspace_of_key("1/2") == "1"
    assert workspace_of_key("12") == "12"


@pytest.mark.parametrize(
    ("item", "path", "value"),
    [
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a": {"b": 1}}, "a", {"b": 1}),
        ({"a": None}, "a.b", None),
        ({"a": []}, "a.b", None),
        ({}, "a.b.c", None),
        ({"a": {"b": False}}, "a.b", False),
    ],
)
def test_value_at_a_path(item: dict[str, Any], path: str, value: Any) -> None:
    assert value_at(item, path) == value
