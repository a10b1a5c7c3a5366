"""Mistakes of users: one sentence that names the key and the remedy, from each command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from sandbox import Sandbox
from source_asana import SourceAsana
from source_asana.config import parse_config
from source_asana.http.clock import from_millis
from unit_tests.mock_server.worlds import Small
from unit_tests.sync import Sync, catalog, command, config_for, read

SECRET = "1/1209876543210987:0123456789abcdef0123456789abcdef"
UNKNOWN = "999999999999"


@pytest.fixture
def small() -> Small:
    return Small()


@pytest.fixture
def asana(small: Small) -> Iterator[Sandbox]:
    with Sandbox(small.world, plan="advanced") as sandbox:
        yield sandbox


def checked(sync: Sync) -> str:
    """Return why a check failed; it must say nothing else."""
    assert sync.connection, sync.errors
    assert sync.connection["status"] == "FAILED"
    assert sync.errors == []
    return str(sync.connection["message"])


def test_a_check_of_what_works(asana: Sandbox, small: Small) -> None:
    sync = command(
        "check",
        config_for(
            asana,
            workspace_ids=[small.world.workspace],
            project_ids=[small.first],
            team_ids=[small.team],
            portfolio_ids=[small.nested],
        ),
    )
    assert (sync.connection or {}).get("status") == "SUCCEEDED"
    assert len(asana.log) < 20


@pytest.mark.parametrize("plan", ["free", "paid", "advanced", "service"])
def test_a_check_raises_no_false_alarm_on_any_plan(plan: str, small: Small) -> None:
    with Sandbox(small.world, plan=plan) as asana:
        sync = command("check", config_for(asana))
        assert (sync.connection or {}).get("status") == "SUCCEEDED"
        assert sync.warnings == []
        said = [line for line in sync.logs if "a sync would skip" in line]
        assert bool(said) is (plan != "service")
        assert all("To read it: " in line for line in said)
        listed = [line for line in sync.logs if line.startswith("A sync with this token would ")]
        assert len(listed) == bool(said)
        fine = [line for line in sync.logs if line.startswith("Nothing was refused")]
        assert len(fine) == (not said)


def test_a_wrong_token(asana: Sandbox) -> None:
    config = config_for(asana, credentials={"personal_access_token": SECRET})
    said = checked(command("check", config))
    assert said.startswith('Asana does not accept the token (HTTP 401, "Not Authorized"); provide ')
    assert "`credentials`" in said
    sync = command("read", config, catalog=catalog(["tags", "tasks"]))
    assert sync.mistake == said
    assert SECRET not in sync.text
    assert sync.records == {}
    # What can be read is known without a token.
    assert command("discover", config).catalog


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("workspace_ids", "which the token cannot see; correct the IDs, or use the token of a "),
        ("project_ids", "correct the ID"),
        ("team_ids", f'team: Unknown object: {UNKNOWN}"); correct the ID, or give the token'),
        ("portfolio_ids", f'portfolio: Unknown object: {UNKNOWN}"); correct the ID, or give the '),
    ],
)
def test_an_id_that_does_not_exist(asana: Sandbox, small: Small, key: str, said: str) -> None:
    known = {
        "workspace_ids": small.world.workspace,
        "project_ids": small.first,
        "team_ids": small.team,
        "portfolio_ids": small.portfolio,
    }
    config = config_for(asana, **{key: [known[key], UNKNOWN]})
    sentence = checked(command("check", config))
    assert sentence.startswith(f"Config key `{key}` names {UNKNOWN}, which the token ")
    assert said in sentence
    sync = command("read", config, catalog=catalog(["projects", "tasks", "sections"]))
    assert sync.mistake.startswith(f"Config key `{key}` names {UNKNOWN}, which the token ")
    assert said in sync.mistake


def test_an_id_that_the_token_may_not_read(asana: Sandbox, small: Small) -> None:
    secret = small.world.add_project("Secret", private=True)
    config = config_for(asana, project_ids=[secret])
    said = checked(command("check", config))
    assert said.startswith(f"Config key `project_ids` names {secret}, which the token cannot read")
    assert "You do not have access to this project." in said
    sync = command("read", config, catalog=catalog(["tasks"]))
    assert sync.mistake.startswith(f"Config key `project_ids` names {secret}, ")


def test_a_start_date_that_is_in_the_future_by_asanas_clock(asana: Sandbox) -> None:
    # Ahead of this machine's clock, by which nothing is judged.
    asana.clock.advance(86_400)
    past, soon = (from_millis(int(1000 * (asana.clock.now() + s))) for s in (-60, 600))
    words = (
        "Config key `start_date` lies in the future; provide a date-time such as "
        "2024-01-01T00:00:00Z."
    )
    assert read(asana, ["tags"], start_date=past).errors == []
    assert read(asana, ["tags"], start_date=soon).mistake == words
    assert checked(command("check", config_for(asana, start_date=soon))) == words


def test_a_token_without_any_workspace(asana: Sandbox) -> None:
    page = {"data": [], "next_page": None}
    asana.fault("status", "/workspaces", times=None, status=200, body=page)
    said = checked(command("check", config_for(asana)))
    assert said == "The token sees no workspace; use the token of a user who is a member of one."
    assert read(asana, ["tags"]).mistake == said


def test_workspaces_that_may_not_be_listed(asana: Sandbox) -> None:
    words = "The token lacks the scope workspaces:read."
    asana.fault("status", "/workspaces", times=None, status=403, message=words)
    said = checked(command("check", config_for(asana)))
    assert said == (
        f'Asana refuses to list the token\'s workspaces ("{words}"); provide a token that may '
        "read them."
    )
    assert read(asana, ["tags"]).mistake == said


def test_a_server_that_fails_is_nobodys_mistake(asana: Sandbox) -> None:
    asana.fault("status", "/workspaces", times=None, message="Sorry")
    said = checked(command("check", config_for(asana)))
    assert said.startswith("Asana could not ")
    assert "try again later" in said or "can be tried again later" in said
    sync = read(asana, ["tags"])
    assert [error["failure_type"] for error in sync.errors] == ["transient_error"]
    assert "Sorry" in sync.errors[0]["message"]


PAT = {"personal_access_token": SECRET}
OAUTH = {"client_id": "12", "client_secret": SECRET, "refresh_token": SECRET}
NO_OBJECT = "is not a JSON object; provide an object with `credentials`."
LONG_NUMBER = '{"num_workers": ' + "9" * 5000 + "}"  # more digits than Python reads
CONFIGS: dict[str, tuple[Any, str]] = {
    "a number without end": (LONG_NUMBER, NO_OBJECT),
    "list": ([], NO_OBJECT),
    "text": ('"x"', NO_OBJECT),
    "null": ("null", NO_OBJECT),
    "other text": ('{"credentials": "\udcff"}', NO_OBJECT),
    "no JSON": ("{", "is not valid JSON (line 1, column 2); correct the file."),
    "nothing": ("", "is not valid JSON (line 1, column 1); correct the file."),
    "an output": ('{"type":"LOG"}\n{"type":"STATE"}', "is not valid JSON (line 2, column 1); "),
    "empty": ({}, "Config key `credentials` is missing; provide an object with "),
    "credentials null": ({"credentials": None}, "Config key `credentials` is missing; provide "),
    "credentials text": (
        {"credentials": SECRET},
        "Config key `credentials` has an invalid value; ",
    ),
    "credentials list": (
        {"credentials": [SECRET]},
        "Config key `credentials` has an invalid value; ",
    ),
    "no token": ({"credentials": {}}, "Config key `credentials` has an invalid value; "),
    "both kinds": (
        {"credentials": {**PAT, **OAUTH}},
        "`client_id`, `client_secret` and `refresh_token`, not with both.",
    ),
    "empty token": (
        {"credentials": {"personal_access_token": " "}},
        "Config key `credentials.personal_access_token` has an invalid value; provide a personal ",
    ),
    "token number": (
        {"credentials": {"personal_access_token": 1}},
        "Config key `credentials.personal_access_token` has an invalid value; provide a personal ",
    ),
    "token null": (
        {"credentials": {"personal_access_token": None, "option_title": "PAT Credentials"}},
        "Config key `credentials.personal_access_token` is missing; provide a personal access ",
    ),
    "typo in the token's key": (
        {"credentials": {"personal_acces_token": SECRET}},
        "Config key `credentials` has an invalid value; provide an object with `personal_access_",
    ),
    "client secret missing": (
        {"credentials": {"client_id": "1", "refresh_token": SECRET}},
        "Config key `credentials.client_secret` is missing; provide the client secret of your ",
    ),
    "refresh token null": (
        {"credentials": {**OAUTH, "refresh_token": None}},
        "Config key `credentials.refresh_token` is missing; provide the refresh token that the ",
    ),
    "unknown kind": (
        {"credentials": {**PAT, "option_title": "Password"}},
        "Config key `credentials.option_title` has an invalid value; provide `PAT Credentials`",
    ),
    "workspace_ids text": (
        {"credentials": PAT, "workspace_ids": "12"},
        "Config key `workspace_ids` is not a list; provide a list such as [",
    ),
    "project_ids broken numbers": (
        {"credentials": PAT, "project_ids": [12.5]},
        "Config key `project_ids` has a value that is not an Asana ID (entry 1); provide a list ",
    ),
    "team_ids words": (
        {"credentials": PAT, "team_ids": ["Marketing"]},
        "Config key `team_ids` has a value that is not an Asana ID (entry 1); provide a list such ",
    ),
    "exclude_project_ids with a blank": (
        {"credentials": PAT, "exclude_project_ids": ["12 34"]},
        "Config key `exclude_project_ids` has a value that is not an Asana ID (entry 1); ",
    ),
    "organization_export_ids": (
        {"credentials": PAT, "organization_export_ids": [""]},
        "Config key `organization_export_ids` has a value that is not an Asana ID (entry 1); ",
    ),
    "portfolio_ids address": (
        {"credentials": PAT, "portfolio_ids": ["https://app.asana.com/0/12"]},
        "Config key `portfolio_ids` has a value that is not an Asana ID (entry 1); ",
    ),
    "start_date": (
        {"credentials": PAT, "start_date": "yesterday"},
        "Config key `start_date` has an invalid value; provide a date-time such as ",
    ),
    "num_workers 0": (
        {"credentials": PAT, "num_workers": 0},
        "Config key `num_workers` has an invalid value; provide a whole number from 1 to 40.",
    ),
    "num_workers text": (
        {"credentials": PAT, "num_workers": "41"},
        "Config key `num_workers` has an invalid value; provide a whole number from 1 to 40.",
    ),
    "num_workers true": (
        {"credentials": PAT, "num_workers": True},
        "Config key `num_workers` has an invalid value; provide a whole number from 1 to 40.",
    ),
    "requests_per_minute": (
        {"credentials": PAT, "requests_per_minute": 10_000},
        "Config key `requests_per_minute` has an invalid value; provide a whole number from 15 ",
    ),
    "change_detection": (
        {"credentials": PAT, "change_detection": "webhooks"},
        "Config key `change_detection` has an invalid value; provide `auto`, `search`, ",
    ),
    "include_archived_projects": (
        {"credentials": PAT, "include_archived_projects": "maybe"},
        "Config key `include_archived_projects` has an invalid value; provide true or false.",
    ),
    "full_scan_interval_hours": (
        {"credentials": PAT, "full_scan_interval_hours": -1},
        "Config key `full_scan_interval_hours` has an invalid value; provide a whole number from ",
    ),
    "api_url http": (
        {"credentials": PAT, "api_url": "http://asana.example.com"},
        "Config key `api_url` has an invalid value; provide an https URL (http is accepted ",
    ),
    "api_url with a password": (
        {"credentials": PAT, "api_url": "https://me:pass@asana.example.com"},
        "Config key `api_url` has an invalid value; provide an https URL (http is accepted ",
    ),
    "api_url file": (
        {"credentials": PAT, "api_url": "file:///etc/passwd"},
        "Config key `api_url` has an invalid value; provide an https URL (http is accepted ",
    ),
}


@pytest.mark.parametrize(("config", "said"), CONFIGS.values(), ids=CONFIGS)
def test_a_configuration_that_is_wrong(config: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    text = config if isinstance(config, str) else json.dumps(config)
    path.write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(AirbyteTracedException) as raised:
        parse_config(SourceAsana.read_config(str(path)))
    assert raised.value.failure_type is FailureType.config_error
    sentence = str(raised.value.message)
    assert said in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert SECRET not in sentence + str(raised.value.internal_message)


def test_a_wrong_configuration_is_the_same_mistake_for_each_command() -> None:
    config = {"credentials": {"personal_access_token": ""}}
    said = command("discover", config).mistake
    assert said.startswith("Config key `credentials.personal_access_token` has an invalid value; ")
    assert checked(command("check", config)) == said
    assert command("read", config, catalog=catalog(["tags"])).mistake == said


def test_unknown_keys_are_warned_about_and_ignored(asana: Sandbox, small: Small) -> None:
    sync = read(asana, ["tags"], start="2024-01-01", __injected=True)
    assert sync.gids("tags") == [small.tag]
    assert sync.warnings == [
        "Unknown config keys are ignored: start. Correct their spelling, or remove them."
    ]


def test_a_misspelled_key_is_a_mistake_for_each_command(asana: Sandbox) -> None:
    config = config_for(asana, track_deletion=True)
    said = "Config key `track_deletion` is unknown; did you mean `track_deletions`? Correct or "
    assert checked(command("check", config)).startswith(said)
    assert command("discover", config).mistake.startswith(said)
    assert command("read", config, catalog=catalog(["tags"])).mistake.startswith(said)
    assert asana.log == []


def test_ids_may_be_the_urls_of_pages(asana: Sandbox, small: Small) -> None:
    urls = [f"https://app.asana.com/1/12/project/{small.first}/list/34"]
    sync = read(asana, ["projects"], project_ids=urls)
    assert (sync.errors, sync.gids("projects")) == ([], [small.first])
    checked_too = command("check", config_for(asana, project_ids=urls))
    assert (checked_too.connection or {}).get("status") == "SUCCEEDED"


ENTRY = {"sync_mode": "full_refresh", "destination_sync_mode": "append"}
NO_CATALOG = "is not a configured catalog; provide an object with a list `streams`, each item with "
CATALOGS: dict[str, tuple[Any, str]] = {
    "a number without end": (LONG_NUMBER, NO_CATALOG),
    "no JSON": ("{", "is not valid JSON (line 1, column 2); correct the file."),
    "list": ([], NO_CATALOG),
    "null": (None, NO_CATALOG),
    "no streams": ({}, NO_CATALOG),
    "streams a text": ({"streams": "tasks"}, NO_CATALOG),
    "a stream's name only": ({"streams": ["tasks"]}, NO_CATALOG),
    "no stream": ({"streams": [ENTRY]}, NO_CATALOG),
    "no name": ({"streams": [{**ENTRY, "stream": {}}]}, NO_CATALOG),
    "unknown mode": (
        {"streams": [{**catalog(["tags"])["streams"][0], "sync_mode": "sometimes"}]},
        NO_CATALOG,
    ),
    "unknown stream": (
        {
            "streams": [
                {
                    **ENTRY,
                    "stream": {
                        "name": "taskz",
                        "json_schema": {},
                        "supported_sync_modes": ["full_refresh"],
                    },
                }
            ]
        },
        "The catalog names a stream `taskz` that Asana's source does not have: remove it.",
    ),
}


@pytest.mark.parametrize(("content", "said"), CATALOGS.values(), ids=CATALOGS)
def test_a_catalog_that_is_wrong(asana: Sandbox, content: Any, said: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    sync = command("read", config_for(asana), catalog=text)
    assert said in sync.mistake
    assert asana.token not in sync.text
    assert asana.log == []


def state(stream: str = "tasks", **content: Any) -> list[dict[str, Any]]:
    """Return the state of one stream as a platform hands it over."""
    descriptor = {"stream_descriptor": {"name": stream}, "stream_state": content}
    return [{"type": "STREAM", "stream": descriptor}]


NO_STATE = (
    "is not a list of Airbyte state messages per stream; provide the states that an earlier sync "
    "printed, each of type STREAM, or none."
)
DAMAGED = (
    "The state of stream `tasks` was not written by this connector, or it is damaged: reset the "
    "stream, so that it is read again."
)
NEWER = (
    "The state of stream `tasks` was written by a newer version of this connector: use that "
    "version, or reset the stream, so that it is read again."
)


def of_type_global(**shared: Any) -> list[dict[str, Any]]:
    """Return the states of all streams in one."""
    streams = [one["stream"] for one in state(v=3)]
    return [{"type": "GLOBAL", "global": {"stream_states": streams, "shared_state": shared}}]


STATES: dict[str, tuple[Any, str]] = {
    "no JSON": ("[", "is not valid JSON (line 1, column 2); correct the file."),
    "a number without end": (LONG_NUMBER, NO_STATE),
    "truncated": (json.dumps(state(v=1, bounds={"1": 2}))[:-9], "is not valid JSON (line 1, "),
    "an object": ({"tasks": {"modified_at": "2024-01-01"}}, NO_STATE),
    "a number": (7, NO_STATE),
    "a list of texts": (["tasks"], NO_STATE),
    "no descriptor": ([{"type": "STREAM", "stream": {}}], NO_STATE),
    "no stream": ([{"type": "STREAM"}], NO_STATE),
    "legacy": ([{"type": "LEGACY", "data": {}}], NO_STATE),
    "legacy, as of old": ([{"data": {"tasks": {}}}], "The state " + NO_STATE),
    "global": (of_type_global(), "The state " + NO_STATE),
    "global, shared": (of_type_global(v=3), "The state " + NO_STATE),
    "global among others": (
        [*state(v=3), *of_type_global()],
        "The state " + NO_STATE,
    ),
    "a newer version": (state(v=99, bounds={}), NEWER),
    "listings a list": (state(v=3, listings=[1]), DAMAGED),
    "listings of texts": (state(v=3, listings={"12": "2024-01-01"}), DAMAGED),
    "listings of truths": (state(v=3, listings={"12": True}), DAMAGED),
    "listings of nothing": (state(v=3, listings={"12": None}), DAMAGED),
}


@pytest.mark.parametrize(("content", "said"), STATES.values(), ids=STATES)
def test_a_state_that_is_wrong(asana: Sandbox, content: Any, said: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    wanted = catalog(["tasks"], incremental=True)
    sync = command("read", config_for(asana), catalog=wanted, state=text)
    assert said in sync.mistake
    assert asana.token not in sync.text
    assert asana.log == []


@pytest.mark.parametrize(
    ("stream", "content"),
    [
        ("stories", {"v": 3, "tasks": "x"}),
        ("stories", {"v": 3, "tasks": {"partitions": [1]}}),
        ("projects", {"v": 3, "ledger": {"12": "no base64!"}}),
        ("projects", {"v": 3, "ledger": 5}),
        ("projects", {"v": 3, "synced_at": "soon"}),
        ("projects", {"v": 3, "synced_at": 10**30}),
        ("project_status_updates", {"v": 3, "gates": {"12": [1]}}),
        ("project_status_updates", {"v": 3, "scanned": "x"}),
        ("project_status_updates", {"v": 3, "scanned": [7]}),
        ("events", {"v": 3, "tokens": {"12": 5}}),
        ("time_tracking_entries", {"v": 3, "listings": {"numbers": 7}}),
        ("subtasks", {"v": 3, "watermarks": 1}),
        ("subtasks", {"v": 3, "failed": ["12"]}),
        ("subtasks", {"v": 3, "dropped": 7}),
        ("audit_log_events", {"v": "3"}),
    ],
)
def test_a_damaged_state_of_each_kind(asana: Sandbox, stream: str, content: Any) -> None:
    damaged = state(stream, **content)
    sync = read(asana, [stream], incremental=True, state=damaged)
    assert sync.mistake == DAMAGED.replace("`tasks`", f"`{stream}`")


def test_states_that_are_no_mistake(asana: Sandbox, small: Small) -> None:
    for harmless in (
        [],
        None,
        state("tasks"),
        state("tasks", __ab_no_cursor_state_message=True),
        state("tasks", __ab_full_refresh_sync_complete=True),
        state("a_stream_of_old", v=1),
        state("tasks", v=1, bounds={"12": 1700000000000}),
        state("tasks", v=2, ledger={"homes": []}),
    ):
        sync = read(asana, ["tasks", "tags"], incremental=True, state=harmless)
        assert sync.errors == [], harmless
        assert sync.gids("tasks") == sorted(small.tasks)


FOREIGN_STATES = (
    "These streams have a state of another connector, which counts as none, so a sync reads "
    "them completely: stories, tasks."
)
FOREIGN: dict[str, dict[str, Any]] = {
    "a bound": {"modified_at": "2099-01-01T00:00:00Z"},
    "bounds by partition": {
        "use_global_cursor": False,
        "states": [{"partition": {"project_gid": "1"}, "cursor": {"modified_at": "2099-01-01"}}],
        "state": {"modified_at": "2099-01-01"},
        "lookback_window": 3,
    },
    "keys of ours": {"listings": [1], "synced_at": 10**30, "dropped": ["ledger"]},
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_state_of_another_connector_counts_as_none(
    asana: Sandbox, small: Small, content: Any
) -> None:
    names = ["tasks", "stories", "tags", "workspaces"]
    given = [*state("tasks", **content), *state("stories", **content), *state("tags", v=1)]
    # Nobody asks for a stream that is not selected.
    sync = read(asana, names, incremental=True, state=[*given, *state("users", **content)])
    assert sync.errors == []
    assert all(sync.complete(name) for name in names)
    assert sync.gids("tasks") == sorted(small.tasks)
    assert sync.gids("stories") == sorted(row["gid"] for row in asana.truth("stories"))
    assert sync.warnings == [FOREIGN_STATES]
    again = read(asana, names, incremental=True, state=sync.state)
    assert (again.warnings, again.errors, again.gids("tasks")) == ([], [], [])


def test_a_full_refresh_ignores_any_state(asana: Sandbox, small: Small) -> None:
    sync = read(asana, ["tasks"], state=state("tasks", modified_at="2099-01-01"))
    assert sync.errors == []
    assert sync.gids("tasks") == sorted(small.tasks)
    assert sync.warnings == []


def test_workspaces_whose_pages_never_end(asana: Sandbox) -> None:
    page = {"data": [], "next_page": {"offset": "the-same"}}
    asana.fault("status", "/workspaces", times=None, status=200, body=page)
    said = checked(command("check", config_for(asana)))
    assert "Asana names a page as the next one that it has named before" in said
    assert len(asana.log) < 5
