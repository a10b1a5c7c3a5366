"""The answer to `check`: what must hold before anything is read, and what a sync would skip."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.components.pages import next_offset, pages
from source_asana.config import config_error
from source_asana.exports.job import may_export
from source_asana.fields import scopes
from source_asana.http.attempts import send
from source_asana.http.auth import AsanaOAuth
from source_asana.http.clock import to_millis
from source_asana.http.errors import AsanaError, Refused, error_handler
from source_asana.http.parsing import parse
from source_asana.runtime import Runtime

LOGGER = logging.getLogger("airbyte.source_asana.check")
STREAM = "check"
# A check should take five seconds, so a token with many workspaces is not probed in all of them.
MOST_PROBED = 3
MINUTE_MS = 60_000


@dataclass(frozen=True)
class Probe:
    """A cheap request that shows whether a workspace's plan has what some streams need.

    Attributes:
        streams: the streams that it decides about, those below them included.
        path: the path, with `{workspace}`.
        params: query parameters, with `{workspace}` in their values.
        organization: whether only organizations have it.
    """

    streams: tuple[str, ...]
    path: str
    params: Mapping[str, str]
    organization: bool = False


ONE = {"workspace": "{workspace}", "limit": "1"}
PROBES = (
    Probe(
        ("custom_fields", "project_custom_field_settings"),
        "workspaces/{workspace}/custom_fields",
        {"limit": "1"},
    ),
    Probe(
        (
            "portfolios",
            "portfolio_items",
            "portfolio_memberships",
            "portfolio_custom_field_settings",
            "portfolio_status_updates",
            "project_portfolio_settings",
        ),
        "portfolios",
        {**ONE, "owner": "me"},
    ),
    Probe(
        (
            "goals",
            "goal_relationships",
            "goal_memberships",
            "goal_custom_field_settings",
            "goal_status_updates",
            "goal_stories",
        ),
        "goals",
        ONE,
    ),
    Probe(
        ("time_tracking_entries",),
        "time_tracking_entries",
        {**ONE, "entered_on_start_date": "2999-01-01"},
    ),
    Probe(("time_tracking_categories",), "time_tracking_categories", ONE),
    Probe(("timesheet_approval_statuses",), "timesheet_approval_statuses", ONE),
    Probe(("roles",), "roles", ONE),
    Probe(
        ("audit_log_events",),
        "workspaces/{workspace}/audit_log_events",
        {"limit": "1"},
        organization=True,
    ),
)


@dataclass(frozen=True)
class Finding:
    """What a check found out about streams.

    Attributes:
        line: it in words, with a remedy.
        skipped: the streams that a sync would skip; empty where that is not known.
    """

    line: str
    skipped: frozenset[str] = frozenset()


def workspaces(runtime: Runtime) -> dict[str, bool]:
    """Return the selected workspaces that the token sees: gid -> is it an organization?"""
    found: dict[str, bool] = {}

    def ask(offset: str | None) -> requests.Response:
        return _ask(runtime, "workspaces", opt_fields="is_organization", limit=100, offset=offset)

    try:
        for page in pages(ask, next_offset):
            found |= {record["gid"]: bool(record.get("is_organization")) for record in page}
    except AsanaError as error:
        raise unlisted(error) from None
    wanted = runtime.settings.workspace_ids
    return {gid: found[gid] for gid in wanted if gid in found} if wanted else found


def _ask(runtime: Runtime, path: str, **params: Any) -> requests.Response:
    return send(runtime.client, path, counts=runtime.report.counts(STREAM), params=params)


def unlisted(error: AsanaError) -> AirbyteTracedException:
    """Return the error for workspaces that could not be listed, without which nothing is read."""
    if isinstance(error, Refused):
        return config_error(
            f'Asana refuses to list the token\'s workspaces ("{error}"); provide a token that '
            "may read them."
        )
    return _later("the token's workspaces", error)


def _later(what: str, error: AsanaError) -> AirbyteTracedException:
    return AirbyteTracedException(
        message=f'Asana could not show {what} ("{error}"); try again later.',
        internal_message=f"HTTP {error.verdict.status}, {error.verdict.rule.reason}",
        failure_type=FailureType.transient_error,
    )


def verify_choice(runtime: Runtime, found: Collection[str], *, projects: bool) -> None:
    """Check the ids of the configuration against what Asana shows, and the start date by its clock.

    Args:
        runtime: settings and requests, one of which was answered.
        found: gids of the selected workspaces that the token sees.
        projects: whether projects are asked for one by one; a read sees them in its listing.

    Raises:
        AirbyteTracedException: a config error that names the first key with an unreadable id, or a
            start date in the future.
    """
    settings, now = runtime.settings, runtime.clock.latest
    start = to_millis(settings.start_date)
    # Its `Date` has whole seconds, and a minute is nobody's mistake.
    if start is not None and now is not None and start > now + MINUTE_MS:
        raise config_error(
            "Config key `start_date` lies in the future; provide a date-time such as "
            "2024-01-01T00:00:00Z."
        )
    missing = [gid for gid in settings.workspace_ids if gid not in found]
    if missing:
        raise config_error(
            f"Config key `workspace_ids` names {', '.join(missing)}, which the token cannot see; "
            "correct the IDs, or use the token of a member of that workspace."
        )
    if not found:
        raise config_error(
            "The token sees no workspace; use the token of a user who is a member of one."
        )
    _readable(runtime, "team_ids", "teams", settings.team_ids)
    _readable(runtime, "portfolio_ids", "portfolios", settings.portfolio_ids)
    if projects:
        _readable(runtime, "project_ids", "projects", settings.project_ids)


def _readable(runtime: Runtime, key: str, path: str, gids: Collection[str]) -> None:
    for gid in gids:
        try:
            _ask(runtime, f"{path}/{gid}", opt_fields="gid")
        except AsanaError as error:
            if not isinstance(error, Refused) and error.verdict.status != 400:
                raise _later(f"{gid} of the config key `{key}`", error) from None
            remedy = "correct the ID, or give the token's user access"
            if error.verdict.rule.is_plan:
                remedy = "upgrade the Asana plan, or remove the key"
            raise config_error(
                f"Config key `{key}` names {gid}, which the token cannot read (Asana said: "
                f'"{error}"); {remedy}.'
            ) from None


def verify_export(runtime: Runtime, found: Collection[str]) -> None:
    """Check that the token may export, where the configuration asks for it; nothing is exported.

    Raises:
        AirbyteTracedException: a config error where no selected workspace allows it.
    """
    if not runtime.settings.bulk_export:
        return
    counts = runtime.report.counts(STREAM)
    try:
        allowed = any(may_export(runtime.client, counts, gid) for gid in found)
    except AsanaError as error:
        raise _later("whether the token may export", error) from None
    if not allowed:
        raise config_error(
            "Config key `bulk_export` is on, but the token may not export: use the token of a "
            "service account (Enterprise+, or the Compliance Management add-on), or turn it off."
        )


def log_what_is_skipped(runtime: Runtime, found: Mapping[str, bool]) -> str | None:
    """Log what a sync would skip for plan or scope; return the list, which fails no check."""
    findings = _missing_scopes(runtime)
    _log_late_deletions(runtime)
    probed = [
        (gid, probe)
        for gid, organization in list(found.items())[:MOST_PROBED]
        for probe in PROBES
        if organization or not probe.organization
    ]
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="check") as pool:
        findings += filter(None, pool.map(lambda pair: _refusal(runtime, *pair), probed))
    for finding in findings:
        LOGGER.info("%s", finding.line)
    if skipped := sorted(frozenset[str]().union(*(finding.skipped for finding in findings))):
        text = (
            f"A sync with this token would skip at least {len(skipped)} streams, or a part of "
            f"them: {', '.join(skipped)}. The lines of the log say why, and name the remedies. "
            "This check does not try allocations, budgets, rates and AI Studio."
        )
        LOGGER.info("%s", text)
        return text
    if not findings:
        LOGGER.info("Nothing was refused: a sync with this token can read what this check tries.")
    return None


def _log_late_deletions(runtime: Runtime) -> None:
    settings = runtime.settings
    hours = settings.scan_hours(tells_deletions=False)
    if settings.track_deletions and settings.may_search and not settings.may_ask_events and hours:
        LOGGER.info(
            "Where search finds changed tasks, deleted ones arrive within "
            "`full_scan_interval_hours` (%d hours), or with the next sync if the token may read "
            "the audit log. With `change_detection` set to `auto`, events tell of them sooner.",
            hours,
        )


def _refusal(runtime: Runtime, workspace: str, probe: Probe) -> Finding | None:
    streams = ", ".join(probe.streams)
    params = {name: value.format(workspace=workspace) for name, value in probe.params.items()}
    try:
        _ask(runtime, probe.path.format(workspace=workspace), **params)
    except Refused as refusal:
        return Finding(
            f"Workspace {workspace}: a sync would skip {streams}; Asana says "
            f'(HTTP {refusal.verdict.status}): "{refusal}". To read it: '
            f"{refusal.verdict.rule.remedy}.",
            frozenset(probe.streams),
        )
    except (AsanaError, AirbyteTracedException) as error:
        return Finding(
            f"Workspace {workspace}: it is not known whether a sync can read {streams} ({error})."
        )
    return None


def _missing_scopes(runtime: Runtime) -> list[Finding]:
    """Return the scopes that an OAuth token does not have, with the streams that they cost.

    Source: `/-/token_info`.
    """
    client = runtime.client
    if not isinstance(client.auth, AsanaOAuth):
        return []
    parts = urlsplit(client.api_url)
    try:
        response = client.session.post(
            f"{parts.scheme}://{parts.netloc}/-/token_info",
            data={"token": client.auth.get_access_token()},
            timeout=client.timeout,
            allow_redirects=False,
        )
        body = parse(response.content)
        granted = set(str(body["scope"]).split())
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return []
    if not granted or "default" in granted:
        return []
    remedy = error_handler().rule("scope").remedy
    return [
        Finding(
            f"The OAuth app does not have the scope {scope}: a sync would skip "
            f"{', '.join(sorted(streams))}. To read it: {remedy}.",
            streams,
        )
        for scope, streams in scopes.STREAMS.items()
        if scope not in granted
    ]
