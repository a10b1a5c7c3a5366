"""Turns stored objects into JSON records, by opt_fields and scopes.

Source: Asana's page "Input/output options". Without opt_fields lists give compact records, and
single reads give everything but opt-in fields. With them a record has the named fields and its gid.
A relation that is named without fields is compact. Reported but unverified: one unknown field, and
the record is only `{gid}`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from sandbox.filler import OMIT
from sandbox.instability import HOLE, UNORDERED, Optional, Shuffled, Slots
from sandbox.refusals import ApiError
from sandbox.spec import KINDS, SCHEMAS, Field, Schema, kinds_of_relation, kinds_of_schema
from sandbox.store import Object, kind_of
from sandbox.values import value_of

if TYPE_CHECKING:
    from sandbox.access import Viewer
    from sandbox.builders import Builders
    from sandbox.optfields import Tree

COMPACT_FIELDS = frozenset({"gid", "name", "title", "resource_type", "resource_subtype"})
# An embedded object may come without these if they are null.
MAY_BE_ABSENT = frozenset(
    name
    for schema in SCHEMAS.values()
    for name, field in schema.items()
    if field.nullable or field.conditional
) - {"name", "gid", "resource_type", "resource_subtype"}
Render = Callable[[Any], Any]
Projector = Callable[[Object], dict[str, Any]]


class Compiler:
    """Makes functions from object to record out of kinds and opt_fields, for one viewer."""

    def __init__(self, world: Builders, viewer: Viewer, *, strict: bool = False) -> None:
        """Make records of `world` for `viewer`; if `strict`, an unknown field is a 400."""
        self.world = world
        self.viewer = viewer
        self.strict = strict
        self._projectors: dict[tuple[str, str, str | None], Projector] = {}
        self.unknown: list[str] = []
        self.deep = False
        self.slots: Slots | None = None

    def known(self, kinds: tuple[str, ...]) -> frozenset[str]:
        """Return the names that objects of these kinds may have."""
        return frozenset(name for kind in kinds for name in SCHEMAS[KINDS[kind].full])

    def check(self, tree: Tree, names: frozenset[str], where: str) -> bool:
        """Tell whether all names on the tree's first level are known, and note the others."""
        strange = [name for name in tree if name not in names]
        for name in strange:
            self.unknown.append(f"{where}.{name}")
        if strange and self.strict:
            raise ApiError(400, f"opt_fields: Unknown field: {strange[0]}")
        return not strange

    def of_kind(self, kind: str, tree: Tree) -> Projector:
        """Return the function that gives the named fields, which were checked, and the gid."""
        schema = SCHEMAS[KINDS[kind].full]
        picked = {"gid": {}, **tree}
        fields = {name: schema[name] for name in picked if name in schema}
        return self._fields(kind, KINDS[kind].full, fields, picked)

    def default(self, kind: str, schema_name: str) -> Projector:
        """Return the function that gives `schema_name` without opt-in fields."""
        key = (kind, schema_name, None)
        if key not in self._projectors:
            schema = SCHEMAS[schema_name]
            fields = {name: f for name, f in schema.items() if not f.opt_in}
            self._projectors[key] = self._fields(kind, schema_name, fields, {})
        return self._projectors[key]

    def _fields(self, kind: str, schema: str, fields: Schema, tree: Tree) -> Projector:
        """Return a function over these fields; each relation takes its part of `tree`."""
        steps: list[tuple[str, Callable[[Object], Any], Render | None]] = []
        for name, field in fields.items():
            render = self._relation(schema, field, tree.get(name) or None)
            steps.append((name, value_of(kind, field, self.world, self.viewer), render))
        missing = object()

        def project(obj: Object) -> dict[str, Any]:
            record = {}
            for name, fallback, render in steps:
                value = obj.get(name, missing)
                if value is missing:
                    value = fallback(obj)
                    if value is OMIT:
                        continue
                record[name] = render(value) if render and value is not None else value
            return record

        return project

    def _relation(self, schema: str, field: Field, tree: Tree | None) -> Render | None:
        """Return what renders a stored relation or embedded object, or None for plain values."""
        if field.scalar:
            return None
        one = self._one(schema, field, tree)

        def embedded(value: Any) -> Any:
            slots = self.slots
            if slots is None:
                return one(value)
            before = len(slots)
            return self._optional(one(value), before)

        if not field.listed:
            return embedded
        if field.name in UNORDERED:
            return lambda values: self._shuffled(one, self._living(values))
        return lambda values: [embedded(value) for value in self._living(values)]

    def _living(self, values: list[Any]) -> list[Any]:
        """Return what a list relates to, without what has been deleted."""
        objects = self.world.objects
        return [v for v in values if not isinstance(v, str) or v in objects]

    def _shuffled(self, one: Render, values: list[Any]) -> Any:
        """Return a hole for a list that may come in any order, or the list inside another slot."""
        slots = self.slots
        if slots is None or len(values) < 2:
            return [one(value) for value in values]
        self.slots = None
        slots.append(Shuffled(tuple(orjson.dumps(one(value)) for value in values)))
        self.slots = slots
        return HOLE

    def _optional(self, record: Any, before: int) -> Any:
        """Return what is embedded, or a hole if it has nulls that may be left out.

        `before` is the number of slots ahead of it. What holds slots itself stays as it is.
        """
        slots = self.slots
        if slots is None or len(slots) > before or not isinstance(record, dict):
            return record
        short = {k: v for k, v in record.items() if v is not None or k not in MAY_BE_ABSENT}
        if len(short) == len(record):
            return record
        slots.append(Optional(orjson.dumps(record), orjson.dumps(short)))
        return HOLE

    def _one(self, schema: str, field: Field, tree: Tree | None) -> Render:
        kinds = kinds_of_relation(schema, field.name, field.refs)
        if field.inline or not kinds:
            return self._embedded(schema, field, tree)
        if tree is not None:
            return self._expanded(field, tree, kinds)
        return self._compact(field, kinds)

    def _embedded(self, schema: str, field: Field, tree: Tree | None) -> Render:
        fields = field.inline or SCHEMAS[field.refs[0]]
        if tree is not None:
            entity = bool(field.inline) and "resource_type" in fields
            names = frozenset(fields) | (self.known(tuple(KINDS)) if entity else frozenset())
            known = self.check(tree, names, f"{schema}.{field.name}")
            if entity and not set(tree) <= set(fields):
                kinds = ("user",) if "resource_subtype" not in fields else ("task",)
                return self._expanded(field, tree, kinds)
            picked: Tree = {"gid": {}, **tree} if known else {"gid": {}}
            chosen = {n: f for n, f in fields.items() if n in picked}
            project = self._fields("", schema, chosen, picked)
        else:
            chosen = {n: f for n, f in fields.items() if not f.opt_in}
            project = self._fields("", schema, chosen, {})
        objects = self.world.objects
        return lambda value: project(objects[value] if isinstance(value, str) else value)

    def _expanded(self, field: Field, tree: Tree, kinds: tuple[str, ...]) -> Render:
        """Return the relation with named fields; beyond the compact ones they need its scope."""
        known = self.check(tree, self.known(kinds), field.name)
        if not set(tree) <= COMPACT_FIELDS:
            self.deep = self.deep or not set(kinds) <= {
                "user",
                "custom_field",
                "project",
                "section",
            }
            for kind in kinds:
                if len(kinds) < len(KINDS) and not self.viewer.has_scope(KINDS[kind].scope):
                    scope = KINDS[kind].scope or "default"
                    raise ApiError(403, f"The token lacks the scope {scope} for {field.name}.")
        picked: Tree = tree if known else {}
        # Made at once, so that names deeper down are checked even if no record is shown.
        few = kinds if len(kinds) < len(KINDS) else ()
        made = {kind: self.of_kind(kind, picked) for kind in few}
        objects = self.world.objects

        def render(value: Any) -> Any:
            obj = objects.get(value) if isinstance(value, str) else value
            if obj is None:
                return None
            kind = kind_of(obj)
            if kind not in made:
                made[kind] = self.of_kind(kind, picked)
            return made[kind](obj)

        return render

    def _compact(self, field: Field, kinds: tuple[str, ...]) -> Render:
        """Return the compact form, cached because the same users and projects recur."""
        ref = field.refs[0] if len(field.refs) == 1 else ""
        cache: dict[str, tuple[int, orjson.Fragment]] = {}
        world, objects, versions = self.world, self.world.objects, self.world.versions
        generic = ref.startswith("Asana")

        def make(obj: Object) -> dict[str, Any]:
            kind = kind_of(obj)
            if generic:
                return {name: obj[name] for name in SCHEMAS[ref] if name in obj}
            schema = ref if kind in kinds_of_schema(ref) and ref in SCHEMAS else KINDS[kind].compact
            if ref == "MemberCompact" or not ref:
                schema = KINDS[kind].compact
            record = self.default(kind, schema)(obj)
            if not self.viewer.has_scope(KINDS[kind].scope):
                record = {name: v for name, v in record.items() if name in COMPACT_FIELDS}
            return record

        def render(value: Any) -> Any:
            if not isinstance(value, str):
                return make(value)
            obj = objects.get(value)
            if obj is None:
                return None
            version = (world.epoch << 32) + versions.get(value, 0)
            hit = cache.get(value)
            if hit is not None and hit[0] == version:
                return hit[1]
            slots, self.slots = self.slots, None
            fragment = orjson.Fragment(orjson.dumps(make(obj)))
            self.slots = slots
            cache[value] = (version, fragment)
            return fragment

        del kinds
        return render
