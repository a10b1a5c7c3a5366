"""The columns of custom fields in a discovered catalog.

What is asked: the library of each workspace, and the listings of projects, portfolios and goals
with their settings and their own fields, as a field that is local to one of them is in no library.
Other people's portfolios, which only the items of portfolios show, would cost a request for each
portfolio and are passed over.

A definition does not tell whether the values of a date field have a time. Therefore a page of tasks
is looked at in a few projects that together have all date fields.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import requests
from airbyte_cdk.models import AirbyteCatalog, AirbyteStream, FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.check import workspaces
from source_asana.components.pages import next_offset, pages, rows
from source_asana.components.shape import Filter
from source_asana.cursors.sending import Raw
from source_asana.fields.custom import STREAMS
from source_asana.fields.custom_schema import MOST_COLUMNS, FoundFields, covering
from source_asana.fields.schemas import with_columns
from source_asana.http.attempts import body_of, send
from source_asana.http.errors import AsanaError, Refused
from source_asana.runtime import Runtime

LOGGER = logging.getLogger("airbyte.source_asana.discovery")
STREAM = "discover"
# In how many projects a date field is looked at, and how many there may be; each costs a request.
LOOKS = 3
MOST_LOOKED_AT = 10
THREADS = 8

_DEFINITION = ("name", "representation_type", "resource_subtype")
# The fields of projects, portfolios and goals themselves are compact: they show no subtype.
_COMPACT = ("name", "representation_type", "type")
TIME = "custom_fields.date_value.date_time"
DEFINITION = ",".join(_DEFINITION)
CONTAINER = ",".join(
    (
        *(f"custom_field_settings.custom_field.{name}" for name in _DEFINITION),
        *(f"custom_fields.{name}" for name in _COMPACT),
        TIME,
    )
)
# As in the manifest: without it, projects of Asana's own custom types do not show.
HEADERS = {"Asana-Enable": "include_asana_created_custom_types"}


def add_custom_columns(catalog: AirbyteCatalog, runtime: Runtime) -> None:
    """Add a column for each custom field to the discovered streams that have such.

    What Asana refuses, as it does on a free plan, adds none.

    Raises:
        AirbyteTracedException: Asana could not be reached or does not accept the token. An answer
            that is not complete would take columns out of the user's catalog.
    """
    try:
        fields = _Discovery(runtime).fields()
    except AsanaError as error:
        raise _unreachable(str(error)) from None
    except AirbyteTracedException as error:
        if error.failure_type is FailureType.config_error:
            raise
        raise _unreachable(error.internal_message or "no answer") from None
    without: dict[tuple[str, ...], list[str]] = {}
    for stream in catalog.streams:
        if stream.name in STREAMS:
            without.setdefault(tuple(_extend(stream, fields)), []).append(stream.name)
    without.pop((), None)
    if without:
        _warn(without, fields)


def _extend(stream: AirbyteStream, fields: FoundFields) -> list[str]:
    """Add the columns to a stream's schema; return the gids of the fields that got none."""
    # The schema itself is shared by all who loaded it.
    schema = stream.json_schema
    columns, without = fields.properties(stream.name, schema["properties"])
    stream.json_schema = with_columns(schema, columns)
    return without


def _warn(without: Mapping[tuple[str, ...], list[str]], fields: FoundFields) -> None:
    parts = (
        f"{', '.join(streams)}: {', '.join(f'{fields.label(gid)} ({gid})' for gid in gids)}"
        for gids, streams in without.items()
    )
    LOGGER.warning(
        "A stream has at most %d columns for custom fields, and there are more fields. Those in "
        "the fewest projects have no column; their values are in `custom_fields`. %s.",
        MOST_COLUMNS,
        "; ".join(parts),
    )


def _unreachable(reason: str) -> AirbyteTracedException:
    return AirbyteTracedException(
        message=(
            f'Asana could not show the custom fields ("{reason}"): discover the schema again '
            "later, or set the config key `custom_field_columns` to false."
        ),
        internal_message=reason,
        failure_type=FailureType.transient_error,
    )


@dataclass(frozen=True)
class Listing:
    """One listing, or one object, that shows custom fields.

    Attributes:
        kind: `custom_fields`, or the kind of container.
        path: below the API's URL.
        params: query parameters.
        otherwise: parameters for another try where Asana does not take these.
    """

    kind: str
    path: str
    params: Mapping[str, Any]
    otherwise: Mapping[str, Any] | None = None


class _Discovery:
    """Asks for everything that is needed, several requests at once."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._settings = runtime.settings
        self._counts = runtime.report.counts(STREAM)
        only = {"project_ids": "gid", "team_ids": "team.gid"}
        self._projects = Filter(runtime.settings, only, {"exclude_project_ids": "gid"})

    def fields(self) -> FoundFields:
        """Return the fields of the selected workspaces."""
        found = FoundFields()
        listings = list(self._listings())
        with ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix=STREAM) as pool:
            for listing, records in zip(listings, pool.map(self._read, listings), strict=True):
                if listing.kind == "custom_fields":
                    found.add_library(records)
                else:
                    found.add_containers(listing.kind, records)
            for tasks in pool.map(self._tasks, covering(found.dated, LOOKS, MOST_LOOKED_AT)):
                for task in tasks:
                    found.add_times(task)
        return found

    def _listings(self) -> Iterable[Listing]:
        gids = self._settings.workspace_ids or workspaces(self._runtime)
        for gid in dict.fromkeys(gids):
            yield from self._of_workspace(gid)
        for gid in dict.fromkeys(self._settings.portfolio_ids):
            yield Listing("portfolios", f"portfolios/{gid}", {"opt_fields": CONTAINER})

    def _of_workspace(self, gid: str) -> Iterable[Listing]:
        library = {"opt_fields": DEFINITION, "limit": 100}
        inside = {"workspace": gid, "opt_fields": CONTAINER, "limit": 100}
        archived = None if self._settings.include_archived_projects else "false"
        team = ",team.gid" if self._settings.team_ids else ""
        projects = {**inside, "archived": archived, "opt_fields": CONTAINER + team}
        yield Listing("custom_fields", f"workspaces/{gid}/custom_fields", library)
        yield Listing("projects", "projects", projects)
        # Only service accounts may leave out the owner.
        yield Listing("portfolios", "portfolios", inside, {**inside, "owner": "me"})
        yield Listing("goals", "goals", inside)

    def _read(self, listing: Listing) -> list[Raw]:
        """Return the records of a listing, none where it is refused."""
        try:
            records = self._whole(listing)
        except AsanaError as error:
            if listing.otherwise and error.verdict.status in (400, 403):
                return self._read(replace(listing, params=listing.otherwise, otherwise=None))
            if not isinstance(error, Refused):
                raise
            LOGGER.info('No columns from %s: Asana says "%s".', listing.path, error)
            return []
        if listing.kind == "projects":
            return [record for record in records if self._projects.keeps(record)]
        return records

    def _whole(self, listing: Listing) -> list[Raw]:
        def ask(offset: str | None) -> requests.Response:
            return self._ask(listing.path, {**listing.params, "offset": offset})

        return [record for page in pages(ask, next_offset) for record in list(page)]

    def _ask(self, path: str, params: Mapping[str, Any]) -> requests.Response:
        client = self._runtime.client
        return send(client, path, counts=self._counts, params=params, headers=HEADERS)

    def _tasks(self, project: str) -> list[Raw]:
        """Return some of a project's tasks, with the times of their dates."""
        params = {"project": project, "opt_fields": TIME, "limit": 100}
        try:
            return rows(body_of(self._ask("tasks", params)))
        except Refused:
            return []


__all__ = ["add_custom_columns"]
