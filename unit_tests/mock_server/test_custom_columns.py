"""Custom fields as columns: what a discover promises, and what a sync puts into them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft7Validator

from sandbox import Sandbox, World
from source_asana.fields.schemas import load_schema
from unit_tests.mock_server.expect import FORMATS
from unit_tests.sync import Record, Sync, command, config_for

GID = "asana_custom_field_gid"
STREAMS = ("tasks", "subtasks", "projects", "portfolios", "goals")
TIME = "2026-05-04T22:00:00.000Z"


class Fields:
    """A world with a field of every type, in the library and local; attributes are gids."""

    def __init__(self) -> None:
        """Build it: two projects, tasks with and without values, a portfolio, a goal."""
        world = self.world = World.empty()
        self.team = world.add_team("Builders", users=[world.me])
        self.first = world.add_project("First", team=self.team)
        self.second = world.add_project("Second", archived=True)
        add = world.add_custom_field
        self.priority = add("Priority", "enum", options=("Low", "High"))
        self.twin = add("Priority", "text", library=False)
        self.points = add("Story Points", "number", precision=0)
        self.budget = add("Budget (€)", "number", format="currency", currency_code="EUR")
        self.done = add("Done %", "number", format="percentage", precision=2)
        self.labels = add("Labels", "multi_enum", options=("a", "b, c", "d"))
        self.owners = add("Owners", "people", library=False)
        self.related = add("Related", "reference")
        self.day = add("Due by", "date")
        self.instant = add("Call at", "date", library=False)
        self.formula = add("Cost", "number", is_formula_field=True, representation_type="formula")
        self.number = add("ID", "text", representation_type="custom_id", id_prefix="ID")
        self.arabic = add("الأولوية", "text", library=False)
        self.emoji = add("🔥", "number")
        self.nothing = add("%%", "text", library=False)
        self.clash = add("Fields", "text", library=False)
        self.all = [gid for gid in world.objects if world[gid]["resource_type"] == "custom_field"]
        for field in self.all:
            world.set_custom_field(self.first, field)
        world.set_custom_field(self.second, self.priority)
        self._values()
        self._others()

    def _values(self) -> None:
        world = self.world
        low, high = (option["gid"] for option in world[self.priority]["enum_options"])
        labels = [option["gid"] for option in world[self.labels]["enum_options"]]
        self.empty = world.add_task("empty", projects=[self.first])
        self.full = world.add_task(
            "full",
            projects=[self.first],
            custom_fields={
                self.priority: high,
                self.twin: "free text",
                self.points: 3,
                self.budget: 1234.5,
                self.done: 0.25,
                self.labels: labels[1:],
                self.owners: [world.me],
                self.related: [self.empty],
                self.day: "2026-05-04",
                self.instant: TIME,
                self.formula: 12.5,
                self.number: "ID-7",
                self.arabic: "عالية",
                self.emoji: 5,
                self.nothing: "x",
                self.clash: "y",
            },
        )
        self.other = world.add_task(
            "other", projects=[self.second], custom_fields={self.priority: low}
        )
        world.add_task("plain", assignee=world.me)
        self.child = world.add_task(
            "child", parent=self.full, custom_fields={self.points: 8, self.day: "2026-05-05"}
        )

    def _others(self) -> None:
        world = self.world
        self.portfolio = world.add_portfolio("Mine", items=[self.first])
        self.goal = world.add_goal("Win")
        self.health = world.add_custom_field("Health", "text", library=False)
        self.reach = world.add_custom_field("Reach", "number", library=False)
        world.set_custom_field(self.portfolio, self.health)
        world.set_custom_field(self.goal, self.reach)
        world[self.first]["_values"] = {self.points: 40, self.owners: [world.me]}
        world[self.portfolio]["_values"] = {self.health: "good"}
        world[self.goal]["_values"] = {self.reach: 0.5}


@pytest.fixture
def fields() -> Fields:
    return Fields()


@pytest.fixture
def asana(fields: Fields) -> Iterator[Sandbox]:
    with Sandbox(fields.world, plan="service") as sandbox:
        yield sandbox


def discovered(asana: Sandbox, **settings: Any) -> Sync:
    """Discover the schemas with the option on."""
    return command("discover", config_for(asana, custom_field_columns=True, **settings))


def schemas(sync: Sync) -> dict[str, Record]:
    """Return stream -> its discovered schema."""
    assert sync.catalog, sync.errors
    return {stream["name"]: stream["json_schema"] for stream in sync.catalog["streams"]}


def columns(sync: Sync, stream: str) -> dict[str, str]:
    """Return gid of a custom field -> the name of its column."""
    properties = schemas(sync)[stream]["properties"]
    return {node[GID]: name for name, node in properties.items() if GID in node}


def configured(
    sync: Sync, *names: str, incremental: bool = False, only: Mapping[str, set[str]] | None = None
) -> Record:
    """Return the catalog that was discovered, with these streams selected."""
    assert sync.catalog
    entries = []
    for stream in deepcopy(sync.catalog["streams"]):
        if stream["name"] not in names:
            continue
        selected = (only or {}).get(stream["name"])
        if selected is not None:
            properties = stream["json_schema"]["properties"]
            stream["json_schema"]["properties"] = {c: properties[c] for c in selected}
        mode = "incremental" if incremental else "full_refresh"
        entries.append({"stream": stream, "sync_mode": mode, "destination_sync_mode": "append"})
    return {"streams": entries}


def expected(field: Record) -> Any:
    """Return the value that a field's column must have, by the type that Asana names."""
    subtype = field["resource_subtype"]
    if subtype == "number":
        return field["number_value"]
    if subtype == "date":
        value = field["date_value"] or {}
        return value.get("date_time") or value.get("date")
    if subtype == "enum":
        return (field["enum_value"] or {}).get("name")
    if subtype == "text":
        return field["text_value"]
    key = "multi_enum_values" if subtype == "multi_enum" else f"{subtype}_value"
    return [item["name"] for item in field[key]]


def equals(records: list[Record], truth: list[Record], names: Mapping[str, str]) -> int:
    """Assert that every value of every field is in its column; return how many there were."""
    found = {record["gid"]: record for record in records}
    assert found.keys() == {record["gid"] for record in truth}
    count = 0
    for record in truth:
        values = {field["gid"]: expected(field) for field in record["custom_fields"]}
        assert values.keys() <= names.keys()
        for gid, name in names.items():
            assert found[record["gid"]].get(name) == values.get(gid), (name, record["gid"])
        count += len(values)
    return count


@pytest.mark.parametrize("unsteady", [False, True])
def test_every_value_of_every_task_is_in_its_column(
    asana: Sandbox, fields: Fields, *, unsteady: bool
) -> None:
    found = discovered(asana)
    asana.api.settings.unsteady = unsteady
    sync = command("read", config_for(asana), catalog=configured(found, *STREAMS))
    assert sync.errors == []
    assert columns(found, "tasks").keys() == set(fields.all)
    names = columns(found, "tasks")
    if unsteady:
        for record in sync.records["tasks"]:
            for name in (names[fields.labels], names[fields.owners]):
                if name in record:
                    record[name] = sorted(record[name])
    assert equals(sync.records["tasks"], asana.truth("tasks"), names) == 2 * len(fields.all) + 1
    names = columns(found, "subtasks")
    assert equals(sync.records["subtasks"], asana.truth("subtasks"), names) == 2
    for stream in STREAMS:
        validator = Draft7Validator(schemas(found)[stream], format_checker=FORMATS)
        for record in sync.records[stream]:
            assert list(validator.iter_errors(record)) == [], stream
            assert record["custom_fields"] is not None
    assert asana.unknown_fields == []
    assert asana.unknown_params == []


def test_projects_portfolios_and_goals_have_columns_too(asana: Sandbox, fields: Fields) -> None:
    found = discovered(asana)
    sync = command("read", config_for(asana), catalog=configured(found, *STREAMS))
    [first] = [r for r in sync.records["projects"] if r["gid"] == fields.first]
    assert first[columns(found, "projects")[fields.points]] == 40
    assert first[columns(found, "projects")[fields.owners]] == ["Ada Owner"]
    [portfolio] = sync.records["portfolios"]
    assert portfolio[columns(found, "portfolios")[fields.health]] == "good"
    [goal] = sync.records["goals"]
    assert goal[columns(found, "goals")[fields.reach]] == 0.5
    assert fields.reach not in columns(found, "tasks")


def test_columns_have_names_and_types_of_their_own(asana: Sandbox, fields: Fields) -> None:
    sync = discovered(asana)
    names, properties = columns(sync, "tasks"), schemas(sync)["tasks"]["properties"]
    assert len(set(names.values())) == len(names)
    assert names[fields.priority] == f"custom_priority_{fields.priority[-6:]}"
    assert names[fields.twin] == f"custom_priority_{fields.twin[-6:]}"
    assert names[fields.points] == "custom_story_points"
    assert names[fields.budget] == "custom_budget_eur"
    assert names[fields.arabic] == "custom_lwlwyh"
    assert names[fields.emoji] == "custom_fire"
    assert names[fields.nothing] == f"custom_{fields.nothing[-6:]}"
    assert names[fields.clash] == f"custom_fields_{fields.clash[-6:]}"
    assert properties["custom_fields"] == load_schema("tasks")["properties"]["custom_fields"]
    types = {gid: properties[name]["type"][1] for gid, name in names.items()}
    for gid in (fields.points, fields.budget, fields.done, fields.formula, fields.emoji):
        assert types[gid] == "number"
    for gid in (fields.labels, fields.owners, fields.related):
        assert types[gid] == "array"
    assert types[fields.number] == types[fields.twin] == types[fields.priority] == "string"
    assert properties[names[fields.day]]["format"] == "date"
    assert properties[names[fields.instant]]["format"] == "date-time"


@pytest.mark.parametrize("deletions", [False, True], ids=["", "with deletions"])
def test_synced_at_stays_the_last_column(asana: Sandbox, *, deletions: bool) -> None:
    found = schemas(discovered(asana, track_deletions=deletions))
    assert {list(schema["properties"])[-1] for schema in found.values()} == {"synced_at"}


def test_without_the_option_a_discover_asks_nothing(asana: Sandbox) -> None:
    sync = command("discover", config_for(asana))
    assert asana.log == []
    assert columns(sync, "tasks") == {}
    sync = command("discover", config_for(asana, custom_field_columns=None))
    assert asana.log == []


def test_a_discover_costs_a_few_requests(asana: Sandbox) -> None:
    discovered(asana)
    paths = [entry.path_template for entry in asana.log]
    # The tasks of one project show which date fields have a time.
    assert sorted(paths) == [
        "/goals",
        "/portfolios",
        "/projects",
        "/tasks",
        "/workspaces",
        "/workspaces/{workspace_gid}/custom_fields",
    ]
    assert {entry.params.get("limit") for entry in asana.log} == {"100"}
    assert asana.unknown_fields == []
    assert asana.unknown_params == []


def test_projects_of_asanas_own_types_have_columns_too(fields: Fields, asana: Sandbox) -> None:
    project = fields.world.add_project("Typed", asana_type=True)
    local = fields.world.add_custom_field("Typed only", library=False)
    fields.world.set_custom_field(project, local)
    assert columns(discovered(asana), "tasks")[local] == "custom_typed_only"


@pytest.mark.parametrize(
    "chosen", ["project_ids", "team_ids", "exclude_project_ids", "include_archived_projects"]
)
def test_fields_of_projects_that_are_not_read_get_no_columns(
    fields: Fields, asana: Sandbox, chosen: str
) -> None:
    local = fields.world.add_custom_field("Of the second", library=False)
    fields.world.set_custom_field(fields.second, local)
    settings: dict[str, Any] = {
        "project_ids": [fields.first],
        "team_ids": [fields.team],
        "exclude_project_ids": [fields.second],
        "include_archived_projects": False,
    }
    assert local in columns(discovered(asana), "tasks")
    sync = discovered(asana, **{chosen: settings[chosen]})
    assert local not in columns(sync, "tasks")
    assert fields.twin in columns(sync, "tasks")


def test_other_workspaces_are_not_asked(fields: Fields, asana: Sandbox) -> None:
    home = fields.world.add_workspace("Other")
    fields.world.join(fields.world.me, home)
    other = fields.world.add_custom_field("Elsewhere", workspace=home)
    assert other in columns(discovered(asana), "tasks")
    asana.reset_log()
    sync = discovered(asana, workspace_ids=[fields.world.workspace])
    assert other not in columns(sync, "tasks")
    assert not any(home in f"{entry.path} {entry.params}" for entry in asana.log)


def test_a_named_portfolio_shows_its_fields(fields: Fields) -> None:
    grace = fields.world.add_user("Grace")
    portfolio = fields.world.add_portfolio("Hers", owner=grace)
    local = fields.world.add_custom_field("Hers only", library=False)
    fields.world.set_custom_field(portfolio, local)
    with Sandbox(fields.world, plan="advanced") as plain:
        assert local not in columns(discovered(plain), "portfolios")
        assert local in columns(discovered(plain, portfolio_ids=[portfolio]), "portfolios")


def test_a_renamed_field_keeps_its_column(asana: Sandbox, fields: Fields) -> None:
    found = discovered(asana)
    fields.world.edit(fields.points, name="Effort")
    fields.world.edit(fields.budget, name="Story Points")
    sync = command("read", config_for(asana), catalog=configured(found, "tasks"))
    [full] = [r for r in sync.records["tasks"] if r["gid"] == fields.full]
    assert (full["custom_story_points"], full["custom_budget_eur"]) == (3, 1234.5)
    again = columns(discovered(asana), "tasks")
    assert (again[fields.points], again[fields.budget]) == ("custom_effort", "custom_story_points")


def test_a_second_field_of_the_same_name_does_not_mix(asana: Sandbox, fields: Fields) -> None:
    found = discovered(asana)
    second = fields.world.add_custom_field("Story Points", "number", library=False)
    fields.world.set_custom_field(fields.first, second)
    fields.world.edit_task(fields.full, custom_fields={second: 99})
    sync = command("read", config_for(asana), catalog=configured(found, "tasks"))
    [full] = [r for r in sync.records["tasks"] if r["gid"] == fields.full]
    assert full["custom_story_points"] == 3
    names = columns(discovered(asana), "tasks")
    assert names[second] == f"custom_story_points_{second[-6:]}"
    assert names[fields.points] == f"custom_story_points_{fields.points[-6:]}"


def test_the_column_of_a_deleted_field_stays_and_is_null(asana: Sandbox, fields: Fields) -> None:
    found = discovered(asana)
    for setting in list(fields.world.listed("parent.custom_field_settings", fields.first)):
        if fields.world[setting]["custom_field"] == fields.points:
            fields.world.delete(setting)
    fields.world.delete(fields.points)
    sync = command("read", config_for(asana), catalog=configured(found, "tasks"))
    assert {record.get("custom_story_points") for record in sync.records["tasks"]} == {None}
    assert fields.points not in columns(discovered(asana), "tasks")


def test_a_catalog_without_the_keyword_still_works(asana: Sandbox, fields: Fields) -> None:
    found = discovered(asana)
    catalog = configured(found, "tasks")
    for node in catalog["streams"][0]["stream"]["json_schema"]["properties"].values():
        node.pop(GID, None)
    sync = command("read", config_for(asana), catalog=catalog)
    names = columns(found, "tasks")
    assert equals(sync.records["tasks"], asana.truth("tasks"), names) == 2 * len(fields.all) + 1


def asked(asana: Sandbox) -> set[str]:
    """Return the opt_fields of the tasks' listings."""
    found = {e.params["opt_fields"] for e in asana.log if e.path_template == "/tasks"}
    assert len(found) == 1
    return set(found.pop().split(","))


def test_with_all_columns_nothing_else_is_asked_for(asana: Sandbox) -> None:
    plain = command("discover", config_for(asana))
    found = discovered(asana)
    asana.reset_log()
    command("read", config_for(asana), catalog=configured(plain, "tasks"))
    before, requests = asked(asana), len(asana.log)
    asana.reset_log()
    command("read", config_for(asana), catalog=configured(found, "tasks"))
    assert asked(asana) == before
    assert len(asana.log) == requests


def test_custom_columns_alone_ask_for_what_they_are_made_of(asana: Sandbox, fields: Fields) -> None:
    found = discovered(asana)
    names = columns(found, "tasks")
    only = {"gid", names[fields.points], names[fields.day]}
    asana.reset_log()
    catalog = configured(found, "tasks", only={"tasks": only})
    sync = command("read", config_for(asana), catalog=catalog)
    assert {name for name in asked(asana) if name.startswith("custom_")} == {
        "custom_fields.number_value",
        "custom_fields.date_value.date",
        "custom_fields.date_value.date_time",
    }
    assert {name for record in sync.records["tasks"] for name in record} == only
    [full] = [r for r in sync.records["tasks"] if r["gid"] == fields.full]
    assert (full[names[fields.points]], full[names[fields.day]]) == (3, "2026-05-04")


@pytest.mark.parametrize("stream", STREAMS)
def test_one_custom_column_is_all_that_is_sent(asana: Sandbox, stream: str) -> None:
    found = discovered(asana)
    whole = command("read", config_for(asana), catalog=configured(found, stream))
    properties = schemas(found)[stream]["properties"]
    # One of each type.
    names = {
        str({**properties[name], GID: 0, "description": ""}): name
        for name in columns(found, stream).values()
    }
    for name in names.values():
        catalog = configured(found, stream, only={stream: {"gid", name}})
        sync = command("read", config_for(asana), catalog=catalog)
        got = {record["gid"]: record.get(name) for record in sync.records[stream]}
        assert got == {record["gid"]: record.get(name) for record in whole.records[stream]}, name
        for record in sync.records[stream]:
            assert {n for n in record if not n.endswith("_id")} <= {"gid", name}
    assert asana.unknown_fields == []


def test_a_portfolio_inside_another_has_its_values_without_custom_fields(fields: Fields) -> None:
    grace = fields.world.add_user("Grace")
    inner = fields.world.add_portfolio("inner", owner=grace)
    fields.world.set_custom_field(inner, fields.points)
    fields.world[inner]["_values"] = {fields.points: 13}
    fields.world.add_portfolio_item(fields.portfolio, inner)
    with Sandbox(fields.world, plan="advanced") as plain:
        found = discovered(plain)
        only = {"gid", "custom_story_points"}
        catalog = configured(found, "portfolios", only={"portfolios": only})
        sync = command("read", config_for(plain), catalog=catalog)
    values = {r["gid"]: r.get("custom_story_points") for r in sync.records["portfolios"]}
    assert values == {fields.portfolio: None, inner: 13}
    assert {name for record in sync.records["portfolios"] for name in record} == only


@pytest.mark.slow
def test_a_new_column_sends_the_rows_that_have_a_value_again(
    asana: Sandbox, fields: Fields
) -> None:
    found = discovered(asana)
    names = columns(found, "tasks")
    few = {"gid", "synced_at", names[fields.day]}
    config = config_for(asana, full_scan_interval_hours=0, change_detection="listing")
    state: list[Record] | None = None
    sent: list[list[str]] = []
    for selected in (few, few, {*few, names[fields.budget]}):
        catalog = configured(found, "tasks", incremental=True, only={"tasks": selected})
        sync = command("read", config, catalog=catalog, state=state)
        state, sent = sync.state, [*sent, sync.gids("tasks")]
        asana.clock.advance(86_400)
    assert [len(gids) for gids in sent] == [4, 0, 1]
    assert sent[2] == [fields.full]


def test_a_changed_value_comes_with_the_next_sync(asana: Sandbox, fields: Fields) -> None:
    catalog = configured(discovered(asana), "tasks", "subtasks", incremental=True)
    first = command("read", config_for(asana), catalog=catalog)
    asana.clock.advance(86_400)
    fields.world.edit_task(fields.full, custom_fields={fields.points: 5, fields.labels: []})
    second = command("read", config_for(asana), catalog=catalog, state=first.state)
    [full] = second.records["tasks"]
    assert (full["custom_story_points"], full["custom_labels"]) == (5, [])


def test_six_hundred_fields(fields: Fields, asana: Sandbox) -> None:
    world = fields.world
    rare = [world.add_custom_field(f"Rare {number}") for number in range(600)]
    often = [world.add_custom_field(f"Often {number}", library=False) for number in range(20)]
    for project in (fields.first, fields.second):
        for field in often:
            world.set_custom_field(project, field)
    sync = discovered(asana)
    for stream in STREAMS:
        assert len(columns(sync, stream)) == 500
    assert columns(sync, "tasks").keys() >= {*often, *fields.all}
    [warning] = sync.warnings
    assert "at most 500" in warning
    missing = [gid for gid in rare if gid not in columns(sync, "tasks")]
    assert len(missing) == 600 + 20 + len(fields.all) - 500
    assert all(f"{world[gid]['name']} ({gid})" in warning for gid in missing)
    assert len(json.dumps(sync.catalog)) < 1_000_000


@pytest.mark.parametrize("plan", ["free", "paid"])
def test_what_the_plan_refuses_gives_no_columns(fields: Fields, plan: str) -> None:
    with Sandbox(fields.world, plan=plan) as asana:
        sync = discovered(asana)
        assert sync.errors == []
        assert sync.warnings == []
        expected_gids = set() if plan == "free" else set(fields.all)
        assert columns(sync, "tasks").keys() == expected_gids
        read = command("read", config_for(asana), catalog=configured(sync, "tasks"))
        assert len(read.records["tasks"]) == 4


def test_a_missing_scope_gives_no_columns(asana: Sandbox) -> None:
    scopes = ("workspaces:read", "projects:read", "tasks:read")
    asana.add_token("narrow", scopes=scopes)
    config = config_for(asana, custom_field_columns=True)
    config["credentials"] = {"personal_access_token": "narrow"}
    sync = command("discover", config)
    assert sync.errors == []
    assert columns(sync, "tasks") == {}


def test_a_discover_that_cannot_reach_asana_says_so_in_a_sentence(asana: Sandbox) -> None:
    asana.fault("status", status=503, times=None)
    sync = discovered(asana)
    [error] = sync.errors
    assert sync.catalog is None
    assert error["failure_type"] == "transient_error"
    assert error["message"].startswith("Asana could not show the custom fields (")
    assert error["message"].endswith("or set the config key `custom_field_columns` to false.")
    assert not any("Traceback" in line for line in sync.logs)


def test_a_refused_token_is_the_users_to_mend(asana: Sandbox) -> None:
    config = config_for(asana, custom_field_columns=True)
    config["credentials"] = {"personal_access_token": "wrong-token"}
    assert "does not accept the token" in command("discover", config).mistake


def test_a_listing_that_breaks_off_takes_no_columns_away(asana: Sandbox) -> None:
    asana.fault("truncation", path=r"^/projects\?", times=None)
    sync = discovered(asana)
    assert sync.catalog is None
    assert "custom fields" in sync.errors[0]["message"]
