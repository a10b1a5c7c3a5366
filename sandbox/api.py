"""Answers one request, from its path and headers to a status and a body, with all its checks."""

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
from sandbox.hooks import Hooks
from sandbox.instability import Variation
from sandbox.paging import Offsets
from sandbox.plans import Renderer
from sandbox.quota import Quota
from sandbox.refusals import ApiError
from sandbox.rights import check_rights
from sandbox.spec import Endpoint, kinds_of_schema, match
from sandbox.sync_tokens import SyncTokens
from sandbox.tokens import Auth, Token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.access import Viewer
    from sandbox.trash import Trash

JSON = "application/json; charset=UTF-8"
SEARCH_TEMPLATES = frozenset(
    {"/workspaces/{workspace_gid}/tasks/search", "/workspaces/{workspace_gid}/projects/search"}
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
    """One request that was answered; `time` is the sandbox's, in seconds since 1970."""

    time: float
    method: str
    path: str
    path_template: str
    params: dict[str, str]
    status: int
    token: str


@dataclass(slots=True)
class Reply:
    """What is sent back; `fault` says how its transport is spoiled, if at all."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    fault: Fault | None = None


class Api:
    """The REST API over one world."""

    def __init__(self, world: Trash, *, strict_fields: bool = False) -> None:
        """Serve `world` to the tokens that are added to `auth`."""
        self.world = world
        self.auth = Auth(world.clock)
        self.quota = Quota(world.clock)
        self.offsets = Offsets(world.clock)
        self.settings = Settings()
        self.variation = Variation()
        self.sync_tokens = SyncTokens()
        self.strict_fields = strict_fields
        self.faults: list[Fault] = []
        self.hooks = Hooks()
        self.hook: Callable[[str, dict[str, str]], None] | None = None
        self.log: list[Entry] = []
        self.counts: Counter[tuple[str, int]] = Counter()
        self.unknown_params: list[str] = []
        self.unknown_fields: list[str] = []
        self._compilers: dict[Viewer, Renderer] = {}
        self._counting = threading.Lock()

    def compiler(self, viewer: Viewer) -> Renderer:
        """Return the renderer of a viewer, which keeps its plans and their bytes."""
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
        self.hooks.run(path, template, query)
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
            sync_tokens=self.sync_tokens,
        )

    def answer(self, call: Call) -> bytes:
        """Return the signed body of an authorized call, after checking its scope and plan."""
        check_rights(call)
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

    def reset_log(self) -> None:
        """Forget the requests, the unknown names and the use of the quota."""
        with self._counting:
            self.log.clear()
            self.counts.clear()
            self.unknown_params.clear()
            self.unknown_fields.clear()
        self.quota.reset()

    def requests(self, template: str | None = None) -> int:
        """Return how many requests were answered with 2xx, of one template or of all."""
        with self._counting:
            return sum(
                number
                for (path, status), number in self.counts.items()
                if 200 <= status < 300 and template in {None, path}
            )

    def summary(self) -> dict[str, Any]:
        """Return how many requests each template and status had, and what was asked for in vain."""
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
