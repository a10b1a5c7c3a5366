"""One request as the endpoints see it: its parameters, the objects they name, the page it gets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from sandbox import refusals
from sandbox.access import Viewer, sees
from sandbox.instability import Variation
from sandbox.optfields import parse
from sandbox.paging import Offsets, page_limit
from sandbox.refusals import ApiError
from sandbox.server_time import parse_moment, to_stamp
from sandbox.store import Object, Ordered, kind_of
from sandbox.sync_tokens import SyncTokens

if TYPE_CHECKING:
    from sandbox.plans import Plan, Renderer
    from sandbox.spec import Endpoint
    from sandbox.trash import Trash

Keep = Callable[[Object], bool]
NOT_PART_OF_A_LISTING = frozenset({"limit", "offset", "opt_fields", "opt_pretty"})
KIND_FEATURES = {"portfolio": "portfolios", "goal": "goals"}


@dataclass(slots=True)
class Settings:
    """What differs between servers. Every value may be changed while the server runs.

    Attributes:
        search_lag: seconds until task search sees a change.
        sync_life: seconds a sync token lives.
        sync_lives: the same for single resources, by gid; 0 refuses every token of one.
        sync_forward: whether a sync token is refused once its user sent a later one.
        sync_backlog: events of a resource behind which a sync token is too old; None is no limit.
        unseen_events: whether /events tells of objects that the user may not see, by gid and type.
        max_unpaged: objects in a listing without `limit` before it is refused as too large.
        users_cut: users in the listings that have no pages.
        refusal_status: 402 or 403; both are reported for features above the plan.
        hides_asana_types: whether objects with custom types made by Asana need a header.
        newer: whether to serve the parameters that came after the June 2026 description.
        unsteady: whether each answer signs URLs again, turns unordered lists and leaves out
            some nulls of embedded objects.
        date_skew: seconds by which the `Date` header is ahead; None leaves the header out.
    """

    search_lag: float = 0.0
    sync_life: float = 86_400.0
    sync_lives: dict[str, float] = field(default_factory=dict)
    sync_forward: bool = False
    sync_backlog: int | None = None
    unseen_events: bool = True
    max_unpaged: int = 1000
    users_cut: int = 2000
    refusal_status: int = 402
    hides_asana_types: bool = True
    newer: bool = True
    unsteady: bool = False
    date_skew: float | None = 0.0


@dataclass(slots=True)
class Call:
    """One authorized GET: what was asked for, by whom, of which world."""

    world: Trash
    endpoint: Endpoint
    viewer: Viewer
    compiler: Renderer
    offsets: Offsets
    settings: Settings
    path: str
    values: Mapping[str, str]
    query: Mapping[str, str]
    enabled: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)
    variation: Variation = field(default_factory=Variation)
    sync_tokens: SyncTokens = field(default_factory=SyncTokens)

    def text(self, name: str) -> str | None:
        """Return a value from the path or the query, or None if it is absent."""
        return self.values.get(name) or self.query.get(name)

    def needed(self, name: str) -> str:
        """Return a value that is required; its absence is a 400."""
        value = self.text(name)
        if not value:
            raise refusals.missing(name)
        return value

    def object(self, name: str, *kinds: str) -> Object:
        """Return the object that parameter `name` names, which must be of one of `kinds`.

        What is not a gid is a 400, an unknown gid a 404, a kind above the plan a 402, a hidden
        object a 403.
        """
        value = self.needed(name)
        label = name.removesuffix("_gid")
        if "user" in kinds:
            value = self._user(value)
        if not value.isdigit():
            raise refusals.not_a_gid(label, value)
        obj = self.world.objects.get(value)
        if obj is None or (kinds and kind_of(obj) not in kinds):
            raise refusals.unknown_object(label, value)
        self._check_plan(obj)
        if not sees(self.world, self.viewer, obj):
            raise ApiError(403, f"You do not have access to this {kind_of(obj)}.")
        return obj

    def _user(self, value: str) -> str:
        """Return the gid of a user who is named by gid, by `me` or by e-mail address."""
        if value == "me":
            return self.viewer.user
        if "@" in value:
            known = {user.get("email"): str(user["gid"]) for user in self.world.of_kind("user")}
            return known.get(value, value)
        return value

    def _check_plan(self, obj: Object) -> None:
        """Refuse an object if its kind, or that of something it is in, is above the plan."""
        around: Object | None = obj
        while around is not None:
            feature = KIND_FEATURES.get(kind_of(around))
            if feature and feature not in self.viewer.features:
                raise refusals.paid_only(feature.capitalize(), self.settings.refusal_status)
            around = self.world.objects.get(around.get("_within", ""))

    def gid(self, name: str, *kinds: str) -> str:
        """Return the gid of the object that parameter `name` names."""
        return str(self.object(name, *kinds)["gid"])

    def moment(self, name: str) -> str | None:
        """Return a time parameter as a stamp like the stored ones, rounded up to milliseconds."""
        value = self.query.get(name)
        if value is None:
            return None
        try:
            return to_stamp(math.ceil(round(parse_moment(value) * 1000, 3)) / 1000)
        except ValueError as error:
            raise ApiError(400, f"{name}: Not a valid date: {value}") from error

    def flag(self, name: str) -> bool | None:
        """Return a boolean parameter, or None if it is absent; other words are a 400."""
        value = self.query.get(name)
        if value is None:
            return None
        if value.lower() not in {"true", "false"}:
            raise ApiError(400, f"{name}: Not a boolean: {value}")
        return value.lower() == "true"

    def plan(self, schema: str = "", kinds: tuple[str, ...] = ()) -> Plan:
        """Return how the records of this answer look, and note unknown names for tests."""
        text = self.query.get("opt_fields")
        plan = self.compiler.plan(
            schema or self.endpoint.schema, parse(text) if text else None, kinds
        )
        self.notes.extend(plan.unknown)
        return plan

    def encoded(self, plan: Plan, obj: Object) -> bytes:
        """Return one record as JSON. Its URLs are signed later, with the whole body."""
        pieces = plan.pieces(obj, varies=self.variation.unsteady)
        return pieces if isinstance(pieces, bytes) else self.variation.record(pieces)

    def shows(self, obj: Object) -> bool:
        """Tell whether a listing shows `obj`, which it does unless the viewer may not see it."""
        return sees(self.world, self.viewer, obj)

    def listing(self) -> str:
        """Return the text that an offset is bound to: the path and the filters."""
        parts = [
            f"{key}={value}"
            for key, value in sorted(self.query.items())
            if key not in NOT_PART_OF_A_LISTING
        ]
        return f"{self.path}?{'&'.join(parts)}"

    def page(
        self,
        rows: Ordered,
        keep: Keep | None = None,
        *,
        kinds: tuple[str, ...] = (),
        descending: bool = False,
    ) -> bytes:
        """Return the body of one page of `rows`, with those for which `keep` is true."""
        plan = self.plan(kinds=kinds)
        limit = page_limit(self.query.get("limit")) if self.endpoint.paginated else None
        offset = self.query.get("offset") if self.endpoint.paginated else None
        position = self.offsets.read(self.listing(), offset) if offset else None
        objects = self.world.objects
        gids: Iterable[str] = rows.before(position) if descending else rows.after(position)
        most = limit or (self.settings.max_unpaged if self.endpoint.paginated else 10**9)
        shown: list[Object] = []
        more = False
        for gid in gids:
            obj = objects[gid]
            if keep is not None and not keep(obj):
                continue
            if len(shown) == most:
                more = True
                break
            shown.append(obj)
        if limit is None and more:
            raise ApiError(400, refusals.TOO_LARGE)
        data = b",".join([self.encoded(plan, obj) for obj in shown])
        if limit is None:
            return b'{"data":[' + data + b"]}"
        tail = b"null"
        if more:
            tail = self.next_page(
                self.offsets.write(self.listing(), rows.position(shown[-1]["gid"]))
            )
        return b'{"data":[' + data + b'],"next_page":' + tail + b"}"

    def next_page(self, offset: str) -> bytes:
        """Return the `next_page` object as JSON."""
        query = {**self.query, "offset": offset}
        path = f"{self.path}?{'&'.join(f'{key}={value}' for key, value in query.items())}"
        return orjson.dumps(
            {"offset": offset, "path": path, "uri": f"https://app.asana.com/api/1.0{path}"}
        )

    def everything(self, objects: Iterable[Object], plan: Plan | None = None) -> bytes:
        """Return the body of a list that has no pages."""
        made = plan or self.plan()
        return b'{"data":[' + b",".join([self.encoded(made, obj) for obj in objects]) + b"]}"

    def one(self, obj: Object, schema: str = "") -> bytes:
        """Return the body of a single object."""
        return b'{"data":' + self.encoded(self.plan(schema), obj) + b"}"


def combine(*parts: Keep | None) -> Keep | None:
    """Return the filter that passes what all of `parts` pass, or None if there are none."""
    active: list[Any] = [part for part in parts if part is not None]
    if not active:
        return None
    if len(active) == 1:
        return active[0]  # type: ignore[no-any-return]  # filtered above
    return lambda obj: all(part(obj) for part in active)
