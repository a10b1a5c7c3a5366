"""The API description: endpoints, schemas and kinds of objects, read from `api.json` once.

`tools/sandbox_api.py` makes `api.json` and explains its form. The tables below say what the
description leaves to prose: which kind of object a schema describes, and which scope opens it.
Source of the scopes: Asana's OpenAPI file, securitySchemes and operations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson

_FLAGS = "!~?"
# They work everywhere, but the description forgets them in places.
EVERYWHERE = frozenset({"opt_fields", "opt_pretty"})


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a schema.

    Exactly one of three is set: `scalar` is the word for a plain value, `refs` are the schemas of a
    related object, `inline` holds the fields of an embedded one. `listed` means that it is a list
    of these.
    """

    name: str
    scalar: str = ""
    refs: tuple[str, ...] = ()
    inline: dict[str, Field] = field(default_factory=dict)
    listed: bool = False
    opt_in: bool = False
    conditional: bool = False
    nullable: bool = False


Schema = dict[str, Field]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One GET operation of the description."""

    template: str
    listed: bool
    paginated: bool
    parameters: frozenset[str]
    schema: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object: its full schema, its compact one, and the granular scope that opens it."""

    full: str
    compact: str
    scope: str = ""


def _kind(stem: str, scope: str = "", *, full: str = "", compact: str = "") -> Kind:
    return Kind(full or stem + "Response", compact or stem + "Compact", scope)


KINDS: dict[str, Kind] = {
    "access_request": _kind("AccessRequest", compact="AccessRequestResponse"),
    "agent": _kind("Agent"),
    "ai_studio_run": _kind("AiStudioRun", compact="AiStudioRunResponse"),
    "ai_studio_seat": _kind("AiStudioSeat", compact="AiStudioSeatResponse"),
    "allocation": _kind("Allocation", compact="AllocationResponse"),
    "attachment": _kind("Attachment", "attachments:read"),
    "budget": _kind("Budget", compact="BudgetResponse"),
    "custom_field": _kind("CustomField", "custom_fields:read"),
    "custom_field_setting": _kind("CustomFieldSetting", compact="CustomFieldSettingResponse"),
    "custom_type": _kind("CustomType"),
    "custom_type_status_option": _kind("CustomTypeStatusOption"),
    "goal": _kind("Goal", "goals:read"),
    "goal_membership": _kind("GoalMembership"),
    "goal_relationship": _kind("GoalRelationship"),
    "ooo_entry": _kind("OooEntry", "ooo_entries:read", compact="OooEntryResponse"),
    "organization_export": _kind("OrganizationExport", compact="OrganizationExportResponse"),
    "placeholder": _kind("Placeholder", full="PlaceholderCompact"),
    "portfolio": _kind("Portfolio", "portfolios:read"),
    "portfolio_membership": _kind(
        "PortfolioMembership",
        full="PortfolioMembershipCompactResponse",
        compact="PortfolioMembershipCompactResponse",
    ),
    "project": _kind("Project", "projects:read"),
    "project_brief": _kind("ProjectBrief"),
    "project_membership": _kind(
        "ProjectMembership",
        full="ProjectMembershipCompactResponse",
        compact="ProjectMembershipCompactResponse",
    ),
    "project_portfolio_setting": _kind(
        "ProjectPortfolioSetting", "project_portfolio_settings:read"
    ),
    "project_status": _kind("ProjectStatus"),
    "project_template": _kind("ProjectTemplate", "project_templates:read"),
    "rate": _kind("Rate", compact="RateOrPlaceholderCompact"),
    "role": _kind("RbacRole", "roles:read"),
    "section": _kind("Section"),
    "status_update": _kind("StatusUpdate"),
    "story": _kind("Story", "stories:read"),
    "tag": _kind("Tag", "tags:read"),
    "task": _kind("Task", "tasks:read"),
    "task_template": _kind("TaskTemplate", "task_templates:read"),
    "team": _kind("Team", "teams:read"),
    "team_membership": _kind("TeamMembership", "team_memberships:read"),
    "time_period": _kind("TimePeriod"),
    "time_tracking_category": _kind("TimeTrackingCategory", "time_tracking_categories:read"),
    "time_tracking_entry": _kind(
        "TimeTrackingEntry", "time_tracking_entries:read", full="TimeTrackingEntryBase"
    ),
    "timesheet_approval_status": _kind(
        "TimesheetApprovalStatus", "timesheet_approval_statuses:read"
    ),
    "user": _kind("User", "users:read"),
    "user_task_list": _kind("UserTaskList", "tasks:read", compact="UserTaskListResponse"),
    "workspace": _kind("Workspace", "workspaces:read"),
    "workspace_membership": _kind("WorkspaceMembership"),
}

# Relations whose types are too narrow in the description; prose or later clients name more.
WIDER_RELATIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("GoalRelationshipResponse", "supporting_resource"): ("goal", "project", "task", "portfolio"),
    ("GoalRelationshipCompact", "supporting_resource"): ("goal", "project", "task", "portfolio"),
    ("StatusUpdateResponse", "parent"): ("project", "portfolio", "goal"),
    ("StoryResponse", "target"): ("task", "goal"),
    ("CustomFieldSettingResponse", "parent"): ("project", "portfolio", "goal", "team"),
    ("RateResponse", "resource"): ("user", "placeholder"),
    ("RateOrPlaceholderCompact", "resource"): ("user", "placeholder"),
}
_ANY = ("AsanaResource", "AsanaNamedResource", "AccessRequestTargetIdCompact")
_MEMBERSHIPS = ("project_membership", "portfolio_membership", "goal_membership")
_SHARED_SCHEMAS: dict[str, tuple[str, ...]] = {
    "AiStudioUser": ("user",),
    "MemberCompact": ("user", "team"),
    "MembershipCompact": _MEMBERSHIPS,
    "MembershipResponse": _MEMBERSHIPS,
    "ProjectMembershipNormalResponse": ("project_membership",),
    "ProjectMembershipCompact": ("project_membership",),
    "DeprecatedPortfolioMembershipCompact": ("portfolio_membership",),
    "DeprecatedPortfolioMembershipResponse": ("portfolio_membership",),
    "TimeTrackingEntryCompact": ("time_tracking_entry",),
    "PortfolioMembershipCompact": ("portfolio_membership",),
}


def _fields(raw: dict[str, Any]) -> Schema:
    """Return the parsed fields of one schema of `api.json`."""
    parsed = {}
    for key, node in raw.items():
        name = key.rstrip(_FLAGS)
        flags = key[len(name) :]
        listed = isinstance(node, list)
        item = node[0] if isinstance(node, list) else node
        reference = isinstance(item, str) and item.startswith("@")
        parsed[name] = Field(
            name,
            scalar=item if isinstance(item, str) and not reference else "",
            refs=tuple(item[1:].split("|")) if reference else (),
            inline=_fields(item) if isinstance(item, dict) else {},
            listed=listed,
            opt_in="!" in flags,
            conditional="~" in flags,
            nullable="?" in flags,
        )
    return parsed


_DATA = orjson.loads((Path(__file__).parent / "api.json").read_bytes())
SCHEMAS: dict[str, Schema] = {name: _fields(raw) for name, raw in _DATA["schemas"].items()}
ENDPOINTS: dict[str, Endpoint] = {
    template: Endpoint(
        template,
        listed=raw["kind"] == "list",
        paginated=raw["paginated"],
        parameters=frozenset(raw["parameters"]) | EVERYWHERE,
        schema=raw["schema"],
        scopes=frozenset(raw["scopes"]),
    )
    for template, raw in _DATA["endpoints"].items()
}

SCOPES = frozenset(scope for endpoint in ENDPOINTS.values() for scope in endpoint.scopes)


@cache
def kinds_of_schema(name: str) -> tuple[str, ...]:
    """Return the kinds that schema `name` may stand for, or () for parts of objects."""
    if name in _ANY:
        return tuple(KINDS)
    if name in _SHARED_SCHEMAS:
        return _SHARED_SCHEMAS[name]
    return tuple(k for k, kind in KINDS.items() if name in {kind.full, kind.compact})


@cache
def kinds_of_relation(schema: str, name: str, refs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the kinds that the relation `name` of `schema` may lead to."""
    wider = WIDER_RELATIONS.get((schema, name))
    return wider or tuple(dict.fromkeys(k for ref in refs for k in kinds_of_schema(ref)))


_ROUTES: dict[int, list[tuple[tuple[str, ...], Endpoint]]] = {}
for _endpoint in ENDPOINTS.values():
    _segments = tuple(_endpoint.template.strip("/").split("/"))
    _ROUTES.setdefault(len(_segments), []).append((_segments, _endpoint))
for _list in _ROUTES.values():
    _list.sort(key=lambda route: [part.startswith("{") for part in route[0]])


def match(path: str) -> tuple[Endpoint, dict[str, str]] | None:
    """Return the endpoint of `path` (without /api/1.0) and the values in it, or None."""
    segments = path.strip("/").split("/")
    for template, endpoint in _ROUTES.get(len(segments), ()):
        values = {}
        for wanted, got in zip(template, segments, strict=True):
            if wanted.startswith("{"):
                values[wanted[1:-1]] = got
            elif wanted != got:
                break
        else:
            return endpoint, values
    return None
