"""Stored objects to JSON records: opt_fields, compact relations, scopes.

Source: Asana's page "Input/output options". Without opt_fields lists give compact records and
single reads everything but opt-in fields. With them a record has the named fields and gid. A
relation named without fields is compact. Reported, unverified: one unknown field and the record is
`{gid}`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from sandbox.filler import OMIT
from sandbox.optfields import Tree, flat
from sandbox.refusals import ApiError
from sandbox.spec import KINDS, SCHEMAS, Field, Schema, kinds_of_relation, kinds_of_schema
from sandbox.store import Object, Store, kind_of
from sandbox.values import value_of

if TYPE_CHECKING:
    from sandbox.access import Viewer

COMPACT_FIELDS = frozenset({"gid", "name", "title", "resource_type", "resource_subtype"})
# What a compact record shows; edits of anything else leave records that embed it as they are.
CACHE_BYTES = 400_000_000
Render = Callable[[Any], Any]
Projector = Callable[[Object], dict[str, Any]]


class Compiler:
    """Turns (kind, opt_fields) into functions from object to record, for one viewer."""

    def __init__(self, world: Store, viewer: Viewer, *, strict: bool = False) -> None:
        """Make records of `world` for `viewer`; `strict` answers 400 to an unknown field."""
        self.world = world
        self.viewer = viewer
        self.strict = strict
        self._projectors: dict[tuple[str, str, str | None], Projector] = {}
        self._plans: dict[tuple[str, str | None], Plan] = {}
        self.unknown: list[str] = []
        self.deep = False

    def plan(self, schema: str, tree: Tree | None, kinds: tuple[str, ...] = ()) -> Plan:
        """Return the plan for records of `schema`, which may hold objects of several kinds."""
        key = (schema, None if tree is None else flat(tree))
        if key not in self._plans:
            self.unknown, self.deep = [], False
            plan = Plan(self, schema, tree, kinds or kinds_of_schema(schema))
            plan.unknown, plan.deep = self.unknown, self.deep
            self._plans[key] = plan
        return self._plans[key]

    def known(self, kinds: tuple[str, ...]) -> frozenset[str]:
        """Return the names that objects of these kinds may have."""
        return frozenset(name for kind in kinds for name in SCHEMAS[KINDS[kind].full])

    def check(self, tree: Tree, names: frozenset[str], where: str) -> bool:
        """Tell whether every name of the tree's first level is known; note those that are not."""
        strange = [name for name in tree if name not in names]
        for name in strange:
            self.unknown.append(f"{where}.{name}")
        if strange and self.strict:
            raise ApiError(400, f"opt_fields: Unknown field: {strange[0]}")
        return not strange

    def of_kind(self, kind: str, tree: Tree) -> Projector:
        """Return the function that gives the named fields (checked before) and gid."""
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
        """Return a function over these fields; relations take their part of `tree`."""
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
        """Return what makes JSON of a stored relation or embedded object, None for plain values."""
        if field.scalar:
            return None
        one = self._one(schema, field, tree)
        if field.listed:
            return lambda values: [one(value) for value in values]
        return one

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
        """Return the relation with named fields; beyond the compact ones its scope is needed."""
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
        # At once, so that names deeper down are checked even when no record is shown.
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
        """Return the compact form; cached, as the same users and projects come up again."""
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
            fragment = orjson.Fragment(orjson.dumps(make(obj)))
            cache[value] = (version, fragment)
            return fragment

        del kinds
        return render


class Plan:
    """What one request's records look like; keeps their bytes until they look different."""

    def __init__(
        self, compiler: Compiler, schema: str, tree: Tree | None, kinds: tuple[str, ...]
    ) -> None:
        """Check the fields now, so that an empty page refuses too; the rest is made when met."""
        self.compiler = compiler
        self.schema = schema
        self.tree = tree
        self.unknown: list[str] = []
        self.deep = False
        self._made: dict[str, Projector] = {}
        self._cache: dict[str, tuple[int, bytes]] = {}
        self._cached_bytes = 0
        if tree is not None:
            names = compiler.known(kinds) if kinds else frozenset(SCHEMAS[schema])
            if not compiler.check(tree, names, schema):
                self.tree = {}
        for kind in kinds if len(kinds) < len(KINDS) else ():
            self._projector(kind)

    def _projector(self, kind: str) -> Projector:
        if kind not in self._made:
            if self.tree is not None:
                self._made[kind] = self.compiler.of_kind(kind, self.tree)
            else:
                own = self.schema in {KINDS[kind].full, KINDS[kind].compact}
                schema = self.schema if own else KINDS[kind].compact
                self._made[kind] = self.compiler.default(kind, schema)
        return self._made[kind]

    def record(self, obj: Object) -> dict[str, Any]:
        """Return the record; relations in it may be `orjson.Fragment`s."""
        return self._projector(kind_of(obj))(obj)

    def encoded(self, obj: Object) -> bytes:
        """Return the record as JSON."""
        if self.deep:
            return orjson.dumps(self.record(obj))
        gid = obj["gid"]
        version = self.compiler.world.version(gid)
        hit = self._cache.get(gid)
        if hit is not None and hit[0] == version:
            return hit[1]
        encoded = orjson.dumps(self.record(obj))
        self._cached_bytes += len(encoded)
        if self._cached_bytes > CACHE_BYTES:
            self._cache.clear()
            self._cached_bytes = len(encoded)
        self._cache[gid] = (version, encoded)
        return encoded
