"""Portfolios: the token's own, those inside others at any depth, and those that are named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from sandbox import Sandbox, World
from sandbox.spec import SCOPES
from source_asana.components.portfolios import ONLY_SINGLY, ItemRetriever, PortfolioRetriever
from source_asana.cursors.cursor import AsanaCursor
from source_asana.cursors.sending import Raw
from source_asana.parents.slices import Slice
from unit_tests.mock_server import expect
from unit_tests.sync import read

NAMES = (
    "portfolios",
    "portfolio_items",
    "portfolio_memberships",
    "portfolio_custom_field_settings",
    "portfolio_status_updates",
    "project_portfolio_settings",
)


@pytest.fixture
def world() -> World:
    """Return a world in which my portfolio holds another's, which holds a third and mine again."""
    world = World.empty()
    other = world.add_user("Other")
    project = world.add_project("P")
    field = world.add_custom_field("Note")
    deep = world.add_portfolio("deep", owner=other, items=[project])
    middle = world.add_portfolio("middle", owner=other, items=[deep, project])
    mine = world.add_portfolio("mine", items=[middle, project, deep])
    world.add_portfolio_item(middle, mine)
    world.add_portfolio_item(deep, deep)
    world.add_portfolio("alone", owner=other)
    for portfolio in (deep, middle, mine):
        world.set_custom_field(portfolio, field)
        world.add_status_update(portfolio, "Fine")
    return world


def nested(world: World) -> list[str]:
    return [world.find(name, "portfolio") for name in ("deep", "middle", "mine")]


def test_nested_portfolios_with_cycles_come_once_each(world: World) -> None:
    with Sandbox(world, plan="advanced") as asana:
        sync = read(asana, NAMES)
        assert sync.errors == []
        assert sync.gids("portfolios") == nested(world)
        expect.whole(asana, sync, NAMES)
        expect.declared(sync)
        expect.asked_once(asana)
        assert len(sync.records["portfolio_items"]) == 2 + 3 + 3
        assert asana.requests("/portfolios") == 1
        assert asana.requests("/portfolios/{portfolio_gid}/items") == 3
        # Two are no listing's: read singly for the columns that items lack.
        assert asana.requests("/portfolios/{portfolio_gid}") == 2
        assert sorted(set(asana.unknown_fields)) == []


def test_without_those_columns_nested_ones_cost_no_request(world: World) -> None:
    with Sandbox(world, plan="advanced") as asana:
        columns = {"portfolios": ["gid", "name", "owner", "current_status_update"]}
        sync = read(asana, NAMES, columns=columns)
        assert sync.gids("portfolios") == nested(world)
        assert asana.requests("/portfolios/{portfolio_gid}") == 0
        for record in sync.records["portfolios"]:
            assert record["name"] == world[record["gid"]]["name"]
            assert record["owner"]["name"] == world[world[record["gid"]]["owner"]]["name"]
            assert set(record) == {"gid", "name", "owner", "current_status_update"}
        expect.whole(asana, sync, NAMES[1:])


@pytest.mark.parametrize("name", NAMES[1:])
def test_each_stream_alone_finds_the_nested_ones(world: World, name: str) -> None:
    with Sandbox(world, plan="advanced") as asana:
        sync = read(asana, [name])
        expect.whole(asana, sync, [name])
        assert list(sync.records) == [name]
        assert set(sync.statuses) == {name}
        assert {s["stream"]["stream_descriptor"]["name"] for s in sync.states} == {name}
        assert asana.requests("/portfolios/{portfolio_gid}") == 0


def test_portfolios_alone_are_walked_too(world: World) -> None:
    with Sandbox(world, plan="advanced") as asana:
        sync = read(asana, ["portfolios"])
        expect.whole(asana, sync, ["portfolios"])
        assert set(sync.statuses) == {"portfolios"}


def test_portfolios_of_others_are_read_when_they_are_named(world: World) -> None:
    alone = world.find("alone", "portfolio")
    with Sandbox(world, plan="advanced") as asana:
        sync = read(asana, NAMES, portfolio_ids=[alone])
        assert sync.errors == []
        assert sync.gids("portfolios") == sorted([*nested(world), alone])
        assert alone in {record["portfolio_id"] for record in sync.records["portfolio_memberships"]}


def test_a_named_portfolio_that_is_listed_comes_once(world: World) -> None:
    mine = world.find("mine", "portfolio")
    with Sandbox(world, plan="advanced") as asana:
        sync = read(asana, NAMES, portfolio_ids=[mine])
        expect.whole(asana, sync, NAMES)


def test_a_missing_scope_costs_a_named_portfolio_its_columns_only(world: World) -> None:
    alone = world.find("alone", "portfolio")
    with Sandbox(world, plan="advanced") as asana:
        asana.set_scopes(SCOPES)
        asana.take_scopes("custom_fields:read")
        # Nothing is listed, so that the single read is the first to be refused.
        asana.fault("empty_list", r"^/portfolios\?", times=None)
        sync = read(asana, ["portfolios"], portfolio_ids=[alone])
        assert sync.errors == []
        assert sync.gids("portfolios") == [alone]
        assert {warning.split(". Asana said")[0] for warning in sync.warnings} == {
            f"Stream {name}: skipped the columns custom_field_settings, custom_fields"
            for name in ("portfolios", "portfolio_items")
        }


@pytest.mark.parametrize("incremental", [True, False])
def test_the_same_setting_of_two_portfolios_is_two_records(
    world: World, monkeypatch: pytest.MonkeyPatch, *, incremental: bool
) -> None:
    plain = PortfolioRetriever.pages

    def pages(self: PortfolioRetriever, slice_: Slice) -> Iterator[list[Raw]]:
        for page in plain(self, slice_):
            for record in page:
                for setting in record.get("custom_field_settings") or ():
                    setting["gid"] = "7"
            yield page

    monkeypatch.setattr(PortfolioRetriever, "pages", pages)
    name = "portfolio_custom_field_settings"
    with Sandbox(world, plan="service") as asana:
        sync = read(asana, [name], incremental=incremental)
        assert sorted(record["portfolio_id"] for record in sync.records[name]) == nested(world)


def test_items_that_cannot_be_handed_out_are_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = AsanaCursor.stream_slices

    def stream_slices(self: AsanaCursor) -> Iterable[Slice]:
        for slice_ in plain(self):
            if self.stream == "portfolio_items":
                raise RuntimeError("a bug")
            yield slice_

    monkeypatch.setattr(AsanaCursor, "stream_slices", stream_slices)
    with Sandbox(world, plan="advanced") as asana:
        sync = read(asana, (*NAMES, "tags"))
        assert sync.complete("tags")
        assert [name for name in NAMES if sync.complete(name)] == []


def test_a_refused_single_read_sends_no_nulls_over_what_was_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ItemRetriever.pages

    def pages(self: ItemRetriever, slice_: Slice) -> Iterator[list[Raw]]:
        for page in plain(self, slice_):
            yield [{n: v for n, v in one.items() if n not in ONLY_SINGLY} for one in page]

    monkeypatch.setattr(ItemRetriever, "pages", pages)
    middle = world.find("middle", "portfolio")
    with Sandbox(world, plan="advanced") as asana:
        sync = read(asana, NAMES, incremental=True)
        assert all(record["created_by"] for record in sync.records["portfolios"])
        asana.fault("status", rf"^/portfolios/{middle}\?", status=403, message="Forbidden")
        for _ in range(2):
            asana.clock.advance(3600)
            sync = read(asana, NAMES, incremental=True, state=sync.state)
            assert sync.errors == []
            assert sync.gids("portfolios") == []


def test_a_portfolio_without_a_gid_is_no_answer(world: World) -> None:
    with Sandbox(world, plan="advanced") as asana:
        nothing = b'{"data": [{"gid": null, "name": "x"}], "next_page": null}'
        asana.fault("errors_in_200", r"^/portfolios\?", body=nothing)
        sync = read(asana, NAMES)
        assert sync.errors == []
        assert sync.gids("portfolios") == nested(world)


def test_a_service_account_gets_everybodys(world: World) -> None:
    with Sandbox(world, plan="service") as asana:
        sync = read(asana, NAMES)
        assert len(sync.records["portfolios"]) == 4
        expect.whole(asana, sync, NAMES)
        assert asana.requests("/portfolios/{portfolio_gid}") == 0


@pytest.mark.parametrize(("status", "words"), [(400, "owner: Missing input"), (403, "Forbidden")])
def test_an_owner_is_named_where_asana_wants_one(world: World, status: int, words: str) -> None:
    with Sandbox(world, plan="advanced") as asana:
        asana.fault(
            "status", r"^/portfolios\?(?!.*owner=)", times=None, status=status, message=words
        )
        sync = read(asana, NAMES)
        assert sync.errors == []
        assert sync.warnings == []
        expect.whole(asana, sync, NAMES)
        owners = [e.params.get("owner") for e in asana.log if e.path == "/portfolios"]
        assert owners == [None, "me"]


def test_items_that_are_refused_leave_their_portfolio(world: World) -> None:
    middle, mine = world.find("middle", "portfolio"), world.find("mine", "portfolio")
    with Sandbox(world, plan="advanced") as asana:
        asana.fault(
            "status", f"^/portfolios/{middle}/items", times=None, status=403, message="Forbidden"
        )
        sync = read(asana, NAMES)
        assert sync.errors == []
        assert all(map(sync.complete, NAMES))
        assert sync.gids("portfolios") == nested(world)
        assert middle not in {r["portfolio_id"] for r in sync.records["portfolio_items"]}
        assert mine in {r["portfolio_id"] for r in sync.records["portfolio_items"]}
        assert f"Stream portfolio_items: skipped portfolio {middle}. " in "\n".join(sync.warnings)


def test_items_that_fail_leave_the_streams_incomplete(world: World) -> None:
    mine = world.find("mine", "portfolio")
    with Sandbox(world, plan="advanced") as asana:
        asana.fault("status", f"^/portfolios/{mine}/items", times=None, status=400, message="Bad")
        sync = read(asana, NAMES)
        assert sync.gids("portfolios") == [mine]
        assert [name for name in NAMES if sync.complete(name)] == []
        assert {r["portfolio_id"] for r in sync.records["portfolio_memberships"]} == {mine}


def test_a_list_that_breaks_off_is_not_replaced_by_my_own() -> None:
    world = World.empty()
    other = world.add_user("Other")
    for number in range(120):
        world.add_portfolio(f"F{number}", owner=other)
    with Sandbox(world, plan="service") as asana:
        asana.fault("offset_expired", "/portfolios", times=None)
        sync = read(asana, ["portfolios"])
    assert not sync.complete("portfolios")


def test_an_item_shows_what_asana_sent_whatever_the_portfolios_stream_adds(world: World) -> None:
    columns = {"portfolios": ["gid", "current_status_update"]}
    with Sandbox(world, plan="advanced") as asana:
        sync = read(asana, ["portfolios", "portfolio_items"], columns=columns)
        truth = {(r["portfolio_id"], r["gid"]): r for r in asana.truth("portfolio_items")}
    for item in sync.records["portfolio_items"]:
        sent = truth[item["portfolio_id"], item["gid"]].get("current_status_update") or {}
        assert (item.get("current_status_update") or {}).keys() <= sent.keys()
    assert any("type" in (r.get("current_status_update") or {}) for r in sync.records["portfolios"])
