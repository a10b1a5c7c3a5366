"""The manifest as a whole."""

from source_asana import SourceAsana
from tools.builder import cursors, holders, ours, schemas, transport
from tools.builder.nodes import filtered, stream
from tools.builder.ours import Json
from tools.builder.parents import parents
from tools.builder.spec import spec
from tools.builder.streams import derived
from tools.builder.transport import address

# Needs sync tokens, which come with an error (412) that stock parts cannot take a value from.
LEFT_OUT = frozenset({"events"})
# They walk the same parents: one after the other finds the answers in the cache.
IN_TURN = ("subtasks", "stories", "attachments")


def manifest(source: SourceAsana | None = None) -> Json:
    """Return the manifest."""
    resolved = ours.resolved(source)
    known = {one.name: one for one in ours.declared(resolved)}
    found = {name: derived(one, known) for name, one in known.items() if name not in LEFT_OUT}
    return {
        "version": resolved["version"],
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["workspaces"]},
        "definitions": {
            **transport.definitions(known["workspaces"].headers),
            "cursors": cursors.CURSORS,
            "no_schema": {
                "type": "InlineSchemaLoader",
                "schema": {"type": "object", "properties": {}},
            },
            "mark_recent": holders.ADDED,
            "parents": {
                **parents(known),
                "holders": filtered(
                    holders.holders(known["attachments"].search), holders.IS_LISTED
                ),
            },
            "shared": schemas.shared(),
        },
        "streams": list(found.values()),
        "stream_groups": {
            "in_turn": {
                "streams": [_stand_in(name) for name in IN_TURN],
                "action": {"type": "BlockSimultaneousSyncsAction"},
            }
        },
        "schemas": {name: schemas.schema(name) for name in found},
        "spec": spec(resolved["spec"]),
        "api_budget": transport.budget(),
        "concurrency_level": transport.concurrency(),
    }


def _stand_in(name: str) -> Json:
    """Return what a group calls its member: a reference would repeat all of the stream's parents.

    The CDK takes the name alone.
    """
    return stream(name, {"url": address("/")}, None, None)
