"""Events by sync token, and the audit log.

Sources: OpenAPI getEvents, getWorkspaceEvents and getAuditLogEvents; the fact sheet on the life of
tokens, the sizes of pages, and the audit log's `next_page`, which never ends once something
matched.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from sandbox.optfields import parse
from sandbox.paging import page_limit
from sandbox.refusals import STALE_SYNC, ApiError
from sandbox.spec import KINDS, SCHEMAS
from sandbox.store import kind_of
from sandbox.sync_tokens import write

if TYPE_CHECKING:
    from sandbox.calls import Call
    from sandbox.happenings import Event

EVENTS_A_CALL = 100
WORKSPACE_EVENTS_A_CALL = 1000
KEPT_SECONDS = 86_400.0
VALUES = frozenset({"new_value", "added_value", "removed_value"})


def _shown(call: Call, event: Event, *, everything: bool) -> dict[str, Any]:
    """Return one event; opt_fields apply to its resources, on /events only."""
    resource = event.body["resource"]["gid"]
    body = {**event.body, "resource": _compact(call, resource, everything=everything)}
    for key in ("parent", "user"):
        body[key] = body[key] and _compact(call, body[key], everything=everything)
    if "change" in body:
        body["change"] = {
            name: _compact(call, value, everything=everything) if name in VALUES else value
            for name, value in body["change"].items()
        }
    text = call.query.get("opt_fields")
    if everything or not text:
        return body
    tree = parse(text)
    call.notes.extend(
        f"EventResponse.{name}" for name in tree if name not in SCHEMAS["EventResponse"]
    )
    picked = {name: body[name] for name in tree if name in body}
    obj = call.world.objects.get(resource)
    if tree.get("resource") and obj is not None and call.shows(obj):
        schema = KINDS[kind_of(obj)].full
        # Any named resource may be asked for its name, even a story, which has none.
        asked = {
            name: below
            for name, below in tree["resource"].items()
            if name in SCHEMAS[schema] or name not in SCHEMAS["AsanaNamedResource"]
        }
        plan = call.compiler.plan(schema, asked)
        picked["resource"] = orjson.Fragment(call.encoded(plan, obj))
    return picked


def _compact(call: Call, gid: str, *, everything: bool) -> dict[str, Any]:
    """Return what an event shows of an object: without access only its gid and type."""
    world = call.world
    obj = world.objects.get(gid) or world.gone.get(gid, {})
    hidden = gid in world and not everything and not call.shows(obj)
    names = ("resource_type",) if hidden else ("resource_type", "name", "resource_subtype")
    return {"gid": gid, **{name: obj[name] for name in names if name in obj}}


def _place(call: Call, resource: str) -> int | None:
    """Return the place of the sync token that was sent, or None without a usable one."""
    rules = call.settings
    life = rules.sync_lives.get(resource, rules.sync_life)
    return call.sync_tokens.read(
        call.query.get("sync", ""),
        resource,
        call.viewer.user,
        after=call.world.clock.now() - life,
        forward=rules.sync_forward,
    )


def _may_tell(call: Call, event: Event) -> bool:
    obj = call.world.objects.get(event.body["resource"]["gid"])
    return obj is None or call.settings.unseen_events or call.shows(obj)


def _stream(call: Call, resource: str, most: int, *, everything: bool) -> bytes:
    world, now = call.world, call.world.clock.now()
    newest, backlog = world.arrived(), call.settings.sync_backlog

    def is_told(event: Event) -> bool:
        kept = now - event.arrives <= KEPT_SECONDS
        return kept and (everything or (resource in event.roots and _may_tell(call, event)))

    start = _place(call, resource)
    if start is not None and backlog is not None:
        waiting = sum(is_told(event) for event in world.events[start:newest])
        start = start if waiting <= backlog else None
    if start is None:
        raise ApiError(412, STALE_SYNC, sync=write(resource, newest, now))
    places = (place for place in range(start, newest) if is_told(world.events[place]))
    told = list(islice(places, most))
    following = next(places, None)
    answer = {
        "data": [_shown(call, world.events[place], everything=everything) for place in told],
        "sync": write(resource, newest if following is None else following, now),
        "has_more": following is not None,
    }
    return orjson.dumps(answer)


def events(call: Call) -> bytes:
    """Answer GET /events for a task, project or goal; the first call is a 412 with a token."""
    return _stream(
        call, call.gid("resource", "task", "project", "goal"), EVENTS_A_CALL, everything=False
    )


def project_events(call: Call) -> bytes:
    """Answer GET /projects/{gid}/events."""
    return _stream(call, call.gid("project_gid", "project"), EVENTS_A_CALL, everything=False)


def workspace_events(call: Call) -> bytes:
    """Answer GET /workspaces/{gid}/events, for service accounts only.

    It ignores access control and opt_fields.
    """
    if not call.viewer.service:
        raise ApiError(403, "only_service_account_can_access")
    workspace = call.gid("workspace_gid", "workspace")
    return _stream(call, workspace, WORKSPACE_EVENTS_A_CALL, everything=True)


def audit_log(call: Call) -> bytes:
    """Answer GET /workspaces/{gid}/audit_log_events, in ascending order.

    `start_at` is inclusive, `end_at` is not.
    """
    if not call.viewer.service or "audit_log" not in call.viewer.features:
        raise ApiError(403, "The audit log needs a service account.")  # own wording
    if call.query.get("actor_type") and call.query.get("actor_gid"):
        raise ApiError(400, "actor_type: Must not be combined with actor_gid")
    workspace = call.gid("workspace_gid", "workspace")
    limit = page_limit(call.query.get("limit")) or 100
    start, end = call.moment("start_at"), call.moment("end_at")
    offset = call.query.get("offset")
    listing = call.listing()
    position = call.offsets.read(listing, offset) if offset else None
    found: list[dict[str, Any]] = []
    matched = 0
    rows = call.world.lists.get("workspace.audit_log", {}).get(workspace)
    for gid in rows or ():
        event = call.world[gid]
        if (start and event["created_at"] < start) or (end and event["created_at"] >= end):
            continue
        if not _matches(call, event):
            continue
        matched += 1
        key = (0.0, gid)
        if (position is None or key > position) and len(found) < limit:
            found.append(event)
    shown = SCHEMAS["AuditLogEvent"]
    body = [{k: v for k, v in event.items() if k in shown} for event in found]
    last = (0.0, found[-1]["gid"]) if found else position
    following: Any = None
    if matched and last is not None:
        following = orjson.Fragment(call.next_page(call.offsets.write(listing, last)))
    return orjson.dumps({"data": body, "next_page": following})


def _matches(call: Call, event: dict[str, Any]) -> bool:
    wanted = {
        "event_type": event["event_type"],
        "actor_type": event["actor"]["actor_type"],
        "actor_gid": event["actor"].get("gid"),
        "resource_gid": event["resource"].get("gid"),
    }
    return all(call.query.get(name, value) == value for name, value in wanted.items())
