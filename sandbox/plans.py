"""How the records of one kind of request look; their bytes are kept until they look different."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from sandbox.instability import Pieces, Slots, in_pieces
from sandbox.optfields import Tree, flat
from sandbox.rendering import Compiler, Projector
from sandbox.spec import KINDS, SCHEMAS, kinds_of_schema
from sandbox.store import Object, kind_of

if TYPE_CHECKING:
    from sandbox.access import Viewer
    from sandbox.builders import Builders

CACHE_BYTES = 400_000_000


class Plan:
    """What the records of one request look like."""

    def __init__(
        self, compiler: Compiler, schema: str, tree: Tree | None, kinds: tuple[str, ...]
    ) -> None:
        """Check the fields at once, so that an empty page is refused too."""
        self.compiler = compiler
        self.schema = schema
        self.tree = tree
        self._made: dict[str, Projector] = {}
        self._cache: dict[tuple[str, bool], tuple[int, bytes | Pieces]] = {}
        self._cached_bytes = 0
        compiler.unknown, compiler.deep = [], False
        if tree is not None:
            names = compiler.known(kinds) if kinds else frozenset(SCHEMAS[schema])
            if not compiler.check(tree, names, schema):
                self.tree = {}
        for kind in kinds if len(kinds) < len(KINDS) else ():
            self._projector(kind)
        self.unknown, self.deep = compiler.unknown, compiler.deep

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

    def _made_new(self, obj: Object, *, varies: bool) -> tuple[bytes | Pieces, int]:
        """Return the record as JSON, in pieces if it `varies`, and its length in bytes."""
        slots: Slots = []
        self.compiler.slots = slots if varies else None
        try:
            encoded = orjson.dumps(self.record(obj))
        finally:
            self.compiler.slots = None
        return in_pieces(encoded, slots), len(encoded)

    def pieces(self, obj: Object, *, varies: bool = False) -> bytes | Pieces:
        """Return the unsigned record as JSON, in pieces where it may be arranged differently."""
        if self.deep:
            return self._made_new(obj, varies=varies)[0]
        key = (obj["gid"], varies)
        version = self.compiler.world.version(obj["gid"])
        hit = self._cache.get(key)
        if hit is not None and hit[0] == version:
            return hit[1]
        pieces, size = self._made_new(obj, varies=varies)
        self._cached_bytes += size
        if self._cached_bytes > CACHE_BYTES:
            self._cache.clear()
            self._cached_bytes = size
        self._cache[key] = (version, pieces)
        return pieces


class Renderer(Compiler):
    """A compiler that keeps its plans."""

    def __init__(self, world: Builders, viewer: Viewer, *, strict: bool = False) -> None:
        """Start without plans."""
        super().__init__(world, viewer, strict=strict)
        self._plans: dict[tuple[str, str | None], Plan] = {}

    def plan(self, schema: str, tree: Tree | None, kinds: tuple[str, ...] = ()) -> Plan:
        """Return the plan for records of `schema`, which may stand for objects of several kinds."""
        key = (schema, None if tree is None else flat(tree))
        if key not in self._plans:
            self._plans[key] = Plan(self, schema, tree, kinds or kinds_of_schema(schema))
        return self._plans[key]
