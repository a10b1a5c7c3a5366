"""What must hold before anything is read: the token works, and every id that the configuration names is readable."""

from __future__ import annotations

from collections.abc import Collection

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.components.errors import Action, AsanaError, Refused
from source_asana.components.requester import body_of, send
from source_asana.components.runtime import Runtime
from source_asana.config import config_error

STREAM = "check"


def workspaces(runtime: Runtime) -> set[str]:
    """Return the gids of the selected workspaces that the token sees."""
    url = f"{runtime.settings.api_url}/workspaces"
    params = {"limit": 100}
    found: set[str] = set()
    while True:
        try:
            body = body_of(send(runtime, url, stream=STREAM, params=params))
        except AsanaError as error:
            raise unlisted(error) from None
        found |= {record["gid"] for record in body["data"]}
        if not body.get("next_page"):
            wanted = set(runtime.settings.workspace_ids)
            return found & wanted if wanted else found
        params = {**params, "offset": body["next_page"]["offset"]}


def unlisted(error: AsanaError) -> AirbyteTracedException:
    """Return the error for workspaces that could not be listed: without them nothing can be read."""
    if isinstance(error, Refused):
        return config_error(
            f'Asana refuses to list the token\'s workspaces ("{error}"): give a token that may read them.'
        )
    return _later("the token's workspaces", error)


def _later(what: str, error: AsanaError) -> AirbyteTracedException:
    return AirbyteTracedException(
        message=f'Asana could not show {what} ("{error}"): try again later.',
        internal_message=f"HTTP {error.verdict.status}, {error.verdict.rule.reason}",
        failure_type=FailureType.transient_error,
    )


def verify_ids(runtime: Runtime, found: Collection[str], *, projects: bool) -> None:
    """Check the ids of the configuration.

    Args:
        runtime: settings and requests.
        found: gids of the selected workspaces that the token sees.
        projects: whether projects are asked for singly; a read sees them in its listing.

    Raises:
        AirbyteTracedException: a config error that names the first key with an unreadable id.
    """
    settings = runtime.settings
    missing = [gid for gid in settings.workspace_ids if gid not in found]
    if missing:
        raise config_error(
            f"Config key `workspace_ids` names {', '.join(missing)}, which the token does not see: correct the ids "
            "or use a token of a member of that workspace."
        )
    if not found:
        raise config_error("The token sees no workspace: use the token of a user who is in one.")
    _readable(runtime, "team_ids", "teams", settings.team_ids)
    _readable(runtime, "portfolio_ids", "portfolios", settings.portfolio_ids)
    if projects:
        _readable(runtime, "project_ids", "projects", settings.project_ids)


def _readable(runtime: Runtime, key: str, path: str, gids: Collection[str]) -> None:
    for gid in gids:
        url = f"{runtime.settings.api_url}/{path}/{gid}"
        try:
            send(runtime, url, stream=STREAM, params={"opt_fields": "gid"})
        except AsanaError as error:
            if not isinstance(error, Refused) and error.verdict.rule.action is Action.RETRY:
                raise _later(f"{gid} of the config key `{key}`", error) from None
            raise config_error(
                f'Config key `{key}` names {gid}, which the token cannot read (Asana said: "{error}"): correct the id '
                "or give the token's user access."
            ) from None
