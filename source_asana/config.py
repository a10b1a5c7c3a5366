"""The connector's configuration: made plain and compared with the spec, one sentence a mistake."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from airbyte_cdk.utils.yaml_loader import safe_load_yaml
from jsonschema import Draft7Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from source_asana.masking import register_secrets

# How many hours apart full scans are, unless the settings say so.
DAILY, WEEKLY = 24, 168
# From this similarity on an unknown key is taken for a misspelled one: `workspace_id`, `projects`.
NEAR = 0.8
MANIFEST = safe_load_yaml(Path(__file__).with_name("manifest.yaml").read_bytes())
SPEC: Mapping[str, Any] = MANIFEST["spec"]["connection_specification"]
KEYS: Mapping[str, Any] = SPEC["properties"]
TEXT = {"type": "string"}
PAT_TITLE, OAUTH_TITLE = "PAT Credentials", "OAuth Credentials"
NUMBER = re.compile(r"\s*[0-9]+(\.[0-9]+)?\s*")
# The settings that choose what is read. States keep a digest of them, in this order.
SELECTING = (
    "workspace_ids",
    "project_ids",
    "exclude_project_ids",
    "team_ids",
    "portfolio_ids",
    "include_archived_projects",
    "start_date",
    "include_tasks_without_project",
)


def config_error(message: str, *, internal: str | None = None) -> AirbyteTracedException:
    """Return the error for something that only the user can fix.

    Args:
        message: one sentence that names the key and the remedy; it must hold no secret.
        internal: what a developer wants to know in addition.
    """
    return AirbyteTracedException(
        message=message, internal_message=internal or message, failure_type=FailureType.config_error
    )


@dataclass(frozen=True)
class Settings:
    """The settings of a sync; the manifest's spec says what each means, its range and default.

    The credentials are not among them: the manifest's authenticator takes them from the config.
    """

    organization_export_ids: list[str]
    test_mode: bool | None
    num_workers: int
    workspace_ids: list[str]
    project_ids: list[str]
    exclude_project_ids: list[str]
    team_ids: list[str]
    portfolio_ids: list[str]
    include_archived_projects: bool
    start_date: str | None
    include_tasks_without_project: bool
    change_detection: str
    search_overlap_minutes: int
    full_scan_interval_hours: int | None
    time_entries_lookback_days: int
    track_deletions: bool
    requests_per_minute: int | None
    custom_field_columns: bool
    bulk_export: bool
    bulk_export_timeout_minutes: float
    api_url: str

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
        return {key: getattr(self, key) for key in SELECTING}

    @property
    def may_search(self) -> bool:
        """Whether search may find changed tasks; a found subtask does not show its project."""
        takes_all = self.reads_all_projects and self.include_tasks_without_project
        return self.change_detection != "listing" and takes_all

    @property
    def may_ask_events(self) -> bool:
        """Whether the events of projects may tell what changed."""
        return self.change_detection in {"auto", "events"}


# ── what a value stands for ────────────────────────────────────────────────────────────────────


def plain(config: Any) -> dict[str, Any]:
    """Return the configuration as the spec describes it: no nulls, and each value of its type.

    `check` of the CDK, and the platform where it stores a renewed token, refuse anything else. Keys
    that are not in the spec stay.

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
        if near := get_close_matches(key, KEYS, n=1, cutoff=NEAR):
            raise config_error(
                f"Config key `{key}` is unknown; did you mean `{near[0]}`? Correct or remove it."
            )
    made = {
        key: _value(value, KEYS.get(key, {}), key)
        for key, value in config.items()
        if value is not None
    }
    for error in VALIDATOR.iter_errors(made):
        raise config_error(_sentence(error))
    is_token = "personal_access_token" in made["credentials"]
    made["credentials"].setdefault("option_title", PAT_TITLE if is_token else OAUTH_TITLE)
    return made


def _value(value: Any, node: Mapping[str, Any], key: str) -> Any:
    """Return what a value stands for; scripts and older forms send texts.

    A text that stands for no date, or a URL for no id, becomes None, which the spec refuses.
    """
    match node.get("type"), value:
        case "object", Mapping():
            found = {name: _value(one, TEXT, name) for name, one in value.items()}
            return {name: one for name, one in found.items() if one is not None}
        case "array", list():
            kind = key.removeprefix("exclude_").removesuffix("_ids")
            return [_gid(one, kind) for one in value]
        case "string", str():
            return _utc(value) if "format" in node else value.strip()
        case "boolean", str():
            return {"true": True, "false": False}.get(value.strip(), value)
        case "integer" | "number", str() | float() if NUMBER.fullmatch(str(value)):
            number = float(value)
            # JSON Schema takes 10.0 for an integer, so it is one here.
            return int(number) if number.is_integer() else number
    return value


def _utc(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat().replace("+00:00", "Z")


def _gid(value: Any, kind: str) -> Any:
    # Older configurations hold numbers, which are exact in JSON.
    text = str(value).strip() if type(value) in {int, str} else value
    return gid_in(text, kind) if isinstance(text, str) and "/" in text else text


# ── mistakes, in the spec's words ──────────────────────────────────────────────────────────────


def _one_kind(validator: Any, kinds: Any, value: Any, _: Any) -> Iterator[ValidationError]:
    """Compare credentials with the kind that they are of, so that its own mistake is named."""
    title = value.get("option_title")
    found = [kind for kind in kinds if kind["properties"]["option_title"]["const"] == title]
    found = found or [kind for kind in kinds if value.keys() & set(kind["required"])]
    if len(found) == 1:
        yield from validator.descend(value, found[0])
    else:
        yield ValidationError("neither kind, or both")


VALIDATOR: Validator = extend(Draft7Validator, {"oneOf": _one_kind})(SPEC)  # type: ignore[no-untyped-call]


def _sentence(error: ValidationError) -> str:
    path: list[Any] = list(error.absolute_path)
    node: Any = error.schema
    if error.validator == "required":
        given: Any = error.instance
        path.append(next(key for key in node["required"] if key not in given))
        node, problem = node["properties"][path[-1]], "is missing"
    elif isinstance(path[-1], int):
        problem = f"has a value that is not an Asana ID (entry {path.pop() + 1})"
        node = KEYS[path[0]]
    else:
        problem = "is not a list" if node["type"] == "array" else "has an invalid value"
    return f"Config key `{'.'.join(path)}` {problem}; provide {_remedy(node)}."


def _remedy(node: Mapping[str, Any]) -> str:
    """Return the values that the spec allows, in words."""
    match node:
        case {"oneOf": kinds}:
            needed = (_listed(kind["required"], "and") for kind in kinds)
            return f"an object with {', or with '.join(needed)}, not with both"
        case {"items": {"pattern_descriptor": words}, "examples": [example]}:
            return f"a list such as {json.dumps(example)}, each entry {words}"
        case {"pattern_descriptor": words}:
            return str(words)
        case {"format": kind, "examples": [example]}:
            return f"a {kind} such as {example}"
        case {"enum": choices}:
            return _listed(choices, "or")
        case {"const": title}:
            words = f"`{title}`"
        case {"minimum": least, "maximum": most, "type": kind}:
            words = f"a {'whole ' if kind == 'integer' else ''}number from {least} to {most}"
        case _:
            words = "true or false"
    return words if "default" in node else f"{words}, or leave it out"


def _listed(names: list[str], word: str) -> str:
    *most, last = (f"`{name}`" for name in names)
    return f"{', '.join(most)} {word} {last}" if most else last


class Unusable(dict[str, Any]):
    """A stand-in for a configuration with a mistake, which `plain` raises.

    The CDK has `check` validate a configuration with messages that quote its values. This one is
    valid, so that each command reports the mistake in its own way.
    """

    def __init__(self, mistake: AirbyteTracedException) -> None:
        """Hold what the spec requires; none of it is ever used."""
        super().__init__(credentials={"personal_access_token": "0" * 16})
        self.mistake = mistake


def unknown_keys(config: Mapping[str, Any]) -> list[str]:
    """Return the keys that are not in the spec, without those that the platform adds."""
    return sorted(key for key in map(str, config) if key not in KEYS and key[:1] != "_")


def parse_config(config: Any) -> Settings:
    """Return the settings in `config`, a mapping as described by the spec.

    Raises:
        AirbyteTracedException: as `plain` does.
    """
    made = plain(config)
    values = {
        one.name: made.get(one.name, KEYS[one.name].get("default")) for one in fields(Settings)
    }
    return Settings(**values | {"api_url": values["api_url"].rstrip("/")})


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
