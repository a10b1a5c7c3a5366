"""One request from path and headers to status and body: the order of the checks is here."""

from __future__ import annotations

import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox import (
    endpoints_events,
    endpoints_listed,
    endpoints_search,
    endpoints_special,
    refusals,
)
from sandbox.calls import Call, Settings
from sandbox.faults import TRANSPORT, Fault
from sandbox.instability import Variation
from sandbox.paging import Offsets
from sandbox.plans import Renderer
from sandbox.quota import Quota
from sandbox.refusals import ApiError
from sandbox.spec import Endpoint, kinds_of_schema, match
from sandbox.tokens import Auth, Token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.access import Viewer
    from sandbox.removals import Removals

JSON = "application/json; charset=UTF-8"
SEARCH_TEMPLATES = frozenset(
    {"/workspaces/{workspace_gid}/tasks/search", "/workspaces/{workspace_gid}/projects/search"}
)
# Path pattern -> feature of the plan, name in the refusal. First match counts.
FEATURES: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern), feature, words)
    for pattern, feature, words in (
        (r"/search$", "search", "Search"),
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
ANSWERS: dict[str, Callable[[Call], bytes]] = {
    **endpoints_special.SPECIAL,
    "/workspaces/{workspace_gid}/tasks/search": endpoints_search.tasks,
    "/workspaces/{workspace_gid}/projects/search": endpoints_search.projects,
    "/events": endpoints_events.events,
    "/projects/{project_gid}/events": endpoints_events.project_events,
    "/workspaces/{workspace_gid}/events": endpoints_events.workspace_events,
    "/workspaces/{workspace_gid}/audit_log_events": endpoints_events.audit_log,
}
_SINGLE = re.compile(r"^/\w+/\{(\w+_gid)\}$")
CHANGE_NOTICE = (
    "name=asana_created_custom_types;info=https://forum.asana.com/t/1153530;affected=true"
)


@dataclass(slots=True)
class Entry:
    """One answered request; `time` by the sandbox's clock, seconds since 1970."""

    time: float
    method: str
    path: str
    path_template: str
    params: dict[str, str]
    status: int
    token: str


@dataclass(slots=True)
class Reply:
    """What goes out; `fault` spoils the transport of it."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    fault: Fault | None = None


def feature_of(template: str) -> tuple[str, str] | None:
    """Return the feature that an endpoint belongs to and the words of its refusal."""
    for pattern, feature, words in FEATURES:
        if pattern.search(template):
            return feature, words
    return None


class Api:
    """The REST API over one world."""

    def __init__(self, world: Removals, *, strict_fields: bool = False) -> None:
        """Serve `world`; tokens are added to `auth`."""
        self.world = world
        self.auth = Auth(world.clock)
        self.quota = Quota(world.clock)
        self.offsets = Offsets(world.clock)
        self.settings = Settings()
        self.variation = Variation()
        self.strict_fields = strict_fields
        self.faults: list[Fault] = []
        self.hook: Callable[[str, dict[str, str]], None] | None = None
        self.log: list[Entry] = []
        self.counts: Counter[tuple[str, int]] = Counter()
        self.unknown_params: list[str] = []
        self.unknown_fields: list[str] = []
        self._compilers: dict[Viewer, Renderer] = {}
        self._counting = threading.Lock()

    def compiler(self, viewer: Viewer) -> Renderer:
        """Return the record maker of a viewer; it keeps plans and bytes."""
        found = self._compilers.get(viewer)
        if found is None or found.strict != self.strict_fields:
            found = Renderer(self.world, viewer, strict=self.strict_fields)
            self._compilers[viewer] = found
        return found

    def respond(
        self, method: str, path: str, query: dict[str, str], headers: Mapping[str, str]
    ) -> Reply:
        """Answer one request below /api/1.0 and log it."""
        route = match(path)
        template = route[0].template if route else path
        authorization = headers.get("Authorization")
        reply = self._reply(method, path, query, headers, route)
        entry = Entry(
            self.world.clock.now(),
            method,
            path,
            template,
            query,
            reply.status,
            (authorization or "").partition(" ")[2],
        )
        with self._counting:
            self.log.append(entry)
            self.counts[template, reply.status] += 1
        return reply

    def _reply(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        headers: Mapping[str, str],
        route: tuple[Endpoint, dict[str, str]] | None,
    ) -> Reply:
        template = route[0].template if route else path
        hook = self.hook
        if hook is not None:
            hook(path, query)
        fault = next((f for f in list(self.faults) if f.applies(path, template, query)), None)
        try:
            token = self.auth.check(headers.get("Authorization"))
            self.quota.check(token.text, search=template in SEARCH_TEMPLATES)
            if fault is not None and fault.kind not in TRANSPORT:
                status, extra, body = fault.reply()
                return Reply(status, body, extra)
            with self.world.lock:
                call = self._call(method, route, path, query, headers, token)
                body = self.answer(call)
        except ApiError as error:
            return Reply(error.status, error.body(), {"Content-Type": JSON, **error.headers}, fault)
        extra = {"Content-Type": JSON}
        if template in {"/tasks", "/projects", "/portfolios"} and not call.enabled:
            extra["Asana-Change"] = CHANGE_NOTICE
        return Reply(200, body, extra, fault)

    def _call(  # noqa: PLR0917 - the parts of a request
        self,
        method: str,
        route: tuple[Endpoint, dict[str, str]] | None,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        token: Token,
    ) -> Call:
        if route is None or method != "GET":
            raise ApiError(404, refusals.NO_ROUTE)
        endpoint, values = route
        for name in query:
            if name not in endpoint.parameters:
                self.unknown_params.append(f"{endpoint.template}?{name}")
        enabled = headers.get("Asana-Enable", "")
        self.variation.unsteady = self.settings.unsteady
        return Call(
            self.world,
            endpoint,
            token.viewer,
            self.compiler(token.viewer),
            self.offsets,
            self.settings,
            path,
            values,
            query,
            frozenset(name.strip() for name in enabled.split(",") if name.strip()),
            variation=self.variation,
        )

    def answer(self, call: Call) -> bytes:
        """Return the body of an authorized call, after the checks of scope and plan."""
        self._check_rights(call)
        return call.variation.signed(self._unsigned(call), self.world.clock.now())

    def _unsigned(self, call: Call) -> bytes:
        template = call.endpoint.template
        try:
            if template in ANSWERS:
                return ANSWERS[template](call)
            listing = endpoints_listed.LISTINGS.get(template)
            if listing is not None:
                return endpoints_listed.answer(call, listing)
            single = _SINGLE.match(template)
            if single and not call.endpoint.listed:
                return call.one(call.object(single[1], *kinds_of_schema(call.endpoint.schema)))
            raise ApiError(404, refusals.NO_ROUTE)
        finally:
            self.unknown_fields.extend(call.notes)

    def _check_rights(self, call: Call) -> None:
        viewer, endpoint = call.viewer, call.endpoint
        if viewer.scopes is not None and not (endpoint.scopes & viewer.scopes):
            wanted = ", ".join(sorted(endpoint.scopes)) or "default"
            raise ApiError(403, f"The token lacks the scope {wanted}.")  # own wording
        found = feature_of(endpoint.template)
        if found and found[0] not in viewer.features:
            feature, words = found
            del feature
            if words.startswith("!"):
                raise ApiError(self.settings.refusal_status, words[1:])
            raise refusals.paid_only(words, self.settings.refusal_status)

    def reset_log(self) -> None:
        """Forget requests, unknown names and quota use."""
        with self._counting:
            self.log.clear()
            self.counts.clear()
            self.unknown_params.clear()
            self.unknown_fields.clear()
        self.quota.reset()

    def requests(self, template: str | None = None) -> int:
        """Return the number of requests answered with 2xx, of one template or of all."""
        with self._counting:
            return sum(
                number
                for (path, status), number in self.counts.items()
                if 200 <= status < 300 and template in {None, path}
            )

    def summary(self) -> dict[str, Any]:
        """Return the counts per template and status."""
        with self._counting:
            counts: dict[str, dict[str, int]] = {}
            for (template, status), number in sorted(self.counts.items()):
                counts.setdefault(template, {})[str(status)] = number
        return {
            "total": sum(sum(statuses.values()) for statuses in counts.values()),
            "templates": counts,
            "unknown_params": sorted(set(self.unknown_params)),
            "unknown_fields": sorted(set(self.unknown_fields)),
            "max_in_flight": self.quota.most_in_flight,
        }
