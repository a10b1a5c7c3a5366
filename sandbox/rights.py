"""What a token may ask for at all, by its scopes and by the features of its plan.

Sources: OpenAPI's operations for the scopes, reports for the words of refusals.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox import refusals
from sandbox.builders import GUEST
from sandbox.refusals import ApiError

if TYPE_CHECKING:
    from sandbox.calls import Call

# Path pattern -> feature of the plan, name in the refusal; the first match counts.
FEATURES: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern), feature, words)
    for pattern, feature, words in (
        (r"/search$", "search", "Search"),
        (r"/ai_studio/", "ai_studio", "AI Studio usage"),
        (
            r"/custom_field_settings$",
            "custom_fields",
            "!Custom Field Settings are not available for free users.",
        ),
        (
            r"custom_fields",
            "custom_fields",
            "!Custom Fields are not available for free users or guests.",
        ),
        (r"portfolio", "portfolios", "Portfolios"),
        (r"^/goal", "goals", "Goals"),
        (r"^/allocations", "allocations", "Resource planning"),
        (r"time_tracking_categor", "time_tracking_categories", "Time tracking categories"),
        (r"time_tracking_entries", "time_tracking", "Time tracking"),
        (r"^/timesheet", "timesheets", "Timesheets"),
        (r"^/budgets", "budgets", "Budgets"),
        (r"^/rates", "rates", "Rates"),
        (r"^/roles", "roles", "Roles"),
    )
)


def _feature_of(template: str) -> tuple[str, str]:
    """Return the feature that an endpoint belongs to and its name in a refusal, or "" for none."""
    for pattern, feature, words in FEATURES:
        if pattern.search(template):
            return feature, words
    return "", ""


def check_rights(call: Call) -> None:
    """Refuse a call that needs another scope or plan, or that a guest may not make."""
    _check_scope(call)
    feature, words = _feature_of(call.endpoint.template)
    if not feature or (feature in call.viewer.features and not _is_kept_from_guest(call, feature)):
        return
    status = call.settings.refusal_status
    if words.startswith("!"):
        raise ApiError(status, words[1:])
    raise refusals.paid_only(words, status)


def _check_scope(call: Call) -> None:
    scopes = call.viewer.scopes
    if scopes is not None and not (call.endpoint.scopes & scopes):
        wanted = ", ".join(sorted(call.endpoint.scopes)) or "default"
        raise ApiError(403, f"The token lacks the scope {wanted}.")  # own wording


def _is_kept_from_guest(call: Call, feature: str) -> bool:
    """Tell whether a guest asks for a workspace's custom fields."""
    workspace = call.values.get("workspace_gid", "")
    return feature == "custom_fields" and call.world.standing(call.viewer.user, workspace) == GUEST
