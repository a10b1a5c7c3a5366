"""The settings: what configurations mean, and that the spec and the model agree."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from jsonschema import Draft7Validator

import source_asana
from source_asana.config import (
    Settings,
    parse_config,
    plain,
    unknown_keys,
)
from source_asana.masking import mask

API_URL = "https://app.asana.com/api/1.0"
PAT = {"personal_access_token": "a-long-token"}
OAUTH = {"client_id": "12", "client_secret": "client-secret", "refresh_token": "refresh-token"}


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    """Return the connection specification of the manifest."""
    manifest = Path(source_asana.__file__).with_name("manifest.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(manifest)["spec"]["connection_specification"]
    return found


def accepted(config: Any) -> bool:
    """Return whether the model takes a configuration."""
    try:
        parse_config(config)
    except AirbyteTracedException:
        return False
    return True


def test_the_defaults() -> None:
    settings = parse_config({"credentials": PAT})
    assert asdict(settings) == {
        "organization_export_ids": [],
        "test_mode": None,
        "num_workers": 20,
        "workspace_ids": [],
        "project_ids": [],
        "exclude_project_ids": [],
        "team_ids": [],
        "portfolio_ids": [],
        "include_archived_projects": True,
        "start_date": None,
        "include_tasks_without_project": True,
        "change_detection": "auto",
        "search_overlap_minutes": 15,
        "full_scan_interval_hours": None,
        "time_entries_lookback_days": 30,
        "track_deletions": False,
        "requests_per_minute": None,
        "custom_field_columns": False,
        "bulk_export": False,
        "bulk_export_timeout_minutes": 360,
        "api_url": API_URL,
    }


@pytest.mark.parametrize(
    ("settings", "tells_deletions", "hours"),
    [
        ({}, False, 168),
        ({"track_deletions": True}, False, 24),
        ({"track_deletions": True}, True, 168),
        ({"track_deletions": True, "full_scan_interval_hours": 5}, False, 5),
        ({"full_scan_interval_hours": 0}, True, 0),
    ],
)
def test_full_scans_are_rare_unless_only_they_show_deletions(
    settings: dict[str, Any], hours: int, *, tells_deletions: bool
) -> None:
    parsed = parse_config({"credentials": PAT, **settings})
    assert parsed.scan_hours(tells_deletions=tells_deletions) == hours


def test_spec_and_model_have_the_same_keys(spec: dict[str, Any]) -> None:
    assert set(spec["properties"]) == {"credentials", *(one.name for one in fields(Settings))}
    assert spec["required"] == ["credentials"]


def visible(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the form in Airbyte shows: key -> entry."""
    return {k: v for k, v in spec["properties"].items() if not v.get("airbyte_hidden")}


def test_the_form_shows_first_what_most_people_need(spec: dict[str, Any]) -> None:
    shown = visible(spec)
    orders = {entry["order"]: key for key, entry in shown.items()}
    assert sorted(orders) == list(range(len(shown))), "each key has an order of its own"
    assert list(shown) == [orders[place] for place in sorted(orders)]
    unfolded = [key for key, entry in shown.items() if entry.get("always_show")]
    assert unfolded == ["project_ids", "start_date", "track_deletions", "custom_field_columns"]
    assert list(shown)[:5] == ["credentials", *unfolded]


def test_each_key_is_in_one_of_the_forms_groups(spec: dict[str, Any]) -> None:
    titles = {group["id"]: group.get("title") for group in spec["groups"]}
    groups = [entry["group"] for entry in visible(spec).values()]
    assert list(dict.fromkeys(groups)) == list(titles), "in the order of the form"
    assert titles == {"auth": None, "scope": "What to read", "advanced": "Advanced"}
    assert groups[:5] == ["auth", *["scope"] * 4]
    assert set(groups[5:]) == {"advanced"}


def test_examples_are_good_values(spec: dict[str, Any]) -> None:
    with_examples = {k: v for k, v in visible(spec).items() if "examples" in v}
    for key, entry in with_examples.items():
        for example in entry["examples"]:
            assert accepted({"credentials": PAT, key: example}), key
    # Where neither a choice nor a default shows what a value looks like.
    bare = {k for k, v in visible(spec).items() if not v.get("default") and "enum" not in v}
    flags = {k for k, v in visible(spec).items() if v["type"] == "boolean"}
    assert bare - flags - {"credentials"} <= set(with_examples)


LISTS: list[Any] = [[], ["12"], [12], [" 12 "], None, ["x"], [""], [True], "12", {}]
LONG_LISTS: list[Any] = [["1" * 32], ["1" * 33], [None], [["1"]]]
VALUES: tuple[tuple[str, Any], ...] = (
    *[("num_workers", value) for value in (1, 40, 0, 41, 2.5, 10.0, True, None)],
    *[("num_workers", value) for value in ("5", " 40 ", "10.0", "0", "41", "2.5", "-5", "5e0", "")],
    *[("requests_per_minute", value) for value in (15, 1500, 14, 1501, "150", None)],
    *[("search_overlap_minutes", value) for value in (1, 1440, 0, 1441, None)],
    *[("full_scan_interval_hours", value) for value in (0, 8760, -1, 8761, None)],
    *[("time_entries_lookback_days", value) for value in (0, 3650, -1, 3651, None)],
    *[("bulk_export_timeout_minutes", value) for value in (0, 2.5, "2.5", "1440", "1441", None)],
    *[("change_detection", value) for value in ("auto", "listing", "search", "events", 1, None)],
    *[("include_archived_projects", value) for value in (True, False, None, "true", " false ", 1)],
    *[("include_tasks_without_project", value) for value in (True, False, None, "no")],
    *[("track_deletions", value) for value in (True, False, None, "yes", "1", "", 1)],
    *[("test_mode", value) for value in (True, None, "yes")],
    *[("custom_field_columns", value) for value in (True, False, None, "true", 1)],
    *[("workspace_ids", value) for value in LISTS],
    *[("project_ids", value) for value in LONG_LISTS],
)


@pytest.mark.parametrize(("key", "value"), VALUES)
def test_spec_and_model_agree_about_values(spec: dict[str, Any], key: str, value: Any) -> None:
    agree(spec, {"credentials": PAT, key: value})


def agree(spec: dict[str, Any], config: dict[str, Any]) -> None:
    """Assert that the model takes what the spec does, and makes what else it takes plain."""
    valid = Draft7Validator(spec).is_valid
    if accepted(config):
        made = plain(config)
        assert valid(made)
        assert parse_config(made) == parse_config(config)
        assert plain(made) == made
    else:
        assert not valid(config)


@pytest.mark.parametrize(
    "credentials",
    [
        PAT,
        OAUTH,
        {**PAT, "option_title": "PAT Credentials"},
        {**PAT, "option_title": None, "client_id": None},
        {**OAUTH, "option_title": "OAuth Credentials"},
        {},
        {"personal_access_token": ""},
        {**PAT, "option_title": "OAuth Credentials"},
        {key: value for key, value in OAUTH.items() if key != "client_id"},
        {key: value for key, value in OAUTH.items() if key != "refresh_token"},
        "a-long-token",
        [],
        None,
    ],
)
def test_spec_and_model_agree_about_credentials(spec: dict[str, Any], credentials: Any) -> None:
    agree(spec, {"credentials": credentials})


def test_secrets_are_secret_in_the_spec(spec: dict[str, Any]) -> None:
    hidden = {
        name
        for kind in spec["properties"]["credentials"]["oneOf"]
        for name, entry in kind["properties"].items()
        if entry.get("airbyte_secret")
    }
    assert hidden == {"personal_access_token", "client_id", "client_secret", "refresh_token"}


def test_both_kinds_of_credentials_are_named() -> None:
    for given, title in ((PAT, "PAT Credentials"), (OAUTH, "OAuth Credentials")):
        made = plain({"credentials": given})["credentials"]
        assert made == {**given, "option_title": title}
        assert plain({"credentials": made})["credentials"] == made


@pytest.mark.parametrize("token", ["two\nlines", "two words", "a-tok€n", "•••••", "a\x00b", " "])
def test_what_no_header_can_carry_is_no_token(token: str) -> None:
    assert not accepted({"credentials": {"personal_access_token": token}})


def test_a_token_is_stripped() -> None:
    made = plain({"credentials": {"personal_access_token": " 1/2:3 \n"}})
    assert made["credentials"]["personal_access_token"] == "1/2:3"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02T03:04:05.678Z", datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)),
        ("2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("2024-01-02T03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (" 2024-01-02 ", datetime(2024, 1, 2, tzinfo=UTC)),
        ("20240102", datetime(2024, 1, 2, tzinfo=UTC)),
    ],
)
def test_start_dates(text: str, moment: datetime) -> None:
    said = parse_config({"credentials": PAT, "start_date": text}).start_date
    assert said
    assert said.endswith("Z")
    assert datetime.fromisoformat(said) == moment


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "2024-13-01",
        20240101,
        "1704067200",
        "2024",
        1.5,
        True,
        [],
        "12:00",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_what_is_no_start_date(value: Any) -> None:
    assert not accepted({"credentials": PAT, "start_date": value})


def test_a_plain_configuration_has_no_nulls_and_the_types_of_the_spec() -> None:
    given = {
        "credentials": {**PAT, "option_title": None, "of_the_platform": "x"},
        "num_workers": " 10 ",
        "bulk_export_timeout_minutes": "2.5",
        "track_deletions": "true",
        "bulk_export": "false",
        "full_scan_interval_hours": None,
        "project_ids": [12, " 13 "],
        "of_another_connector": 1,
    }
    assert plain(given) == {
        "credentials": {**PAT, "option_title": "PAT Credentials", "of_the_platform": "x"},
        "num_workers": 10,
        "bulk_export_timeout_minutes": 2.5,
        "track_deletions": True,
        "bulk_export": False,
        "project_ids": ["12", "13"],
        "of_another_connector": 1,
    }


@pytest.mark.parametrize("value", ["41", "0", "10 20", "ten", "true", "1_0", "9" * 5000])
def test_a_text_that_is_no_such_number_is_a_mistake(value: str) -> None:
    with pytest.raises(AirbyteTracedException) as raised:
        parse_config({"credentials": PAT, "num_workers": value})
    assert raised.value.message == (
        "Config key `num_workers` has an invalid value; provide a whole number from 1 to 40."
    )


def test_ids_may_be_numbers_in_older_configurations() -> None:
    settings = parse_config({"credentials": PAT, "project_ids": [1201234567890123, "7"]})
    assert settings.project_ids == ["1201234567890123", "7"]


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://app.asana.com/api/1.0", True),
        ("https://app.asana.com/api/1.0/", True),
        ("https://proxy.example.com:8443/asana", True),
        ("http://127.0.0.1:8700/api/1.0", True),
        ("http://localhost:8700", True),
        ("http://[::1]:8700", True),
        ("http://app.asana.com/api/1.0", False),
        ("http://127.0.0.1.example.com", False),
        ("https://user:secret@app.asana.com", False),
        ("https://user@app.asana.com", False),
        ("https://app.asana.com?x=1", False),
        ("https://app.asana.com#x", False),
        ("https://", False),
        ("ftp://app.asana.com", False),
        ("app.asana.com", False),
        ("", False),
        ("https://[", False),
        ("https://app.asana.com:port", False),
        ("https://app.asana.com:99999", False),
        ("https://*.asana.com", False),
        (7, False),
    ],
)
def test_api_urls(url: Any, good: bool) -> None:  # noqa: FBT001 - a column of the table
    assert accepted({"credentials": PAT, "api_url": url}) is good


def test_an_api_url_ends_without_a_slash() -> None:
    settings = parse_config({"credentials": PAT, "api_url": API_URL + "/"})
    assert settings.api_url == API_URL


@pytest.mark.parametrize(
    ("settings", "by_project", "loose"),
    [
        ({}, False, True),
        ({"include_tasks_without_project": False}, False, False),
        ({"project_ids": ["1"]}, True, False),
        ({"team_ids": ["1"]}, True, False),
        ({"exclude_project_ids": ["1"]}, False, True),
        ({"workspace_ids": ["1"]}, False, True),
    ],
)
def test_when_tasks_in_no_project_are_read(
    settings: dict[str, Any],
    by_project: bool,  # noqa: FBT001 - columns of the table
    loose: bool,  # noqa: FBT001
) -> None:
    parsed = parse_config({"credentials": PAT, **settings})
    assert parsed.listed_by_project_only is by_project
    assert parsed.reads_tasks_without_project is loose


@pytest.mark.parametrize("config", [None, [], "x", 7, True])
def test_what_is_no_configuration(config: Any) -> None:
    with pytest.raises(AirbyteTracedException) as raised:
        parse_config(config)
    assert raised.value.failure_type is FailureType.config_error
    assert raised.value.message == (
        "The config is not a JSON object; provide an object with `credentials`."
    )


def test_keys_of_the_platform_are_not_unknown() -> None:
    assert unknown_keys({"credentials": PAT, "start": 1, "page": 2, "__injected_manifest": {}}) == [
        "page",
        "start",
    ]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("track_deletion", "track_deletions"),
        ("trackDeletions", "track_deletions"),
        ("project_id", "project_ids"),
        ("projects", "project_ids"),
        ("startdate", "start_date"),
        ("credential", "credentials"),
    ],
)
def test_a_key_that_is_nearly_right_is_a_mistake(key: str, meant: str) -> None:
    with pytest.raises(AirbyteTracedException) as raised:
        parse_config({"credentials": PAT, key: None})
    assert raised.value.failure_type is FailureType.config_error
    assert raised.value.message == (
        f"Config key `{key}` is unknown; did you mean `{meant}`? Correct or remove it."
    )


@pytest.mark.parametrize(
    "others",
    [
        # Airbyte's own source has these keys.
        {"organization_export_ids": ["12"], "num_workers": 10, "test_mode": True},
        # And these are tap-asana's.
        {"client_id": "1", "client_secret": "x", "redirect_uri": "x", "request_timeout": 300},
        {"user_agent": "x", "streams": [], "access_token": "x", "page_size": 50, "end_date": None},
    ],
)
def test_keys_of_other_connectors_are_no_mistake(others: dict[str, Any]) -> None:
    assert accepted({"credentials": PAT, **others})


IN_A_URL = {
    "project_ids": "https://app.asana.com/0/1201234567890123/list",
    "exclude_project_ids": "https://app.asana.com/1/12/project/1201234567890123/list/34",
    "portfolio_ids": "https://app.asana.com/0/portfolio/1201234567890123/list",
    "team_ids": "https://app.asana.com/1/12/team/1201234567890123/overview",
    "workspace_ids": "https://app.asana.com/1/1201234567890123/home",
}


@pytest.mark.parametrize(("key", "url"), IN_A_URL.items())
def test_an_id_may_be_given_as_the_url_of_its_page(
    spec: dict[str, Any], key: str, url: str
) -> None:
    config = {"credentials": PAT, key: ["12", url]}
    assert Draft7Validator(spec).is_valid(config)
    settings = parse_config(config)
    assert getattr(settings, key) == ["12", "1201234567890123"]
    same = parse_config({"credentials": PAT, key: ["12", "1201234567890123"]})
    assert settings.selection == same.selection


def test_an_entry_that_is_no_id_is_named_by_its_place() -> None:
    url = "https://app.asana.com/0/1201234567890123/overview"
    with pytest.raises(AirbyteTracedException) as raised:
        parse_config({"credentials": PAT, "team_ids": ["12", url]})
    assert raised.value.message == (
        "Config key `team_ids` has a value that is not an Asana ID (entry 2); provide a list such "
        'as ["1201234567890123"], each entry the digits of an Asana ID, or the URL of its page.'
    )


def test_every_text_below_credentials_is_masked() -> None:
    odd = {"credentials": {"personal_acces_token": "odd-secret-1", "more": ["odd-secret-2"]}}
    with pytest.raises(AirbyteTracedException) as raised:
        parse_config(odd)
    assert "odd-secret" not in str(raised.value.message)
    assert "odd-secret" not in filter_secrets("said odd-secret-1 and odd-secret-2")
    assert filter_secrets("PAT Credentials") == "PAT Credentials"


def test_a_token_that_holds_the_clients_id_is_masked_whole() -> None:
    client = "1201234567890123"
    token = f"2/1209876543210987/{client}:0123456789abcdef"
    given = {"client_id": client, "client_secret": "the-client-secret", "refresh_token": token}
    parse_config({"credentials": given})
    assert filter_secrets(f"sent {token} of {client}") == "sent **** of ****"
    mask(access := f"2/1209876543210987/{client}:fedcba9876543210")
    assert filter_secrets(f"sent {access}, then {token}") == "sent ****, then ****"


def test_a_token_is_masked_as_it_is_sent() -> None:
    parse_config({"credentials": {"personal_access_token": " 2/1209876543210987:0123 \n"}})
    assert filter_secrets("Bearer 2/1209876543210987:0123") == "Bearer ****"


def test_secrets_of_an_earlier_configuration_are_forgotten() -> None:
    parse_config({"credentials": {"personal_access_token": "earlier-token"}})
    parse_config({"credentials": PAT})
    assert filter_secrets("earlier-token a-long-token") == "earlier-token ****"


def test_a_mistake_quotes_no_value() -> None:
    with pytest.raises(AirbyteTracedException) as raised:
        parse_config({"credentials": PAT, "num_workers": "my-password"})
    assert raised.value.message == (
        "Config key `num_workers` has an invalid value; provide a whole number from 1 to 40."
    )
    assert "my-password" not in str(raised.value.internal_message)
