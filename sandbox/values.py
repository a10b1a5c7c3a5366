"""What an object shows for fields that its stored form leaves out.

There are two sources: `PROVIDERS` for fields that follow from other things in the world, such as
memberships, counts and likes, and the filler. Related objects are never made up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sandbox.access import Viewer, sees
from sandbox.builders import Builders
from sandbox.filler import OMIT, fill, number_for, text_for
from sandbox.instability import FILES, HTML_SIGNATURE, PICTURES, SIGNATURE
from sandbox.store import Object

if TYPE_CHECKING:
    from sandbox.spec import Field

Provider = Callable[[Builders, Viewer, Object], Any]


def _likes(world: Builders, _viewer: Viewer, obj: Object) -> list[Any]:
    del world
    return [
        {"gid": str(1_400_000_000_000_000 + number_for(obj["gid"], user)), "user": user}
        for user in obj.get("_likes", ())
    ]


def _memberships(world: Builders, viewer: Viewer, obj: Object) -> list[Any]:
    return [
        {"project": project, "section": obj["_sections"].get(project)}
        for project in _projects(world, viewer, obj)
    ]


def _projects(world: Builders, viewer: Viewer, obj: Object) -> list[str]:
    return [p for p in obj["_projects"] if sees(world, viewer, world[p])]


def _settings(world: Builders, viewer: Viewer, obj: Object) -> list[str]:
    if "custom_fields" not in viewer.features:
        return []
    return list(world.listed("parent.custom_field_settings", obj["gid"]))


def _custom_fields(world: Builders, viewer: Viewer, obj: Object) -> list[Any]:
    """Return the custom fields of an object and its containers, or [] on a free plan."""
    if "custom_fields" not in viewer.features:
        return []
    values = obj.get("_values", {})
    order = dict.fromkeys(
        world[setting]["custom_field"]
        for owner in (obj["gid"], *obj.get("_projects", ()))
        for setting in world.listed("parent.custom_field_settings", owner)
    )
    order.update(dict.fromkeys(values))
    return [valued(world, gid, values.get(gid)) for gid in order if gid in world]


def valued(world: Builders, gid: str, value: Any) -> Object:
    """Return a custom field's definition with a value, as tasks and projects carry it."""
    definition = world[gid]
    shown: Any = value
    record = dict(definition)
    kind = definition["resource_subtype"]
    if kind == "text":
        record.update(text_value=value, html_text_value=value and f"<body>{value}</body>")
    elif kind == "number":
        record["number_value"] = value
        shown = None if value is None else f"{value:.{definition.get('precision') or 0}f}"
    elif kind in {"enum", "multi_enum"}:
        wanted = [value] if isinstance(value, str) else value or []
        options = [o for o in definition["enum_options"] if o["gid"] in wanted]
        if kind == "enum":
            record["enum_value"] = options[0] if options else None
        else:
            record["multi_enum_values"] = options
        shown = ", ".join(option["name"] for option in options) or None
    elif kind == "date":
        has_time = bool(value) and "T" in value
        record["date_value"] = value and {
            "date": value[:10],
            "date_time": value if has_time else None,
        }
        shown = value if has_time else value and f"{value}T00:00:00.000Z"
    else:
        gids = [g for g in value or [] if g in world]
        record[f"{kind}_value"] = gids
        shown = ", ".join(str(world[g].get("name")) for g in gids) or None
    record["display_value"] = shown
    return record


def _last(name: str) -> Provider:
    def provide(world: Builders, _viewer: Viewer, obj: Object) -> str | None:
        gids = world.listed(name, obj["gid"]).gids
        return gids[-1] if gids else None

    return provide


def _other(name: str) -> Provider:
    return lambda _world, _viewer, obj: obj.get(name)


def _constant(value: Any) -> Provider:
    return lambda _world, _viewer, _obj: value


def _html(name: str) -> Provider:
    """Return what gives the HTML form of a text, with the pictures that `_pictures` counts."""

    def provide(_world: Builders, _viewer: Viewer, obj: Object) -> str:
        text = obj[name] if name in obj else text_for(obj["gid"], name)
        pictures = "".join(
            f'<img src="{PICTURES}/{obj["gid"]}/{number}.png?{HTML_SIGNATURE}" data-asana-type='
            '"attachment">'
            for number in range(obj.get("_pictures", 0))
        )
        return f"<body>{text}{pictures}</body>"

    return provide


def _permalink(_world: Builders, _viewer: Viewer, obj: Object) -> str:
    workspace = obj.get("workspace") or obj.get("organization") or "0"
    return f"https://app.asana.com/1/{workspace}/{obj['resource_type']}/{obj['gid']}"


def _creator(world: Builders, _viewer: Viewer, obj: Object) -> str | None:
    del obj
    return getattr(world, "me", None)


def _followers(_world: Builders, _viewer: Viewer, obj: Object) -> list[str]:
    return list(dict.fromkeys(user for user in (obj.get("assignee"),) if user))


def _workspaces(world: Builders, _viewer: Viewer, obj: Object) -> list[str]:
    joined = world.listed("user.workspace_memberships", obj["gid"])
    return [world[gid]["workspace"] for gid in joined]


def _minutes(world: Builders, _viewer: Viewer, obj: Object) -> int | None:
    entries = world.listed("task.time_tracking_entries", obj["gid"])
    return sum(world[gid]["duration_minutes"] for gid in entries) if len(entries) else None


def _download(_world: Builders, _viewer: Viewer, obj: Object) -> str:
    """Return the address of a file; its signature lives about two minutes."""
    return f"{FILES}/{obj['gid']}/{quote(str(obj.get('name')))}?{SIGNATURE}"


def _view(world: Builders, viewer: Viewer, obj: Object) -> str:
    """Return the address at which a file can be viewed, which is signed if Asana is the host."""
    if obj.get("host") == "asana":
        return _download(world, viewer, obj)
    return f"https://www.{obj.get('host')}.com/s/{obj['gid']}"


_LIKES: dict[str, Provider] = {
    "likes": _likes,
    "hearts": _likes,
    "num_likes": lambda _world, _viewer, obj: len(obj.get("_likes", ())),
    "num_hearts": lambda _world, _viewer, obj: len(obj.get("_likes", ())),
    "liked": lambda _world, viewer, obj: viewer.user in obj.get("_likes", ()),
    "hearted": lambda _world, viewer, obj: viewer.user in obj.get("_likes", ()),
}
_FIELDS: dict[str, Provider] = {
    "custom_field_settings": _settings,
    "custom_fields": _custom_fields,
}
_MEMBERS: dict[str, Provider] = {
    "members": lambda _world, _viewer, obj: list(obj.get("_members", ())),
    "followers": lambda _world, _viewer, obj: list(obj.get("_members", ())),
    "current_status_update": _last("parent.status_updates"),
}
PROVIDERS: dict[str, dict[str, Provider]] = {
    "": {"permalink_url": _permalink, "created_by": _creator, "external": _constant(OMIT)},
    "task": {
        **_LIKES,
        **_FIELDS,
        "projects": _projects,
        "memberships": _memberships,
        "num_subtasks": lambda world, _viewer, obj: len(world.listed("task.subtasks", obj["gid"])),
        "followers": _followers,
        "html_notes": _html("notes"),
        "notes": lambda _world, _viewer, obj: text_for(obj["gid"], "notes"),
        "resource_subtype": _constant("default_task"),
        "completed": _constant(value=False),
        "is_rendered_as_separator": _constant(value=False),
        "completed_at": _constant(None),
        "start_on": _constant(None),
        "start_at": _constant(None),
        "due_at": _constant(None),
        "actual_time_minutes": _minutes,
    },
    "project": {
        **_FIELDS,
        **_MEMBERS,
        "current_status": _last("project.statuses"),
        "due_date": _other("due_on"),
        "due_on": _constant(None),
        "completed": _constant(value=False),
        "completed_at": _constant(None),
        "html_notes": _html("notes"),
        "notes": lambda _world, _viewer, obj: text_for(obj["gid"], "notes"),
    },
    "portfolio": {**_FIELDS, **_MEMBERS, "archived": _constant(value=False)},
    "goal": {**_LIKES, **_FIELDS, **_MEMBERS, "html_notes": _html("notes")},
    "team": _FIELDS,
    "user": {**_FIELDS, "workspaces": _workspaces},
    "story": {
        **_LIKES,
        "html_text": _html("text"),
        "is_editable": lambda _world, _viewer, obj: obj.get("type") == "comment",
        "is_edited": _constant(value=False),
        "is_pinned": _constant(value=False),
        "old_dates": _constant(OMIT),
        "new_dates": _constant(OMIT),
        "sticker_name": _constant(None),
        "source": _constant("web"),
    },
    "status_update": {**_LIKES, "html_text": _html("text")},
    "project_status": {"html_text": _html("text")},
    "attachment": {"download_url": _download, "view_url": _view},
    "custom_field": {
        "display_value": _constant(None),
        "asana_created_field": _constant(None),
        "precision": _constant(None),
        "format": _constant("none"),
        "currency_code": _constant(None),
        "custom_label": _constant(None),
        "custom_label_position": _constant(None),
        "id_prefix": _constant(None),
        "has_notifications_enabled": _constant(value=False),
        "is_value_read_only": _constant(value=False),
    },
}


def value_of(kind: str, field: Field, world: Builders, viewer: Viewer) -> Callable[[Object], Any]:
    """Return the function that gives an object's value of `field` if none is stored."""
    found = PROVIDERS.get(kind, {}).get(field.name)
    if found is None:
        found = PROVIDERS[""].get(field.name)
    if found is not None:
        provider = found
        return lambda obj: provider(world, viewer, obj)
    return lambda obj: fill(field, obj["gid"]) if "gid" in obj else None
