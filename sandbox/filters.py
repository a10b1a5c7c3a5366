"""The query parameters that narrow a listing, by name; each returns a test for one object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.refusals import ApiError
from sandbox.server_time import parse_moment, to_stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.calls import Call, Keep


def _equals(parameter: str, name: str) -> Callable[[Call], Keep | None]:
    def make(call: Call) -> Keep | None:
        wanted = call.query.get(parameter)
        if wanted is None:
            return None
        gid = call.viewer.user if wanted == "me" else wanted
        return lambda obj: obj.get(name) == gid

    return make


def _flag(parameter: str, *, default: bool | None = None) -> Callable[[Call], Keep | None]:
    def make(call: Call) -> Keep | None:
        wanted = call.flag(parameter)
        wanted = default if wanted is None else wanted
        if wanted is None:
            return None
        return lambda obj: bool(obj.get(parameter)) == wanted

    return make


def _not_before(parameter: str, name: str) -> Callable[[Call], Keep | None]:
    """Make a filter by an inclusive lower bound of a time."""

    def make(call: Call) -> Keep | None:
        bound = call.moment(parameter)
        return None if bound is None else lambda obj: obj[name] >= bound

    return make


def _before(parameter: str, name: str) -> Callable[[Call], Keep | None]:
    """Make a filter by an exclusive upper bound of a time."""

    def make(call: Call) -> Keep | None:
        bound = call.moment(parameter)
        return None if bound is None else lambda obj: obj[name] < bound

    return make


def _day(parameter: str, name: str, *, upper: bool) -> Callable[[Call], Keep | None]:
    """Make a filter by an inclusive bound of a date."""

    def make(call: Call) -> Keep | None:
        value = call.moment(parameter)
        if value is None:
            return None
        day = value[:10]
        if upper:
            return lambda obj: str(obj[name])[:10] <= day
        return lambda obj: str(obj[name])[:10] >= day

    return make


def _completed_since(call: Call) -> Keep | None:
    """Keep incomplete tasks and those completed since; `now` keeps incomplete ones only."""
    if call.query.get("completed_since") == "now":
        return lambda obj: not obj.get("completed")
    bound = call.moment("completed_since")
    if bound is None:
        return None
    return lambda obj: not obj.get("completed") or (obj.get("completed_at") or "") >= bound


def _created_after(call: Call) -> Keep | None:
    """Keep what is newer than the bound, which is cut to its second (client 5.4)."""
    value = call.query.get("created_after")
    if value is None or not call.settings.newer:
        return None
    call.moment("created_after")
    bound = to_stamp(parse_moment(value) // 1)
    return lambda obj: obj["created_at"] > bound


def _comments_only(call: Call) -> Keep | None:
    wanted = call.query.get("resource_subtype")
    if wanted is None or not call.settings.newer:
        return None
    if wanted != "comment_added":
        raise ApiError(400, "resource_subtype: Only comment_added is supported")
    return lambda obj: obj["resource_subtype"] == wanted


def _hidden_types(call: Call) -> Keep | None:
    """Hide objects with custom types made by Asana unless a header asks for them."""
    shown = "include_asana_created_custom_types" in call.enabled
    if shown or not call.settings.hides_asana_types:
        return None
    return lambda obj: not obj.get("_asana_type")


def _statuses(call: Call) -> Keep | None:
    wanted = call.query.get("approval_statuses")
    if wanted is None:
        return None
    return lambda obj: obj.get("approval_status") in wanted.split(",")


def _time_periods(call: Call) -> Keep | None:
    wanted = call.query.get("time_periods")
    if wanted is None:
        return None
    return lambda obj: obj.get("time_period") in wanted.split(",")


FILTERS: dict[str, Callable[[Call], Keep | None]] = {
    "archived": _flag("archived"),
    "approval_statuses": _statuses,
    "asana_types": _hidden_types,
    "completed_since": _completed_since,
    "created_after": _created_after,
    "created_since": _not_before("created_since", "created_at"),
    "comments_only": _comments_only,
    "end_date": _day("end_date", "start_date", upper=True),
    "entered_on_end_date": _day("entered_on_end_date", "entered_on", upper=True),
    "entered_on_start_date": _day("entered_on_start_date", "entered_on", upper=False),
    "from_date": _day("from_date", "start_date", upper=False),
    "is_archived": _flag("is_archived", default=False),
    "is_workspace_level": _flag("is_workspace_level"),
    "member": _equals("member", "member"),
    "modified_since": _not_before("modified_since", "modified_at"),
    "resource_subtype": _equals("resource_subtype", "resource_subtype"),
    "run_end": _before("end_at", "_recorded_at"),
    "run_start": _not_before("start_at", "_recorded_at"),
    "start_date": _day("start_date", "end_date", upper=False),
    "state": _equals("state", "state"),
    "start_on": _day("start_on", "end_on", upper=False),
    "end_on": _day("end_on", "start_on", upper=True),
    "task": _equals("task", "task"),
    "team": _equals("team", "team"),
    "time_periods": _time_periods,
    "to_date": _day("to_date", "end_date", upper=True),
    "user": _equals("user", "user"),
    "workspace": _equals("workspace", "workspace"),
    "entry_start": _day("start_date", "entered_on", upper=False),
    "entry_end": _day("end_date", "entered_on", upper=True),
}
