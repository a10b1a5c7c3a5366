"""The connector's configuration: parsed and checked once, with one sentence for every mistake."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from source_asana.masking import register_secrets

# How many hours apart full scans are, unless the settings say so.
DAILY, WEEKLY = 24, 168
DEFAULT_API_URL = "https://app.asana.com/api/1.0"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# From this similarity on an unknown key is taken for a misspelled one: `workspace_id`, `projects`.
NEAR = 0.8


def config_error(message: str, *, internal: str | None = None) -> AirbyteTracedException:
    """Return the error for something that only the user can fix.

    Args:
        message: one sentence that names the key and the remedy; it must hold no secret.
        internal: what a developer wants to know in addition.
    """
    return AirbyteTracedException(
        message=message, internal_message=internal or message, failure_type=FailureType.config_error
    )


def _gid(value: Any) -> Any:
    # Older configurations hold numbers, which are exact in JSON.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _from_text(value: Any) -> Any:
    """Return the number or the flag that a text stands for, anything else as it is.

    Scripts and older forms send texts. JSON Schema takes 10.0 for an integer, so it is one here.
    """
    text = value.strip() if isinstance(value, str) else ""
    if text in {"true", "false"}:
        return text == "true"
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        value = float(text)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _day(value: Any) -> Any:
    # pydantic takes other digits for seconds since 1970, `20240101` for a day of that year.
    if not (isinstance(value, str) and re.match(r"\s*[0-9]{4}-", value)):
        raise ValueError("day")
    return value


Gid = Annotated[
    str,
    BeforeValidator(_gid),
    StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{1,32}$"),
]
Flag = Annotated[bool, Strict(), BeforeValidator(_from_text)]
Whole = Annotated[int, Strict(), BeforeValidator(_from_text)]
Number = Annotated[float, Strict(), BeforeValidator(_from_text)]
Gids = list[Gid]
Secret = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
# A token is sent in a header, which takes neither line breaks nor letters beyond ASCII.
Token = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[!-~]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class PersonalAccessToken(_Strict):
    """A personal access token, or the token of a service account."""

    option_title: Literal["PAT Credentials"] | None = None
    personal_access_token: Token


class OAuth(_Strict):
    """Client and refresh token of an OAuth app."""

    option_title: Literal["OAuth Credentials"] | None = None
    client_id: Secret
    client_secret: Secret
    refresh_token: Secret


def _utc(value: datetime) -> datetime:
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("year") from None


class Settings(_Strict):
    """The settings of a sync; keys, types and defaults are those of the manifest's spec."""

    credentials: PersonalAccessToken | OAuth
    organization_export_ids: Gids = []
    test_mode: Flag | None = None
    num_workers: Whole = Field(default=20, ge=1, le=40)
    workspace_ids: Gids = []
    project_ids: Gids = []
    exclude_project_ids: Gids = []
    team_ids: Gids = []
    portfolio_ids: Gids = []
    include_archived_projects: Flag = True
    start_date: Annotated[datetime, BeforeValidator(_day), AfterValidator(_utc)] | None = None
    include_tasks_without_project: Flag = True
    change_detection: Literal["auto", "search", "events", "listing"] = "auto"
    search_overlap_minutes: Whole = Field(default=15, ge=1, le=1440)
    full_scan_interval_hours: Whole | None = Field(default=None, ge=0, le=8760)
    time_entries_lookback_days: Whole = Field(default=30, ge=0, le=3650)
    track_deletions: Flag = False
    requests_per_minute: Whole | None = Field(default=None, ge=15, le=1500)
    custom_field_columns: Flag = False
    bulk_export: Flag = False
    bulk_export_timeout_minutes: Number = Field(default=360, ge=0, le=1440)
    api_url: str = DEFAULT_API_URL

    @model_validator(mode="before")
    @classmethod
    def _nulls_are_defaults(cls, data: Any) -> Any:
        return _without_nulls(data) if isinstance(data, Mapping) else data

    @field_validator("*", mode="before")
    @classmethod
    def _ids_of_urls(cls, value: Any, info: ValidationInfo) -> Any:
        name = str(info.field_name)
        if not name.endswith("_ids") or not isinstance(value, list):
            return value
        kind = name.removeprefix("exclude_").removesuffix("_ids")
        return [(isinstance(one, str) and gid_in(one.strip(), kind)) or one for one in value]

    @field_validator("credentials", mode="before")
    @classmethod
    def _which_credentials(cls, value: Any) -> Any:
        # A union would answer with the errors of both kinds. The keys decide which one is checked.
        if not isinstance(value, Mapping):
            return value
        data = _without_nulls(value)
        kinds = {"personal_access_token", *OAuth.model_fields} & data.keys()
        if "option_title" not in data and (not kinds or kinds > {"personal_access_token"}):
            raise ValueError("neither kind, or both")
        if "personal_access_token" in data or data.get("option_title") == "PAT Credentials":
            return PersonalAccessToken.model_validate({"option_title": "PAT Credentials", **data})
        return OAuth.model_validate({"option_title": "OAuth Credentials", **data})

    @field_validator("api_url")
    @classmethod
    def _api_url(cls, value: str) -> str:
        parts = urlsplit(value)
        secure = parts.scheme == "https" and parts.hostname
        loopback = parts.scheme == "http" and parts.hostname in LOOPBACK
        if not (secure or loopback) or parts.username or parts.query or parts.fragment:
            raise ValueError("https")
        requests.Request("GET", value).prepare()  # raises a ValueError for what it cannot send to
        return value.rstrip("/")

    def scan_hours(self, *, tells_deletions: bool) -> int:
        """Return the interval of full scans.

        Args:
            tells_deletions: whether deletions show without one, as in the audit log.
        """
        if self.full_scan_interval_hours is not None:
            return self.full_scan_interval_hours
        return DAILY if self.track_deletions and not tells_deletions else WEEKLY

    @property
    def listed_by_project_only(self) -> bool:
        """Whether the user named projects or teams, which rules out listings by user and search."""
        return bool(self.project_ids or self.team_ids)

    @property
    def reads_tasks_without_project(self) -> bool:
        """Whether tasks in no project are read, which takes one listing per user."""
        return self.include_tasks_without_project and not self.listed_by_project_only

    @property
    def reads_all_projects(self) -> bool:
        """Whether the settings leave out none of the projects that the token can see."""
        chosen = self.listed_by_project_only or self.exclude_project_ids
        return not chosen and self.include_archived_projects

    @property
    def selection(self) -> dict[str, Any]:
        """The settings that choose what is read, as JSON values."""
        keys = {
            "workspace_ids",
            "project_ids",
            "exclude_project_ids",
            "team_ids",
            "portfolio_ids",
            "include_archived_projects",
            "include_tasks_without_project",
            "start_date",
        }
        return self.model_dump(mode="json", include=keys)

    @property
    def may_search(self) -> bool:
        """Whether search may find changed tasks; a found subtask does not show its project."""
        takes_all = self.reads_all_projects and self.include_tasks_without_project
        return self.change_detection != "listing" and takes_all

    @property
    def may_ask_events(self) -> bool:
        """Whether the events of projects may tell what changed."""
        return self.change_detection in {"auto", "events"}


REMEDIES: Mapping[str, str] = {
    "credentials": (
        "an object with `personal_access_token`, or with `client_id`, `client_secret` and "
        "`refresh_token`, not with both"
    ),
    "personal_access_token": (
        "a personal access token as Asana's developer console shows it, without `Bearer`, spaces, "
        "quotation marks or line breaks"
    ),
    "client_id": "the client ID of your OAuth app",
    "client_secret": "the client secret of your OAuth app",
    "refresh_token": "the refresh token that the OAuth app received",
    "option_title": (
        "`PAT Credentials` with `personal_access_token`, `OAuth Credentials` with the keys of an "
        "OAuth app, or leave it out"
    ),
    "start_date": "a date-time such as 2024-01-01T00:00:00Z",
    "change_detection": "`auto`, `search`, `events` or `listing`",
    "api_url": "an https URL (http is accepted for this machine only)",
    "num_workers": "a whole number from 1 to 40",
    "search_overlap_minutes": "a whole number from 1 to 1440",
    "full_scan_interval_hours": "a whole number from 0 to 8760, or leave it out",
    "time_entries_lookback_days": "a whole number from 0 to 3650",
    "requests_per_minute": "a whole number from 15 to 1500, or leave it out",
    "bulk_export_timeout_minutes": "a number from 0 to 1440",
    "test_mode": "true or false, or leave it out",
    "config": "an object with credentials",
}
GID_LIST = (
    'a list of Asana IDs, which are digits in quotes, such as ["1201234567890123"]: the long '
    "number in the URL of a page"
)


def _sentence(error: Mapping[str, Any]) -> str:
    path = [str(part) for part in error["loc"] if part not in ("PersonalAccessToken", "OAuth")]
    keys = [part for part in path if not part.isdigit()]
    key = ".".join(keys) or "config"
    name = keys[-1] if keys else "config"
    if error["type"] == "missing":
        problem = "is missing"
    elif name.endswith("_ids"):
        places = [int(part) + 1 for part in path if part.isdigit()]
        problem = "is not a list"
        if places:
            problem = f"has a value that is not an Asana ID (entry {places[0]})"
    else:
        problem = "has an invalid value"
    remedy = REMEDIES.get(name, GID_LIST if name.endswith("_ids") else "true or false")
    return f"Config key `{key}` {problem}; provide {remedy}."


class Unusable(dict[str, Any]):
    """A stand-in for a configuration with a mistake, which `parse_config` raises.

    The CDK has `check` validate a configuration with messages that quote its values. This one is
    valid, so that each command reports the mistake in its own way.
    """

    def __init__(self, mistake: AirbyteTracedException) -> None:
        """Hold what the spec requires; none of it is ever used."""
        super().__init__(credentials={"personal_access_token": "0" * 16})
        self.mistake = mistake


def unknown_keys(config: Mapping[str, Any]) -> list[str]:
    """Return the keys that are not in the spec, without those that the platform adds."""
    return sorted(
        key for key in map(str, config) if key not in Settings.model_fields and key[:1] != "_"
    )


def parse_config(config: Any) -> Settings:
    """Return the settings in `config`, a mapping as described by the spec.

    Raises:
        AirbyteTracedException: a config error of one sentence that names the key and the remedy and
            quotes no value.
    """
    if isinstance(config, Unusable):
        raise config.mistake
    if not isinstance(config, Mapping):
        raise config_error("The config is not a JSON object; provide an object with `credentials`.")
    register_secrets(config)
    for key in unknown_keys(config):
        if near := get_close_matches(key, Settings.model_fields, n=1, cutoff=NEAR):
            raise config_error(
                f"Config key `{key}` is unknown; did you mean `{near[0]}`? Correct or remove it."
            )
    try:
        return Settings.model_validate(dict(config))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise config_error(_sentence(first)) from None


def plain(config: Any) -> dict[str, Any]:
    """Return the configuration as the spec describes it: no nulls, and each value of its type.

    `check` of the CDK, and the platform where it stores a renewed token, refuse anything else. Keys
    that are not in the spec stay.

    Raises:
        AirbyteTracedException: as `parse_config` does.
    """
    given = parse_config(config).model_dump(mode="json", exclude_unset=True)
    credentials = {**_without_nulls(config["credentials"]), **given["credentials"]}
    return {**_without_nulls(config), **given, "credentials": credentials}


def _without_nulls(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value is not None}


HOST = "app.asana.com"
# The newer URLs say what each id is of, and so do the older ones of portfolios. An older URL that
# begins with an id is a project's, or that of one of its tasks.
UNNAMED = {"project": r"/0/([1-9][0-9]*)", "workspace": r"/1/([0-9]+)"}


def gid_in(text: str, kind: str) -> str | None:
    """Return the id of an object of this kind in a URL; None if the URL does not tell it.

    Args:
        text: what a user gave, such as `https://app.asana.com/0/1201234567890123/list`.
        kind: `project`, `portfolio`, `team`, `workspace` ...
    """
    try:
        url = urlsplit(text)
    except ValueError:
        return None
    if url.scheme != "https" or url.netloc != HOST:
        return None
    patterns = [rf"/(?:0|1/[0-9]+)/(?:.+/)?{kind}/([0-9]+)", UNNAMED.get(kind)]
    found = [re.match(rf"{pattern}(?:/|$)", url.path) for pattern in patterns if pattern]
    return next((match[1] for match in found if match), None)
