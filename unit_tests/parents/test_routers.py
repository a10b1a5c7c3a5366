"""Routers: which slices a stream has, from what its parents bring."""

from __future__ import annotations

from typing import Any

import pytest

from source_asana.http.stop import Stop
from source_asana.parents.feeds import Ending, Feed, Feeds, ParentFailedError
from source_asana.parents.routers import (
    AsanaRouter,
    InlineRouter,
    ParentRouter,
    SingleRouter,
    UnionRouter,
)
from unit_tests.given import settings
from unit_tests.parents.reader import Reader

ITEMS = [
    {"gid": "1", "workspace_gid": "w", "archived": False, "brief": {"gid": "9"}},
    {"gid": "2", "workspace_gid": "w", "archived": True, "brief": None},
]


def bound(router: AsanaRouter, **further: Any) -> AsanaRouter:
    """Return the router with feeds, of which `projects` has two items."""
    feeds = Feeds(Stop())
    feeds.of_kind(Feed, "projects").add(ITEMS)
    for name in ("projects", "goals"):
        feeds.of(name).announced(Ending.COMPLETE)
    router.bind(settings(**further), feeds)
    return router


def parent_router(stream: str = "projects", **options: Any) -> ParentRouter:
    keys = {"parent_key": "gid", "partition_field": "project_gid", **options}
    return ParentRouter(config={}, parameters={}, stream=stream, **keys)


def inline_router() -> InlineRouter:
    return InlineRouter({}, {}, "projects", "project_gid", ["a"], {"project_id": "project_gid"})


def partitions(router: AsanaRouter) -> list[dict[str, Any]]:
    return [dict(slice_.partition) for slice_ in router.stream_slices()]


def test_one_slice_without_a_parent() -> None:
    router = bound(SingleRouter(config={}, parameters={}))

    [slice_] = router.stream_slices()

    assert (dict(slice_.partition), slice_.key) == ({}, "")
    assert router.parents() == {}
    assert router.is_complete()


def test_configured_ids_are_a_slice_each_and_once() -> None:
    router = SingleRouter(
        config={}, parameters={}, ids="portfolio_ids", partition_field="portfolio_gid"
    )

    slices = list(bound(router, portfolio_ids=["3", "4", "3"]).stream_slices())

    assert [slice_.partition for slice_ in slices] == [
        {"portfolio_gid": "3"},
        {"portfolio_gid": "4"},
    ]
    assert [slice_.key for slice_ in slices] == ["3", "4"]
    assert partitions(bound(router)) == []


def test_each_parent_is_a_slice() -> None:
    first, second = bound(parent_router()).stream_slices()

    assert (dict(first.partition), first.key) == ({"project_gid": "1"}, "1")
    assert first.item == ITEMS[0]
    assert first.workspace == "w"
    assert second.key == "2"


def test_a_key_has_all_gids_of_a_partition() -> None:
    router = parent_router(parent_slice=["workspace_gid"], extra_fields=[["archived"]])

    first, second = bound(router).stream_slices()
    assert (first.key, second.key) == ("w/1", "w/2")
    assert first.partition == {"workspace_gid": "w", "project_gid": "1", "archived": False}


def test_a_parent_without_what_is_required_is_not_worth_a_request() -> None:
    router = parent_router(extra_fields=[["brief", "gid"]], require="brief.gid")

    [slice_] = bound(router).stream_slices()
    assert slice_.partition == {"project_gid": "1", "brief_gid": "9"}
    assert slice_.key == "1/9"


def test_a_parent_brings_the_fields_that_slices_need() -> None:
    router = bound(
        parent_router(
            parent_slice=["workspace_gid"], extra_fields=[["brief", "gid"]], require="current.gid"
        )
    )

    assert router.parents() == {"projects": {"gid", "brief.gid", "current.gid"}}


def test_variants_are_slices_of_one_partition() -> None:
    router = parent_router(variants=[{"is_archived": "true"}, {"is_archived": "false"}])
    slices = list(bound(router).stream_slices())

    assert [slice_.partition["is_archived"] for slice_ in slices] == ["true", "false"] * 2
    assert [slice_.key for slice_ in slices] == ["1", "1", "2", "2"]
    assert [slice_.is_last for slice_ in slices] == [False, True] * 2


def test_a_setting_switches_a_router_off() -> None:
    router = parent_router(setting="include_tasks_without_project")

    assert len(partitions(bound(router))) == 2
    off = bound(router, include_tasks_without_project=False)
    assert partitions(off) == []
    assert off.parents() == {}


def test_parents_that_a_search_spares() -> None:
    assert bound(parent_router()).skippable_parents() == frozenset()
    assert bound(parent_router(unless_searched=True)).skippable_parents() == {"projects"}


def test_slices_begin_when_every_listing_is_over_where_that_is_asked_for() -> None:
    router, feeds = parent_router("users", after_listing=True), Feeds(Stop())
    router.bind(settings(), feeds)
    feed = feeds.of_kind(Feed, "users")
    feed.expect()
    feed.add(ITEMS)
    reader = Reader(lambda: iter(router.stream_slices()))
    reader.thread.join(0.02)
    assert reader.found == []
    feed.announced(Ending.COMPLETE)
    feed.ended(Ending.COMPLETE)
    assert reader.ends()
    assert len(reader.found) == 2


@pytest.mark.parametrize("ending", list(Ending))
def test_only_complete_parents_say_what_is_gone(ending: Ending) -> None:
    router = bound(parent_router())
    feed = router.feeds.of_kind(Feed, "projects")
    feed.expect()
    feed.ended(ending)

    assert router.is_complete() is (ending <= Ending.UNAVAILABLE)


def test_a_union_has_the_slices_and_parents_of_all() -> None:
    router = bound(
        UnionRouter(
            config={},
            parameters={},
            partition_routers=[
                parent_router(require="brief.gid"),
                parent_router("goals", partition_field="goal_gid", unless_searched=True),
                parent_router(extra_fields=[["team", "name"]]),
            ],
            read_along=["portfolio_items"],
        )
    )

    assert [slice_.key for slice_ in router.stream_slices()] == ["1", "1", "2"]
    assert router.parents() == {
        "projects": {"gid", "brief.gid", "team.name"},
        "goals": {"gid"},
    }
    assert router.skippable_parents() == {"goals"}
    assert router.reads_along() == ["portfolio_items"]


def test_a_parent_that_failed_does_not_keep_the_others_children_back() -> None:
    router = bound(
        UnionRouter(
            config={},
            parameters={},
            partition_routers=[parent_router("goals"), parent_router("projects")],
        )
    )
    goals = router.feeds.of_kind(Feed, "goals")
    goals.expect()
    goals.ended(Ending.FAILED)
    reader = Reader(lambda: iter(router.stream_slices()))

    assert reader.ends()
    assert [slice_.key for slice_ in reader.found] == ["1", "2"]
    assert isinstance(reader.error, ParentFailedError)
    assert str(reader.error) == "the listing of goals failed"


def test_inline_records_have_no_slices_but_a_parent() -> None:
    router = bound(inline_router())

    assert partitions(router) == []
    assert router.parents() == {"projects": frozenset()}


def test_inline_records_fail_with_their_parent() -> None:
    router = bound(inline_router())
    feed = router.feeds.of_kind(Feed, "projects")
    feed.expect()
    feed.ended(Ending.FAILED)

    with pytest.raises(ParentFailedError):
        partitions(router)


@pytest.mark.parametrize(
    ("keywords", "key", "fields", "parent"),
    [
        ({}, "7", {"project_gid": "7"}, ("projects", "7")),
        (
            {"parent_slice": ["workspace_gid"], "extra_fields": [["archived"]]},
            "1/2",
            {"workspace_gid": "1", "project_gid": "2"},
            ("projects", "2"),
        ),
        (
            {"extra_fields": [["brief", "gid"]]},
            "7/9",
            {"project_gid": "7", "brief_gid": "9"},
            ("projects", "7"),
        ),
    ],
)
def test_the_key_of_a_partition_names_its_fields_and_parent(
    keywords: dict[str, Any],
    key: str,
    fields: dict[str, str],
    parent: tuple[str, str],
) -> None:
    router = parent_router(**keywords)

    assert router.partition_of(key) == fields
    assert router.parent_of(key) == parent


def test_other_keys_name_no_parent_but_those_of_inline_records() -> None:
    inline = inline_router()

    assert inline.parent_of("7") == ("projects", "7")
    assert inline.partition_of("7") == {"project_gid": "7"}
    assert SingleRouter(config={}, parameters={}).parent_of("7") is None
