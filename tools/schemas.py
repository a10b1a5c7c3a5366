"""Make the JSON schemas in `source_asana/schemas` from Asana's OpenAPI description.

Names and types come from there; `tools/dictionary.py` adds what each column means, and the order.

`python -m tools.schemas [--check] [folder]`: the folder (default `../shared`) holds the description
and the catalogue of streams, see `tools/reference.py`. With `--check` nothing is written; the exit
code is 1 when a file is missing, different or left over. Where the result differs from the
description, `CORRECTIONS` and `DECLARED` say so.
"""

import argparse
import copy
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import dictionary, reference

REFERENCE = Path(__file__).parent.parent.parent / "shared"
PREFIX = "#/components/schemas/"
ARTEFACTS = frozenset({"offset", "path", "uri"})
"""Words of the paging envelope that the description mixes into field lists."""

Json = dict[str, Any]


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


@dataclass(frozen=True)
class Correction:
    """Fields that Asana sends differently from its description.

    Attributes:
        schema: component of the description that defines the fields.
        fields: dotted paths below that component.
        change: what replaces the fields' `type`, `format` and `$ref` there.
        reason: the evidence.
    """

    schema: str
    fields: tuple[str, ...]
    change: Mapping[str, Any]
    reason: str


_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_DATE = {"type": "string", "format": "date"}
_MOMENT = {"type": "string", "format": "date-time"}
_USER = {"$ref": PREFIX + "UserCompact"}
_NAMED = {"$ref": PREFIX + "AsanaNamedResource"}
_FRACTION = "the number_value of a custom field, which has decimals"
_UNTYPED = "no type; said to be the compact form of a resource"
_DAY = "no format; said to be YYYY-MM-DD"
_INSTANT = "no format; said to be ISO 8601"
_CHANGES = ("change.new_value", "change.added_value", "change.removed_value")
_VACATION = ("vacation_dates.start_on", "vacation_dates.end_on")

CORRECTIONS = (
    Correction("StoryResponse", ("old_number_value", "new_number_value"), _NUMBER, _FRACTION),
    Correction("EventResponse", _CHANGES, _NAMED, _UNTYPED),
    Correction("GoalBase", ("start_on", "due_on"), _DATE, _DAY),
    Correction("TimePeriodCompact", ("start_on", "end_on"), _DATE, _DAY),
    Correction("WorkspaceMembershipResponse", _VACATION, _DATE, _DAY),
    Correction("CustomFieldCompact", ("date_value.date",), _DATE, _DAY),
    Correction("CustomFieldCompact", ("date_value.date_time",), _MOMENT, _INSTANT),
)

SHARED = {
    "AsanaNamedResource": "named_resource",
    "AsanaResource": "resource",
    "AttachmentCompact": "attachment",
    "CustomFieldCompact": "custom_field_compact",
    "CustomFieldResponse": "custom_field",
    "CustomFieldSettingResponse": "custom_field_setting",
    "EnumOption": "enum_option",
    "GoalCompact": "goal",
    "Like": "like",
    "MemberCompact": "member",
    "PortfolioCompact": "portfolio",
    "ProjectCompact": "project",
    "ProjectTemplateCompact": "project_template",
    "ReactionSummaryItemCompact": "reaction",
    "SectionCompact": "section",
    "StatusUpdateCompact": "status_update",
    "StoryResponseDates": "story_dates",
    "TagCompact": "tag",
    "TaskCompact": "task",
    "TaskTemplateRecipeCompact": "task_template_recipe",
    "TeamCompact": "team",
    "TimePeriodCompact": "time_period",
    "UserCompact": "user",
    "WorkspaceCompact": "workspace",
}
"""Components that more than one place needs: component of the description -> shared/<name>.json."""

DECLARED: Mapping[str, Mapping[str, Json]] = {
    "teams": {"created_at": _MOMENT, "updated_at": _MOMENT},
    "tags": {"created_by": _USER},
    "stories": {
        "action_taken": _TEXT,
        "old_text": _TEXT,
        "new_text": _TEXT,
        "old_dates.start_at": _MOMENT,
        "new_dates.start_at": _MOMENT,
        "old_custom_field_value": _TEXT,
        "new_custom_field_value": _TEXT,
        "previews.links": _list(_TEXT),
        "previews.headers": _list(_TEXT),
        "attachments": _list({"$ref": PREFIX + "AttachmentCompact"}),
    },
    "portfolios": {"current_status_update.type": _TEXT},
    "portfolio_custom_field_settings": {
        "portfolio": {"$ref": PREFIX + "PortfolioCompact"},
        "created_at": _MOMENT,
        "created_by": _USER,
    },
    "project_custom_field_settings": {"created_at": _MOMENT, "created_by": _USER},
    "project_statuses": {
        "status_type": _TEXT,
        "liked": {"type": "boolean"},
        "likes": _list({"$ref": PREFIX + "Like"}),
        "num_likes": {"type": "integer"},
        "hearts": _list({"$ref": PREFIX + "Like"}),
        "num_hearts": {"type": "integer"},
    },
    "projects": {"is_template": {"type": "boolean"}},
    "time_tracking_entries": {
        "completed": {"type": "boolean"},
        "completed_at": _MOMENT,
        "notes": _TEXT,
        "html_notes": _TEXT,
        "user": _USER,
        "project": {"$ref": PREFIX + "ProjectCompact"},
        "workspace": {"$ref": PREFIX + "WorkspaceCompact"},
        "time_period": {"$ref": PREFIX + "TimePeriodCompact"},
    },
    "goals": {
        "metric.type": _TEXT,
        "metric.subtype": _TEXT,
        "metric.initial": _NUMBER,
        "metric.target": _NUMBER,
        "metric.current": _NUMBER,
    },
}
"""Columns promised to users that the description lacks, typed in its own language.

`source_asana/fields/columns.py` says which of them have a source and which stay null.
"""


class Converter:
    """Turns components of the description, corrected, into JSON schema draft 7."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        """Keep a corrected copy of the description's components."""
        self._components: Json = copy.deepcopy(description["components"]["schemas"])
        for correction in CORRECTIONS:
            for path in correction.fields:
                self._correct(correction, path.split("."))

    def _correct(self, correction: Correction, path: list[str]) -> None:
        nodes: list[Json] = [self._components[correction.schema]]
        for name in path:
            members = [member for node in nodes for member in (node, *node.get("allOf", ()))]
            holders = [member["properties"] for member in members if "properties" in member]
            nodes = [holder[name] for holder in holders if name in holder]
        if len(nodes) != 1:
            message = f"{correction.schema}: {len(nodes)} definitions of {'.'.join(path)}"
            raise ValueError(message)
        for key in ("type", "format", "$ref"):
            nodes[0].pop(key, None)
        nodes[0].update(correction.change)

    def component(self, *names: str) -> Json:
        """Return one schema with the fields of all named components; parts stay references."""
        return self._convert([self._components[name] for name in names], names)

    def field(self, node: Mapping[str, Any], seen: tuple[str, ...] = ()) -> Json:
        """Return the nullable schema of one field; `seen` holds the components it stands in."""
        name = _component_name(node)
        if name in SHARED:
            return {"$ref": f"shared/{SHARED[name]}.json"}
        if name in seen:
            return {"$ref": "shared/named_resource.json"}
        return self._convert([node], (*seen, name) if name else seen)

    def _parts(self, node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        if "$ref" in node:
            yield from self._parts(self._components[node["$ref"].removeprefix(PREFIX)])
        for keyword in ("allOf", "anyOf", "oneOf"):
            for member in node.get(keyword, ()):
                yield from self._parts(member)
        yield node

    def _convert(self, nodes: list[Mapping[str, Any]], seen: tuple[str, ...]) -> Json:
        merged: Json = {}
        for part in (part for node in nodes for part in self._parts(node)):
            fields = {**merged.get("properties", {}), **part.get("properties", {})}
            merged = {**merged, **part, **({"properties": fields} if fields else {})}
        kind = merged.get("type", "object" if "properties" in merged else None)
        if kind is None:
            message = f"a field of {'/'.join(seen)} has no type: add a correction"
            raise ValueError(message)
        schema: Json = {"type": ["null", kind]}
        if kind == "object":
            schema["additionalProperties"] = True
            if "properties" in merged:
                schema["properties"] = {
                    name: self.field(node, seen)
                    for name, node in merged["properties"].items()
                    if name not in ARTEFACTS
                }
        elif kind == "array":
            schema["items"] = self.field(merged["items"], seen)
        elif merged.get("format") in {"date", "date-time"}:
            schema["format"] = merged["format"]
        return schema


def _component_name(node: Mapping[str, Any]) -> str:
    """Return the only component a node consists of, empty when it adds fields or has none."""
    members = [node, *node.get("allOf", ())]
    names = {str(m["$ref"]).removeprefix(PREFIX) for m in members if "$ref" in m}
    adds = any("properties" in member or "items" in member for member in members)
    return "" if adds or len(names) != 1 else names.pop()


def generate(description: Mapping[str, Any], streams: list[Json]) -> dict[str, Json]:
    """Return every schema file without descriptions: path below the folder -> its content."""
    converter = Converter(description)
    files = {f"shared/{name}.json": converter.component(oas) for oas, name in SHARED.items()}
    for stream in streams:
        names = stream["schema"] if isinstance(stream["schema"], list) else [stream["schema"]]
        schema = converter.component(*names)
        for column in stream.get("add", ()):
            schema["properties"][column] = {"type": ["null", "string"]}
        for path, node in DECLARED.get(stream["name"], {}).items():
            _declare(schema, path, converter.field(node), files)
        schema["$schema"] = "http://json-schema.org/draft-07/schema#"
        schema["type"] = "object"
        files[f"{stream['name']}.json"] = schema
    return files


def _declare(schema: Json, path: str, field: Json, files: Mapping[str, Json]) -> None:
    """Add a field at a dotted path; a reference on the way is replaced by a copy of its part."""
    *above, last = path.split(".")
    for name in above:
        holder, key = schema["properties"], name
        if "items" in holder[key]:
            holder, key = holder[key], "items"
        if "$ref" in holder[key]:
            holder[key] = copy.deepcopy(files[holder[key]["$ref"]])
        schema = holder[key]
    schema["properties"][last] = field


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or compare them; return the process exit code."""
    parser = argparse.ArgumentParser(description="Generate the schemas of all streams.")
    parser.add_argument("folder", nargs="?", type=Path, default=REFERENCE)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on differences")
    options = parser.parse_args(arguments)
    if not (options.folder / "asana_oas.json").exists():
        parser.error(f"{options.folder} lacks asana_oas.json, Asana's description of its API")
    generated = generate(reference.description(options.folder), reference.catalogue(options.folder))
    try:
        changed = dictionary.stale(dictionary.described(generated))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    folder = dictionary.SCHEMAS
    left_over = set(folder.rglob("*.json")) - {folder / name for name in generated}
    if options.check:
        dictionary.report({*left_over, *changed})
        return int(bool(left_over or changed))
    for path in left_over:
        path.unlink()
    dictionary.write(changed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
